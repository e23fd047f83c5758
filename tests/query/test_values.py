"""The kinds of values: what is read, what is refused, and how keys compare."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.datetimes import instant
from app.query.values import (
    ABSENT,
    ANY,
    ARRAY,
    DATE,
    ID,
    INTBOOL,
    INTEGER,
    NAMES,
    OBJECT,
    PRESENCE,
    TEXT,
)

ACCEPTED = [
    (TEXT, "", ""),
    (TEXT, " a ", " a "),
    (
        ID,
        "380DAAE6-016C-cdd4-606e-50e54938780c",
        "380daae6-016c-cdd4-606e-50e54938780c",
    ),
    (INTEGER, 0, 0),
    (INTEGER, "-12", -12),
    (INTEGER, "007", 7),
    (INTEGER, 2**63 - 1, 2**63 - 1),
    (INTEGER, str(-(2**63)), -(2**63)),
    (INTEGER, 60.0, 60),
    (INTEGER, -0.0, 0),
    (INTEGER, -(2.0**53), -(2**53)),
    *((INTBOOL, value, 1) for value in (1, True, "1", "true", 1.0)),
    *((INTBOOL, value, 0) for value in (0, False, "0", "false", 0.0)),
    (DATE, None, ""),
    (DATE, "", ""),
    (DATE, "2019-02-20T08:00:00Z", "2019-02-20T08:00:00Z"),
    (DATE, "2019-02-20t08:00:00z", "2019-02-20T08:00:00Z"),
    (DATE, "2019-02-20T08:00:00+03:00", "2019-02-20T05:00:00Z"),
    (DATE, "2019-02-20T22:00:00.120-03:30", "2019-02-21T01:30:00.120Z"),
    (DATE, "2019-02-20T08:00:00-00:00", "2019-02-20T08:00:00Z"),
    (DATE, "2019-02-20T08:00:00+0000", "2019-02-20T08:00:00Z"),
    (DATE, "2019-02-20T08:00:00.500-0330", "2019-02-20T11:30:00.500Z"),
    (DATE, "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    (DATE, "2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.25Z"),
    (DATE, "2016-12-31T15:59:60-08:00", "2017-01-01T00:00:00Z"),
    (DATE, "2017-01-01T05:29:60+0530", "2017-01-01T00:00:00Z"),
    (DATE, "0999-01-01T00:00:00.1234567890Z", "0999-01-01T00:00:00.1234567890Z"),
    (DATE, "0001-01-01T00:00:00-23:59", "0001-01-01T23:59:00Z"),
    (DATE, "2020-02-29T23:59:59Z", "2020-02-29T23:59:59Z"),
    (NAMES, "A, B", "A, B"),
    (NAMES, [" A", "B"], [" A", "B"]),
    (ARRAY, [1, {}], [1, {}]),
    (OBJECT, {"a": 1}, {"a": 1}),
    (ANY, None, None),
    (PRESENCE, True, True),
    (PRESENCE, False, False),
]


@pytest.mark.parametrize(("kind", "value", "stored"), ACCEPTED)
def test_value_is_normalised_when_read(kind, value, stored):
    found = kind.parse(value)
    assert (type(found), found) == (type(stored), stored)


REFUSED = [
    *((TEXT, value) for value in (None, 1, True, [], {})),
    (ID, None),
    (ID, 5),
    (ID, "380daae6-016c-cdd4-606e-50e54938780"),
    (ID, "380daae6-016c-cdd4-606e-50e54938780c\n"),
    (ID, "380daae6-016c-cdd4-606e-50e54938780g"),
    (ID, "380daae6016ccdd4606e50e54938780c"),
    *((INTEGER, value) for value in (None, True, 1.5, "", "1.0", "+1", " 1", "1_0")),
    *((INTEGER, value) for value in ("٣", "1\n", "9" * 5000, [], 2**63, -(2**63) - 1)),
    (INTEGER, str(2**63)),
    *((INTEGER, value) for value in (2.0**53 + 2, -1e300, 0.5)),
    *((INTBOOL, value) for value in (None, 2, -1, 0.5, 2.0, "yes", "True", "", [], {})),
    *((DATE, value) for value in (0, True, [], "now", "2019-02-20", " ")),
    (DATE, "2019-02-20 08:00:00Z"),
    (DATE, "2019-02-20T08:00:00"),
    (DATE, "2019-02-20T08:00:00Z\n"),
    (DATE, "2019-02-20T08:00Z"),
    (DATE, "2019-02-20T08:00:00.Z"),
    (DATE, "2019-02-20T08:00:00,5Z"),
    (DATE, "2019-02-20T08:00:00+03"),
    (DATE, "2019-02-20T08:00:00+300"),
    (DATE, "2019-02-20T08:00:00+2400"),
    (DATE, "2019-02-20T08:00:00+24:00"),
    (DATE, "2019-02-20T08:00:00+03:60"),
    (DATE, "٢019-02-20T08:00:00Z"),
    (DATE, "2019-02-30T08:00:00Z"),
    (DATE, "2019-02-29T08:00:00Z"),
    (DATE, "2019-13-01T08:00:00Z"),
    (DATE, "2019-01-00T08:00:00Z"),
    (DATE, "2019-01-01T24:00:00Z"),
    (DATE, "2016-12-31T23:59:61Z"),
    (DATE, "2016-12-31T23:58:60Z"),
    (DATE, "2016-12-31T22:59:60Z"),
    (DATE, "2016-12-31T23:59:60+01:00"),
    (DATE, "2016-02-30T23:59:60Z"),
    (DATE, "9999-12-31T23:59:60Z"),
    (DATE, "0000-01-01T00:00:00Z"),
    (DATE, "0001-01-01T00:00:00+00:01"),
    (DATE, "9999-12-31T23:59:59-00:01"),
    *((NAMES, value) for value in (None, 1, {}, [1], ["a", None])),
    *((ARRAY, value) for value in (None, "", {}, 1)),
    *((OBJECT, value) for value in (None, "", [], 1)),
    *((PRESENCE, value) for value in (None, 0, 1, "true", [], {})),
]


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_value_is_refused_when_not_of_the_kind(kind, value):
    with pytest.raises(ValueError, match="^must "):
        kind.parse(value)


def test_names_are_copied_when_read():
    """A later change of the body must not reach the document."""
    names = ["A"]
    assert NAMES.parse(names) is not names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2019-08-26T12:09:03.34Z", "2019-08-26T12:09:03.340Z"),
        ("2019-08-26T12:09:03Z", "2019-08-26T12:09:03.000Z"),
        ("2019-08-26T12:09:00Z", "2019-08-26T12:09:00.0Z"),
    ],
)
def test_date_keys_are_equal_when_the_instant_is(one, other):
    assert DATE.comparison_key(one) == DATE.comparison_key(other)


def test_date_keys_sort_when_fractions_differ_in_length():
    dates = [
        "",
        "0999-01-01T00:00:00Z",
        "2019-08-26T12:09:00Z",
        "2019-08-26T12:09:00.05Z",
        "2019-08-26T12:09:00.5Z",
        "2019-08-26T12:09:00.50001Z",
        "2019-08-26T12:09:10Z",
    ]
    assert sorted(reversed(dates), key=DATE.comparison_key) == dates


OFFSETS = st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=OFFSETS
)


@given(MOMENTS, MOMENTS)
def test_date_keys_compare_as_the_moments_do(one, other):
    keys = [
        DATE.comparison_key(DATE.parse(moment.isoformat())) for moment in (one, other)
    ]
    assert (keys[0] < keys[1]) == (one < other)
    assert (keys[0] == keys[1]) == (one == other)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ()),
        (" , ", ()),
        ("SITE1, SITE2", ("SITE1", "SITE2")),
        ([" SITE1 ", "", "A,B"], ("SITE1", "A,B")),
        (None, ()),
        (5, ()),
        ([1, "A"], ("A",)),
    ],
)
def test_names_key_is_the_trimmed_names(value, names):
    assert NAMES.comparison_key(value) == names


def test_keys_differ_when_json_values_do():
    """In Python True is 1, and so they would be one value of a set."""
    values = [None, True, False, 0, 1, "", "1", [], [1], [True], {}, {"a": 1}]
    assert len({ANY.comparison_key(value) for value in values}) == len(values)


def test_keys_are_equal_when_json_values_are():
    assert ANY.comparison_key(1) == ANY.comparison_key(1.0)
    assert ANY.comparison_key({"a": 1, "b": [2]}) == ANY.comparison_key(
        {"b": [2.0], "a": 1}
    )
    assert ANY.comparison_key(ABSENT) == ANY.comparison_key(None)


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, "x"])
def test_any_value_is_present_when_it_is_there(value):
    assert PRESENCE.comparison_key(value) is True
    assert PRESENCE.comparison_key(ABSENT) is False


def test_instant_is_truncated_to_two_digits():
    moment = datetime(2019, 8, 26, 12, 9, 3, 349999, tzinfo=UTC)
    assert instant(moment) == "2019-08-26T12:09:03.34Z"


def test_instant_is_in_utc_when_the_moment_is_not():
    zone = timezone(timedelta(hours=3))
    assert instant(datetime(2019, 1, 1, tzinfo=zone)) == "2018-12-31T21:00:00.00Z"


def test_instant_is_padded_when_the_year_is_short():
    assert instant(datetime(33, 4, 3, tzinfo=UTC)) == "0033-04-03T00:00:00.00Z"
