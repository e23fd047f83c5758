"""Records in the orders that they were asked for.

A list holds the sort keys of its records, finished, so that one is found among 100,000 by
comparing them, not by making them. Each ends with the place of the record in the natural
order, that of the table, and each place with the key of the document: so a list says
where the records stand, and not what they are. A document that changes in what no list is
sorted by, as most changes are, leaves all lists as they are, in every process.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

from app.query import Comparison, Order
from app.query.predicate import sort, sort_key
from app.storage import Key
from app.storage.records import Decoded, Record

ORDERS_KEPT = 8
"""How many lists in other orders a bucket keeps at most."""

Orders = tuple[Order, ...]
Keys = list[tuple[Any, ...]]

_first: Callable[[Any], Any] = itemgetter(0)


class Bucket:
    """Some of ``records``, by their sorted ``places`` in the order ``natural``."""

    __slots__ = ("places", "_natural", "_records", "_lists")

    def __init__(
        self, natural: Orders, places: Keys, records: Mapping[Key, Record]
    ) -> None:
        self.places = places
        self._natural = natural
        self._records = records
        self._lists: dict[Orders, Keys] = {}

    def __len__(self) -> int:
        return len(self.places)

    def has(self, order: Orders) -> bool:
        """Tell whether there is a list in ``order`` already."""
        return order == self._natural or order in self._lists

    def page(
        self, order: Orders, start: int = 0, end: int | None = None
    ) -> list[Record]:
        """Return the records that stand from ``start`` to ``end`` in ``order``."""
        return self._found(order, self._sorted(order)[start:end])

    def within(self, order: Orders, limits: list[Comparison]) -> list[Record]:
        """Return the records in ``order``, without what is not in ``limits``.

        They are those that ``bounds`` returns for the order, in which there is a list.
        """
        keys = self._sorted(order)
        start, end = 0, len(keys)
        for limit in limits:
            side = bisect_right if limit.operator in ("$gt", "$lte") else bisect_left
            place = side(keys, limit.operand, key=_first)
            if limit.operator in ("$gt", "$gte"):
                start = max(start, place)
            else:
                end = min(end, place)
        return self._found(order, keys[start:end])

    def add(self, new: Decoded) -> None:
        insort(self.places, new.record.place)
        for order, keys in self._lists.items():
            insort(keys, _key_of(order, self._natural)(new))

    def remove(self, old: Decoded) -> None:
        del self.places[bisect_left(self.places, old.record.place)]
        for order, keys in self._lists.items():
            del keys[bisect_left(keys, _key_of(order, self._natural)(old))]

    def replace(self, old: Decoded, new: Decoded) -> None:
        if old.record.place != new.record.place:
            self.remove(old)
            self.add(new)
            return
        for order, keys in self._lists.items():
            key = _key_of(order, self._natural)
            before, after = key(old), key(new)
            if before != after:
                del keys[bisect_left(keys, before)]
                insort(keys, after)

    def _sorted(self, order: Orders) -> Keys:
        if order == self._natural:
            return self.places
        if order not in self._lists:
            if len(self._lists) == ORDERS_KEPT:
                del self._lists[next(iter(self._lists))]
            records = self.page(self._natural)
            self._lists[order] = put_in_order(records, order, self._natural)
        return self._lists[order]

    def _found(self, order: Orders, keys: Keys) -> list[Record]:
        records = self._records
        if order == self._natural:
            return [records[place[-1]] for place in keys]
        return [records[key[-1][-1]] for key in keys]


def put_in_order(records: list[Record], order: Orders, natural: Orders) -> Keys:
    """Sort ``records``, which stand in the ``natural`` order, and return their keys."""
    key = _key_of(order, natural)
    # No more than one document is there at a time.
    return sort(records, _own(order, natural), lambda each: key(Decoded(each)))


def _own(order: Orders, natural: Orders) -> Orders:
    """Return what of ``order`` stands before the natural one, if that is its end."""
    own = order[: -len(natural)]
    return own if order[len(own) :] == natural else order


@lru_cache(maxsize=256)
def _key_of(order: Orders, natural: Orders) -> Callable[[Decoded], tuple[Any, ...]]:
    first = sort_key(_own(order, natural))
    return lambda each: (*first(each.document), each.record.place)
