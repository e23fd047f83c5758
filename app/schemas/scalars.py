"""The types of an extension's attributes, and how a value is converted to each.

A value is converted where nothing of it is lost: the text "4" to an integer, the number
4 to a string. What a JSON number has lost already when it was read does not count, so
that a double is the nearest one. Whatever ``read`` returns is read as itself again.
Context-services contract, section 4.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from app import datetimes
from app.query.values import DATE, Kind, plain_key, type_name

MAX_DECIMALS = 4
MAX_DIGITS = 15
"""How many digits a currency may have; a double holds that many unchanged."""

_DIGITS = re.compile("-?[0-9]{1,20}")
_NUMERIC = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,400})?([Ee][+-]?[0-9]{1,3})?")
_DECIMAL = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

_EXACT = 2**53
"""Up to here every integer is a double, and a double is no rounded integer."""


def _read_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ValueError(f"must be a string, not {type_name(value)}")


def _integer(bits: int) -> Callable[[Any], int]:
    bounds = range(-(2 ** (bits - 1)), 2 ** (bits - 1))

    def read(value: Any) -> int:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        elif isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
            value = int(value)
        if type(value) is int and value in bounds:
            return value
        raise ValueError(f"must be an integer from {bounds[0]} to {bounds[-1]}")

    return read


def _read_double(value: Any) -> float:
    if isinstance(value, str) and _NUMERIC.fullmatch(value):
        value = int(value) if _DIGITS.fullmatch(value) else float(value)
    if type(value) is int and float(value) != value:
        raise ValueError("must be a number that a double can hold unchanged")
    if isinstance(value, int | float) and type(value) is not bool:
        if math.isfinite(value):
            return float(value)
    raise ValueError("must be a finite number such as 4.5")


def _read_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    raise ValueError("must be true or false")


def _read_day(value: Any) -> str:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError('must be a date such as "2019-08-26"')
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"must be a date that exists: {error}") from None
    return value


def _read_datetime(value: Any) -> str:
    if value is None or value == "":
        raise ValueError('must be a date-time such as "2019-08-26T12:09:03.340Z"')
    moment: str = DATE.read(value)
    in_milliseconds = datetimes.in_milliseconds(moment)
    if datetimes.key(in_milliseconds) != datetimes.key(moment):
        raise ValueError("must have at most three fraction digits, for milliseconds")
    return in_milliseconds


def _read_currency(value: Any) -> float:
    text = value
    if isinstance(value, int | float) and type(value) is not bool:
        text = format(Decimal(repr(value)), "f")
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match:
        whole, decimals = match[1].lstrip("0"), (match[2] or "").rstrip("0")
        if len(decimals) <= MAX_DECIMALS and len(whole) + len(decimals) <= MAX_DIGITS:
            return float(text)
    raise ValueError(
        f"must be a number of at most {MAX_DIGITS} digits, {MAX_DECIMALS} of them "
        "decimals, such as 19.99"
    )


STRING = Kind("string", _read_string, plain_key)
BOOLEAN = Kind("boolean", _read_boolean, plain_key)

TYPES = {
    kind.name: kind
    for kind in (
        STRING,
        Kind("integer", _integer(32), plain_key),
        Kind("long", _integer(64), plain_key),
        Kind("double", _read_double, plain_key),
        BOOLEAN,
        Kind("date", _read_day, plain_key),
        Kind("datetime", _read_datetime, plain_key),
        Kind("currency", _read_currency, plain_key),
    )
}
"""The types by the names that definitions use."""
