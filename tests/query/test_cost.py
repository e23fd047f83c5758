"""What filters and parameters cost, in calls of functions: linear in what comes in."""

import sys

import pytest

from app.api.parameters import listing
from app.api.request_limits import RequestLimits
from app.errors import Invalid, Overdue
from app.query import Query
from app.query.grammar import condition, ordering
from app.query.predicate import predicate
from app.schemas.svctask import FIELDS
from app.settings import Settings
from app.storage.files.documents import Documents
from app.storage.files.records import Record
from app.tables import svctasks_collection

LIMITS = RequestLimits.of(Settings.from_environment())

SIZES = (60, 240, 960)


def calls(act):
    """Return how many functions were called, those in C too, and generators resumed."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def steps(filter_, document):
    holds = predicate(condition(filter_, FIELDS))
    return calls(lambda: holds(document))


def names(count):
    return [f"x{number}" for number in range(count)]


def assert_linear(counts):
    for less, more in zip(counts, counts[1:], strict=False):
        assert more <= 5 * less, counts


@pytest.mark.parametrize(
    "beside",
    [
        lambda many: {"sites": {"$nin": many}},
        lambda many: {"sites": {"$in": many}},
        lambda many: {"name": {"$nin": many}},
        lambda many: {"ext.a": {"$nin": many}},
        lambda many: ["in", ["property", "ext.a"], many],
        lambda many: {"sites": {"$in": [f"{each}, y" for each in many]}},
        lambda many: {"sites": many},
        lambda many: {"ext.b": many},
    ],
)
def test_test_of_a_document_costs_the_same_however_many_values_are_given(beside):
    document = {"sites": ["A", "B"], "name": "n", "ext": {"a": "n", "b": [1, 2]}}
    few, _, many = (steps(beside(names(size)), document) for size in SIZES)
    assert few == many


@pytest.mark.parametrize(
    "operator, operand",
    [
        ("$eq", "y"),
        ("$ne", None),
        ("$eq", ["y", {"k": 1}]),
        ("$in", ["y", "z"]),
        ("$all", ["y", "z", {"k": 1}]),
        ("$gt", "y"),
        ("$contains", "y"),
        ("$contains", {"k": 1}),
        ("$startswith", "y"),
        ("$exists", False),
    ],
)
@pytest.mark.parametrize(
    "name, made",
    [
        ("ext.a", lambda size: names(size)),
        ("ext.a.b", lambda size: [{"b": name} for name in names(size)]),
        ("ext.a.b", lambda size: [{"b": names(1)} for _ in names(size)]),
        ("ext.a.b.c.d.e.f.g", lambda size: [{"b": {}} for _ in names(size)]),
        ("ext.a", lambda size: [{"k": name} for name in names(size)]),
    ],
)
def test_test_of_an_array_is_linear_in_its_elements(operator, operand, name, made):
    filter_ = {name: {operator: operand}}
    assert_linear([steps(filter_, {"ext": {"a": made(size)}}) for size in SIZES])


@pytest.mark.parametrize(
    "made",
    [
        lambda size: {"name": {"$in": names(size)}},
        lambda size: {"sites": {"$nin": names(size)}},
        lambda size: {"ext.a": {"$eq": dict.fromkeys(names(size), 1)}},
        lambda size: {"$or": [{"name": name} for name in names(size // 8)]},
        lambda size: {name: 1 for name in names(size)},
        lambda size: ["or", *(["==", ["property", "id"], n] for n in names(size // 8))],
        lambda size: {"ext": {"a" * size: dict.fromkeys(names(size // 8), 1)}},
    ],
)
def test_reading_of_a_filter_is_linear_in_its_size(made):
    def read(filter_):
        try:
            condition(filter_, FIELDS)
        except Invalid:
            pass

    sizes = [made(size) for size in SIZES]
    assert_linear([calls(lambda each=each: read(each)) for each in sizes])


@pytest.mark.parametrize(
    "parameters",
    [
        {"filter[" + "][" * 50_000 + "]": "x"},
        {"order": "-" * 100_000},
        {"order": ",".join(["name"] * 50_000)},
        {"mask": "," * 100_000},
        {"mask": "ext." + "a." * 50_000},
        {"filter": '{"ext.' + "a." * 50_000 + '":1}'},
        {"filter": '{"dtstart":"' + "0" * 100_000 + '"}'},
        {"limit": "9" * 100_000},
    ],
)
def test_parameter_of_a_hundred_thousand_characters_is_refused_in_few_steps(parameters):
    def read():
        with pytest.raises(Invalid):
            listing(parameters, FIELDS, LIMITS)

    assert calls(read) < 5000


def found_in(filter_, order=None):
    records = [
        Record(number, f"{number}", {"id": f"{number}", "isenabled": number % 2})
        for number in range(500)
    ]
    held = Documents(svctasks_collection("0" * 12), records)
    orders = ordering(order, FIELDS) if order else ()
    query = Query(condition(filter_, FIELDS), orders)
    held.find(query)
    return calls(lambda: held.find(query))


def test_conditions_that_all_have_an_index_are_put_together_once():
    one = {"isenabled": {"$in": [0, 1]}}
    several = {"$and": [one] * 50}
    # Of 500 records; else it would take 50 times as many steps.
    assert found_in(several) < 5 * 500


@pytest.mark.parametrize(
    "filter_, order, expected",
    [
        ({"svcscriptcode": {"$contains": "a"}}, None, 2000),
        ({"ext.a": 1}, "name", 2000),
        ({}, ["schedule", "name"], 2000),
        ({"isenabled": 1, "ext.a": 1}, None, 0),
        ({"isenabled": 1}, None, 0),
        ({"id": "7", "ext.a": 1}, "name", 0),
        ({"intervalsec": {"$gt": 0}}, None, 0),
        ({}, None, 0),
    ],
)
def test_query_asks_its_pace_before_it_looks_at_many_documents(
    filter_, order, expected
):
    records = [
        Record(number, f"{number}", {"id": f"{number}", "isenabled": number % 4})
        for number in range(2000)
    ]
    held = Documents(svctasks_collection("0" * 12), records)
    orders = ordering(order, FIELDS) if order else ()
    where = condition(filter_, FIELDS) if filter_ else None
    query = Query(where, orders)
    asked = []

    def refuse(ahead=0, holding=False):
        asked.append(ahead)
        if ahead > 1000:
            raise Overdue("too many")

    if expected:
        with pytest.raises(Overdue):
            held.find(query, refuse)
    else:
        held.find(query, refuse)
    assert asked[-1:] == [expected] or max(asked, default=0) <= 1000
    assert held.find(query)
