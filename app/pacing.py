"""Long queries: when they let other threads run, and when they end.

A query calls its pace every few documents. Most queries end before that does anything. A
longer one regularly hands the interpreter to other threads, and ends when its time is up,
when its client has left, or when the process is about to end. Only a few long queries run
at a time and as many wait for them; more are refused, so that there are always threads for
other requests.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar

from app.errors import Overdue

Item = TypeVar("Item")

HAS_LEFT, IS_STOPPING = "svctasks.has_left", "svctasks.is_stopping"
"""The keys of the WSGI environment under which a server puts two functions: whether the
client has disconnected, and whether the process is about to end."""

Pace = Callable[[], None]
"""A function that a long read calls regularly; it raises Overdue to end the read."""

FEW: Final = 64
"""A pace is not called for so few documents."""

SLICE: Final = 4
"""Documents between two calls of a pace."""

FREE: Final = 0.02
"""Seconds that a query may take before its pace checks anything."""

TICK: Final = 0.001
"""Seconds after which a query pauses."""

PAUSE: Final = 0.00005
"""Seconds of a pause: long enough for another thread to take the interpreter."""

LONG: Final = 0.1
"""Seconds of work after which a query counts as long."""

WAIT: Final = 0.05
"""Seconds between two checks of a query that waits for another one."""


def unhurried() -> None:
    """Let a read take as long as it takes."""


def paced(items: Sequence[Item], pace: Pace) -> Iterable[Item]:
    """Return ``items``, and call ``pace`` every few of them unless they are few."""
    return items if len(items) <= FEW else _paced(items, pace)


def _paced(items: Sequence[Item], pace: Pace) -> Iterator[Item]:
    for number, item in enumerate(items, 1):
        yield item
        if number % SLICE == 0:
            pace()


def never() -> bool:
    """Return False."""
    return False


class Pacing:
    """The queries of one process: each may take ``seconds``, ``most`` long ones run.

    As many may wait for these. ``clock`` returns the time in seconds, ``work`` the seconds
    of CPU that this thread has used.
    """

    def __init__(
        self,
        seconds: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], float] = time.thread_time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.seconds = seconds
        self.clock = clock
        self.work = work
        self.pause = pause
        self._room = threading.Semaphore(2 * most)
        self._places = threading.Semaphore(most)

    def query(self, environ: Mapping[str, Any] = {}) -> "QueryPace":
        """Return the pace of a query, to be used in a ``with`` statement.

        ``environ`` is the WSGI environment of its request.
        """
        return QueryPace(self, environ)

    def take_place(self, check: Callable[[], None]) -> None:
        """Take a slot for a long query; while waiting, call ``check``. Raises Overdue."""
        if not self._room.acquire(blocking=False):
            raise Overdue("too many long queries run already; try again, or narrow it")
        try:
            while not self._places.acquire(timeout=WAIT):
                check()
        except Overdue:
            self._room.release()
            raise

    def leave_place(self) -> None:
        """Give the slot to the next long query."""
        self._places.release()
        self._room.release()


class QueryPace:
    """The pace of one query; used by the thread that made it."""

    __slots__ = ("_pacing", "_environ", "_begin", "_next", "_work", "_is_long")

    def __init__(self, pacing: Pacing, environ: Mapping[str, Any]) -> None:
        self._pacing = pacing
        self._environ = environ
        self._begin = pacing.clock()
        self._next = self._begin + FREE
        self._work: float | None = None
        self._is_long = False

    def __enter__(self) -> "QueryPace":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_long:
            self._is_long = False
            self._pacing.leave_place()

    def __call__(self) -> None:
        """Return, after a pause if one is due; raises Overdue if the query must end."""
        if (now := self._pacing.clock()) >= self._next:
            self._look(now)

    def _look(self, now: float) -> None:
        pacing = self._pacing
        self._check(now)
        work = pacing.work()
        if self._work is None:
            self._work = work
        if not self._is_long and work - self._work >= LONG:
            pacing.take_place(lambda: self._check(pacing.clock()))
            self._is_long = True
        if self._is_long and self._environ.get(IS_STOPPING, never)():
            raise Overdue("the server stops; try again")
        pacing.pause(PAUSE)
        self._next = pacing.clock() + TICK

    def _check(self, now: float) -> None:
        seconds = self._pacing.seconds
        if now - self._begin >= seconds:
            raise Overdue(f"the query takes longer than {seconds:g} seconds; narrow it")
        if self._environ.get(HAS_LEFT, never)():
            raise Overdue("the client has left")
