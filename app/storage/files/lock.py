"""One writer at a time: a lock that keeps out other threads and other processes.

flock belongs to the open file, not to the process: a child that inherits the file of its
parent would share the lock with it, so each process opens the file for itself. A lock
file that somebody removed protects nothing, so its name is checked after each locking.

Nobody waits without end: a process may be stopped, or wait for a dead disk, while it
holds the lock. A thread that waits for other processes holds up no readers of its own.

**Caveats.** flock is kept by the local kernel: a folder on a network file system may not
be shared by servers on several machines. If the lock file is removed in the very
instant of a write or a checkpoint, a second writer gets in, which may lose its write.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from app.errors import Busy, Unavailable
from app.storage.files.sequence_lock import SequenceLock, name_of

PATIENCE = 5.0
"""Seconds that a write waits at most for others that hold its table."""

BRIEF = 0.1
"""Seconds that others wait after one who waited in vain, until the table is free again.

Each of them has a thread of the server, which could answer reads meanwhile.
"""

SHORTEST, LONGEST = 0.000_05, 0.002
"""Seconds between two attempts to lock a file: an eighth of what was waited so far."""


def lock_file(descriptor: int, seconds: float) -> None:
    """Lock an open file, waiting for so long at most; raises Busy and OSError."""
    begin = now = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        waited = now - begin
        if waited >= seconds:
            raise Busy
        pause = min(LONGEST, max(SHORTEST, waited / 8))
        time.sleep(min(pause, seconds - waited))
        now = time.monotonic()


class Held(AbstractContextManager[None]):
    """A lock that is held already, and released at the end of a with statement.

    A generator in its place takes as long as a tenth of a small write.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release

    def __exit__(self, *_: object) -> None:
        self._release()


class ThreadLock:
    """A re-entrant lock of threads, for which nobody waits without end.

    ``patience`` is how many seconds one waits where nothing else is said.
    """

    def __init__(self, patience: float) -> None:
        self._lock = threading.RLock()
        self._held = Held(self._lock.release)
        self.patience = patience

    def acquire(self, seconds: float) -> None:
        """Lock it, waiting for so long at most; raises Busy."""
        if not self._lock.acquire(timeout=max(0.0, seconds)):
            raise Busy

    def release(self) -> None:
        self._lock.release()

    def hold(self, seconds: float | None = None) -> Held:
        """Hold it, after waiting for so long, or with ``patience``; raises Busy."""
        self.acquire(self.patience if seconds is None else seconds)
        return self._held


class TableLock:
    """A re-entrant lock for one table, of threads and processes.

    Who holds it holds ``threads`` too, which keeps out those threads of this process that
    read what is in the files, and is taken last. Who has ``threads`` only may ask for the
    lock if they do not wait for it. ``sequence`` counts each locking.
    """

    def __init__(self, path: Path, sequence: SequenceLock, patience: float) -> None:
        self._path = os.fspath(path)
        self._held = Held(self.release)
        self.sequence = sequence
        self.patience = patience
        self.threads = ThreadLock(patience)
        self._writers = ThreadLock(patience)
        self._descriptor: int | None = None
        self._file = 0, 0
        self._depth = 0
        self._is_stuck = False

    def acquire(self, seconds: float) -> None:
        """Lock it, waiting for so long at most; raises Busy and Unavailable."""
        if self._is_stuck:
            seconds = min(seconds, BRIEF)
        end = time.monotonic() + seconds
        self._writers.acquire(seconds)
        try:
            if self._depth == 0:
                self._begin(end)
            try:
                self.threads.acquire(end - time.monotonic())
            except Busy:
                self._end()
                raise
            self._depth += 1
        except OSError as error:
            self._writers.release()
            raise Unavailable(
                f"the table cannot be locked: {error.strerror}"
            ) from error
        except BaseException as error:
            self._is_stuck |= isinstance(error, Busy) and seconds > BRIEF
            self._writers.release()
            raise

    def release(self) -> None:
        self._depth -= 1
        try:
            self._end()
        finally:
            self.threads.release()
            self._writers.release()

    def hold(self, seconds: float | None = None) -> Held:
        """Hold it, after waiting as for ``ThreadLock``; raises Busy and Unavailable."""
        self.acquire(self.patience if seconds is None else seconds)
        return self._held

    def is_held(self) -> bool:
        """Return whether the calling thread, which has ``threads``, has the lock too."""
        return self._depth > 0

    @contextmanager
    def alone(self, seconds: float | None = None) -> Iterator[None]:
        """Keep out all threads of this process only, after waiting so long; raises Busy."""
        with self._writers.hold(seconds), self.threads.hold(seconds):
            yield

    def close(self) -> None:
        """Close the lock file, which nobody holds; the next locking opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _begin(self, end: float) -> None:
        descriptor = self._locked(end)
        self._is_stuck = False
        try:
            self.sequence.begin(descriptor)
        except OSError:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            raise

    def _end(self) -> None:
        if self._depth == 0 and self._descriptor is not None:
            try:
                self.sequence.end(self._descriptor)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _locked(self, end: float) -> int:
        while True:
            descriptor = self._descriptor
            if descriptor is None:
                descriptor = self._open()
            lock_file(descriptor, end - time.monotonic())
            try:
                if name_of(os.stat(self._path)) == self._file:
                    return descriptor
            except FileNotFoundError:
                pass
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            self.close()

    def _open(self) -> int:
        # A pipe of that name, say, must not keep anybody waiting until it is opened.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = descriptor = os.open(self._path, flags, 0o600)
        self._file = name_of(os.fstat(descriptor))
        # Should another file be at its place by now, that comes out in locking.
        self.sequence.open()
        return descriptor
