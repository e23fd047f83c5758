"""The socket that a core of Granian's accepts on, while files are few."""

import os
import resource
import socket
from contextlib import ExitStack, contextmanager

import pytest

from app.granian_socket import RESERVE, ROOM, TRIES, Listener

WORKERS = 2


@contextmanager
def all_files_open():
    """Let this process open no further file; yield descriptors that may be closed.

    The limit is of their numbers, of which those that were free before are taken first.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(200)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened[-1] + 1, hard))
    try:
        with pytest.raises(OSError):
            os.open(os.devnull, os.O_RDONLY)
        yield opened
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in opened:
            os.close(descriptor)


def accepted(server, stack):
    """Return how many clients ``server`` accepts at once."""
    count = 0
    while True:
        try:
            stack.enter_context(server.accept()[0])
        except BlockingIOError:
            return count
        count += 1


def test_a_socket_comes_back_with_room_for_all_that_this_opens():
    with socket.create_server(
        ("127.0.0.1", 0), backlog=99
    ) as server, ExitStack() as stack:
        server.setblocking(False)
        listener = Listener(server.fileno(), WORKERS)
        stack.callback(listener.close)
        stack.enter_context(socket.create_connection(server.getsockname()))
        with all_files_open() as opened:
            listener.look_for_room()
            # Those who come while it is away wait.
            assert accepted(server, stack) == 0
            for _ in range(RESERVE + ROOM):
                os.close(opened.pop())
            listener.look_for_room()
            assert accepted(server, stack) == 0
            for _ in range(TRIES * WORKERS):
                os.close(opened.pop())
            listener.look_for_room()
        assert accepted(server, stack) == 1 + TRIES * WORKERS
