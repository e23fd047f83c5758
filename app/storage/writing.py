"""Writes to one table, many at a time.

A write waits for its turn in a line. Whoever comes to it first carries out all that stand
in the line by then: under one lock, in one write to the journal, each as an entry of its
own. Under load, the system calls of a write, and the waiting for other processes that goes
with them, are shared by as many as there are threads: a lock that is taken for each write
limited two processes to a third of what they do so, however fast the disk.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from orjson import Fragment

from app.errors import Error, Unavailable
from app.storage import Collection, Key, NextId
from app.storage.descriptors import Sync
from app.storage.indexes import Documents
from app.storage.marks import NewIds
from app.storage.records import Decoded, Record, Records
from app.storage.table import SharedTable


class Changes(NamedTuple):
    """What one write does: records to put, and keys that are gone."""

    put: list[Record]
    gone: list[Key]


class Planned:
    """The documents as they will be: those of now, with what was planned since."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._changed: dict[Key, Record | None] = {}

    def __iter__(self) -> Iterator[Record]:
        changed = self._changed
        yield from (each for each in self._documents if each.key not in changed)
        yield from (each for each in changed.values() if each is not None)

    def get(self, key: Key) -> Record | None:
        if key in self._changed:
            return self._changed[key]
        return self._documents.get(key)

    def change(self, put: Iterable[Record], gone: Iterable[Key]) -> None:
        """Plan that ``gone`` go, and that ``put`` are added or replaced."""
        self._changed |= dict.fromkeys(gone)
        self._changed |= {record.key: record for record in put}


Plan = Callable[[Records, NextId], Changes]


class _Write:
    """A write that waits for its turn, and what became of it."""

    __slots__ = ("plan", "changes", "error", "ticket", "is_done")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.changes = Changes([], [])
        self.error: Exception | None = None
        self.ticket = 0
        self.is_done = False


class WritableTable(SharedTable):
    """A shared table that can be written."""

    def __init__(self, folder: Path, collection: Collection, sync: Sync) -> None:
        super().__init__(folder, collection, sync)
        self._line: deque[_Write] = deque()

    def write(self, plan: Plan) -> Changes:
        """Carry out what ``plan`` makes of the documents, atomically and durably.

        Raises what ``plan`` raises, and Unavailable.
        """
        write = _Write(plan)
        self._line.append(write)
        with self._lock.threads:
            if not write.is_done:
                self._write_all()
        if write.error is not None:
            raise write.error
        if write.ticket:
            self._commits.wait(write.ticket)
        return write.changes

    def next_number(self) -> int:
        """Return the number of the next new document, to a ``plan`` that is running."""
        return self._state.next_number

    def _write_all(self) -> None:
        """Carry out all writes that stand in the line."""
        writes = [self._line.popleft() for _ in range(len(self._line))]
        try:
            with self._lock:
                self._catch_up_or_fail()
                self._carry_out(writes)
        except BaseException as error:
            reason = error.message if isinstance(error, Error) else "the write failed"
            for write in writes:
                if not write.is_done:
                    # Each is raised in a thread of its own.
                    write.error = Unavailable(reason)
            if not isinstance(error, Unavailable):
                raise
        finally:
            for write in writes:
                write.is_done = True

    def _carry_out(self, writes: Iterable[_Write]) -> None:
        state, planned = self._state, Planned(self._state.documents)
        changing, entries = [], []
        for write in writes:
            ids = NewIds(state.marks, planned, self._collection.ids)
            try:
                write.changes = put, gone = write.plan(planned, ids.next_id)
                packed = [Decoded(each.packed(), each.document) for each in put]
            except Exception as error:
                write.error, write.is_done = error, True
                continue
            if not put and not gone:
                write.is_done = True
                continue
            puts = [(each.number, Fragment(each.encoded)) for each, _ in packed]
            entry = {"put": puts, "gone": gone}
            if marks := ids.marks(put, gone):
                entry["ids"] = marks
            planned.change([each for each, _ in packed], gone)
            # Numbers and ids may have gaps, should this not be written.
            state.reserve(entry)
            changing.append((write, packed))
            entries.append(entry)
        if not entries:
            return
        numbered, ticket = self._append_all(entries)
        for (write, packed), entry in zip(changing, numbered, strict=True):
            state.take(entry, packed)
            write.ticket, write.is_done = ticket, True

    def after_fork_in_child(self) -> None:
        """Start anew: the threads are gone, and locks of the parent mean nothing."""
        super().after_fork_in_child()
        self._line.clear()
