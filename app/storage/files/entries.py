"""What an entry of a journal may be, whatever its checksum says.

A line that is none, as another program or a fault may write it, is treated as damaged:
it is set aside, and the entries around it are kept.
"""

from collections.abc import Callable
from typing import Any

LAST = 2**62 - 1
"""The highest sequence number of an entry, and the highest number and id that are given.

Whatever may be read may be written again, and what is counted on from it too.
"""

ROOM = 1 << 20
"""More than the entries that are written at once: so many before the last number, a
journal is begun anew."""

LARGEST = 2**63 - 1
"""The highest number of a document that a file may bring. Those above ``LAST`` are kept,
and new documents get lower ones."""


def is_entry(entry: dict[str, Any]) -> bool:
    """Return whether ``entry`` is one, or a header, by the members that are known here."""
    if "seq" not in entry or "epoch" in entry and not _HEADER <= entry.keys():
        return False
    for name, value in entry.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            return False
    return True


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST


def _is_counted(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LAST + 1


def _is_key(value: Any) -> bool:
    return type(value) is str or type(value) is int


def _is_truth(value: Any) -> bool:
    return type(value) is bool


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_identity(value: Any) -> bool:
    return value is None or (
        _are(_is_integer)(value) and len(value) == 3  # inode, time, size
    )


def _is_integer(value: Any) -> bool:
    return type(value) is int


def _are_ids(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_integer, value.values()))


def _is_revision(value: Any) -> bool:
    return value is None or _is_integer(value)


def _is_checkpoint(value: Any) -> bool:
    match value:
        case [int(), str()]:
            return True
    return False


def _are(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_put(value: Any) -> bool:
    number, document = value
    return _is_number(number) and document[:1] == b"{"


_HEADER = {"base", "next"}

_CHECKS: dict[str, Callable[[Any], bool]] = {
    "seq": _is_counted,
    "put": _are(_is_put),
    "gone": _are(_is_key),
    "touched": _are(_are(_is_text)),
    "ids": _are_ids,
    "next": _is_counted,
    "was": _are(_is_revision),
    "keys": _are(_is_key),
    "fold": _is_identity,
    "edit": _is_identity,
    "broken": _is_identity,
    "digest": _is_text,
    "checkpoint": _is_checkpoint,
    "at": _is_checkpoint,
    "until": _is_checkpoint,
    "time": _is_text,
    "moment": _is_text,
    "anew": _is_truth,
    "edited": _is_truth,
    "format": _is_integer,
    "epoch": _is_text,
    "base": _is_identity,
    "covering": _is_truth,
}
