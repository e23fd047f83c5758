"""The use cases of runs for people: list, get, read the output, run now, stop.

A run is in its clock until it has ended, and in the history from then on. Lists have both,
as if those that have not ended had been added last. Runner contract, sections 8 and 11.
"""

from collections.abc import Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

from app.datetimes import Clock, milliseconds
from app.errors import Conflict, Invalid, NoRunner, NotFound
from app.execution import run_outputs
from app.pacing import Pace, unhurried
from app.query import Comparison, Every, Order, Query
from app.query.predicate import predicate, sort, sort_key
from app.runner import clocks
from app.runner.stored_runs import TABLE, StoredRuns, is_alive
from app.schemas import svcrun, svctask
from app.storage import Document, NextId, Store, document_in
from app.svcscripts import Script, Svcscripts

NEWEST_FIRST = (Order(svcrun.FIELDS.order("slot"), descending=True),)

TRIES = 8
"""How often a list is read anew because the history has changed meanwhile."""

HAS_ENDED = "the run has ended"

_BY_TASK = svcrun.FIELDS.one("svctask")


class RunPage(NamedTuple):
    """The runs that a query asks for, and the matches in all."""

    runs: Sequence[Document]
    total: int


class Runs:
    """What people can do with runs.

    ``folder`` has their outputs; ``site`` is where those start that are wanted.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        scripts: Svcscripts,
        folder: Path,
        site: str,
    ) -> None:
        self._store = store
        self._stored = StoredRuns(store)
        self._clock = clock
        self._wanting = Lock()
        self._svcscripts = scripts
        self._folder = folder
        self._site = site

    def page(self, query: Query, pace: Pace = unhurried) -> RunPage:
        """Return the runs that ``query`` asks for; raises what ``pace`` does."""
        query = replace(query, order=query.order or NEWEST_FIRST, counted=None)
        for _ in range(TRIES):
            version = self._store.version(TABLE)
            unended = _asked_for(self._unended(), query)
            first = max(0, query.offset - len(unended))
            # All that ended runs can be of the page.
            limit = query.limit and query.limit + query.offset - first + len(unended)
            part = replace(query, offset=first, limit=limit)
            page = self._store.find(TABLE, part, pace)
            if self._store.version(TABLE) == version:
                break
        ended = [record.document for record in page.records]
        runs = _merged(ended, unended, query.order)
        start = query.offset - first
        stop = None if query.limit is None else start + query.limit
        return RunPage(list(islice(runs, start, stop)), page.total + len(unended))

    def page_of(self, task: str, query: Query, pace: Pace = unhurried) -> RunPage:
        """Return those of a task, also of one that was deleted; raises NotFound."""
        task = task.lower()
        of_task = Comparison(_BY_TASK, "$eq", _BY_TASK.type.comparison_key(task))
        where = of_task if query.where is None else Every((of_task, query.where))
        page = self.page(replace(query, where=where), pace)
        if not page.total and not self.page(Query(of_task, limit=0)).total:
            self._store.get(svctask.NAME, task)
        return page

    def get(self, id_: str) -> Document:
        """Return a run, active or ended; raises NotFound."""
        id_ = id_.lower()
        if (found := self._stored.found(id_)) is not None:
            return found
        for run in self._active():
            if run["id"] == id_:
                return run
        # It may have ended between the two looks.
        return self._store.get(TABLE, id_).document

    def output(self, id_: str) -> bytes:
        """Return what a run has printed so far, as far as it is kept; raises NotFound."""
        run = self.get(id_)
        content = run_outputs.read(run_outputs.file_of(self._folder, run["id"]))
        if content is None:
            host = run.get("node", "").partition("/")[0]
            where = f" here; it ran on {host}" if host else ""
            raise NotFound(f"there is no output of this run{where}")
        return content

    def want(self, task: str, body: Any) -> Document:
        """Have a run of a task started now, whatever its schedule is, and return it.

        Raises NotFound, Invalid, Conflict, and NoRunner.
        """
        id_ = svcrun.wanted(body).get("id") or str(uuid4())
        document = self._store.get(svctask.NAME, task.lower()).document
        now = milliseconds(self._clock())
        # Without a timing, so that a runner arms it by what runners have looked at.
        clock = {**clocks.new(document, self._site, now, now), "timing": ""}
        wanted = {"id": id_, "cause": "manual", "asked": now}
        return self._wanted(clock, document, wanted)

    def want_script(self, script: Script, id_: str, parameters: Document) -> Document:
        """Want a run of a script now, for no task; raises Conflict and NoRunner."""
        now = milliseconds(self._clock())
        clock = clocks.of_script(script.code, script.name, self._site, now)
        wanted = {"id": id_, "cause": "manual", "asked": now, "startparams": parameters}
        return self._wanted(clock, clock["task"], wanted)

    def stop(self, id_: str) -> Document:
        """Have a run stopped that is active, or wanted; raises NotFound and Conflict."""
        id_ = id_.lower()
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

    # The platform's own three, in its words: an instance is a run that has not ended.

    def runtimes(self, query: Query) -> RunPage:
        """Return the instances that ``query`` asks for; without an order, newest first."""
        runs = _asked_for(self._unended(), Query(order=NEWEST_FIRST))
        found = [_runtime(run) for run in runs]
        if query.order:
            # What that leaves equal is in the order of creation, as in each list.
            found.reverse()
        found = _asked_for(found, query)
        stop = None if query.limit is None else query.offset + query.limit
        return RunPage(found[query.offset : stop], len(found))

    def start_runtime(self, body: Any) -> Document:
        """Start a script by its code, for no task.

        Raises Invalid, Conflict and NoRunner.
        """
        code, parameters = svcrun.runtime(body)
        try:
            script = self._svcscripts.get(code)
        except NotFound as error:
            raise Invalid.of({"code": [error.message]}) from None
        return _runtime(self.want_script(script, str(uuid4()), parameters))

    def stop_runtime(self, id_: str) -> None:
        """Stop an instance; raises NotFound if it is not running."""
        try:
            self.stop(id_)
        except Conflict as error:
            raise NotFound(error.message) from None

    def _unended(self) -> list[Document]:
        """Return the runs that are not in the history yet."""
        return [
            run
            for run in self._active()
            if document_in(self._store, TABLE, run["id"]) is None
        ]

    def _active(self) -> list[Document]:
        """Return the runs that are active, and those that are wanted."""
        return [
            run
            for record in self._stored.busy()
            for run in self._unended_in(record.document)
        ]

    def _unended_in(self, clock: Document) -> list[Document]:
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

    def _withdrawn(self, clock: Document, record: Document) -> Document:
        """Put the record of a run that was never started into the history."""
        record = self._stored.record(record)
        self._store.update(
            svcrun.CLOCKS,
            clock["id"],
            lambda old, _: clocks.marked(clocks.without_recorded(old, [record])),
        )
        return record


def _runtime(run: Document) -> Document:
    return {
        "id": run["id"],
        "site": run["site"],
        "node": run.get("node", ""),
        "domain": "",
        "type": "svc",
        "code": run["code"],
    }


def _asked_for(runs: Sequence[Document], query: Query) -> list[Document]:
    """Return those of the runs that match a query, in its order if it has one."""
    matches = None if query.where is None else predicate(query.where)
    found = [run for run in runs if matches is None or matches(run)]
    if query.order:
        if query.order[-1].descending:
            found.reverse()
        sort(found, query.order, sort_key(query.order))
    return found


def _merged(
    ended: Sequence[Document], unended: Sequence[Document], order: tuple[Order, ...]
) -> Sequence[Document]:
    """Return both in their order; of what that leaves equal the unended were added last."""
    if not unended:
        return ended
    parts = (unended, ended) if order[-1].descending else (ended, unended)
    return list(merge(parts[0], parts[1], key=sort_key(order)))
