"""Trees to tests of documents, and sorts: the one rule for all values."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.query import Comparison, Every, Field, Negation, Order
from app.query.grammar import condition, ordering
from app.query.operators import OPERATORS
from app.query.predicate import (
    RUN,
    bounds,
    equalities,
    predicate,
    sort,
    sort_key,
    sort_places,
    without,
)
from app.query.values import ANY, PRESENCE
from app.schemas.svctask import FIELDS, new

NOW = "2019-08-26T12:09:03.34Z"


def task(**body):
    return new({"name": "Debtor calls", **body}, lambda: "38ab-1", NOW)


def matches(filter_, document):
    return predicate(condition(filter_, FIELDS))(document)


TASK = task(
    isenabled=1,
    intervalsec=3600,
    dtstart="2019-02-20T08:00:00Z",
    sites="SITE1, SITE2",
    periods=[
        {"dow": 1, "timestart": 0, "timestop": 60, "tag": "a"},
        {"dow": 2, "timestart": 5, "timestop": 60},
    ],
    opts={"title": "x", "mine": [1, "One"]},
    ext={
        "one": 1,
        "yes": True,
        "text": "Straße",
        "null": None,
        "list": [1, "Two", {"k": 1, "l": [1, 2]}, True, [5]],
        "object": {"a": 1, "b": {"c": [1]}},
    },
)

HOLDS = [
    {},
    {"name": "Debtor calls"},
    {"name": {"$eq": "Debtor calls"}},
    {"name": {"$ne": "x"}},
    {"name": {"$gt": "D", "$lt": "E"}},
    {"name": {"$in": ["x", "Debtor calls"]}},
    {"name": {"$nin": ["x"]}},
    {"name": {"$nin": []}},
    {"name": {"$contains": "TOR c"}},
    {"name": {"$startswith": "Debtor"}},
    {"name": {"$endswith": "calls"}},
    {"id": "38AB-1"},
    {"id": {"$startswith": "38A"}},
    {"id": {"$contains": "B-"}},
    *({"isenabled": value} for value in (1, "1", True, "true")),
    {"isenabled": {"$in": ["true"]}},
    {"isenabled": {"$gt": False}},
    {"intervalsec": {"$gte": 3600, "$lte": "3600"}},
    {"dtstart": "2019-02-20T11:00:00.000+03:00"},
    {"dtstart": {"$in": ["2019-02-20T08:00:00.0Z"]}},
    {"dtstart": {"$gt": "2019-02-20T07:59:59.999Z"}},
    {"dtstart": {"$startswith": "2019-02"}},
    {"dtstart": {"$endswith": "00Z"}},
    {"dtstop": None},
    {"dtstop": ""},
    {"dtstop": {"$lt": "2019-02-20T08:00:00Z"}},
    {"ext.ct": "2019-08-26T12:09:03.340Z"},
    {"sites": "SITE1,SITE2"},
    {"sites": "SITE2"},
    {"sites": ["SITE1"]},
    {"sites": []},
    {"sites": {"$in": ["SITE9", ["SITE2"]]}},
    {"sites": {"$contains": "SITE1"}},
    {"sites": {"$startswith": "SITE"}},
    {"sites": {"$endswith": "1"}},
    {"sites": {"$exists": True}},
    {"periods": []},
    {"periods": [{"dow": 2}]},
    {"periods": [{"dow": 2}, {"timestop": 60, "tag": "a"}]},
    {"periods": {"$contains": {"dow": 1, "tag": "a"}}},
    {"periods": {"$ne": [{"dow": 3}]}},
    {"opts": {"title": "x"}},
    {"opts.title": "x"},
    {"opts": {"$eq": {"title": "x", "mine": [1]}}},
    {"opts": {"$in": [{"title": "y"}, {"title": "x"}]}},
    {"opts": {"$exists": True}},
    {"opts": {}},
    {"ext.one": 1},
    {"ext.one": 1.0},
    {"ext.one": {"$in": [True, 1]}},
    {"ext.one": {"$lt": 1.5}},
    {"ext.yes": True},
    {"ext.yes": {"$ne": 1}},
    {"ext.text": {"$contains": "STRASSE"}},
    {"ext.text": {"$gt": "S"}},
    {"ext.null": None},
    {"ext.null": {"$exists": True}},
    {"ext.nothing": None},
    {"ext.nothing": {"$exists": False}},
    {"ext.nothing": {"$ne": 1}},
    {"ext.nothing": {"$nin": [1]}},
    {"ext.nothing": {"$in": [None]}},
    {"$not": {"ext.nothing": {"$gt": 1}}},
    {"ext.one.deeper": {"$exists": False}},
    {"ext.list": 1},
    {"ext.list": {"$in": ["x", "Two"]}},
    {"ext.list": {"$gt": 0}},
    {"ext.list": {"$startswith": "T"}},
    {"ext.list": {"$not": {"$gt": 1}}},
    {"ext.list": {"$all": [1, "Two", {"k": 1, "l": [2]}, [5]]}},
    {"ext.list.k": 1},
    {"ext.list": {"k": 1, "l": 2}},
    {"ext.list": {"k": {"$gte": 1}}},
    {"ext.list.l": [1, 2]},
    {"ext.list.l": {"$gt": 1}},
    {"ext.list.no": None},
    {"ext.list.k": {"$exists": True}},
    {"ext.one": {"$all": [1]}},
    {"sites": {"$all": ["SITE1", "SITE2"]}},
    {"periods": {"$all": [{"dow": 1}, {"dow": 2}]}},
    {"$nor": [{"name": "x"}, {"isenabled": 0}]},
    {"name": {"$not": {"$startswith": "x"}}},
    {"ext.nothing": {"$not": {"$gt": 1}}},
    ["==", ["property", "ext.list"], 1],
    ["and", ["!=", ["property", "name"], "x"], {"isenabled": 1}],
    {"$and": [["in", ["property", "sites"], ["SITE9", "SITE1"]]]},
    {"ext.list": [True, 1]},
    {"ext.list": [{"k": 1}]},
    {"ext.list": [{"l": [2], "no": None}]},
    {"ext.list": [[5]]},
    {"ext.list": {"$in": [[9], [1]]}},
    {"ext.list": {"$contains": "Two"}},
    {"ext.list": {"$contains": {"k": 1}}},
    {"ext.object": {"a": 1}},
    {"ext.object": {"$eq": {"b": {"c": [1]}}}},
    {"ext": {"object": {"a": {"$gte": 1}, "b": {"c": [1]}}}},
    {"opts.mine": {"$contains": "One"}},
    {"$or": [{"name": "x"}, {"isenabled": 1}]},
    {"$and": [{"isenabled": 1}, {"$not": {"name": "x"}}]},
    {"name": "Debtor calls", "$or": [{"isenabled": 1}]},
]

FAILS = [
    {"name": "debtor calls"},
    {"name": {"$startswith": "debtor"}},
    {"name": {"$endswith": "Calls"}},
    {"name": {"$contains": "x"}},
    {"name": {"$in": []}},
    {"name": {"$exists": False}},
    {"name": {"$gt": "D", "$lt": "Da"}},
    {"isenabled": "false"},
    {"isenabled": {"$ne": "true"}},
    {"dtstart": ""},
    {"dtstart": {"$gt": "2019-02-20T08:00:00.000Z"}},
    {"dtstop": {"$gt": "2019-02-20T08:00:00Z"}},
    {"sites": ""},
    {"sites": "SITE"},
    {"sites": ["SITE1", "SITE3"]},
    {"sites": ["site1"]},
    {"sites": {"$contains": "SITE"}},
    {"sites": {"$nin": ["SITE1"]}},
    {"periods": [{"dow": 2, "tag": "a"}]},
    {"periods": [{"dow": True}]},
    {"periods": [1]},
    {"periods": {"$contains": {"dow": 7}}},
    {"opts": {"title": "y"}},
    {"ext.one": True},
    {"ext.one": "1"},
    {"ext.one": {"$in": [True, "1"]}},
    {"ext.one": {"$gt": ""}},
    {"ext.one": {"$contains": 1}},
    {"ext.one": {"$startswith": "1"}},
    {"ext.yes": 1},
    {"ext.yes": {"$gte": 0}},
    {"ext.text": ["Straße"]},
    {"ext.text": {"$contains": 1}},
    {"ext.text": {"$gt": 0}},
    {"ext.null": {"$ne": None}},
    {"ext.null": {"$lte": 0}},
    {"ext.null": 0},
    {"ext.nothing": {"$exists": True}},
    {"ext.nothing": {"$gt": 1}},
    {"ext.nothing": ""},
    {"ext.nothing": {"$contains": None}},
    {"ext.list": 2},
    {"ext.list": 5},
    {"ext.list": None},
    {"ext.list": {"$gt": 1}},
    {"ext.list": {"$ne": 1}},
    {"ext.list": {"$nin": [1, 9]}},
    {"ext.list": {"$all": []}},
    {"ext.list": {"$all": [1, 2]}},
    {"ext.list": {"$all": [{"k": 1, "l": [3]}]}},
    {"ext.list.k": 2},
    {"ext.list.k.deeper": 1},
    {"ext.list.0": 1},
    {"ext.list.k": {"$exists": False}},
    {"ext.one": {"$all": [1, 2]}},
    {"sites": {"$all": ["SITE1", "SITE3"]}},
    {"$nor": [{"name": "x"}, {"isenabled": 1}]},
    {"name": {"$not": {"$startswith": "Debtor"}}},
    ["not", ["==", ["property", "isenabled"], 1]],
    {"ext.list": [2]},
    {"ext.list": [{"k": True}]},
    {"ext.list": {"$contains": "two"}},
    {"ext.list": {"$startswith": "t"}},
    {"ext.object": {"a": 1, "x": 1}},
    {"ext.object": 1},
    {"ext.object": [1]},
    {"$or": [{"name": "x"}, {"isenabled": 0}]},
    {"$not": {}},
]


@pytest.mark.parametrize("filter_", HOLDS, ids=str)
def test_document_matches_when_the_filter_holds(filter_):
    assert matches(filter_, TASK)
    assert not matches({"$not": filter_}, TASK)


@pytest.mark.parametrize("filter_", FAILS, ids=str)
def test_document_does_not_match_when_the_filter_fails(filter_):
    assert not matches(filter_, TASK)
    assert matches({"$not": filter_}, TASK)


def test_no_sites_match_only_the_empty_string():
    """The empty array is included in every array, but a string is a value."""
    assert matches({"sites": ""}, task(sites=[]))
    assert matches({"sites": " , "}, task(sites=""))
    assert matches({"sites": []}, task(sites=""))


def test_sites_compare_alike_when_echoed_as_an_array():
    assert matches({"sites": "B, A"}, task(sites=["A ", "B", "C"]))


@pytest.mark.parametrize("path", [("a",), ("a", "b")])
@pytest.mark.parametrize("value", [None, False, 0, 1, "", [], {"c": 1}])
def test_presence_is_compared_whatever_the_value(path, value):
    field = Field(path, PRESENCE)
    for document, there in [
        (placed(value, path), True),
        ({}, False),
        ({"a": 5}, path == ("a",)),
    ]:
        for wanted in (True, False):
            test = predicate(Comparison(field, "$eq", wanted))
            assert test(document) is (there is wanted)
        assert predicate(Comparison(field, "$in", frozenset({there})))(document)
        assert not predicate(Comparison(field, "$in", frozenset({not there})))(document)


TEXTS = st.text("aZß1,. $", max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS
JSON = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [field.name for field in FIELDS.declared] + ["ext.a", "ext.a.b"]
)
OPERANDS = JSON | st.sampled_from(["2019-02-20T08:00:00Z", ["A"], [{"dow": 1}], [None]])
PLACES = OPERANDS | st.dictionaries(
    st.sampled_from(list(OPERATORS)), OPERANDS, min_size=1
)
FILTERS = st.dictionaries(NAMES, PLACES, max_size=2)
OBJECTS = st.fixed_dictionaries({}, optional={"a": JSON, "b": JSON, "title": JSON})
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        field.name: JSON | OBJECTS for field in FIELDS.declared if len(field.path) == 1
    },
)


@given(FILTERS, DOCUMENTS)
def test_predicate_never_raises_whatever_the_document(filter_, document):
    try:
        tree = condition(filter_, FIELDS)
    except Invalid:
        return
    assert matches({"$not": filter_}, document) is not predicate(tree)(document)
    hash(tree)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("field", FIELDS.declared, ids=lambda field: field.name)
def test_no_stored_value_raises(field, operator):
    for operand in ("x", 1, True, [], ["x", None], {}, "2019-02-20T08:00:00Z"):
        try:
            test = predicate(condition({field.name: {operator: operand}}, FIELDS))
        except Invalid:
            continue
        for value in (None, True, 5, 1.5, "x", [], [True, {}], {"a": []}):
            assert test(placed(value, field.path)) in (True, False)


def placed(value, path):
    return {path[0]: placed(value, path[1:])} if path else value


ORDERS = st.lists(
    st.builds(
        Order, st.sampled_from([*FIELDS.listed, Field(("x",), ANY)]), st.booleans()
    ),
    max_size=3,
).map(tuple)


@given(ORDERS, st.lists(st.builds(lambda d, x: {**d, "x": x}, DOCUMENTS, JSON)))
def test_sort_and_sort_key_agree_whatever_the_documents(order, documents):
    expected = sorted(documents, key=sort_key(order))
    keys = sort(documents, order, sort_key(order))
    assert documents == expected
    assert keys == list(map(sort_key(order), expected))


def test_sort_is_stable_and_by_several_fields():
    rows = [("b", 1), ("a", 1), ("a", 2), ("b", 2), ("a", 1)]
    tasks = [task(name=name, intervalsec=n) for name, n in rows]
    order = ordering([{"name": "desc"}, "intervalsec"], FIELDS)
    sort(tasks, order, sort_key(order))
    found = [(t["name"], t["intervalsec"]) for t in tasks]
    assert found == [("b", 1), ("b", 2), ("a", 1), ("a", 1), ("a", 2)]


class Looked(list):
    """Values that count how often one is looked at."""

    count = 0

    def __getitem__(self, place):
        self.count += 1
        return super().__getitem__(place)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("distinct", [1, 2, 1000, 100_000])
@pytest.mark.parametrize("count", [0, 1, RUN, RUN + 1, 10 * RUN - 1])
def test_sort_of_many_is_stable_and_looks_at_few_between_two_calls_of_its_pace(
    count, distinct, descending
):
    chosen = Random(f"{count} {distinct}")
    values = Looked(chosen.randrange(distinct) for _ in range(count))
    looks = [0]
    places = sort_places(
        range(count), values, descending, lambda: looks.append(values.count)
    )
    expected = sorted(range(count), key=values.__getitem__, reverse=descending)
    assert places == expected
    if distinct > count:
        steps = [after - before for before, after in zip(looks, looks[1:])]
        assert max(steps, default=0) <= 2 * RUN


def test_dates_sort_by_instant():
    dates = [
        "",
        "2019-01-01T00:00:00Z",
        "2019-01-01T00:00:00.5Z",
        "2019-01-01T00:00:10Z",
    ]
    tasks = [task(dtstart=date) for date in reversed(dates)]
    order = ordering("dtstart", FIELDS)
    sort(tasks, order, sort_key(order))
    assert [t["dtstart"] for t in tasks] == dates


def test_values_of_another_type_sort_first():
    documents = [{"name": "a"}, {"name": 5}, {}, {"name": ""}]
    order = ordering("name", FIELDS)
    sort(documents, order, sort_key(order))
    assert documents == [{"name": 5}, {}, {"name": ""}, {"name": "a"}]


def names(comparisons):
    return [comparison.field.name for comparison in comparisons]


def test_equalities_are_those_that_every_match_fulfils():
    tree = condition(
        {
            "name": "n",
            "isenabled": {"$in": [1]},
            "dtstart": {"$gt": ""},
            "sites": "A",
            "ext.a": 1,
            "schedule": {"$ne": "all"},
            "$and": [{"id": "x"}, {"opts": {"title": "t"}}],
            "$or": [{"sitemode": "all"}, {"sitemode": "any"}],
            "$not": {"intervalsec": 1},
        },
        FIELDS,
    )
    assert names(equalities(tree)) == ["name", "isenabled", "id", "opts.title"]


def test_presence_is_an_equality_that_an_index_can_answer():
    present = Comparison(Field(("dtstop",), PRESENCE), "$eq", True)
    name = condition({"name": "n"}, FIELDS)
    assert equalities(Every((present, name))) == [present, name]
    assert equalities(Negation(present)) == []


def test_bounds_are_the_limits_to_an_order_that_every_match_keeps():
    tree = condition(
        {
            "intervalsec": {"$gte": 1, "$lt": 9, "$ne": 5},
            "dtstart": {"$gt": ""},
            "$and": [{"intervalsec": {"$lte": 8}}],
            "$or": [{"intervalsec": {"$gt": 2}}, {"intervalsec": {"$gt": 3}}],
            "$not": {"intervalsec": {"$gt": 7}},
        },
        FIELDS,
    )
    field = FIELDS.order("intervalsec")
    found = [(each.operator, each.operand) for each in bounds(tree, Order(field))]
    assert found == [("$gte", 1), ("$lt", 9), ("$lte", 8)]
    assert bounds(tree, Order(field, descending=True)) == []
    anything = Order(Field(("ext", "a"), ANY))
    assert bounds(Comparison(anything.field, "$gt", 1), anything) == []


def test_nothing_is_left_without_the_only_comparison():
    tree = condition({"name": "n"}, FIELDS)
    assert without(tree, tree) is None
    assert without(Every((tree,)), tree) is None
    assert without(Every((Every((tree,)),)), tree) is None


def test_the_rest_is_left_without_a_comparison():
    name = condition({"name": "n"}, FIELDS)
    rest = condition({"isenabled": 1}, FIELDS)
    other = condition({"dtstop": ""}, FIELDS)
    assert without(condition({"name": "n", "isenabled": 1}, FIELDS), name) == rest
    assert without(Every((name, rest, other)), name) == Every((rest, other))
    assert without(rest, name) == rest
