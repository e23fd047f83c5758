"""The rules of working hours, as a person writes them into a file."""

import pytest

from app.errors import Invalid
from app.schemas.workhours import loaded

PERIOD = {"timestart": 540, "timestop": 720}
HOURS = {
    "name": "default",
    "timezone": "Europe/Berlin",
    "week": [{"dow": 1, **PERIOD}],
    "days": [
        {"date": "2026-12-25", "isannual": 1, "asdow": 0},
        {"date": "2026-12-24", "isannual": 0, "periods": [PERIOD]},
    ],
}


def read(raw):
    return loaded(raw, 7, "2019-08-26T12:09:03Z")


def test_complete_working_hours_are_loaded_as_themselves():
    assert read(HOURS) == HOURS


def test_zone_and_days_may_be_left_out():
    assert read({"name": "a", "week": []}) == {"name": "a", "week": [], "days": []}


def day(**fields):
    return [{"date": "2026-12-25", **fields}]


TWICE = day(isannual=1, asdow=0) + [{"date": "2020-12-25", "isannual": 1, "asdow": 1}]
REFUSED = [
    ("name", "", "name", "must not be empty"),
    (
        "timezone",
        "Mars",
        "timezone",
        'must be a time zone such as Europe/Berlin, not "Mars"',
    ),
    (
        "timezone",
        "../UTC",
        "timezone",
        'must be a time zone such as Europe/Berlin, not "../UTC"',
    ),
    ("week", None, "week", "must not be null"),
    ("week", [PERIOD], "week.0.dow", "is required"),
    ("week", [{"dow": 8, **PERIOD}], "week.0.dow", "must be from 1 to 7"),
    ("week", [{"dow": 1, **PERIOD, "x": 1}], "week.0.x", "not a member of a period"),
    ("week", [{"dow": 1, "timestart": 5, "timestop": 5}], "week.0.timestop", "greater"),
    ("days", day(), "days.0.asdow", "must be there, or else periods"),
    ("days", day(asdow=0, periods=[]), "days.0.asdow", "must be there, or else"),
    ("days", day(asdow=8), "days.0.asdow", "must be 0 for a day off, or from 1 to 7"),
    ("days", [{"date": "2026-02-30", "asdow": 0}], "days.0.date", "that exists"),
    ("days", [{"asdow": 0}], "days.0.date", "is required"),
    ("days", day(asdow=0) * 2, "days.1.date", "is that of day 0"),
    ("days", TWICE, "days.1.date", "is that of day 0"),
    ("weeks", [], "weeks", 'not a member of working hours (did you mean "week"?)'),
]


@pytest.mark.parametrize("field, value, place, fault", REFUSED)
def test_fault_is_refused_with_its_place(field, value, place, fault):
    with pytest.raises(Invalid) as caught:
        read(HOURS | {field: value})
    assert fault in caught.value.faults[place][0]


def test_what_is_no_object_is_refused():
    with pytest.raises(Invalid, match="working hours must be a JSON object"):
        read([])
