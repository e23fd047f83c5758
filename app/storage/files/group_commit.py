"""Writes of many threads, carried out together: one commit for a group.

A write waits in a queue. The first in it leads: it has all that are there by then carried
out at once, and wakes the others, the first of those that came meanwhile to lead in its
turn. Under load, the system calls of a write, and the waiting for other processes that
goes with them, are shared by as many as there are threads: a lock that is taken for each
write limited two processes to a third of the throughput, however fast the disk. A thread
sleeps once for its write, and a whole group is woken together: passing a mutex down the
queue instead cost 5 to 9 % of the throughput.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from app.errors import Busy

W = TypeVar("W")
R = TypeVar("R")


class PendingWrite(Generic[W, R]):
    """A write in the queue with the ``work`` to do, and what became of it."""

    __slots__ = ("work", "end", "result", "error", "is_done", "is_called", "_sleep")

    def __init__(self, work: W, result: R, patience: float) -> None:
        self.work = work
        self.end = time.monotonic() + patience
        self.result = result
        self.error: Exception | None = None
        self.is_done = False
        self.is_called = False
        self._sleep = threading.Lock()
        self._sleep.acquire()

    def wait(self) -> BaseException | None:
        """Return when it is called, or when it has waited for too long.

        With what interrupted the thread, if that happened: one that went away at once
        might be the one that all others wait for.
        """
        interruption = None
        while not self.is_called and (left := self.left()) > 0:
            try:
                self._sleep.acquire(timeout=left)
            except BaseException as error:
                interruption = error
        return interruption

    def left(self) -> float:
        """Return for how many seconds it may still wait."""
        return max(0.0, self.end - time.monotonic())

    def call(self) -> None:
        """Wake the thread that waits: it is done, or to be done by itself."""
        self.is_called = True
        self._sleep.release()


class GroupCommit(Generic[W, R]):
    """The queue of writes; ``carry_out`` is given a group, and for how long it may wait.

    It gives each write its ``result`` or ``error``; what it raises, its thread raises.
    """

    def __init__(
        self, carry_out: Callable[[Sequence[PendingWrite[W, R]], float], None]
    ) -> None:
        self._carry_out = carry_out
        self.start()

    def start(self) -> None:
        """Begin with an empty queue, also after a fork, whose threads are gone."""
        self._queue: deque[PendingWrite[W, R]] = deque()
        self._is_led = False
        self._guard = threading.Lock()

    def write(self, write: PendingWrite[W, R]) -> R:
        """Return the result of ``write`` once it is carried out; raises its error, Busy."""
        with self._guard:
            self._queue.append(write)
            is_first, self._is_led = not self._is_led, True
        interruption = None if is_first else write.wait()
        if not is_first and not write.is_called:
            self._give_up(write)
        if not write.is_done:
            self._lead(write)
        if interruption is not None:
            raise interruption
        if write.error is not None:
            raise write.error
        return write.result

    def _lead(self, mine: PendingWrite[W, R]) -> None:
        """Carry out all writes in the queue, ``mine`` among them."""
        with self._guard:
            writes = list(self._queue)
            self._queue.clear()
        try:
            self._carry_out(writes, mine.left())
        finally:
            with self._guard:
                self._is_led = bool(self._queue)
                if self._is_led:
                    self._queue[0].call()
            for write in writes:
                write.is_done = True
                if write is not mine:
                    write.call()

    def _give_up(self, write: PendingWrite[W, R]) -> None:
        """Leave the queue, unless the turn came just now; raises Busy."""
        with self._guard:
            if write.is_called:
                return
            if write in self._queue:
                self._queue.remove(write)
        # If it was not in the queue it is being carried out, perhaps to its end.
        raise Busy
