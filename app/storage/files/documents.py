"""The documents of one table in memory, and the indexes that find them.

An index is made the first time that a query could use it and kept up to date from then
on: a service that is never asked for a field pays nothing for it. A bucket holds the
records that share one value as lists sorted by each order that was asked for, so that
filter, order, offset and limit are answered by a slice. Records are never changed, only
replaced: a page that was handed out stays what it was while writers go on.
"""

import threading
from collections.abc import Iterable, Iterator
from itertools import count
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
from app.storage.files.changed_paths import Member, touches
from app.storage.files.records import Decoded, Record
from app.storage.files.sorted_index import (
    WHOLE_LISTS_KEPT,
    Bucket,
    Kept,
    Keys,
    Orders,
    ascending,
    put_in_order,
)

WAIT = 0.1
"""Seconds for which one waits at a time for somebody who makes an index."""

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
        self._all: Bucket | None = None
        self._kept = Kept(lambda: WHOLE_LISTS_KEPT * len(self._by_key))
        self._indexes: dict[Field, dict[Any, Bucket]] = {}
        # The fields that lists and indexes were made by.
        self._listed = {each.field for each in collection.order}
        # What was under a key when the lists were settled last, and what is there now.
        self._unsettled: dict[Key, tuple[Record | None, Decoded | None]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Record]:
        with self._lock:
            return iter(list(self._by_key.values()))

    def get(self, key: Key) -> Record | None:
        return self._by_key.get(key)

    def change(
        self,
        put: Iterable[Decoded],
        gone: Iterable[Key],
        touched: frozenset[Member] | None = None,
    ) -> None:
        """Remove what is under the keys ``gone``, and add or replace ``put``, at once.

        The indexes follow when they are asked, or with ``settle``: that takes longer than
        all else, and other processes need not wait for it. A document that is replaced
        differs from the one before in none but the ``touched`` members, if these are given:
        perhaps nothing is to follow.
        """
        new = {each.record.key: each for each in put}
        records = {key: each.record for key, each in new.items()}
        with self._lock:
            former = {key: self._by_key.get(key) for key in (*gone, *records)}
            # One step for those who get records meanwhile, without the lock.
            self._by_key.update(records)
            for key in former.keys() - records.keys():
                self._by_key.pop(key, None)
            # Who finds the new number finds the new documents.
            self.version = next(_versions)
            if self._all is None:
                return
            is_in_place = touched is not None and not touches(touched, self._listed)
            for key, before in former.items():
                after = records.get(key)
                if (
                    is_in_place
                    and (before is not None and after is not None)
                    and before.number == after.number
                    and key not in self._unsettled
                ):
                    after.place = before.place
                else:
                    first, _ = self._unsettled.get(key, (before, None))
                    self._unsettled[key] = first, new.get(key)

    def settle(self) -> None:
        """Bring the indexes up to date."""
        with self._lock:
            self._settle()

    def after_fork(self) -> None:
        """Start anew in a child process: who held the lock is not there."""
        self._lock = threading.Lock()

    def find(self, query: Query, pace: Pace = unhurried) -> tuple[list[Record], int]:
        """Return the page that ``query`` asks for, and the number of all matches."""
        order, is_mirrored = ascending(query.order)
        end = None if query.limit is None else query.offset + query.limit
        if not self._lock.acquire(blocking=False):
            while not self._lock.acquire(timeout=WAIT):
                pace()
        try:
            self._settle()
            bucket, rest = self._candidates(query, pace)
            if rest is None:
                total = len(bucket)
                start = min(query.offset, total)
                stop = total if end is None else min(end, total)
                if start >= stop:
                    return [], total
                self._listed |= {each.field for each in order}
                if not is_mirrored:
                    return bucket.page(order, start, stop, pace), total
                start, stop = total - stop, total - start
                return bucket.page(order, start, stop, pace)[::-1], total
            present, records = self._limited(bucket, order, rest, pace)
        finally:
            self._lock.release()
        matches = predicate(rest)
        found = [each for each in paced(records, pace) if matches(each.document)]
        if present != order:
            put_in_order(found, order, pace)
        if is_mirrored:
            found.reverse()
        return found[query.offset : end], len(found)

    def _limited(
        self, bucket: Bucket, order: Orders, rest: Condition, pace: Pace
    ) -> tuple[Orders, list[Record]]:
        """Return the records of ``bucket`` that may fulfil ``rest``, and their order.

        That is ``order`` or that of the table.
        """
        if bucket is self._all:
            for field in {each.field for each in limits(rest)}:
                if field not in self._collection.indexed:
                    continue
                by = (Order(field),)
                self._listed.add(field)
                near = bounds(rest, by[0])
                if bucket.count(by, near, pace) * FEW < len(bucket):
                    records = bucket.within(by, near, pace)
                    return (), sorted(records, key=lambda each: each.place)
        present = order if bucket.has(order) else ()
        first = present or self._collection.order
        limits_ = bounds(rest, first[0]) if first else []
        return present, bucket.within(present, limits_, pace)

    def _candidates(self, query: Query, pace: Pace) -> tuple[Bucket, Condition | None]:
        """Return the smallest bucket that holds all matches, and what is left to test."""
        where = query.where
        if where is None:
            return self._everything(pace), None
        best: tuple[int, Comparison, list[Bucket]] | None = None
        # Their sizes are enough to compare them: only one is put together.
        for comparison in equalities(where):
            buckets = self._buckets(comparison, pace)
            if buckets is not None:
                size = sum(map(len, buckets))
                if best is None or size < best[0]:
                    best = size, comparison, buckets
        if best is None:
            return self._everything(pace), where
        _, comparison, buckets = best
        rest = without(where, comparison)
        if len(buckets) == 1:
            return buckets[0], rest
        places = sorted(place for bucket in buckets for place in bucket.places)
        return self._part(places), rest

    def _buckets(self, comparison: Comparison, pace: Pace) -> list[Bucket] | None:
        """Return the buckets of all that fulfil ``comparison``; None without an index."""
        field, wanted = comparison.field, comparison.operand
        values = wanted if comparison.operator == "$in" else (wanted,)
        if field.path == (self._collection.key,) and field.type in SCALARS:
            keyed = [self._by_key.get(value) for value in set(values)]
            return [self._part(self._places(filter(None, keyed), pace))]
        if field not in self._collection.indexed:
            return None
        index = self._index(field, pace)
        return [index[value] for value in set(values) if value in index]

    def _part(self, places: Keys) -> Bucket:
        """Return a bucket that is used once."""
        return Bucket(places, self._by_key)

    def _lasting(self, places: Keys) -> Bucket:
        return Bucket(places, self._by_key, self._kept)

    def _places(self, records: Iterable[Record], pace: Pace) -> Keys:
        """Return the sorted places of ``records``."""
        records = list(records)
        if self._all is None:
            for record in paced(records, pace):
                self._put_in_place(Decoded(record))
        return sorted(record.place for record in records)

    def _put_in_place(self, each: Decoded) -> None:
        # The order of creation is known without a look into the document.
        first = self._first(each.document) if self._collection.order else ()
        each.record.place = (*first, each.record.number, each.record.key)

    def _everything(self, pace: Pace) -> Bucket:
        if self._all is None:
            self._all = self._lasting(self._places(self._by_key.values(), pace))
        return self._all

    def _index(self, field: Field, pace: Pace) -> dict[Any, Bucket]:
        index = self._indexes.get(field)
        if index is None:
            groups: dict[Any, Keys] = {}
            for record in paced(self._everything(pace).page(), pace):
                value = _value(field, record.document)
                groups.setdefault(value, []).append(record.place)
            index = {value: self._lasting(each) for value, each in groups.items()}
            self._indexes[field] = index
            self._listed.add(field)
        return index

    def _settle(self) -> None:
        while self._unsettled and self._all is not None:
            _, (former, new) = self._unsettled.popitem()
            old = None if former is None else Decoded(former)
            self._reindex(self._all, old, new)

    def _reindex(self, all_: Bucket, old: Decoded | None, new: Decoded | None) -> None:
        if old is not None and new is not None and self._stands(old, new):
            new.record.place = old.record.place
            return
        if new is not None:
            self._put_in_place(new)
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
        """Return whether ``new`` has the place of ``old`` in all lists."""
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
    before: Bucket | None,
    after: Bucket | None,
    old: Decoded | None,
    new: Decoded | None,
) -> None:
    """Replace ``old``, which is in the bucket ``before``, by ``new`` in ``after``."""
    if before is after and before is not None and old is not None and new is not None:
        before.replace(old, new)
        return
    if before is not None and old is not None:
        before.remove(old)
    if after is not None and new is not None:
        after.add(new)


def _value(field: Field, document: Document) -> Any:
    return field.type.comparison_key(field.find(document))
