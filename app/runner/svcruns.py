"""The use cases of runs, as people ask for them: find, get, run now, stop.

Runner contract, section 8.
"""

from threading import Lock

from app.datetimes import Clock, milliseconds
from app.errors import Conflict, NoRunner, NotFound
from app.runner import clocks
from app.runner.stored_runs import TABLE, StoredRuns
from app.schemas import svcrun, svctask
from app.storage import Document, NextId, Store
from app.svcscripts import Script

SILENT = 60_000
"""Milliseconds after its last known look for which a runner counts as alive."""

HAS_ENDED = "the run has ended"


class Svcruns:
    """What people can do with runs."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._stored = StoredRuns(store)
        self._clock = clock
        self._wanting = Lock()

    def get(self, id_: str) -> Document:
        """Return a run, active or ended; raises NotFound."""
        found = self._stored.found(id_)
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
            run
            for record in self._stored.busy()
            for run in self._unended(record.document)
        ]

    def _unended(self, clock: Document) -> list[Document]:
        active: list[Document] = [
            clocks.ended_record(run, {}) for run in clock["active"]
        ]
        if not clock["wanted"]:
            return active
        task = self._stored.task_of(clock)
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
            raise NoRunner(
                "no runner is alive; start one with svctasks runner or serve --runner"
            )

        def with_wanted(old: Document, _: NextId) -> Document:
            if self._is_taken(wanted["id"]):
                raise Conflict(f"there is a run {wanted['id']} already")
            return clocks.marked(clocks.with_wanted(old, task, wanted))

        while True:
            self._stored.armed(clock)
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
        for record in self._stored.busy():
            clock = record.document
            runs = (*clock["active"], *clock["wanted"], *clock["unrecorded"])
            if any(run["id"] == id_ for run in runs):
                return True
        return self._stored.found(id_) is not None

    def stop(self, id_: str) -> Document:
        """Have a run stopped that is active, or wanted; raises NotFound and Conflict."""
        if self._stored.found(id_) is not None:
            # It may be in its clock still.
            raise Conflict(HAS_ENDED)
        for record in self._stored.busy():
            runs = [*record.document["active"], *record.document["wanted"]]
            if all(run["id"] != id_ for run in runs):
                continue
            task = self._stored.task_of(record.document)
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
        record = self._stored.record(record)
        self._store.update(
            svcrun.CLOCKS,
            clock["id"],
            lambda old, _: clocks.marked(clocks.without_recorded(old, [record])),
        )
        return record


def is_alive(runner: Document, now: int) -> bool:
    """Return whether a runner has looked lately, or has only just begun.

    One that is a command has one run, and takes up no others.
    """
    if runner.get("is_command"):
        return False
    looked: int | None = runner["looked"]
    is_silent = looked is not None and now - looked >= SILENT
    return not runner["is_stopped"] and not is_silent
