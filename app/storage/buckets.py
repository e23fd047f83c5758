"""Records in the orders that they were asked for.

Beside each list stand the keys that it is sorted by: a record is found among 100,000 by
comparing finished keys, not by making them. In the natural order, that of the table, the
records have these keys themselves, as their ``place``; keys of other orders, which go on in
the natural one where they are equal, end with it rather than with a copy.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

from app.query import Comparison, Order
from app.query.predicate import sort, sort_key
from app.storage.records import Decoded, Record, decoded

ORDERS_KEPT = 8
"""How many lists in other orders a bucket keeps at most."""

Orders = tuple[Order, ...]
Keys = list[tuple[Any, ...]]

by_place: Callable[[Record], Any] = attrgetter("place")
_first: Callable[[Any], Any] = itemgetter(0)


class Bucket:
    """Records that share a value; ``natural`` is the order that they come in."""

    __slots__ = ("_natural", "_records", "_lists")

    def __init__(self, natural: Orders, records: list[Record]) -> None:
        self._natural = natural
        self._records = records
        self._lists: dict[Orders, tuple[Keys, list[Record]]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def has(self, order: Orders) -> bool:
        """Tell whether there is a list in ``order`` already."""
        return order == self._natural or order in self._lists

    def sorted(self, order: Orders) -> list[Record]:
        """Return all records in ``order``: a list to read from, not to change."""
        if order == self._natural:
            return self._records
        if order not in self._lists:
            if len(self._lists) == ORDERS_KEPT:
                del self._lists[next(iter(self._lists))]
            records = self._records.copy()
            keys = put_in_order(records, order, self._natural)
            self._lists[order] = keys, records
        return self._lists[order][1]

    def within(self, order: Orders, limits: list[Comparison]) -> list[Record]:
        """Return a new list in ``order``, without what is not in ``limits``.

        They are those that ``bounds`` returns for the order, in which there is a list.
        """
        records = self.sorted(order)
        keys = self._lists[order][0] if order in self._lists else None
        start, end = 0, len(records)
        for limit in limits:
            side = bisect_right if limit.operator in ("$gt", "$lte") else bisect_left
            if keys is None:
                place = side(records, limit.operand, key=_first_of_place)
            else:
                place = side(keys, limit.operand, key=_first)
            if limit.operator in ("$gt", "$gte"):
                start = max(start, place)
            else:
                end = min(end, place)
        return records[start:end]

    def add(self, new: Decoded) -> None:
        place = bisect_left(self._records, new.record.place, key=by_place)
        self._records.insert(place, new.record)
        for order, (keys, records) in self._lists.items():
            _insert(keys, records, _key_of(order, self._natural)(new), new.record)

    def remove(self, old: Decoded) -> None:
        del self._records[bisect_left(self._records, old.record.place, key=by_place)]
        for order, (keys, records) in self._lists.items():
            place = bisect_left(keys, _key_of(order, self._natural)(old))
            del keys[place], records[place]

    def replace(self, old: Decoded, new: Decoded) -> None:
        if old.record.place != new.record.place:
            self.remove(old)
            self.add(new)
            return
        place = bisect_left(self._records, old.record.place, key=by_place)
        self._records[place] = new.record
        for order, (keys, records) in self._lists.items():
            key = _key_of(order, self._natural)
            before, after = key(old), key(new)
            place = bisect_left(keys, before)
            if before == after:
                records[place] = new.record
                continue
            del keys[place], records[place]
            _insert(keys, records, after, new.record)


def put_in_order(records: list[Record], order: Orders, natural: Orders) -> Keys:
    """Sort ``records``, which stand in the ``natural`` order, and return their keys."""
    key = _key_of(order, natural)
    # No more than one document is there at a time.
    return sort(records, _own(order, natural), lambda each: key(decoded(each)))


def _own(order: Orders, natural: Orders) -> Orders:
    """Return what of ``order`` stands before the natural one, if that is its end."""
    own = order[: -len(natural)]
    return own if order[len(own) :] == natural else order


@lru_cache(maxsize=256)
def _key_of(order: Orders, natural: Orders) -> Callable[[Decoded], tuple[Any, ...]]:
    own = _own(order, natural)
    first = sort_key(own)
    if own == order:
        return lambda each: first(each.document)
    return lambda each: (*first(each.document), each.record.place)


def _first_of_place(record: Record) -> Any:
    return record.place[0]


def _insert(keys: Keys, records: list[Record], key: Any, record: Record) -> None:
    place = bisect_left(keys, key)
    keys.insert(place, key)
    records.insert(place, record)
