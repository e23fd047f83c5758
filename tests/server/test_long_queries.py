"""Queries that take long, beside requests that do not."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from raw import head
from running import Server
from servers import SERVERS
from shared import PATIENCE, T, until

TASKS = 10_000

CONDITIONS = [{"ext.tags": {"$contains": f"x{number}"}} for number in range(80)]

LONG = {"filter": {"$or": CONDITIONS}, "limit": 1}
"""Nearly a million comparisons, each of several steps, and nothing found."""

FOR_EVER = {"SVCTASKS_QUERY_TIMEOUT": f"{2 * PATIENCE}"}
"""Longer than any test: what ends does so for another reason."""


def id_of(number):
    return f"{number:08x}-016c-cdd4-606e-50e54938780c"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The text of a data file of many tasks."""
    tasks = {
        str(number): {
            "id": id_of(number),
            "name": "n",
            "sites": [f"S{number % 9}", "S9"],
            "ext": {"tags": ["red", ["blue"] * 9]},
        }
        for number in range(1, TASKS + 1)
    }
    return json.dumps({"svctasks": tasks})


@pytest.fixture
def serving(data, table):
    """The function that starts a server of a kind over many tasks."""
    servers = []

    def serve(name, **env):
        data.mkdir()
        (data / "svctasks.json").write_text(table)
        servers.append(Server(data, "--server", name, "--workers", "1", **env))
        return servers[-1]

    yield serve
    for each in servers:
        each.kill()


@pytest.mark.parametrize("name", SERVERS)
def test_long_queries_leave_threads_to_others(serving, name):
    server = serving(name, **FOR_EVER)
    names = [f"SITE{number}" for number in range(1000)]
    thousand = {"filter": {"sites": {"$nin": names}}, "limit": 1}
    assert server.request("QUERY", body=thousand).headers["x-total-count"] == f"{TASKS}"
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(server.request, "QUERY", T, LONG) for _ in range(16)]
        answered = 0
        while not all(each.done() for each in waiting):
            assert server.request("GET", f"{T}/{id_of(answered + 1)}").status == 200
            answered += 1
        replies = [each.result() for each in waiting]
    assert answered > 1
    # Half of the eight threads are for others: some of the long queries are refused.
    ended = [each for each in replies if each.status != 200]
    assert {each.status for each in ended} == {503}
    assert {each.headers["retry-after"] for each in ended} == {"5"}
    assert any("too many long queries run" in each.text for each in ended)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(server.request, "QUERY", T, LONG)
        assert server.request("GET", f"{T}/{id_of(1)}").status == 200
        code, _ = server.stop()
    assert code == 0


@pytest.mark.parametrize("name", SERVERS)
def test_query_ends_when_its_client_has_left(serving, name):
    server = serving(name, **FOR_EVER)
    body = json.dumps(LONG).encode()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
            client.sendall(head("QUERY", T, *fields, "Expect: 100-continue"))
            # One who leaves before the request is read may have sent none.
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            client.sendall(body)
    until(lambda: server.logged().count('"status":503') == 3)
