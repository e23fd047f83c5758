"""The socket that a core of Granian's accepts on, which can be taken away from it.

A core does not accept again on a socket that was closed. It gets one in its place that
nobody connects to, under the same file descriptor.
"""

import os
import socket
from contextlib import suppress

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
                self._take_away()
        elif has_room(RESERVE + ROOM):
            self._reserve = _opened(RESERVE)
            os.dup2(self._spare, self._descriptor, inheritable=False)
            self._wake()

    def give_up(self) -> int:
        """Take the socket away for ever; return a file descriptor for another core."""
        self._take_away()
        self._silent.close()
        return self._spare

    def close(self) -> None:
        """Close what the core does not close: nobody can connect then."""
        self._silent.close()
        os.close(self._spare)
        _close(self._reserve)

    def _take_away(self) -> None:
        os.dup2(self._silent.fileno(), self._descriptor, inheritable=False)
        # Accepting nothing takes a file descriptor for a moment.
        _close(self._reserve)
        self._reserve = []

    def _wake(self) -> None:
        """Connect: only then does the core look for those who came meanwhile.

        The kernel chooses which worker gets a connection.
        """
        with socket.socket(fileno=os.dup(self._spare)) as listener:
            family, address = listener.family, listener.getsockname()
        for _ in range(self._tries):
            with socket.socket(family) as client, suppress(OSError):
                client.setblocking(False)
                client.connect(address)


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
