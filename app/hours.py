"""Hours: at which moments the wall clock of a zone permits a start.

Pure. A moment is an integer, the milliseconds since 1970 in UTC, from ``FIRST`` to
``LAST``; a time of day is in milliseconds since midnight of the local day. The time line of
a zone is cut into stretches of one offset; within a stretch, local time is the moment plus
the offset, and all else is integers. So a repeated hour is there once per pass, a skipped
hour never, and no rule for daylight saving is needed. Runner contract, section 2.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.datetimes import EPOCH, milliseconds

MINUTE = 60_000
DAY = 1440 * MINUTE

FIRST = milliseconds(datetime(1, 1, 2, tzinfo=EPOCH.tzinfo))
"""The first moment that has a local time in every zone."""

LAST = milliseconds(datetime(9999, 12, 31, tzinfo=EPOCH.tzinfo)) - 1
"""The last moment that has a local time in every zone."""

_CHUNK = 32 * DAY
_PROBE = 6 * 60 * MINUTE
_EPOCH_DAY = EPOCH.toordinal()

MAX_SHARED = 28
"""How many periods the hours may have that tasks with the same ones share."""

Times = tuple[tuple[int, ...], tuple[int, ...]]
"""The periods of a day, apart and in order: their starts, and their ends."""

NEVER: Times = ((), ())


def zone(name: str) -> ZoneInfo:
    """Return the zone with the ``name``; raises ValueError, its text after that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError("must be a time zone such as Europe/Berlin") from None


def times(periods: Iterable[tuple[int, int]]) -> Times:
    """Return the union of periods, each the minutes of its start and of its end."""
    starts: list[int] = []
    stops: list[int] = []
    for start, stop in sorted(periods):
        if stops and start * MINUTE <= stops[-1]:
            stops[-1] = max(stops[-1], stop * MINUTE)
        else:
            starts.append(start * MINUTE)
            stops.append(stop * MINUTE)
    return tuple(starts), tuple(stops)


def others(day: Times) -> Times:
    """Return all times of a day but those of ``day``."""
    gaps = zip((0, *day[1]), (*day[0], DAY), strict=True)
    found = [(start, stop) for start, stop in gaps if start < stop]
    return tuple(start for start, _ in found), tuple(stop for _, stop in found)


def week(periods: Iterable[tuple[int, int, int]]) -> tuple[Times, ...]:
    """Return the times of each weekday, of periods: day, start and end in minutes."""
    of_day: dict[int, list[tuple[int, int]]] = {}
    for day, start, stop in periods:
        of_day.setdefault(day, []).append((start, stop))
    return tuple(times(of_day.get(day, ())) for day in range(1, 8))


@dataclass(frozen=True, slots=True)
class Hours:
    """The times of each day of the week, the first Monday, in a zone.

    ``days`` and ``annual``, by month and day, have other times than their weekday has.
    Hours that are empty permit no moment.
    """

    zone: ZoneInfo
    week: tuple[Times, ...]
    days: Mapping[date, Times] = field(default_factory=dict)
    annual: Mapping[tuple[int, int], Times] = field(default_factory=dict)
    is_empty: bool = field(init=False)

    def __post_init__(self) -> None:
        days = (*self.week, *self.days.values(), *self.annual.values())
        object.__setattr__(self, "is_empty", all(day == NEVER for day in days))

    def others(self) -> "Hours":
        """Return the hours that are not these."""
        return Hours(
            self.zone,
            tuple(map(others, self.week)),
            {day: others(of_day) for day, of_day in self.days.items()},
            {day: others(of_day) for day, of_day in self.annual.items()},
        )

    def permitted_from(self, moment: int, last: int) -> int | None:
        """Return the first permitted moment from ``moment`` to ``last``, if any."""
        while moment <= last:
            end, offset = _stretch(self.zone, moment)
            day, time = divmod(moment + offset, DAY)
            starts, stops = self._times(day)
            place = bisect_right(stops, time)
            if place < len(stops):
                found = moment + max(0, starts[place] - time)
                if found < end:
                    return found if found <= last else None
            moment = min(moment - time + DAY, end)
        return None

    def _times(self, day: int) -> Times:
        """Return the times of a local day, counted from 1970."""
        if self.days or self.annual:
            local = date.fromordinal(day + _EPOCH_DAY)
            annual = self.annual.get((local.month, local.day))
            found = self.days.get(local, annual)
            if found is not None:
                return found
        # 1970 began on a Thursday.
        return self.week[(day + 3) % 7]


def weekly(periods: tuple[tuple[int, int, int], ...], zone: ZoneInfo) -> Hours:
    """Return the hours that are these periods in each week."""
    # Clients choose how many there are: a long list is not kept.
    if len(periods) > MAX_SHARED:
        return Hours(zone, week(periods))
    return _shared(periods, zone)


@lru_cache(maxsize=512)
def _shared(periods: tuple[tuple[int, int, int], ...], zone: ZoneInfo) -> Hours:
    return Hours(zone, week(periods))


def local(moment: int, zone: ZoneInfo) -> str:
    """Return the local time, with milliseconds and the offset."""
    at = EPOCH + timedelta(milliseconds=moment)
    return at.astimezone(zone).isoformat(timespec="milliseconds")


def _stretch(zone: ZoneInfo, moment: int) -> tuple[int, int]:
    """Return until when the offset is that of ``moment``, at least, and that offset."""
    ends, offsets = _stretches(zone, moment // _CHUNK)
    place = bisect_right(ends, moment)
    return ends[place], offsets[place]


@lru_cache(maxsize=1 << 12)
def _stretches(zone: ZoneInfo, chunk: int) -> tuple[list[int], list[int]]:
    """Return the ends and the offsets of the stretches in a chunk of time.

    No zone has an offset for less than the time between two probes.
    """
    ends, offsets = [], []
    moment, end = chunk * _CHUNK, (chunk + 1) * _CHUNK
    offset = _offset(zone, moment)
    while moment < end:
        probe = moment + _PROBE
        if (after := _offset(zone, probe)) != offset:
            first, last = moment, probe
            while last - first > 1:
                middle = (first + last) // 2
                if _offset(zone, middle) == offset:
                    first = middle
                else:
                    last = middle
            if last == end:
                break
            ends.append(last)
            offsets.append(offset)
            offset = after
        moment = probe
    return [*ends, end], [*offsets, offset]


def _offset(zone: ZoneInfo, moment: int) -> int:
    bounded = min(max(moment, FIRST), LAST)
    at = EPOCH + timedelta(milliseconds=bounded)
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)
