"""One writer at a time: a lock that keeps out other threads and other processes.

flock belongs to the open file, not to the process: a child that inherits the file of its
parent would share the lock with it, so each process opens the file for itself. A lock
file that somebody removed protects nothing, so its name is checked after each locking.

**Caveats.** flock is kept by the local kernel: a folder on a network file system may not
be shared by servers on several machines. Whoever removes the lock file in the very
instant of a write or a fold lets a second writer in, which may lose its write.
"""

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType

from app.errors import Unavailable
from app.storage.turns import Turns, name_of


class TableLock:
    """A re-entrant lock for one table, as a context manager; raises Unavailable.

    Each locking is a turn, which ``turns`` tells of.
    """

    def __init__(self, path: Path, turns: Turns) -> None:
        self._path = path
        self._turns = turns
        self.threads = threading.RLock()
        self._descriptor: int | None = None
        self._file = 0, 0
        self._depth = 0

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
            self._turns.end(self._descriptor)
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

    def _begin_turn(self, descriptor: int) -> None:
        try:
            self._turns.begin(descriptor)
        except OSError:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            raise

    def _lock_file(self) -> int:
        while True:
            descriptor = self._descriptor
            if descriptor is None:
                descriptor = self._open()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                if name_of(os.stat(self._path)) == self._file:
                    return descriptor
            except FileNotFoundError:
                pass
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            self.close()

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = descriptor = os.open(self._path, flags, 0o600)
        self._file = name_of(os.fstat(descriptor))
        # Should another file be at its place by now, that comes out in locking.
        self._turns.open()
        return descriptor
