"""The performer of a runner's effects: over the runs in the store, and an executor."""

from collections.abc import Callable, Collection, Generator
from typing import Any, Protocol, TypeVar

from app.errors import Error
from app.runner.effects import (
    Arm,
    Beat,
    Change,
    Effect,
    Forget,
    Look,
    NewRules,
    Probe,
    Read,
    Record,
    RemoveClock,
    Seen,
    Spawn,
    Stop,
    Sweep,
    Task,
)
from app.runner.follower import Follower
from app.runner.stored_runs import StoredRuns
from app.schemas import svcrun, svctask
from app.storage import Document
from app.storage import Record as StoreRecord
from app.storage import Store

T = TypeVar("T")


class Executor(Protocol):
    """Who has the processes of runs, on this host; it raises no errors."""

    def start(self, run: Document, task: Document, failed: Document | None) -> None:
        """Start a run; how it ends is said later, also if it could not be started."""

    def stop(self, run: Document, reason: str) -> None:
        """Begin to end a run, if it has not ended."""

    def sweep(self, run: Document) -> Document:
        """End at once what is left of a run on this host; return when nothing is.

        Returns what can be said of its output, as members of its record.
        """

    def discard(self, runs: Collection[str]) -> None:
        """Remove the outputs of runs that are not in the history any more."""

    def is_gone(self, runner: Document) -> bool:
        """Return whether a runner of this host is gone for certain."""


class Performer:
    """Performs effects, one after the other; raises the errors of the store.

    ``read_rules`` is called at each look, and returns which rules are new.
    """

    def __init__(
        self,
        store: Store,
        runs: StoredRuns,
        executor: Executor,
        read_rules: Callable[[], NewRules] = NewRules,
    ) -> None:
        self._runs = runs
        self._read_rules = read_rules
        self._new_rules = NewRules()
        self._executor = executor
        self._tasks = Follower(store, svctask.NAME, Task.of)
        self._clocks = Follower(store, svcrun.CLOCKS, _document)
        self._runners = Follower(store, svcrun.RUNNERS, _document)

    def perform(self, effect: Effect) -> Any:
        """Do what an effect says, and return what it says."""
        match effect:
            case Look():
                return self._look()
            case Beat(runner, is_new):
                return self._runs.beat(runner, is_new)
            case Arm(clocks):
                return self._runs.arm(clocks)
            case Change(clock, change):
                return self._runs.change(clock, change)
            case Read(clock, run):
                return self._runs.standing(clock, run)
            case Record(record):
                return self._record(record)
            case RemoveClock(known):
                return self._runs.remove_clock(known)
            case Probe(runner):
                return self._executor.is_gone(runner)
            case Forget(id_):
                self._runs.forget(id_)
            case Spawn(run, task, failed):
                self._executor.start(run, task, failed)
            case Stop(run, reason):
                self._executor.stop(run, reason)
            case Sweep(run):
                return self._executor.sweep(run)
        return None

    def _look(self) -> Seen:
        # That they are new is said once, and must not be lost where a table fails.
        self._new_rules = self._new_rules.joined(self._read_rules())
        seen = self._runs.look(self._tasks, self._clocks, self._runners)
        seen = seen._replace(new_rules=self._new_rules)
        self._new_rules = NewRules()
        return seen

    def _record(self, record: Document) -> Document:
        standing = self._runs.record(record)
        removed = [*self._runs.trim(record["svctask"]), *self._runs.trim_all()]
        if removed:
            self._executor.discard(removed)
        return standing


def _document(record: StoreRecord) -> Document:
    return record.document


def done(steps: Generator[Effect, Any, T], perform: Callable[[Effect], Any]) -> T:
    """Perform all effects, and return what the generator does.

    An error of the store goes through the generator, and is raised if it ends that.
    """
    try:
        effect = next(steps)
        while True:
            try:
                result = perform(effect)
            except Error as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(result)
    except StopIteration as stop:
        value: T = stop.value
        return value
