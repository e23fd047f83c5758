"""Parses the values of ``filter`` and ``order`` to a tree.

The spellings of the conditions are MongoDB's, which people know. The platform's own form,
``["==", ["property", "name"], "x"]``, is read too, wherever a filter is. All faults of a
filter are reported together, but a filter beyond the limits is not read further, so that
its cost is bounded. svctasks contract, section 4.
"""

import re
from collections.abc import Iterable
from json import dumps
from typing import Any, NamedTuple

from app.errors import Invalid
from app.query import Condition, Every, Field, Fields, Negation, Order, Some, quoted
from app.query.operators import OPERATORS, Operator, equal
from app.query.values import ANY, OBJECT, type_name


class Bounds(NamedTuple):
    """What a filter may have; the settings are SVCTASKS_MAX_FILTER and those beside it.

    Each array or object in a value is one of the ``conditions`` too. ``values`` are those
    that all arrays and objects beside operators and names have together. ``depth`` is that
    of the filter and of the values in it.
    """

    conditions: int = 256
    values: int = 1000
    depth: int = 16


BOUNDS = Bounds()

_EVERYTHING = Every(())
_COMBINERS = ("$and", "$or", "$nor", "$not")

_RELATIONS = {
    "==": "$eq",
    "!=": "$ne",
    "<": "$lt",
    "<=": "$lte",
    ">": "$gt",
    ">=": "$gte",
    "in": "$in",
}
"""The relations of the platform's form, as operators."""

_JOINTS: dict[str, type[Every] | type[Some]] = {"and": Every, "or": Some}


def condition(value: Any, fields: Fields, bounds: Bounds = BOUNDS) -> Condition:
    """Return the tree of a filter, which is a JSON object or in the platform's form.

    Raises Invalid.
    """
    reader = _FilterReader(fields, bounds)
    tree: Condition = _EVERYTHING
    try:
        tree = reader.conditions(value, 1)
    except _TooMuch as reason:
        reader.faults.append(str(reason))
    if reader.faults:
        raise Invalid.of({"filter": reader.faults})
    return tree


def ordering(value: Any, fields: Fields) -> tuple[Order, ...]:
    """Return the order that a name, ``{name: "asc"|"desc"}`` or an array of them means.

    Raises Invalid.
    """
    items = value if isinstance(value, list) else [value]
    if len(items) > len(fields.listed):
        fault = f"has {len(items)} items, but there are {len(fields.listed)} fields"
        raise Invalid.of({"order": [fault]})
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
        raise Invalid.of({"order": faults})
    return tuple(orders)


def _order(item: Any, fields: Fields) -> Order:
    if isinstance(item, str):
        if meant := _meant(item, fields):
            raise Invalid(f"{quoted(item)} is spelled {meant}")
        return Order(fields.order(item))
    if not isinstance(item, dict) or len(item) != 1:
        raise Invalid('an item must be a field name or {"field": "asc"|"desc"}')
    [(name, direction)] = item.items()
    field = fields.order(name)
    if direction not in ("asc", "desc"):
        raise Invalid(f'the direction of {name} must be "asc" or "desc"')
    return Order(field, direction == "desc")


_TRIED = re.compile(r"([+-]?)([A-Za-z.]+)(?:[ :]+(asc|desc))?", re.IGNORECASE)
"""What people try beside a bare name: -name, name desc, name:desc."""


def _meant(item: str, fields: Fields) -> str:
    """Return the JSON of what another spelling of an order seems to mean, or nothing."""
    known = {field.name for field in fields.listed}
    parts = item.split(",", len(known))
    if item in known or len(parts) > len(known):
        return ""
    meant: list[Any] = []
    for part in parts:
        match = _TRIED.fullmatch(part.strip())
        if match is None or match[2] not in known:
            return ""
        descends = match[1] == "-" or (match[3] or "").lower() == "desc"
        meant.append({match[2]: "desc"} if descends else match[2])
    return dumps(meant[0] if len(meant) == 1 else meant, separators=(",", ":"))


def _every(parts: Iterable[Condition]) -> Condition:
    together = tuple(parts)
    return together[0] if len(together) == 1 else Every(together)


class _TooMuch(Exception):
    """The filter is beyond a limit."""


class _FilterReader:
    """Reads one filter; a part that is wrong becomes a fault, and reading goes on."""

    def __init__(self, fields: Fields, bounds: Bounds) -> None:
        self.faults: list[str] = []
        self._fields = fields
        self._bounds = bounds
        self._conditions = 0
        self._values = 0

    def conditions(self, value: Any, depth: int) -> Condition:
        """Return what a filter means: an object, or an array in the platform's form."""
        if isinstance(value, dict):
            return _every(self._condition(*pair, depth) for pair in value.items())
        if isinstance(value, list):
            return self._expression(value, depth)
        return self._fault(f'must be an object, not {type_name(value)}: {{"name":"x"}}')

    def _condition(self, name: str, value: Any, depth: int) -> Condition:
        self._count(depth)
        if name.startswith("$"):
            return self._combined(name, value, depth)
        try:
            field = self._fields.one(name)
        except Invalid as fault:
            return self._fault(fault.message)
        return self._beside(field, value, depth)

    def _combined(self, combiner: str, value: Any, depth: int) -> Condition:
        if combiner not in _COMBINERS:
            known = ", ".join(_COMBINERS)
            fault = (
                f"{quoted(combiner)} cannot be used in place of a field, only {known}"
            )
            return self._fault(fault)
        if combiner == "$not":
            return Negation(self.conditions(value, depth + 1))
        if not isinstance(value, list) or not value:
            return self._fault(f"{combiner} takes an array of at least one filter")
        parts = self._parts(value, depth)
        if combiner == "$and":
            return Every(parts)
        return Some(parts) if combiner == "$or" else Negation(Some(parts))

    def _parts(self, filters: list[Any], depth: int) -> tuple[Condition, ...]:
        parts = []
        for part in filters:
            self._count(depth)
            parts.append(self.conditions(part, depth + 1))
        return tuple(parts)

    def _expression(self, value: list[Any], depth: int) -> Condition:
        """Return what an array in the platform's form means."""
        self._count(depth)
        name = value[0] if value else None
        if not isinstance(name, str):
            fault = 'an array must be such as ["==",["property","name"],"x"]'
            return self._fault(fault)
        if name in _JOINTS:
            if len(value) == 1:
                return self._fault(f'"{name}" takes at least one filter')
            return _JOINTS[name](self._parts(value[1:], depth))
        if name == "not":
            if len(value) != 2:
                return self._fault(f'"not" takes one filter, not {len(value) - 1}')
            return Negation(self.conditions(value[1], depth + 1))
        if name not in _RELATIONS:
            known = ", ".join([*_RELATIONS, *_JOINTS, "not"])
            fault = f"{quoted(name)} is not an operator of an array; there are {known}"
            return self._fault(fault)
        match value[1:]:
            case [["property", str(property_)], operand]:
                try:
                    field = self._fields.one(property_)
                except Invalid as fault:
                    return self._fault(fault.message)
                return self._compared(
                    field, OPERATORS[_RELATIONS[name]], operand, depth
                )
        sample = '["A","B"]' if name == "in" else '"x"'
        return self._fault(f'must be such as ["{name}",["property","name"],{sample}]')

    def _beside(self, field: Field, value: Any, depth: int) -> Condition:
        """Return what a value or an object beside a field means."""
        if isinstance(value, dict):
            return self._object(field, value, depth)
        return self._compared(field, equal, value, depth)

    def _object(self, field: Field, value: dict[str, Any], depth: int) -> Condition:
        """Return what an object beside a field means: operators, or sub-fields."""
        operators = sum(name.startswith("$") for name in value)
        if operators and operators < len(value):
            fault = "an object has either operators or names, not both"
            return self._fault(f"{field.name}: {fault}")
        if operators:
            return _every(self._operator(field, *p, depth) for p in value.items())
        if field.type is not OBJECT and field.type is not ANY:
            return self._compared(field, equal, value, depth)
        prefix = f"{field.name}."
        return _every(
            self._condition(prefix + name, member, depth + 1)
            for name, member in value.items()
        )

    def _operator(self, field: Field, name: str, operand: Any, depth: int) -> Condition:
        self._count(depth)
        if name in OPERATORS:
            return self._compared(field, OPERATORS[name], operand, depth)
        if name == "$not":
            return Negation(self._beside(field, operand, depth + 1))
        if name in _COMBINERS:
            fault = f"{name} is used in place of a field, not of a value"
        else:
            known = ", ".join([*OPERATORS, "$not"])
            fault = f"{quoted(name)} is not an operator; there are {known}"
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
        self._values += len(operand)
        if self._values > (most := self._bounds.values):
            raise _TooMuch(
                f"has more than {most} values in arrays and objects "
                "(SVCTASKS_MAX_FILTER_VALUES)"
            )
        if isinstance(operand, dict):
            for name in operand:
                if name.startswith("$"):
                    fault = f"{quoted(name)} cannot be used inside of an operand"
                    raise Invalid(f"{field.name}: {fault}")
        for value in operand.values() if isinstance(operand, dict) else operand:
            self._check(field, value, depth + 1)

    def _count(self, depth: int) -> None:
        self._conditions += 1
        if self._conditions > (most := self._bounds.conditions):
            raise _TooMuch(f"has more than {most} conditions (SVCTASKS_MAX_FILTER)")
        if depth > (most := self._bounds.depth):
            raise _TooMuch(
                f"is nested deeper than {most} levels (SVCTASKS_MAX_FILTER_DEPTH)"
            )

    def _fault(self, message: str) -> Condition:
        self.faults.append(message)
        return _EVERYTHING
