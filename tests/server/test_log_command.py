"""Who changed what: the name of the token and the id of the request, for each change."""

import json
import re
import zlib

import pytest
from running import Server, svctasks
from servers import SERVERS
from shared import SAMPLES, T, sample, until

each_server = pytest.mark.parametrize("each_server", SERVERS, indirect=True)

LINE = re.compile(r"([-\dT:.]{23}Z)  (.*)")


def logged(data, *options):
    """Return the lines of the log, each without its time."""
    result = svctasks("log", *options, data=data)
    assert result.returncode == 0, result.stderr
    lines = [LINE.fullmatch(line).groups() for line in result.stdout.splitlines()]
    assert lines == sorted(lines, key=lambda line: line[0])
    return [line for _, line in lines]


@each_server
def test_each_write_is_logged_with_its_token_and_its_request(each_server):
    server, ids, requests = each_server, [], []
    created = svctasks("token", "create", "ci", "--role", "writer", data=server.data)
    token = created.stdout.strip()
    sender = {"Authorization": f"Bearer {token}"}
    for name in "ab":
        new = {k: v for k, v in sample("svctask.json").items() if k != "id"}
        reply = server.request("POST", T, {**new, "name": name}, **sender)
        assert reply.status == 200, reply.text
        ids.append(json.loads(reply.text)["id"])
        requests.append(reply.headers["x-request-id"])
    reply = server.request("DELETE", f"{T}/{ids[0]}", **sender)
    requests.append(reply.headers["x-request-id"])
    tasks = logged(server.data, "--table", "svctasks")
    assert tasks == [
        f"svctasks  put  {ids[0]}  by ci  request {requests[0]}",
        f"svctasks  put  {ids[1]}  by ci  request {requests[1]}",
        f"svctasks  removed  {ids[0]}  by ci  request {requests[2]}",
    ]
    assert logged(server.data, "--key", ids[1]) == tasks[1:2]
    everything = logged(server.data)
    assert "tokens  put  ci  by command token" in everything
    assert set(tasks) < set(everything) and token not in "".join(everything)


@pytest.fixture
def one_worker(data):
    server = Server(data, SVCTASKS_WORKERS="1")
    yield server
    server.kill()


def test_changes_of_commands_and_edits_by_hand_are_logged(one_worker):
    server, data = one_worker, one_worker.data
    imported = svctasks("import", "svctasks", SAMPLES / "svctasks.list.json", data=data)
    assert imported.returncode == 0
    file = data / "svctasks.json"
    until(file.exists)
    edited = json.loads(file.read_text())
    removed = edited["svctasks"].pop("1")["id"]
    # An edit of what no process has seen is no list of changes.
    assert server.request("GET", f"{T}/{removed}").status == 200
    file.write_text(json.dumps(edited))
    until(lambda: server.request("GET", f"{T}/{removed}").status == 404)
    lines = logged(data)
    assert len(lines) == 3
    assert {line.split("  ", 3)[3] for line in lines[:2]} == {"by command import"}
    assert lines[2] == f"svctasks  removed  {removed}  by edit by hand"
    assert logged(data, "--since", "2999-01-01") == []
    assert logged(data, "--since", "1999-01-01T00:00:00+01:00") == lines


def test_what_cannot_be_looked_for_is_refused(data):
    (data / "x").parent.mkdir(exist_ok=True)
    for option, value, reason in [
        ("--table", "task", "must be one of svctasks, "),
        ("--since", "yesterday", "must be such as 2026-01-31 or "),
    ]:
        result = svctasks("log", option, value, data=data)
        assert result.returncode == 2
        assert reason in result.stderr and value in result.stderr


@pytest.mark.parametrize("member", ["changes", "past"])
def test_a_file_of_changes_that_holds_something_else_is_replaced(data, member):
    for name in ("first", "second"):
        task = data.with_name("task.json")
        task.write_text(json.dumps({"name": name}))
        assert svctasks("import", "svctasks", task, data=data).returncode == 0
        assert len(logged(data)) == 1
        path = data / "svctasks.json.changes"
        kept = {**json.loads(path.read_bytes()), member: [[1]]}
        members = json.dumps(kept).encode()[1:]
        members = members[members.index(b",") + 1 :].strip()
        path.write_bytes(b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members))
        assert logged(data) == []
