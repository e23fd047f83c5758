"""Working hours: when ``work`` and ``non-work`` permit a task to start.

No request changes them: they come from an edit of their data file. Those with the name of
the site go before those with the name ``default``; where neither are there, they are from
Monday to Friday, 09:00 to 18:00. Runner contract, section 3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from app import hours
from app.derived import Derived
from app.hours import Hours, Times, week, weekly
from app.schemas import workhours
from app.storage import Document, Store, document_in

TABLE = workhours.NAME
DEFAULT = "default"

_USUAL = week((day, 540, 1080) for day in range(1, 6))


@dataclass(frozen=True, slots=True)
class Workhours:
    """The hours that the field ``schedule`` of a task means at this site.

    ``source`` says, for people, where the hours and the zone come from.
    """

    zone: ZoneInfo
    source: str
    work: Hours
    non_work: Hours

    @classmethod
    def usual(cls, zone: ZoneInfo) -> "Workhours":
        """Return those of a service without a file of working hours."""
        work = Hours(zone, _USUAL)
        source = "Monday to Friday 09:00 to 18:00, zone of SVCTASKS_TIMEZONE"
        return cls(zone, source, work, work.others())

    @classmethod
    def of(cls, document: Document, zone: ZoneInfo) -> "Workhours":
        """Return those of a document; ``zone`` is used where it names none."""
        source = f"{document['name']} in workhours.json"
        if "timezone" in document:
            zone = hours.zone(document["timezone"])
        else:
            source += ", zone of SVCTASKS_TIMEZONE"
        of_week = week(map(_numbers, document["week"]))
        days: dict[date, Times] = {}
        annual: dict[tuple[int, int], Times] = {}
        for day in document["days"]:
            is_on, times = date.fromisoformat(day["date"]), _times(day, of_week)
            if day["isannual"]:
                annual[is_on.month, is_on.day] = times
            else:
                days[is_on] = times
        work = Hours(zone, of_week, days, annual)
        return cls(zone, source, work, work.others())

    def hours_of(
        self, schedule: str, periods: Sequence[Mapping[str, Any]]
    ) -> Hours | None:
        """Return the hours that two fields of a task mean; None: always."""
        if schedule == "all":
            return None
        if schedule == "individual":
            return weekly(tuple(map(_numbers, periods)), self.zone)
        return self.work if schedule == "work" else self.non_work


class WorkhoursTable:
    """The working hours of a site, as the table has them now."""

    def __init__(self, store: Store, site: str, zone: ZoneInfo) -> None:
        self._store = store
        self._site = site
        self._zone = zone
        self._workhours = Derived(store, TABLE, self._found)

    def current(self) -> Workhours:
        """Return the working hours; the same object until they change."""
        return self._workhours.current()

    def _found(self) -> Workhours:
        for name in filter(None, (self._site, DEFAULT)):
            if (document := document_in(self._store, TABLE, name)) is not None:
                return Workhours.of(document, self._zone)
        return Workhours.usual(self._zone)


_numbers = itemgetter("dow", "timestart", "timestop")


def _times(day: Mapping[str, Any], of_week: tuple[Times, ...]) -> Times:
    if "periods" in day:
        return hours.times((of["timestart"], of["timestop"]) for of in day["periods"])
    as_day: int = day["asdow"]
    return of_week[as_day - 1] if as_day else hours.NEVER
