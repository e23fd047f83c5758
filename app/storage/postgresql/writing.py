"""How a write is done: once, whatever becomes of its connection.

A commit whose reply is lost may have happened or not. The write is then tried again alone,
which waits for the former try to end, and looks first whether its token is among the
changes: that of a write that was done is. It is acknowledged only once a commit behind it
is: that of the former try may have been cut off from the nodes that must have it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from app.storage import Limits
from app.storage.postgresql.attended import Attended
from app.storage.postgresql.columns import Columns
from app.storage.postgresql.connections import Connections
from app.storage.postgresql.ids import Ids
from app.storage.postgresql.leases import Leases
from app.storage.postgresql.transactions import NotAlone, Transaction

Result = TypeVar("Result")

_thread = threading.local()
"""The write of this thread: its writer and its connection."""


class Writer:
    """Writes by ``connections``, and the reads that join these."""

    def __init__(
        self, connections: Connections, ids: Ids, limits: Limits, leases: Leases
    ) -> None:
        self._connections = connections
        self._leases = leases
        self._ids = ids
        self._limits = limits
        self.address = connections.parameters

    def joined(self) -> Attended | None:
        """Return the connection of the write within which this thread is, if it is.

        One of its own might be the pool's last, for which others like this one wait.
        """
        writer, connection = getattr(_thread, "write", (None, None))
        if writer is None or writer.address != self.address:
            return None
        return connection

    def reading(self, work: Callable[[Attended], Result]) -> Result:
        """Read on the connection of this thread's write, or else on any."""
        joined = self.joined()
        return self._connections.read(work) if joined is None else work(joined)

    def barrier(self, columns: Columns) -> list[UUID]:
        """Wait for all who write to a table now, and return the rows that it has then."""

        def wait(connection: Attended) -> list[UUID]:
            connection.execute(
                f"BEGIN; LOCK TABLE {columns.table} IN EXCLUSIVE MODE; COMMIT"
            )
            rows = connection.execute(
                f"SELECT row_key FROM {columns.table} ORDER BY position"
            )
            return [row_key for (row_key,) in rows]

        _refuse_within_another()
        return self._connections.run(wait)

    def write(
        self,
        columns: Columns,
        plan: Callable[[Transaction], Result],
        is_alone: bool = False,
        is_limited: bool = True,
    ) -> Result:
        """Do what ``plan`` does to a table, all or nothing, and return what it does.

        A plan may be called again. It ``is_alone`` with its table if it has to be.
        """
        _refuse_within_another()
        once = _Once(self, columns, plan, is_alone, is_limited)
        result: Result = self._connections.run(once.done)
        if columns.collection.is_leased:
            self._leases.end(columns.collection.name)
        return result

    def transaction(
        self, connection: Attended, columns: Columns, is_alone: bool
    ) -> Transaction:
        """Return a transaction, which is not begun."""
        begin = self._connections.limits(connection)
        return Transaction(
            connection, columns, self._ids, self._limits, is_alone, begin
        )


@dataclass(slots=True)
class _Once:
    """One write, which is tried again and done once."""

    writer: Writer
    columns: Columns
    plan: Callable[[Transaction], Any]
    is_alone: bool
    is_limited: bool
    token: UUID = field(default_factory=uuid4)
    may_be_done: bool = False
    result: Any = None

    def done(self, connection: Attended) -> Any:
        """Do the write, unless it was done, and return what its plan does."""
        while True:
            try:
                return self._tried(connection)
            except NotAlone:
                connection.rollback()
                self.is_alone = True

    def _tried(self, connection: Attended) -> Any:
        is_alone = self.is_alone or self.may_be_done
        transaction = self.writer.transaction(connection, self.columns, is_alone)
        try:
            transaction.begin()
            if self.may_be_done and self._is_noted(connection):
                connection.commit_everywhere()
                return self.result
            self.may_be_done = False
            _thread.write = self.writer, connection
            try:
                result = self.plan(transaction)
            finally:
                _thread.write = None, None
            if transaction.has_changed:
                transaction.finish(self.token, self.is_limited)
        except BaseException:
            transaction.undo()
            raise
        self.result = result
        if transaction.has_changed:
            self.may_be_done = True
        else:
            transaction.undo()
        # What a write finds done already may be the work of one that was not confirmed.
        connection.commit_everywhere()
        return result

    def _is_noted(self, connection: Attended) -> bool:
        # A transaction that holds a row has something to commit.
        found = connection.execute(
            "SELECT 1 FROM changes WHERE write = %s LIMIT 1 FOR UPDATE", (self.token,)
        )
        return found.fetchone() is not None


def _refuse_within_another() -> None:
    writer, _ = getattr(_thread, "write", (None, None))
    if writer is not None:
        raise RuntimeError("a write within a write")
