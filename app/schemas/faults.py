"""What is wrong with a body, all of it at once, in one form for all schemas.

Faults map the dotted path of each place, such as ``periods.0.dow``, to all that is wrong
there. The message of an error names the first of them, its faults are always complete.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from app.errors import Faults, Invalid
from app.query import suggestion

T = TypeVar("T")

MAX_SUGGESTIONS = 16
"""How many unknown members of one body are compared with the known ones."""

MAX_COMPARED = 100
"""How many known names each of them is compared with: a client may have defined more."""

MAX_SUMMARY = 8
"""How many faults the message of an error names."""


def dotted(messages: Mapping[Any, Any], prefix: str = "") -> dict[str, list[str]]:
    """Return what marshmallow says of nested values, by dotted paths."""
    return dict(_dotted(messages, prefix))


def _dotted(
    messages: Mapping[Any, Any], prefix: str
) -> Iterator[tuple[str, list[str]]]:
    for name, found in messages.items():
        if isinstance(found, dict):
            yield from _dotted(found, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", found


def unknown(
    body: Iterable[str],
    known: Iterable[str],
    what: str,
    suggestions: int = MAX_SUGGESTIONS,
) -> dict[str, list[str]]:
    """Return the faults of the members of ``body`` that are not ``known``.

    ``what`` says what they should be, such as ``a field of a task``; the first of them,
    ``suggestions`` in number, are told the nearest known name.
    """
    names = dict.fromkeys(known)
    faults: dict[str, list[str]] = {}
    for name in body:
        if name not in names:
            few = len(faults) < suggestions
            nearest = suggestion(name, islice(names, MAX_COMPARED)) if few else ""
            faults[name] = [f"is not {what}{nearest}"]
    return faults


def checked(given: T, faults: Faults) -> T:
    """Return ``given`` if there are no faults; raises Invalid."""
    if not faults:
        return given
    told = [f"{name}: {fault}" for name in faults for fault in faults[name]]
    more = len(told) - MAX_SUMMARY
    if more > 0:
        told[MAX_SUMMARY:] = [f"and {more} more"]
    raise Invalid("; ".join(told), faults)
