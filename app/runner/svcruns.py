"""The use cases of runs: what runners ask of the store, and what people ask of runners.

Claims and all else that becomes of a clock are atomic changes of one document of the table
``clocks``. The history has no more than the last runs of each task, with its last failure
and its last success. Runner contract, sections 4, 5, 8 and 9.
"""

from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import NamedTuple

from app import modes
from app.datetimes import Clock, milliseconds
from app.errors import Conflict, NoRunner, NotFound, Stale
from app.pacing import Pace, unhurried
from app.query import Comparison, Order, Query
from app.runner import clocks
from app.runner.claims import Decision
from app.runner.effects import Seen, Standing, Task
from app.runner.follower import Follower
from app.runner.run_counts import RunCounts
from app.schemas import svcrun, svctask
from app.storage import Document, NextId, Page, Record, Store
from app.svcscripts import Script

TABLE = svcrun.NAME

SILENT = 60_000
"""Milliseconds after its last known look for which a runner counts as alive."""

HAS_ENDED = "the run has ended"

SUCCESSES = ("succeeded",)

_BY_TASK = svcrun.FIELDS.one("svctask")
_BY_SLOT = svcrun.FIELDS.one("slot")


class Keep(NamedTuple):
    """How many runs the history has of each task, and in all."""

    of_task: int = 20
    in_all: int = 20_000


class Svcruns:
    """What can be done with runs; what is done for a runner is that of its effects."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        keep: Keep = Keep(),
        counts: RunCounts | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._counts = counts
        self._untrimmed = 0
        self._wanting = Lock()

    # For runners.

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
        is_open = modes.Modes(self._store).current() == modes.PRODUCTION
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
        try:
            self._store.remove(svcrun.RUNNERS, runner)
        except NotFound:
            pass

    def arm(self, fresh: Sequence[Document]) -> list[Document]:
        """Add clocks, but those that are there; return all as they are now."""
        try:
            self._store.insert(svcrun.CLOCKS, *fresh)
            return list(fresh)
        except Conflict:
            return [self._armed(clock) for clock in fresh]

    def _armed(self, clock: Document) -> Document:
        while True:
            try:
                return self._store.insert(svcrun.CLOCKS, clock)[0].document
            except Conflict:
                pass
            try:
                return self._store.get(svcrun.CLOCKS, clock["id"]).document
            except NotFound:
                continue

    def change(
        self, clock: str, change: Callable[[Document, Document | None], Decision]
    ) -> Decision | None:
        """Change a clock in one step, by its task as it is then; None without a clock."""
        decision: Decision | None = None
        task: Document | None = None

        def changed(old: Document, _: NextId) -> Document:
            nonlocal decision, task
            task = self._task_of(old)
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
        active = (run for each in self._busy() for run in each.document["active"])
        return [run["code"] for run in active].count(code) >= most

    def standing(self, clock: str, run: Document) -> Standing:
        """Return the present state of a claimed run."""
        try:
            document = self._store.get(svcrun.CLOCKS, clock).document
        except NotFound:
            document = None
        task = (
            self._task(run["svctask"]) if document is None else self._task_of(document)
        )
        return Standing(document, task, self._found(run["id"]) is not None)

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
            unknown -= {run["id"] for run in self.active()}
        # Some may have ended between the two looks.
        return {id_ for id_ in unknown if self._found(id_) is None}

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

    # For people.

    def find(self, query: Query, pace: Pace = unhurried) -> Page:
        """Return the runs in the history that ``query`` asks for."""
        return self._store.find(TABLE, query, pace)

    def get(self, id_: str) -> Document:
        """Return a run, active or ended; raises NotFound."""
        found = self._found(id_)
        if found is None:
            for run in self.active():
                if run["id"] == id_:
                    return run
            # It may have ended between the two looks.
            return self._store.get(TABLE, id_).document
        return found

    def active(self) -> list[Document]:
        """Return the runs that are active, and those that are wanted."""
        return [
            run for record in self._busy() for run in self._unended(record.document)
        ]

    def _busy(self) -> Sequence[Record]:
        """Return the clocks with runs that are active or wanted, and look at no others."""
        is_busy = Comparison(svcrun.IS_BUSY, "$eq", 1)
        return self._store.find(svcrun.CLOCKS, Query(where=is_busy)).records

    def _unended(self, clock: Document) -> list[Document]:
        active: list[Document] = [
            clocks.ended_record(run, {}) for run in clock["active"]
        ]
        if not clock["wanted"]:
            return active
        task = self._task_of(clock)
        return [
            *active,
            *(clocks.shown_wanted(clock, task, run) for run in clock["wanted"]),
        ]

    def want(self, task_id: str, id_: str, site: str) -> Document:
        """Want a run of a task now, and return it.

        Raises NotFound, Conflict and NoRunner.
        """
        task = self._store.get(svctask.NAME, task_id.lower()).document
        now = milliseconds(self._clock())
        # Without a timing, so that a runner arms it by what runners have looked at.
        clock = {**clocks.new(task, site, now, now), "timing": ""}
        return self._wanted(clock, task, {"id": id_, "cause": "manual", "asked": now})

    def want_script(
        self, script: Script, id_: str, site: str, parameters: Document
    ) -> Document:
        """Want a run of a script now, for no task; raises Conflict and NoRunner."""
        now = milliseconds(self._clock())
        clock = clocks.of_script(script.code, script.name, site, now)
        wanted = {"id": id_, "cause": "manual", "asked": now, "startparams": parameters}
        return self._wanted(clock, clock["task"], wanted)

    def _wanted(self, clock: Document, task: Document, wanted: Document) -> Document:
        """Want a run of a task, which gets this clock if it has none."""
        runners = self._store.scan(svcrun.RUNNERS)
        if not any(is_alive(record.document, wanted["asked"]) for record in runners):
            raise NoRunner("no runner is alive")

        def with_wanted(old: Document, _: NextId) -> Document:
            if self._is_taken(wanted["id"]):
                raise Conflict(f"there is a run {wanted['id']} already")
            return clocks.marked(clocks.with_wanted(old, task, wanted))

        while True:
            self._armed(clock)
            try:
                # What one process writes together does not see each other.
                with self._wanting:
                    changed = self._store.update(
                        svcrun.CLOCKS, clock["id"], with_wanted
                    )
            except NotFound:
                # It was removed as one that has nothing left.
                continue
            return clocks.shown_wanted(changed.document, task, wanted)

    def _is_taken(self, id_: str) -> bool:
        """Return whether a run has an id: in a clock, or in the history after that."""
        for record in self._busy():
            clock = record.document
            runs = (*clock["active"], *clock["wanted"], *clock["unrecorded"])
            if any(run["id"] == id_ for run in runs):
                return True
        return self._found(id_) is not None

    def stop(self, id_: str) -> Document:
        """Have a run stopped that is active, or wanted; raises NotFound and Conflict."""
        if self._found(id_) is not None:
            # It may be in its clock still.
            raise Conflict(HAS_ENDED)
        for record in self._busy():
            runs = [*record.document["active"], *record.document["wanted"]]
            if all(run["id"] != id_ for run in runs):
                continue
            task = self._task_of(record.document)
            clock = self._store.update(
                svcrun.CLOCKS,
                record.key,
                lambda old, _: clocks.marked(clocks.with_stop(old, task, id_)),
            ).document
            for withdrawn in clock["unrecorded"]:
                if withdrawn["id"] == id_:
                    return self._withdrawn(clock, withdrawn)
            if any(run["id"] == id_ for run in clock["active"]):
                return self.get(id_)
        self._store.get(TABLE, id_)
        raise Conflict(HAS_ENDED)

    def _withdrawn(self, clock: Document, record: Document) -> Document:
        """Put the record of a run that was never started into the history."""
        record = self.record(record)
        self._store.update(
            svcrun.CLOCKS,
            clock["id"],
            lambda old, _: clocks.marked(clocks.without_recorded(old, [record])),
        )
        return record

    def _task_of(self, clock: Document) -> Document | None:
        own: Document | None = clock.get("task")
        return own or self._task(clock["svctask"])

    def _task(self, id_: str) -> Document | None:
        try:
            return self._store.get(svctask.NAME, id_).document
        except NotFound:
            return None

    def _found(self, id_: str) -> Document | None:
        try:
            return self._store.get(TABLE, id_).document
        except NotFound:
            return None

    def _remove(self, ids: list[str]) -> list[str]:
        for id_ in ids:
            try:
                self._store.remove(TABLE, id_)
            except NotFound:
                pass
        return ids


def _end(run: Document) -> str:
    """Return when a run ended, or the last of the slots that were never started."""
    end: str = run.get("ended") or run.get("until") or run["slot"]
    return end


def is_alive(runner: Document, now: int) -> bool:
    """Return whether a runner has looked lately, or has only just begun.

    One that is a command has one run, and takes up no others.
    """
    if runner.get("is_command"):
        return False
    looked: int | None = runner["looked"]
    is_silent = looked is not None and now - looked >= SILENT
    return not runner["is_stopped"] and not is_silent


def _longer(old: Document, record: Document) -> Document:
    """Return the record of unstarted slots that counts more; ``old`` of all others."""
    is_longer = record.get("count", 0) > old.get("count", 0)
    return record if is_longer and record["state"] == old["state"] else old
