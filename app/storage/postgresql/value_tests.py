"""The tests of one value in SQL, as ``app.query.matching`` has them in Python.

``value`` is always an expression of the type ``jsonb``, null if the value is absent. A test
is true where that of Python is, else false or null.
"""

from collections.abc import Iterable
from itertools import count
from typing import Any

from app.query.matching import is_composite
from app.query.values import ARRAY_TAG
from app.storage.postgresql.parameters import (
    Parameters,
    has_nul,
    has_null_member,
    json_of,
)
from app.storage.postgresql.records import respelled_number, respelled_text

RELATIONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


class ValueTests:
    """Compiles tests; their operands become ``parameters`` of the statement."""

    def __init__(self, parameters: Parameters) -> None:
        self._add = parameters.add
        self._numbers = count()

    def alias(self) -> str:
        """Return a name that the statement has not used."""
        return f"v{next(self._numbers)}"

    def equals(self, value: str, key: Any) -> str:
        """Return the test for a comparison key, of a scalar or with its elements."""
        if key is None:
            return f"coalesce({value}, 'null') = 'null'::jsonb"
        if is_composite(key):
            return self._matches(value, key)
        if has_nul(key):
            return "false"
        return f"{value} = {self._add(json_of(key), 'jsonb')}"

    def is_one_of(self, value: str, keys: Iterable[Any]) -> str:
        """Return the test for the comparison keys of scalars."""
        some = [key for key in keys if not has_nul(key)]
        given = [json_of(key) for key in some if key is not None]
        tests = [f"{value} = ANY ({self._add(given, 'jsonb[]')})"] if given else []
        if None in some:
            tests.append(self.equals(value, None))
        return " OR ".join(tests) or "false"

    def is_ordered(self, value: str, operator: str, operand: Any) -> str:
        """Return the test for a relation to a number or a text."""
        if isinstance(operand, str):
            text = f"{value} #>> '{{}}'"
            return self.typed(value, "string", self.text_order(text, operator, operand))
        number = self._add(respelled_number(operand), "numeric")
        relation = f"({value} #>> '{{}}')::numeric {RELATIONS[operator]} {number}"
        return self.typed(value, "number", relation)

    def text_order(self, text: str, operator: str, operand: str) -> str:
        """Return the test for a relation of texts, which have no NUL."""
        head, nul, _ = operand.partition("\0")
        if nul:
            # What begins like the operand up to its NUL is longer than that: greater.
            operator = {"$gte": "$gt", "$lt": "$lte"}.get(operator, operator)
        wanted = self._add(head, "text")
        return f'({text}) COLLATE "C" {RELATIONS[operator]} {wanted}'

    def contains(self, value: str, operand: Any) -> str:
        """Return the test for a part of a text, in any case, or for an element."""
        element = self._includes(value, (operand,))
        if not isinstance(operand, str) or "\0" in operand:
            return element
        folded = self._add(operand.casefold(), "text")
        part = f"strpos(casefolded({value} #>> '{{}}'), {folded}) > 0"
        return f"{self.typed(value, 'string', part)} OR {element}"

    def starts(self, value: str, operand: str) -> str:
        """Return the test for the beginning of a text."""
        return self.typed(value, "string", self.begin(f"{value} #>> '{{}}'", operand))

    def ends(self, value: str, operand: str) -> str:
        """Return the test for the end of a text."""
        return self.typed(value, "string", self.end(f"{value} #>> '{{}}'", operand))

    def begin(self, text: str, operand: str) -> str:
        """Return the test for the beginning of what is a text in SQL."""
        if "\0" in operand:
            return "false"
        return f"starts_with({text}, {self._add(operand, 'text')})"

    def end(self, text: str, operand: str) -> str:
        """Return the test for the end of what is a text in SQL."""
        if "\0" in operand:
            return "false"
        length = self._add(len(operand), "integer")
        return f"right({text}, {length}) = {self._add(operand, 'text')}"

    def typed(self, value: str, kind: str, test: str) -> str:
        """Return ``test``, made only of values of the JSON type ``kind``."""
        return f"CASE jsonb_typeof({value}) WHEN '{kind}' THEN {test} ELSE false END"

    def _matches(self, value: str, key: Any) -> str:
        if not is_composite(key):
            return self.equals(value, key)
        tag, parts = key
        if tag == ARRAY_TAG:
            return self._includes(value, parts)
        tests = [f"jsonb_typeof({value}) = 'object'"]
        for name, member in parts:
            found = f"({value} -> {self._add(respelled_text(name), 'text')})"
            tests.append(f"({self._matches(found, member)})")
        return " AND ".join(tests)

    def _includes(self, value: str, patterns: Iterable[Any]) -> str:
        """Return the test whether each of the patterns equals an element."""
        tests = [f"jsonb_typeof({value}) = 'array'"]
        plain: list[Any] = []
        others: list[Any] = []
        for pattern in dict.fromkeys(patterns):
            is_plain = not has_nul(pattern) and not has_null_member(pattern)
            (plain if is_plain else others).append(pattern)
        if plain:
            wanted = self._add(f"[{','.join(map(json_of, plain))}]", "jsonb")
            tests.append(f"{value} @> {wanted}")
        for pattern in others:
            element = self.alias()
            elements = f"jsonb_path_query({value}, '$[*]') AS {element}"
            test = self._matches(element, pattern)
            tests.append(f"EXISTS (SELECT 1 FROM {elements} WHERE {test})")
        return " AND ".join(tests)
