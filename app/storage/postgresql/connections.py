"""The connections of one process: given out, given back, made anew when they are lost.

What may be done again after a fault is, for two seconds: then the database cannot be
reached, and the client hears so. A pool does not live on after a fork: each process makes
its own when it first needs one.
"""

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg import conninfo, pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg_pool import ConnectionPool, PoolTimeout

from app.errors import Invalid
from app.storage import TOTAL, Figure
from app.storage.postgresql.attended import COMMIT_WAIT, Attended
from app.storage.postgresql.faults import (
    SERIALIZATION,
    is_lost,
    is_transient,
    translated,
)

Result = TypeVar("Result")

PATIENCE: Final = 2.0
"""Seconds in which what failed is tried again."""

WAIT: Final = 1.5
"""Seconds to wait for a connection that others have."""

TRY: Final = 0.25
"""Seconds to wait before the pool is asked anew, unless it has all its connections.

One that could not connect tries again for those who ask after that.
"""

PAUSE: Final = 0.05
"""Seconds between two tries."""

LOCK_WAIT: Final = 5
"""Seconds to wait for a lock that another write holds."""

DEFAULTS = {
    "application_name": "svctasks",
    "connect_timeout": "2",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
"""Parameters of a connection where its address has none: a dead server is noticed."""

# Each request that fails for want of a connection says so itself.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

log = logging.getLogger(__name__)

_abandoned: list[Any] = []
"""Pools of the process that this one is a fork of; their connections are not ours."""


class _Raw(Loader):
    """Leaves JSON as it is: bytes."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class Connections:
    """Connections to the database at ``address``, ``most`` of them in each process.

    A read may take ``read_timeout`` seconds, and a commit wait ``commit_wait`` for other
    nodes. By ``clock`` and ``pause`` what fails is tried again.
    """

    def __init__(
        self,
        address: str,
        most: int,
        read_timeout: float,
        commit_wait: float = COMMIT_WAIT,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.parameters = parameters(address)
        self._most = most
        self._read_timeout = read_timeout
        self._commit_wait = commit_wait
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._pool: ConnectionPool[Attended] | None = None
        self._process = 0
        self._timeouts = 0
        self._retries = 0
        self._serializations = 0
        self._noting = threading.Lock()
        self._lost_at: float | None = None

    @property
    def place(self) -> str:
        """Where the database is, without a password."""
        host = self.parameters.get("host") or "the local socket"
        return f"{self.parameters.get('dbname') or 'the database'} on {host}"

    def connect(self) -> Attended:
        """Return a connection of its own; raises Unavailable."""
        with self.translating():
            connection = Attended.connect(autocommit=True, **self.parameters)
            self._configure(connection)
        return connection

    def run(self, work: Callable[[Attended], Result]) -> Result:
        """Do ``work`` with a connection, again after a fault that passes.

        Raises Unavailable, Busy, Full and Overdue.
        """
        return self._until_done(lambda: self._done(work))

    def once(self, work: Callable[[Attended], Result]) -> Result:
        """Do ``work`` with a connection, and do not try again; raises as ``run``."""
        try:
            return self._done(work)
        except psycopg.Error as error:
            raise translated(error, self._read_timeout) from error

    def _done(self, work: Callable[[Attended], Result]) -> Result:
        connection = self.take()
        try:
            return work(connection)
        finally:
            self.give_back(connection)

    def begun(self, text: str) -> Attended:
        """Return a connection on which the statements ``text`` are done; as ``run``."""

        def once() -> Attended:
            connection = self.take()
            try:
                connection.execute(text)
            except BaseException:
                self.give_back(connection)
                raise
            return connection

        return self._until_done(once)

    def read(self, work: Callable[[Attended], Result]) -> Result:
        """Do ``work``, which only reads, as ``run`` does; it may take as long as a read."""

        def limited(connection: Attended) -> Result:
            if not connection.is_shared:
                return work(connection)
            with connection.transaction():
                connection.execute(self.limits(connection))
                return work(connection)

        return self.run(limited)

    def limits(self, connection: Attended) -> str:
        """Return what limits a transaction, where its session has no limits."""
        return _limits("SET LOCAL", self._read_timeout) if connection.is_shared else ""

    def _until_done(self, act: Callable[[], Result]) -> Result:
        end = self._clock() + PATIENCE
        while True:
            try:
                return act()
            except psycopg.Error as error:
                if is_lost(error):
                    self._note_loss(str(error))
                if not is_transient(error) or self._clock() + PAUSE > end:
                    raise translated(error, self._read_timeout) from error
                self._retries += 1
                self._serializations += error.sqlstate in SERIALIZATION
                self._pause(PAUSE)

    def take(self) -> Attended:
        """Return a connection, to be given back; raises psycopg.Error."""
        pool = self._opened()
        end = time.monotonic() + WAIT
        wait = TRY
        while True:
            try:
                return pool.getconn(wait)
            except PoolTimeout:
                left = end - time.monotonic()
                if left <= 0:
                    self._timeouts += 1
                    raise
                is_full = pool.get_stats()["pool_size"] >= self._most
                wait = left if is_full else min(left, TRY)

    def give_back(self, connection: Attended) -> None:
        """Take a connection back, whatever became of it."""
        if connection.info.transaction_status is not pq.TransactionStatus.IDLE:
            if not connection.closed and not connection.broken:
                try:
                    connection.rollback()
                except psycopg.Error:
                    connection.close()
        pool = self._opened()
        is_lost = connection.closed or connection.broken
        pool.putconn(connection)
        if is_lost:
            # The others lead to the same server, which went away.
            pool.drain()

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Raise the error of the service for one of the database."""
        try:
            yield
        except psycopg.Error as error:
            raise translated(error, self._read_timeout) from error

    def figures(self) -> dict[str, Figure]:
        """Return the figures of the pool of this process."""
        pool = self._pool if self._process == os.getpid() else None
        found = defaultdict[str, int](int, {} if pool is None else pool.get_stats())
        in_use = found["pool_size"] - found["pool_available"]
        waited = found["requests_wait_ms"] / 1000
        return {
            "pool_max": Figure(self._most, "Connections that workers may have."),
            "pool_size": Figure(found["pool_size"], "Connections to the database."),
            "pool_in_use": Figure(in_use, "Connections that are in use."),
            "pool_waiting": Figure(
                found["requests_waiting"], "Requests that wait for a connection."
            ),
            "pool_waits": Figure(
                found["requests_queued"],
                "Times that a request waited for a connection.",
                TOTAL,
            ),
            "pool_wait_seconds": Figure(
                waited, "Time that requests waited for connections.", TOTAL
            ),
            "pool_timeouts": Figure(
                self._timeouts,
                "Requests that waited for a connection in vain.",
                TOTAL,
            ),
            "connections": Figure(
                found["connections_num"], "Connections that were tried.", TOTAL
            ),
            "connections_failed": Figure(
                found["connections_errors"],
                "Connections that could not be made.",
                TOTAL,
            ),
            "connections_lost": Figure(
                found["connections_lost"], "Connections that were lost.", TOTAL
            ),
            "retries": Figure(
                self._retries, "Reads and writes that were tried again.", TOTAL
            ),
            "serialization_retries": Figure(
                self._serializations,
                "Those of them that were in the way of each other.",
                TOTAL,
            ),
        }

    def close(self) -> None:
        """Close all connections of this process."""
        with self._lock:
            pool, self._pool = self._pool, None
            if pool is None:
                return
            if self._process == os.getpid():
                pool.close()
            else:
                _abandoned.append(pool)

    def _opened(self) -> ConnectionPool[Attended]:
        if self._pool is not None and self._process == os.getpid():
            return self._pool
        with self._lock:
            if self._process != os.getpid() and self._pool is not None:
                _abandoned.append(self._pool)
                self._pool = None
            if self._pool is None:
                self._process = os.getpid()
                self._pool = ConnectionPool(
                    kwargs={"autocommit": True, **self.parameters},
                    min_size=0,
                    max_size=self._most,
                    # Its own back-off would go on for seconds after an outage.
                    reconnect_timeout=4 * PAUSE,
                    configure=self._configure,
                    num_workers=1,
                    connection_class=Attended,
                    reconnect_failed=lambda _: self._note_loss("nobody answers"),
                    open=True,
                )
            return self._pool

    def _note_loss(self, reason: str) -> None:
        """Log that the database is lost, once until it answers again."""
        with self._noting:
            if self._lost_at is not None:
                return
            self._lost_at = time.monotonic()
        first = reason.strip().partition("\n")[0]
        log.warning("connections to %s are lost: %s", self.place, first)

    def _note_return(self) -> None:
        with self._noting:
            lost_at, self._lost_at = self._lost_at, None
        if lost_at is not None:
            seconds = time.monotonic() - lost_at
            log.warning("%s answers again, after %.1f s", self.place, seconds)

    def _configure(self, connection: Attended) -> None:
        connection.adapters.register_loader("json", _Raw)
        connection.commit_wait = self._commit_wait
        connection.look_for_a_pooler()
        if not connection.is_shared:
            connection.execute(_limits("SET", self._read_timeout))
        self._note_return()


def _limits(command: str, read_timeout: float) -> str:
    return (
        f"{command} statement_timeout = {int(read_timeout * 1000)}; "
        f"{command} lock_timeout = '{LOCK_WAIT}s'; "
        f"{command} idle_in_transaction_session_timeout = '60s'; "
        # What comes with a commit says that it may be lost.
        f"{command} client_min_messages = warning; "
    )


def parameters(address: str) -> dict[str, Any]:
    """Return the parameters of connections to ``address``; raises Invalid."""
    try:
        given = conninfo.conninfo_to_dict(address)
    except psycopg.ProgrammingError as error:
        reason = str(error).strip().partition("\n")[0]
        raise Invalid(f"the address of the database is none: {reason}") from None
    if "," in str(given.get("host", "")):
        # Of several servers, the one that leads.
        given.setdefault("target_session_attrs", "read-write")
    return {**DEFAULTS, **given}
