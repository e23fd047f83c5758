"""Open files and how they are flushed to disk.

A file is flushed by one thread while another may already have moved on to the next one:
``Descriptor`` closes a file when the last of them lets go of it, never under a flush.
"""

import os
from collections.abc import Callable
from pathlib import Path

Sync = Callable[[int], None]
"""Flushes the file behind a descriptor to disk; raises OSError."""


class Descriptor:
    """An open file, closed when nobody refers to it any more."""

    __slots__ = ("number",)

    def __init__(self, path: Path, flags: int) -> None:
        self.number = os.open(path, flags | os.O_CLOEXEC, 0o600)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


def flush_folder(path: Path, sync: Sync) -> None:
    """Make the names in the folder at ``path`` durable."""
    folder = Descriptor(path, os.O_RDONLY | os.O_DIRECTORY)
    sync(folder.number)
