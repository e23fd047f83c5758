"""A connection of gunicorn's worker: bytes received, and bytes still to be sent."""

import math
import socket
from typing import Any

from app.gunicorn_requests import Incoming


class Connection:
    """A connection; gunicorn's Response uses it as its socket."""

    __slots__ = (
        "socket",
        "client",
        "server",
        "incoming",
        "begun",
        "received",
        "parts",
        "unsent",
        "keep",
    )

    def __init__(
        self, socket_: socket.socket, client: Any, server: Any, incoming: Incoming
    ) -> None:
        self.socket = socket_
        self.client = client
        self.server = server
        self.incoming = incoming
        self.begun = math.inf
        self.received = 0
        self.parts: list[bytes] = []
        self.unsent = memoryview(b"")
        self.keep = True

    @property
    def is_left(self) -> bool:
        """Whether the client has closed the connection."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
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
        try:
            self.socket.send(data)
        except OSError:
            pass
