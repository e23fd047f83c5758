"""Clients over bare sockets, for what no library would send, or would not do."""

import json
import socket
from collections.abc import Iterable
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPResponse

from running import Reply
from shared import PATIENCE


def connect(port: int, receive_buffer: int | None = None) -> socket.socket:
    """Return a new connection; ``receive_buffer`` is the size of its buffer, in bytes."""
    client = socket.socket()
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(PATIENCE)
    try:
        client.connect(("127.0.0.1", port))
    except OSError:
        client.close()
        raise
    return client


@contextmanager
def many(port: int, count: int, receive_buffer: int | None = None):
    """Yield ``count`` connections, which are closed in the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(connect(port, receive_buffer)) for _ in range(count)]


def head(method: str, path: str, *fields: str) -> bytes:
    """Return the head of a request, with ``fields`` such as "Content-Length: 5"."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def reply(client: socket.socket, method: str = "GET") -> Reply:
    """Read one reply, to a request of ``method``."""
    with closing(HTTPResponse(client, method=method)) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read().decode())


def exchange(port: int, *pieces: bytes, method: str = "GET", ends: bool = False):
    """Send ``pieces`` and return the reply.

    With ``ends`` the client sends nothing afterwards, and the server sees that.
    """
    with connect(port) as client:
        send(client, pieces)
        if ends:
            client.shutdown(socket.SHUT_WR)
        return reply(client, method)


def send(client: socket.socket, pieces: Iterable[bytes]) -> None:
    """Send ``pieces``, or as much of them as the server takes."""
    try:
        for piece in pieces:
            client.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        # The server has answered and closed; the reply can still be read.
        pass


def is_closed(client: socket.socket) -> bool:
    """Return whether the server closes the connection, having sent nothing more."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def listens(port: int) -> bool:
    """Return whether one can connect."""
    try:
        with connect(port):
            return True
    except ConnectionError:
        return False


def chunked(*pieces: bytes) -> bytes:
    """Return ``pieces`` as the chunks of a body, with the end of it."""
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (*pieces, b""))


def as_json(value: object) -> bytes:
    """Return ``value`` as a body."""
    return json.dumps(value).encode()
