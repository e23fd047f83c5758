"""JSON as it comes from outside: RFC 8259 to the letter, and bounded.

A general JSON parser is lenient where a store must not be: it keeps the last of two
members of one name, reads NaN and 1e400, and hands on lone surrogates and NUL, which
neither UTF-8 nor PostgreSQL can hold. ``read`` refuses all of these, so that whatever it
returns can be stored and comes back as the same JSON value.
"""

import json
import math
import re
from collections import Counter
from typing import Any, NamedTuple

from app.errors import Invalid, cut

MAX_DEPTH = 64
"""How deep arrays and objects may be nested in each other."""


class Bounds(NamedTuple):
    """How deep a value from a client may be nested, and how much there may be in it.

    ``members`` counts members of objects and elements of arrays. Messages name the
    settings: SVCTASKS_MAX_DEPTH and SVCTASKS_MAX_MEMBERS.
    """

    depth: int
    members: int


BYTE_ORDER_MARK = "\ufeff"
"""What some editors write before a text; it is skipped. RFC 8259, section 8.1."""

_OTHER_FORMS = {
    b"\x1f\x8b": "compressed by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""How bytes begin that are no UTF-8, and what they are."""

_TEXT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?')
"""A string in JSON, or one that does not end: else the search for the end of each quote
in it would take quadratic time."""

INTEGERS = range(-(2**63), 2**64)
"""The integers that a stored document can hold."""


def read(
    source: bytes | str,
    what: str = "the body",
    max_depth: int = MAX_DEPTH,
    bounds: Bounds | None = None,
) -> Any:
    """Return the JSON value that ``source`` spells.

    ``what`` is the name of the source in messages. What comes from a client has
    ``bounds``, which go before ``max_depth``. Raises Invalid.
    """
    if bounds is not None:
        max_depth = bounds.depth
    try:
        raw = source.encode("utf-8") if isinstance(source, str) else source
        text = raw.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        for mark, found in _OTHER_FORMS.items():
            if isinstance(source, bytes) and source.startswith(mark):
                raise Invalid(f"{what} is {found}; it must be UTF-8") from None
        raise Invalid(f"{what} is not UTF-8 at byte {error.start}") from None
    if not text.strip(" \t\r\n"):
        raise Invalid(f"{what} is empty; it must be JSON")
    if bounds is not None and len(text) > 2 * bounds.members:
        _check_members(text, what, bounds.members)
    try:
        value = _DECODER.decode(text)
        # Few texts are walked: one with fewer brackets than the bound cannot be too deep,
        # and only an escape can spell a character that may not be stored.
        if text.count("[") + text.count("{") > max_depth or "\\u" in text:
            _check(value, max_depth)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        reason = error.msg.removesuffix(" at")
        raise Invalid(f"{what} is not JSON: {reason} at {place}") from None
    except (RecursionError, _TooDeep):
        depth = "too deeply"
        if bounds is not None:
            depth = f"deeper than {bounds.depth} levels (SVCTASKS_MAX_DEPTH)"
        raise Invalid(f"{what} is nested {depth}") from None
    except _Refused as refusal:
        raise Invalid(f"{what} {refusal}") from None
    return value


def _check_members(text: str, what: str, most: int) -> None:
    """Raise Invalid if there is too much in ``text``, before it takes memory as objects.

    Each member or element has a comma before it, or the bracket of what it is in.
    """
    if _count(text) > most and _count(_TEXT.sub("", text)) > most:
        raise Invalid(
            f"{what} has more than {most} members and elements (SVCTASKS_MAX_MEMBERS)"
        )


def _count(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def check_depth(value: Any) -> None:
    """Raise Invalid if a body is nested deeper than one that is read may be."""
    try:
        _check(value, MAX_DEPTH)
    except _Refused as refusal:
        raise Invalid(f"the body {refusal}") from None


def is_array(source: bytes) -> bool:
    """Return whether ``source`` is an array, if it is JSON at all."""
    return source.removeprefix(BYTE_ORDER_MARK.encode()).lstrip()[:1] == b"["


class _Refused(Exception):
    """What is wrong with a value, to follow the name of its source."""


class _TooDeep(_Refused):
    """A value is nested too deeply."""


def _integer(digits: str) -> int:
    # The length comes first: int() of a long run of digits takes quadratic time.
    if len(digits) <= 20 and (number := int(digits)) in INTEGERS:
        return number
    raise _Refused("holds an integer that does not fit into 64 bits")


def _real(digits: str) -> float:
    number = float(digits)
    if math.isfinite(number):
        return number
    raise _Refused("holds a number that is too large")


def _constant(name: str) -> None:
    raise _Refused(f"holds {name}, which is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = counted.most_common(1)[0][0]
        raise _Refused(f"holds the member {json.dumps(cut(twice))} twice in one object")
    return members


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=_integer,
    parse_float=_real,
    parse_constant=_constant,
)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_characters(value)
    elif isinstance(value, dict | list):
        if depth == 0:
            raise _TooDeep("is nested too deeply")
        if isinstance(value, dict):
            for name in value:
                _check_characters(name)
        for member in value.values() if isinstance(value, dict) else value:
            _check(member, depth - 1)


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise _Refused("holds a NUL character, which cannot be stored")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise _Refused(
                "holds half of a surrogate pair, which is not a character"
            ) from None
