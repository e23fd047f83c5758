"""The values of ``filter`` and ``order`` to a tree.

The spellings of the conditions are MongoDB's, the ones that people know. All faults of
a filter are told together, but a filter beyond the limits is not read further, so that
its cost is bounded. svctasks contract, section 4.
"""

from collections.abc import Iterable
from json import dumps
from typing import Any

from app.errors import Invalid
from app.query import Condition, Every, Field, Fields, Negation, Order, Some
from app.query.operators import OPERATORS, Operator, equal
from app.query.values import ANY, OBJECT, type_name

MAX_DEPTH = 16
"""How deep a filter and the values in it may be nested."""

MAX_CONDITIONS = 256
"""How many conditions a filter may have; each array or object in a value is one too."""

MAX_VALUES = 1000
"""How many values an array in a filter may have."""

_EVERYTHING = Every(())
_COMBINERS = ("$and", "$or", "$not")


def condition(value: Any, fields: Fields) -> Condition:
    """Return the tree of a filter, which is a JSON object.

    Raises Invalid.
    """
    reader = _FilterReader(fields)
    tree: Condition = _EVERYTHING
    try:
        tree = reader.conditions(value, 1)
    except _TooMuch as reason:
        reader.faults.append(str(reason))
    if reader.faults:
        raise _invalid("filter", reader.faults)
    return tree


def ordering(value: Any, fields: Fields) -> tuple[Order, ...]:
    """Return the order that a name, ``{name: "asc"|"desc"}`` or an array of them means.

    Raises Invalid.
    """
    items = value if isinstance(value, list) else [value]
    if len(items) > len(fields.listed):
        fault = f"has {len(items)} items, but there are {len(fields.listed)} fields"
        raise _invalid("order", [fault])
    orders: list[Order] = []
    faults: list[str] = []
    for item in items:
        try:
            order = _order(item, fields)
        except Invalid as fault:
            faults.append(fault.message)
            continue
        if any(order.field == earlier.field for earlier in orders):
            faults.append(f"{order.field.name} is named twice")
        orders.append(order)
    if faults:
        raise _invalid("order", faults)
    return tuple(orders)


def _order(item: Any, fields: Fields) -> Order:
    if isinstance(item, str):
        return Order(fields.order(item))
    if not isinstance(item, dict) or len(item) != 1:
        raise Invalid('an item must be a field name or {"field": "asc"|"desc"}')
    [(name, direction)] = item.items()
    field = fields.order(name)
    if direction not in ("asc", "desc"):
        raise Invalid(f'the direction of {name} must be "asc" or "desc"')
    return Order(field, direction == "desc")


def _invalid(parameter: str, faults: list[str]) -> Invalid:
    return Invalid(f"{parameter}: {'; '.join(faults)}", {parameter: faults})


def _every(parts: Iterable[Condition]) -> Condition:
    together = tuple(parts)
    return together[0] if len(together) == 1 else Every(together)


class _TooMuch(Exception):
    """The filter is beyond a limit."""


class _FilterReader:
    """Reads one filter; a part that is wrong becomes a fault, and reading goes on."""

    def __init__(self, fields: Fields) -> None:
        self.faults: list[str] = []
        self._fields = fields
        self._conditions = 0

    def conditions(self, value: Any, depth: int) -> Condition:
        """Return what an object with fields and combiners as its keys means."""
        if not isinstance(value, dict):
            return self._fault(f"must be an object, not {type_name(value)}")
        return _every([self._condition(*pair, depth) for pair in value.items()])

    def _condition(self, name: str, value: Any, depth: int) -> Condition:
        self._count(depth)
        if name.startswith("$"):
            return self._combined(name, value, depth)
        try:
            field = self._fields.one(name)
        except Invalid as fault:
            return self._fault(fault.message)
        if not isinstance(value, dict):
            return self._compared(field, equal, value, depth)
        return self._object(field, value, depth)

    def _combined(self, combiner: str, value: Any, depth: int) -> Condition:
        if combiner not in _COMBINERS:
            known = ", ".join(_COMBINERS)
            shown = dumps(combiner, ensure_ascii=False)
            return self._fault(f"{shown} cannot stand in a field's place, only {known}")
        if combiner == "$not":
            return Negation(self.conditions(value, depth + 1))
        if not isinstance(value, list) or not value:
            return self._fault(f"{combiner} takes an array of at least one filter")
        parts = []
        for part in value:
            self._count(depth)
            parts.append(self.conditions(part, depth + 1))
        return Every(tuple(parts)) if combiner == "$and" else Some(tuple(parts))

    def _object(self, field: Field, value: dict[str, Any], depth: int) -> Condition:
        """Return what an object beside a field means: operators, or sub-fields."""
        operators = [name for name in value if name.startswith("$")]
        if operators and len(operators) < len(value):
            fault = "an object has either operators or names, not both"
            return self._fault(f"{field.name}: {fault}")
        if operators:
            return _every([self._operator(field, *p, depth) for p in value.items()])
        if field.kind is not OBJECT and field.kind is not ANY:
            return self._compared(field, equal, value, depth)
        members = [(f"{field.name}.{name}", member) for name, member in value.items()]
        return _every([self._condition(*pair, depth + 1) for pair in members])

    def _operator(self, field: Field, name: str, operand: Any, depth: int) -> Condition:
        self._count(depth)
        if name in OPERATORS:
            return self._compared(field, OPERATORS[name], operand, depth)
        shown = dumps(name, ensure_ascii=False)
        if name in _COMBINERS:
            fault = f"{shown} stands in a field's place, not in a value's"
        else:
            fault = f"{shown} is not an operator; there are {', '.join(OPERATORS)}"
        return self._fault(f"{field.name}: {fault}")

    def _compared(
        self, field: Field, operator: Operator, operand: Any, depth: int
    ) -> Condition:
        try:
            self._check(field, operand, depth)
            return operator(self._fields, field, operand)
        except Invalid as fault:
            return self._fault(fault.message)

    def _check(self, field: Field, operand: Any, depth: int) -> None:
        """Check that an operand is within the limits and has no operators in it."""
        if not isinstance(operand, dict | list):
            return
        self._count(depth)
        if len(operand) > MAX_VALUES:
            raise _TooMuch(f"an array or object has more than {MAX_VALUES} values")
        if isinstance(operand, dict):
            for name in operand:
                if name.startswith("$"):
                    shown = dumps(name, ensure_ascii=False)
                    fault = f"{shown} cannot stand inside of an operand"
                    raise Invalid(f"{field.name}: {fault}")
        for value in operand.values() if isinstance(operand, dict) else operand:
            self._check(field, value, depth + 1)

    def _count(self, depth: int) -> None:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise _TooMuch(f"has more than {MAX_CONDITIONS} conditions")
        if depth > MAX_DEPTH:
            raise _TooMuch(f"is nested deeper than {MAX_DEPTH} levels")

    def _fault(self, message: str) -> Condition:
        self.faults.append(message)
        return _EVERYTHING
