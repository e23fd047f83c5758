"""Ids: unique, and never given twice, in any process and after any restart.

A process takes ids in blocks, so that writers do not wait for each other. A write that
brings ids of its own holds the table alone, and voids all blocks by a new *epoch*.
"""

import os
import threading
from collections import defaultdict
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from app.errors import Busy
from app.storage import checked_id
from app.storage.postgresql.connections import LOCK_WAIT, Connections

_TAKE = """
INSERT INTO ids AS i (collection, sequence, last) VALUES (%s, %s, %s)
ON CONFLICT (collection, sequence) DO UPDATE SET last = i.last + excluded.last
RETURNING last"""

_RAISE = """
INSERT INTO ids AS i (collection, sequence, last, epoch) VALUES (%s, %s, %s, 1)
ON CONFLICT (collection, sequence)
DO UPDATE SET last = greatest(i.last, excluded.last), epoch = i.epoch + 1"""


class Block(NamedTuple):
    """The ids from ``next`` to ``last`` that a process may give in an epoch."""

    epoch: int
    next: int
    last: int


class Ids:
    """The blocks of ids of one process, ``size`` ids each."""

    def __init__(self, connections: Connections, size: int) -> None:
        self._connections = connections
        self._size = size
        self._lock = threading.Lock()
        self._blocks: dict[tuple[str, str], Block] = {}
        self._process = 0

    def begin(self, connection: "Connection[TupleRow]", table: str) -> "Given":
        """Return the ids of a write, which holds its table already."""
        rows = connection.execute(
            "SELECT sequence, epoch FROM ids WHERE collection = %s", (table,)
        ).fetchall()
        return Given(self, table, dict(rows))

    def take(self, table: str, sequence: str, epoch: int) -> int:
        """Return an id of a block that is of ``epoch``; raises Unavailable."""
        if not self._lock.acquire(timeout=LOCK_WAIT):
            # Another thread waits for a block.
            raise Busy()
        try:
            if self._process != os.getpid():
                # A fork must not give the ids of the process that it comes from.
                self._process = os.getpid()
                self._blocks = {}
            block = self._blocks.get((table, sequence))
            if block is None or block.epoch != epoch or block.next > block.last:
                last = self._taken(table, sequence)
                block = Block(epoch, last - self._size + 1, last)
            self._blocks[table, sequence] = Block(
                block.epoch, block.next + 1, block.last
            )
        finally:
            self._lock.release()
        return checked_id(sequence, block.next)

    def give_back(self, table: str, sequence: str, epoch: int, ids: list[int]) -> None:
        """Take back the ids of a write that did not happen, if none was given since."""
        with self._lock:
            block = self._blocks.get((table, sequence))
            if block is None or block.epoch != epoch:
                return
            while ids and ids[-1] == block.next - 1:
                block = Block(epoch, ids.pop(), block.last)
            self._blocks[table, sequence] = block

    def _taken(self, table: str, sequence: str) -> int:
        """Return the last id of a new block, which is taken at once, for good."""
        # On a connection of its own: the write that needs it may have the pool's last.
        with self._connections.connect() as connection:
            values = (table, sequence, self._size)
            row = connection.commit_everywhere(_TAKE, values).fetchone()
            assert row is not None
            return int(row[0])


class Given:
    """The ids that one write is given."""

    def __init__(self, ids: Ids, table: str, epochs: dict[str, int]) -> None:
        self._ids = ids
        self._table = table
        self._epochs = epochs
        self.taken: dict[str, list[int]] = defaultdict(list)

    def next_id(self, sequence: str) -> int:
        """Return the next id of ``sequence``; raises Unavailable."""
        id_ = self._ids.take(self._table, sequence, self._epochs.get(sequence, 0))
        self.taken[sequence].append(id_)
        return id_

    def give_back(self) -> None:
        """Give back all ids: the write did not happen."""
        for sequence, ids in self.taken.items():
            epoch = self._epochs.get(sequence, 0)
            self._ids.give_back(self._table, sequence, epoch, ids)

    def void(self, connection: "Connection[TupleRow]", highest: dict[str, int]) -> None:
        """Let every process take new blocks, above the ``highest`` ids of others."""
        for sequence, id_ in sorted(highest.items()):
            connection.execute(_RAISE, (self._table, sequence, id_))
