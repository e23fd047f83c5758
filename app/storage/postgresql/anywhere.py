"""Conditions on names that are not declared: in objects that have the client's own members.

Such a name leads, through objects and through objects in arrays, to any number of values;
the rules are in ``app.query``. The way there is a path of ``jsonpath``, in its lax mode,
which goes through arrays as the rules do.
"""

import json
from collections.abc import Iterable
from typing import Any

from app.query import Comparison
from app.query.matching import is_composite
from app.query.values import ARRAY_TAG
from app.storage import Collection
from app.storage.postgresql.columns import literal
from app.storage.postgresql.parameters import Parameters, has_nul, json_of
from app.storage.postgresql.records import respelled_text
from app.storage.postgresql.value_tests import RELATIONS, ValueTests


class Anywhere:
    """Compiles comparisons of what names lead to."""

    def __init__(
        self, collection: Collection, parameters: Parameters, tests: ValueTests
    ) -> None:
        self._open = collection.open
        self._add = parameters.add
        self._tests = tests

    def compared(self, comparison: Comparison) -> str:
        """Return the SQL of ``comparison``."""
        path = tuple(map(respelled_text, comparison.field.path))
        operator, operand = comparison.operator, comparison.operand
        if operator == "$exists":
            there = f"jsonb_path_exists(search, {self._path(path)})"
            return there if operand else f"NOT {there}"
        if operator == "$contains":
            return self._any(path, lambda v: self._tests.contains(v, operand))
        if operator == "$eq" and is_composite(operand):
            return self._equals_composite(path, operand)
        if operator in ("$eq", "$in"):
            wanted = {operand} if operator == "$eq" else operand
            return self._equals(path, wanted)
        if operator in RELATIONS:
            return self._one(
                path, lambda v: self._tests.is_ordered(v, operator, operand)
            )
        test = self._tests.starts if operator == "$startswith" else self._tests.ends
        return self._one(path, lambda v: test(v, operand))

    def _equals(self, path: tuple[str, ...], wanted: Iterable[Any]) -> str:
        """Return the test whether a value, or an element, is one of some scalars."""
        some = [key for key in wanted if not has_nul(key)]
        tests = []
        if given := [key for key in some if key is not None]:
            tests.append(self._is_found(path, given))
        if None in some:
            tests.append(self._one(path, lambda v: f"{v} = 'null'::jsonb"))
            tests.append(self._is_absent(path))
        return " OR ".join(tests) or "false"

    def _equals_composite(self, path: tuple[str, ...], operand: Any) -> str:
        found = self._any(path, lambda v: self._tests.equals(v, operand))
        tag, parts = operand
        if tag == ARRAY_TAG and self._has_index(path):
            # An index finds the elements; what it finds is tested.
            for key in parts:
                if key is not None and not is_composite(key) and not has_nul(key):
                    found = f"{self._is_found(path, [key])} AND {found}"
        return found

    def _is_found(self, path: tuple[str, ...], keys: Iterable[Any]) -> str:
        """Return the test of scalars, no nulls, for which there may be an index."""
        some = " || ".join(f"@ == {json_of(key)}" for key in keys)
        # An array in an array is not searched.
        test = f' ? (@.type() != "array" && ({some}))'
        if self._has_index(path):
            return f"{root(path[0])} @? {self._path(path[1:], test)}"
        return f"search @? {self._path(path, test)}"

    def _has_index(self, path: tuple[str, ...]) -> bool:
        return len(path) > 1 and path[0] in self._open

    def _is_absent(self, path: tuple[str, ...]) -> str:
        """Return the test whether the path leads to an absent value somewhere."""
        return " OR ".join(
            f"lacks(search, {self._path(path[:depth])}, {self._add(name, 'text')})"
            for depth, name in enumerate(path)
        )

    def _any(self, path: tuple[str, ...], test: Any, then: str = "") -> str:
        """Return whether ``test`` holds for one of the values."""
        value = self._tests.alias()
        values = f"jsonb_path_query(search, {self._path(path, then)}) AS {value}"
        return f"EXISTS (SELECT 1 FROM {values} WHERE {test(value)})"

    def _one(self, path: tuple[str, ...], test: Any) -> str:
        """Return whether ``test`` holds for a value, or an element of one."""
        return self._any(path, test, "[*]")

    def _path(self, path: Iterable[str], then: str = "") -> str:
        names = "".join(f".{json.dumps(name)}" for name in path)
        return self._add(f"${names}{then}", "jsonpath")


def root(name: str) -> str:
    """Return the member of the documents that has members of the client's own."""
    return f"(search -> {literal(name)})"
