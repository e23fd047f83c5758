"""Bodies that do not end, and replies that nobody reads, take 64 MB of a worker at most."""

from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from socket import MSG_PEEK

import pytest
from raw import head, many, reply, send
from running import Server
from shared import T

SERVERS = ["gunicorn", "granian"]

JSON = "Content-Type: application/json"

MOST_OF_A_BODY = b" " * (15 << 20)
"""White space before JSON; four of these are within the bound, five are not."""


@pytest.fixture
def worker(data, request):
    """A server of one worker, which waits for clients for as long as any test runs."""
    settings = {
        "SVCTASKS_REQUEST_TIMEOUT": "600",
        "SVCTASKS_MAX_BODY": f"{16 << 20}",
        "SVCTASKS_MAX_DOCUMENT": f"{16 << 20}",
    }
    server = Server(data, "--server", request.param, "--workers", "1", **settings)
    yield server
    server.kill()


each_worker = pytest.mark.parametrize("worker", SERVERS, indirect=True)


@each_worker
def test_bodies_beyond_the_bound_are_refused_and_others_read(worker):
    length = f"Content-Length: {len(MOST_OF_A_BODY) + 2}"
    with many(worker.port, 5) as clients:
        for client in clients:
            send(client, [head("QUERY", T, JSON, length), MOST_OF_A_BODY])
        # A small one is within any bound.
        assert worker.request("POST", T, {"name": "n"}).status == 200
        with ThreadPoolExecutor(len(clients)) as pool:
            statuses = list(pool.map(status, clients))
    assert sorted(statuses) == [200] * 4 + [503]


def status(client):
    """End the body of ``client``, and return the status that is replied."""
    send(client, [b"{}"])
    try:
        return reply(client).status
    except ConnectionResetError:
        # The refusal came before the client had sent all, and was lost.
        return 503


@each_worker
def test_replies_beyond_the_bound_are_cut_and_others_sent(worker):
    text = "x" * (12 << 20)
    created = worker.request("POST", T, {"name": "n", "ext": {"text": text}})
    address = f"{T}/{created.json['id']}"
    with many(worker.port, 10, receive_buffer=4096) as clients:
        for client in clients:
            client.sendall(head("GET", address))
            # The replies begin one after another.
            client.recv(1, MSG_PEEK)
        assert worker.request("GET", address).json["ext"]["text"] == text
        # It has not been reading for longest.
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            reply(clients[0])
