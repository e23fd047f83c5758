"""Requests that are cut or malformed: 400, in the server's form, and nothing changes."""

import json
import socket

import pytest
from raw import as_json, chunked, connect, exchange, head
from running import Server
from shared import T

SERVERS = ["gunicorn", "granian"]

each_server = pytest.mark.parametrize("shared_server", SERVERS, indirect=True)

MEGABYTE = 1 << 20

JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"

BODY = as_json({"name": "unwanted"})
SIZE = b"%x" % len(BODY)
CHUNK = SIZE + b"\r\n" + BODY + b"\r\n"
END = b"0\r\n\r\n"

MALFORMED = {
    "a sign before a size": b"+" + CHUNK + END,
    "a minus before a size": b"-" + CHUNK + END,
    "0x before a size": b"0x" + CHUNK + END,
    "a space before a size": b" " + CHUNK + END,
    "an underscore in a size": b"0_" + CHUNK + END,
    "letters for a size": b"zz\r\n" + BODY + b"\r\n" + END,
    "no size": b"\r\n" + BODY + b"\r\n" + END,
    "a huge size": b"f" * 17 + b"\r\n" + BODY + b"\r\n" + END,
    "an extension of a megabyte": SIZE + b";" + b"x" * MEGABYTE + CHUNK[2:] + END,
    "trailers of a megabyte": CHUNK + b"0\r\n" + b"x: y\r\n" * 180_000 + b"\r\n",
    "a bare line feed after a size": SIZE + b"\n" + BODY + b"\r\n" + END,
    "a bare return after a size": SIZE + b"\r" + BODY + b"\r\n" + END,
    "a bare line feed after a chunk": SIZE + b"\r\n" + BODY + b"\n" + END,
    "too much in a chunk": SIZE + b"\r\n" + BODY + b"xx\r\n" + END,
    "a bare line feed at the end": CHUNK + b"0\r\n\n",
    "a trailer without a name": CHUNK + b"0\r\nx\r\n\r\n",
    "a bare line feed in a trailer": CHUNK + b"0\r\nx: y\n\r\n",
}

CUT = {
    "after the head": (CHUNKED, b""),
    "in a size": (CHUNKED, b"1"),
    "in a chunk": (CHUNKED, CHUNK[:-8]),
    "before the last chunk": (CHUNKED, CHUNK),
    "in the last chunk": (CHUNKED, CHUNK + b"0\r\n"),
    "in a trailer": (CHUNKED, CHUNK + b"0\r\nx: y\r\n"),
    "before the length": (f"Content-Length: {len(BODY) + 1}", BODY),
    "before the first byte": (f"Content-Length: {len(BODY)}", b""),
}

HEADS = {
    "no HTTP": b"hello\r\n\r\n",
    "no version": b"GET /health\r\nHost: x\r\n\r\n",
    "another version": b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    "a version after 1.1": b"GET /health HTTP/1.2\r\nHost: x\r\n\r\n",
    "two lengths": head("POST", T, "Content-Length: 5", "Content-Length: 6"),
    "a length with a sign": head("POST", T, "Content-Length: +5"),
    "a length below 0": head("POST", T, "Content-Length: -5"),
    "chunks in HTTP/1.0": head("POST", T, CHUNKED).replace(b"1.1", b"1.0", 1),
    "a field without a colon": head("GET", T, "x"),
    "a space before a colon": head("GET", T, "x : y"),
    "a folded field": head("GET", T, "x: y", " z"),
    "a control character": head("GET", T, "x: \0"),
    "two hosts": head("GET", T, "Host: other"),
    "no host": f"GET {T} HTTP/1.1\r\n\r\n".encode(),
}

LENGTH = f"Content-Length: {len(BODY)}"

DOUBTFUL = {
    "bare line feeds": head("POST", T, JSON, LENGTH).replace(b"\r\n", b"\n") + BODY,
    **{
        what: head("POST", T, JSON, CHUNKED) + body
        for what, body in {
            "a control character in an extension": SIZE + b";\0" + CHUNK[2:] + END,
            "a length in a trailer": CHUNK + b"0\r\nContent-Length: 5\r\n\r\n",
            "a coding in a trailer": CHUNK + b"0\r\nTransfer-Encoding: x\r\n\r\n",
        }.items()
    },
    **{
        what: head("POST", T, JSON, *fields) + CHUNK + END
        for what, fields in {
            "a length and chunks": ("Content-Length: 5", CHUNKED),
            "chunks and a length": (CHUNKED, "Content-Length: 5"),
        }.items()
    },
}
"""Requests that may be refused or read: RFC 9112, sections 2.2, 6.1, 7.1.1 and 7.1.2."""

ADDRESSES = {
    "POST": (T, "/services/start", "/server/mode"),
    "PATCH": ("{task}",),
    "DELETE": ("{task}", "/metadata/services/extensions/known"),
    "PUT": ("{service}/extensions/known", "{service}/extensions/known/by/unique"),
}
"""What writes, by method."""


def refused(reply):
    """Check that ``reply`` is a 400 in the form of an error."""
    assert reply.status == 400, reply
    assert reply.headers["content-type"].startswith("application/json")
    members = reply.json
    assert members.get("error_code") == 1400 or members.get("http_code") == 400
    assert len(reply.text) < 1000
    return True


each_malformed_body = pytest.mark.parametrize("what", MALFORMED)
each_malformed_head = pytest.mark.parametrize("what", HEADS)
each_doubtful = pytest.mark.parametrize("what", DOUBTFUL)


def state(server):
    """Return all that a request could have changed."""
    places = [
        T,
        "/customers/1/services?extensions=known",
        "/metadata/services/extensions",
    ]
    return [server.request("GET", each).text for each in places] + [
        server.request("GET", "/server/status").json["mode"]
    ]


@pytest.fixture
def target(shared_server):
    """The server; afterwards nothing may be changed, and no fault be the server's."""
    before = state(shared_server)
    yield shared_server
    assert state(shared_server) == before
    for line in shared_server.logged().splitlines():
        entry = json.loads(line)
        assert entry["level"] in ("INFO", "WARNING"), entry
        assert "traceback" not in entry
        assert entry.get("status", 0) < 500
        assert len(line) < 2000


@each_server
@each_malformed_body
def test_a_malformed_body_is_refused(target: Server, what):
    begin = head("POST", T, JSON, CHUNKED)
    # Granian's core takes these for trailers that go on.
    ends = what in ("a bare line feed at the end", "a bare line feed in a trailer")
    assert refused(exchange(target.port, begin, MALFORMED[what], ends=ends))


@each_server
@pytest.mark.parametrize("where", CUT)
def test_a_body_that_is_cut_is_refused(target: Server, where):
    length, body = CUT[where]
    reply = exchange(target.port, head("POST", T, JSON, length), body, ends=True)
    assert refused(reply)


@each_server
@each_malformed_head
def test_a_malformed_head_is_refused(target: Server, what):
    reply = exchange(target.port, HEADS[what])
    # Granian's core says no more than that.
    assert (reply.status, reply.text) == (400, "") or refused(reply)


@each_server
@pytest.mark.parametrize(
    "codings", [["gzip, chunked"], ["identity, chunked"], ["gzip", "chunked"]]
)
def test_a_coding_besides_chunked_is_refused(target: Server, codings):
    fields = [f"Transfer-Encoding: {coding}" for coding in codings]
    reply = exchange(target.port, head("POST", T, JSON, *fields), CHUNK + END)
    assert reply.status in (400, 501)
    assert reply.json["error_message"] == "Transfer-Encoding may be chunked only"


@each_server
@each_doubtful
def test_a_doubtful_request_is_refused_or_read_as_one(target: Server, what):
    """What follows is a request of its own, or none; none after a length with chunks."""
    before = target.request("GET", T).json
    body = as_json({"name": "next"})
    fields = (JSON, f"Content-Length: {len(body)}", "Connection: close")
    with connect(target.port) as client:
        client.sendall(DOUBTFUL[what] + head("POST", T, *fields) + body)
        replies = [each.partition(b"\r\n\r\n") for each in replies_of(client)]
    statuses = [begin[:3] for begin, _, _ in replies]
    names = [
        json.loads(body)["name"] for _, _, body in replies if statuses[0] != b"400"
    ]
    assert (set(statuses), names) in [
        ({b"400"}, []),
        ({b"200"}, ["unwanted"]),
        ({b"200"}, ["unwanted", "next"]),
    ]
    # A proxy may have taken the length for what counts: RFC 9112, section 6.1.
    assert len(names) < 2 or "chunks" not in what
    created = [each for each in target.request("GET", T).json if each not in before]
    assert [each["name"] for each in created] == names
    for each in created:
        target.request("DELETE", f"{T}/{each['id']}")


def replies_of(client):
    """Return all that comes until the server closes the connection, divided."""
    content = b""
    try:
        while received := client.recv(1 << 16):
            content += received
    except ConnectionResetError:
        pass
    return content.split(b"HTTP/1.1 ")[1:]


@pytest.mark.parametrize("shared_server", ["gunicorn"], indirect=True)
@each_doubtful
def test_gunicorn_refuses_a_doubtful_request(target: Server, what):
    assert refused(exchange(target.port, DOUBTFUL[what]))


@each_server
def test_a_head_that_is_cut_is_refused(target: Server):
    with connect(target.port) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHos")
        client.shutdown(socket.SHUT_WR)
        # Granian's core closes the connection.
        assert client.recv(1 << 16)[:12] in (b"HTTP/1.1 400", b"")


@each_server
def test_whatever_writes_is_refused_if_its_body_is_cut_or_malformed(shared_server):
    request = shared_server.request
    task = request("POST", T, {"name": "kept"}).json["id"]
    schema = {"name": "known", "type": "single-valued"}
    schema["attributes"] = [{"name": "a", "type": "string", "unique": True}]
    assert request("POST", "/metadata/services/extensions", schema).status == 201
    start = {"service_type": 1, "customer_id": "1"}
    service = request("POST", "/services/start", start).json["service_id"]
    start = {"state_type": 1}
    state_ = request("POST", f"/services/{service}/states/start", start).json[
        "state_id"
    ]
    start = {"task_type": 1}
    task_ = request("POST", f"/services/{service}/tasks/start", start).json["task_id"]
    of_services = [
        f"/services/{service}/end",
        f"/services/{service}/states/start",
        f"/services/{service}/states/transition",
        f"/services/{service}/states/{state_}/end",
        f"/services/{service}/tasks/start",
        f"/services/{service}/tasks/{task_}/end",
        f"/customers/2/services/{service}",
    ]
    writing = [("POST", each) for each in of_services] + [
        (method, each.format(task=f"{T}/{task}", service=f"/services/{service}"))
        for method, addresses in ADDRESSES.items()
        for each in addresses
    ]
    before = state(shared_server)
    for method, address in writing:
        for body in (b"zz\r\n{}\r\n" + END, b"2\n{}\n0\n\n"):
            begin = head(method, address, JSON, CHUNKED)
            assert refused(exchange(shared_server.port, begin, body)), (method, address)
        for length, body in ((CHUNKED, b"2\r\n{}\r\n"), ("Content-Length: 9", b"{}")):
            begin = head(method, address, JSON, length)
            reply = exchange(shared_server.port, begin, body, ends=True)
            assert refused(reply), (method, address)
    assert state(shared_server) == before


@each_server
def test_sound_chunks_are_read_however_they_are_cut(shared_server):
    body = b"6;a=b;c\r\n" + BODY[:6] + b"\r\n" + chunked(BODY[6:])
    body = body.removesuffix(b"\r\n") + b"Later: on\r\n\r\n"
    request = head("LOOKUP", T, JSON, CHUNKED, "Connection: close") + body
    for step in (1, 2, 3, 7, 1000):
        pieces = [request[at : at + step] for at in range(0, len(request), step)]
        reply = exchange(shared_server.port, *pieces)
        # A key may not be an object: the body was read to its end.
        assert (reply.status, "key" in reply.text) == (400, True), reply
