"""Writes to one table: each group under one lock, in one write to the journal.

Each write is an entry of its own; the journal is flushed once for all of them.

**Caveats.** Reads show a write before it is on disk: at once in this process, and in
others as soon as they look at the journal. To keep the lock until it is flushed cost 21 %
of the throughput in two processes, and the longest write took 2.5 times as long.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import Error, TooLarge, Unavailable, cut
from app.storage import Collection, Key, NextId
from app.storage.files.changed_paths import Member
from app.storage.files.descriptors import Sync
from app.storage.files.documents import Documents
from app.storage.files.entries import LAST
from app.storage.files.group_commit import GroupCommit, PendingWrite
from app.storage.files.ids import NewIds
from app.storage.files.records import Decoded, Record, Records
from app.storage.files.replica import SharedTable

_thread = threading.local()


class Changes(NamedTuple):
    """What one write does: records to put, and keys that are gone.

    One that only replaces records may name the ``touched`` members: in no others does any
    of them differ from the one before. Records may have ``most`` bytes, if that is given.
    """

    put: list[Record]
    gone: list[Key]
    touched: list[Member] | None = None
    most: int | None = None


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


def _revisions(documents: Records, keys: Iterable[Key]) -> list[int | None]:
    """Return the revisions of the documents under ``keys``, None for those not there."""
    formers = map(documents.get, keys)
    return [None if each is None else each.revision for each in formers]


class WritableTable(SharedTable):
    """A shared table that can be written."""

    def __init__(self, folder: Path, collection: Collection, sync: Sync) -> None:
        super().__init__(folder, collection, sync)
        self._commit = GroupCommit[Plan, Changes](self._write_all)

    def write(self, plan: Plan) -> Changes:
        """Carry out what ``plan`` makes of the documents, atomically and durably.

        Raises what ``plan`` raises, and Unavailable.
        """
        if getattr(_thread, "is_planning", False):
            raise RuntimeError("a write within a write")
        return self._commit.write(PendingWrite(plan, Changes([], []), self.patience))

    def next_number(self) -> int:
        """Return the number of the next new document, to a ``plan`` that is running."""
        return self._state.next_number

    def _write_all(
        self, writes: Sequence[PendingWrite[Plan, Changes]], patience: float
    ) -> None:
        try:
            with ExitStack() as threads:
                with self._lock.within(patience):
                    # Held for longer than the lock.
                    threads.enter_context(self._lock.threads)
                    look = self._turns.own_look()
                    self._catch_up_or_fail()
                    planned = self._planned(writes)
                    if not planned:
                        return
                    appended = self._append_all([entry for entry, _ in planned])
                # Other processes may go on: what is left to do here is this one's own.
                for entry, (_, put) in zip(appended.entries, planned, strict=True):
                    self._state.take(entry, put)
                appended.were_taken_in()
                self._turns.have_seen(look)
                self._state.documents.settle()
            self._commits.commit(appended.journal.descriptor)
        except BaseException as error:
            reason = error.message if isinstance(error, Error) else "the write failed"
            for write in writes:
                if not write.is_done:
                    # Each is raised in a thread of its own.
                    write.error = Unavailable(reason)
            if not isinstance(error, Unavailable):
                raise

    def _planned(
        self, writes: Iterable[PendingWrite[Plan, Changes]]
    ) -> list[tuple[dict[str, Any], list[Decoded]]]:
        """Plan all writes; return the entries of those that change something.

        With each come the records that it puts, packed. A write that fails is done.
        """
        state, documents = self._state, Planned(self._state.documents)
        planned = []
        for write in writes:
            ids = NewIds(state.marks, documents, self._collection.ids)
            try:
                write.result = _carried_out(write.plan, documents, ids.next_id)
                put, gone, touched, most = write.result
                if any(not 0 <= each.number <= LAST for each in put):
                    _check_numbers(put, documents)
                packed = [Decoded(each.packed(), each.document) for each in put]
                if most is not None:
                    _check_sizes(packed, most, documents)
            except Exception as error:
                write.error, write.is_done = error, True
                continue
            if not put and not gone:
                write.is_done = True
                continue
            records = [each.record for each in packed]
            puts = [(each.number, each.encoded) for each in records]
            entry: dict[str, Any] = {"put": puts, "gone": gone}
            entry["was"] = _revisions(documents, (*(each.key for each in put), *gone))
            if touched is not None:
                entry["touched"] = touched
            if marks := ids.marks(put, gone):
                entry["ids"] = marks
            documents.change(records, gone)
            # Numbers and ids may have gaps, should this not be written.
            state.reserve(entry)
            planned.append((entry, packed))
        return planned

    def after_fork_in_child(self) -> None:
        """Start anew: the threads are gone, and locks of the parent mean nothing."""
        super().after_fork_in_child()
        self._commit.start()


def _carried_out(plan: Plan, documents: Records, next_id: NextId) -> Changes:
    """Return what ``plan`` makes; a write within it would wait for itself."""
    _thread.is_planning = True
    try:
        return plan(documents, next_id)
    finally:
        _thread.is_planning = False


def _check_sizes(packed: Iterable[Decoded], most: int, before: Records) -> None:
    """Raise TooLarge for a record of more than ``most`` bytes, unless it shrinks."""
    for record in (each.record for each in packed):
        if record.size > most:
            old = before.get(record.key)
            if old is None or record.size > old.size:
                raise TooLarge(
                    f"{cut(str(record.key))} would have {record.size} bytes as JSON; "
                    f"it may have {most} at most (SVCTASKS_MAX_DOCUMENT)"
                )


def _check_numbers(put: Iterable[Record], documents: Records) -> None:
    for each in put:
        former = documents.get(each.key)
        if former is None or former.number != each.number:
            check_new_number(each.number)


def check_new_number(number: int) -> None:
    """Raise Unavailable if no new document may have this ``number``."""
    if not 0 <= number <= LAST:
        raise Unavailable(
            f"a new document cannot have the number {number}; {LAST} is the last"
        )
