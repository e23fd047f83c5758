"""Long queries: when they let other threads run, and when they end.

A query calls its pace every few documents. Most queries end before that does anything.
One that goes on takes turns with the others of its process: one works, and hands the
interpreter to the threads of other requests every millisecond. It ends when its time is
up, when its client has left, or when the process is about to end.

A query that is about to look at many documents, or that has worked for long, is long: only
a few of these run at a time and as many wait for them. More are refused, so that there are
always threads for other requests.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import length_hint
from typing import Any, Final, Protocol, TypeVar

from app.errors import Overdue

Item = TypeVar("Item")

HAS_LEFT, IS_STOPPING = "svctasks.has_left", "svctasks.is_stopping"
"""The keys of the WSGI environment under which a server puts two functions: whether the
client has disconnected, and whether the process is about to end."""


class Pace(Protocol):
    """A function that a long read calls regularly; it raises Overdue to end the read."""

    def __call__(self, ahead: int = 0, holding: bool = False) -> None:
        """Return when the read may go on.

        ``ahead`` is how many documents the read is about to look at, without an index.
        One that is ``holding`` a lock waits for no other read.
        """


FEW: Final = 64
"""A pace is not called for so few documents."""

SLICE: Final = 4
"""Documents between two calls of a pace."""

FREE: Final = 0.004
"""Seconds that a query may take before its pace checks anything."""

TICK: Final = 0.001
"""Seconds after which a query pauses."""

WORKED: Final = TICK / 4
"""Seconds of work in a tick; a query that works less waits for something."""

SWITCH: Final = 0.001
"""Seconds after which a thread hands on the interpreter while a query goes on.

Without one, Python's own 5 ms are better: threads that wait for the interpreter wake each
time, which cost writes 5 to 10 % of the CPU. Half of it cost lists a fifth of their rate.
"""

PAUSE: Final = 0.00005
"""Seconds of a pause: long enough for another thread to take the interpreter."""

LONG: Final = 0.1
"""Seconds of work after which a query counts as long."""

WAIT: Final = 0.05
"""Seconds between two checks of a query that waits for another one."""


def unhurried(ahead: int = 0, holding: bool = False) -> None:
    """Let a read take as long as it takes."""


def paced(items: Iterable[Item], pace: Pace) -> Iterable[Item]:
    """Return ``items``, and call ``pace`` every few of them unless they are few.

    Those of an iterator are taken for many.
    """
    return items if length_hint(items, FEW + 1) <= FEW else _paced(items, pace)


def _paced(items: Iterable[Item], pace: Pace) -> Iterator[Item]:
    count = 0
    for item in items:
        yield item
        count += 1
        if count == SLICE:
            count = 0
            pace()


def free(items: list[Any], pace: Pace) -> None:
    """Empty ``items``, a few at a time.

    To free 100,000 objects at once would hold up all other threads for 20 ms.
    """
    while items:
        del items[-FEW:]
        pace()


def never() -> bool:
    return False


class Pacing:
    """The queries of one process: each may take ``seconds``, ``most`` long ones run.

    As many may wait for these. One that looks at more than ``scan`` documents is long.
    ``clock`` returns the time in seconds, ``work`` the seconds of CPU that this thread has
    used; ``set_switch`` sets the seconds after which threads hand on the interpreter.
    """

    def __init__(
        self,
        seconds: float,
        most: int,
        scan: int,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], float] = time.thread_time,
        pause: Callable[[float], None] = time.sleep,
        set_switch: Callable[[float], None] = sys.setswitchinterval,
    ) -> None:
        self.seconds = seconds
        self.scan = scan
        self.turn = threading.Lock()
        self.clock = clock
        self.work = work
        self.pause = pause
        self._room = threading.Semaphore(2 * most)
        self._places = threading.Semaphore(most)
        self._set_switch = set_switch
        self._usual = sys.getswitchinterval()
        self._counting = threading.Lock()
        self._going_on = 0

    def query(self, environ: Mapping[str, Any] = {}) -> "QueryPace":
        """Return the pace of a query, to be used in a ``with`` statement.

        ``environ`` is the WSGI environment of its request.
        """
        return QueryPace(self, environ)

    def take_place(self, check: Callable[[], None]) -> None:
        """Take a slot for a long query; while waiting, call ``check``. Raises Overdue."""
        if not self._room.acquire(blocking=False):
            raise Overdue(
                "too many long queries run already, which look at more than "
                f"{self.scan} documents each (SVCTASKS_MAX_SCAN); try again, or narrow it"
            )
        try:
            while not self._places.acquire(timeout=WAIT):
                check()
        except Overdue:
            self._room.release()
            raise

    def count(self, change: int) -> None:
        """Count a query that goes on, or with -1 one that is over.

        Else a request waits 5 ms for each that works, and again after each wait.
        """
        with self._counting:
            before = self._going_on
            self._going_on += change
            if not before:
                self._set_switch(SWITCH)
            elif not self._going_on:
                self._set_switch(self._usual)

    def leave_place(self) -> None:
        """Give the slot to the next long query."""
        self._places.release()
        self._room.release()


class QueryPace:
    """The pace of one query; used by the thread that made it."""

    def __init__(self, pacing: Pacing, environ: Mapping[str, Any]) -> None:
        self._pacing = pacing
        self._clock = pacing.clock
        self._environ = environ
        self._begin = pacing.clock()
        self._next = self._begin + FREE
        self._work: float | None = None
        self._worked = 0.0
        self._is_long = False
        self._has_turn = False

    def __enter__(self) -> "QueryPace":
        return self

    def __exit__(self, *_: object) -> None:
        self._leave_turn()
        if self._work is not None:
            self._work = None
            self._pacing.count(-1)
        if self._is_long:
            self._is_long = False
            self._pacing.leave_place()

    def __call__(self, ahead: int = 0, holding: bool = False) -> None:
        """Return, after a pause if one is due; raises Overdue if the query must end."""
        if ahead and ahead > self._pacing.scan and not self._is_long:
            self._become_long()
        if (now := self._clock()) >= self._next:
            self._look(now, holding)

    def _look(self, now: float, holding: bool) -> None:
        pacing = self._pacing
        self._check(now)
        work = pacing.work()
        if self._work is None:
            self._work = self._worked = work
            pacing.count(1)
        if not self._is_long and not holding and work - self._work >= LONG:
            self._become_long()
        if self._is_long and self._environ.get(IS_STOPPING, never)():
            raise Overdue("the server stops; try again")
        self._leave_turn()
        pacing.pause(PAUSE)
        # One that waits for a lock has not worked, and the one that has it needs the turn.
        if not holding and work - self._worked >= WORKED:
            while not pacing.turn.acquire(timeout=WAIT):
                self._check(pacing.clock())
            self._has_turn = True
        self._worked = work
        self._next = pacing.clock() + TICK

    def _become_long(self) -> None:
        self._leave_turn()
        self._pacing.take_place(lambda: self._check(self._pacing.clock()))
        self._is_long = True

    def _leave_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._pacing.turn.release()

    def _check(self, now: float) -> None:
        seconds = self._pacing.seconds
        if now - self._begin >= seconds:
            raise Overdue(
                f"the query takes longer than {seconds:g} seconds "
                "(SVCTASKS_QUERY_TIMEOUT); narrow it"
            )
        if self._environ.get(HAS_LEFT, never)():
            raise Overdue("the client has left")
