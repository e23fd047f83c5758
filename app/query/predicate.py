"""Compiles a tree to Python: a test of documents, and a sort.

The rules are in ``app.query``. Nothing here raises for any document, whatever JSON it is
made of: a file that was edited by hand must not break a list.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from app.pacing import Pace, paced, unhurried
from app.query import (
    Comparison,
    Condition,
    Document,
    Every,
    Field,
    Negation,
    Order,
)
from app.query.matching import RELATIONS, Test, is_composite, test_of
from app.query.values import (
    ABSENT,
    ANY,
    INDEXABLE,
    NUMBERS,
    SCALARS,
    STRINGS,
    plain_key,
)

SORTED = 200
"""How many characters of a text an order goes by."""

RUN: Final = 4096
"""How many items are sorted at once."""

SAMPLE: Final = 16
"""How many of them are sampled."""

Predicate = Callable[[Document], bool]
Item = TypeVar("Item")


def predicate(condition: Condition) -> Predicate:
    """Return the test whether a document fulfils ``condition``."""
    if isinstance(condition, Comparison):
        return _compared(condition)
    if isinstance(condition, Negation):
        refused = predicate(condition.part)
        return lambda document: not refused(document)
    parts = [predicate(part) for part in condition.parts]
    return _every(parts) if isinstance(condition, Every) else _some(parts)


def _every(parts: list[Predicate]) -> Predicate:
    def every(document: Document) -> bool:
        for part in parts:
            if not part(document):
                return False
        return True

    return every


def _some(parts: list[Predicate]) -> Predicate:
    def some(document: Document) -> bool:
        for part in parts:
            if part(document):
                return True
        return False

    return some


def _compared(comparison: Comparison) -> Predicate:
    test = test_of(comparison)
    path = comparison.field.path
    if comparison.field.type is ANY:
        return _anywhere(path, _of_all(comparison, test))
    if len(path) > 1:
        find = comparison.field.find
        return lambda document: test(find(document))
    # Nearly all fields are members of the document itself: spare them a loop.
    [name] = path
    return lambda document: test(document.get(name, ABSENT))


def _of_all(comparison: Comparison, test: Test) -> Callable[[list[Any]], bool]:
    """Return the test of all values that a name leads to."""
    operator = comparison.operator
    if operator == "$exists":
        # They are there if one of them is.
        wanted = comparison.operand
        return lambda values: any(value is not ABSENT for value in values) is wanted
    if (
        operator == "$contains"
        or operator == "$eq"
        and is_composite(comparison.operand)
    ):
        return lambda values: any(map(test, values))

    def one_holds(values: list[Any]) -> bool:
        for value in values:
            if any(map(test, value)) if isinstance(value, list) else test(value):
                return True
        return False

    return one_holds


def _anywhere(path: tuple[str, ...], test: Callable[[list[Any]], bool]) -> Predicate:
    """Return the test of the values that ``path`` leads to in a document."""

    def anywhere(document: Document) -> bool:
        value: Any = document
        for depth, name in enumerate(path):
            if not isinstance(value, dict):
                return test(_reached(value, path[depth:]))
            value = value.get(name, ABSENT)
        return test([value])

    return anywhere


def _reached(value: Any, path: tuple[str, ...]) -> list[Any]:
    """Return the values that ``path`` leads to, through objects in arrays too.

    However often one is absent, it is returned as absent once.
    """
    values, is_absent = [value], False
    for name in path:
        following = []
        for reached in values:
            if not isinstance(reached, dict | list):
                is_absent = True
                continue
            for member in (reached,) if isinstance(reached, dict) else reached:
                if isinstance(member, dict):
                    found = member.get(name, ABSENT)
                    if found is ABSENT:
                        is_absent = True
                    else:
                        following.append(found)
        values = following
    return [*values, ABSENT] if is_absent else values


def equalities(condition: Condition) -> list[Comparison]:
    """Return the ``$eq`` and ``$in`` on single values that every match has to fulfil.

    An index on the keys of one of these fields has all candidates.
    """
    return [
        part
        for part in _required(condition)
        if part.operator in ("$eq", "$in") and part.field.type in INDEXABLE
    ]


def bounds(condition: Condition, order: Order) -> list[Comparison]:
    """Return the limits to the field of ``order`` that every match has to keep.

    In a list in that order, all candidates are between them.
    """
    if order.descending or order.field.type not in SCALARS:
        return []
    return [limit for limit in limits(condition) if limit.field == order.field]


def limits(condition: Condition) -> list[Comparison]:
    """Return the limits that every match has to keep."""
    return [part for part in _required(condition) if part.operator in RELATIONS]


def _required(condition: Condition) -> list[Comparison]:
    """Return the comparisons that every match has to fulfil."""
    if isinstance(condition, Every):
        return [found for part in condition.parts for found in _required(part)]
    return [condition] if isinstance(condition, Comparison) else []


def without(condition: Condition, comparison: Comparison) -> Condition | None:
    """Return what is left to be tested of ``condition`` when ``comparison`` holds."""
    if condition == comparison:
        return None
    if not isinstance(condition, Every):
        return condition
    parts = [without(part, comparison) for part in condition.parts]
    left = tuple(part for part in parts if part is not None)
    if len(left) > 1:
        return Every(left)
    return left[0] if left else None


class _Descending:
    """A sort key the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.key == other.key)

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.key < self.key)


def sort_key(order: tuple[Order, ...]) -> Callable[[Document], tuple[Any, ...]]:
    """Return the function to a document's sort key, for a bisection."""
    keys = [_descending_key(o) if o.descending else _order_key(o.field) for o in order]
    return lambda document: tuple([key(document) for key in keys])


def _descending_key(order: Order) -> Callable[[Document], Any]:
    key = _order_key(order.field)
    return lambda document: _Descending(key(document))


def sort(
    items: list[Item],
    order: tuple[Order, ...],
    key: Callable[[Item], tuple[Any, ...]],
    pace: Pace = unhurried,
) -> list[tuple[Any, ...]]:
    """Sort ``items`` in place and return their keys; ties stay as they were.

    The keys begin with those that ``sort_key`` makes for ``order``.
    """
    keys = [key(item) for item in paced(items, pace)]
    places = sort_keys(keys, order, pace)
    items[:] = [items[place] for place in places]
    return keys


def sort_keys(
    keys: list[tuple[Any, ...]], order: tuple[Order, ...], pace: Pace
) -> list[int]:
    """Sort ``keys`` in place as ``sort`` does; return the places where they were."""
    places = list(range(len(keys)))
    # A stable pass for each field is faster than comparing keys the other way round.
    for number, part in reversed([*enumerate(order)]):
        if part.descending:
            values = [each[number].key for each in keys]
        else:
            values = [each[number] for each in keys]
        places = sort_places(places, values, part.descending, pace)
    # In place: the garbage collector looks through a new list twice, which holds up others.
    keys[:] = [keys[place] for place in places]
    return places


def sort_places(
    places: Iterable[int], values: list[Any], descending: bool, pace: Pace
) -> list[int]:
    """Return ``places`` sorted by their values; ties stay as they were.

    Other threads wait for a sort of Python's until its end. So none is of many places:
    sorted runs are cut at values that a sample of them has, and what belongs between two of
    these values is put together and sorted.
    """
    rest = list(places)
    if descending:
        rest.reverse()
    key = values.__getitem__
    runs = []
    for start in range(0, len(rest), RUN):
        runs.append(sorted(rest[start : start + RUN], key=key))
        pace()
    sample = sorted([values[place] for run in runs for place in run[:: RUN // SAMPLE]])
    begins = [0] * len(runs)
    found: list[int] = []
    for cut in [*sample[SAMPLE::SAMPLE], None]:
        part: list[int] = []
        for number, (run, begin) in enumerate(zip(runs, begins)):
            end = len(run) if cut is None else bisect_right(run, cut, begin, key=key)
            part += run[begin:end]
            begins[number] = end
        part.sort(key=key)
        found += part
        pace()
    if descending:
        found.reverse()
    return found


def _order_key(field: Field) -> Callable[[Document], Any]:
    find, key = field.find, field.type.comparison_key
    if field.type in STRINGS:

        def text_key(document: Document) -> str:
            found = key(find(document))
            return found[:SORTED] if isinstance(found, str) else ""

        return text_key
    if field.type in NUMBERS:

        def number_key(document: Document) -> int | float:
            found = key(find(document))
            return found if isinstance(found, int | float) else float("-inf")

        return number_key
    return lambda document: _ranked(plain_key(find(document)))


def _ranked(key: Any) -> tuple[int, Any]:
    """Return a key that can be compared with the keys of all other types."""
    if isinstance(key, int | float):
        return (2, key)
    if isinstance(key, str):
        return (3, key[:SORTED])
    if isinstance(key, tuple):
        return (1, key[1]) if key[0] == "boolean" else (4, None)
    return (0, None)
