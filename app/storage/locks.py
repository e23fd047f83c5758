"""One writer at a time: a lock that keeps out other threads and other processes.

flock belongs to the open file, not to the process: a child that inherits the file of its
parent would share the lock with it, so each process opens the file for itself. A lock
file that somebody removed protects nothing, so its name is checked after each locking.

The file holds one number, which all processes have in their memory: it is odd while one
of them holds the lock, and another one afterwards (a sequence lock). Whoever finds the
number that was there before they last looked at the files of the table need not look
again: a look takes two system calls, which made a third of the time of a small reply.

**Caveats.** flock is kept by the local kernel: a folder on a network file system may not
be shared by servers on several machines. Whoever removes the lock file in the very
instant of a write or a fold lets a second writer in, which may lose its write, and lets
others miss what is written for as long as a look holds. Whoever empties it ends the
processes that have it in memory, by SIGBUS.
"""

import fcntl
import mmap
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from app.errors import Unavailable
from app.storage.descriptors import Descriptor

UNKNOWN = (1,)
"""A turn that tells of each moment that somebody may hold the lock."""

_BYTES = 8
"""The size of the number in the file."""


class TableLock:
    """A re-entrant lock for one table, as a context manager; raises Unavailable."""

    turn: Sequence[int]
    """The number in the file, as an array of one; ``UNKNOWN`` if it cannot be shared."""

    next_turn: int
    """The number that there will be after this locking, to the thread that holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.threads = threading.RLock()
        self._descriptor: int | None = None
        self._file = 0, 0
        self._depth = 0
        self._number: memoryview | None = None
        self._watched: tuple[int, int] | None = None
        self.turn = UNKNOWN
        self.watch()

    def __enter__(self) -> None:
        self.threads.acquire()
        try:
            if self._depth == 0:
                self._begin_turn(self._lock_file())
            self._depth += 1
        except OSError as error:
            self.threads.release()
            raise Unavailable(
                f"the table cannot be locked: {error.strerror}"
            ) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and self._descriptor is not None:
            self._put_number(self._descriptor, self.next_turn)
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.threads.release()

    def is_held(self) -> bool:
        """Tell, to a thread that has ``threads``, whether it holds the whole lock."""
        return self._depth > 0

    def after_fork(self) -> None:
        """Start anew in a child process."""
        self.close()
        self.threads = threading.RLock()
        self._depth = 0

    def close(self) -> None:
        """Close the lock file; the next locking opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def watch(self) -> None:
        """Look at the number in the file that is there now, should it be another one."""
        try:
            found = _name(os.stat(self._path))
        except OSError:
            found = None
        if found is None or found != self._watched:
            try:
                # Not for writing: a disk could not be made read-only then.
                self.turn, self._watched = _number_in(self._path, mmap.ACCESS_READ)
            except OSError:
                self.turn, self._watched = UNKNOWN, None

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = descriptor = os.open(self._path, flags, 0o600)
        self._file = _name(os.fstat(descriptor))
        try:
            # Should another file be at its place by now, that comes out in locking.
            self._number, self._watched = _number_in(self._path, mmap.ACCESS_WRITE)
            self.turn = self._number
        except OSError:
            # The others may have it in their memory all the same.
            self._number = None
            self.turn, self._watched = UNKNOWN, None
        return descriptor

    def _begin_turn(self, descriptor: int) -> None:
        if self._number is not None:
            number = self._number[0]
        else:
            number = int.from_bytes(os.pread(descriptor, _BYTES, 0), sys.byteorder)
        # It is odd already if a process died that held the lock.
        odd = (number + 1) | 1
        try:
            self._put_number(descriptor, odd)
        except OSError:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            raise
        self.next_turn = odd + 1

    def _put_number(self, descriptor: int, number: int) -> None:
        if self._number is not None:
            self._number[0] = number
        else:
            os.pwrite(descriptor, number.to_bytes(_BYTES, sys.byteorder), 0)

    def _lock_file(self) -> int:
        while True:
            descriptor = self._descriptor
            if descriptor is None:
                descriptor = self._open()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                if _name(os.stat(self._path)) == self._file:
                    return descriptor
            except FileNotFoundError:
                pass
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            self.close()


def _number_in(path: Path, access: int) -> tuple[memoryview, tuple[int, int]]:
    """Return the number in the file at ``path``, and the file's name; raises OSError.

    A lock lasts while its file is open, and what is in memory keeps one so: this file is
    opened for itself.
    """
    # For writing in any case: a layered file system may have another file for readers
    # until somebody does.
    file = Descriptor(path, os.O_RDWR | os.O_CREAT)
    if os.fstat(file.number).st_size < _BYTES:
        # On disk: a number that found no room there would end the process.
        os.posix_fallocate(file.number, 0, _BYTES)
    if access == mmap.ACCESS_READ:
        file = Descriptor(path, os.O_RDONLY)
    number = mmap.mmap(file.number, _BYTES, access=access)
    return memoryview(number).cast("Q"), _name(os.fstat(file.number))


def _name(found: os.stat_result) -> tuple[int, int]:
    """Return what tells an open file from any other."""
    return found.st_dev, found.st_ino
