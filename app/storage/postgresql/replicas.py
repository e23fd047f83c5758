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
from app.storage.postgresql.connections import Connections

Result = TypeVar("Result")

MARKS: Final = 4
"""Positions that are noted in the time by which a read may be stale."""

SHUNNED: Final = 5.0
"""Seconds in which a follower that could not be reached is not asked again."""

_POSITION = "SELECT pg_current_wal_insert_lsn()::text"

_HAS = """
SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn"""


class Replica:
    """Reads from ``follower`` what is at most ``bound`` seconds older than ``leader``'s."""

    def __init__(
        self, leader: Connections, follower: Connections, bound: float
    ) -> None:
        self._leader = leader
        self._follower = follower
        self._bound = bound
        self._lock = threading.Lock()
        self._marks: deque[tuple[float, str]] = deque()
        self._shunned = 0.0
        self.reads = 0
        self.fallbacks = 0

    def read(self, work: Callable[["Connection[TupleRow]"], Result]) -> Result:
        """Do ``work`` on the follower, or on the leader where that is too stale."""
        self.reads += 1
        if time.monotonic() < self._shunned:
            self.fallbacks += 1
            return self._leader.run(work)
        mark = self._oldest_mark()

        def fresh(connection: "Connection[TupleRow]") -> tuple[bool, Result | None]:
            row = connection.execute(_HAS, (mark,)).fetchone()
            if row is None or not row[0]:
                return False, None
            return True, work(connection)

        try:
            is_fresh, result = self._follower.once(fresh)
        except Unavailable:
            is_fresh, result = False, None
            self._shunned = time.monotonic() + SHUNNED
        if is_fresh:
            assert result is not None
            return result
        self.fallbacks += 1
        return self._leader.run(work)

    def close(self) -> None:
        """Close all connections to the follower."""
        self._follower.close()

    def _oldest_mark(self) -> str:
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


def _position(connection: "Connection[TupleRow]") -> str:
    row = connection.execute(_POSITION).fetchone()
    assert row is not None
    return str(row[0])
