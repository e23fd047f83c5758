"""The documents of one table in memory, and the indexes that find them.

An index is made the first time that a query could use it and kept up to date from then
on: a service that is never asked for a field pays nothing for it. A bucket holds the
records that share one value as lists sorted by each order that was asked for, so that
filter, order, offset and limit are answered by a slice. Records are never changed, only
replaced: a list that was copied out stays what it was while writers go on.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, Protocol

import orjson

from app.errors import Unavailable
from app.query import Comparison, Condition, Field, Order, Query
from app.query.predicate import (
    bounds,
    equalities,
    predicate,
    sort,
    sort_key,
    without,
)
from app.storage import Collection, Document, Key

ORDERS_KEPT = 8
"""How many sorted lists a bucket keeps at most."""


class Record:
    """A document with its key and its TinyDB number.

    Its ``content`` is the document, or its JSON as the service wrote it: that takes a
    fraction of the memory, and is decoded each time that the document is asked for.
    """

    __slots__ = ("number", "key", "content", "place", "_revision", "_made")

    place: Any
    """Where the record stands in the order of the table; known once it is sorted."""

    def __init__(self, number: int, key: Key, content: Document | bytes) -> None:
        self.number = number
        self.key = key
        self.content = content
        self._revision: int | None = None
        self._made: dict[Any, Any] | None = None

    @property
    def document(self) -> Document:
        """The document; raises Unavailable if what the disk gave back is no JSON."""
        content = self.content
        if not isinstance(content, bytes):
            return content
        try:
            document: Document = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            reason = f"the stored document {self.key} is damaged: {error}"
            raise Unavailable(reason) from None
        return document

    @property
    def encoded(self) -> bytes:
        """The document as JSON without white space."""
        content = self.content
        return content if isinstance(content, bytes) else orjson.dumps(content)

    def packed(self) -> "Record":
        """Return this record with its document in JSON."""
        return Record(self.number, self.key, self.encoded)

    @property
    def made(self) -> dict[Any, Any]:
        """What callers made of the document; it goes when the document does."""
        if self._made is None:
            self._made = {}
        return self._made

    @property
    def revision(self) -> int:
        """A digest of the document: alike in every worker and after every restart."""
        if self._revision is None:
            digest = blake2b(self.encoded, digest_size=8).digest()
            self._revision = int.from_bytes(digest) >> 1
        return self._revision


class Records(Protocol):
    """Records to look through, and to look up by their keys."""

    def __iter__(self) -> Iterator[Record]: ...

    def get(self, key: Key) -> Record | None: ...


_place: Callable[[Record], Any] = attrgetter("place")
_first: Callable[[Any], Any] = itemgetter(0)

_key_of = lru_cache(maxsize=256)(sort_key)


class Decoded(NamedTuple):
    """A record with its document, for all who look into that."""

    record: Record
    document: Document


class Bucket:
    """Records that share a value, sorted in the orders that were asked for.

    Beside each sorted list stand the keys that it is sorted by: a record is found among
    100,000 by comparing finished keys, not by making them.
    """

    __slots__ = ("_order", "_lists")

    def __init__(self, order: tuple[Order, ...], records: list[Record]) -> None:
        """Take ``records``, which stand in ``order``."""
        self._order = order
        self._lists = {order: ([record.place for record in records], records)}

    def __len__(self) -> int:
        return len(self._lists[self._order][1])

    def sorted(self, order: tuple[Order, ...]) -> list[Record]:
        """Return all records in ``order``: a list to read from, not to change."""
        if order not in self._lists:
            records = self._lists[self._order][1].copy()
            sort(records, order, _document)
            if len(self._lists) > ORDERS_KEPT:
                del self._lists[
                    next(each for each in self._lists if each != self._order)
                ]
            key = _key_of(order)
            self._lists[order] = [key(each.document) for each in records], records
        return self._lists[order][1]

    def within(
        self, order: tuple[Order, ...], limits: list[Comparison]
    ) -> list[Record]:
        """Return a new list in ``order``, without what is not in ``limits``.

        They are those that ``bounds`` returns for the order, in which there is a list.
        """
        keys, records = self._lists[order]
        start, end = 0, len(records)
        for limit in limits:
            side = bisect_right if limit.operator in ("$gt", "$lte") else bisect_left
            place = side(keys, limit.operand, key=_first)
            if limit.operator in ("$gt", "$gte"):
                start = max(start, place)
            else:
                end = min(end, place)
        return records[start:end]

    def has(self, order: tuple[Order, ...]) -> bool:
        return order in self._lists

    def add(self, new: Decoded) -> None:
        for order, (keys, records) in self._lists.items():
            _insert(keys, records, self._key(order, new), new.record)

    def remove(self, old: Decoded) -> None:
        for order, (keys, records) in self._lists.items():
            place = bisect_left(keys, self._key(order, old))
            del keys[place], records[place]

    def replace(self, old: Decoded, new: Decoded) -> None:
        for order, (keys, records) in self._lists.items():
            before, after = self._key(order, old), self._key(order, new)
            place = bisect_left(keys, before)
            if before == after:
                records[place] = new.record
                continue
            del keys[place], records[place]
            _insert(keys, records, after, new.record)

    def _key(self, order: tuple[Order, ...], each: Decoded) -> Any:
        if order == self._order:
            return each.record.place
        return _key_of(order)(each.document)


def _insert(keys: list[Any], records: list[Record], key: Any, record: Record) -> None:
    place = bisect_left(keys, key)
    keys.insert(place, key)
    records.insert(place, record)


class Documents:
    """The records of one table by key, and the answers to queries.

    One thread at a time may write; any number may read meanwhile.
    """

    def __init__(self, collection: Collection, records: Iterable[Record]) -> None:
        self._collection = collection
        self._by_key = {record.key: record for record in records}
        self._place = sort_key(collection.order)
        self._all: Bucket | None = None
        self._indexes: dict[Field, dict[Any, Bucket]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Record]:
        with self._lock:
            return iter(list(self._by_key.values()))

    def get(self, key: Key) -> Record | None:
        return self._by_key.get(key)

    def change(self, put: Iterable[Record], gone: Iterable[Key]) -> None:
        """Remove what is under the keys ``gone``, and add or replace ``put``, at once."""
        new = {record.key: record for record in put}
        with self._lock:
            former = [self._by_key.get(key) for key in {*gone, *new}]
            old = {record.key: record for record in former if record is not None}
            # One step for those who get records meanwhile, without the lock.
            self._by_key.update(new)
            for key in old.keys() - new.keys():
                del self._by_key[key]
            if self._all is not None:
                for key in old.keys() | new.keys():
                    self._reindex(self._all, old.get(key), new.get(key))

    def after_fork(self) -> None:
        """Start anew in a child process: who held the lock is not there."""
        self._lock = threading.Lock()

    def find(self, query: Query) -> tuple[list[Record], int]:
        """Return the page that ``query`` asks for, and the number of all matches."""
        order = query.order
        named = {each.field for each in order}
        order += tuple(
            each for each in self._collection.order if each.field not in named
        )
        end = None if query.limit is None else query.offset + query.limit
        with self._lock:
            bucket, rest = self._candidates(query)
            if rest is None:
                total = len(bucket)
                wanted = end is None or query.offset < min(end, total)
                page = bucket.sorted(order)[query.offset : end] if wanted else []
                return page, total
            present = order if bucket.has(order) else self._collection.order
            records = bucket.within(present, bounds(rest, present[0]))
        matches = predicate(rest)
        found = [record for record in records if matches(record.document)]
        if present != order:
            sort(found, order, _document)
        return found[query.offset : end], len(found)

    def _candidates(self, query: Query) -> tuple[Bucket, Condition | None]:
        """Return the smallest bucket that holds all matches, and what is left to test."""
        where = query.where
        if where is None:
            return self._everything(), None
        best: tuple[Bucket, Condition | None] | None = None
        for comparison in equalities(where):
            bucket = self._bucket(comparison)
            if bucket is not None and (best is None or len(bucket) < len(best[0])):
                best = bucket, without(where, comparison)
        return best or (self._everything(), where)

    def _bucket(self, comparison: Comparison) -> Bucket | None:
        field, wanted = comparison.field, comparison.operand
        values = wanted if comparison.operator == "$in" else (wanted,)
        order = self._collection.order
        if field == order[-1].field:
            keyed = [self._by_key.get(value) for value in set(values)]
            return self._merged([record for record in keyed if record is not None])
        if field not in self._collection.indexed:
            return None
        index = self._index(field)
        if comparison.operator == "$eq":
            return index.get(wanted) or Bucket(order, [])
        buckets = [index[value] for value in set(values) if value in index]
        return self._merged(
            [each for bucket in buckets for each in bucket.sorted(order)]
        )

    def _merged(self, records: list[Record]) -> Bucket:
        for record in records:
            record.place = self._place(record.document)
        return Bucket(self._collection.order, sorted(records, key=_place))

    def _everything(self) -> Bucket:
        if self._all is None:
            self._all = self._merged(list(self._by_key.values()))
        return self._all

    def _index(self, field: Field) -> dict[Any, Bucket]:
        index = self._indexes.get(field)
        if index is None:
            order = self._collection.order
            groups: dict[Any, list[Record]] = {}
            for record in self._everything().sorted(order):
                value = _value(field, record.document)
                groups.setdefault(value, []).append(record)
            index = {value: Bucket(order, records) for value, records in groups.items()}
            self._indexes[field] = index
        return index

    def _reindex(
        self, all_: Bucket, former: Record | None, latter: Record | None
    ) -> None:
        old = new = None
        if former is not None:
            old = Decoded(former, former.document)
        if latter is not None:
            new = Decoded(latter, latter.document)
            latter.place = self._place(new.document)
        _move(all_, all_, old, new)
        for field, index in self._indexes.items():
            before = after = None
            if old is not None:
                before = index[value := _value(field, old.document)]
            if new is not None:
                value_after = _value(field, new.document)
                after = index.get(value_after)
                if after is None:
                    after = index[value_after] = Bucket(self._collection.order, [])
            _move(before, after, old, new)
            if before is not None and not before:
                del index[value]


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


def _document(record: Record) -> Document:
    return record.document


def _value(field: Field, document: Document) -> Any:
    return field.kind.key(field.find(document))
