"""Clients that are slow, silent or gone keep nobody waiting, and no stop."""

import os
import re
import resource
import select
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from raw import as_json, connect, head, listens, many, reply, send
from running import Server
from servers import SERVERS, ConfiguredServer, PatientServer
from shared import PATIENCE, T, until

JSON = "Content-Type: application/json"

FOR_EVER = {"SVCTASKS_REQUEST_TIMEOUT": f"{2 * PATIENCE}"}
"""Longer than any test: who is answered was not kept waiting until others gave up."""

ID = "00000000-0000-0000-0000-000000000001"
"""The id of a task of a megabyte; buffers take a few of them, not ten."""

SLOW = {
    "who send nothing": b"",
    "who send half a head": head("GET", T)[:-4],
    "who send half a body": head("POST", T, JSON, "Content-Length: 99") + b'{"name"',
    "who send half a chunk": head("POST", T, JSON, "Transfer-Encoding: chunked") + b"9",
    "who expect to be asked": head(
        "POST", T, JSON, "Content-Length: 99", "Expect: 100-continue"
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


def byte_by_byte(client, content):
    """Send ``content``, a byte for each ``next``, and then the rest."""
    for place in range(ROUNDS):
        client.sendall(content[place : place + 1])
        yield
    client.sendall(content[ROUNDS:])


ROUNDS = len(b"HTTP/1.1 200")
"""How many bytes each of the slow clients sends, or reads, before it goes on at once."""

DRIPPED = {
    "heads": head("GET", f"{T}/{ID}"),
    "bodies": as_json({"ext": {"key": "value"}}),
}
"""What is sent byte by byte."""


@each_patient
@pytest.mark.parametrize("what", DRIPPED)
def test_clients_that_send_byte_by_byte_keep_nobody_waiting(patient, what):
    """Who asks after each byte is answered before any of the others."""
    content = DRIPPED[what]
    with many(patient.port, 64) as clients:
        if what == "bodies":
            length = f"Content-Length: {len(content)}"
            for client in clients:
                client.sendall(head("PATCH", f"{T}/{ID}", JSON, length))
        dripping = [byte_by_byte(client, content) for client in clients]
        for _ in range(ROUNDS):
            for each in dripping:
                next(each)
            assert patient.request("GET", "/health").status == 200
            assert patient.request("PATCH", f"{T}/{ID}", {"name": "m"}).status == 200
        assert not any(map(is_answered, clients))
        for each in dripping:
            assert next(each, None) is None
        with ThreadPoolExecutor(len(clients)) as pool:
            assert {each.status for each in pool.map(reply, clients)} == {200}


@each_patient
def test_clients_that_read_byte_by_byte_keep_nobody_waiting(patient):
    with many(patient.port, 64, receive_buffer=4096) as clients:
        for client in clients:
            client.sendall(SLOW["who do not read"])
        read = [b""] * len(clients)
        for _ in range(ROUNDS):
            read = [
                got + client.recv(1) for got, client in zip(read, clients, strict=True)
            ]
            assert patient.request("GET", "/health").status == 200
            assert patient.request("PATCH", f"{T}/{ID}", {"name": "m"}).status == 200
        assert set(read) == {b"HTTP/1.1 200"}


def is_answered(client):
    """Return whether there is anything to read."""
    waiting = select.poll()
    waiting.register(client, select.POLLIN)
    return bool(waiting.poll(0))


@each_kind
@pytest.mark.parametrize("who", SLOW)
def test_clients_do_not_hold_up_a_stop(data, kind, who):
    server = PatientServer(data, kind, **FOR_EVER)
    try:
        if who == "who do not read":
            fill(server)
        with many(server.port, 24, receive_buffer=4096) as clients:
            for client in clients:
                client.sendall(SLOW[who])
            code, logged = server.stop()
            assert code == 0
            assert "Traceback" not in logged
    finally:
        server.kill()


@pytest.fixture(scope="module")
def hurried(tmp_path_factory, request):
    """A server in which a request must arrive, and its reply be read, within 0.5 s."""
    data = tmp_path_factory.mktemp("hurried")
    filled = Server(data, "--server", request.param)
    fill(filled)
    filled.stop()
    server = Server(data, "--server", request.param, SVCTASKS_REQUEST_TIMEOUT="0.5")
    yield server
    server.kill()


def refusal(server, who):
    """Return what a client ``who`` is slow is answered, None if nothing."""
    with connect(server.port) as client:
        send(client, [SLOW[who]])
        try:
            return reply(client)
        except ConnectionError:
            return None


each_hurried = pytest.mark.parametrize("hurried", SERVERS, indirect=True)


@each_hurried
@pytest.mark.parametrize("who", [who for who in SLOW if who != "who do not read"])
def test_what_does_not_arrive_in_time_is_refused(hurried, who, request):
    is_granian = "granian" in request.node.callspec.id
    if who == "who send nothing" or is_granian and who == "who send half a head":
        # Granian's core says nothing.
        assert refusal(hurried, who) is None
        return
    # On a busy machine what is sent may come when the time is up: again then.
    refused = until(lambda: refusal(hurried, who))
    assert refused.status == 408
    assert "within 0.5 seconds" in refused.json["error_message"]


@each_hurried
def test_a_reply_that_is_not_read_in_time_is_cut(hurried):
    with connect(hurried.port, receive_buffer=4096) as reader:
        send(reader, [SLOW["who do not read"]])
        until(lambda: not is_open(hurried, reader))


def is_open(server, client):
    """Return whether the server has the connection of ``client`` still open."""
    port = client.getsockname()[1]
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    for line in lines:
        _, local, remote, state, *_ = line.split()
        if (local[-4:], remote[-4:]) == (f"{server.port:04X}", f"{port:04X}"):
            return state == "01"
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
def test_requests_that_come_before_the_last_reply_are_answered_in_turn(patient):
    ids = [f"request-{number}" for number in range(300)]
    with connect(patient.port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for id_ in ids:
            # Each begins to arrive on its own, while the one before is being answered.
            request = head("HEAD", T, f"X-Request-Id: {id_}")
            send(client, (request[:20], request[20:]))
        client.sendall(head("HEAD", T, "Connection: close"))
        replies = client.makefile("rb").read().decode().lower().split("http/1.1 ")[1:]
    found = [re.search("x-request-id: (.*)", each)[1].strip() for each in replies]
    assert found[:-1] == ids


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


@pytest.fixture
def impatient(data, request):
    """A server with one worker of two threads, which is replaced after a few seconds."""
    few = {"SVCTASKS_WORKERS": "1", "SVCTASKS_THREADS": "2"}
    server = ConfiguredServer(data, request.param, {"timeout": 4}, **few)
    yield server
    server.kill()


@each_impatient
def test_a_stopped_worker_is_replaced(impatient):
    task = impatient.request("POST", T, {"name": "kept"}).json
    stopped = impatient.workers(1)
    os.kill(stopped[0], signal.SIGSTOP)
    until(lambda: impatient.workers(1) != stopped)
    until(lambda: listens(impatient.port))
    assert impatient.request("GET", f"{T}/{task['id']}").json == task


@each_impatient
def test_a_worker_whose_requests_do_not_end_is_replaced(impatient):
    task = impatient.request("POST", T, {"name": "kept"}).json
    stuck = impatient.workers(1)
    impatient.hold_flushes()
    body = as_json({"name": "lost"})
    request = head("POST", T, JSON, f"Content-Length: {len(body)}") + body
    with many(impatient.port, 4) as clients:
        for client in clients:
            client.sendall(request)
        until(lambda: impatient.workers(1) != stuck)
        impatient.release_flushes()
    until(lambda: listens(impatient.port))
    assert impatient.request("GET", f"{T}/{task['id']}").json == task
