"""A connection of gunicorn's worker: bytes received, and bytes still to be sent."""

import math
import select
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from socket import MSG_PEEK
from socket import socket as Socket
from typing import Any

from falcon import code_to_http_status

from app.api import bodies
from app.certificates import InUse
from app.gunicorn_requests import Incoming


class NoTls(Exception):
    """What a client has sent is HTTP without TLS."""


class TlsSocket:
    """A socket that speaks TLS, with the methods and exceptions of one that does not.

    The handshake is a part of receiving: it needs no state of its own.
    """

    def __init__(self, accepted: Socket, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(
            accepted, server_side=True, do_handshake_on_connect=False
        )
        self.fileno = self._socket.fileno

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what has come; with ``flags``, only find out whether the peer is there.

        Raises NoTls. ``size`` is that of a record of TLS at least: nothing of it is left
        in OpenSSL, where no selector would see it.
        """
        if flags:
            poll = select.poll()
            poll.register(self._socket, getattr(select, "POLLRDHUP", 0))
            if poll.poll(0):
                return b""
            raise BlockingIOError
        try:
            return self._socket.recv(size)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except ssl.SSLError as error:
            if error.reason == "HTTP_REQUEST":
                raise NoTls from None
            raise

    def send(self, data: memoryview | bytes) -> int:
        """Send what the peer takes now, in as many records as that makes."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._socket.send(rest) :]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if len(rest) == len(data):
                raise BlockingIOError from None
        return len(data) - len(rest)

    def shutdown(self, how: int) -> None:
        """Say that nothing more comes, in TLS and below; what is received is raw then."""
        with suppress(OSError, ValueError):
            self._socket.unwrap()
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError, ValueError):
            self._socket.unwrap()
        self._socket.close()

    def without_tls(self) -> Socket:
        """Return the socket below, for a peer that does not speak TLS."""
        below = Socket(fileno=self._socket.detach())
        below.setblocking(False)
        return below


def secured(accepted: Socket, certificates: InUse | None) -> Socket | TlsSocket | None:
    """Return what to talk to a new client through; None if it has left already."""
    if certificates is None:
        return accepted
    try:
        return TlsSocket(accepted, certificates.current().context)
    except OSError:
        accepted.close()
        return None


@dataclass(slots=True, eq=False, repr=False)
class Wait:
    """Connections that wait for the same event, each for the same time.

    ``deadlines`` is in the order in which they began to wait, and so in that of its values.
    """

    event: int
    seconds: float
    react: Callable[["Connection", object], None]
    deadlines: dict["Connection", float] = field(default_factory=dict)


@dataclass(slots=True, eq=False, repr=False)
class Connection:
    """A connection; gunicorn's Response uses it as its socket."""

    socket: Socket | TlsSocket
    client: Any
    server: Any
    incoming: Incoming
    begun: float = math.inf
    received: int = 0
    parts: list[bytes] = field(default_factory=list)
    unsent: memoryview = memoryview(b"")
    keep: bool = True
    wait: Wait | None = None
    """What it waits for; None while it is answered, and after it is closed."""
    react: Callable[["Connection", object], None] | None = None
    """What its events are given to; None while nobody watches for them."""

    @property
    def is_done(self) -> bool:
        """Whether all is sent, and nothing is kept of what comes after it."""
        return self.keep and not self.unsent and not len(self.incoming)

    @property
    def is_left(self) -> bool:
        """Whether the client has closed the connection."""
        try:
            return not self.socket.recv(1, MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    def sendall(self, data: bytes) -> None:
        """Keep what gunicorn sends, for ``flush``."""
        self.parts.append(data)

    def flush(self) -> None:
        """Send what the client takes now; ``unsent`` is what it does not take."""
        self.unsent = memoryview(b"".join(self.parts))
        self.parts = []
        self.send_unsent()

    def send_unsent(self) -> None:
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            # The client has disconnected.
            self.unsent = memoryview(b"")
            self.keep = False

    def send_now(self, data: bytes) -> None:
        """Send a few bytes, for which the kernel has room in its buffers."""
        with suppress(OSError):
            self.socket.send(data)


def refusal_reply(status: int, message: str) -> bytes:
    """Return the reply to a request that does not reach the application."""
    body = bodies.encode(bodies.error_body(status, message))
    head = (
        f"HTTP/1.1 {code_to_http_status(status)}\r\n"
        "Connection: close\r\n"
        f"Content-Type: {bodies.JSON}\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
