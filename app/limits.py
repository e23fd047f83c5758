"""The table of limits: what one client, or all together, may use of the service.

Each limit is a setting, and each message about one names it. The defaults are for a machine
with two cores and 2 GB of memory.
"""

from typing import NamedTuple

FIELDS = 100
"""Headers that a request may have: Granian's core takes no more."""


class Limit(NamedTuple):
    """One row of the table: a limit in whole numbers, or in seconds if those are floats.

    It may be set to ``least`` or more, and to ``most`` at most if that is given.
    """

    name: str
    default: int | float
    meaning: str
    least: int = 1
    most: int | None = None

    def fault(self, value: int | float) -> str:
        """Return what is wrong with ``value``, or nothing."""
        if isinstance(self.default, float):
            if 0 < value <= 86400:
                return ""
            return f"must be a number of seconds above 0 and up to 86400, not {value}"
        if self.least <= value <= (self.most or value):
            return ""
        allowed = f"to {self.most}" if self.most else "or more"
        return f"must be {self.least} {allowed}, not {value}"


def long_line(most: int) -> str:
    """Return the message about a first line of more than ``most`` bytes."""
    return (
        f"the first line of a request may have {most} bytes at most "
        "(SVCTASKS_MAX_ADDRESS)"
    )


def long_head(most: int) -> str:
    """Return the message about a head of more than ``most`` bytes, or of many headers."""
    return (
        f"the head of a request may have {most} bytes at most (SVCTASKS_MAX_HEAD), and "
        f"{FIELDS} headers"
    )


def late(seconds: float) -> str:
    """Return the message about a request that takes more than ``seconds`` to arrive."""
    return (
        f"the request did not arrive within {seconds:g} seconds "
        "(SVCTASKS_REQUEST_TIMEOUT)"
    )


def crowded(most: int) -> str:
    """Return the message about a request that gave way, with ``most`` connections held."""
    return (
        f"a worker may hold {most} connections (SVCTASKS_MAX_CONNECTIONS); this one had "
        "been silent for longest"
    )


LIMITS = (
    Limit(
        name="max_connections",
        default=8000,
        meaning="connections that a worker may hold, if it may open as many files",
        most=65536,
    ),
    Limit(
        name="request_timeout",
        default=30.0,
        meaning="seconds in which a request must arrive, and its reply be read",
    ),
    Limit(
        name="max_address",
        default=8190,
        meaning="bytes that the first line of a request may have, which has the address",
        least=100,
        most=8190,
    ),
    Limit(
        name="max_head",
        default=1 << 16,
        meaning="bytes that the head of a request may have: its first line and headers",
        least=1024,
        most=1 << 20,
    ),
    Limit(
        name="max_body",
        default=1 << 20,
        meaning="bytes that a request body may have",
    ),
    Limit(
        name="max_depth",
        default=64,
        meaning="how deep arrays and objects in a request body may be nested",
        most=64,
    ),
    Limit(
        name="max_members",
        default=100_000,
        meaning="members of objects and elements of arrays that a request body may have",
    ),
    Limit(
        name="max_filter",
        default=256,
        meaning="conditions that a filter may have; each array or object in a value is "
        "one too",
    ),
    Limit(
        name="max_filter_depth",
        default=16,
        meaning="how deep a filter and the values in it may be nested",
        most=64,
    ),
    Limit(
        name="max_filter_values",
        default=1000,
        meaning="values that all arrays and objects in a filter may have together",
    ),
    Limit(
        name="max_limit",
        default=0,
        meaning="tasks or services that a reply may have; 0: any number",
        least=0,
    ),
    Limit(
        name="max_scan",
        default=10_000,
        meaning="documents that a list may look at before it counts as long; of the long "
        "ones only a few run at a time",
    ),
    Limit(
        name="query_timeout",
        default=10.0,
        meaning="seconds that a list may take; then it ends with 503",
    ),
    Limit(
        name="max_document",
        default=4 << 20,
        meaning="bytes that a task or a service may grow to, as JSON without white space",
    ),
    Limit(
        name="max_documents",
        default=1_000_000,
        meaning="documents that a table may grow to; 0: any number",
        least=0,
    ),
    Limit(
        name="max_table",
        default=512 << 20,
        meaning="bytes that all documents of a table may grow to together; 0: any number",
        least=0,
    ),
    Limit(
        name="runner_runs",
        default=8,
        meaning="runs that a runner may have at once",
        most=1000,
    ),
    Limit(
        name="runner_grace",
        default=30.0,
        meaning="seconds that a runner which stops waits for its runs; then it ends them",
    ),
    Limit(
        name="runs_keep",
        default=20,
        meaning="last runs that are kept of a task, besides its last failure and success",
        most=10_000,
    ),
    Limit(
        name="runs_max",
        default=20_000,
        meaning="runs that are kept in all; each worker has them in memory",
        most=1_000_000,
    ),
)
"""Every limit, in the order in which a request meets them."""
