"""Runs commands in forks of itself, which has imported some modules already.

Run: python -P forked.py DESCRIPTOR MODULE... Orders come by the socket of that number, each
with the three standard streams of a command and a pipe, which gets the id of its process,
and its exit code in the end: a line each.
"""

import gc
import json
import os
import signal
import socket
import sys
from importlib import import_module

from app.cli import main


def fork(channel: socket.socket) -> bool:
    """Carry orders out until there are no more; return True in a command's own process."""
    # Forks share what they do not change; the collector would touch all of it.
    gc.freeze()
    # Nobody waits for those that attend to commands.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        order, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 4)
        if not order:
            return False
        if os.fork() == 0:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            *streams, pipe = descriptors
            return _attend(order, streams, pipe)
        for each in descriptors:
            os.close(each)


def _attend(order: bytes, streams: list[int], pipe: int) -> bool:
    child = os.fork()
    if child == 0:
        os.close(pipe)
        _become(order, streams)
        return True
    for each in streams:
        os.close(each)
    try:
        os.write(pipe, b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
    finally:
        os._exit(0)


def _become(order: bytes, streams: list[int]) -> None:
    sys.argv, variables, folder = json.loads(order)
    os.setsid()
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)


if __name__ == "__main__":
    for each in sys.argv[2:]:
        import_module(each)
    if fork(socket.socket(fileno=int(sys.argv[1]))):
        sys.exit(main())
