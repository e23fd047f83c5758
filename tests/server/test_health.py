"""Health, figures and log lines of the real server."""

import json
import os
import re

from running import Server
from shared import T, until

from app import __version__


def test_health_tells_version_and_state_of_the_table(server):
    server.request("POST", body={"name": "n"})
    until(
        lambda: server.request("GET", "/health").json["tables"]["svctasks"]["files"],
        lambda files: files["last_checkpoint_timestamp_seconds"] > 0
        and files["journal_entries"] == 0,
    )
    reply = server.request("GET", "/health")
    assert reply.status == 200
    body = reply.json
    tables = body.pop("tables")
    runner = {"alive": 0, "looked": None, "active": 0, "open": 0, "faults": []}
    assert body == {"status": "ok", "version": __version__, "runner": runner}
    assert {"svctasks", "services", "modes"} <= set(tables)
    status = tables["svctasks"]
    assert status["documents"] == 1
    assert status["files"]["journal_entries"] == 0
    assert status["files"]["journal_bytes"] > 0
    assert status["files"]["fault"] == ""


def test_health_tells_what_is_wrong_with_an_edit(server):
    server.request("POST", body={"name": "n"})
    file = server.data / "svctasks.json"
    until(file.exists)
    file.write_text("{}{")

    def fault():
        reply = server.request("GET", "/health")
        assert reply.status == 200
        return reply.json["tables"]["svctasks"]["files"]["fault"]

    assert until(fault).startswith("svctasks.json is not JSON: ")


def figures(server):
    """Return the figures by name and labels."""
    lines = server.request("GET", "/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_metrics_count_the_requests_of_all_workers(server):
    for _ in range(30):
        server.request("POST", body={"name": "n"})
        server.request("GET", f"{T}/00000000-0000-0000-0000-000000000000")
        server.request("GET", "/nowhere/at/all")

    def counts(found):
        prefix = "svctasks_request_seconds_count"
        return [
            found.get(f'{prefix}{{method="POST",route="{T}",status="200"}}'),
            found.get(f'{prefix}{{method="GET",route="{T}/{{id}}",status="404"}}'),
            found.get(f'{prefix}{{method="GET",route="none",status="404"}}'),
        ]

    until(lambda: counts(figures(server)), lambda found: found == [30, 30, 30])
    found = figures(server)
    assert found['svctasks_documents{table="svctasks"}'] == 30
    assert found["svctasks_fsync_seconds_count"] >= 1
    assert found["svctasks_fsync_seconds_sum"] > 0
    for name in (
        "journal_bytes",
        "journal_entries",
        "last_checkpoint_timestamp_seconds",
        "edit_broken",
    ):
        assert f'svctasks_{name}{{table="svctasks"}}' in found
    assert any("_bucket" in name for name in found)


def test_what_was_flushed_at_the_start_is_counted_once(data):
    server = Server(data)
    server.request("POST", body={"name": "n"})
    server.stop()
    with (data / "svctasks.json.journal").open("a") as journal:
        journal.write("damaged")
    server = Server(data)
    try:
        first = figures(server)["svctasks_fsync_seconds_count"]
        assert first > 0

        def processes():
            found = figures(server)["svctasks_fsync_seconds_count"]
            assert found == first
            lines = map(json.loads, server.logged().splitlines())
            return {line["process"] for line in lines if line["message"] == "request"}

        until(processes, lambda found: len(found) == 2)
        assert figures(server)["svctasks_fsync_seconds_count"] == first
    finally:
        server.kill()


def test_each_request_leaves_a_line_with_the_id_of_the_reply(server):
    reply = server.request("GET", f"{T}?limit=0")
    headers = {"X-Request-Id": "my-own.1"}
    given = server.request("POST", body={}, **headers)
    assert given.headers["x-request-id"] == "my-own.1"
    code, logged = server.stop()
    lines = [json.loads(line) for line in logged.splitlines()]
    requests = [line for line in lines if line["message"] == "request"]
    # Two workers answered, and each writes for itself.
    first, second = sorted(requests, key=lambda line: line["method"])
    assert re.fullmatch("20..-..-..T..:..:..[.]...Z", first.pop("time"))
    assert first.pop("ms") >= 0
    assert first.pop("process") > 0
    assert first == {
        "level": "INFO",
        "message": "request",
        "client": "127.0.0.1",
        "method": "GET",
        "path": T,
        "status": 200,
        "request_id": reply.headers["x-request-id"],
    }
    assert (second["status"], second["request_id"]) == (400, "my-own.1")


def test_an_id_that_could_forge_a_line_is_not_kept(server):
    headers = {"X-Request-Id": 'a" b'}
    reply = server.request("GET", **headers)
    assert re.fullmatch("[0-9a-f]{16}", reply.headers["x-request-id"])


def test_lines_are_readable_on_a_terminal(data):
    """The standard error is a pseudo-terminal here, as in a shell."""
    master, terminal = os.openpty()
    server = Server(data, log=terminal)
    os.close(terminal)
    try:
        headers = {"X-Request-Id": "seen"}
        server.request("GET", f"{T}?limit=0", **headers)
        seen = b""
        while b"seen" not in seen:
            seen += os.read(master, 1000)
        pattern = rf"20\S+Z INFO    request 127[.]0[.]0[.]1 GET {T} 200 [0-9.]+ seen"
        assert re.search(pattern, seen.decode())
    finally:
        server.kill()
        os.close(master)
