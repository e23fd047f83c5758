"""Standard streams that are closed, or that cannot be written."""

import os
import sys
from typing import Any

from app.errors import Invalid


def replace_closed() -> None:
    """Put a file in the place of each standard stream that is closed.

    The next file that is opened would take its number, and get its output. Output for
    people to read then fails; errors are discarded.
    """
    for descriptor, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            # It takes the lowest number that is free.
            os.open(os.devnull, mode)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", buffering=1)


def read_input() -> bytes:
    """Return all of the standard input; raises Invalid if it is closed."""
    if sys.stdin is None:
        raise Invalid("the standard input is closed; give a file, or send it something")
    return sys.stdin.buffer.read()


def discard(stream: Any) -> None:
    """Send what is written to ``stream`` from now on to nowhere."""
    try:
        descriptor = stream.fileno()
    except OSError:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
