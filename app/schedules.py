"""Schedules: the slots of a task, when each is started, and why there is no start.

Pure: the one function behind previews, the plan of a runner and the oracle of the tests.
A slot is a moment at which a task is to start, as in ``app.hours`` an integer of
milliseconds: what a date-time has of finer parts is cut off. Runner contract, section 2.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from app.datetimes import milliseconds_of, of_milliseconds
from app.hours import DAY, FIRST, LAST, Hours

HORIZON = 1826 * DAY
"""How far a search goes for a slot that is permitted: five years."""

MAX_TRIED = 50_000
"""How many slots one search tries that are not permitted."""

HoursOf = Callable[[str, Sequence[Mapping[str, Any]]], Hours | None]
"""Returns the hours that the fields ``schedule`` and ``periods`` mean; None: always."""


class Start(NamedTuple):
    """A slot, and the moment at which it is started."""

    slot: int
    start: int


class Schedule(NamedTuple):
    """What decides when a task starts, which it does not while it is disabled.

    A regular task starts every ``interval`` milliseconds, counted from ``anchor``, from
    ``begin`` to ``end``; another one once, at ``anchor`` or when ``hours`` first permit.
    """

    is_enabled: bool
    is_regular: bool
    interval: int
    anchor: int
    begin: int
    end: int
    hours: Hours | None

    @classmethod
    def of(cls, task: Mapping[str, Any], hours_of: HoursOf) -> "Schedule":
        """Return the schedule of a complete task."""
        start, stop = task["dtstart"], task["dtstop"]
        is_regular = bool(task["isregular"])
        if start:
            begin = anchor = milliseconds_of(start)
        elif is_regular:
            anchor, begin = 0, FIRST
        else:
            begin = anchor = milliseconds_of(task["ext"]["ct"])
        return cls(
            is_enabled=bool(task["isenabled"]),
            is_regular=is_regular,
            interval=task["intervalsec"] * 1000,
            anchor=anchor,
            begin=max(begin, FIRST),
            end=min(milliseconds_of(stop), LAST) if stop else LAST,
            hours=hours_of(task["schedule"], task["periods"]),
        )

    def slot_from(self, moment: int) -> int:
        """Return the first slot from ``moment`` on, permitted or not, of a regular task."""
        return moment + (self.anchor - moment) % self.interval

    def may_start(self, moment: int, until: int) -> bool:
        """Return False if there is no start from ``moment`` to ``until``, at a glance."""
        last = min(until, self.end)
        begin = max(moment, self.begin)
        if not self.is_enabled or begin > last:
            return False
        if not self.is_regular:
            return True
        return bool(self.interval) and self.slot_from(begin) <= last


class Search(Iterator[Start]):
    """The starts of a schedule from ``moment`` to ``until``, in order.

    Where it gives up, ``reached`` is the moment before which there is no further start.
    It tries ``most`` slots that are not permitted.
    """

    def __init__(
        self,
        schedule: Schedule,
        moment: int,
        until: int = LAST,
        most: int = MAX_TRIED,
    ) -> None:
        self._schedule = schedule
        self._moment = max(moment, FIRST)
        self._last = min(until, schedule.end)
        self._left = most
        self.reached: int | None = None

    def __next__(self) -> Start:
        schedule = self._schedule
        if not schedule.is_enabled or self._moment > self._last:
            raise StopIteration
        found = self._regular() if schedule.is_regular else self._single()
        if found is None:
            self._moment = self._last + 1
            raise StopIteration
        self._moment = found.start + 1 if schedule.is_regular else self._last + 1
        return found

    def _regular(self) -> Start | None:
        schedule = self._schedule
        if not schedule.interval:
            return None
        slot = schedule.slot_from(max(self._moment, schedule.begin))
        hours = schedule.hours
        if hours is None:
            return Start(slot, slot) if slot <= self._last else None
        if hours.is_empty:
            self._give_up(slot)
            return None
        first, horizon = slot, min(self._last, slot + HORIZON)
        while slot <= horizon:
            permitted = hours.permitted_from(slot, horizon)
            if permitted == slot:
                return Start(slot, slot)
            if permitted is None:
                break
            slot = schedule.slot_from(permitted)
            self._left -= 1
            if not self._left:
                self.reached = min(slot, LAST)
                return None
        self._give_up(first)
        return None

    def _single(self) -> Start | None:
        schedule = self._schedule
        slot, hours = schedule.anchor, schedule.hours
        start: int | None = schedule.begin
        if hours is not None:
            horizon = min(self._last, schedule.begin + HORIZON)
            if hours.is_empty:
                start = None
            else:
                start = hours.permitted_from(schedule.begin, horizon)
            if start is None:
                self._give_up(schedule.begin)
        if start is None or not self._moment <= start <= self._last:
            return None
        return Start(slot, start)

    def _give_up(self, moment: int) -> None:
        """Note that a search from ``moment`` found nothing before its horizon."""
        if moment + HORIZON < self._last:
            self.reached = moment + HORIZON


class Preview(NamedTuple):
    """The next starts of a task; ``why``, where there are fewer than were asked for."""

    starts: Sequence[Start]
    why: str


def preview(
    schedule: Schedule, moment: int, until: int, count: int, later: int = 0
) -> Preview:
    """Return up to ``count`` starts from ``moment`` to ``until``.

    Each is ``later`` than the schedule has it, by so many milliseconds.
    """
    moment -= later
    search = Search(schedule, moment, until - later)
    starts = list(islice(search, count))
    shown = [Start(start.slot, start.start + later) for start in starts]
    if len(starts) == count:
        return Preview(shown, "")
    return Preview(shown, _why(schedule, moment, until, starts, search.reached))


def _why(
    schedule: Schedule,
    moment: int,
    until: int,
    starts: Sequence[Start],
    reached: int | None,
) -> str:
    """Return why a search found ``starts`` and no more."""
    if not schedule.is_enabled:
        return "isenabled is 0"
    if schedule.is_regular and not schedule.interval:
        return "intervalsec is 0"
    if schedule.end < moment:
        return "dtstop has passed"
    if schedule.begin > schedule.end:
        return "dtstart is after dtstop"
    if not schedule.is_regular:
        if starts:
            return "isregular is 0: it starts once"
        if before := next(Search(schedule, FIRST, moment), None):
            start = of_milliseconds(before.start)
            return f"isregular is 0, and its start, {start}, has passed"
    if reached is not None:
        return f"the schedule permits no slot before {of_milliseconds(reached)[:10]}"
    more = "no further slot" if starts else "no slot"
    if until < schedule.end:
        return f"there is {more} up to {of_milliseconds(until)}"
    if schedule.end < LAST:
        return f"there is {more} up to dtstop"
    return f"there is {more} up to the year 9999"
