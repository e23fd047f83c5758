"""Runs commands in forks of itself, which has imported the application already.

Run: python -P forked.py DESCRIPTOR. Orders come by the socket of that number, each with the
three standard streams of a command; the reply to each is the exit code.
"""

import gc
import json
import os
import socket
import sys

from app import bootstrap, import_export, launch, manual_run
from app.cli import main
from app.storage.postgresql import store

assert bootstrap and import_export and launch and manual_run and store


def fork(channel: socket.socket) -> bool:
    """Carry orders out until there are no more; return True in a command's own process."""
    # Forks share what they do not change; the collector would touch all of it.
    gc.freeze()
    while True:
        order, streams, _, _ = socket.recv_fds(channel, 1 << 20, 3)
        if not order:
            return False
        child = os.fork()
        if child == 0:
            channel.close()
            _become(order, streams)
            return True
        for each in streams:
            os.close(each)
        _, status = os.waitpid(child, 0)
        channel.send(b"%d" % os.waitstatus_to_exitcode(status))


def _become(order: bytes, streams: list[int]) -> None:
    sys.argv, variables, folder = json.loads(order)
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)


if __name__ == "__main__" and fork(socket.socket(fileno=int(sys.argv[1]))):
    sys.exit(main())
