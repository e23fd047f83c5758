"""TLS on both servers: who is let in, and a certificate that is replaced."""

import os
import signal
import socket
import ssl
from contextlib import ExitStack, closing, suppress
from http.client import RemoteDisconnected

import pytest
from certificates import EC, Pair, TlsServer, make_pair
from raw import as_json, chunked, connect, head, many, reply, send
from running import Server, free_port, svctasks
from servers import SERVERS
from shared import PATIENCE, T, until

from app import certificates
from app.gunicorn_connections import TlsSocket

each_kind = pytest.mark.parametrize("kind", SERVERS)
each_shared = pytest.mark.parametrize("shared", SERVERS, indirect=True)
each_renewed = pytest.mark.parametrize("renewed", SERVERS, indirect=True)

JSON = "Content-Type: application/json"

FOR_EVER = {"SVCTASKS_REQUEST_TIMEOUT": f"{2 * PATIENCE}"}
"""Longer than any test: who is answered was not kept waiting until others gave up."""

ID = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two certificates with different keys."""
    folder = tmp_path_factory.mktemp("certificates")
    return make_pair(folder, "first"), make_pair(folder, "second", "rsa:2048")


@pytest.fixture(scope="module")
def shared(tmp_path_factory, request, pairs):
    """A server for tests that change nothing but its data."""
    data = tmp_path_factory.mktemp("shared") / "data"
    server = TlsServer(data, pairs[0], "--server", request.param, **FOR_EVER)
    yield server
    server.kill()


@pytest.fixture
def renewed(tmp_path, request, pairs):
    """A server whose certificate may be replaced."""
    pair = Pair(tmp_path / "chain.pem", tmp_path / "key.pem")
    pairs[0].copy_to(pair)
    server = TlsServer(tmp_path / "data", pair, "--server", request.param)
    yield server
    server.kill()


def secured(server, **versions):
    """Return a new connection that has made its handshake."""
    context = server.context()
    for name, version in versions.items():
        setattr(context, name, version)
    client = connect(server.port)
    try:
        return context.wrap_socket(client, server_hostname="127.0.0.1")
    except BaseException:
        client.close()
        raise


@each_shared
def test_all_methods_are_answered(shared):
    assert shared.start_lines[1] == (
        f"  open it in a browser: https://127.0.0.1:{shared.port}/console\n"
    )
    with closing(shared.connect()) as connection:
        for method, path, content, status in (
            ("GET", "/health", None, 200),
            ("POST", T, {"id": ID, "name": "n"}, 200),
            ("LOOKUP", T, ID, 200),
            ("QUERY", T, {"filter": {"name": "n"}}, 200),
            ("PATCH", f"{T}/{ID}", {"ext": {"text": "x" * 900_000}}, 200),
            ("GET", f"{T}/{ID}", None, 200),
            ("HEAD", f"{T}/{ID}", None, 200),
            ("DELETE", f"{T}/{ID}", None, 204),
            ("GET", f"{T}/{ID}", None, 404),
        ):
            body = None if content is None else as_json(content)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert (answer.status, method) == (status, method)
            if (method, status) == ("GET", 200) and path != "/health":
                assert "x" * 900_000 in answer.read().decode()
            answer.read()


@each_shared
def test_a_chunked_body_and_requests_that_follow_at_once_are_answered(shared):
    fields = JSON, "Transfer-Encoding: chunked"
    query = head("QUERY", T, *fields) + chunked(b'{"filter":', b" {}}")
    with secured(shared) as client:
        client.sendall(query * 20 + head("GET", "/", "Connection: close"))
        replies = client.makefile("rb").read()
    assert replies.count(b"HTTP/1.1 200 OK") == 21


@each_shared
def test_versions_from_1_2_on_are_spoken_for_http_1_1_only(shared):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with secured(
            shared, minimum_version=version, maximum_version=version
        ) as client:
            assert client.version() == version.name.replace("_", ".").replace(
                "v1.", "v1."
            )
    context = shared.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(shared.port) as client:
        with context.wrap_socket(client, server_hostname="127.0.0.1") as client:
            assert client.selected_alpn_protocol() == "http/1.1"


@each_shared
def test_older_versions_are_refused(shared):
    context = shared.context()
    # What OpenSSL itself would not send any more.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with connect(shared.port) as client, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(client, server_hostname="127.0.0.1")
    assert shared.request("GET", "/health").status == 200


SLOW = {
    "who send nothing": b"",
    "who send a byte": b"\x16",
    "who send half a greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    + b"x" * 99,
}


@each_shared
@pytest.mark.parametrize("who", SLOW)
def test_clients_that_never_end_their_handshake_keep_nobody_waiting(shared, who):
    with many(shared.port, 64) as clients:
        for client in clients:
            client.sendall(SLOW[who])
        for _ in range(4):
            # Each may reach another worker.
            assert shared.request("GET", "/health").status == 200


@each_shared
def test_what_is_no_tls_keeps_nobody_waiting(shared):
    workers = shared.workers(2)
    for sent in (
        os.urandom(2000),
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16\x03\x01\xff\xff" * 99,
    ):
        for _ in range(4):
            with connect(shared.port) as client:
                send(client, [sent])
    with ExitStack() as stack:
        # Clients that leave at once, or in the midst of the handshake.
        for _ in range(20):
            client = stack.enter_context(connect(shared.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(SLOW["who send half a greeting"])
    for _ in range(4):
        assert shared.request("GET", "/health").status == 200
    assert shared.workers(2) == workers
    assert "Traceback" not in shared.logged()


@each_shared
def test_a_slow_reader_gets_all_and_keeps_nobody_waiting(shared):
    task = {"id": ID, "name": "n", "ext": {"text": "x" * 1_000_000}}
    assert shared.request("POST", T, task).status == 200
    whole = shared.request("GET", f"{T}/{ID}").text.encode()
    with ExitStack() as stack:
        context = shared.context()
        clients = [
            stack.enter_context(
                context.wrap_socket(
                    connect(shared.port, receive_buffer=4096),
                    server_hostname="127.0.0.1",
                )
            )
            for _ in range(16)
        ]
        for client in clients:
            client.sendall(head("GET", f"{T}/{ID}") * 10)
            client.sendall(head("GET", "/", "Connection: close"))
        for _ in range(4):
            assert shared.request("GET", "/health").status == 200
        replies = clients[0].makefile("rb").read()
    assert (replies.count(b"HTTP/1.1 200 OK"), replies.count(whole)) == (11, 10)
    assert shared.request("DELETE", f"{T}/{ID}").status == 204


def test_a_client_that_leaves_while_it_waits_is_noticed(pairs):
    """Its last record is not read, so that only the kernel knows."""
    context = certificates.read(*pairs[0]).context
    trusting = ssl.create_default_context(cafile=pairs[0].certificate)
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    client = trusting.wrap_socket(
        far, server_hostname="localhost", do_handshake_on_connect=False
    )
    with client, closing(TlsSocket(near, context)) as waiting:
        is_there = False
        while not is_there:
            with suppress(ssl.SSLWantReadError):
                client.do_handshake()
                is_there = True
            with suppress(BlockingIOError):
                waiting.recv(1 << 16)
        with pytest.raises(BlockingIOError):
            waiting.recv(1, socket.MSG_PEEK)
        with suppress(ssl.SSLWantReadError):
            client.unwrap()
        client.close()
        assert waiting.recv(1, socket.MSG_PEEK) == b""


def test_who_speaks_http_without_tls_is_told_so(tmp_path, pairs):
    """By gunicorn; Granian's core says nothing."""
    server = TlsServer(tmp_path / "data", pairs[0])
    try:
        with connect(server.port) as client:
            client.sendall(head("GET", T))
            answer = reply(client)
        assert answer.status == 400
        assert "https://" in answer.json["error_message"]
    finally:
        server.kill()


# Certificates that are replaced


def all_show(server, pair):
    """Wait until every worker shows ``pair``; a connection may reach any of them."""
    until(lambda: all(server.shown() == pair.der for _ in range(20)))


@each_renewed
def test_a_new_certificate_is_shown_and_no_connection_is_dropped(renewed, pairs):
    body = as_json({"name": "in flight"})
    begin = head("POST", T, JSON, f"Content-Length: {len(body)}") + body[:5]
    with ExitStack() as stack:
        idle = [stack.enter_context(secured(renewed)) for _ in range(8)]
        for client in idle:
            client.sendall(head("GET", "/health"))
            assert reply(client).status == 200
        running = [stack.enter_context(secured(renewed)) for _ in range(8)]
        for client in running:
            client.sendall(begin)
        pairs[1].copy_to(renewed.pair)
        renewed.reload()
        all_show(renewed, pairs[1])
        for client in running:
            client.sendall(body[5:])
            assert reply(client).status == 200
        for client in idle + running:
            client.sendall(head("GET", "/health"))
            assert reply(client).status == 200
        assert renewed.request("GET", "/health").status == 200
    for pair in (pairs[0], pairs[1], pairs[0]):
        pair.copy_to(renewed.pair)
        renewed.reload()
        all_show(renewed, pair)
    code, logged = renewed.stop()
    assert code == 0
    assert "Traceback" not in logged and '"ERROR"' not in logged


@each_renewed
def test_a_wrong_certificate_leaves_the_former_even_to_a_worker_that_begins_later(
    renewed, pairs, tmp_path
):
    workers = renewed.workers(2)
    renewed.pair.certificate.write_bytes(pairs[1].certificate.read_bytes())
    renewed.reload()
    until(lambda: "the certificate is not replaced" in renewed.logged())
    assert "is not that of the certificate" in renewed.logged()
    assert renewed.shown() == pairs[0].der
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not set(workers) & set(renewed.workers(2)))
    renewed.pair.key.unlink()
    renewed.reload()
    until(lambda: "cannot read" in renewed.logged())
    until(lambda: shows(renewed, pairs[0]))
    pairs[1].copy_to(renewed.pair)
    renewed.reload()
    all_show(renewed, pairs[1])


def shows(server, pair):
    """Return whether the server listens and shows ``pair``."""
    try:
        return server.shown() == pair.der
    except ConnectionError:
        return False


def test_granian_is_not_given_what_ends_it(renewed_by_granian, tmp_path):
    """Its core ends the process for a key that it does not know."""
    server, before = renewed_by_granian, renewed_by_granian.shown()
    unknown = make_pair(tmp_path, "unknown", "ec -pkeyopt ec_paramgen_curve:secp521r1")
    unknown.copy_to(server.pair)
    server.reload()
    until(lambda: "Granian cannot use this certificate" in server.logged())
    assert server.shown() == before


@pytest.fixture
def renewed_by_granian(tmp_path, pairs):
    pair = Pair(tmp_path / "chain.pem", tmp_path / "key.pem")
    pairs[0].copy_to(pair)
    server = TlsServer(tmp_path / "data", pair, "--server", "granian")
    yield server
    server.kill()


@each_kind
def test_sighup_without_a_certificate_stops_nothing(data, kind):
    server = Server(data, "--server", kind)
    try:
        workers = server.workers(2)
        for process in (server.process.pid, *workers):
            os.kill(process, signal.SIGHUP)
        until(lambda: "there is no certificate" in server.logged())
        assert server.request("GET", "/health").status == 200
        assert server.workers(2) == workers
    finally:
        server.kill()


# The start


def refused(*options):
    """Return what ``svctasks serve`` says that refuses to start."""
    result = svctasks("serve", "--demo", "--port", free_port(), *options)
    assert (result.returncode, result.stdout) == (1, "")
    return result.stderr


def test_it_refuses_to_start_with_a_wrong_certificate(pairs, tmp_path):
    (first, key), (_, other_key) = pairs
    empty = tmp_path / "empty.pem"
    empty.touch()
    cut = tmp_path / "cut.pem"
    cut.write_bytes(first.read_bytes()[:300] + b"\n-----END CERTIFICATE-----\n")
    locked = make_pair(tmp_path, "locked", EC, "-passout", "pass:secret").key
    for certificate, its_key, message in (
        (
            first,
            other_key,
            f"the key {other_key} is not that of the certificate {first}",
        ),
        (tmp_path / "none", key, f"cannot read {tmp_path}/none: No such file"),
        (first, tmp_path, f"cannot read {tmp_path}: Is a directory"),
        (empty, key, f"{empty} holds no certificate"),
        (first, empty, f"{empty} holds no private key"),
        (key, first, f"{key} holds no certificate"),
        (cut, key, f"{cut} and {key} cannot be used"),
        (first, locked, f"the key {locked} has a passphrase"),
    ):
        assert message in refused("--tls-cert", certificate, "--tls-key", its_key)
    assert "--tls-key" in refused("--tls-cert", first)
    assert "--tls-cert" in refused("--tls-key", key)


def test_granian_refuses_to_start_with_a_key_that_it_does_not_know(tmp_path):
    pair = make_pair(tmp_path, "unknown", "ec -pkeyopt ec_paramgen_curve:secp521r1")
    options = "--tls-cert", pair.certificate, "--tls-key", pair.key
    assert "Granian cannot use" in refused("--server", "granian", *options)


class Limited(TlsServer):
    """A server that may open a hundred files in each process."""

    command = ("prlimit", "--nofile=100:100", *Server.command)


@each_kind
def test_unfinished_handshakes_that_take_all_files_end(tmp_path, kind, pairs):
    """Granian's core looks at none of them while it can accept nothing more."""
    few = {"SVCTASKS_WORKERS": "1"}
    server = Limited(tmp_path / "data", pairs[0], "--server", kind, **few)
    try:
        workers = server.workers(1)
        with many(server.port, 120) as clients:
            for client in clients:
                client.sendall(SLOW["who send half a greeting"])
            if kind == "granian":
                until(lambda: "too many open files" in server.logged().lower())

        def is_answered():
            # A client that was accepted as one of the last may be given up: Granian's core
            # has ten seconds for a handshake, also while it looks at none.
            with suppress(RemoteDisconnected, ConnectionResetError, ssl.SSLError):
                return server.request("GET", "/health").status == 200

        until(is_answered)
        assert server.request("GET", "/health").status == 200
        assert server.workers(1) == workers
    finally:
        server.kill()
