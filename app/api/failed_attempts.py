"""Failed attempts to authenticate, counted by the address that they came from.

The counts are in memory that all workers share, as they are forks of one process. There
are as many as there are, whatever clients do: each address has one by its hash, and shares
it with some others, of which none is refused for that as long as its tokens are valid.
Nothing locks them: when two workers count in the same instant, one count may be lost.

An address of IPv6 counts as its network of 64 bits: a client has all addresses in it.
"""

import math
import mmap
import os
import time
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

MOST = 10
"""How many attempts from one address may fail in ``PERIOD`` seconds."""

PERIOD = 60

SLOTS = 4096

_DOUBLE = 8
"""Bytes of a number in the memory."""


class FailedAttempts:
    """The counts; ``now`` returns the time in seconds since 1970."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        # So that nobody can choose an address that shares its count with another.
        self._key = os.urandom(16)
        memory = mmap.mmap(-1, 2 * SLOTS * _DOUBLE)
        # Of each slot: when its period began, and how many attempts failed in it.
        self._numbers = memoryview(memory).cast("d")

    def count(self, address: str) -> int:
        """Count a failed attempt; return for how many seconds there were too many, or 0."""
        begin = 2 * self._slot(address)
        now, began = self._now(), self._numbers[begin]
        if not began <= now < began + PERIOD:
            self._numbers[begin], self._numbers[begin + 1] = now, 0
            began = now
        self._numbers[begin + 1] += 1
        if self._numbers[begin + 1] <= MOST:
            return 0
        return max(1, math.ceil(began + PERIOD - now))

    def _slot(self, address: str) -> int:
        digest = blake2b(_network(address).encode(), digest_size=8, key=self._key)
        return int.from_bytes(digest.digest()) % SLOTS


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        # That of a client on a Unix socket is empty.
        return ascii(address)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return found.exploded[:19]
    return str(found)
