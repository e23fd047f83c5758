"""Writes to one table: each group under one lock, in one write to the journal.

Each write is an entry of its own; the journal is flushed once for all of them.

**Caveats.** Reads show a write before it is on disk: at once in this process, and in
others as soon as they look at the journal. To keep the lock until it is flushed cost 21 %
of the throughput in two processes, and the longest write took 2.5 times as long.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.datetimes import of_seconds
from app.errors import Error, Unavailable
from app.storage import Author, Extent, Key, Limits, NextId, author
from app.storage.files.appending import Appender
from app.storage.files.catching_up import CatchingUp
from app.storage.files.documents import Documents
from app.storage.files.entries import LAST, Entry
from app.storage.files.group_commit import GroupCommit, PendingWrite
from app.storage.files.ids import NewIds
from app.storage.files.records import Decoded, Record, Records
from app.storage.files.replica import Replica

_thread = threading.local()


class Changes(NamedTuple):
    """What one write does, within ``limits``: records to put, and keys that are gone."""

    put: Sequence[Record]
    gone: Sequence[Key]
    limits: Limits = Limits()


NOTHING = Changes((), ())


class Overlay:
    """The documents as they will be: those of now, with what was planned since."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._changed: dict[Key, Record | None] = {}
        self.extent = Extent(len(documents), documents.size)

    def __iter__(self) -> Iterator[Record]:
        changed = self._changed
        yield from (record for record in self._documents if record.key not in changed)
        yield from (record for record in changed.values() if record is not None)

    def get(self, key: Key) -> Record | None:
        if key in self._changed:
            return self._changed[key]
        return self._documents.get(key)

    def extent_after(
        self, former: Iterable[Record | None], new: Iterable[Record | None]
    ) -> Extent:
        """Return how much there will be with what is ``new`` in place of ``former``."""
        documents, size = self.extent
        for old in former:
            if old is not None:
                documents, size = documents - 1, size - old.size
        for record in new:
            if record is not None:
                documents, size = documents + 1, size + record.size
        return Extent(documents, size)

    def change(self, changed: Mapping[Key, Record | None], extent: Extent) -> None:
        """Plan what is ``changed``, None for what goes; all have ``extent`` then."""
        self._changed.update(changed)
        self.extent = extent


Plan = Callable[[Records, NextId], Changes]


class Write(NamedTuple):
    """A write that waits for its turn, and who makes it."""

    plan: Plan
    author: Author


class Writer:
    """Writes to the table of ``replica``; waits for others with the lock's patience.

    The ``queue`` has the writes that wait for their turn.
    """

    def __init__(
        self, replica: Replica, appender: Appender, catching_up: CatchingUp
    ) -> None:
        self._replica = replica
        self._appender = appender
        self._catching_up = catching_up
        self.queue = GroupCommit[Write, Changes](self._write_all)

    def write(self, plan: Plan) -> Changes:
        """Carry out what ``plan`` makes of the documents, atomically and durably.

        Raises what ``plan`` raises, and Unavailable.
        """
        if getattr(_thread, "is_planning", False):
            raise RuntimeError("a write within a write")
        write = Write(plan, author.get())
        return self.queue.write(
            PendingWrite(write, NOTHING, self._replica.lock.patience)
        )

    def give_number(self) -> int:
        """Return the number of a new document, which is given once; raises Unavailable."""
        with self._replica.lock.hold():
            self._catching_up.apply_under_lock()
            number = self._replica.state.next_number
            check_new_number(number)
            self._appender.append({"next": number + 1})
            return number

    def _write_all(
        self, writes: Sequence[PendingWrite[Write, Changes]], patience: float
    ) -> None:
        lock = self._replica.lock
        try:
            lock.acquire(patience)
            # Held for longer than the lock, which has it too by now.
            lock.threads.acquire(patience)
            try:
                try:
                    mark = lock.sequence.own_mark()
                    self._catching_up.apply_under_lock()
                    planned = self._planned(writes)
                    if not planned:
                        return
                    entries = [entry for entry, _ in planned]
                    appended = self._appender.append_all(entries)
                finally:
                    lock.release()
                # Other processes may go on: what is left to do here is this one's own.
                state = self._replica.state
                puts = [put for _, put in planned]
                state.apply_records(list(zip(appended.entries, puts, strict=True)))
                appended.were_applied()
                lock.sequence.record(mark)
                state.documents.refresh_indexes()
            finally:
                lock.threads.release()
            self._replica.commits.commit(appended.journal.descriptor)
        except BaseException as error:
            reason = error.message if isinstance(error, Error) else "the write failed"
            for write in writes:
                if not write.is_done:
                    # Each is raised in a thread of its own.
                    write.error = Unavailable(reason)
            if not isinstance(error, Unavailable):
                raise

    def _planned(
        self, writes: Iterable[PendingWrite[Write, Changes]]
    ) -> list[tuple[Entry, list[Decoded]]]:
        """Plan all writes; return the entries of those that change something.

        With each come the records that it puts, packed. A write that fails is done.
        """
        state, ids_of = self._replica.state, self._replica.collection.ids
        name = self._replica.collection.name
        documents, now = Overlay(state.documents), of_seconds(time.time())
        planned = []
        for write in writes:
            ids = NewIds(state.marks, documents, ids_of)
            try:
                write.result = _carried_out(write.work.plan, documents, ids.next_id)
                put, gone, limits = write.result
                packed = [Decoded(record.packed(), record.document) for record in put]
                records = [decoded.record for decoded in packed]
                changed: dict[Key, Record | None]
                changed = {record.key: record for record in records}
                # What is removed and added is replaced.
                gone = [key for key in gone if key not in changed]
                changed |= dict.fromkeys(gone)
                former = [documents.get(key) for key in changed]
                extent = documents.extent_after(former, changed.values())
                for record, old in zip(records, former):
                    limits.check_document(record, old)
                    if old is None or old.number != record.number:
                        check_new_number(record.number)
                limits.check_table(name, documents.extent, extent)
            except Exception as error:
                write.error, write.is_done = error, True
                continue
            if not changed:
                write.is_done = True
                continue
            puts = [(record.number, record.encoded) for record in records]
            entry: Entry = {"put": puts, "gone": gone, "time": now}
            if write.work.author.name:
                entry["by"] = write.work.author.name
            if write.work.author.request:
                entry["request"] = write.work.author.request
            entry["was"] = [old.revision if old else None for old in former]
            if marks := ids.marks(put, gone):
                entry["ids"] = marks
            # What they have in JSON is not encoded again, nor are their revisions digested.
            write.result = Changes(records, gone)
            documents.change(changed, extent)
            # Numbers and ids may have gaps, should this not be written.
            state.reserve(entry)
            planned.append((entry, packed))
        return planned


def _carried_out(plan: Plan, documents: Records, next_id: NextId) -> Changes:
    """Return what ``plan`` makes; a write within it would wait for itself."""
    _thread.is_planning = True
    try:
        return plan(documents, next_id)
    finally:
        _thread.is_planning = False


def check_new_number(number: int) -> None:
    """Raise Unavailable if no new document may have this ``number``."""
    if not 0 <= number <= LAST:
        raise Unavailable(
            f"a new document cannot have the number {number}; {LAST} is the last"
        )
