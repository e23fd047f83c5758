"""Fields in JSON Schema: what is taken for them, and what replies show of it.

A kind reads several spellings of one value and stores one of them, so that each has two
schemas: ``TAKEN`` says which values are valid in a body, ``SHOWN`` which ones there are in
a reply. They are exact as far as JSON Schema goes. It cannot tell an integer beyond 64
bits, which is refused, from the same number with an exponent, which is not; nor can it
tell 1e16, which is no integer here, from the same number in digits. Which days there are
is said by a format.
Where there is a choice, they are written as the generators of clients can read them, which
know neither enumerations of several types nor constants that are no texts.

What several fields share is in ``SHARED``, under the name by which ``ref`` refers to it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from marshmallow import Schema, validate

from app.jsontext import INTEGERS
from app.query.values import (
    ANY,
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
from app.schemas.fields import PERIOD_BOUNDS, OpenObject, Periods, Valued
from app.schemas.kinds import INTERACTION, KEY, MAX_ID, MOMENT, NUMBER, TYPE
from app.schemas.scalars import BOOLEAN

JsonSchema = dict[str, Any]

LEAST, MOST = -(2**63), 2**63 - 1


def ref(name: str) -> JsonSchema:
    """Return the reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def integer(least: int = LEAST, most: int = MOST) -> JsonSchema:
    """Return the schema of an integer."""
    return {"type": "integer", "minimum": least, "maximum": most}


def whole(least: int = LEAST, most: int = MOST) -> JsonSchema:
    """Return the schema of an integer, or of a text of at most 20 digits that spells it.

    A number below 0 may not be as near to 0 as ``least``, unless that is 0 or 1.
    """
    digits = _digits(most)
    if least > 0:
        pattern = f"^(?=.*[1-9])({digits})$"
    elif least == 0:
        pattern = f"^({digits}|-0{{1,20}})$"
    else:
        pattern = f"^({digits}|-({_digits(-least)}))$"
    return {"anyOf": [integer(least, most), {"type": "string", "pattern": pattern}]}


def _digits(most: int) -> str:
    """Return the pattern of at most 20 digits that spell a number up to ``most``."""
    digits = str(most)
    size = len(digits)
    longest = f"0{{0,{20 - size}}}({'|'.join(_up_to(digits))})"
    return f"0{{0,{21 - size}}}[0-9]{{1,{size - 1}}}|{longest}" if size > 1 else longest


def _up_to(digits: str) -> Iterator[str]:
    """Return patterns of the numbers that have as many digits and are not greater."""
    for place, digit in enumerate(digits[:-1]):
        if digit > "0":
            rest = len(digits) - place - 1
            yield f"{digits[:place]}[0-{int(digit) - 1}][0-9]{{{rest}}}"
    yield f"{digits[:-1]}[0-{digits[-1]}]"


def nullable(schema: JsonSchema) -> JsonSchema:
    """Return the schema that admits null too."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: JsonSchema, **further: Any) -> JsonSchema:
    """Return the schema of an array."""
    return {"type": "array", "items": items, **further}


NUMBERS: list[JsonSchema] = [
    integer(INTEGERS[0], INTEGERS[-1]),
    {"type": "number", "not": {"type": "integer"}},
]
"""The numbers that can be stored; those of the second schema have a fraction."""

TEXTUAL: JsonSchema = {"type": "string"}
NOT_EMPTY: JsonSchema = {"type": "string", "minLength": 1}

_DAY, _CLOCK = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}:[0-9]{2}:[0-5][0-9]"
_OFFSET = "([Zz]|[+-][0-9]{2}:?[0-9]{2})"
_INSTANT = rf"{_DAY}T{_CLOCK}(\.[0-9]+)?Z"

SHARED: Mapping[str, JsonSchema] = {
    "SvctaskId": {
        "type": "string",
        "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
    },
    "Integer": whole(),
    "Count": whole(0),
    "Positive": whole(1),
    "ResourceId": whole(0, MAX_ID),
    "Intbool": {
        "anyOf": [
            {"enum": [0, 1]},
            {"type": "boolean"},
            {"enum": ["0", "1", "false", "true"]},
        ]
    },
    "Boolean": {"anyOf": [{"type": "boolean"}, {"enum": ["false", "true"]}]},
    "Moment": {
        "type": "string",
        "format": "date-time",
        "pattern": rf"^(?!0000){_DAY}[Tt]{_CLOCK}(\.[0-9]+)?{_OFFSET}$",
    },
    "Date": {"anyOf": [ref("Moment"), {"const": ""}]},
    "Names": {"anyOf": [TEXTUAL, array(TEXTUAL)]},
    "Type": {"anyOf": [integer(), NOT_EMPTY]},
    "Interaction": {
        "anyOf": [
            {"type": "string", "maxLength": 50},
            integer(INTEGERS[0], INTEGERS[-1]),
        ]
    },
    "Scalar": {"anyOf": [{"type": ["null", "boolean", "string"]}, *NUMBERS]},
    "Json": {
        "if": {"type": "integer"},
        "then": integer(INTEGERS[0], INTEGERS[-1]),
        # Beside "if", generated TypeScript would know of objects only.
        "else": {"items": ref("Json"), "additionalProperties": ref("Json")},
    },
    "Period": {
        "type": "object",
        "properties": {n: whole(*bounds) for n, bounds in PERIOD_BOUNDS.items()},
        "required": list(PERIOD_BOUNDS),
        "additionalProperties": ref("Json"),
    },
    "ShownInstant": {
        "type": "string",
        "format": "date-time",
        "pattern": f"^{_INSTANT}$",
    },
    "ShownMoment": {
        "type": "string",
        "format": "date-time",
        "pattern": rf"^{_DAY}T{_CLOCK}\.[0-9]{{3}}Z$",
    },
    "ShownPeriod": {
        "type": "object",
        "properties": {n: integer(*bounds) for n, bounds in PERIOD_BOUNDS.items()},
        "required": list(PERIOD_BOUNDS),
    },
}

TAKEN: Mapping[Kind, JsonSchema] = {
    TEXT: TEXTUAL,
    ID: ref("SvctaskId"),
    INTEGER: ref("Integer"),
    INTBOOL: ref("Intbool"),
    DATE: ref("Date"),
    NAMES: ref("Names"),
    ARRAY: array(ref("Json")),
    OBJECT: {"type": "object", "additionalProperties": ref("Json")},
    ANY: ref("Json"),
    BOOLEAN: ref("Boolean"),
    MOMENT: ref("Moment"),
    TYPE: ref("Type"),
    NUMBER: ref("ResourceId"),
    INTERACTION: ref("Interaction"),
    KEY: NOT_EMPTY,
}

SHOWN: Mapping[Kind, JsonSchema] = {
    TEXT: TEXTUAL,
    ID: ref("SvctaskId"),
    INTEGER: integer(),
    INTBOOL: {"enum": [0, 1]},
    DATE: {"anyOf": [ref("ShownInstant"), {"const": ""}]},
    NAMES: ref("Names"),
    ARRAY: array({}),
    OBJECT: {"type": "object"},
    ANY: {},
    BOOLEAN: {"type": "boolean"},
    MOMENT: ref("ShownMoment"),
    TYPE: ref("Type"),
    NUMBER: integer(0),
    INTERACTION: {"type": "string", "maxLength": 50},
    KEY: NOT_EMPTY,
}


def taken(field: Valued) -> JsonSchema:
    """Return the schema of what a body may have for ``field``."""
    if isinstance(field, Periods):
        schema = array(ref("Period"))
    elif isinstance(field, OpenObject):
        schema = _open_object(field)
    else:
        schema = _narrowed(TAKEN[field.kind], field)
    return nullable(schema) if field.allow_none else schema


def shown(field: Valued) -> JsonSchema:
    """Return the schema of what a reply has for ``field``."""
    if isinstance(field, Periods):
        return array(ref("ShownPeriod"))
    if isinstance(field, OpenObject):
        members = {name: SHOWN[kind] for name, kind in field.members.items()}
        return {
            "type": "object",
            "properties": members,
            "required": list(members),
            "additionalProperties": {},
        }
    return _narrowed(SHOWN[field.kind], field)


def _open_object(field: OpenObject) -> JsonSchema:
    members = {
        name: {"readOnly": True} if field.owned else nullable(TAKEN[kind])
        for name, kind in field.members.items()
    }
    return {
        "type": "object",
        "properties": members,
        "additionalProperties": ref("Json"),
    }


def _narrowed(schema: JsonSchema, field: Valued) -> JsonSchema:
    """Return what the validators of ``field`` leave of ``schema``."""
    for each in field.validators:
        match each:
            case validate.OneOf():
                schema = {"enum": list(each.choices)}
            case validate.Equal():
                text = {"const": str(each.comparable).lower()}
                value = {"type": "boolean", "not": {"const": not each.comparable}}
                schema = {"anyOf": [value, text]} if "$ref" in schema else value
            case validate.Range() if "$ref" in schema:
                schema = ref("Count" if each.min == 0 else "Positive")
            case validate.Range():
                schema = integer(each.min)
            case validate.Length() if "type" in schema:
                schema = schema | _length(
                    each, "Items" if schema["type"] == "array" else "Length"
                )
    pattern = field.metadata.get("pattern")
    return {**schema, "pattern": pattern} if pattern else schema


def _length(bounds: validate.Length, of: str) -> JsonSchema:
    limits = {f"min{of}": bounds.min, f"max{of}": bounds.max}
    return {name: limit for name, limit in limits.items() if limit is not None}


def reply(
    schema: Schema, required: Iterable[str], /, **parts: JsonSchema
) -> JsonSchema:
    """Return the schema of what a reply shows of an object; ``parts`` say what is in it.

    All fields of ``schema`` are there, under the names that clients see.
    """
    fields = {each.data_key or name: each for name, each in schema.fields.items()}
    properties = {
        name: parts[name] if name in parts else shown(_valued(each))
        for name, each in fields.items()
    }
    return {
        "type": "object",
        "properties": properties | parts,
        "required": list(required),
        "additionalProperties": False,
    }


def _valued(field: object) -> Valued:
    assert isinstance(field, Valued)
    return field
