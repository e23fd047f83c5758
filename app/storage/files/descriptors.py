"""Open files and how they are flushed to disk.

A file is flushed by one thread while another may already have moved on to the next one:
``Descriptor`` closes a file when the last of them lets go of it, never under a flush.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


@contextmanager
def draft(path: Path) -> Iterator[Descriptor]:
    """Make a new file at ``path``, in place of what an earlier draft left there.

    The earlier one is not written to: another process may be about to. A draft that
    fails is emptied, so that it does not keep a full disk full.
    """
    path.unlink(missing_ok=True)
    file = Descriptor(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        yield file
    except BaseException:
        os.ftruncate(file.number, 0)
        raise


def adopt(draft: Path, path: Path, sync: Sync) -> None:
    """Put the file ``draft`` in the place of the one at ``path``, durably."""
    # Opened first: once the file is renamed, nothing but the flush itself may fail.
    folder = _folder(path.parent)
    os.replace(draft, path)
    sync(folder.number)


def replace(path: Path, parts: Iterable[bytes], sync: Sync) -> None:
    """Put a file of ``parts`` in the place of the one at ``path``, durably."""
    new = path.with_name(f"{path.name}.new")
    with draft(new) as descriptor:
        with open(descriptor.number, "wb", closefd=False) as file:
            file.writelines(parts)
        sync(descriptor.number)
    adopt(new, path, sync)


def content_of(path: Path) -> bytes | None:
    """Return the bytes of the file at ``path``; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def flush_folder(path: Path, sync: Sync) -> None:
    """Make the names in the folder at ``path`` durable."""
    folder = _folder(path)
    sync(folder.number)


def _folder(path: Path) -> Descriptor:
    return Descriptor(path, os.O_RDONLY | os.O_DIRECTORY)
