"""Runs as runners put them into the store, and what people ask of them goes by.

Claims and all else that becomes of a clock are atomic changes of one document of the table
``clocks``. The history has no more than the last runs of each task, with its last failure
and its last success. Runner contract, sections 4, 5 and 9.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from app import modes
from app.errors import Conflict, NotFound, Stale
from app.query import Comparison, Order, Query
from app.runner import clocks
from app.runner.claims import Decision
from app.runner.effects import Seen, Standing, Task
from app.runner.follower import Follower
from app.runner.run_counts import RunCounts
from app.schemas import svcrun, svctask
from app.storage import Document, NextId, Record, Store, document_in

TABLE = svcrun.NAME

SUCCESSES = ("succeeded",)

SILENT = 60_000
"""Milliseconds after its last known look for which a runner counts as alive."""

_BY_TASK = svcrun.FIELDS.one("svctask")
_BY_SLOT = svcrun.FIELDS.one("slot")


class Keep(NamedTuple):
    """How many runs the history has of each task, and in all."""

    of_task: int = 20
    in_all: int = 20_000


class StoredRuns:
    """The clocks and the history of runs; what is done with them for effects of runners."""

    def __init__(
        self, store: Store, keep: Keep = Keep(), counts: RunCounts | None = None
    ) -> None:
        self._store = store
        self._modes = modes.Modes(store)
        self._keep = keep
        self._counts = counts
        self._untrimmed = 0

    def look(
        self,
        tasks: Follower[Task],
        of_clocks: Follower[Document],
        runners: Follower[Document],
    ) -> Seen:
        """Return what has changed since the last look; raises Unavailable.

        The runners come last: one whose claim is in a clock was there before it.
        """
        tasks.read()
        of_clocks.read()
        is_open = self._modes.current() == modes.PRODUCTION
        runners.read()
        return Seen(tasks.take(), of_clocks.take(), runners.take(), is_open)

    def beat(self, runner: Document, is_new: bool) -> bool:
        """Write the record of a runner; return whether it was there, or ``is_new``."""
        if self._counts is not None:
            self._counts.publish()
        if is_new:
            self._store.load(svcrun.RUNNERS, [runner])
            return True
        try:
            self._store.update(svcrun.RUNNERS, runner["id"], lambda *_: runner)
        except NotFound:
            return False
        return True

    def forget(self, runner: str) -> None:
        """Remove the record of a dead runner, if it is there."""
        with suppress(NotFound):
            self._store.remove(svcrun.RUNNERS, runner)

    def arm(self, fresh: Sequence[Document]) -> list[Document]:
        """Add clocks, but those that are there; return all as they are now."""
        try:
            self._store.insert(svcrun.CLOCKS, *fresh)
            return list(fresh)
        except Conflict:
            return [self.armed(clock) for clock in fresh]

    def armed(self, clock: Document) -> Document:
        """Add a clock, unless it is there; return it as it is now."""
        while True:
            try:
                return self._store.insert(svcrun.CLOCKS, clock)[0].document
            except Conflict:
                pass
            if known := document_in(self._store, svcrun.CLOCKS, clock["id"]):
                return known

    def change(
        self, clock: str, change: Callable[[Document, Document | None], Decision]
    ) -> Decision | None:
        """Change a clock in one step, by its task as it is then; None without a clock."""
        decision: Decision | None = None
        task: Document | None = None

        def changed(old: Document, _: NextId) -> Document:
            nonlocal decision, task
            task = self.task_of(old)
            made = change(old, task)
            # Other runners may have claimed some of it since this one looked.
            if made.run and self._is_full(made.run["code"], made.most):
                made = Decision(old, is_waiting=True)
            decision = made._replace(clock=clocks.marked(made.clock))
            return decision.clock

        try:
            self._store.update(svcrun.CLOCKS, clock, changed)
        except NotFound:
            return None
        if self._counts is not None and decision is not None:
            if decision.run is not None:
                self._counts.note_start(decision.run, task)
            if decision.is_set_back:
                self._counts.note_set_back()
        return decision

    def _is_full(self, code: str, most: int | None) -> bool:
        """Return whether no more runs of a script may be active."""
        if most is None:
            return False
        active = (run for each in self.busy() for run in each.document["active"])
        return [run["code"] for run in active].count(code) >= most

    def standing(self, clock: str, run: Document) -> Standing:
        """Return the present state of a claimed run."""
        document = document_in(self._store, svcrun.CLOCKS, clock)
        task = self.task_of(document or run)
        return Standing(document, task, self.found(run["id"]) is not None)

    def record(self, record: Document) -> Document:
        """Put a record into the history, and return the one that is there then.

        One that was there stays, but for the count of slots that were never started.
        """
        while True:
            try:
                stored = self._store.insert(TABLE, record)[0].document
            except Conflict:
                pass
            else:
                self._count(stored, None)
                return stored
            before = record

            def longer(old: Document, _: NextId) -> Document:
                nonlocal before
                before = old
                return _longer(old, record)

            try:
                stored = self._store.update(TABLE, record["id"], longer).document
            except NotFound:
                continue
            if stored is not before:
                self._count(stored, before)
            return stored

    def _count(self, record: Document, before: Document | None) -> None:
        if self._counts is not None:
            self._counts.note_record(record, before)

    def trim(self, task: str) -> list[str]:
        """Remove the runs of a task that are not kept, and return their ids."""
        of_task = Comparison(_BY_TASK, "$eq", _BY_TASK.type.comparison_key(task))
        records = self._store.find(TABLE, Query(where=of_task)).records
        runs = sorted((record.document for record in records), key=_end, reverse=True)
        kept = {run["id"] for run in runs[: self._keep.of_task]}
        for states in (clocks.FAILURES, SUCCESSES):
            last = next((run["id"] for run in runs if run["state"] in states), None)
            kept.add(last)
        return self._remove([run["id"] for run in runs if run["id"] not in kept])

    def trim_all(self) -> list[str]:
        """Remove the oldest runs beyond those kept in all, and return their ids.

        It looks once in a while, and leaves room for the runs until it looks again.
        """
        spare = self._keep.in_all // 100
        self._untrimmed += 1
        if self._untrimmed < spare:
            return []
        self._untrimmed = 0
        total = self._store.find(TABLE, Query(limit=0)).total
        most = self._keep.in_all - spare
        if total <= most:
            return []
        query = Query(order=(Order(_BY_SLOT),), limit=total - most)
        records = self._store.find(TABLE, query).records
        return self._remove([record.document["id"] for record in records])

    def unknown(self, ids: Collection[str]) -> set[str]:
        """Return those of these runs that are neither active nor in the history."""
        unknown = set(ids) - {record.key for record in self._store.scan(TABLE)}
        if unknown:
            for record in self.busy():
                clock = record.document
                unknown -= {run["id"] for run in clock["active"] + clock["wanted"]}
        # Some may have ended between the two looks.
        return {id_ for id_ in unknown if self.found(id_) is None}

    def remove_clock(self, clock: Document) -> bool:
        """Remove a clock, if it is the same and its task is gone; return if it was."""
        try:
            record = self._store.get(svcrun.CLOCKS, clock["id"])
            if record.document != clock:
                return False
            self._store.remove(svcrun.CLOCKS, clock["id"], {record.revision})
        except (NotFound, Stale):
            return False
        return True

    def busy(self) -> Sequence[Record]:
        """Return the clocks with runs that are active or wanted, and look at no others."""
        is_busy = Comparison(svcrun.IS_BUSY, "$eq", 1)
        return self._store.find(svcrun.CLOCKS, Query(where=is_busy)).records

    def task_of(self, clock: Document) -> Document | None:
        """Return the task of a clock, which may be gone, or that of a script alone."""
        own: Document | None = clock.get("task")
        return own or document_in(self._store, svctask.NAME, clock["svctask"])

    def found(self, id_: str) -> Document | None:
        """Return a run in the history, if it is there."""
        return document_in(self._store, TABLE, id_)

    def _remove(self, ids: list[str]) -> list[str]:
        for id_ in ids:
            with suppress(NotFound):
                self._store.remove(TABLE, id_)
        return ids


def _end(run: Document) -> str:
    """Return when a run ended, or the last of the slots that were never started."""
    end: str = run.get("ended") or run.get("until") or run["slot"]
    return end


def _longer(old: Document, record: Document) -> Document:
    """Return the record of unstarted slots that counts more; ``old`` of all others."""
    is_longer = record.get("count", 0) > old.get("count", 0)
    return record if is_longer and record["state"] == old["state"] else old


def is_alive(runner: Document, now: int) -> bool:
    """Return whether a runner has looked lately, or has only just begun.

    One that is a command has one run, and takes up no others.
    """
    if runner.get("is_command"):
        return False
    looked: int | None = runner["looked"]
    is_silent = looked is not None and now - looked >= SILENT
    return not runner["is_stopped"] and not is_silent
