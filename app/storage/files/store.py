"""The store over TinyDB JSON files in one folder: the store contract on journal tables."""

import os
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from app.errors import Conflict, Unavailable
from app.pacing import Pace, unhurried
from app.query import Query
from app.storage import (
    Change,
    Collection,
    Document,
    Feed,
    Figure,
    Key,
    Limits,
    NextId,
    Page,
    PastChange,
    Revisions,
    Status,
    Update,
    expected,
)
from app.storage.files.descriptors import Sync, flush_folder
from app.storage.files.maintenance import Keeper
from app.storage.files.records import Record, Records
from app.storage.files.replacing import check_not_mounted
from app.storage.files.table import JournalTable
from app.storage.files.writing import Changes

STEP = 1000
"""How many documents ``update_each`` changes at once; other writes may come between."""


class FileStore:
    """Tables in the JSON files of ``folder``.

    What has no docstring does what the contract in ``app.storage`` says.
    """

    name = "files"

    def __init__(
        self,
        folder: Path,
        collections: Iterable[Collection],
        sync: Sync = os.fdatasync,
        limits: Limits = Limits(),
    ) -> None:
        """Open all tables, making the folder if need be; raises Invalid, Unavailable."""
        self._limits = limits
        try:
            _make_folder(folder, sync)
        except OSError as error:
            reason = f"the data folder cannot be made: {error.strerror}"
            raise Unavailable(reason, folder) from error
        self._tables = {
            collection.name: JournalTable(folder, collection, sync)
            for collection in collections
        }
        self._keeper = Keeper(self._tables.values())
        self._keeper.start()
        store = weakref.ref(self)
        self._forking = ExitStack()
        os.register_at_fork(
            before=lambda: _if_alive(store, FileStore._before_fork),
            after_in_parent=lambda: _if_alive(store, FileStore._after_fork_in_parent),
            after_in_child=lambda: _if_alive(store, FileStore._after_fork_in_child),
        )

    def table(self, name: str) -> JournalTable:
        """Return the table of this name."""
        return self._tables[name]

    def get(self, table: str, key: Key) -> Record:
        return expected(self._tables[table].documents.get(key))

    def find(self, table: str, query: Query, pace: Pace = unhurried) -> Page:
        return Page(*self._tables[table].documents.find(query, pace))

    def scan(self, table: str) -> Iterator[Record]:
        return iter(self._tables[table].documents.find(Query())[0])

    def version(self, table: str) -> Hashable:
        return self._tables[table].version()

    def changes(self, table: str, since: str | None, limit: int) -> Feed:
        target = self._tables[table]
        keys, position = target.changes(since, limit)
        documents = target.documents
        return Feed([Change(key, documents.get(key)) for key in keys], position)

    def history(self, table: str) -> Iterator[PastChange]:
        return self._tables[table].history()

    def insert(self, table: str, *documents: Document) -> Sequence[Record]:
        return self._add(table, lambda _: documents)

    def add(self, table: str, make: Callable[[NextId], Document]) -> Record:
        return self._add(table, lambda next_id: [make(next_id)])[0]

    def _add(
        self, table: str, make: Callable[[NextId], Sequence[Document]]
    ) -> Sequence[Record]:
        target = self._tables[table]

        def plan(present: Records, next_id: NextId) -> Changes:
            records: dict[Key, Record] = {}
            documents = make(next_id)
            for number, document in enumerate(documents, target.next_number()):
                key = document[target.collection.key]
                if key in records or present.get(key):
                    raise Conflict(f"{target.collection.key} {key} exists already")
                records[key] = Record(number, key, document)
            return Changes(list(records.values()), [], self._limits)

        return target.write(plan).put

    def load(
        self, table: str, documents: Sequence[Document], clear: bool = False
    ) -> None:
        target = self._tables[table]

        def plan(present: Records, _: NextId) -> Changes:
            number = target.next_number()
            records: dict[Key, Record] = {}
            for document in documents:
                key = document[target.collection.key]
                if (old := None if clear else present.get(key)) is None:
                    number += 1
                records[key] = Record(old.number if old else number - 1, key, document)
            others = [record.key for record in present if record.key not in records]
            return Changes(list(records.values()), others if clear else [])

        target.write(plan)

    def update(
        self, table: str, key: Key, change: Update, revisions: Revisions = None
    ) -> Record:
        same: list[Record] = []

        def plan(documents: Records, next_id: NextId) -> Changes:
            old = expected(documents.get(key), revisions)
            before = old.document
            document = change(before, next_id)
            if document is before:
                same.append(old)
                return Changes([], [])
            return Changes([Record(old.number, key, document)], [], self._limits)

        put = self._tables[table].write(plan).put
        return (put or same)[0]

    def update_each(self, table: str, change: Callable[[Document], Document]) -> int:
        target, keys = self._tables[table], list[Key]()

        def look(documents: Records, _: NextId) -> Changes:
            keys.extend(record.key for record in documents)
            return Changes([], [])

        # Not a mere read: it comes after each write that began before.
        target.write(look)
        count = 0
        for start in range(0, len(keys), STEP):
            plan = partial(_changed, keys[start : start + STEP], change)
            count += len(target.write(plan).put)
        return count

    def remove(self, table: str, key: Key, revisions: Revisions = None) -> None:
        def plan(documents: Records, _: NextId) -> Changes:
            return Changes([], [expected(documents.get(key), revisions).key])

        self._tables[table].write(plan)

    def check_mounts(self) -> None:
        """Raise Unavailable if a data file is mounted itself: it cannot be replaced."""
        for table in self._tables.values():
            check_not_mounted(table.file.path)

    def ping(self) -> None:
        for table in self._tables.values():
            table.check_writable()

    def figures(self) -> dict[str, Figure]:
        """Return nothing: all that there is belongs to a table."""
        return {}

    def status(self) -> dict[str, Status]:
        return {name: table.status() for name, table in self._tables.items()}

    def close(self) -> None:
        """Write every table's data file and let go of its files."""
        self._keeper.stop()
        for table in self._tables.values():
            table.close()

    def _before_fork(self) -> None:
        for table in self._tables.values():
            self._forking.enter_context(table.alone())

    def _after_fork_in_parent(self) -> None:
        self._forking.close()

    def _after_fork_in_child(self) -> None:
        self._forking.close()
        for table in self._tables.values():
            table.start_in_child()
        if not self._keeper.is_stopped():
            self._keeper = Keeper(self._tables.values())
            self._keeper.start()


def _make_folder(folder: Path, sync: Sync) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent, sync)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent, sync)


def _changed(
    keys: Iterable[Key],
    change: Callable[[Document], Document],
    documents: Records,
    next_id: NextId,
) -> Changes:
    put = []
    for old in filter(None, map(documents.get, keys)):
        before = old.document
        if (document := change(before)) is not before:
            put.append(Record(old.number, old.key, document))
    return Changes(put, [])


def _if_alive(store: weakref.ref[FileStore], act: Callable[[FileStore], None]) -> None:
    if (living := store()) is not None:
        act(living)
