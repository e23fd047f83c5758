"""What errors of the database mean: for its connection, another try, and clients."""

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from app.errors import Busy, Full, Overdue, Unavailable

SERIALIZATION = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
}

_ENDED = {
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P05",  # idle_session_timeout
}

_TRANSIENT = {
    *SERIALIZATION,
    *_ENDED,
    "25006",  # read_only_sql_transaction: a former leader
    "53300",  # too_many_connections
}


def is_lost(error: psycopg.Error) -> bool:
    """Return whether the connection went, and not only what was asked on it."""
    if isinstance(error, PoolTimeout):
        return False
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith("08") or state in _ENDED


def is_transient(error: psycopg.Error) -> bool:
    """Return whether what failed may succeed when it is tried again."""
    if isinstance(error, PoolTimeout):
        return False
    if isinstance(error, psycopg.InterfaceError):
        return True
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith("08") or state in _TRANSIENT


def translated(error: psycopg.Error, read_timeout: float) -> Exception:
    """Return the error of the service for one of the database."""
    state = error.sqlstate or ""
    if isinstance(error, PoolTimeout):
        return Unavailable(
            "all connections to the database are in use, or it cannot be reached; "
            "try again later"
        )
    if isinstance(error, errors.LockNotAvailable):
        return Busy()
    if isinstance(error, errors.QueryCanceled):
        return Overdue(
            f"the query takes longer than {read_timeout:g} seconds "
            "(SVCTASKS_QUERY_TIMEOUT); narrow it"
        )
    if isinstance(error, errors.DiskFull):
        return Full("there is no room on the disk of the database")
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return Unavailable(
            "the database lacks tables of this version; run svctasks migrate"
        )
    reason = str(error).strip().partition("\n")[0]
    if not state or is_transient(error):
        return Unavailable(f"the database cannot be reached now: {reason}")
    return Unavailable(f"the database refused ({state}): {reason}")
