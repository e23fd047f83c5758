"""The documents of one table in memory, and the indexes that find them.

An index is made the first time that a query could use it and kept up to date from then
on: a service that is never asked for a field pays nothing for it. A postings holds the
records that share one value as lists sorted by each order that was asked for, so that
filter, order, offset and limit are answered by a slice. Records are never changed, only
replaced: a page that was handed out stays what it was while writers go on.
"""

import threading
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, count
from typing import Any

from orjson import dumps

from app.pacing import Pace, paced, unhurried
from app.query import Comparison, Condition, Field, Order, Query
from app.query.predicate import (
    bounds,
    equalities,
    limits,
    predicate,
    sort_key,
    without,
)
from app.query.values import SCALARS
from app.storage import Collection, Document, Key
from app.storage.files.records import Decoded, Record
from app.storage.files.sorted_index import (
    WHOLE_LISTS_CACHED,
    Cache,
    Keys,
    Orders,
    PostingList,
    ascending,
    put_in_order,
)

WAIT = 0.1
"""Seconds for which one waits at a time for somebody who makes an index."""

MANY = 1000
"""From so many documents on, a query asks its pace before it looks at or sorts them."""

FEW = 4
"""A list in another order is searched if it leaves at most this part of the documents."""


_versions = count()


class Documents:
    """The records of one table by key, and the answers to queries.

    The ``version`` is one that no other documents in this process ever had.

    One thread at a time may write; any number may read meanwhile.
    """

    def __init__(self, collection: Collection, records: Iterable[Record]) -> None:
        self._collection = collection
        self.version = next(_versions)
        self._by_key = {record.key: record for record in records}
        self._first = sort_key(collection.order)
        self._all: PostingList | None = None
        self._cache = Cache(lambda: WHOLE_LISTS_CACHED * len(self._by_key))
        self._indexes: dict[Field, dict[Any, PostingList]] = {}
        # The fields that lists and indexes were made by.
        self._listed = {order.field for order in collection.order}
        # What was under a key at the last refresh of the indexes, and what is there now.
        self._stale: dict[Key, tuple[Record | None, Decoded | None]] = {}
        self._lock = threading.Lock()
        self._size: int | None = None

    @property
    def size(self) -> int:
        """How many bytes all documents have as JSON; counted when first asked for."""
        if self._size is None:
            self._size = sum(record.size for record in self._by_key.values())
        return self._size

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Record]:
        with self._lock:
            return iter(list(self._by_key.values()))

    def get(self, key: Key) -> Record | None:
        return self._by_key.get(key)

    def change(self, put: Iterable[Decoded], gone: Iterable[Key]) -> None:
        """Remove what is under the keys ``gone``, and add or replace ``put``, at once.

        The indexes follow when they are asked, or with ``refresh_indexes``: that takes the
        most time, and other processes need not wait for it.
        """
        new = {decoded.record.key: decoded for decoded in put}
        records = {key: decoded.record for key, decoded in new.items()}
        with self._lock:
            former = {key: self._by_key.get(key) for key in (*gone, *records)}
            if self._size is not None:
                self._size += sum(record.size for record in records.values())
                self._size -= sum(old.size for old in former.values() if old)
            # One step for those who get records meanwhile, without the lock.
            self._by_key.update(records)
            for key in former.keys() - records.keys():
                self._by_key.pop(key, None)
            # Who finds the new number finds the new documents.
            self.version = next(_versions)
            if self._all is None:
                return
            for key, before in former.items():
                first, _ = self._stale.get(key, (before, None))
                self._stale[key] = first, new.get(key)

    def refresh_indexes(self) -> None:
        """Bring the indexes up to date."""
        with self._lock:
            self._refresh_indexes()

    def after_fork(self) -> None:
        """Start anew in a child process: who held the lock is not there."""
        self._lock = threading.Lock()

    def find(self, query: Query, pace: Pace = unhurried) -> tuple[list[Record], int]:
        """Return the page that ``query`` asks for, and the number of all matches."""
        order, is_mirrored = ascending(query.order)
        held = partial(pace, holding=True)
        end = None if query.limit is None else query.offset + query.limit
        self._acquire(pace)
        try:
            self._refresh_indexes()
            postings, rest = self._candidates(query, held)
            if (ahead := self._ahead(postings, rest, order)) > MANY:
                # It may have to wait, or be refused, and others need the lock meanwhile.
                self._lock.release()
                try:
                    pace(ahead)
                finally:
                    self._acquire()
                self._refresh_indexes()
                postings, rest = self._candidates(query, held)
            if rest is None:
                total = len(postings)
                start = min(query.offset, total)
                stop = total if end is None else min(end, total)
                if start >= stop:
                    return [], total
                self._listed |= {by.field for by in order}
                if not is_mirrored:
                    return postings.page(order, start, stop, held), total
                start, stop = total - stop, total - start
                return postings.page(order, start, stop, held)[::-1], total
            present, records = self._limited(postings, order, rest, held)
        finally:
            self._lock.release()
        pace(len(records))
        matches = predicate(rest)
        found = [record for record in paced(records, pace) if matches(record.document)]
        if present != order:
            put_in_order(found, order, pace)
        if is_mirrored:
            found.reverse()
        return found[query.offset : end], len(found)

    def _acquire(self, pace: Pace = unhurried) -> None:
        """Wait for the lock."""
        if not self._lock.acquire(blocking=False):
            while not self._lock.acquire(timeout=WAIT):
                pace()

    def _ahead(
        self, postings: PostingList, rest: Condition | None, order: Orders
    ) -> int:
        """Return how many documents a query is known to look at, or to sort."""
        if rest is None:
            return 0 if postings.has(order) else len(postings)
        fields = {comparison.field for comparison in limits(rest)}
        # Limits may leave few of all.
        is_near = postings is self._all and not fields.isdisjoint(
            self._collection.indexed
        )
        return 0 if is_near else len(postings)

    def _limited(
        self, postings: PostingList, order: Orders, rest: Condition, pace: Pace
    ) -> tuple[Orders, list[Record]]:
        """Return the records of ``postings`` that may fulfil ``rest``, and their order.

        That is ``order`` or that of the table.
        """
        if postings is self._all:
            for field in {comparison.field for comparison in limits(rest)}:
                if field not in self._collection.indexed:
                    continue
                by = (Order(field),)
                self._listed.add(field)
                near = bounds(rest, by[0])
                if postings.count(by, near, pace) * FEW < len(postings):
                    records = postings.within(by, near, pace)
                    return (), sorted(records, key=lambda record: record.position)
        present = order if postings.has(order) else ()
        first = present or self._collection.order
        limits_ = bounds(rest, first[0]) if first else []
        return present, postings.within(present, limits_, pace)

    def _candidates(
        self, query: Query, pace: Pace
    ) -> tuple[PostingList, Condition | None]:
        """Return the smallest list that holds all matches, and what is left to test."""
        where = query.where
        if where is None:
            return self._everything(pace), None
        best: tuple[int, Comparison, list[PostingList]] | None = None
        # Their sizes are enough to compare them: only one is put together.
        for comparison in equalities(where):
            lists = self._posting_lists(comparison, pace)
            if lists is not None:
                size = sum(map(len, lists))
                if best is None or size < best[0]:
                    best = size, comparison, lists
        if best is None:
            return self._everything(pace), where
        _, comparison, lists = best
        rest = without(where, comparison)
        if len(lists) == 1:
            return lists[0], rest
        positions = sorted(chain.from_iterable(found.positions for found in lists))
        return self._part(positions), rest

    def _posting_lists(
        self, comparison: Comparison, pace: Pace
    ) -> list[PostingList] | None:
        """Return the lists of all that fulfil ``comparison``; None without an index."""
        field, wanted = comparison.field, comparison.operand
        values = wanted if comparison.operator == "$in" else (wanted,)
        if field.path == (self._collection.key,) and field.type in SCALARS:
            keyed = [self._by_key.get(value) for value in set(values)]
            return [self._part(self._positions(filter(None, keyed), pace))]
        if field not in self._collection.indexed:
            return None
        index = self._index(field, pace)
        return [index[value] for value in set(values) if value in index]

    def _part(self, positions: Keys) -> PostingList:
        """Return a postings that is used once."""
        return PostingList(positions, self._by_key)

    def _lasting(self, positions: Keys) -> PostingList:
        return PostingList(positions, self._by_key, self._cache)

    def _positions(self, records: Iterable[Record], pace: Pace) -> Keys:
        """Return the sorted positions of ``records``."""
        records = list(records)
        if self._all is None:
            for record in paced(records, pace):
                self._put_in_position(Decoded(record))
        return sorted(record.position for record in records)

    def _put_in_position(self, decoded: Decoded) -> None:
        # The order of creation is known without a look into the document.
        first = self._first(decoded.document) if self._collection.order else ()
        decoded.record.position = (*first, decoded.record.number, decoded.record.key)

    def _everything(self, pace: Pace) -> PostingList:
        if self._all is None:
            self._all = self._lasting(self._positions(self._by_key.values(), pace))
        return self._all

    def _index(self, field: Field, pace: Pace) -> dict[Any, PostingList]:
        index = self._indexes.get(field)
        if index is None:
            groups: dict[Any, Keys] = {}
            for record in paced(self._everything(pace).page(), pace):
                value = _value(field, record.document)
                groups.setdefault(value, []).append(record.position)
            index = {
                value: self._lasting(positions) for value, positions in groups.items()
            }
            self._indexes[field] = index
            self._listed.add(field)
        return index

    def _refresh_indexes(self) -> None:
        while self._stale and self._all is not None:
            _, (former, new) = self._stale.popitem()
            old = None if former is None else Decoded(former)
            self._reindex(self._all, old, new)

    def _reindex(
        self, all_: PostingList, old: Decoded | None, new: Decoded | None
    ) -> None:
        if old is not None and new is not None and self._stands(old, new):
            new.record.position = old.record.position
            return
        if new is not None:
            self._put_in_position(new)
        _move(all_, all_, old, new)
        for field, index in self._indexes.items():
            before = after = None
            if old is not None:
                before = index[value := _value(field, old.document)]
            if new is not None:
                value_after = _value(field, new.document)
                after = index.get(value_after)
                if after is None:
                    after = index[value_after] = self._lasting([])
            _move(before, after, old, new)
            if before is not None and not before:
                before.close()
                del index[value]

    def _stands(self, old: Decoded, new: Decoded) -> bool:
        """Return whether ``new`` has the position of ``old`` in all lists."""
        if old.record.number != new.record.number:
            return False
        for field in self._listed:
            before, after = field.find(old.document), field.find(new.document)
            if type(before) is not type(after) or before != after:
                return False
            # What is in them may have changed from 1 to true.
            if isinstance(before, list | dict) and dumps(before) != dumps(after):
                return False
        return True


def _move(
    before: PostingList | None,
    after: PostingList | None,
    old: Decoded | None,
    new: Decoded | None,
) -> None:
    """Replace ``old``, which is in the postings ``before``, by ``new`` in ``after``."""
    if before is after and before is not None and old is not None and new is not None:
        before.replace(old, new)
        return
    if before is not None and old is not None:
        before.remove(old)
    if after is not None and new is not None:
        after.add(new)


def _value(field: Field, document: Document) -> Any:
    return field.type.comparison_key(field.find(document))
