"""Replies to bad requests of a megabyte are short, and workers need little for them."""

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from running import Reply, Server
from shared import PATIENCE, T

SIZE = 2**20 - 1000

KEY = "380daae6-016c-cdd4-606e-50e54938780c"


def filled(before, item, after):
    count = (SIZE - len(before) - len(after)) // (len(item) + 8)
    items = (item.replace("#", str(n)) for n in range(count))
    return (before + ",".join(items) + after).encode()


def deep():
    ones = ",".join("1" * 400_000)
    return f'{{"name":"x","ext":{{"k":{"[" * 60}{ones}{"]" * 60}}}}}'.encode()


REFUSED = [
    ("POST", T, filled('{"name":"x","periods":[', "{}", "]}")),
    ("PATCH", f"{T}/{KEY}", filled('{"name":"x",', '"#":1', "}")),
    ("QUERY", T, filled('{"filter":{"$and":[', '{"#":1}', "]}}")),
    ("POST", "/services/start", filled("{", '"m#":1', "}")),
    (
        "POST",
        "/metadata/services/extensions",
        filled('{"name":"A","attributes":[', '{"name":#}', "]}"),
    ),
    ("PUT", "/services/1/extensions/Info", filled("[", '{"x":1}', "]")),
    ("POST", "/server/mode", filled("{", '"m#":1', "}")),
]


def peak(pids):
    """Return the most memory, in MB, that any of these processes had."""
    found = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return max(int(each.split("VmHWM:")[1].split()[0]) for each in found) / 1024


@pytest.fixture(params=["gunicorn", "granian"])
def lenient(request, data):
    """A server that lets a body have as many members as a megabyte can hold."""
    server = Server(data, "--server", request.param, SVCTASKS_MAX_MEMBERS="1000000")
    yield server
    server.kill()


def test_reply_and_memory_are_bounded_when_a_body_is_all_wrong(lenient):
    server = lenient
    server.request("POST", T, {"id": KEY, "name": "n"})
    server.request("POST", "/services/start", {"service_type": 1, "contact_key": "k"})
    schema = {"name": "Info", "type": "multi-valued"}
    attributes = [{"name": "k", "type": "long", "unique": True}]
    schema |= {"attributes": attributes}
    server.request("POST", "/metadata/services/extensions", schema)
    pids = server.workers(2)
    before = peak(pids)
    for method, path, body in REFUSED:
        reply = sent(server, method, path, body)
        assert reply.status == 400, reply.text[:1000]
        assert len(reply.text) < 64_000
    reply = sent(server, "POST", T, deep())
    assert reply.status == 200
    assert len(reply.text) < 2**20
    shown = f"{T}/{json.loads(reply.text)['id']}"
    assert len(server.request("GET", shown).text) == len(reply.text)
    # Python needs 50 MB for what a megabyte of {} is; it was 400 with all the faults.
    assert peak(pids) - before < 200
    _, logged = server.stop()
    assert all(len(line) < 3000 for line in logged.splitlines())


def sent(server, method, path, body):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    with closing(connection):
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return Reply(reply.status, {}, reply.read().decode())
