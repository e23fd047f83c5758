"""Reads that may be stale by a stated bound, from a server that follows the leader.

How stale they are is measured: the leader's position in its log is noted at moments, and a
follower that has replayed such a position has all that was committed before that moment. A
read goes to the leader where the follower has not yet reached one that is recent enough.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow

from app.errors import Unavailable
from app.storage import MOST, TOTAL, Figure
from app.storage.postgresql.connections import Connections

Result = TypeVar("Result")

MARKS: Final = 4
"""Positions that are noted in the time by which a read may be stale."""

SHUNNED: Final = 5.0
"""Seconds in which a follower that could not be reached is not asked again."""

_POSITION = "SELECT pg_current_wal_insert_lsn()::text"

_REACHED = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END"""


class Replica:
    """Reads from ``follower`` what is at most ``bound`` seconds older than ``leader``'s."""

    def __init__(
        self, leader: Connections, follower: Connections, bound: float
    ) -> None:
        self._leader = leader
        self._follower = follower
        self._bound = bound
        self._lock = threading.Lock()
        self._marks: deque[tuple[float, int]] = deque()
        self._shunned = 0.0
        self._lag = 0.0
        self.reads = 0
        self.fallbacks = 0

    def read(self, work: Callable[["Connection[TupleRow]"], Result]) -> Result:
        """Do ``work`` on the follower, or on the leader where that is too stale."""
        self.reads += 1
        if time.monotonic() < self._shunned:
            self.fallbacks += 1
            return self._leader.read(work)
        mark = self._oldest_mark()

        def fresh(connection: "Connection[TupleRow]") -> tuple[bool, Result | None]:
            row = connection.execute(_REACHED).fetchone()
            reached = 0 if row is None or row[0] is None else _number(row[0])
            self._note_lag(reached)
            return (True, work(connection)) if reached >= mark else (False, None)

        try:
            is_fresh, result = self._follower.once(fresh)
        except Unavailable:
            is_fresh, result = False, None
            self._shunned = time.monotonic() + SHUNNED
        if is_fresh:
            assert result is not None
            return result
        self.fallbacks += 1
        return self._leader.read(work)

    def close(self) -> None:
        """Close all connections to the follower."""
        self._follower.close()

    def figures(self) -> dict[str, Figure]:
        """Return how far the follower is behind, and what was read from it."""
        is_shunned = time.monotonic() < self._shunned
        return {
            "replica_lag_seconds": Figure(
                round(self._lag, 3),
                "Seconds by which the replica was behind at most, when it was last asked.",
                MOST,
            ),
            "replica_reachable": Figure(
                int(not is_shunned), "Workers that reach the replica."
            ),
            "replica_reads": Figure(
                self.reads - self.fallbacks, "Reads from the replica.", TOTAL
            ),
            "replica_fallbacks": Figure(
                self.fallbacks, "Reads that it was too stale for, or not there.", TOTAL
            ),
        }

    def _note_lag(self, reached: int) -> None:
        """Note the age of the newest position that is ``reached``, or of the oldest."""
        with self._lock:
            times = [moment for moment, position in self._marks if position <= reached]
            oldest = self._marks[0][0] if self._marks else time.monotonic()
        self._lag = time.monotonic() - max(times, default=oldest)

    def _oldest_mark(self) -> int:
        """Return the oldest noted position that is recent enough; notes one if needed."""
        now = time.monotonic()
        with self._lock:
            while self._marks and self._marks[0][0] < now - self._bound:
                self._marks.popleft()
            is_due = not self._marks or self._marks[-1][0] < now - self._bound / MARKS
            if is_due:
                # What was committed before now is before the position that is read now.
                position = self._leader.run(_position)
                self._marks.append((now, position))
            return self._marks[0][1]


def _position(connection: "Connection[TupleRow]") -> int:
    row = connection.execute(_POSITION).fetchone()
    assert row is not None
    return _number(row[0])


def _number(position: str) -> int:
    """Return a position in the log as a number."""
    high, low = position.split("/")
    return (int(high, 16) << 32) + int(low, 16)
