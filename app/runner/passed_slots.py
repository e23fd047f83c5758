"""Slots that have passed: how many a schedule had in a span of time, and which.

Pure. They are counted by stretches of permitted time, not one by one: after a year without
a runner a task that starts every second has 31 million of them. Runner contract, section 4.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.hours import FIRST
from app.schedules import Schedule


class Slots(NamedTuple):
    """Slots one after the other: the first, the last, and how many they are."""

    first: int
    last: int
    total: int

    def joined(self, following: "Slots") -> "Slots":
        """Return these and those that follow."""
        return Slots(self.first, following.last, self.total + following.total)


class Parted(NamedTuple):
    """Slots in two parts, the earlier and the later ones; each may be absent."""

    earlier: Slots | None
    later: Slots | None


def parted(schedule: Schedule, begin: int, until: int, keep: int) -> Parted:
    """Return the slots from ``begin`` to ``until``, ``keep`` of them as the later ones."""
    found = list(_stretches(schedule, begin, until))
    surplus = sum(slots.total for slots in found) - keep
    earlier: Slots | None = None
    later: Slots | None = None
    for slots in found:
        few = min(max(surplus, 0), slots.total)
        surplus -= few
        if few:
            last = slots.first + (few - 1) * schedule.interval
            earlier = _joined(earlier, Slots(slots.first, last, few))
        if few < slots.total:
            first = slots.first + few * schedule.interval
            later = _joined(later, Slots(first, slots.last, slots.total - few))
    return Parted(earlier, later)


def passed(schedule: Schedule, begin: int, until: int) -> Slots | None:
    """Return the slots of a regular schedule from ``begin`` to ``until``, if any."""
    return parted(schedule, begin, until, 0).earlier


def _joined(slots: Slots | None, following: Slots) -> Slots:
    return following if slots is None else slots.joined(following)


def _stretches(schedule: Schedule, begin: int, until: int) -> Iterator[Slots]:
    """Yield the slots of each stretch of time in which all slots are permitted."""
    moment = max(begin, schedule.begin, FIRST)
    last = min(until, schedule.end)
    # Mostly there is none, and hours need no look.
    if not schedule.interval or schedule.slot_from(moment) > last:
        return
    if schedule.hours is None:
        yield from _within(schedule, moment, last)
        return
    outside = schedule.hours.others()
    while moment <= last:
        opens = schedule.hours.permitted_from(moment, last)
        if opens is None:
            return
        closes = outside.permitted_from(opens, last)
        end = last if closes is None else closes - 1
        yield from _within(schedule, opens, end)
        moment = end + 1


def _within(schedule: Schedule, begin: int, end: int) -> Iterator[Slots]:
    first = schedule.slot_from(begin)
    if first <= end:
        steps = (end - first) // schedule.interval
        yield Slots(first, first + steps * schedule.interval, steps + 1)
