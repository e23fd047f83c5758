"""What each operator of a filter means, and which operands it takes.

The type of the field parses an operand, with two exceptions: text operators take a part of
an id, and ``$contains`` on an array takes one element. The functions raise Invalid, which
names the field. svctasks contract, section 4.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from app.errors import Invalid
from app.query import Comparison, Condition, Every, Field, Fields, Negation, Some
from app.query.values import (
    ANY,
    ARRAY,
    ID,
    NAMES,
    NUMBERS,
    OBJECT,
    SCALARS,
    TEXT,
    type_name,
)

Operator = Callable[[Fields, Field, Any], Condition]


def equal(fields: Fields, field: Field, operand: Any) -> Condition:
    """Return the equality; that with an object is the equality of its members.

    Raises Invalid.
    """
    if isinstance(operand, dict) and field.type in (OBJECT, ANY):
        names = ((f"{field.name}.{name}", item) for name, item in operand.items())
        return Every(tuple(equal(fields, fields.one(n), item) for n, item in names))
    if field.type is NAMES and operand == []:
        # No names are included in all names, while "" is a value: there are none.
        return Every(())
    return Comparison(field, "$eq", _key(field, operand))


def _one_of(fields: Fields, field: Field, operand: Any) -> Condition:
    if not isinstance(operand, list):
        raise _refused(field, f"$in and $nin take an array, not {type_name(operand)}")
    if field.type is NAMES and [] not in operand:
        wanted = frozenset(frozenset(_key(field, value)) for value in operand)
        return Comparison(field, "$in", wanted)
    composite = any(map(_is_composite, operand))
    if composite or field.type not in SCALARS | {ANY}:
        return Some(tuple(equal(fields, field, value) for value in operand))
    keys = frozenset(_key(field, value) for value in operand)
    return Comparison(field, "$in", keys)


def _is_composite(value: Any) -> bool:
    return isinstance(value, list | dict)


def _ordered(operator: str, _: Fields, field: Field, operand: Any) -> Condition:
    if field.type not in SCALARS | {ANY}:
        raise _refused(
            field, f"{operator} is not defined for this field, it has no order"
        )
    key = _key(field, operand)
    if not isinstance(key, str | int | float):
        raise _refused(
            field, f"{operator} takes a number or a string, not {type_name(operand)}"
        )
    return Comparison(field, operator, key)


def _all_of(fields: Fields, field: Field, operand: Any) -> Condition:
    if not isinstance(operand, list):
        raise _refused(field, f"$all takes an array, not {type_name(operand)}")
    if field.type is OBJECT:
        raise _refused(field, "$all is not defined for this field, it is an object")
    if not operand:
        return Some(())
    if field.type is ARRAY:
        return equal(fields, field, operand)
    if field.type is ANY:
        # Objects and arrays must be equal to an element.
        operand = [[value] if _is_composite(value) else value for value in operand]
    return Every(tuple(equal(fields, field, value) for value in operand))


def _exists(_: Fields, field: Field, operand: Any) -> Condition:
    if not isinstance(operand, bool):
        raise _refused(field, f"$exists takes true or false, not {type_name(operand)}")
    return Comparison(field, "$exists", operand)


def _contains(fields: Fields, field: Field, operand: Any) -> Condition:
    if field.type is ANY:
        return Comparison(field, "$contains", _key(field, operand))
    if field.type is ARRAY:
        return equal(fields, field, [operand])
    if field.type is NAMES:
        return equal(fields, field, [_text("$contains", field, operand)])
    return _textual("$contains", fields, field, operand)


def _textual(operator: str, _: Fields, field: Field, operand: Any) -> Condition:
    return Comparison(field, operator, _text(operator, field, operand))


def _text(operator: str, field: Field, operand: Any) -> str:
    if field.type in NUMBERS or field.type in (ARRAY, OBJECT):
        raise _refused(
            field, f"{operator} is not defined for this field, it is not text"
        )
    if not isinstance(operand, str):
        raise _refused(field, f"{operator} takes a string, not {type_name(operand)}")
    return operand.lower() if field.type is ID else operand


def _key(field: Field, operand: Any) -> Any:
    try:
        if field.type is ID:
            return TEXT.parse(operand).lower()
        return field.type.comparison_key(field.type.parse(operand))
    except ValueError as error:
        raise _refused(field, str(error)) from None


def _refused(field: Field, fault: str) -> Invalid:
    return Invalid(f"{field.name}: {fault}")


OPERATORS: dict[str, Operator] = {
    "$eq": equal,
    "$ne": lambda *given: Negation(equal(*given)),
    "$gt": partial(_ordered, "$gt"),
    "$gte": partial(_ordered, "$gte"),
    "$lt": partial(_ordered, "$lt"),
    "$lte": partial(_ordered, "$lte"),
    "$in": _one_of,
    "$nin": lambda *given: Negation(_one_of(*given)),
    "$all": _all_of,
    "$exists": _exists,
    "$contains": _contains,
    "$startswith": partial(_textual, "$startswith"),
    "$endswith": partial(_textual, "$endswith"),
}
