"""A connection that is given up when its server does not answer anything any more.

A server that is paused keeps its connections open: neither TCP nor time-outs of the
server end what waits for it.
"""

import time
from collections.abc import Generator
from typing import Any, Final, TypeVar

import psycopg
from psycopg import conninfo, errors
from psycopg.rows import TupleRow

Result = TypeVar("Result")

QUIET: Final = 1.0
"""Seconds without a word after which it is tried whether the server answers others."""

INTERVAL: Final = 0.1
"""Seconds between two looks at a connection that is waited for."""


class Attended(psycopg.Connection[TupleRow]):
    """A connection to a server, which answers or is given up.

    One that ``is_shared`` leads through a pooler, such as PgBouncer, which may give each
    transaction another session: nothing is prepared or set beyond a transaction.
    """

    is_shared = False

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
            if not ready and time.monotonic() - since > QUIET:
                self._ask_for_a_sign()
                since = time.monotonic()

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
