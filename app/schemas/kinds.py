"""The kinds of values that only services, states and tasks have.

Context-services contract, section 1.
"""

from typing import Any

from app import datetimes
from app.query.values import DATE, INTEGER, TEXT, Kind, plain_key, type_name, whole

MAX_ID = 2**63 - 1
"""The highest id: what 64 bits can hold."""

_INT64 = range(-(2**63), 2**63)


def _read_instant(value: Any) -> str:
    instant: str = DATE.read(value)
    if not instant:
        raise ValueError("must be a date-time such as 2010-09-07T07:58:16.313Z")
    return instant


def _read_moment(value: Any) -> str:
    return datetimes.in_milliseconds(_read_instant(value))


def _read_type(value: Any) -> int | str:
    value = whole(value)
    if type(value) is int and value in _INT64 or isinstance(value, str) and value:
        return value
    raise ValueError(
        "must be an integer of at most 64 bits, or a name that is not empty"
    )


def _read_id(value: Any) -> int:
    number: int = INTEGER.read(value)
    if number < 0:
        raise ValueError(f"must be from 0 to {MAX_ID}")
    return number


def _read_interaction(value: Any) -> str:
    value = whole(value)
    text: str = TEXT.read(str(value) if type(value) is int else value)
    return text


def _read_key(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"must be a text that is not empty, not {_shown(value)}")


def _shown(value: Any) -> str:
    return "an empty one" if value == "" else type_name(value)


INSTANT = Kind("date-time", _read_instant, DATE.key)
"""A date-time to compare with: all fraction digits count."""

MOMENT = Kind("date-time", _read_moment, plain_key)
"""A date-time to store, in milliseconds."""

TYPE = Kind("integer or name", _read_type, str)
NUMBER = Kind("id", _read_id, plain_key)
INTERACTION = Kind("interaction id", _read_interaction, plain_key)
KEY = Kind("key", _read_key, plain_key)
