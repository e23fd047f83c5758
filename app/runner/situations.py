"""Situations: what a decision on a clock goes by, and what prevents a start.

Pure. Runner contract, sections 2 and 4.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from app.datetimes import milliseconds_of
from app.hours import FIRST
from app.runner.clocks import spread
from app.runner.passed_slots import passed
from app.schedules import Schedule, Search
from app.storage import Document
from app.svcscripts import Script

ON_TIME = 5_000
"""Milliseconds after which a start is late; until then its slot decides if it may be."""

MOST_TRIED = 20
"""How many slots that are not permitted are tried, before others are decided on."""

WANTED_FOR = 60_000
"""How long a run that somebody wants waits for a runner."""

HAS_STOPPED = "dtstop had passed before it could be started"
NOT_PERMITTED = "the schedule did not permit a start any more"
CHANGED = "the task was changed"
DELETED = "the task was deleted"


def not_there(code: str) -> str:
    """Return why a task without its script is not started."""
    return f'svcscriptcode "{code}" is not in svcscripts.json'


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision goes by beside the clock and the task.

    ``now`` and ``alive`` are in milliseconds since 1970: the latter is the moment up to
    which runners had looked at the tasks before. Nothing is started unless ``is_open``,
    nor without ``has_room``, and no script whose code is in ``full``: it has as many runs
    as it may. ``recorded`` are records that are in the history by now.
    """

    now: int
    alive: int
    node: str
    runner: str
    schedule_of: Callable[[Document], Schedule]
    policy_of: Callable[[str], Script | None]
    is_ours: Callable[[Document], bool]
    has_room: bool = True
    full: Collection[str] = field(default_factory=tuple)
    is_open: bool = True
    recorded: Collection[Document] = field(default_factory=tuple)

    def has_room_for(self, code: str) -> bool:
        """Return whether one more run of a script may be started."""
        return self.has_room and code not in self.full

    def is_on(self, task: Document, schedule: Schedule) -> bool:
        """Return whether a task starts at all, and here."""
        return schedule.is_enabled and self.is_ours(task)


def obstacle(schedule: Schedule, moment: int) -> str:
    """Return why a task may not start at a moment, if so."""
    if moment > schedule.end:
        return HAS_STOPPED
    hours = schedule.hours
    if hours is not None and hours.permitted_from(moment, moment) is None:
        return NOT_PERMITTED
    return ""


def single_start(schedule: Schedule) -> int | None:
    """Return when a single task is to start, whatever has become of it, if ever."""
    found = next(Search(schedule, FIRST), None)
    return None if found is None else found.start


def refusal(task: Document | None, run: Document, at: Situation) -> str:
    """Return why a claimed run may not be started after all, if so."""
    if task is None:
        return DELETED
    if run["cause"] in ("manual", "onfail"):
        return "" if at.policy_of(run["code"]) else not_there(run["code"])
    if task["svcscriptcode"] != run["code"]:
        return CHANGED
    policy = at.policy_of(run["code"])
    if policy is None:
        return not_there(run["code"])
    schedule, slot = at.schedule_of(task), milliseconds_of(run["slot"])
    if not at.is_on(task, schedule):
        return CHANGED
    start: int | None = slot
    if not schedule.is_regular:
        start = single_start(schedule) if slot == schedule.anchor else None
    elif passed(schedule, slot, slot) is None:
        start = None
    if start is None:
        return CHANGED
    moment = at.now - spread(task, policy)
    return obstacle(schedule, moment) if moment - start > ON_TIME else ""


def due(clock: Document, task: Document | None, at: Situation) -> int | None:
    """Return when there is something to decide next, if ever."""
    moments = [wanted["asked"] + WANTED_FOR + 1 for wanted in clock["wanted"]]
    if clock["retry"]:
        moments.append(clock["retry"]["at"])
    if task is not None and (start := _next_start(clock, task, at)) is not None:
        moments.append(start)
    return min((moment for moment in moments if moment > at.now), default=None)


def _next_start(clock: Document, task: Document, at: Situation) -> int | None:
    """Return when the next start is, or to look for one again, if ever."""
    schedule = at.schedule_of(task)
    if not at.is_on(task, schedule):
        return None
    later = spread(task, at.policy_of(task["svcscriptcode"]))
    begin = at.now - later + 1
    if schedule.is_regular:
        begin = max(clock["slot"] + 1, clock["armed"], begin)
    elif clock["slot"] >= schedule.anchor:
        return None
    else:
        schedule = schedule._replace(begin=max(schedule.begin, begin))
    search = Search(schedule, begin, most=MOST_TRIED)
    found = next(search, None)
    start = search.reached if found is None else found.start
    return None if start is None else start + later
