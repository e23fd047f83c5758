"""Tests of one value: whether it equals, or includes, what a filter wants.

A test is built once for a filter, and takes time linear in the value; the rules are in
``app.query``. No test raises, for any JSON value.
"""

import operator
from collections.abc import Callable
from typing import Any

from app.query import Comparison
from app.query.values import (
    ABSENT,
    ANY,
    ARRAY_TAG,
    DATE,
    NAMES,
    OBJECT_TAG,
    Key,
    plain_key,
)

Test = Callable[[Any], bool]

RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}

_COMPOSITE = object()
"""The key of an array or object where it cannot equal what is wanted."""


def test_of(comparison: Comparison) -> Test:
    """Return the test whether a value fulfils ``comparison``."""
    value_type, operand = comparison.field.type, comparison.operand
    key = _scalar_key if value_type is ANY else value_type.comparison_key
    match comparison.operator:
        case "$eq" if value_type is NAMES:
            return _named(operand)
        case "$eq" if is_composite(operand):
            return _matching(operand)
        case "$eq" if isinstance(operand, str) and value_type is not DATE:
            # Only a string equals a string, so keys need not be computed.
            return lambda value: bool(value == operand)
        case "$eq":
            return lambda value: bool(key(value) == operand)
        case "$in" if value_type is NAMES:
            return _named_one_of(operand)
        case "$in":
            return lambda value: key(value) in operand
        case "$exists":
            return lambda value: (value is not ABSENT) is operand
        case "$contains":
            return _containing(operand)
        case "$startswith":
            return _texts(value_type is NAMES, lambda text: text.startswith(operand))
        case "$endswith":
            return _texts(value_type is NAMES, lambda text: text.endswith(operand))
    return _ordered(comparison, key)


def is_composite(key: Any) -> bool:
    """Return whether ``key`` is the key of an array or an object."""
    return isinstance(key, tuple) and key[0] in (ARRAY_TAG, OBJECT_TAG)


def _scalar_key(value: Any) -> Any:
    """Return the key of a value that is to be compared with those of scalars."""
    return _COMPOSITE if isinstance(value, list | dict) else plain_key(value)


def _ordered(comparison: Comparison, key: Key) -> Test:
    relation, operand = RELATIONS[comparison.operator], comparison.operand
    types = str if isinstance(operand, str) else (int, float)

    def ordered(value: Any) -> bool:
        found = key(value)
        return isinstance(found, types) and relation(found, operand)

    return ordered


def _named(names: tuple[str, ...]) -> Test:
    wanted = frozenset(names)

    def named(value: Any) -> bool:
        found = NAMES.comparison_key(value)
        return wanted.issubset(found) if wanted else found == ()

    return named


def _named_one_of(wanted: frozenset[frozenset[str]]) -> Test:
    """Return the test whether all names of one of the sets are there."""
    no_names = frozenset() in wanted
    single = frozenset().union(*(names for names in wanted if len(names) == 1))
    # A set can only be included if its first name is.
    several: dict[str, list[frozenset[str]]] = {}
    for names in wanted:
        if len(names) > 1:
            several.setdefault(min(names), []).append(names)

    def named(value: Any) -> bool:
        found = frozenset(NAMES.comparison_key(value))
        if not found:
            return no_names
        return not single.isdisjoint(found) or any(
            names <= found for name in found for names in several.get(name, ())
        )

    return named


def _containing(operand: Any) -> Test:
    element = _including((operand,))
    folded = operand.casefold() if isinstance(operand, str) else None

    def containing(value: Any) -> bool:
        if isinstance(value, str):
            return folded is not None and folded in value.casefold()
        return element(value)

    return containing


def _texts(listed: bool, test: Callable[[str], bool]) -> Test:
    if listed:
        return lambda value: any(map(test, NAMES.comparison_key(value) or ()))
    return lambda value: isinstance(value, str) and test(value)


def _matching(pattern: Any) -> Test:
    """Return the test whether a value includes the value with the key ``pattern``."""
    match pattern:
        case (tag, items) if tag == ARRAY_TAG:
            return _including(items)
        case (tag, members) if tag == OBJECT_TAG:
            tests = [(name, _matching(member)) for name, member in members]
            return lambda value: isinstance(value, dict) and all(
                test(value.get(name, ABSENT)) for name, test in tests
            )
    return lambda value: bool(_scalar_key(value) == pattern)


def _including(patterns: tuple[Any, ...]) -> Test:
    nested = [pattern for pattern in dict.fromkeys(patterns) if is_composite(pattern)]
    tests = [_matching(pattern) for pattern in nested]
    plain = frozenset(patterns).difference(nested)

    def including(value: Any) -> bool:
        return (
            isinstance(value, list)
            and plain.issubset(map(_scalar_key, value))
            and all(any(map(test, value)) for test in tests)
        )

    return including
