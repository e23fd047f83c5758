"""The value of ``filter`` in JSON Schema, made of the fields and their kinds.

A filter is an object or, in the platform's own form, an array. What is beside a field is
a value of its kind, or an object of operators; beside an object, its members. The rules are
those of ``app.query.grammar`` and ``app.query.operators``; that a filter may be too deep or
too long is not said here. svctasks contract, section 4.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.jsonschema import NUMBERS, JsonSchema, array, integer, nullable, ref
from app.jsontext import INTEGERS
from app.query import Field, Fields
from app.query.values import (
    ARRAY,
    DATE,
    ID,
    INTBOOL,
    INTEGER,
    NAMES,
    OBJECT,
    TEXT,
    ValueType,
)

_TEXT = TEXT.accepted
_ORDERED = ("$gt", "$gte", "$lt", "$lte")
_TEXTUAL = ("$contains", "$startswith", "$endswith")

_NAME = r"[^.$][^.]*(\.[^.]+)*"
"""The pattern of the name of a member, or of names with dots between."""

_CONDITIONS = {
    TEXT: "TextCondition",
    ID: "TextCondition",
    INTEGER: "IntegerCondition",
    INTBOOL: "IntboolCondition",
    DATE: "DateCondition",
    NAMES: "NamesCondition",
    ARRAY: "ArrayCondition",
}


class _Operands(NamedTuple):
    """What the operators of a kind of fields take; without a schema there are none.

    ``value`` is to be equal, ``ordered`` is to be less or greater, ``element`` is one of
    ``$all``; ``further`` are operators of this kind only.
    """

    value: JsonSchema
    ordered: JsonSchema | None = None
    element: JsonSchema | None = None
    further: Mapping[str, JsonSchema] = {}


def filters(fields: Fields, of: str = "") -> Mapping[str, JsonSchema]:
    """Return the schemas of filters on ``fields``, by name.

    The whole is ``Filter`` with ``of`` before it; those of conditions on values of a type
    are the same for all fields.
    """
    operands, name = _operands(fields), f"{of}Filter"
    return {
        # To generators the second is any array: its type would be circular too.
        name: {
            "anyOf": [
                _filter(fields, name),
                {"type": "array", "if": True, "then": ref(f"{name}Array")},
            ]
        },
        f"{name}Array": {"anyOf": [*_joints(name), *_relations(fields, operands)]},
        **_conditions(fields, operands),
    }


def _conditions(
    fields: Fields, operands: Mapping[str, _Operands]
) -> dict[str, JsonSchema]:
    schemas = {
        **{
            name: {"anyOf": [taken.value, _operators(name, taken)]}
            for name, taken in operands.items()
        },
        "AnyOperand": _any_operand(_members(ref("AnyOperand"))),
        # Any JSON value, said so that generated TypeScript has no type that is circular.
        "InnerOperand": {
            "if": {"type": "integer"},
            "then": integer(INTEGERS[0], INTEGERS[-1]),
            "else": {
                "items": ref("InnerOperand"),
                "propertyNames": {"pattern": "^([^$]|$)"},
                "additionalProperties": ref("InnerOperand"),
            },
        },
        "AnyCondition": _any_operand(
            _members(ref("AnyCondition")),
            _operators("AnyCondition", operands["AnyCondition"]),
        ),
    }
    for field in objects(fields):
        name, conditions = _named(field), _inside(fields, field)
        members = {inner.path[1]: ref(_named(inner)) for inner in conditions}
        schemas[name] = {
            "anyOf": [
                _members(ref("AnyCondition"), members),
                _operators(name, operands[name]),
            ]
        }
    return schemas


def _operands(fields: Fields) -> dict[str, _Operands]:
    """Return what operators take, by the names of the schemas of conditions."""
    text, inner = dict.fromkeys(_TEXTUAL, _TEXT), ref("InnerOperand")
    operands = {
        "TextCondition": _Operands(_TEXT, _TEXT, _TEXT, text),
        "NamesCondition": _Operands(ref("Names"), None, ref("Names"), text),
        "ArrayCondition": _Operands(array(inner), None, inner, {"$contains": inner}),
        "AnyCondition": _Operands(
            ref("AnyOperand"),
            {"anyOf": [_TEXT, *NUMBERS]},
            inner,
            {**text, "$contains": inner},
        ),
    }
    for name, value in (
        ("IntegerCondition", ref("Integer")),
        ("IntboolCondition", ref("Intbool")),
    ):
        operands[name] = _Operands(value, value, value)
    date = _value(DATE)
    operands["DateCondition"] = _Operands(date, date, date, text)
    for field in objects(fields):
        values = {inner.path[1]: _value(inner.type) for inner in _inside(fields, field)}
        operands[_named(field)] = _Operands(_members(ref("AnyOperand"), values))
    return operands


def _inside(fields: Fields, field: Field) -> list[Field]:
    return [inner for inner in fields.declared if inner.path[:-1] == field.path]


def _any_operand(*further: JsonSchema) -> JsonSchema:
    return {"anyOf": [ref("Scalar"), array(ref("InnerOperand")), *further]}


def objects(fields: Fields) -> list[Field]:
    """Return the fields that have members."""
    return [field for field in fields.declared if field.type is OBJECT]


def _filter(fields: Fields, name: str) -> JsonSchema:
    several = array(ref(name), minItems=1)
    of_clients = {_open(fields): ref("AnyCondition")} if objects(fields) else {}
    return {
        "type": "object",
        "properties": {
            **{field.name: ref(_named(field)) for field in fields.declared},
            **dict.fromkeys(("$and", "$or", "$nor"), several),
            "$not": ref(name),
        },
        "patternProperties": of_clients,
        "additionalProperties": False,
    }


def _open(fields: Fields) -> str:
    """Return the pattern of the names of a client's own."""
    inside = "|".join(field.name for field in objects(fields))
    declared = [field.name for field in fields.declared]
    return _other(rf"({inside})(\.[^.]+)+", declared)


def _joints(name: str) -> list[JsonSchema]:
    return [
        {
            "type": "array",
            "prefixItems": [{"enum": ["and", "or"]}],
            "items": ref(name),
            "minItems": 2,
        },
        _tuple({"const": "not"}, ref(name)),
    ]


def _relations(
    fields: Fields, operands: Mapping[str, _Operands]
) -> Iterable[JsonSchema]:
    """Return the schemas of comparisons in the platform's form."""
    for name, taken in operands.items():
        names = [field.name for field in fields.declared if _named(field) == name]
        if not names and not objects(fields):
            continue
        of: JsonSchema = {"enum": names} if names else {"pattern": _open(fields)}
        field = _tuple({"const": "property"}, {"type": "string", **of})
        yield _tuple({"enum": ["==", "!="]}, field, taken.value)
        yield _tuple({"const": "in"}, field, array(taken.value))
        if taken.ordered:
            yield _tuple({"enum": ["<", "<=", ">", ">="]}, field, taken.ordered)


def _tuple(*items: JsonSchema) -> JsonSchema:
    return {
        "type": "array",
        "prefixItems": list(items),
        "minItems": len(items),
        "maxItems": len(items),
    }


def _other(pattern: str, declared: Iterable[str]) -> str:
    """Return the pattern of names that fit ``pattern`` and are not ``declared``."""
    names = "|".join(map(re.escape, declared))
    return f"^(?!({names})$){pattern}$" if names else f"^{pattern}$"


def _named(field: Field) -> str:
    """Return the name of the schema of a condition on ``field``."""
    if field.type is OBJECT:
        return f"{field.name.title()}Condition"
    return _CONDITIONS[field.type]


def _value(value_type: ValueType) -> JsonSchema:
    """Return the schema of a value to compare with; a date may be null to mean none."""
    accepted = value_type.accepted
    return nullable(accepted) if value_type is DATE else accepted


def _operators(name: str, operands: _Operands) -> JsonSchema:
    """Return the schema of an object of operators; ``name`` is that of the condition."""
    value, ordered, element, further = operands
    operators = {"$eq": value, "$ne": value}
    operators |= {"$in": array(value), "$nin": array(value)}
    operators |= {"$all": array(element)} if element else {}
    operators |= {"$exists": {"type": "boolean"}, "$not": ref(name)}
    operators |= dict.fromkeys(_ORDERED, ordered) if ordered else {}
    return {
        "type": "object",
        "properties": {**operators, **further},
        "minProperties": 1,
        "additionalProperties": False,
    }


def _members(member: JsonSchema, declared: Mapping[str, JsonSchema] = {}) -> JsonSchema:
    return {
        "type": "object",
        "properties": dict(declared),
        "patternProperties": {_other(_NAME, declared): member},
        "additionalProperties": False,
    }
