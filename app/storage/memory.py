"""The store contract on dictionaries: what it promises, in the fewest lines.

It keeps nothing on disk and has no indexes. It shows that the contract can be kept without
files, and makes tests of the API fast. Two stores over one ``Memory`` are two workers.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from app.datetimes import moment, now
from app.errors import Conflict, TooOld
from app.pacing import Pace, paced, unhurried
from app.query import Order, Query
from app.query.predicate import predicate, sort, sort_key
from app.storage import (
    LAST_ID,
    RETAINED,
    Change,
    Collection,
    Document,
    Extent,
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
    author,
    checked_id,
    expected,
)
from app.storage.encoded import Record

_thread = threading.local()


class Table:
    """The records of one table by key, as they were added, and the ids it has given.

    Writers hold the lock, and replace ``records`` as a whole: readers need none.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.records: dict[Key, Record] = {}
        self.ids: dict[str, int] = {}
        self.recent: deque[PastChange] = deque(maxlen=RETAINED)
        self.changed = 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep out other writers; raises RuntimeError within another write."""
        if getattr(_thread, "is_writing", False):
            raise RuntimeError("a write within a write")
        with self.lock:
            _thread.is_writing = True
            try:
                yield
            finally:
                _thread.is_writing = False

    def replace(self, records: dict[Key, Record], changed: Sequence[Key]) -> None:
        """Replace the records, of which those under the keys ``changed`` do."""
        self.records = records
        time, by = moment(now()), author.get()
        self.recent.extend(
            PastChange(key, key not in records, time, by) for key in changed
        )
        self.changed += len(changed)

    def note_ids(self, ids: Iterable[tuple[str, int]]) -> None:
        """Give none of these ids again."""
        for sequence, id_ in ids:
            if self.ids.get(sequence, 0) < id_ <= LAST_ID:
                self.ids[sequence] = id_


class Memory:
    """The tables that stores share."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = defaultdict(Table)


class MemoryStore:
    """Tables in ``memory``.

    What has no docstring does what the contract in ``app.storage`` says.
    """

    name = "memory"

    def __init__(
        self,
        collections: Iterable[Collection],
        memory: Memory | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._tables = (memory or Memory()).tables
        self._collections = {collection.name: collection for collection in collections}
        self._limits = limits

    def get(self, table: str, key: Key) -> Record:
        return expected(self._tables[table].records.get(key))

    def find(self, table: str, query: Query, pace: Pace = unhurried) -> Page:
        found = self._found(table, query, pace)
        end = None if query.limit is None else query.offset + query.limit
        return Page(found[query.offset : end], len(found))

    def _found(self, table: str, query: Query, pace: Pace) -> list[Record]:
        found = list(paced(list(self._tables[table].records.values()), pace))
        if query.where is not None:
            pace(len(found))
            matches = predicate(query.where)
            found = [record for record in found if matches(record.document)]
        is_mirrored = bool(query.order) and query.order[-1].descending
        mirror = [Order(by.field, by.descending ^ is_mirrored) for by in query.order]
        for order in (self._collections[table].order, tuple(mirror)):
            key = sort_key(order)
            sort(found, order, lambda record: key(record.document), pace)
        if is_mirrored:
            found.reverse()
        return found

    def scan(self, table: str) -> Iterator[Record]:
        yield from self._found(table, Query(), unhurried)

    def version(self, table: str) -> Hashable:
        return self._tables[table].changed

    def changes(self, table: str, since: str | None, limit: int) -> Feed:
        target = self._tables[table]
        with target.lock:
            position = target.changed if since is None else int(since)
            recent = list(target.recent)
            first = target.changed - len(recent)
            if position < first:
                raise TooOld("what changed since then is no longer known")
            keys = [past.key for past in recent[position - first :][:limit]]
            changes = [Change(key, target.records.get(key)) for key in keys]
        return Feed(changes, str(position + len(keys)))

    def history(self, table: str) -> Iterator[PastChange]:
        return iter(list(self._tables[table].recent))

    def insert(self, table: str, *documents: Document) -> Sequence[Record]:
        with self._tables[table].writing():
            return self._add(table, documents)

    def add(self, table: str, make: Callable[[NextId], Document]) -> Record:
        with self._tables[table].writing():
            ids = dict(self._tables[table].ids)
            [record] = self._add(table, [make(partial(_next_id, ids))])
            self._tables[table].note_ids(ids.items())
            return record

    def load(
        self, table: str, documents: Sequence[Document], clear: bool = False
    ) -> None:
        key = self._collections[table].key
        with self._tables[table].writing():
            records = [Record.of(document[key], document) for document in documents]
            self._put(table, records, clear)

    def update(
        self, table: str, key: Key, change: Update, revisions: Revisions = None
    ) -> Record:
        with self._tables[table].writing():
            old = expected(self._tables[table].records.get(key), revisions)
            ids = dict(self._tables[table].ids)
            document = change(old.document, partial(_next_id, ids))
            if document is old.document:
                return old
            record = Record.of(key, document)
            self._limits.check_document(record, old)
            self._check_table(table, {key: record})
            self._put(table, [record])
            self._tables[table].note_ids(ids.items())
            return record

    def update_each(self, table: str, change: Callable[[Document], Document]) -> int:
        """Replace each document by what ``change`` makes of it, here in one step."""
        with self._tables[table].writing():
            records = [
                Record.of(old.key, document)
                for old in self._tables[table].records.values()
                if (document := change(old.document)) is not old.document
            ]
            self._put(table, records)
            return len(records)

    def remove(self, table: str, key: Key, revisions: Revisions = None) -> None:
        with self._tables[table].writing():
            target = self._tables[table]
            expected(target.records.get(key), revisions)
            others = {k: record for k, record in target.records.items() if k != key}
            target.replace(others, [key])

    def ping(self) -> None:
        """Do nothing: memory can always be written."""

    def figures(self) -> Mapping[str, Figure]:
        return {}

    def status(self) -> Mapping[str, Status]:
        tables = self._tables
        return {name: Status(len(tables[name].records)) for name in self._collections}

    def close(self) -> None:
        """Do nothing: the memory goes with the last store over it."""

    def _add(self, table: str, documents: Iterable[Document]) -> list[Record]:
        name = self._collections[table].key
        records: dict[Key, Record] = {}
        for document in documents:
            key = document[name]
            if key in records or key in self._tables[table].records:
                raise Conflict(f"{name} {key} exists already")
            records[key] = Record.of(key, document)
            self._limits.check_document(records[key])
        self._check_table(table, records)
        self._put(table, records.values())
        return list(records.values())

    def _check_table(self, table: str, put: Mapping[Key, Record]) -> None:
        before = self._tables[table].records
        self._limits.check_table(table, _extent(before), _extent({**before, **put}))

    def _put(self, table: str, records: Iterable[Record], clear: bool = False) -> None:
        """Put records, at once for those who read meanwhile; the lock is held."""
        target = self._tables[table]
        put = {record.key: record for record in records}
        gone = list(target.records.keys() - put.keys()) if clear else []
        kept = {} if clear else target.records
        target.replace({**kept, **put}, [*put, *gone])
        for record in put.values():
            target.note_ids(self._collections[table].ids(record.document))


def _next_id(given: dict[str, int], sequence: str) -> int:
    given[sequence] = checked_id(sequence, given.get(sequence, 0) + 1)
    return given[sequence]


def _extent(records: Mapping[Key, Record]) -> Extent:
    return Extent(len(records), sum(record.size for record in records.values()))
