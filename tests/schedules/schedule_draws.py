"""Tasks and moments, drawn around the hours at which the nine zones change."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from brute import DAYS, NIGHT, WEEK, YEARS, offset_changes
from hypothesis import strategies as st

from app.hours import zone
from app.schemas.workhours import loaded
from app.workhours import Workhours

BEGIN = datetime(YEARS[0], 1, 1, tzinfo=UTC)
END = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)


@cache
def changes(name):
    """Return the hours of the ten years in which the offset of a zone changes."""
    return offset_changes(ZoneInfo(name), BEGIN, END)


def workhours(name, week=WEEK, days=DAYS):
    """Return working hours in a zone, as a person writes them."""
    return {"name": "default", "timezone": name, "week": week, "days": days}


def known(document):
    """Return working hours as the program has them."""
    return Workhours.of(loaded(document, 1, ""), zone("UTC"))


def task(**fields):
    """Return a task that is enabled, as far as its times go."""
    return {
        "isenabled": 1,
        "isregular": 1,
        "intervalsec": 3600,
        "dtstart": "",
        "dtstop": "",
        "schedule": "all",
        "periods": [],
        "ext": {"ct": "2010-01-01T00:00:00.00Z"},
    } | fields


def text(moment):
    """Return a moment as tasks have it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@st.composite
def moments(draw, name):
    """Draw a moment, mostly near one at which the offset of the zone changes."""
    near = [*changes(name), datetime(2011, 12, 30, 10, tzinfo=UTC), BEGIN]
    shift = st.integers(-3 * 86400, 3 * 86400)
    return draw(st.sampled_from(near)) + timedelta(seconds=draw(shift))


@st.composite
def periods(draw):
    """Draw a period of a weekday."""
    start = draw(st.integers(0, 1439))
    stop = draw(st.integers(start + 1, 1440))
    return {"dow": draw(st.integers(1, 7)), "timestart": start, "timestop": stop}


@st.composite
def tasks(draw, name):
    """Draw a task that starts or stops near the moments of ``moments``."""
    dates = st.just("") | moments(name).map(text)
    intervals = st.integers(1, 400_000) | st.sampled_from([60, 900, 3600, 86400])
    return task(
        isenabled=draw(st.sampled_from([1, 1, 1, 1, 0])),
        isregular=draw(st.sampled_from([1, 1, 0])),
        intervalsec=draw(st.sampled_from([0, 1]) | intervals),
        dtstart=draw(dates),
        dtstop=draw(dates),
        schedule=draw(st.sampled_from(["all", "work", "non-work", "individual"])),
        periods=draw(st.lists(periods(), max_size=4) | st.just(NIGHT)),
    )
