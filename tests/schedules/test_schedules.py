"""Slots and starts against the oracle; why there is none."""

from datetime import UTC, datetime, timedelta

import brute
import pytest
from brute import NIGHT, ZONES
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_draws import BEGIN, END, known, moments, task, tasks, text, workhours

from app.datetimes import milliseconds, milliseconds_of
from app.hours import DAY, LAST
from app.schedules import Schedule, Search, preview

NOW = "2026-11-28T12:00:00Z"
BERLIN = workhours("Europe/Berlin")


def starts(one, document, first, last):
    """Return the slots and starts that the program finds, as the oracle has them."""
    schedule = Schedule.of(one, known(document).hours_of)
    search = Search(schedule, milliseconds(first), milliseconds(last))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        tuple(epoch + timedelta(milliseconds=moment) for moment in found)
        for found in search
    ]


def shown(count=10, now=NOW, until=LAST, document=BERLIN, **fields):
    """Return the starts that a preview has, and why there are no more."""
    schedule = Schedule.of(task(**fields), known(document).hours_of)
    found = preview(schedule, milliseconds_of(now), until, count)
    zone = known(document).zone
    local = [
        datetime.fromtimestamp(start // 1000, zone).isoformat()
        for _, start in found.starts
    ]
    return local, found.why


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_starts_are_those_of_the_oracle(data):
    name = data.draw(st.sampled_from(ZONES))
    one = data.draw(tasks(name))
    first = data.draw(moments(name))
    # As many days as have a few hundred slots.
    span = timedelta(seconds=min(300 * max(1, one["intervalsec"]), 30 * 86400))
    document = workhours(name)
    expected = brute.starts(one, document, first, first + span)
    assert starts(one, document, first, first + span) == expected


@pytest.mark.parametrize("schedule", ["work", "non-work", "individual"])
@pytest.mark.parametrize("name", ZONES)
def test_previews_of_a_year_are_the_starts_of_a_simulated_year(name, schedule):
    """Each look of the simulation sees the next start, and time goes on to it."""
    one = task(intervalsec=2400, schedule=schedule, periods=NIGHT)
    document = workhours(name)
    first, last = BEGIN.replace(year=2011, month=9), BEGIN.replace(year=2012, month=9)
    expected = brute.starts(one, document, first, last)
    assert starts(one, document, first, last) == expected and len(expected) > 50
    plan = Schedule.of(one, known(document).hours_of)
    moment, made = milliseconds(first), []
    while (due := next(Search(plan, moment))).start <= milliseconds(last):
        made.append(due.start)
        moment = due.start + 1
    assert made == [milliseconds(start) for _, start in expected]


@pytest.mark.years
@pytest.mark.parametrize("interval", [60, 3601, 86400, 90_061])
@pytest.mark.parametrize("schedule", ["all", "work", "non-work", "individual"])
@pytest.mark.parametrize("name", ZONES)
def test_starts_of_ten_years_are_those_of_the_oracle(name, schedule, interval):
    one = task(intervalsec=interval, schedule=schedule, periods=NIGHT)
    document = workhours(name)
    assert starts(one, document, BEGIN, END) == brute.starts(one, document, BEGIN, END)


def test_hourly_in_berlin_has_each_slot_once_per_pass_of_a_repeated_hour():
    night = [{"dow": 7, "timestart": 60, "timestop": 240}]
    fields = {"schedule": "individual", "periods": night}
    local, _ = shown(4, "2026-10-24T12:00:00Z", **fields)
    assert local == [
        "2026-10-25T01:00:00+02:00",
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]
    local, _ = shown(2, "2026-03-28T12:00:00Z", **fields)
    assert local == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]


def test_3600_without_dtstart_is_on_the_hour():
    local, why = shown(2, "2026-11-28T12:00:01Z")
    assert local == ["2026-11-28T14:00:00+01:00", "2026-11-28T15:00:00+01:00"]
    assert why == ""


def test_daily_interval_moves_by_an_hour_in_local_time_and_a_period_keeps_it():
    local, _ = shown(2, "2026-03-29T00:00:00Z", intervalsec=86400, dtstart=text(BEGIN))
    assert [each[11:16] for each in local] == ["01:00", "02:00"]
    nightly = [{"dow": day, "timestart": 120, "timestop": 135} for day in range(1, 8)]
    local, _ = shown(
        2,
        "2026-10-24T00:00:00Z",
        intervalsec=900,
        schedule="individual",
        periods=nightly,
    )
    assert [each[:16] for each in local] == ["2026-10-24T02:00", "2026-10-25T02:00"]


def test_single_task_starts_when_the_schedule_first_permits():
    single = {"isregular": 0, "dtstart": "2026-11-28T13:00:00.5Z", "schedule": "work"}
    local, why = shown(**single)
    assert local == ["2026-11-30T09:00:00+01:00"]
    assert why == "isregular is 0: it starts once"
    assert shown(dtstop="2026-11-30T07:59:59Z", **single)[0] == []
    assert shown(dtstop="2026-11-30T08:00:00Z", **single)[0] == local


NO_START = [
    ({"isenabled": 0}, "isenabled is 0"),
    ({"intervalsec": 0}, "intervalsec is 0"),
    ({"dtstop": "2020-01-01T00:00:00Z"}, "dtstop has passed"),
    (
        {"dtstart": "2030-01-01T00:00:00Z", "dtstop": "2029-01-01T00:00:00Z"},
        "dtstart is after dtstop",
    ),
    (
        {"schedule": "individual"},
        "the schedule permits no slot before 2031-11-28",
    ),
    (
        # Each slot is at midnight.
        {
            "schedule": "individual",
            "intervalsec": 86400,
            "periods": [{"dow": 1, "timestart": 120, "timestop": 180}],
            "dtstart": "2027-01-01T12:00:00Z",
        },
        "the schedule permits no slot before 2032-01-01",
    ),
    (
        {"isregular": 0, "schedule": "individual", "dtstart": NOW},
        "the schedule permits no slot before 2031-11-28",
    ),
    (
        {"isregular": 0, "dtstart": "2026-11-28T11:00:00Z"},
        "isregular is 0, and its start, 2026-11-28T11:00:00.000Z, has passed",
    ),
    (
        {"intervalsec": 2**63 - 1, "dtstart": "2026-01-01T00:00:00Z"},
        "there is no slot up to the year 9999",
    ),
    (
        {"intervalsec": 86400, "dtstop": "2026-11-28T23:00:00Z"},
        "there is no slot up to dtstop",
    ),
]


@pytest.mark.parametrize("fields, why", NO_START)
def test_preview_says_why_there_is_no_start(fields, why):
    assert shown(**fields) == ([], why)


def test_preview_says_why_there_are_fewer_starts_than_were_asked_for():
    local, why = shown(intervalsec=86400, dtstop="2026-11-30T00:00:00Z")
    assert len(local) == 2 and why == "there is no further slot up to dtstop"
    until = milliseconds_of("2026-11-30T12:00:00Z")
    local, why = shown(intervalsec=86400, until=until)
    assert len(local) == 2
    assert why == "there is no further slot up to 2026-11-30T12:00:00.000Z"


def test_search_gives_up_when_it_has_tried_fifty_thousand_slots():
    """Each second minute is permitted, and each slot is in one of the others."""
    odd = [
        {"dow": day, "timestart": minute, "timestop": minute + 1}
        for day in range(1, 8)
        for minute in range(1, 1440, 2)
    ]
    local, why = shown(schedule="individual", periods=odd, intervalsec=120)
    assert local == []
    # 50,000 times two minutes, and the first.
    assert why == "the schedule permits no slot before 2027-02-05"


def test_fractions_finer_than_milliseconds_are_cut_off():
    schedule = Schedule.of(
        task(dtstart="2026-11-28T12:00:00.0009Z", dtstop="2026-11-28T12:00:00.0019Z"),
        known(BERLIN).hours_of,
    )
    noon = milliseconds_of(NOW)
    assert list(Search(schedule, noon - DAY)) == [(noon, noon)]
