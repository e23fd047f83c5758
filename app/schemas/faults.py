"""What is wrong with a body, all of it at once, in one form for all schemas.

Faults map the dotted path of each place, such as ``periods.0.dow``, to all that is wrong
there. The message of an error names the first of them, and says how many there are.
"""

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from marshmallow import ValidationError

from app.errors import MAX_FAULTS, Faults, Invalid
from app.query import suggestion

T = TypeVar("T")

MAX_SUGGESTIONS = 16
"""How many unknown members of one body are compared with the known ones."""

MAX_COMPARED = 100
"""How many known names each of them is compared with: a client may have defined more."""

MAX_SUMMARY = 8
"""How many faults the message of an error names."""


class Wrong(ValidationError):
    """What is wrong inside of an array or an object; ``faults`` go by the place in it."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(dict(faults))
        self.faults = faults


def include(faults: Faults, place: str, error: ValidationError) -> None:
    """Add to ``faults`` what is wrong at ``place``, or in what is there."""
    if isinstance(error, Wrong):
        faults.include(error.faults, f"{place}.")
    else:
        assert isinstance(error.messages, list)
        faults[place] = error.messages


def unknown(
    body: Iterable[str],
    known: Iterable[str],
    what: str,
    suggestions: int = MAX_SUGGESTIONS,
) -> Faults:
    """Return the faults of the members of ``body`` that are not ``known``.

    ``what`` says what they should be, such as ``a field of a task``; the first of them,
    ``suggestions`` in number, come with the nearest known name.
    """
    names = dict.fromkeys(known)
    faults = Faults()
    for name in body:
        if name not in names:
            few = faults.total < suggestions
            nearest = suggestion(name, islice(names, MAX_COMPARED)) if few else ""
            faults[name] = [f"is not {what}{nearest}"]
    return faults


def checked(given: T, faults: Faults) -> T:
    """Return ``given`` if there are no faults; raises Invalid."""
    if not faults:
        return given
    every = (f"{name}: {fault}" for name in faults for fault in faults[name])
    message = "; ".join(islice(every, MAX_SUMMARY))
    if (more := faults.total - MAX_SUMMARY) > 0:
        message += f"; and {more:,} more"
    if faults.more:
        message += f" (errors has the first {MAX_FAULTS})"
    raise Invalid(message, faults)
