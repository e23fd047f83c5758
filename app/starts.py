"""The use cases of starts: when a task starts next, and why not; the agenda of all tasks.

Nothing is stored. The schedule of each task is kept until the task, the working hours, the
scripts or the sites with runners change, so that an agenda decodes each task once. Runner
contract, sections 2 and 11.
"""

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heapreplace
from typing import Any, NamedTuple

from app import hours
from app.datetimes import Clock, instant, milliseconds, milliseconds_of, of_milliseconds
from app.errors import Invalid
from app.hours import DAY, LAST
from app.pacing import Pace, paced, unhurried
from app.query import Query
from app.runner.outlook import Outlook
from app.runner.sites import IsOurs
from app.schedules import Preview, Schedule, Search, Start, preview
from app.schemas import svctask
from app.storage import Document, Key, Record, Store
from app.svcscripts import TABLE as SVCSCRIPTS
from app.svcscripts import Svcscripts
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
    """A task; its starts are ``later`` than its slots. None: it does not start here."""

    record: Record
    schedule: Schedule | None
    later: int


_Plan = dict[Key, _Planned]


class Starts:
    """The starts of tasks at a site."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        workhours: WorkhoursTable,
        site: str,
        is_ours: IsOurs,
    ) -> None:
        self._store = store
        self._clock = clock
        self._workhours = workhours
        self._scripts = Svcscripts(store)
        self._site = site
        self._is_ours = is_ours
        self._plan: tuple[Hashable, _Plan] = None, {}

    def of_task(self, id_: str, wanted: Wanted) -> Document:
        """Return the next starts of the task ``id_``; raises NotFound and Invalid."""
        task = self._store.get(TABLE, id_.lower()).document
        return self._preview(task, wanted, is_stored=True)

    def of_body(self, body: Any, wanted: Wanted) -> Document:
        """Return the starts that the task in ``body`` would have; raises Invalid."""
        task = svctask.new(body, lambda: _NO_ID, instant(self._clock()))
        return self._preview(task, wanted, is_stored=False)

    def agenda(self, wanted: Wanted, pace: Pace = unhurried) -> Document:
        """Return the starts of all tasks by time, without ``until`` those of a day.

        Raises Invalid, and what ``pace`` does.
        """
        outlook = self._outlook()
        begin, until = _bounds(wanted, outlook.now, DAY)
        workhours = self._workhours.current()
        nexts = []
        for number, task in enumerate(self._planned(workhours, outlook, pace)):
            schedule, later = task.schedule, task.later
            if schedule is None:
                continue
            if schedule.is_regular:
                is_known = not later or begin < outlook.now
            else:
                is_known = schedule.anchor >= outlook.now - later
            first, last = begin - later, until - later
            if not is_known:
                to_come = outlook.to_come(task.record.document, schedule)
                schedule, first = to_come.schedule, max(first, to_come.since)
            if schedule is None or not schedule.may_start(first, last):
                continue
            search = Search(schedule, first, last)
            if (start := next(search, None)) is not None:
                at = start.start + later
                nexts.append((at, number, start.slot, search, task))
        heapify(nexts)
        starts: list[dict[str, Any]] = []
        while nexts and len(starts) < wanted.most:
            at, number, slot, search, task = nexts[0]
            document = task.record.document
            lack = outlook.lack(document["svcscriptcode"])
            shown = _shown(Start(slot, at), workhours)
            shown |= {"svctask": document["id"], "name": document["name"]}
            if lack:
                shown["why"] = lack
            starts.append(shown)
            if (following := next(search, None)) is None:
                heappop(nexts)
            else:
                at = following.start + task.later
                heapreplace(nexts, (at, number, following.slot, search, task))
        found = {**_site(workhours), "starts": starts, "is_more": bool(nexts)}
        if starts and outlook.stop:
            found["why"] = outlook.stop
        return found

    def _preview(self, task: Document, wanted: Wanted, is_stored: bool) -> Document:
        outlook = self._outlook()
        begin, until = _bounds(wanted, outlook.now, LAST)
        workhours = self._workhours.current()
        schedule = Schedule.of(task, workhours.hours_of)
        # The id decides how much later it is; one that is generated is not known yet.
        later = outlook.later(task) if task["id"] != _NO_ID else 0
        first = begin
        found, why = Preview([], ""), ""
        if schedule.is_enabled and not outlook.is_here(task):
            why = f'not at this site (SVCTASKS_SITE is "{self._site}")'
        elif schedule.is_enabled and not (schedule.is_regular and begin < outlook.now):
            to_come = outlook.to_come(task, schedule, is_stored)
            schedule, why = to_come.schedule or schedule, to_come.why
            first = max(first, to_come.since + later)
        if not why:
            found = preview(schedule, first, until, wanted.most, later)
            why = found.why
            if found.starts:
                why = outlook.lack(task["svcscriptcode"]) or outlook.stop or why
        starts = [_shown(start, workhours) for start in found.starts]
        reply = {**_site(workhours), "starts": starts}
        if why:
            reply["why"] = why
        return reply

    def _outlook(self) -> Outlook:
        now = milliseconds(self._clock())
        return Outlook(self._store, self._scripts, self._site, self._is_ours, now)

    def _planned(
        self, workhours: Workhours, outlook: Outlook, pace: Pace
    ) -> Iterator[_Planned]:
        """Yield the plan of each task, in the order of creation."""
        basis = workhours, self._store.version(SVCSCRIPTS), outlook.sites
        known_basis, known = self._plan
        if known_basis != basis:
            known = {}
            # At once: a request that ends early has done a part for the next one.
            self._plan = basis, known
        records = self._store.find(TABLE, Query(), pace).records
        for record in paced(records, pace):
            found = known.get(record.key)
            if found is None or found.record is not record:
                found = known[record.key] = _plan(record, workhours, outlook)
            yield found
        if len(known) > len(records):
            left = {record.key: known[record.key] for record in records}
            self._plan = basis, left


def _plan(record: Record, workhours: Workhours, outlook: Outlook) -> _Planned:
    task = record.document
    if not task["isenabled"] or not outlook.is_here(task):
        return _Planned(record, None, 0)
    schedule = Schedule.of(task, workhours.hours_of)
    return _Planned(record, schedule, outlook.later(task))


def _bounds(wanted: Wanted, now: int, most: int) -> tuple[int, int]:
    """Return the first and the last moment, which are ``most`` apart by default."""
    begin = now if wanted.begin is None else milliseconds_of(wanted.begin)
    if wanted.until is None:
        return begin, min(begin + most, LAST)
    until = milliseconds_of(wanted.until)
    if until < begin:
        raise Invalid.of({"until": ["must not be before from"]})
    return begin, min(until, LAST)


def _site(workhours: Workhours) -> dict[str, Any]:
    return {"zone": workhours.zone.key, "hours": workhours.source}


def _shown(start: Start, workhours: Workhours) -> dict[str, Any]:
    return {
        "slot": of_milliseconds(start.slot),
        "start": of_milliseconds(start.start),
        "local": hours.local(start.start, workhours.zone),
    }
