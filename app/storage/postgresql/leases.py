"""Versions of small tables that every request goes by, read a moment ago.

A version that was asked for is relied on for the length of a lease. A write of such a
table returns only when all leases from before it have ended, so that what it acknowledges
holds in every process from then on.
"""

import time
from collections.abc import Callable, Hashable
from typing import Final

LEASE: Final = 0.1
"""Seconds for which a version is relied on, and which a writer waits."""


class Leases:
    """The leases of one process, of so many ``seconds``; 0 is none."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held: dict[str, tuple[float, Hashable]] = {}

    def version(self, table: str, read: Callable[[], Hashable]) -> Hashable:
        """Return the version that ``read`` returns, or did within the lease."""
        now = time.monotonic()
        until, version = self._held.get(table, (0.0, None))
        if now >= until:
            # The lease is from before the look: a later write may be missing in it.
            version = read()
            self._held[table] = now + self._seconds, version
        return version

    def end(self, table: str) -> None:
        """Return when no process holds a lease from before now."""
        self._held.pop(table, None)
        time.sleep(self._seconds)
