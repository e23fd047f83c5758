"""The tasks that a runner knows, and their schedules."""

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from app.runner.effects import Task
from app.schedules import Schedule
from app.storage import Document

T = TypeVar("T")


class KnownTasks:
    """Tasks by their ids: those of the store, and those that are only in a clock."""

    def __init__(self) -> None:
        self._stored: dict[str, Task] = {}
        self._own: dict[str, Document] = {}

    def __iter__(self) -> Iterator[str]:
        yield from self._stored
        yield from self._own

    def get(self, id_: str) -> Document | None:
        """Return a task, if it is known; raises Unavailable if it is damaged."""
        task = self._stored.get(id_)
        return self._own.get(id_) if task is None else task.record.document

    def code_of(self, id_: str) -> str:
        """Return the code of the script that a task starts; of one that is gone none."""
        if (task := self._stored.get(id_)) is not None:
            return task.code
        return self._own[id_]["svcscriptcode"] if id_ in self._own else ""

    def of_codes(self, codes: Collection[str]) -> list[str]:
        """Return the tasks that start one of these scripts."""
        return [id_ for id_ in self if self.code_of(id_) in codes]

    def put(self, id_: str, task: Task | None) -> None:
        """Take in a task of the store; None: it is gone."""
        _put(self._stored, id_, task)

    def put_own(self, id_: str, task: Document | None) -> None:
        """Take in a task that is only in a clock; None: the clock is gone."""
        _put(self._own, id_, task)


class Schedules:
    """Makes the schedules of tasks: once for one that is asked for again and again."""

    def __init__(self, make: Callable[[Document], Schedule]) -> None:
        self._make = make
        self._last: tuple[Document | None, Schedule | None] = None, None

    def of(self, task: Document) -> Schedule:
        """Return the schedule of a task."""
        known, schedule = self._last
        if known is not task or schedule is None:
            schedule = self._make(task)
            self._last = task, schedule
        return schedule

    def clear(self) -> None:
        """Forget the last one: what it was made by has changed."""
        self._last = None, None


def _put(known: dict[str, T], id_: str, task: T | None) -> None:
    if task is None:
        known.pop(id_, None)
    else:
        known[id_] = task
