"""A connection that is given up when its server does not answer anything any more.

A server that is paused keeps its connections open: neither TCP nor time-outs of the
server end what waits for it. Nor do they end a commit that waits for other nodes, of which
there are too few; one that is cancelled then says that it is done, with a warning: other
nodes may not have it.
"""

import time
from collections.abc import Generator, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg import conninfo, errors
from psycopg.rows import TupleRow

from app.errors import Unavailable

Result = TypeVar("Result")

QUIET: Final = 1.0
"""Seconds without a word after which it is tried whether the server answers others."""

INTERVAL: Final = 0.1
"""Seconds between two looks at a connection that is waited for."""

COMMIT_WAIT: Final = 5.0
"""Seconds for which a commit may wait for other nodes; then for its own disk, again."""

UNCONFIRMED = (
    "the nodes of the database that must have the write (synchronous_standby_names) have "
    "not confirmed it: it may or may not last; look before you try again"
)


class Attended(psycopg.Connection[TupleRow]):
    """A connection to a server, which answers or is given up.

    One that ``is_shared`` leads through a pooler, such as PgBouncer, which may give each
    transaction another session: nothing is prepared or set beyond a transaction.
    """

    is_shared = False
    commit_wait = COMMIT_WAIT
    _commit_by: float | None = None
    _is_cancelled = False

    def commit_everywhere(
        self, text: str = "COMMIT", values: Sequence[Any] = ()
    ) -> psycopg.Cursor[TupleRow]:
        """Execute ``text``, which commits, in bounded time.

        Raises Unavailable where the nodes that must have it have not confirmed it.
        """
        warnings: list[str | None] = []

        def note(diagnostic: errors.Diagnostic) -> None:
            if diagnostic.severity_nonlocalized == "WARNING":
                warnings.append(diagnostic.sqlstate)

        self.add_notice_handler(note)
        self._commit_by = time.monotonic() + self.commit_wait
        self._is_cancelled = False
        try:
            cursor = self.execute(text, values)
        except errors.QueryCanceled as error:
            raise Unavailable(UNCONFIRMED) from error
        finally:
            self._commit_by = None
            self.remove_notice_handler(note)
        if warnings:
            raise Unavailable(UNCONFIRMED)
        return cursor

    def look_for_a_pooler(self) -> None:
        """Find out whether the connection is shared; raises psycopg.Error."""
        # A pooler makes up the process id that it tells its clients.
        [process] = self.execute("SELECT pg_backend_pid()").fetchone() or [0]
        if process != self.info.backend_pid:
            self.is_shared = True
            self.prepare_threshold = None

    def wait(
        self,
        gen: "Generator[Any, Any, Result]",
        interval: float = INTERVAL,
        timeout: float | None = None,
    ) -> Result:
        """Return the result of ``gen``; raises OperationalError if nobody answers."""
        return super().wait(self._attended(gen), interval, timeout)

    def _attended(
        self, gen: "Generator[Any, Any, Result]"
    ) -> "Generator[Any, Any, Result]":
        since = time.monotonic()
        ready: Any = None
        while True:
            try:
                state = gen.send(ready)
            except StopIteration as end:
                result: Result = end.value
                return result
            ready = yield state
            if not ready and self._commit_by and time.monotonic() > self._commit_by:
                self._end_commit()
            if not ready and time.monotonic() - since > QUIET:
                self._ask_for_a_sign()
                since = time.monotonic()

    def _end_commit(self) -> None:
        """Have a commit wait for other nodes no longer; give it up if it goes on."""
        if self._is_cancelled:
            self.pgconn.finish()
            raise psycopg.OperationalError("a commit does not end")
        self._is_cancelled = True
        self._commit_by = time.monotonic() + COMMIT_WAIT
        try:
            self.cancel_safe(timeout=COMMIT_WAIT)
        except psycopg.Error:
            # Nobody hears it: then nobody answers the commit either.
            pass

    def _ask_for_a_sign(self) -> None:
        try:
            psycopg.connect(**self._to_this_server()).close()
        except errors.ConnectionTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from None
        except psycopg.Error:
            # It refuses another connection: so it is there.
            pass

    def _to_this_server(self) -> dict[str, Any]:
        """Return the parameters of another connection to the server of this one."""
        given: dict[str, Any] = dict(conninfo.conninfo_to_dict(self.info.dsn))
        for name in ("hostaddr", "target_session_attrs"):
            given.pop(name, None)
        info = self.info
        given |= {"host": info.host, "port": info.port, "password": info.password}
        return {**given, "connect_timeout": 2}
