"""A tree to Python: a test of documents, and a sort.

The one rule for absent, null and mixed values, for every back end:

* Values are equal as JSON values are: an absent value equals null and nothing else, a
  boolean is never a number, and 1 is 1.0.
* ``$gt $gte $lt $lte`` hold only between two numbers or two strings. The empty date is
  a string, and less than all others.
* An array equals a wanted array if each of the wanted elements is in it; an object
  equals a wanted one if the wanted members do. This holds at any depth.
* A negation holds wherever its part does not, so for absent values too.
* A presence is true or false, and equals nothing else; null is a value that is there.
* In an order, what is not of the field's type comes first, as if it were the least.

Nothing here raises for any document, whatever JSON it is made of: a file that was
edited by hand must not break a list.
"""

import operator
from collections.abc import Callable
from typing import Any, TypeVar

from app.query import (
    Comparison,
    Condition,
    Document,
    Every,
    Field,
    Negation,
    Order,
)
from app.query.values import (
    ABSENT,
    ARRAY_TAG,
    DATE,
    INDEXABLE,
    NAMES,
    NUMBERS,
    OBJECT_TAG,
    SCALARS,
    STRINGS,
    plain_key,
)

Predicate = Callable[[Document], bool]
Test = Callable[[Any], bool]
Item = TypeVar("Item")

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


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
    test = _test(comparison)
    path = comparison.field.path
    if len(path) > 1:
        find = comparison.field.find
        return lambda document: test(find(document))
    # Nearly all fields are members of the document itself: spare them a loop.
    [name] = path
    return lambda document: test(document.get(name, ABSENT))


def _test(comparison: Comparison) -> Test:
    kind, operand = comparison.field.kind, comparison.operand
    key = kind.key
    match comparison.operator:
        case "$eq" if kind is NAMES:
            return _named(operand)
        case "$eq" if isinstance(operand, tuple):
            return _matching(operand)
        case "$eq" if isinstance(operand, str) and kind is not DATE:
            # Only a string equals a string, so its key need not be asked for.
            return lambda value: bool(value == operand)
        case "$eq":
            return lambda value: bool(key(value) == operand)
        case "$in":
            return lambda value: key(value) in operand
        case "$exists":
            return lambda value: (value is not ABSENT) is operand
        case "$contains":
            return _containing(operand)
        case "$startswith":
            return _texts(kind is NAMES, lambda text: text.startswith(operand))
        case "$endswith":
            return _texts(kind is NAMES, lambda text: text.endswith(operand))
    return _ordered(comparison)


def _ordered(comparison: Comparison) -> Test:
    key, operand = comparison.field.kind.key, comparison.operand
    relation = _RELATIONS[comparison.operator]
    types = str if isinstance(operand, str) else (int, float)

    def ordered(value: Any) -> bool:
        found = key(value)
        return isinstance(found, types) and relation(found, operand)

    return ordered


def _named(names: tuple[str, ...]) -> Test:
    wanted = frozenset(names)

    def named(value: Any) -> bool:
        found = NAMES.key(value)
        return wanted.issubset(found) if wanted else found == ()

    return named


def _containing(operand: Any) -> Test:
    element = _matching((ARRAY_TAG, (operand,)))
    folded = operand.casefold() if isinstance(operand, str) else None

    def containing(value: Any) -> bool:
        if isinstance(value, str):
            return folded is not None and folded in value.casefold()
        return element(value)

    return containing


def _texts(listed: bool, test: Callable[[str], bool]) -> Test:
    if listed:
        return lambda value: any(map(test, NAMES.key(value) or ()))
    return lambda value: isinstance(value, str) and test(value)


def _matching(pattern: Any) -> Test:
    """Return the test whether a value includes what a key stands for."""
    match pattern:
        case (tag, items) if tag == ARRAY_TAG:
            return _including(items)
        case (tag, members) if tag == OBJECT_TAG:
            tests = [(name, _matching(member)) for name, member in members]
            return lambda value: isinstance(value, dict) and all(
                test(value.get(name, ABSENT)) for name, test in tests
            )
    return lambda value: bool(plain_key(value) == pattern)


def _including(patterns: tuple[Any, ...]) -> Test:
    nested = [p for p in patterns if isinstance(p, tuple) and p[0] != "boolean"]
    tests = [_matching(pattern) for pattern in nested]
    plain = frozenset(patterns).difference(nested)

    def including(value: Any) -> bool:
        return (
            isinstance(value, list)
            and plain.issubset(map(plain_key, value))
            and all(any(map(test, value)) for test in tests)
        )

    return including


def equalities(condition: Condition) -> list[Comparison]:
    """Return the ``$eq`` and ``$in`` on single values that every match has to fulfil.

    An index on the keys of one of these fields has all candidates.
    """
    return [
        each
        for each in _required(condition)
        if each.operator in ("$eq", "$in") and each.field.kind in INDEXABLE
    ]


def bounds(condition: Condition, order: Order) -> list[Comparison]:
    """Return the limits to the field of ``order`` that every match has to keep.

    In a list in that order, all candidates stand between them.
    """
    if order.descending or order.field.kind not in SCALARS:
        return []
    return [each for each in limits(condition) if each.field == order.field]


def limits(condition: Condition) -> list[Comparison]:
    """Return the limits that every match has to keep."""
    return [each for each in _required(condition) if each.operator in _RELATIONS]


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
) -> list[tuple[Any, ...]]:
    """Sort ``items`` in place and return their keys; ties stay as they were.

    The keys begin with those that ``sort_key`` makes for ``order``.
    """
    keys = [key(item) for item in items]
    places = list(range(len(items)))
    # A stable pass for each field is faster than comparing keys the other way round.
    for number, part in reversed([*enumerate(order)]):
        if part.descending:
            places.sort(key=lambda place: keys[place][number].key, reverse=True)
        else:
            places.sort(key=lambda place: keys[place][number])
    items[:] = [items[place] for place in places]
    return [keys[place] for place in places]


def _order_key(field: Field) -> Callable[[Document], Any]:
    find, key = field.find, field.kind.key
    if field.kind in STRINGS:
        least: Any = ""
        types: Any = str
    elif field.kind in NUMBERS:
        least, types = float("-inf"), (int, float)
    else:
        return lambda document: _ranked(plain_key(find(document)))

    def order_key(document: Document) -> Any:
        found = key(find(document))
        return found if isinstance(found, types) else least

    return order_key


def _ranked(key: Any) -> tuple[int, Any]:
    """Return a key that can be compared with the keys of all other types."""
    if isinstance(key, int | float):
        return (2, key)
    if isinstance(key, str):
        return (3, key)
    if isinstance(key, tuple):
        return (1, key[1]) if key[0] == "boolean" else (4, None)
    return (0, None)
