"""What an entry of a journal may be, whatever its checksum says.

A line that is none, as another program or a fault may write it, is treated as damaged:
it is set aside, and the entries around it are kept.
"""

from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, NotRequired, TypedDict

from app.storage import LAST_ID, Key

LAST = LAST_ID
"""The highest sequence number of an entry, and the highest number and id that are given.

Whatever may be read may be written again, and what is counted on from it too.
"""

ROOM = 1 << 20
"""More than the entries that are written at once: so many before the last number, a
journal is begun anew."""

LARGEST = 2**63 - 1
"""The highest number of a document that a file may bring. Those above ``LAST`` are kept,
and new documents get lower ones."""


class Header(TypedDict):
    """The first line of a journal: what the data file that it goes on from contains."""

    seq: int
    """The number of the last entry that is in the data file."""
    format: NotRequired[int]
    """The form of the journal: the first has none."""
    epoch: str
    """The name of a line of journals: numbers mean the same in all of one epoch."""
    checkpoint: NotRequired[Sequence[Any]]
    """Which version the data file is: a number and a time."""
    base: Sequence[int] | None
    """The identity of the data file."""
    digest: NotRequired[str]
    """The digest of its bytes; empty if that is not known."""
    next: int
    """The number of the next new document."""
    ids: NotRequired[Mapping[str, int]]
    """The highest id of each sequence, which outlives the documents."""
    covering: NotRequired[bool]
    """Whether no document of the data file has a higher one."""
    moment: NotRequired[str]
    """If a person wrote the data file: the time that completed its documents."""
    edited: NotRequired[bool]
    """Whether it is unknown which file it was that a person had edited."""


class Entry(TypedDict, total=False):
    """Any other line of a journal: one atomic write, or a note on the data file."""

    seq: int
    """One more than that of the line before."""
    put: Sequence[tuple[int, bytes]]
    """Each document that is added or replaced: its number, and all of it as JSON."""
    gone: Sequence[Key]
    """The keys of the documents that are removed."""
    time: str
    """When it was written (RFC 3339)."""
    by: str
    """Who wrote it: the name of a token, or words in its place; left out if unknown."""
    request: str
    """The id of the request that wrote it; left out if unknown."""
    was: Sequence[int | None]
    """The revisions before, of ``put`` and then ``gone``; None for what was not there."""
    ids: Mapping[str, int]
    """The highest ids after it, if it touches any."""
    next: int
    """The number of the next new document, if one was given and not used yet."""
    fold: Sequence[int] | None
    """The identity of the data file that a checkpoint is about to put in place."""
    at: Sequence[Any]
    """The version of that data file: a number and a time."""
    edit: Sequence[int] | None
    """The identity of the data file that a person edited: ``put`` is what was merged."""
    anew: bool
    """Whether others, who may have what is in no file, must read both files anew."""
    broken: Sequence[int] | None
    """The identity of an edited data file that cannot be served."""
    digest: str
    """The digest of the data file in ``fold`` or ``edit``."""


Check = Callable[[Any], bool]


def is_entry(entry: Mapping[str, Any]) -> bool:
    """Return whether ``entry`` is one, or a header, by the members that are known here."""
    if "seq" not in entry or "epoch" in entry and not _HEADER <= entry.keys():
        return False
    for name, value in entry.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            return False
    return True


def _of(*kinds: type) -> Check:
    return lambda value: type(value) in kinds


def _up_to(most: int) -> Check:
    return lambda value: type(value) is int and 0 <= value <= most


def _are(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_identity(value: Any) -> bool:
    # Inode, time, size.
    return value is None or _are(_is_integer)(value) and len(value) == 3


def _are_ids(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_integer, value.values()))


def _is_checkpoint(value: Any) -> bool:
    match value:
        case [int(), str()]:
            return True
    return False


def _is_put(value: Any) -> bool:
    match value:
        case [number, bytes(document)]:
            return _is_number(number) and document[:1] == b"{"
    # JSON, where the documents are not at the end of the line.
    return False


_is_integer, _is_text, _is_truth = _of(int), _of(str), _of(bool)
_is_number, _is_counted = _up_to(LARGEST), _up_to(LAST + 1)
_is_key = _of(str, int)

_HEADER = {"base", "next"}

_CHECKS: dict[str, Check] = {
    "seq": _is_counted,
    "put": _are(_is_put),
    "gone": _are(_is_key),
    "ids": _are_ids,
    "next": _is_counted,
    "was": _are(_of(int, NoneType)),
    "keys": _are(_is_key),
    "fold": _is_identity,
    "edit": _is_identity,
    "broken": _is_identity,
    "digest": _is_text,
    "checkpoint": _is_checkpoint,
    "at": _is_checkpoint,
    "until": _is_checkpoint,
    "time": _is_text,
    "by": _is_text,
    "request": _is_text,
    "moment": _is_text,
    "anew": _is_truth,
    "edited": _is_truth,
    "format": _is_integer,
    "epoch": _is_text,
    "base": _is_identity,
    "covering": _is_truth,
}
