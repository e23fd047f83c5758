"""Slots are counted by stretches; one by one, they are the same."""

from brute import ZONES
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_draws import known, moments, tasks, workhours

from app.datetimes import milliseconds
from app.hours import DAY
from app.runner.passed_slots import Slots, parted
from app.schedules import Schedule, Search


@settings(deadline=None)
@given(data=st.data(), keep=st.sampled_from([0, 1, 3]))
def test_slots_are_counted_as_if_one_by_one(data, keep):
    name = data.draw(st.sampled_from(ZONES))
    document = data.draw(tasks(name))
    begin = milliseconds(data.draw(moments(name)))
    until = begin + data.draw(st.integers(0, 2 * DAY))
    hours_of = known(workhours(name)).hours_of
    schedule = Schedule.of(
        {**document, "isenabled": 1, "isregular": 1, "intervalsec": 1800}, hours_of
    )
    slots = [start.slot for start in Search(schedule, begin, until)]
    cut = max(0, len(slots) - keep)
    expected = [
        Slots(part[0], part[-1], len(part)) if part else None
        for part in (slots[:cut], slots[cut:])
    ]
    assert list(parted(schedule, begin, until, keep)) == expected
