"""The socket that a core of Granian's accepts on, which can be taken away from it.

A core does not accept again on a socket that was closed. It gets one in its place that
nobody connects to, under the same file descriptor.
"""

import os
import socket
from contextlib import ExitStack, suppress

TRIES = 8
"""Connections by which a core is woken, for each worker that may get them."""

RESERVE = 4
"""Files that are kept open so that others can be opened while there is no room."""

ROOM = 16
"""Files that the process must be able to open before the core accepts again."""


class Listener:
    """The listening socket with the file descriptor ``descriptor``, which a core owns.

    ``workers`` processes listen on the same address.
    """

    def __init__(self, descriptor: int, workers: int) -> None:
        self._descriptor = descriptor
        self._spare = os.dup(descriptor)
        with socket.socket(fileno=os.dup(descriptor)) as listener:
            self._family, self._address = listener.family, listener.getsockname()
        self._silent = socket.socket(socket.AF_UNIX)
        # An address that the kernel chooses, and no file.
        self._silent.bind("")
        self._silent.setblocking(False)
        self._silent.listen(1)
        self._tries = TRIES * workers
        self._reserve = _opened(RESERVE)

    def look_for_room(self) -> None:
        """Take the socket away while the process may open no further file.

        While accepting fails, a core looks at no handshake: those that have taken all files
        would never end. Clients wait in the backlog meanwhile.
        """
        if self._reserve:
            if not has_room(1):
                self.take_away()
        elif has_room(RESERVE + ROOM + self._tries):
            self._give_back()

    def take_away(self) -> None:
        """Let the core accept nothing until there is room again."""
        os.dup2(self._silent.fileno(), self._descriptor, inheritable=False)
        # Accepting nothing takes a file descriptor for a moment.
        _close(self._reserve)
        self._reserve = []

    def give_up(self) -> int:
        """Take the socket away for ever; return a file descriptor for another core."""
        self.take_away()
        self._silent.close()
        return self._spare

    def close(self) -> None:
        """Close what the core does not close: nobody can connect then."""
        self._silent.close()
        os.close(self._spare)
        _close(self._reserve)

    def _give_back(self) -> None:
        """Give the socket back, and connect: only then does the core look who came.

        The kernel chooses which worker gets a connection. All files are opened before: once
        the core accepts, those who wait may take every other one.
        """
        with suppress(OSError), ExitStack() as stack:
            clients = [
                stack.enter_context(socket.socket(self._family))
                for _ in range(self._tries)
            ]
            self._reserve = _opened(RESERVE)
            os.dup2(self._spare, self._descriptor, inheritable=False)
            for client in clients:
                client.setblocking(False)
                with suppress(OSError):
                    client.connect(self._address)


def has_room(count: int) -> bool:
    """Return whether this process may open ``count`` further files."""
    opened = _opened(count)
    _close(opened)
    return len(opened) == count


def _opened(count: int) -> list[int]:
    """Return ``count`` file descriptors, or as many as there may be."""
    opened: list[int] = []
    with suppress(OSError):
        while len(opened) < count:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    return opened


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
