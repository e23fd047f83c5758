"""The kinds of values: how each is read, and how it compares.

One rule a type serves request bodies, the operands of filters, sorting and indexes, so
that a value can be searched for in any form in which it can be sent. ``read`` gives the
stored form; ``key`` gives what is compared in its place, and is total: each kind has a
key for any JSON value.

Two values have equal keys if and only if they are equal: ``True`` is not 1, as it would
be in Python, while 1 and 1.0 are one number, and so are two spellings of one instant.
An absent value has the key of null, except where it is presence that is compared.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app import datetimes

ABSENT: Final[Any] = object()
"""What is found where a document has no such member."""

Key = Callable[[Any], Any]

ARRAY_TAG: Final = "array"
OBJECT_TAG: Final = "object"


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A type of values.

    ``name`` is what people call it. ``read`` turns a JSON value into its stored form;
    it raises ValueError, with a text that follows a field's name. ``key`` turns a
    stored form into the hashable value that is compared and sorted.
    """

    name: str
    read: Callable[[Any], Any]
    key: Key


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


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"must be a string, not {type_name(value)}")


_ID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def _read_id(value: Any) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return value.lower()
    raise ValueError(
        "must be an id of 8-4-4-4-12 hexadecimal digits, such as "
        '"380daae6-016c-cdd4-606e-50e54938780c"'
    )


_DIGITS = re.compile("-?[0-9]{1,20}")
_INT64 = range(-(2**63), 2**63)

_EXACT = 2**53
"""Up to here a whole double is the number that was sent, and not one near it."""


def whole(value: Any) -> Any:
    """Return the integer that a number such as 60.0 is; anything else as it is."""
    if type(value) is float and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value


def _read_integer(value: Any) -> int:
    if type(value) is str and _DIGITS.fullmatch(value):
        value = int(value)
    value = whole(value)
    if type(value) is not int:
        raise ValueError("must be an integer of at most 64 bits")
    if value not in _INT64:
        raise ValueError("must fit into 64 bits")
    return value


_INTBOOL_WORDS = {"0": 0, "1": 1, "false": 0, "true": 1}


def _read_intbool(value: Any) -> int:
    if isinstance(value, bool | int | float) and value in (0, 1):
        return int(value)
    if isinstance(value, str) and value in _INTBOOL_WORDS:
        return _INTBOOL_WORDS[value]
    raise ValueError("must be 0 or 1")


def _read_date(value: Any) -> str:
    if value is None or value == "":
        return ""
    return datetimes.read(value)


def _date_key(value: Any) -> Any:
    return datetimes.key(value) if isinstance(value, str) else plain_key(value)


def _read_names(value: Any) -> Any:
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


def _read_array(value: Any) -> Any:
    if isinstance(value, list):
        return value
    raise ValueError(f"must be an array, not {type_name(value)}")


def _read_object(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    raise ValueError(f"must be an object, not {type_name(value)}")


def _read_presence(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"must be true or false, not {type_name(value)}")


def _presence_key(value: Any) -> bool:
    return value is not ABSENT


def _read_any(value: Any) -> Any:
    return value


TEXT = Kind("string", _read_text, plain_key)
ID = Kind("id", _read_id, plain_key)
INTEGER = Kind("integer", _read_integer, plain_key)
INTBOOL = Kind("intbool", _read_intbool, plain_key)
DATE = Kind("date", _read_date, _date_key)
NAMES = Kind("list of names", _read_names, _names_key)
ARRAY = Kind("array", _read_array, plain_key)
OBJECT = Kind("object", _read_object, plain_key)
ANY = Kind("any JSON value", _read_any, plain_key)
PRESENCE = Kind("presence", _read_presence, _presence_key)
"""Of a member, whether it is there: it may be null. Its key is true or false."""

STRINGS = frozenset({TEXT, ID, DATE})
NUMBERS = frozenset({INTEGER, INTBOOL})
SCALARS = STRINGS | NUMBERS
"""The kinds whose keys are all strings or all integers."""

INDEXABLE = SCALARS | {PRESENCE}
"""The kinds in which equal values can be looked up by their keys."""
