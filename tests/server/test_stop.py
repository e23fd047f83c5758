"""What a server does that is told to stop while something waits."""

import fcntl
import os
import signal
from contextlib import contextmanager, suppress

import pytest
from conftest import SERVERS
from raw import as_json, connect, head, many, reply, send
from running import Server
from shared import T

from app.server import GRACE

SOON = GRACE / 2
"""Seconds; who waits for something that does not end would be ended after ``GRACE``."""

BODY = as_json({"name": "in flight"})
BEGIN = head(
    "POST",
    T,
    "Content-Type: application/json",
    f"Content-Length: {len(BODY)}",
    "Expect: 100-continue",
)

each_server = pytest.mark.parametrize("each_server", SERVERS, indirect=True)
each_kind = pytest.mark.parametrize("kind", SERVERS)


@contextmanager
def serving(data, kind, *options):
    server = Server(data, "--server", kind, *options)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def in_flight(server):
    """A connection whose request the server has read, but for its body."""
    with connect(server.port) as client:
        client.sendall(BEGIN)
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        yield client


def stops(server):
    """Tell a server to stop that does so soon; nothing goes wrong meanwhile."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=SOON) == 0
    logged = server.logged()
    assert '"ERROR"' not in logged and "Traceback" not in logged
    return True


def is_kept(server):
    return "in flight" in (server.data / "svctasks.json").read_text()


@each_kind
def test_a_request_that_is_being_answered_is_answered(data, kind):
    with serving(data, kind, "--delay", "1500ms") as server:
        with in_flight(server) as client:
            client.sendall(BODY)
            assert stops(server)
            assert reply(client, "POST").status == 200
        assert is_kept(server)


@each_server
def test_a_request_whose_body_comes_later_is_answered(each_server):
    with in_flight(each_server) as client:
        each_server.process.send_signal(signal.SIGTERM)
        client.sendall(BODY)
        assert reply(client, "POST").status == 200
        assert stops(each_server)
    assert is_kept(each_server)


@each_server
def test_a_request_that_waits_for_a_lock_is_answered(each_server):
    assert each_server.request("POST", T, {"name": "before"}).status == 200
    with (each_server.data / "svctasks.json.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with in_flight(each_server) as client:
            client.sendall(BODY)
            each_server.process.send_signal(signal.SIGTERM)
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert reply(client, "POST").status == 200
    assert stops(each_server)
    assert is_kept(each_server)


@each_server
def test_slow_clients_hold_up_no_stop(each_server):
    for _ in range(50):
        each_server.request("POST", T, {"name": "x" * 10_000})
    pieces = {
        "nothing": [],
        "half a head": [b"GET /health HTTP/1.1\r\nHos"],
        "half a body": [BEGIN, BODY[:9]],
        "no reading": [head("GET", T) * 20],
    }
    with many(each_server.port, 2 * len(pieces), receive_buffer=2048) as clients:
        for client, each in zip(clients, 2 * list(pieces.values()), strict=True):
            send(client, each)
        assert stops(each_server)


@each_kind
def test_a_request_whose_client_has_left_holds_up_no_stop(data, kind):
    with serving(data, kind, "--delay", "60s") as server:
        with in_flight(server) as client:
            client.sendall(BODY)
        assert stops(server)


@each_server
def test_it_stops_however_often_it_is_told(each_server):
    workers = each_server.workers(2)
    with in_flight(each_server) as client:
        for _ in range(9):
            each_server.process.send_signal(signal.SIGTERM)
            for worker in workers:
                # The one that has nothing in flight may be gone.
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGTERM)
        client.sendall(BODY)
        assert reply(client, "POST").status == 200
        assert stops(each_server)
