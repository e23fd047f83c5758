"""The value of ``filter`` in JSON Schema, made of the fields and their kinds.

What stands beside a field is a value of its kind, or an object of operators; beside an
object, its members. The rules are those of ``app.query.grammar`` and
``app.query.operators``; that a filter may be too deep or too long is not said here.
svctasks contract, section 4.
"""

import re
from collections.abc import Iterable, Mapping

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
    Kind,
)
from app.schemas.jsonschema import (
    NUMBERS,
    TAKEN,
    JsonSchema,
    array,
    integer,
    nullable,
    ref,
)

_TEXT = TAKEN[TEXT]
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


def filters(fields: Fields) -> Mapping[str, JsonSchema]:
    """Return the schemas of filters on ``fields``, by name; the whole is ``Filter``."""
    date, elements = _value(DATE), array(ref("InnerOperand"))
    schemas = {
        "Filter": _filter(fields),
        "TextCondition": _condition(_TEXT, _TEXT, dict.fromkeys(_TEXTUAL, _TEXT)),
        "IntegerCondition": _condition(ref("Integer"), ref("Integer")),
        "IntboolCondition": _condition(ref("Intbool"), ref("Intbool")),
        "DateCondition": _condition(date, date, dict.fromkeys(_TEXTUAL, _TEXT)),
        "NamesCondition": _condition(
            ref("Names"), further=dict.fromkeys(_TEXTUAL, _TEXT)
        ),
        "ArrayCondition": _condition(
            elements, further={"$contains": ref("InnerOperand")}
        ),
        "AnyCondition": _any_condition(),
        "AnyOperand": {"anyOf": [ref("Scalar"), elements, _members(ref("AnyOperand"))]},
        # Any JSON value, said so that generated TypeScript has no type that is circular.
        "InnerOperand": {
            "if": {"type": "integer"},
            "then": integer(INTEGERS[0], INTEGERS[-1]),
            "items": ref("InnerOperand"),
            "propertyNames": {"pattern": "^([^$]|$)"},
            "unevaluatedProperties": ref("InnerOperand"),
        },
    }
    for field in objects(fields):
        inside = [e for e in fields.declared if e.path[:-1] == field.path]
        schemas[_named(field)] = _object_condition(inside)
    return schemas


def objects(fields: Fields) -> list[Field]:
    """Return the fields that have members."""
    return [field for field in fields.declared if field.kind is OBJECT]


def _filter(fields: Fields) -> JsonSchema:
    several = array(ref("Filter"), minItems=1)
    inside = "|".join(field.name for field in objects(fields))
    declared = {field.name: ref(_named(field)) for field in fields.declared}
    other = _other(rf"({inside})(\.[^.]+)+", declared)
    return {
        "type": "object",
        "properties": {
            **declared,
            "$and": several,
            "$or": several,
            "$not": ref("Filter"),
        },
        "patternProperties": {other: ref("AnyCondition")},
        "additionalProperties": False,
    }


def _other(pattern: str, declared: Iterable[str]) -> str:
    """Return the pattern of names that fit ``pattern`` and are not ``declared``."""
    names = "|".join(map(re.escape, declared))
    return f"^(?!({names})$){pattern}$" if names else f"^{pattern}$"


def _named(field: Field) -> str:
    """Return the name of the schema of what stands beside ``field``."""
    if field.kind is OBJECT:
        return f"{field.name.title()}Condition"
    return _CONDITIONS[field.kind]


def _value(kind: Kind) -> JsonSchema:
    """Return the schema of a value to compare with; a date may be null to mean none."""
    return nullable(TAKEN[kind]) if kind is DATE else TAKEN[kind]


def _condition(
    value: JsonSchema,
    ordered: JsonSchema | None = None,
    further: Mapping[str, JsonSchema] = {},
) -> JsonSchema:
    return {"anyOf": [value, _operators(value, ordered, further)]}


def _object_condition(inside: Iterable[Field]) -> JsonSchema:
    """Return the schema of what stands beside an object with the fields ``inside``."""
    conditions = {each.path[1]: ref(_named(each)) for each in inside}
    values = {each.path[1]: _value(each.kind) for each in inside}
    return {
        "anyOf": [
            _members(ref("AnyCondition"), conditions),
            _operators(_members(ref("AnyOperand"), values)),
        ]
    }


def _any_condition() -> JsonSchema:
    operators = _operators(
        ref("AnyOperand"),
        {"anyOf": [_TEXT, *NUMBERS]},
        {"$contains": ref("InnerOperand"), "$startswith": _TEXT, "$endswith": _TEXT},
    )
    elements = array(ref("InnerOperand"))
    return {
        "anyOf": [ref("Scalar"), elements, _members(ref("AnyCondition")), operators]
    }


def _operators(
    value: JsonSchema,
    ordered: JsonSchema | None = None,
    further: Mapping[str, JsonSchema] = {},
) -> JsonSchema:
    operators = {"$eq": value, "$ne": value}
    operators |= {"$in": array(value), "$nin": array(value)}
    operators |= {"$exists": {"type": "boolean"}}
    operators |= dict.fromkeys(_ORDERED, ordered) if ordered else {}
    return {
        "type": "object",
        "properties": {**operators, **further},
        "minProperties": 1,
        "additionalProperties": False,
    }


def _members(each: JsonSchema, declared: Mapping[str, JsonSchema] = {}) -> JsonSchema:
    return {
        "type": "object",
        "properties": dict(declared),
        "patternProperties": {_other(_NAME, declared): each},
        "additionalProperties": False,
    }
