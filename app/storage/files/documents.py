"""The documents of one table in memory, and the indexes that find them.

An index is made the first time that a query could use it and kept up to date from then
on: a service that is never asked for a field pays nothing for it. A posting list holds the
records that share one value as lists sorted by each order that was asked for, so that
filter, order, offset and limit are answered by a slice. Records are never changed, only
replaced: a page that was handed out stays what it was while writers go on.

The lock of the indexes is held for moments only. An index or a list is made without it, of
the records as they are then, by one thread while others wait; what changes meanwhile is
noted, and applied at the end.
"""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain, count
from typing import TypeVar

from app.pacing import Pace, free, paced, unhurried
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
from app.storage import Collection, Key
from app.storage.files.records import Decoded, Record
from app.storage.files.sorted_index import (
    WHOLE_LISTS_CACHED,
    Cache,
    Index,
    Keys,
    Making,
    Orders,
    PostingList,
    SortedList,
    ascending,
    change,
    put_in_order,
    put_in_position,
    stands,
)
from app.storage.files.views import Views

Name = TypeVar("Name", bound=Hashable)
Made = TypeVar("Made", SortedList, Index)

WAIT = 0.1
"""Seconds for which one waits at a time for somebody who makes a list or an index."""

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
        self._size: int | None = None
        self._indexed = frozenset(collection.indexed)
        self._first = sort_key(collection.order)
        # The fields that lists and indexes were made by.
        self._listed = {order.field for order in collection.order}
        self.start()

    def start(self) -> None:
        """Begin without indexes, also in a child: who held the lock is not there."""
        self._lock = threading.Lock()
        self._views = Views(self._by_key, self._lock)
        self._all: PostingList | None = None
        # While somebody makes the list of all.
        self._listing: Making | None = None
        self._cache = Cache(lambda: WHOLE_LISTS_CACHED * len(self._by_key))
        self._indexes: dict[Field, Index] = {}
        # What was under a key at the last refresh of the indexes, and what is there now.
        self._stale: dict[Key, tuple[Record | None, Decoded | None]] = {}

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

    def change(self, new: Mapping[Key, Decoded | None]) -> None:
        """Put what is ``new`` under each key, nothing for None, all at once.

        The indexes follow when they are asked, or with ``refresh_indexes``: that takes the
        most time, and other processes need not wait for it.
        """
        records = {key: decoded.record for key, decoded in new.items() if decoded}
        with self._lock:
            former = {key: self._by_key.get(key) for key in new}
            if self._size is not None:
                for record in records.values():
                    self._size += record.size
                for old in former.values():
                    if old is not None:
                        self._size -= old.size
            self._views.keep(former)
            # One step for those who get records meanwhile, without the lock.
            self._by_key.update(records)
            if len(records) < len(new):
                for key in new.keys() - records.keys():
                    self._by_key.pop(key, None)
            # Who finds the new number finds the new documents.
            self.version = next(_versions)
            if self._all is None and self._listing is None:
                return
            for key, before in former.items():
                first, _ = self._stale.get(key, (before, None))
                self._stale[key] = first, new[key]

    def refresh_indexes(self) -> None:
        """Bring the indexes up to date."""
        with self._lock:
            self._refresh_indexes()

    def find(self, query: Query, pace: Pace = unhurried) -> tuple[list[Record], int]:
        """Return the page that ``query`` asks for, and the number of all matches."""
        order, is_mirrored = ascending(query.order)
        end = None if query.limit is None else query.offset + query.limit
        with self._lock:
            self._refresh_indexes()
            postings, rest = self._candidates(query.where, pace)
            if (ahead := self._ahead(postings, rest, order)) > MANY:
                # It may have to wait, or be refused, and others need the lock meanwhile.
                with self._unlocked():
                    pace(ahead)
                postings, rest = self._candidates(query.where, pace)
            if is_page := rest is None and (postings.is_lasting or not order):
                if query.offset < len(postings) and query.limit != 0:
                    self._sort(postings, order, pace)
                total = len(postings)
                start = min(query.offset, total)
                stop = total if end is None else min(end, total)
                if start >= stop:
                    return [], total
                if is_mirrored:
                    start, stop = total - stop, total - start
                found = postings.page(order, start, stop)
            else:
                present, ahead, found = self._limited(postings, order, rest, pace)
        if is_page:
            page = found if isinstance(found, list) else list(paced(found, pace))
            return page[::-1] if is_mirrored else page, total
        pace(ahead)
        if rest is not None:
            matches = predicate(rest)
            found = [each for each in paced(found, pace) if matches(each.document)]
        records = found if isinstance(found, list) else list(paced(found, pace))
        if present is None:
            put_in_position(records, pace)
        if order and present != order:
            free(put_in_order(records, order, pace), pace)
        if is_mirrored:
            records.reverse()
        return records[query.offset : end], len(records)

    # The caller of all the following holds the lock

    @contextmanager
    def _unlocked(self) -> Iterator[None]:
        """Let others have the lock; the indexes are up to date when it is back."""
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
        self._refresh_indexes()

    def _wait_for(self, making: Making, pace: Pace) -> None:
        """Wait until another thread has made what it is making, or could not."""
        with self._unlocked():
            while not making.done.wait(WAIT):
                pace()

    def _sort(self, postings: PostingList, order: Orders, pace: Pace) -> None:
        """See to it that there is a list of ``postings`` in ``order``."""
        if not postings.has(order):
            # Who changes them after the list was begun has to note it.
            self._listed |= {by.field for by in order}
            begin = partial(SortedList, postings, order)
            self._make_once(postings.lists, order, begin, postings, pace)

    def _index(self, field: Field, pace: Pace) -> None:
        """See to it that there is an index of ``field``."""
        index = self._indexes.get(field)
        if index is None or index.making is not None:
            everything = self._everything(pace)
            self._listed.add(field)
            begin = partial(Index, field, self._lasting)
            self._make_once(self._indexes, field, begin, everything, pace)

    def _make_once(
        self,
        present: dict[Name, Made],
        name: Name,
        begin: Callable[[], Made],
        source: PostingList,
        pace: Pace,
    ) -> None:
        """See to it that ``name`` is ``present``: make it of ``source``, or wait for it."""
        while (made := present.get(name)) is None or made.making is not None:
            if made is not None and made.making is not None:
                self._wait_for(made.making, pace)
                continue
            made = present[name] = begin()
            try:
                self._make(made, source.page(), partial(pace, holding=True))
            except BaseException:
                del present[name]
                raise
            if unused := self._cache.take_unused():
                with self._unlocked():
                    for keys in unused:
                        free(keys, pace)

    def _make(
        self, made: SortedList | Index, records: Iterable[Record], pace: Pace
    ) -> None:
        making = made.making
        assert making is not None
        try:
            with self._unlocked():
                made.make(records, pace)
            while len(changes := making.take()) > MANY:
                with self._unlocked():
                    for change in paced(changes, pace):
                        made.apply(*change)
            for change in changes:
                made.apply(*change)
            made.finish()
        finally:
            making.done.set()

    def _ahead(
        self, postings: PostingList, rest: Condition | None, order: Orders
    ) -> int:
        """Return how many documents a query is known to look at, or to sort."""
        if rest is None:
            return 0 if postings.has(order) else len(postings)
        fields = {comparison.field for comparison in limits(rest)}
        # Limits may leave few of all.
        is_near = postings is self._all and not fields.isdisjoint(self._indexed)
        return 0 if is_near else len(postings)

    def _limited(
        self, postings: PostingList, order: Orders, rest: Condition | None, pace: Pace
    ) -> tuple[Orders | None, int, Iterable[Record]]:
        """Return the order and number of the records that may fulfil ``rest``, and them.

        That is ``order``, that of the table, or None if they are in neither of them.
        """
        if rest is None:
            return (), len(postings), postings.page()
        if postings is self._all:
            for field in {comparison.field for comparison in limits(rest)}:
                if field not in self._indexed:
                    continue
                by = (Order(field),)
                near = bounds(rest, by[0])
                self._sort(postings, by, pace)
                if (count := postings.count(by, near)) * FEW < len(postings):
                    return None, count, postings.within(by, near)
        present = order if postings.has(order) else ()
        first = present or self._collection.order
        limits_ = bounds(rest, first[0]) if first else []
        count = postings.count(present, limits_)
        return present, count, postings.within(present, limits_)

    def _candidates(
        self, where: Condition | None, pace: Pace
    ) -> tuple[PostingList, Condition | None]:
        """Return the smallest list that holds all matches, and what is left to test."""
        indexed = [
            comparison
            for comparison in (() if where is None else equalities(where))
            if self._is_key(comparison.field) or comparison.field in self._indexed
        ]
        if where is None or not indexed:
            return self._everything(pace), where
        # Others may write meanwhile: nothing was looked up yet.
        for comparison in indexed:
            if not self._is_key(comparison.field):
                self._index(comparison.field, pace)
        found = [(self._posting_lists(each), each) for each in indexed]
        # Their sizes are enough to compare them: only one is put together.
        lists, comparison = min(found, key=lambda pair: sum(map(len, pair[0])))
        rest = without(where, comparison)
        if len(lists) == 1:
            return lists[0], rest
        positions = sorted(chain.from_iterable(each.positions for each in lists))
        return PostingList(positions, self._views), rest

    def _is_key(self, field: Field) -> bool:
        return field.path == (self._collection.key,) and field.type in SCALARS

    def _posting_lists(self, comparison: Comparison) -> list[PostingList]:
        """Return the lists of all that fulfil ``comparison``, from an index."""
        field, wanted = comparison.field, comparison.operand
        values = set(wanted if comparison.operator == "$in" else (wanted,))
        if self._is_key(field):
            keyed = list(filter(None, map(self._by_key.get, values)))
            if self._all is None:
                for record in keyed:
                    self._put_in_position(Decoded(record))
            positions = sorted(record.position for record in keyed)
            return [PostingList(positions, self._views)]
        lists = self._indexes[field].lists
        return [lists[value] for value in values if value in lists]

    def _lasting(self, positions: Keys) -> PostingList:
        return PostingList(positions, self._views, self._cache)

    def _put_in_position(self, decoded: Decoded) -> None:
        # The order of creation is known without a look into the document.
        first = self._first(decoded.document) if self._collection.order else ()
        decoded.record.position = (*first, decoded.record.number, decoded.record.key)

    def _everything(self, pace: Pace) -> PostingList:
        while self._all is None:
            if self._listing is not None:
                self._wait_for(self._listing, pace)
            else:
                self._list_all(pace)
        return self._all

    def _list_all(self, pace: Pace) -> None:
        self._listing = Making()
        records = list(self._by_key.values())
        try:
            with self._unlocked():
                holding = partial(pace, holding=True)
                for record in paced(records, holding):
                    self._put_in_position(Decoded(record))
                put_in_position(records, holding)
            self._all = self._lasting([record.position for record in records])
        except BaseException:
            self._stale.clear()
            raise
        finally:
            self._listing.done.set()
            self._listing = None
        self._refresh_indexes()

    def _refresh_indexes(self) -> None:
        while self._stale and self._all is not None:
            _, (former, new) = self._stale.popitem()
            old = None if former is None else Decoded(former)
            self._reindex(self._all, old, new)

    def _reindex(
        self, all_: PostingList, old: Decoded | None, new: Decoded | None
    ) -> None:
        if old is not None and new is not None and stands(old, new, self._listed):
            new.record.position = old.record.position
            return
        if new is not None:
            self._put_in_position(new)
        all_.change(old, new)
        for index in self._indexes.values():
            change(index, old, new)
