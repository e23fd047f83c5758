"""Compiles the conditions of a query to SQL, with every value as a parameter.

A condition is true where the predicate of ``app.query.predicate`` is, else false or null.
Where a column has what is compared, it is asked first, so that its index is used.
"""

from typing import Any

from app.query import Comparison, Condition, Every, Negation
from app.query.matching import is_composite
from app.query.predicate import SORTED
from app.query.values import ANY, NUMBERS, PRESENCE, STRINGS
from app.storage.postgresql.anywhere import Anywhere
from app.storage.postgresql.columns import (
    NUMBER,
    PRESENT,
    TEXT,
    Columns,
    is_date,
    is_names,
    is_spelled,
)
from app.storage.postgresql.parameters import Parameters, has_nul
from app.storage.postgresql.records import respelled_number
from app.storage.postgresql.value_tests import RELATIONS, ValueTests


class Conditions:
    """Compiles conditions on the documents of one table."""

    def __init__(self, columns: Columns, parameters: Parameters) -> None:
        self._columns = columns
        self._add = parameters.add
        self._tests = ValueTests(parameters)
        self._anywhere = Anywhere(columns.collection, parameters, self._tests)

    def compiled(self, condition: Condition) -> str:
        """Return the SQL of ``condition``."""
        if isinstance(condition, Comparison):
            return self._compared(condition)
        if isinstance(condition, Negation):
            return f"({self.compiled(condition.part)}) IS NOT TRUE"
        parts = [f"({self.compiled(part)})" for part in condition.parts]
        if isinstance(condition, Every):
            return " AND ".join(parts) or "true"
        return " OR ".join(parts) or "false"

    def _compared(self, comparison: Comparison) -> str:
        field, operator, operand = (
            comparison.field,
            comparison.operator,
            comparison.operand,
        )
        if field.type is ANY:
            return self._anywhere.compared(comparison)
        value = f"(search #> {self._add(list(field.path), 'text[]')})"
        if operator == "$exists":
            return f"{value} IS {'NOT ' if operand else ''}NULL"
        if field.type is PRESENCE:
            present = self._columns.of(field, PRESENT) or f"({value} IS NOT NULL)"
            wanted = {operand} if operator == "$eq" else operand
            tests = [present if each else f"NOT {present}" for each in wanted]
            return " OR ".join(tests) or "false"
        if is_names(field.type):
            return self._named(f"names({value})", operator, operand)
        if operator == "$contains":
            return self._tests.contains(value, operand)
        if operator == "$startswith":
            found = self._tests.starts(value, operand)
            column = None if is_date(field.type) else self._columns.of(field, TEXT)
            if column is None or "\0" in operand:
                return found
            return f"{column} ^@ {self._add(operand[:SORTED], 'text')} AND {found}"
        if operator == "$endswith":
            return self._tests.ends(value, operand)
        if is_spelled(field.type):
            wanted = [operand] if operator == "$eq" else list(operand)
            spelled = f"({value} #>> '{{}}')"
            given = [each for each in wanted if isinstance(each, str)]
            kept = [each for each in given if "\0" not in each]
            return f"{spelled} = ANY ({self._add(kept, 'text[]')})"
        if operator == "$eq":
            return self._equal(comparison, value)
        if operator == "$in":
            return self._one_of(comparison, value)
        return self._ordered(comparison, value)

    def _equal(self, comparison: Comparison, value: str) -> str:
        field, operand = comparison.field, comparison.operand
        if isinstance(operand, str) and is_date(field.type) and not has_nul(operand):
            key = f"date_key({value} #>> '{{}}')"
            test = f"{key} = {self._add(operand, 'text')}"
            found = self._tests.typed(value, "string", test)
        else:
            found = self._tests.equals(value, operand)
        if column := self._column(comparison, [operand]):
            name, kind = column
            same = f"{name} = {self._add(_terms([operand])[0], kind)}"
            return same if _is_whole(operand) else f"{same} AND {found}"
        return found

    def _one_of(self, comparison: Comparison, value: str) -> str:
        field, operand = comparison.field, comparison.operand
        if is_date(field.type):
            texts = [
                each for each in operand if isinstance(each, str) and not has_nul(each)
            ]
            others = [each for each in operand if not isinstance(each, str)]
            key = f"date_key({value} #>> '{{}}')"
            test = f"{key} = ANY ({self._add(texts, 'text[]')})"
            found = self._tests.typed(value, "string", test)
            if others:
                found = f"{found} OR {self._tests.is_one_of(value, others)}"
        else:
            found = self._tests.is_one_of(value, operand)
        if operand and (column := self._column(comparison, operand)):
            name, kind = column
            same = f"{name} = ANY ({self._add(_terms(operand), f'{kind}[]')})"
            return same if all(map(_is_whole, operand)) else f"{same} AND ({found})"
        return found

    def _ordered(self, comparison: Comparison, value: str) -> str:
        field, operator, operand = (
            comparison.field,
            comparison.operator,
            comparison.operand,
        )
        if isinstance(operand, str) and is_date(field.type):
            key = f"date_key({value} #>> '{{}}')"
            test = self._tests.text_order(key, operator, operand)
            found = self._tests.typed(value, "string", test)
        else:
            found = self._tests.is_ordered(value, operator, operand)
        if column := self._column(comparison, [operand]):
            name, kind = column
            # Of longer texts the column has the beginning, which may be the same.
            relation = RELATIONS[operator][0] + "="
            limit = self._add(_terms([operand])[0], kind)
            return f"{name} {relation} {limit} AND {found}"
        return found

    def _column(self, comparison: Comparison, operands: Any) -> tuple[str, str] | None:
        """Return the column that has the terms of all ``operands``, and its type."""
        field = comparison.field
        if any(map(is_composite, operands)) or any(map(has_nul, operands)):
            return None
        if field.type in STRINGS and all(isinstance(each, str) for each in operands):
            term, kind = TEXT, "text"
        elif field.type in NUMBERS and not any(
            isinstance(each, str | tuple) or each is None for each in operands
        ):
            term, kind = NUMBER, "numeric"
        else:
            return None
        column = self._columns.of(field, term)
        return None if column is None else (column, kind)

    def _named(self, names: str, operator: str, operand: Any) -> str:
        """Return the test of a set of names, which has no empty one."""
        if operator in ("$startswith", "$endswith"):
            name = self._tests.alias()
            tests = self._tests
            test = (tests.begin if operator == "$startswith" else tests.end)(
                name, operand
            )
            return f"EXISTS (SELECT 1 FROM unnest({names}) AS {name} WHERE {test})"
        wanted = [operand] if operator == "$eq" else list(operand)
        tests_of_sets = [self._includes(names, each) for each in wanted]
        return " OR ".join(tests_of_sets) or "false"

    def _includes(self, names: str, wanted: Any) -> str:
        if not wanted:
            return f"{names} = '{{}}'"
        if any(map(has_nul, wanted)):
            return "false"
        return f"{names} @> {self._add(sorted(set(wanted)), 'text[]')}"


def _terms(operands: Any) -> list[Any]:
    """Return what a column has for texts, or for numbers."""
    return [
        each[:SORTED] if isinstance(each, str) else respelled_number(each)
        for each in operands
    ]


def _is_whole(operand: Any) -> bool:
    """Return whether a column has this very text of no other value than that text.

    It has the beginning of a longer one, and an empty one for what is no text. Without a
    second test, what is found is counted in the index alone.
    """
    return isinstance(operand, str) and 0 < len(operand) < SORTED
