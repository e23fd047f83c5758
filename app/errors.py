"""The errors, without HTTP.

An error is raised where it is known and translated once, in ``app.api.problems``. Its
message is short, however much is wrong with an input: a client that could choose the size
of a reply or of a log line could fill the memory and the disk.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")

MAX_FAULTS = 100
"""How many faults of one input are named; the others are counted."""

MAX_PLACE = 128
"""Characters that the path of a fault may have."""

MAX_MESSAGE = 2000
"""Characters that a message may have, and each of the faults half as many."""

MAX_SUMMARY = 8
"""How many faults the message of an error names."""

MAX_ECHO = 64
"""Characters of a client's text that a message repeats."""


def cut(text: str, most: int = MAX_ECHO) -> str:
    """Return ``text``, or its first ``most`` characters and an ellipsis."""
    return text if len(text) <= most else f"{text[:most]}…"


class Faults(Mapping[str, list[str]]):
    """What is wrong with an input, by the dotted path of each place.

    The first hundred faults are kept; ``more`` is the number of the others.
    """

    __slots__ = ("_kept", "_count", "more")

    def __init__(self, found: Mapping[str, Sequence[str]] | None = None) -> None:
        self._kept: dict[str, list[str]] = {}
        self._count = 0
        self.more = 0
        if found:
            self.include(found)

    def include(self, found: Mapping[str, Sequence[str]], prefix: str = "") -> None:
        """Add the faults of a part, whose places get ``prefix`` before them."""
        for place, messages in found.items():
            self[prefix + place] = list(messages)
        if isinstance(found, Faults):
            self.more += found.more

    def add(self, place: str, message: str) -> None:
        """Add one more fault of ``place``."""
        if self._count < MAX_FAULTS:
            messages = self._kept.setdefault(cut(place, MAX_PLACE), [])
            messages.append(cut(message, MAX_MESSAGE // 2))
            self._count += 1
        else:
            self.more += 1

    @property
    def total(self) -> int:
        """How many faults there are, those included that are only counted."""
        return self._count + self.more

    def __setitem__(self, place: str, messages: list[str]) -> None:
        if self._count == MAX_FAULTS and place not in self._kept:
            self.more += len(messages)
            return
        place = cut(place, MAX_PLACE)
        others = self._count - len(self._kept.get(place, ()))
        kept = messages[: MAX_FAULTS - others]
        if kept:
            self._kept[place] = [cut(text, MAX_MESSAGE // 2) for text in kept]
            self._count = others + len(kept)
        self.more += len(messages) - len(kept)

    def __getitem__(self, place: str) -> list[str]:
        return self._kept[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


class Error(Exception):
    """A request that could not be done; ``message`` is fit for its sender."""

    def __init__(self, message: str) -> None:
        self.message = cut(message, MAX_MESSAGE)
        super().__init__(self.message)


class NotFound(Error):
    """There is no such document."""


class Conflict(Error):
    """A document with that key exists already."""


class TooLarge(Error):
    """The document would be larger than one may be."""


class TableFull(Error):
    """The table would be larger than one may be."""


class Stale(Error):
    """The document is no longer in the revision that the sender knows."""


class TooOld(Error):
    """What is asked for reaches back further than what is kept."""


class Denied(Error):
    """The sender may not do this here."""


class Unauthenticated(Error):
    """It is not known who the sender is, but must be."""


class TooManyFailures(Error):
    """Too many requests from an address had no valid token."""


class Misdirected(Error):
    """The request is for a host that this service does not answer for."""


class Unavailable(Error):
    """The store cannot be read or written now.

    ``place`` is where, for those who run the service; senders of requests do not see it.
    """

    def __init__(self, message: str, place: Path | None = None) -> None:
        super().__init__(message)
        self.place = place


class Busy(Unavailable):
    """Somebody else has held a table for too long."""

    def __init__(self) -> None:
        super().__init__("the data is held by another writer; try again later")


class Full(Unavailable):
    """There is no room on the disk; there may be some again without a restart."""


class NoRunner(Error):
    """No runner is alive that could take up a run."""


class Overdue(Error):
    """A query takes too long, or nobody waits for it."""


class Maintenance(Error):
    """The service is being looked after and takes no service traffic meanwhile."""


class Invalid(Error):
    """The input breaks a rule; ``faults`` maps each field to all that is wrong with it."""

    def __init__(
        self, message: str, faults: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.faults = faults if isinstance(faults, Faults) else Faults(faults)

    @classmethod
    def of(cls, faults: Mapping[str, Sequence[str]]) -> Self:
        """Return the error whose message names the first of ``faults`` and counts them."""
        known = faults if isinstance(faults, Faults) else Faults(faults)
        named = dict(islice(known.items(), MAX_SUMMARY))
        message = "; ".join(f"{n}: {'; '.join(texts)}" for n, texts in named.items())
        if more := known.total - sum(map(len, named.values())):
            message += f"; and {more:,} more"
        if known.more:
            message += f" (errors has the first {MAX_FAULTS})"
        return cls(message, known)


def checked(given: T, faults: Mapping[str, Sequence[str]]) -> T:
    """Return ``given`` if there are no faults; raises Invalid."""
    if faults:
        raise Invalid.of(faults)
    return given
