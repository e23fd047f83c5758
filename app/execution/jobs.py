"""The jobs of an executor: what is to run, what became of it, and what goes on.

A job is a state machine, which is moved on by its descriptors, by time and by looks at all
processes. It has ended when it has an ``outcome``. It never waits.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.execution.processes import Mark
from app.execution.run_outputs import Output
from app.svcscripts import Script

NEVER = float("inf")

LOOK_SECONDS = 0.2
"""How soon it is looked again for processes that are to end."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run: a script, for a run, whose record it is.

    ``content`` is the JSON object that the script gets. Runner contract, sections 7 and 8.
    """

    run: Mapping[str, Any]
    script: Script
    content: Mapping[str, Any]

    @property
    def mark(self) -> Mark:
        """What the processes of the run are known by."""
        return Mark(self.run["id"], self.run["node"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: its last ``state``; the ``duration`` is in milliseconds.

    ``is_retryable`` says whether another attempt makes sense, and ``retry_after`` how
    many seconds to wait for it at least.
    """

    state: str
    reason: str
    duration: int
    exitcode: int | None = None
    signal: int | None = None
    status: int | None = None
    outputbytes: int = 0
    lastline: str = ""
    is_retryable: bool = False
    retry_after: float | None = None


class Job(Protocol):
    """A run that has begun."""

    @property
    def mark(self) -> Mark:
        """What its processes are known by."""

    @property
    def pid(self) -> int:
        """The main process, or 0."""

    @property
    def outcome(self) -> Outcome | None:
        """What became of it, when it has ended."""

    @property
    def due(self) -> float:
        """When something is to be done, by the monotonic clock."""

    def check_time(self, now: float) -> None:
        """Do what is due, but for a look at processes."""

    def is_looked_for(self, now: float) -> bool:
        """Return whether its processes are to be looked for."""

    def end_processes(self, found: set[int], now: float) -> None:
        """Go on with the end, now that these processes are alive."""

    def stop(self, state: str, reason: str) -> None:
        """Begin the end of what has not ended, in that state."""

    def kill(self) -> None:
        """Leave no more time to what is being ended."""


def not_started(reason: str) -> Outcome:
    """Return the outcome of a run that could not be started."""
    return Outcome("failed", reason, 0, is_retryable=True)


def deadline(script: Script, began: float) -> float:
    """Return when a run has taken too long."""
    return began + script.timeoutsec if script.timeoutsec else NEVER


def too_long(script: Script) -> str:
    """Return the reason of a run that was ended at its deadline."""
    return f"it took longer than {script.timeoutsec:g} seconds (timeoutsec)"


def joined(*parts: str) -> str:
    """Return one reason that is made of those that are not empty."""
    return "; ".join(filter(None, parts))


def ended(
    state: str, reason: str, began: float, output: Output, **further: Any
) -> Outcome:
    """Return the outcome of a run that ``began`` then, by the monotonic clock."""
    if output.fault:
        reason = joined(reason, f"not all of its output could be kept: {output.fault}")
    return Outcome(
        state,
        reason,
        round((time.monotonic() - began) * 1000),
        outputbytes=output.total,
        lastline=output.last_line,
        **further,
    )
