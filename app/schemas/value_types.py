"""The types of values that bodies and files have, beside those that filters know.

A new type is one entry here: how it is parsed, how it compares, and its JSON Schema. Those
in ``TYPES`` are the types of an extension's attributes: a value is converted where nothing
of it is lost, such as the text "4" to an integer and the number 4 to a string. What a JSON
number has lost already when it was read does not count, so that a double is the nearest
one. What ``parse`` returns is parsed as itself again. Context-services contract, sections
1 and 4.
"""

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app import datetimes
from app.jsonschema import NOT_EMPTY, NUMBERS, integer, shared, whole
from app.jsontext import INTEGERS
from app.query.values import (
    DATE,
    INTEGER,
    MOMENT_SCHEMA,
    TEXT,
    ValueType,
    plain_key,
    shown_moment,
    type_name,
    whole_number,
)

MAX_ID = 2**63 - 1
"""The highest id: what 64 bits can hold."""

MAX_DECIMALS = 4
MAX_DIGITS = 15
"""How many digits a currency may have; a double holds that many unchanged."""

_INT64 = range(-(2**63), 2**63)

_DIGITS = re.compile("-?[0-9]{1,20}")
_NUMERIC = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,400})?([Ee][+-]?[0-9]{1,3})?")
_DECIMAL = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?")


def _parse_instant(value: Any) -> str:
    instant: str = DATE.parse(value)
    if not instant:
        raise ValueError("must be a date-time such as 2010-09-07T07:58:16.313Z")
    return instant


def _parse_moment(value: Any) -> str:
    return datetimes.in_milliseconds(_parse_instant(value))


def _parse_type(value: Any) -> int | str:
    value = whole_number(value)
    if type(value) is int and value in _INT64 or isinstance(value, str) and value:
        return value
    raise ValueError(
        "must be an integer of at most 64 bits, or a name that is not empty"
    )


def _parse_id(value: Any) -> int:
    number: int = INTEGER.parse(value)
    if number < 0:
        raise ValueError(f"must be from 0 to {MAX_ID}")
    return number


def _parse_interaction(value: Any) -> str:
    value = whole_number(value)
    text: str = TEXT.parse(str(value) if type(value) is int else value)
    return text


def _parse_key(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    shown = "an empty one" if value == "" else type_name(value)
    raise ValueError(f"must be a text that is not empty, not {shown}")


def _parse_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ValueError(f"must be a string, not {type_name(value)}")


def _integer(bits: int) -> Callable[[Any], int]:
    bounds = range(-(2 ** (bits - 1)), 2 ** (bits - 1))

    def parse(value: Any) -> int:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        value = whole_number(value)
        if type(value) is int and value in bounds:
            return value
        raise ValueError(f"must be an integer from {bounds[0]} to {bounds[-1]}")

    return parse


def _parse_double(value: Any) -> float:
    if isinstance(value, str) and _NUMERIC.fullmatch(value):
        value = int(value) if _DIGITS.fullmatch(value) else float(value)
    if type(value) is int and float(value) != value:
        raise ValueError("must be a number that a double can hold unchanged")
    if isinstance(value, int | float) and type(value) is not bool:
        if math.isfinite(value):
            return float(value)
    raise ValueError("must be a finite number such as 4.5")


def _parse_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    raise ValueError("must be true or false")


def _parse_datetime(value: Any) -> str:
    if value is None or value == "":
        raise ValueError('must be a date-time such as "2019-08-26T12:09:03.340Z"')
    moment: str = DATE.parse(value)
    in_milliseconds = datetimes.in_milliseconds(moment)
    if datetimes.comparison_key(in_milliseconds) != datetimes.comparison_key(moment):
        raise ValueError("must have at most three fraction digits, for milliseconds")
    return in_milliseconds


def _parse_currency(value: Any) -> float:
    text = value
    if isinstance(value, int | float) and type(value) is not bool:
        text = format(Decimal(repr(value)), "f")
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match:
        digits, decimals = match[1].lstrip("0"), (match[2] or "").rstrip("0")
        if len(decimals) <= MAX_DECIMALS and len(digits) + len(decimals) <= MAX_DIGITS:
            return float(text)
    raise ValueError(
        f"must be a number of at most {MAX_DIGITS} digits, {MAX_DECIMALS} of them "
        "decimals, such as 19.99"
    )


INSTANT = ValueType("date-time", _parse_instant, DATE.comparison_key, MOMENT_SCHEMA)
"""A date-time to compare with: all fraction digits count."""

MOMENT = ValueType(
    "date-time",
    _parse_moment,
    plain_key,
    MOMENT_SCHEMA,
    shown_moment("ShownMoment", r"\.[0-9]{3}"),
)
"""A date-time to store, in milliseconds."""

_TYPE_SCHEMA = shared("Type", {"anyOf": [integer(), NOT_EMPTY]})

TYPE = ValueType("integer or name", _parse_type, str, _TYPE_SCHEMA, _TYPE_SCHEMA)
NUMBER = ValueType(
    "id", _parse_id, plain_key, shared("ResourceId", whole(0, MAX_ID)), integer(0)
)
INTERACTION = ValueType(
    "interaction id",
    _parse_interaction,
    plain_key,
    shared(
        "Interaction",
        {
            "anyOf": [
                {"type": "string", "maxLength": 50},
                integer(INTEGERS[0], INTEGERS[-1]),
            ]
        },
    ),
    {"type": "string", "maxLength": 50},
)
KEY = ValueType("key", _parse_key, plain_key, NOT_EMPTY, NOT_EMPTY)
STRING = ValueType("string", _parse_string, plain_key)
BOOLEAN = ValueType(
    "boolean",
    _parse_boolean,
    plain_key,
    shared("Boolean", {"anyOf": [{"type": "boolean"}, {"enum": ["false", "true"]}]}),
    {"type": "boolean"},
)
SCALAR = shared(
    "Scalar", {"anyOf": [{"type": ["null", "boolean", "string"]}, *NUMBERS]}
)
"""The schema of the value of an attribute."""

TYPES = {
    value_type.name: value_type
    for value_type in (
        STRING,
        ValueType("integer", _integer(32), plain_key),
        ValueType("long", _integer(64), plain_key),
        ValueType("double", _parse_double, plain_key),
        BOOLEAN,
        ValueType("date", datetimes.parse_day, plain_key),
        ValueType("datetime", _parse_datetime, plain_key),
        ValueType("currency", _parse_currency, plain_key),
    )
}
"""The types of attributes, by the names that definitions use."""
