"""The use cases of starts: when a task starts next, and why not; the agenda of all tasks.

Nothing is stored. The schedule of each task is kept until the task or the working hours
change, so that an agenda decodes each task once. Runner contract, sections 2 and 11.
"""

from heapq import heapify, heappop, heapreplace
from typing import Any, NamedTuple

from app import hours
from app.datetimes import Clock, instant, milliseconds, milliseconds_of, of_milliseconds
from app.errors import Invalid
from app.hours import DAY, LAST
from app.pacing import Pace, paced, unhurried
from app.query import Query
from app.schedules import Schedule, Search, Start, preview
from app.schemas import svctask
from app.storage import Document, Key, Store
from app.workhours import Workhours, WorkhoursTable

TABLE = svctask.NAME

_NO_ID = "00000000-0000-0000-0000-000000000000"


class Wanted(NamedTuple):
    """Which starts are asked for: from when, until when, and the ``most`` of them.

    ``begin`` and ``until`` are date-times that were parsed; None: now, and no end.
    """

    begin: str | None
    until: str | None
    most: int


class _Planned(NamedTuple):
    """The schedule of a task in one revision."""

    revision: int
    name: str
    schedule: Schedule


class Starts:
    """The starts of tasks at a site."""

    def __init__(
        self, store: Store, clock: Clock, workhours: WorkhoursTable, site: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._workhours = workhours
        self._site = site
        self._plan: tuple[Workhours | None, dict[Key, _Planned]] = None, {}

    def of_task(self, id_: str, wanted: Wanted) -> Document:
        """Return the next starts of the task ``id_``; raises NotFound and Invalid."""
        return self._preview(self._store.get(TABLE, id_.lower()).document, wanted)

    def of_body(self, body: Any, wanted: Wanted) -> Document:
        """Return the starts that the task in ``body`` would have; raises Invalid."""
        task = svctask.new(body, lambda: _NO_ID, instant(self._clock()))
        return self._preview(task, wanted)

    def agenda(self, wanted: Wanted, pace: Pace = unhurried) -> Document:
        """Return the starts of all tasks by time, without ``until`` those of a day.

        Raises Invalid, and what ``pace`` does.
        """
        begin, until = self._bounds(wanted, DAY)
        workhours = self._workhours.current()
        planned = self._planned(workhours, pace)
        nexts = []
        for number, (_, task) in enumerate(paced(planned, pace)):
            search = Search(task.schedule, begin, until)
            if (found := next(search, None)) is not None:
                nexts.append((found.start, number, found, search))
        heapify(nexts)
        starts: list[dict[str, Any]] = []
        while nexts and len(starts) < wanted.most:
            _, number, found, search = nexts[0]
            id_, task = planned[number]
            named = {"svctask": id_, "name": task.name}
            starts.append({**_shown(found, workhours), **named})
            if (following := next(search, None)) is None:
                heappop(nexts)
            else:
                heapreplace(nexts, (following.start, number, following, search))
        return {**_site(workhours), "starts": starts, "is_more": bool(nexts)}

    def _preview(self, task: Document, wanted: Wanted) -> Document:
        begin, until = self._bounds(wanted, LAST)
        workhours = self._workhours.current()
        schedule = Schedule.of(task, workhours.hours_of, self._site)
        found = preview(schedule, begin, until, wanted.most)
        why = {"why": found.why} if found.why else {}
        starts = [_shown(start, workhours) for start in found.starts]
        return {**_site(workhours), "starts": starts, **why}

    def _bounds(self, wanted: Wanted, most: int) -> tuple[int, int]:
        """Return the first and the last moment, which are ``most`` apart by default."""
        if wanted.begin is None:
            begin = milliseconds(self._clock())
        else:
            begin = milliseconds_of(wanted.begin)
        if wanted.until is None:
            return begin, min(begin + most, LAST)
        until = milliseconds_of(wanted.until)
        if until < begin:
            raise Invalid.of({"until": ["must not be before from"]})
        return begin, min(until, LAST)

    def _planned(self, workhours: Workhours, pace: Pace) -> list[tuple[Key, _Planned]]:
        """Return the plan of each enabled task, in the order of creation."""
        known_hours, known = self._plan
        if known_hours is not workhours:
            known = {}
            # At once: a request that ends early has done a part for the next one.
            self._plan = workhours, known
        records = self._store.find(TABLE, Query(), pace).records
        planned = []
        for record in paced(records, pace):
            found = known.get(record.key)
            if found is None or found.revision != record.revision:
                task = record.document
                schedule = Schedule.of(task, workhours.hours_of, self._site)
                found = _Planned(record.revision, task["name"], schedule)
                known[record.key] = found
            if found.schedule.is_enabled:
                planned.append((record.key, found))
        if len(known) > len(records):
            left = {record.key: known[record.key] for record in records}
            self._plan = workhours, left
        return planned


def _site(workhours: Workhours) -> dict[str, Any]:
    return {"zone": workhours.zone.key, "hours": workhours.source}


def _shown(found: Start, workhours: Workhours) -> dict[str, Any]:
    return {
        "slot": of_milliseconds(found.slot),
        "start": of_milliseconds(found.start),
        "local": hours.local(found.start, workhours.zone),
    }
