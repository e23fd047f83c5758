"""The types of values: how each is parsed, how it compares, how it is described.

One rule a type serves request bodies, the operands of filters, sorting and indexes, so
that a value can be searched for in any form in which it can be sent. ``parse`` returns the
stored form; ``comparison_key`` returns what is compared in its place, and is total: each
type has a key for any JSON value. Here are the types that filters know;
``app.schemas.value_types`` has the others.

Two values have equal keys if and only if they are equal: ``True`` is not 1, as it would
be in Python, while 1 and 1.0 are one number, and so are two spellings of one instant.
An absent value has the key of null, except where it is presence that is compared.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from app import datetimes, jsonschema
from app.jsonschema import TEXTUAL, JsonSchema, array, integer, ref, shared
from app.jsontext import INTEGERS

ABSENT: Final[Any] = object()
"""The value of a member that a document lacks."""

Key = Callable[[Any], Any]

ARRAY_TAG: Final = "array"
OBJECT_TAG: Final = "object"


@dataclass(frozen=True, slots=True, eq=False)
class ValueType:
    """A type of values.

    ``name`` is for messages. ``parse`` turns a JSON value into its stored form; it raises
    ValueError, with a text that follows a field's name. ``comparison_key`` turns a stored
    form into the hashable value that is compared and sorted. ``accepted`` is the schema of
    values in bodies, ``shown`` that of values in replies: several spellings are parsed, and
    one of them is stored. They are as exact as JSON Schema allows. To a schema, an integer
    beyond 64 bits, which is refused, equals the same number with an exponent, which is not;
    and 1e16, which is no integer here, equals the same number in digits. A format says
    which days exist.
    """

    name: str
    parse: Callable[[Any], Any]
    comparison_key: Key
    accepted: JsonSchema = field(default_factory=dict)
    shown: JsonSchema = field(default_factory=dict)


def type_name(value: Any) -> str:
    """Return the name of a JSON value's type with its article."""
    if value is None:
        return "null"
    return _TYPE_NAMES[type(value)]


_TYPE_NAMES = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def plain_key(value: Any) -> Any:
    """Return the key of any JSON value; strings and numbers are their own."""
    kind = type(value)
    if kind is str or kind is int or kind is float:
        return value
    if kind is bool:
        return ("boolean", value)
    if isinstance(value, list):
        return (ARRAY_TAG, tuple(map(plain_key, value)))
    if isinstance(value, dict):
        members = ((name, plain_key(member)) for name, member in value.items())
        return (OBJECT_TAG, frozenset(members))
    return None


def _one_of(kind: type, name: str) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        raise ValueError(f"must be {name}, not {type_name(value)}")

    return parse


_ID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def _parse_id(value: Any) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return value.lower()
    raise ValueError(
        "must be an id of 8-4-4-4-12 hexadecimal digits, such as "
        '"380daae6-016c-cdd4-606e-50e54938780c"'
    )


_DIGITS = re.compile("-?[0-9]{1,20}")
_INT64 = range(-(2**63), 2**63)

_EXACT = 2**53
"""Up to here a whole double is exactly the number that was sent."""


def whole_number(value: Any) -> Any:
    """Return a number such as 60.0 as an integer; any other value as it is."""
    if type(value) is float and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value


def _parse_integer(value: Any) -> int:
    if type(value) is str and _DIGITS.fullmatch(value):
        value = int(value)
    value = whole_number(value)
    if type(value) is not int:
        raise ValueError("must be an integer of at most 64 bits")
    if value not in _INT64:
        raise ValueError("must fit into 64 bits")
    return value


_INTBOOL_WORDS = {"0": 0, "1": 1, "false": 0, "true": 1}


def _parse_intbool(value: Any) -> int:
    if isinstance(value, bool | int | float) and value in (0, 1):
        return int(value)
    if isinstance(value, str) and value in _INTBOOL_WORDS:
        return _INTBOOL_WORDS[value]
    raise ValueError("must be 0 or 1")


def _parse_date(value: Any) -> str:
    if value is None or value == "":
        return ""
    return datetimes.parse(value)


def _date_key(value: Any) -> Any:
    return (
        datetimes.comparison_key(value) if isinstance(value, str) else plain_key(value)
    )


def _parse_names(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return list(value)
    raise ValueError("must be a string or an array of strings")


def _names_key(value: Any) -> Any:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    names = (name.strip() for name in value if isinstance(name, str))
    return tuple(name for name in names if name)


_ID_SCHEMA = shared("SvctaskId", {"type": "string", "pattern": f"^{_ID.pattern}$"})
_NAMES_SCHEMA = shared("Names", {"anyOf": [TEXTUAL, array(TEXTUAL)]})
_ANY_SCHEMA = shared(
    "Json",
    {
        "if": {"type": "integer"},
        "then": integer(INTEGERS[0], INTEGERS[-1]),
        # Beside "if", generated TypeScript would know of objects only.
        "else": {"items": ref("Json"), "additionalProperties": ref("Json")},
    },
)
_DAY, _CLOCK = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}:[0-9]{2}:[0-5][0-9]"

MOMENT_SCHEMA = shared(
    "Moment",
    {
        "type": "string",
        "format": "date-time",
        "pattern": rf"^(?!0000){_DAY}[Tt]{_CLOCK}(\.[0-9]+)?"
        "([Zz]|[+-][0-9]{2}:?[0-9]{2})$",
    },
)


def shown_moment(name: str, fraction: str) -> JsonSchema:
    """Return the schema of date-times in replies, under a name of its own."""
    pattern = f"^{_DAY}T{_CLOCK}{fraction}Z$"
    return shared(name, {"type": "string", "format": "date-time", "pattern": pattern})


TEXT = ValueType("string", _one_of(str, "a string"), plain_key, TEXTUAL, TEXTUAL)
ID = ValueType("id", _parse_id, plain_key, _ID_SCHEMA, _ID_SCHEMA)
INTEGER = ValueType(
    "integer",
    _parse_integer,
    plain_key,
    shared("Integer", jsonschema.whole()),
    integer(),
)
INTBOOL = ValueType(
    "intbool",
    _parse_intbool,
    plain_key,
    shared(
        "Intbool",
        {
            "anyOf": [
                {"enum": [0, 1]},
                {"type": "boolean"},
                {"enum": ["0", "1", "false", "true"]},
            ]
        },
    ),
    {"enum": [0, 1]},
)
DATE = ValueType(
    "date",
    _parse_date,
    _date_key,
    shared("Date", {"anyOf": [MOMENT_SCHEMA, {"const": ""}]}),
    {"anyOf": [shown_moment("ShownInstant", r"(\.[0-9]+)?"), {"const": ""}]},
)
NAMES = ValueType(
    "list of names", _parse_names, _names_key, _NAMES_SCHEMA, _NAMES_SCHEMA
)
ARRAY = ValueType(
    "array", _one_of(list, "an array"), plain_key, array(_ANY_SCHEMA), array({})
)
OBJECT = ValueType(
    "object",
    _one_of(dict, "an object"),
    plain_key,
    {"type": "object", "additionalProperties": _ANY_SCHEMA},
    {"type": "object"},
)
ANY = ValueType("any JSON value", lambda value: value, plain_key, _ANY_SCHEMA)
PRESENCE = ValueType(
    "presence", _one_of(bool, "true or false"), lambda value: value is not ABSENT
)
"""Whether a member exists; it may be null. The key is true or false."""

STRINGS = frozenset({TEXT, ID, DATE})
NUMBERS = frozenset({INTEGER, INTBOOL})
SCALARS = STRINGS | NUMBERS
"""The types whose keys are all strings or all integers."""

INDEXABLE = SCALARS | {PRESENCE}
"""The types in which equal values can be looked up by their keys."""
