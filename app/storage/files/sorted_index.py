"""Records in the orders that they were asked for.

A list holds the sort keys of its records, finished, so that one is found among 100,000 by
comparing them, not by making them. Each ends with the position of the record in the order
of the table, and each position with the number and the key of the document: so a list says
where the records are, and not what they are. A document that changes in what no list is
sorted by, as most changes are, leaves all lists as they are, in every process.

An order whose last field descends is the mirror of another one, ties included, and is
read from that one's list backwards.
"""

import threading
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any

from orjson import dumps

from app.pacing import Pace, paced
from app.query import Comparison, Field, Order
from app.query.predicate import SORTED, sort, sort_key, sort_keys, sort_places
from app.storage.files.records import Decoded, Record
from app.storage.files.views import Views

WHOLE_LISTS_CACHED = 4
"""All lists of a table in other orders have together at most this many times as many
entries as the table has documents. An entry takes 150 to 300 bytes. Those that are being
made come on top: no more at a time than long queries run."""

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


class Making:
    """What one thread makes of records as they were, while others wait until it is done.

    Meanwhile, changes are noted: records that were there, and those that replaced them.
    """

    __slots__ = ("done", "_changes")

    def __init__(self) -> None:
        self.done = threading.Event()
        self._changes: list[tuple[Record | None, Record | None]] = []

    def note(self, old: Decoded | None, new: Decoded | None) -> None:
        """Note a change; what was decoded for it is not kept."""
        self._changes.append((old.record if old else None, new.record if new else None))

    def take(self) -> list[tuple[Decoded | None, Decoded | None]]:
        """Return what was noted since the last time."""
        changes, self._changes = self._changes, []
        return [
            (Decoded(old) if old else None, Decoded(new) if new else None)
            for old, new in changes
        ]


class SortedList:
    """The sort keys of a posting list in another order, and the size they count for.

    It is there from the moment on at which somebody begins to make it.
    """

    __slots__ = ("postings", "order", "keys", "size", "making")

    def __init__(self, postings: "PostingList", order: Orders) -> None:
        self.postings = postings
        self.order = order
        self.keys: Keys = []
        self.size = 0
        self.making: Making | None = Making()

    def make(self, records: Iterable[Record], pace: Pace) -> None:
        """Sort ``records``, which are in the order of the table."""
        key = _key_of(self.order)
        # No more than one document is there at a time.
        self.keys = [key(Decoded(record)) for record in paced(records, pace)]
        sort_keys(self.keys, self.order, pace)

    def apply(self, old: Decoded | None, new: Decoded | None) -> None:
        """Replace ``old`` by ``new``."""
        key = _key_of(self.order)
        _replace(self.keys, old and key(old), new and key(new))

    def finish(self) -> None:
        """Serve the list from now on."""
        self.making = None
        self.postings.use(self)


class PostingList:
    """Some of the records of ``views``, by their sorted ``positions`` in the table's order.

    An empty order is that of the table; no other one may end with a field that descends.
    Its lists in other orders stay in the ``cache`` for the next time, if that is given.
    """

    __slots__ = ("positions", "_views", "_cache", "lists")

    def __init__(
        self,
        positions: Keys,
        views: Views,
        cache: "Cache | None" = None,
    ) -> None:
        self.positions = positions
        self._views = views
        self._cache = cache
        self.lists: dict[Orders, SortedList] = {}

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def is_lasting(self) -> bool:
        """Whether its lists stay for the next time."""
        return self._cache is not None

    def has(self, order: Orders) -> bool:
        """Return whether there is a list in ``order`` already."""
        found = self.lists.get(order)
        return not order or found is not None and found.making is None

    # In an order that there is a list of

    def page(
        self, order: Orders = (), start: int = 0, end: int | None = None
    ) -> Iterable[Record]:
        """Return the records from ``start`` to ``end`` in ``order``."""
        return self._found(order, self._keys(order)[start:end])

    def within(self, order: Orders, limits: list[Comparison]) -> Iterable[Record]:
        """Return the records in ``order``, without what is not in ``limits``.

        They are those that ``bounds`` returns for the first field of the order.
        """
        keys = self._keys(order)
        start, end = self._span(keys, limits)
        return self._found(order, keys[start:end])

    def count(self, order: Orders, limits: list[Comparison]) -> int:
        """Return how many records ``within`` returns."""
        start, end = self._span(self._keys(order), limits)
        return max(0, end - start)

    def change(self, old: Decoded | None, new: Decoded | None) -> None:
        """Replace ``old``, if any, by ``new``, if any."""
        before, after = old and old.record.position, new and new.record.position
        _replace(self.positions, before, after)
        for other in self.lists.values():
            change(other, old, new)

    def use(self, used: SortedList) -> None:
        """Note that a list is used."""
        if self._cache is not None:
            self._cache.use(used)

    def forget(self, order: Orders) -> None:
        """Let go of the list in ``order``."""
        del self.lists[order]

    def close(self) -> None:
        """Let go of all lists, and keep none that is being made."""
        if self._cache is not None:
            for sorted_list in list(self.lists.values()):
                if sorted_list.making is None:
                    self._cache.forget(sorted_list)
            self._cache = None

    def _keys(self, order: Orders) -> Keys:
        if not order:
            return self.positions
        found = self.lists[order]
        self.use(found)
        return found.keys

    def _found(self, order: Orders, keys: Keys) -> Iterable[Record]:
        positions = map(_last, keys) if order else iter(keys)
        return self._views.records(map(_last, positions), len(keys))

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


class Index:
    """The posting lists of all values of a field; ``lasting`` makes one of positions.

    Like a sorted list, it is there from the moment on at which somebody begins to make it,
    and has the same methods.
    """

    def __init__(self, field: Field, lasting: Callable[[Keys], PostingList]) -> None:
        self.field = field
        self.lists: dict[Any, PostingList] = {}
        self.making: Making | None = Making()
        self._lasting = lasting

    def make(self, records: Iterable[Record], pace: Pace) -> None:
        """Find the lists of ``records``, which are in the order of the table."""
        groups: dict[Any, Keys] = {}
        for record in paced(records, pace):
            groups.setdefault(self._value(record), []).append(record.position)
        self.lists = {
            value: self._lasting(positions) for value, positions in groups.items()
        }

    def finish(self) -> None:
        self.making = None

    def apply(self, old: Decoded | None, new: Decoded | None) -> None:
        before = after = None
        if old is not None:
            before = self.lists[value := self._value(old)]
        if new is not None:
            value_after = self._value(new)
            after = self.lists.get(value_after)
            if after is None:
                after = self.lists[value_after] = self._lasting([])
        if before is not None and before is after:
            before.change(old, new)
            return
        if before is not None:
            before.change(old, None)
            if not before:
                before.close()
                del self.lists[value]
        if after is not None:
            after.change(None, new)

    def _value(self, record: Record | Decoded) -> Any:
        return self.field.type.comparison_key(self.field.find(record.document))


class Cache:
    """The sorted lists of a table that were used last; ``most`` returns the bound.

    What a client may ask for are hundreds of orders of thousands of posting lists.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._lists: OrderedDict[SortedList, None] = OrderedDict()
        self._unused: list[Keys] = []
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
        self._unused.append(unused.keys)

    def take_unused(self) -> list[Keys]:
        """Return the keys of the lists that were let go of, which are to be freed."""
        unused, self._unused = self._unused, []
        return unused


def put_in_order(records: list[Record], order: Orders, pace: Pace) -> Keys:
    """Sort ``records``, which are in the order of the table, and return their keys."""
    key = _key_of(order)
    return sort(records, order, lambda record: key(Decoded(record)), pace)


def put_in_position(records: list[Record], pace: Pace) -> None:
    """Sort ``records`` into the order of the table."""
    positions = [record.position for record in records]
    places = sort_places(range(len(records)), positions, False, pace)
    records[:] = [records[place] for place in places]


@lru_cache(maxsize=256)
def _key_of(order: Orders) -> Callable[[Decoded], tuple[Any, ...]]:
    first = sort_key(order)
    return lambda decoded: (*first(decoded.document), decoded.record.position)


def _replace(keys: Keys, before: Any, after: Any) -> None:
    """Replace a key ``before``, if any, by the one ``after``, if any, in sorted keys."""
    if before == after:
        return
    if before is not None:
        del keys[bisect_left(keys, before)]
    if after is not None:
        insort(keys, after)


def change(made: SortedList | Index, old: Decoded | None, new: Decoded | None) -> None:
    """Replace ``old`` by ``new`` in what is ``made``; while it is, note it for later."""
    if made.making is not None:
        made.making.note(old, new)
    else:
        made.apply(old, new)


def stands(old: Decoded, new: Decoded, fields: Iterable[Field]) -> bool:
    """Return whether ``new`` has the position of ``old`` in all lists by ``fields``."""
    if old.record.number != new.record.number:
        return False
    for field in fields:
        before, after = field.find(old.document), field.find(new.document)
        if type(before) is not type(after) or before != after:
            return False
        # What is in them may have changed from 1 to true.
        if isinstance(before, list | dict) and dumps(before) != dumps(after):
            return False
    return True
