"""Clients that are slow, silent or gone keep nobody waiting, and no stop."""

import fcntl
import os
import resource
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from raw import as_json, connect, head, is_closed, many, reply, send
from running import Server
from shared import T, until

from app.server import GRACE

SERVERS = ["gunicorn", "granian"]

JSON = "Content-Type: application/json"

FOR_EVER = {"SVCTASKS_REQUEST_TIMEOUT": "600"}
"""Longer than any test: who is answered was not kept waiting until others gave up."""

ID = "00000000-0000-0000-0000-000000000001"
"""The id of a task of a megabyte; buffers take a few of them, not ten."""

SLOW = {
    "who send nothing": b"",
    "who send half a head": head("GET", T)[:-4],
    "who send half a body": head("POST", T, JSON, "Content-Length: 99") + b'{"name"',
    "who send half a chunk": head("POST", T, JSON, "Transfer-Encoding: chunked") + b"9",
    "who expect to be asked": head(
        *("POST", T, JSON, "Content-Length: 99", "Expect: 100-continue")
    ),
    "who do not read": head("GET", f"{T}/{ID}") * 10,
}


def fill(server):
    """Create the large task."""
    body = {"id": ID, "name": "n", "ext": {"text": "x" * 1_000_000}}
    assert server.request("POST", T, body).status == 200


@pytest.fixture(scope="module")
def patient(tmp_path_factory, request):
    """A server that waits for its clients for as long as any test runs."""
    data = tmp_path_factory.mktemp("patient")
    server = Server(data, "--server", request.param, **FOR_EVER)
    fill(server)
    yield server
    server.kill()


each_patient = pytest.mark.parametrize("patient", SERVERS, indirect=True)
each_impatient = pytest.mark.parametrize("impatient", SERVERS, indirect=True)
each_kind = pytest.mark.parametrize("kind", SERVERS)


@each_patient
@pytest.mark.parametrize("who", SLOW)
def test_clients_keep_nobody_waiting(patient, who):
    with many(patient.port, 64, receive_buffer=4096) as clients:
        for client in clients:
            client.sendall(SLOW[who])
        for _ in range(4):
            # Each may reach another worker.
            assert patient.request("GET", "/health").status == 200
            answer = patient.request("POST", T, {"name": "n"})
            assert answer.status == 200
            assert patient.request("DELETE", f"{T}/{answer.json['id']}").status == 204


@each_kind
@pytest.mark.parametrize("who", SLOW)
def test_clients_do_not_hold_up_a_stop(data, kind, who):
    server = Server(data, "--server", kind, **FOR_EVER)
    try:
        if who == "who do not read":
            fill(server)
        with many(server.port, 24, receive_buffer=4096) as clients:
            for client in clients:
                client.sendall(SLOW[who])
            begin = time.monotonic()
            code, logged = server.stop()
            # Requests in flight would have this time.
            assert time.monotonic() - begin < GRACE / 2
            assert code == 0
            assert "Traceback" not in logged
    finally:
        server.kill()


@each_kind
def test_what_does_not_arrive_in_time_is_refused(data, kind):
    server = Server(data, "--server", kind, SVCTASKS_REQUEST_TIMEOUT="0.5")
    try:
        fill(server)
        with many(server.port, len(SLOW), receive_buffer=4096) as clients:
            by_kind = dict(zip(SLOW, clients, strict=True))
            for who, client in by_kind.items():
                client.sendall(SLOW[who])
            assert is_closed(by_kind["who send nothing"])
            if kind == "granian":
                # Its core says nothing.
                assert is_closed(by_kind.pop("who send half a head"))
            for who in ("half a head", "half a body", "half a chunk"):
                if (client := by_kind.get(f"who send {who}")) is None:
                    continue
                answer = reply(client)
                assert answer.status == 408, who
                assert "within 0.5 seconds" in answer.json["error_message"]
            expecting = by_kind["who expect to be asked"]
            assert expecting.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert reply(expecting).status == 408
            # It reads now, but nothing is sent any more: the reply is cut.
            reader = by_kind["who do not read"]
            until(lambda: not is_open(server, reader))
    finally:
        server.kill()


def is_open(server, client):
    """Return whether the server has the connection of ``client`` still open."""
    port = client.getsockname()[1]
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    for line in lines:
        _, local, remote, state, *_ = line.split()
        if (local[-4:], remote[-4:]) == (f"{server.port:04X}", f"{port:04X}"):
            return state == "01"
    return False


def listens(server):
    """Return whether one can connect to ``server``."""
    try:
        with connect(server.port):
            return True
    except ConnectionError:
        return False


@each_patient
def test_a_reply_that_is_read_slowly_comes_whole(patient):
    expected = patient.request("GET", f"{T}/{ID}").text
    assert len(expected) > 1_000_000
    with many(patient.port, 4, receive_buffer=4096) as clients:
        for client in clients:
            client.sendall(SLOW["who do not read"])
            client.sendall(head("GET", "/", "Connection: close"))
        for client in clients:
            replies = client.makefile("rb").read().decode()
            assert replies.count("HTTP/1.1 200 OK") == 11
            assert replies.count(expected) == 10


@each_patient
def test_requests_that_follow_at_once_are_answered_in_turn(patient):
    body = as_json("00000000-0000-0000-0000-000000000000")
    lookup = head("LOOKUP", T, JSON, f"Content-Length: {len(body)}") + body
    with connect(patient.port) as client:
        client.sendall((head("GET", "/nowhere") + lookup) * 20)
        client.sendall(head("GET", "/", "Connection: close"))
        replies = client.makefile("rb").read().decode().split("HTTP/1.1 ")[1:]
    assert len(replies) == 41
    assert all(
        ("Lookup failed" in each) == bool(n % 2) for n, each in enumerate(replies)
    )


@each_patient
def test_idle_connections_keep_nobody_waiting(patient):
    count = 2500
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < count + 500:
        pytest.skip("needs more open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, count + 500), most))
    try:
        with ExitStack() as stack:
            for _ in range(count):
                client = stack.enter_context(connect(patient.port))
                client.sendall(head("HEAD", "/docs"))
                assert reply(client, "HEAD").status == 200
            for _ in range(4):
                assert patient.request("GET", "/health").status == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


class Limited(Server):
    """A server that may open a hundred files in each process."""

    command = ("prlimit", "--nofile=100:100", *Server.command)


each_silence = pytest.mark.parametrize("sent", [b"", head("HEAD", "/docs")])


@each_kind
@each_silence
def test_more_connections_than_files_are_answered_in_their_turn(data, kind, sent):
    """Whoever comes later waits, but no longer than silent clients may take."""
    server = Limited(data, "--server", kind, SVCTASKS_REQUEST_TIMEOUT="1")
    try:
        workers = server.workers(2)
        with many(server.port, 300) as clients:
            send_each(clients, sent)
            for _ in range(4):
                assert server.request("GET", "/health").status == 200
        assert server.workers(2) == workers
        assert "too many open files" not in server.logged().lower()
    finally:
        server.kill()


@each_silence
def test_more_connections_than_files_keep_nobody_waiting(data, sent):
    """The longest silent ones make room; Granian's core does not know them."""
    server = Limited(data, "--server", "gunicorn", **FOR_EVER)
    try:
        with many(server.port, 300) as clients:
            send_each(clients, sent)
            for _ in range(4):
                assert server.request("GET", "/health").status == 200
    finally:
        server.kill()


def send_each(clients, content):
    for client in clients:
        send(client, [content])


@each_kind
def test_a_log_that_nobody_reads_keeps_nobody_waiting(data, kind):
    """Each request that is answered with 503 leaves an error in the log, and a line."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    server = Server(data, "--server", kind, "--fail-rate", "1", log=writer)
    try:
        for _ in range(60):
            assert server.request("GET", T).status == 503
        assert server.request("GET", "/health").status == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(GRACE / 2) == 0
    finally:
        server.kill()
        os.close(reader)
        os.close(writer)


@each_kind
def test_a_request_that_waits_is_answered_before_the_stop(data, kind):
    server = Server(data, "--server", kind, "--delay", "1500ms")
    try:
        with connect(server.port) as client:
            body = as_json({"name": "delayed"})
            length = f"Content-Length: {len(body)}"
            client.sendall(head("POST", T, JSON, length) + body)
            # A stop that came before the request would find nothing in flight.
            time.sleep(0.4)
            server.process.send_signal(signal.SIGTERM)
            assert reply(client).json["name"] == "delayed"
            assert server.process.wait(GRACE / 2) == 0
        assert "delayed" in (data / "svctasks.json").read_text()
    finally:
        server.kill()


@each_kind
def test_a_request_that_its_client_has_left_does_not_hold_up_a_stop(data, kind):
    server = Server(data, "--server", kind, "--delay", "600s")
    try:
        with many(server.port, 20) as clients:
            for client in clients:
                client.sendall(head("GET", T))
            # Nothing shows from outside that a thread has begun to wait.
            time.sleep(0.4)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(GRACE / 2) == 0
    finally:
        server.kill()


@each_kind
def test_nobody_can_connect_to_a_server_that_stops(data, kind):
    server = Server(data, "--server", kind, "--delay", "3s")
    try:
        with connect(server.port) as client:
            client.sendall(head("GET", T))
            time.sleep(0.4)
            server.process.send_signal(signal.SIGTERM)

            until(lambda: not listens(server))
            assert server.process.poll() is None
            assert reply(client).status == 200
    finally:
        server.kill()


@pytest.fixture
def impatient(data, tmp_path, request):
    """A server with one worker of two threads, which is replaced after a few seconds."""

    class Impatient(Server):
        figures = tmp_path / "figures"
        command = (sys.executable, Path(__file__).with_name("impatient.py"), figures)

    server = Impatient(data, SVCTASKS_SERVER=request.param)
    yield server
    server.kill()


@each_impatient
def test_a_stopped_worker_is_replaced(impatient):
    task = impatient.request("POST", T, {"name": "kept"}).json
    stopped = impatient.workers(1)
    os.kill(stopped[0], signal.SIGSTOP)
    until(lambda: impatient.workers(1) != stopped)
    until(lambda: listens(impatient))
    assert impatient.request("GET", f"{T}/{task['id']}").json == task


@each_impatient
def test_a_worker_whose_requests_do_not_end_is_replaced(impatient):
    task = impatient.request("POST", T, {"name": "kept"}).json
    stuck = impatient.workers(1)
    (impatient.figures / "stuck").touch()
    body = as_json({"name": "lost"})
    request = head("POST", T, JSON, f"Content-Length: {len(body)}") + body
    with many(impatient.port, 4) as clients:
        for client in clients:
            client.sendall(request)
        until(lambda: impatient.workers(1) != stuck)
        (impatient.figures / "stuck").unlink()
    until(lambda: listens(impatient))
    assert impatient.request("GET", f"{T}/{task['id']}").json == task
