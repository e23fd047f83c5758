"""Hosts and headers that both servers see, by programs that are no browsers."""

import pytest
from certificates import TlsServer, make_pair
from raw import exchange, head
from running import Server
from shared import T

from app.settings import SERVERS

each_kind = pytest.mark.parametrize("shared_server", SERVERS, indirect=True)


def request(line, *fields):
    """Return a request without a body."""
    return "\r\n".join([line, *fields, "Connection: close", "", ""]).encode()


@each_kind
@pytest.mark.parametrize(
    "line, fields, status",
    [
        (f"GET {T} HTTP/1.1", ["Host: localhost"], 200),
        (f"GET {T} HTTP/1.1", ["Host: LOCALHOST.:1"], 200),
        (f"GET {T} HTTP/1.1", ["Host: [::1]:8000"], 200),
        (f"GET {T} HTTP/1.1", ["Host: evil.example"], 421),
        (
            f"GET {T} HTTP/1.1",
            ["Host: evil.example", "X-Forwarded-Host: localhost"],
            421,
        ),
        (f"GET {T} HTTP/1.1", ["Host: evil.example", "Forwarded: host=localhost"], 421),
        (f"GET {T} HTTP/1.0", ["Host: evil.example"], 421),
        # The health check of HAProxy is such a request.
        (f"GET {T} HTTP/1.0", [], 200),
        (f"POST {T} HTTP/1.1", ["Host: localhost", "Origin: http://evil.example"], 403),
        (f"POST {T} HTTP/1.1", ["Host: localhost", "Origin: http://localhost"], 400),
        (f"POST {T} HTTP/1.0", ["Origin: http://localhost"], 403),
    ],
)
def test_both_servers_hand_on_the_host_and_the_origin(
    shared_server, line, fields, status
):
    reply = exchange(shared_server.port, request(line, *fields))
    assert reply.status == status
    assert reply.headers["x-content-type-options"] == "nosniff"
    if status != 200:
        assert reply.json["error_code"] == 1000 + status


@each_kind
@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        head("GET", "/" + "x" * 70_000),
        head("GET", "/", *[f"X-{number}: x" for number in range(300)]),
        head("GET", "/", "Host: localhost"),
        head("POST", T, "Transfer-Encoding: x"),
        head("POST", T, "Content-Length: x"),
        head("POST", T, "Transfer-Encoding: chunked") + b"zz\r\n",
    ],
    ids=range(9),
)
def test_what_a_server_refuses_itself_is_not_taken_for_another_type(
    shared_server, sent
):
    """A reply of Granian's core has no content that could be."""
    reply = exchange(shared_server.port, sent)
    assert reply.status in (400, 414, 431, 501)
    assert reply.headers.get("x-content-type-options") == "nosniff" or not reply.text
    assert "content-type" not in reply.headers or reply.text


@each_kind
def test_the_host_of_an_absolute_address_is_held_to_the_same(shared_server):
    """A browser sends such a request to a proxy only."""
    port = shared_server.port
    fields = ["Host: localhost"]
    reply = exchange(port, request(f"GET http://localhost{T} HTTP/1.1", *fields))
    assert reply.status == 200
    fields = ["Host: evil.example"]
    reply = exchange(port, request(f"GET http://evil.example{T} HTTP/1.1", *fields))
    assert reply.status == 421


@pytest.mark.parametrize("kind", SERVERS)
def test_hosts_and_origins_are_options_that_repeat(data, kind):
    options = "--host a.example --host b.example --cors-origin http://c.example".split()
    variables = {"SVCTASKS_HOSTS": "d.example"}
    server = Server(data, "--server", kind, *options, **variables)
    try:
        for host, status in (
            ("a.example", 200),
            ("b.example", 200),
            ("d.example", 421),
        ):
            assert server.request("GET", Host=host).status == status
        given = {"Origin": "http://c.example"}
        assert server.request("POST", body={"name": "n"}, **given).status == 200
    finally:
        server.kill()


@pytest.mark.parametrize("kind", SERVERS)
def test_with_tls_the_origin_of_its_own_is_one_of_https(data, tmp_path, kind):
    server = TlsServer(data, make_pair(tmp_path, "own"), "--server", kind)
    try:
        for scheme, status in (("https", 200), ("http", 403)):
            given = {"Origin": f"{scheme}://127.0.0.1:{server.port}"}
            assert server.request("POST", body={"name": "n"}, **given).status == status
    finally:
        server.kill()
