"""The effects of a runner: what it asks of the store, and of those who run processes.

Who performs one sends back what its description says, or raises Unavailable.
"""

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from app import storage
from app.runner.claims import Decision
from app.storage import Document

T = TypeVar("T")

News = Sequence[tuple[str, T | None]]
"""What changed by its key, as it is now; None if it is gone."""


class Task(NamedTuple):
    """A task as its record, which takes little memory, and the code of its script."""

    record: storage.Record
    code: str

    @classmethod
    def of(cls, record: storage.Record) -> "Task":
        """Return the task of a record; raises Unavailable if that is damaged."""
        return cls(record, sys.intern(record.document["svcscriptcode"]))


class NewRules(NamedTuple):
    """Which rules have changed: the working hours, and scripts by their ``codes``."""

    are_hours_new: bool = False
    codes: Collection[str] = frozenset()

    def joined(self, later: "NewRules") -> "NewRules":
        """Return these and those that have changed since."""
        are_hours_new = self.are_hours_new or later.are_hours_new
        return NewRules(are_hours_new, {*self.codes, *later.codes})


class Seen(NamedTuple):
    """What changed since the last look; at the first one that is everything.

    The ``runners`` are read after the ``clocks``: who has claimed was there before.
    """

    tasks: News[Task]
    clocks: News[Document]
    runners: News[Document]
    is_open: bool = True
    new_rules: NewRules = NewRules()


class Standing(NamedTuple):
    """A clock and a task as they are now, and if a run is in the history."""

    clock: Document | None
    task: Document | None
    is_recorded: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Return what is Seen."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Write the record of this runner; return whether it was there, or ``is_new``."""

    runner: Document
    is_new: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Return whether a runner of this host is gone for certain."""

    runner: Document


@dataclass(frozen=True, slots=True)
class Arm:
    """Add clocks, but those that are there; return all of them as they are now."""

    clocks: Sequence[Document]


@dataclass(frozen=True, slots=True)
class Change:
    """Change a clock in one atomic step, with its task; return the Decision, or None."""

    clock: str
    change: Callable[[Document, Document | None], Decision]


@dataclass(frozen=True, slots=True)
class Read:
    """Return the Standing of a run, and of the task with it."""

    clock: str
    run: Document


@dataclass(frozen=True, slots=True)
class Record:
    """Put a record into the history; return the one that is there under its id.

    One that is there stays, but for the count of slots that were never started.
    """

    record: Document


@dataclass(frozen=True, slots=True)
class RemoveClock:
    """Remove a clock if it is still the same."""

    clock: Document


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the record of a dead runner."""

    runner: str


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the process of a run; ``failed`` is the run that one of ``onfail`` follows."""

    run: Document
    task: Document
    failed: Document | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Begin to end the process of a run; its End comes as any other."""

    run: Document
    reason: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """End at once what is left of a run on this host, and return when nothing is.

    What is sent back is what can be said of its output, as members of its record.
    """

    run: Document


Effect = (
    Look
    | Beat
    | Probe
    | Arm
    | Change
    | Read
    | Record
    | RemoveClock
    | Forget
    | Spawn
    | Stop
    | Sweep
)
