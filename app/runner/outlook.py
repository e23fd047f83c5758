"""The outlook of tasks: what runners make of one as things are, beside its schedule.

A preview has it from the very functions by which runners decide. Everything is looked up by
its key, but the runners, which are few. Runner contract, sections 4, 6, 10 and 11.
"""

from typing import NamedTuple

from app.hours import FIRST
from app.modes import MAINTENANCE, Modes
from app.query import suggestion
from app.runner import clocks
from app.runner.sites import IsOurs
from app.runner.situations import not_there
from app.runner.stored_runs import TABLE, is_alive
from app.schedules import Schedule
from app.schemas import svcrun
from app.storage import Document, Store, document_in
from app.svcscripts import Script, Svcscripts

NO_RUNNER = "no runner is alive"
IN_MAINTENANCE = "the server is in maintenance"


class ToCome(NamedTuple):
    """The schedule of what is still to start; None, and ``why``, if nothing is.

    The slots from ``since`` on count.
    """

    schedule: Schedule | None
    since: int = FIRST
    why: str = ""


class Outlook:
    """What runners make of tasks at the moment ``now``, in milliseconds since 1970.

    ``stop`` says why nothing at all is started now, if so.
    """

    def __init__(
        self,
        store: Store,
        scripts: Svcscripts,
        site: str,
        is_ours: IsOurs,
        now: int,
    ) -> None:
        self.now = now
        runners = [record.document for record in store.scan(svcrun.RUNNERS)]
        living = [runner for runner in runners if is_alive(runner, now)]
        looks: list[int | None] = [runner["looked"] for runner in runners]
        self.stop = "" if living else NO_RUNNER
        if Modes(store).current() == MAINTENANCE:
            self.stop = IN_MAINTENANCE
        self.sites = frozenset(runner["site"] for runner in living)
        self._looked = max((look for look in looks if look is not None), default=None)
        self._store = store
        self._scripts = scripts
        self._site = site
        self._is_ours = is_ours
        self._policies: dict[str, Script | None] = {}
        self._lacks: dict[str, str] = {}
        self._codes: list[str] | None = None

    def is_here(self, task: Document) -> bool:
        """Return whether a task starts at this site."""
        return not self._site or self._is_ours(task, self.sites)

    def later(self, task: Document) -> int:
        """Return how many milliseconds the starts of a task are later than its slots."""
        return clocks.spread(task, self._policy(task["svcscriptcode"]))

    def lack(self, code: str) -> str:
        """Return why the script with a code cannot be started, if so: it is not there."""
        if self._policy(code) is not None:
            return ""
        if code not in self._lacks:
            if self._codes is None:
                self._codes = [script.code for script in self._scripts.all()]
            self._lacks[code] = not_there(code) + suggestion(code, self._codes)
        return self._lacks[code]

    def to_come(
        self, task: Document, schedule: Schedule, is_stored: bool = True
    ) -> ToCome:
        """Return what is still to start, from now on, of a task that is enabled.

        A single task that is due and was not started is started as soon as it may be; so
        is one that is not stored yet.
        """
        clock = self._clock(task) if is_stored else None
        if schedule.is_regular:
            # Nothing is repeated, and nothing made up for that was due before.
            since = max(clock["slot"] + 1, clock["armed"]) if clock else self.now
            return ToCome(schedule, since)
        if clock is not None and clock["slot"] >= schedule.anchor:
            return ToCome(None, why=self._became(clock, schedule.anchor))
        is_due = clock is not None or not is_stored or self._is_due(task, schedule)
        if not is_due:
            return ToCome(schedule)
        begin = max(schedule.begin, self.now - self.later(task))
        return ToCome(schedule._replace(begin=begin))

    def _is_due(self, task: Document, schedule: Schedule) -> bool:
        """Return whether a runner that sees a single task for the first time starts it."""
        if self._looked is None:
            return False
        return schedule.anchor >= self._looked or clocks.is_recent(task, self._looked)

    def _became(self, clock: Document, slot: int) -> str:
        """Return what became of a slot that was consumed, as far as it is known."""
        of_clock = {run["id"]: run for run in (*clock["active"], *clock["unrecorded"])}
        for what in (1, "missed", "skipped"):
            id_ = clocks.run_id(clock["svctask"], clock["site"], slot, what)
            run = of_clock.get(id_) or document_in(self._store, TABLE, id_)
            if run is not None and what == 1:
                return f"started already (run {id_})"
            if run is not None:
                return f"its start was {what}: {run['reason']}"
        return "started already"

    def _policy(self, code: str) -> Script | None:
        if code not in self._policies:
            self._policies[code] = self._scripts.find(code)
        return self._policies[code]

    def _clock(self, task: Document) -> Document | None:
        key = clocks.clock_id(task, self._site)
        return document_in(self._store, svcrun.CLOCKS, key)
