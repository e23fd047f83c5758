"""The use cases of runs for people: list, get, read the output, run now, stop.

A run is in its clock until it has ended, and in the history from then on. Lists have both,
as if those that have not ended had been added last. Runner contract, sections 8 and 11.
"""

from collections.abc import Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from app.errors import Conflict, Invalid, NotFound
from app.execution import run_outputs
from app.pacing import Pace, unhurried
from app.query import Comparison, Every, Order, Query
from app.query.predicate import predicate, sort, sort_key
from app.runner.stored_runs import TABLE
from app.runner.svcruns import Svcruns
from app.schemas import svcrun, svctask
from app.storage import Document, Store, document_in
from app.svcscripts import Svcscripts

NEWEST_FIRST = (Order(svcrun.FIELDS.order("slot"), descending=True),)

TRIES = 8
"""How often a list is read anew because the history has changed meanwhile."""

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
        svcruns: Svcruns,
        scripts: Svcscripts,
        folder: Path,
        site: str,
    ) -> None:
        self._store = store
        self._svcruns = svcruns
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
        """Return a run; raises NotFound."""
        return self._svcruns.get(id_.lower())

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
        return self._svcruns.want(task, id_, self._site)

    def stop(self, id_: str) -> Document:
        """Have a run stopped that has not ended; raises NotFound and Conflict."""
        return self._svcruns.stop(id_.lower())

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
        run = self._svcruns.want_script(script, str(uuid4()), self._site, parameters)
        return _runtime(run)

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
            for run in self._svcruns.active()
            if document_in(self._store, TABLE, run["id"]) is None
        ]


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
