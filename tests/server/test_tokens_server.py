"""Tokens on the real servers: all workers, real connections, real processes."""

import json
from base64 import b64encode
from pathlib import Path

import pytest
from raw import exchange, head
from running import Server, svctasks
from servers import SERVERS
from shared import T, until

WORKERS = 2

each_server = pytest.mark.parametrize("each_server", SERVERS, indirect=True)


def create(data, name, role):
    result = svctasks("token", "create", name, "--role", role, data=data)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def statuses(server, count=30, **headers):
    """Return the statuses of requests, each on a connection of its own.

    The workers share the connections.
    """
    return {server.request("GET", **headers).status for _ in range(count)}


@each_server
def test_a_token_counts_in_all_workers_as_soon_as_the_command_has_ended(each_server):
    server = each_server
    assert statuses(server) == {200}
    first = create(server.data, "first", "reader")
    assert statuses(server, **bearer(first)) == {200}
    assert statuses(server, 5) == {401}
    create(server.data, "second", "reader")
    svctasks("token", "revoke", "first", data=server.data)
    assert statuses(server, 4, **bearer(first)) == {401}


@each_server
def test_failures_are_counted_for_all_workers_together(each_server):
    server = each_server
    token = create(server.data, "ci", "reader")
    assert [server.request("GET").status for _ in range(10)] == 10 * [401]
    replies = [server.request("GET", "/services/1") for _ in range(20)]
    assert {reply.status for reply in replies} == {429}
    assert 0 < int(replies[-1].headers["retry-after"]) <= 60
    assert statuses(server, **bearer(token)) == {200}


@each_server
def test_a_refused_body_leaves_the_connection_in_order(each_server):
    """The next request on the connection is read from where it begins."""
    server = each_server
    token = create(server.data, "ci", "writer")
    headers = {"Content-Type": "application/json"}
    connection = server.connect()
    for body in (b'{"name": "n"}', b" " * 200_000, iter([b'{"name":', b'"n"}'])):
        connection.request("POST", T, body, headers)
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 401
        connection.request("POST", T, b'{"name": "n"}', {**headers, **bearer(token)})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
    connection.close()
    assert len(server.request("GET", **bearer(token)).json) == 3


@each_server
def test_a_head_that_cannot_be_read_shows_no_token(each_server):
    server = each_server
    token = create(server.data, "ci", "reader")
    encoded = b64encode(f"ci:{token}".encode()).decode()
    sent = [
        head(method, T, *fields)
        for secret in (token, encoded)
        for method, *fields in (
            ("GET", f"Authorization Bearer {secret}"),
            ("GET", f"Authorization Basic {secret} : x"),
            ("GET", f"Authorization:\0{secret}"),
            ("GET", f"Expect: {secret}"),
            ("POST", f"Transfer-Encoding: {secret}"),
        )
    ]
    replies = [exchange(server.port, each).text for each in sent]
    _, logged = server.stop()
    for text in (*replies, logged):
        # Not even a part of one.
        assert token[10:20] not in text and encoded[20:30] not in text


@each_server
def test_the_log_has_the_name_and_neither_log_nor_processes_have_the_token(each_server):
    server = each_server
    token = create(server.data, "ci", "writer")
    encoded = b64encode(f"ci:{token}".encode()).decode()
    server.request("GET", **bearer(token))
    server.request("POST", T, {"name": "n"}, Authorization=f"Basic {encoded}")
    server.request("GET", f"{T}?access_token={token}")
    server.request("GET", f"/nowhere/{token}")
    processes = [server.process.pid, *server.workers(WORKERS)]
    for pid in processes:
        for name in ("cmdline", "environ"):
            assert token.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
    _, logged = server.stop()
    lines = [json.loads(line) for line in logged.splitlines()]
    requests = [line for line in lines if line["message"] == "request"]
    by = {(line["method"], line["status"]): line.get("by") for line in requests}
    assert by == {("GET", 200): "ci", ("POST", 200): "ci", ("GET", 401): None}
    assert token not in logged and encoded not in logged


def test_the_use_of_a_token_is_noted_in_one_write(server):
    token = create(server.data, "ci", "reader")
    assert statuses(server, 40, **bearer(token)) == {200}
    journal = server.data / "tokens.json.journal"
    until(lambda: b"last_used" in journal.read_bytes() or b"last_used" in data(server))
    assert journal.read_bytes().count(b'"last_used":') <= 1


def data(server):
    return (server.data / "tokens.json").read_bytes()


def test_a_token_works_on_a_folder_that_cannot_be_written(tmp_path):
    """Its use cannot be noted: that is logged, and refuses nothing."""
    folder = tmp_path / "data"
    token = create(folder, "ci", "reader")
    server = Server(folder, "--read-only")
    try:
        assert statuses(server, 5, **bearer(token)) == {200}
    finally:
        server.kill()
