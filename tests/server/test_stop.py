"""What a server does that is told to stop while something waits."""

import fcntl
import os
import signal
from contextlib import ExitStack, contextmanager, suppress

import pytest
from raw import as_json, connect, head, listens, many, reply, send
from servers import SERVERS, PatientServer
from shared import PATIENCE, T, until

BODY = as_json({"name": "in flight"})
FIELDS = "Content-Type: application/json", f"Content-Length: {len(BODY)}"
WHOLE = head("POST", T, *FIELDS) + BODY
BEGIN = head("POST", T, *FIELDS, "Expect: 100-continue")

each_server = pytest.mark.parametrize("each_patient_server", SERVERS, indirect=True)
each_kind = pytest.mark.parametrize("kind", SERVERS)


@pytest.fixture
def server(each_patient_server):
    return each_patient_server


@contextmanager
def in_flight(server):
    """A connection whose request the server has read, but for its body."""
    with connect(server.port) as client:
        client.sendall(BEGIN)
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        yield client


def stops(server):
    """Tell a server to stop that does so; nothing goes wrong meanwhile."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0
    logged = server.logged()
    assert '"ERROR"' not in logged and "Traceback" not in logged
    return True


def is_kept(server):
    return "in flight" in (server.data / "svctasks.json").read_text()


@each_server
def test_a_request_that_is_being_answered_is_answered_and_no_other(server):
    server.hold_flushes()
    with connect(server.port) as client:
        client.sendall(WHOLE)
        until(server.holds_a_flush)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not listens(server.port))
        assert server.process.poll() is None
        server.release_flushes()
        assert reply(client, "POST").status == 200
        assert stops(server)
    assert is_kept(server)


@each_server
def test_a_request_whose_body_comes_later_is_answered(server):
    with in_flight(server) as client:
        server.process.send_signal(signal.SIGTERM)
        client.sendall(BODY)
        assert reply(client, "POST").status == 200
        assert stops(server)
    assert is_kept(server)


@each_server
def test_a_request_that_waits_for_a_lock_is_answered(server):
    assert server.request("POST", T, {"name": "before"}).status == 200
    with (server.data / "svctasks.json.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with in_flight(server) as client:
            client.sendall(BODY)
            server.process.send_signal(signal.SIGTERM)
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert reply(client, "POST").status == 200
    assert stops(server)
    assert is_kept(server)


@each_server
def test_slow_clients_hold_up_no_stop(server):
    for _ in range(50):
        server.request("POST", T, {"name": "x" * 10_000})
    pieces = {
        "nothing": [],
        "half a head": [b"GET /health HTTP/1.1\r\nHos"],
        "half a body": [BEGIN, BODY[:9]],
        "no reading": [head("GET", T) * 20],
    }
    with many(server.port, 2 * len(pieces), receive_buffer=2048) as clients:
        for client, each in zip(clients, 2 * list(pieces.values()), strict=True):
            send(client, each)
        assert stops(server)


@each_kind
@pytest.mark.parametrize("count", [1, 20])
def test_requests_whose_clients_have_left_hold_up_no_stop(data, kind, count):
    """There are 16 threads."""
    server = PatientServer(data, kind, SVCTASKS_DELAY=f"{2 * PATIENCE}s")
    try:
        with ExitStack() as stack:
            for client in [
                stack.enter_context(in_flight(server)) for _ in range(count)
            ]:
                client.sendall(BODY)
        assert stops(server)
    finally:
        server.kill()


@each_kind
def test_a_log_that_nobody_reads_holds_up_no_request_and_no_stop(data, kind):
    """Each request that is answered with 503 leaves an error in the log, and a line."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    server = PatientServer(data, kind, log=writer, SVCTASKS_FAIL_RATE="1")
    try:
        for _ in range(60):
            assert server.request("GET", T).status == 503
        assert server.request("GET", "/health").status == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0
    finally:
        server.kill()
        os.close(reader)
        os.close(writer)


@each_server
def test_it_stops_however_often_it_is_told(server):
    workers = server.workers(2)
    with in_flight(server) as client:
        for _ in range(9):
            server.process.send_signal(signal.SIGTERM)
            for worker in workers:
                # The one that has nothing in flight may be gone.
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGTERM)
        client.sendall(BODY)
        assert reply(client, "POST").status == 200
        assert stops(server)
