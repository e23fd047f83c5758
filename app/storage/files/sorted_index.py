"""Records in the orders that they were asked for.

A list holds the sort keys of its records, finished, so that one is found among 100,000 by
comparing them, not by making them. Each ends with the position of the record in the order
of the table, and each position with the number and the key of the document: so a list says
where the records are, and not what they are. A document that changes in what no list is
sorted by, as most changes are, leaves all lists as they are, in every process.

An order whose last field descends is the mirror of another one, ties included, and is
read from that one's list backwards.
"""

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

from app.pacing import Pace, unhurried
from app.query import Comparison, Order
from app.query.predicate import SORTED, sort, sort_key
from app.storage import Key
from app.storage.files.records import Decoded, Record

WHOLE_LISTS_CACHED = 4
"""All lists of a table in other orders have together at most this many times as many
entries as the table has documents. An entry takes 100 to 200 bytes."""

LIST_COST = 16
"""What a list takes besides its entries, in entries."""

Orders = tuple[Order, ...]
Keys = list[tuple[Any, ...]]

_first: Callable[[Any], Any] = itemgetter(0)
_last: Callable[[Any], Any] = itemgetter(-1)


def ascending(order: Orders) -> tuple[Orders, bool]:
    """Return ``order``, or its mirror if its last field descends, and which of the two."""
    if not order or not order[-1].descending:
        return order, False
    return tuple(Order(by.field, not by.descending) for by in order), True


class SortedList:
    """The sort keys of a posting list in another order, and the size they count for."""

    __slots__ = ("postings", "order", "keys", "size")

    def __init__(self, postings: "PostingList", order: Orders, keys: Keys) -> None:
        self.postings = postings
        self.order = order
        self.keys = keys
        self.size = 0


class PostingList:
    """Some of ``records``, by their sorted ``positions`` in the order of the table.

    An empty order is that of the table; no other one may end with a field that descends.
    Its lists in other orders stay in the ``cache`` for the next time, if that is given.
    """

    __slots__ = ("positions", "_records", "_cache", "_lists")

    def __init__(
        self,
        positions: Keys,
        records: Mapping[Key, Record],
        cache: "Cache | None" = None,
    ) -> None:
        self.positions = positions
        self._records = records
        self._cache = cache
        self._lists: dict[Orders, SortedList] = {}

    def __len__(self) -> int:
        return len(self.positions)

    def has(self, order: Orders) -> bool:
        """Return whether there is a list in ``order`` already."""
        return not order or order in self._lists

    def page(
        self,
        order: Orders = (),
        start: int = 0,
        end: int | None = None,
        pace: Pace = unhurried,
    ) -> list[Record]:
        """Return the records from ``start`` to ``end`` in ``order``."""
        return self._found(order, self._sorted(order, pace)[start:end])

    def within(
        self, order: Orders, limits: list[Comparison], pace: Pace
    ) -> list[Record]:
        """Return the records in ``order``, without what is not in ``limits``.

        They are those that ``bounds`` returns for the first field of the order.
        """
        keys = self._sorted(order, pace)
        start, end = self._span(keys, limits)
        return self._found(order, keys[start:end])

    def count(self, order: Orders, limits: list[Comparison], pace: Pace) -> int:
        """Return how many records ``within`` returns."""
        start, end = self._span(self._sorted(order, pace), limits)
        return max(0, end - start)

    def add(self, new: Decoded) -> None:
        insort(self.positions, new.record.position)
        for other in self._lists.values():
            insort(other.keys, _key_of(other.order)(new))

    def remove(self, old: Decoded) -> None:
        del self.positions[bisect_left(self.positions, old.record.position)]
        for other in self._lists.values():
            del other.keys[bisect_left(other.keys, _key_of(other.order)(old))]

    def replace(self, old: Decoded, new: Decoded) -> None:
        if old.record.position != new.record.position:
            self.remove(old)
            self.add(new)
            return
        for other in self._lists.values():
            key = _key_of(other.order)
            before, after = key(old), key(new)
            if before != after:
                del other.keys[bisect_left(other.keys, before)]
                insort(other.keys, after)

    def forget(self, order: Orders) -> None:
        """Let go of the list in ``order``."""
        del self._lists[order]

    def close(self) -> None:
        """Let go of all lists."""
        if self._cache is not None:
            for sorted_list in list(self._lists.values()):
                self._cache.forget(sorted_list)

    def _sorted(self, order: Orders, pace: Pace) -> Keys:
        if not order:
            return self.positions
        found = self._lists.get(order)
        if found is None:
            found = SortedList(self, order, put_in_order(self.page(), order, pace))
            self._lists[order] = found
        if self._cache is not None:
            self._cache.use(found)
        return found.keys

    def _found(self, order: Orders, keys: Keys) -> list[Record]:
        positions = map(_last, keys) if order else keys
        # Who looks through all of them keeps the others waiting for half the time so.
        return list(map(self._records.__getitem__, map(_last, positions)))

    @staticmethod
    def _span(keys: Keys, limits: list[Comparison]) -> tuple[int, int]:
        start, end = 0, len(keys)
        for limit in limits:
            operand, is_lower = limit.operand, limit.operator in ("$gt", "$gte")
            side = bisect_right if limit.operator in ("$gt", "$lte") else bisect_left
            if isinstance(operand, str) and len(operand) >= SORTED:
                # Longer texts that begin like it may be on either side of it.
                operand = operand[:SORTED]
                side = bisect_left if is_lower else bisect_right
            position = side(keys, operand, key=_first)
            if is_lower:
                start = max(start, position)
            else:
                end = min(end, position)
        return start, end


class Cache:
    """The sorted lists of a table that were used last; ``most`` returns the bound.

    What a client may ask for are hundreds of orders of thousands of posting lists.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._lists: OrderedDict[SortedList, None] = OrderedDict()
        self.size = 0

    def use(self, used: SortedList) -> None:
        """Note that a list is used; let go of others if there are too many by now."""
        size = len(used.keys) + LIST_COST
        if size != used.size:
            self.size += size - used.size
            used.size = size
        self._lists[used] = None
        self._lists.move_to_end(used)
        while self.size > self._most() and len(self._lists) > 1:
            self.forget(next(iter(self._lists)))

    def forget(self, unused: SortedList) -> None:
        """Let go of a list."""
        del self._lists[unused]
        self.size -= unused.size
        unused.postings.forget(unused.order)


def put_in_order(records: list[Record], order: Orders, pace: Pace) -> Keys:
    """Sort ``records``, which are in the order of the table, and return their keys."""
    key = _key_of(order)
    # No more than one document is there at a time.
    return sort(records, order, lambda record: key(Decoded(record)), pace)


@lru_cache(maxsize=256)
def _key_of(order: Orders) -> Callable[[Decoded], tuple[Any, ...]]:
    first = sort_key(order)
    return lambda decoded: (*first(decoded.document), decoded.record.position)
