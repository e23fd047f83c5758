"""Hours against the oracle, minute by minute, in nine zones."""

from datetime import UTC, datetime, timedelta

import pytest
from brute import NIGHT, ZONES, is_permitted
from schedule_draws import BEGIN, END, changes, known, task, workhours

from app import hours
from app.datetimes import milliseconds
from app.hours import DAY, FIRST, LAST, MINUTE, Hours, local, zone

SCHEDULES = [
    task(schedule="work"),
    task(schedule="non-work"),
    task(schedule="individual", periods=NIGHT),
]


def differences(name, schedule, begin, end):
    """Return the minutes in which the program and the oracle differ."""
    document = workhours(name)
    permitted = known(document).hours_of(schedule["schedule"], schedule["periods"])
    moment, found = begin, []
    while moment < end:
        at = milliseconds(moment)
        last = at + MINUTE - 1
        if is_permitted(schedule, document, moment):
            is_right = (
                permitted.permitted_from(at, last) == at
                and permitted.permitted_from(last, last) == last
            )
        else:
            is_right = permitted.permitted_from(at, last) is None
        if not is_right:
            found.append(moment)
        moment += timedelta(minutes=1)
    return found


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda task: task["schedule"])
@pytest.mark.parametrize("name", ZONES)
def test_hours_are_right_in_each_minute_around_changes_of_the_offset(name, schedule):
    """The changes of two years, Apia's missing day, and the days of the week's end."""
    begins = [moment for moment in changes(name) if moment.year in (2011, 2016)]
    begins += [datetime(2011, 12, 31, tzinfo=UTC), datetime(2016, 12, 25, tzinfo=UTC)]
    for begin in begins:
        around = timedelta(days=1)
        assert differences(name, schedule, begin - around, begin + around) == []


@pytest.mark.years
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda task: task["schedule"])
@pytest.mark.parametrize("name", ZONES)
def test_hours_are_right_in_each_minute_of_ten_years(name, schedule):
    assert differences(name, schedule, BEGIN, END) == []


@pytest.mark.parametrize("name", ZONES)
def test_first_permitted_moment_is_the_first_minute_that_is(name):
    """From each change of the offset, with hours of one minute in a week."""
    one = [{"dow": 3, "timestart": 754, "timestop": 755}]
    document, rare = workhours(name), task(schedule="individual", periods=one)
    permitted = known(document).hours_of("individual", one)
    for begin in changes(name)[:4]:
        moment = begin
        while not is_permitted(rare, document, moment):
            moment += timedelta(minutes=1)
        at, first = milliseconds(moment), milliseconds(begin)
        assert permitted.permitted_from(first, first + 8 * DAY) == at
        assert permitted.permitted_from(first, at - 1) is None


def test_hours_that_are_empty_permit_nothing_and_their_others_all():
    never = hours.weekly((), zone("Europe/Berlin"))
    assert never.is_empty and not never.others().is_empty
    assert never.permitted_from(0, 3650 * DAY) is None
    assert never.others().permitted_from(12_345, LAST) == 12_345


def test_periods_that_touch_or_overlap_are_one():
    assert hours.times([(60, 90), (30, 60), (0, 20), (10, 15)]) == (
        (0, 30 * MINUTE),
        (20 * MINUTE, 90 * MINUTE),
    )


@pytest.mark.parametrize("name", ZONES)
def test_first_and_last_moments_have_hours_and_a_local_time(name):
    one = (hours.times([(0, 1440)]),)
    always = Hours(zone(name), one * 7)
    for moment in (FIRST, LAST):
        assert always.permitted_from(moment, moment) == moment
        assert local(moment, zone(name))[4] == "-"


@pytest.mark.parametrize(
    "name", ["Europe/Atlantis", "", "../etc/passwd", "/etc", "a\0"]
)
def test_zone_that_does_not_exist_is_refused(name):
    with pytest.raises(ValueError, match="must be a time zone such as Europe/Berlin"):
        zone(name)
