"""The number in a lock file, which shows that nothing was written since a look.

All processes have it in their memory: it is odd while one of them holds the lock, and
another one afterwards (a sequence lock). A reader that finds the number from before its
last look at the files of the table need not look again, for a moment: a look takes three
system calls, which made a third of the time of a small reply.

**Caveats.** If the lock file is removed in the very instant of a write, others miss
what is written for as long as a look holds. Emptying it ends the processes that
have it in memory, by SIGBUS.
"""

import mmap
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from app.storage.files.descriptors import Descriptor

_BYTES = 8
"""The size of the number in the file."""

_LARGEST = 2 ** (8 * _BYTES) - 1
"""After it, the numbers begin again: the file may have been begun with any bytes."""

_UNKNOWN = (1,)
"""In place of the number in the file, while that is not in memory: no mark equals it."""


class ReadMark(NamedTuple):
    """How far the files of a table were read: up to a number, and how long that holds.

    Whatever was done to them before is read, and nothing that is done under a later
    number. ``until`` is in seconds of the monotonic clock.
    """

    number: int
    until: float


class SequenceLock:
    """The number in the lock file at ``path``, and the last read mark of a table.

    A mark holds for ``moment`` seconds.
    """

    def __init__(self, path: Path, moment: float) -> None:
        self._path = path
        self._moment = moment
        self._last = ReadMark(0, 0.0)
        self._number: Sequence[int] = _UNKNOWN
        self._writable: memoryview | None = None
        self._name: tuple[int, int] | None = None
        self._next = 0
        self._watch()

    # For who reads

    def last_mark_holds(self) -> bool:
        """Return whether nothing was written since the last mark, which is not old yet."""
        number, until = self._last
        return self._number[0] == number and time.monotonic() < until

    def mark(self) -> ReadMark:
        """Return the mark of a look at the files that begins now."""
        until = time.monotonic() + self._moment
        self._watch()
        return ReadMark(self._number[0], until)

    def own_mark(self) -> ReadMark:
        """Return the mark of who holds the lock, which includes what they write."""
        return ReadMark(self._next, time.monotonic() + self._moment)

    def record(self, mark: ReadMark) -> None:
        """Record that everything up to ``mark`` has been read."""
        # The holder of the lock, at an odd number, may go on to write under the same one.
        if mark.number % 2 == 0:
            self._last = mark

    # For who holds the lock

    def open(self) -> None:
        """Take the file that is there now, for writing if that can be."""
        try:
            self._writable, self._name = _number_in(self._path, mmap.ACCESS_WRITE)
            self._number = self._writable
        except (OSError, ValueError):
            # The others may have it in their memory all the same.
            self._writable = self._name = None
            self._number = _UNKNOWN

    def begin(self, descriptor: int) -> None:
        """Make the number odd: ``descriptor`` is the lock, now held. Raises OSError."""
        if self._writable is not None:
            number = self._writable[0]
        else:
            number = int.from_bytes(os.pread(descriptor, _BYTES, 0), sys.byteorder)
        # It is odd already if a process died that held the lock.
        odd = (number + 1) & _LARGEST | 1
        self._put(descriptor, odd)
        self._next = (odd + 1) & _LARGEST

    def end(self, descriptor: int) -> None:
        """Make the number even again; raises OSError."""
        self._put(descriptor, self._next)

    def _put(self, descriptor: int, number: int) -> None:
        if self._writable is not None:
            self._writable[0] = number
        else:
            os.pwrite(descriptor, number.to_bytes(_BYTES, sys.byteorder), 0)

    def _watch(self) -> None:
        """Take the file that is there now, should it be another one."""
        try:
            found = name_of(os.stat(self._path))
        except OSError:
            found = None
        if found is None or found != self._name:
            try:
                # Not for writing: a disk could not be made read-only then.
                self._number, self._name = _number_in(self._path, mmap.ACCESS_READ)
            except (OSError, ValueError):
                self._number, self._name = _UNKNOWN, None


def name_of(found: os.stat_result) -> tuple[int, int]:
    """Return what identifies an open file."""
    return found.st_dev, found.st_ino


def _number_in(path: Path, access: int) -> tuple[memoryview, tuple[int, int]]:
    """Return the number in the file at ``path``, and the file's name.

    Raises OSError, and ValueError for what is too short to be mapped.

    A lock lasts while its file is open, and what is in memory keeps one so: this file is
    opened for itself.
    """
    # For writing in any case: a layered file system may have another file for readers
    # until somebody does.
    file = Descriptor(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK)
    if os.fstat(file.number).st_size < _BYTES:
        # On disk: a number that found no room there would end the process.
        os.posix_fallocate(file.number, 0, _BYTES)
    if access == mmap.ACCESS_READ:
        file = Descriptor(path, os.O_RDONLY | os.O_NONBLOCK)
    number = mmap.mmap(file.number, _BYTES, access=access)
    return memoryview(number).cast("Q"), name_of(os.fstat(file.number))
