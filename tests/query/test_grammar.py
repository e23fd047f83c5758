"""Filters and orders to trees: every form, every fault, every limit."""

import pytest

from app.errors import MAX_FAULTS, Invalid
from app.query import Comparison, Every, Field, Fields, Negation, Order, Query, Some
from app.query.grammar import BOUNDS, condition, ordering
from app.query.values import ANY, DATE, INTBOOL, TEXT
from app.schemas.svctask import FIELDS

NAME = Field(("name",), TEXT)
ENABLED = Field(("isenabled",), INTBOOL)


def faults(filter_):
    with pytest.raises(Invalid) as caught:
        condition(filter_, FIELDS)
    assert caught.value.message.startswith("filter: ")
    assert list(caught.value.faults) == ["filter"]
    return list(caught.value.faults["filter"])


def order_faults(order):
    with pytest.raises(Invalid) as caught:
        ordering(order, FIELDS)
    assert caught.value.message.startswith("order: ")
    return list(caught.value.faults["order"])


def test_everything_matches_when_the_filter_is_empty():
    assert condition({}, FIELDS) == Every(())


def test_value_beside_a_name_is_an_equality():
    assert condition({"name": "n"}, FIELDS) == Comparison(NAME, "$eq", "n")


def test_members_are_anded():
    tree = condition({"name": "n", "isenabled": "true"}, FIELDS)
    assert tree == Every(
        (Comparison(NAME, "$eq", "n"), Comparison(ENABLED, "$eq", 1)),
    )


def test_operators_of_one_object_are_anded():
    tree = condition({"name": {"$gte": "a", "$lt": "b"}}, FIELDS)
    assert tree == Every(
        (Comparison(NAME, "$gte", "a"), Comparison(NAME, "$lt", "b")),
    )


def test_negative_operators_are_negations():
    equal = Comparison(NAME, "$eq", "n")
    one_of = Comparison(NAME, "$in", frozenset({"n"}))
    assert condition({"name": {"$ne": "n"}}, FIELDS) == Negation(equal)
    assert condition({"name": {"$nin": ["n"]}}, FIELDS) == Negation(one_of)
    assert condition({"$not": {"name": "n"}}, FIELDS) == Negation(equal)
    assert condition({"$nor": [{"name": "n"}]}, FIELDS) == Negation(Some((equal,)))
    assert condition({"name": {"$not": {"$eq": "n"}}}, FIELDS) == Negation(equal)
    assert condition({"name": {"$not": "n"}}, FIELDS) == Negation(equal)


def test_combiners_take_filters():
    parts = (Comparison(NAME, "$eq", "a"), Comparison(NAME, "$eq", "b"))
    filters = [{"name": "a"}, {"name": "b"}]
    assert condition({"$or": filters}, FIELDS) == Some(parts)
    assert condition({"$and": filters}, FIELDS) == Every(parts)


@pytest.mark.parametrize(
    ("array", "object_"),
    [
        (["==", ["property", "name"], "n"], {"name": "n"}),
        (["!=", ["property", "name"], "n"], {"name": {"$ne": "n"}}),
        (["<", ["property", "intervalsec"], 5], {"intervalsec": {"$lt": 5}}),
        (["<=", ["property", "intervalsec"], 5], {"intervalsec": {"$lte": 5}}),
        ([">", ["property", "ext.a"], 5], {"ext.a": {"$gt": 5}}),
        ([">=", ["property", "ext.a"], 5], {"ext.a": {"$gte": 5}}),
        (["in", ["property", "name"], ["a", "b"]], {"name": {"$in": ["a", "b"]}}),
        (["not", ["==", ["property", "name"], "n"]], {"$not": {"name": "n"}}),
        (["and", {"name": "n"}], {"$and": [{"name": "n"}]}),
        (
            ["or", ["==", ["property", "name"], "n"], {"name": "m"}],
            {"$or": [{"name": "n"}, {"name": "m"}]},
        ),
    ],
)
def test_array_form_means_what_the_object_does(array, object_):
    assert condition(array, FIELDS) == condition(object_, FIELDS)
    assert condition({"$not": array}, FIELDS) == condition({"$not": object_}, FIELDS)


def test_all_is_every_equality():
    parts = (Comparison(NAME, "$eq", "a"), Comparison(NAME, "$eq", "b"))
    assert condition({"name": {"$all": ["a", "b"]}}, FIELDS) == Every(parts)
    assert condition({"name": {"$all": []}}, FIELDS) == Some(())
    periods = [{"dow": 1}, {"dow": 2}]
    assert condition({"periods": {"$all": periods}}, FIELDS) == condition(
        {"periods": periods}, FIELDS
    )
    element = condition({"ext.a": [{"b": 1}]}, FIELDS)
    assert condition({"ext.a": {"$all": [{"b": 1}]}}, FIELDS) == Every((element,))


@pytest.mark.parametrize(
    ("nested", "dotted"),
    [
        ({"opts": {"title": "x"}}, {"opts.title": "x"}),
        ({"opts": {"title": {"$gt": "x"}}}, {"opts.title": {"$gt": "x"}}),
        ({"ext": {"a": {"b": {"$in": [1]}}}}, {"ext.a.b": {"$in": [1]}}),
        ({"ext.a": {"b": 1}}, {"ext.a.b": 1}),
        ({"ext": {"a.b": 1}}, {"ext": {"a": {"b": 1}}}),
        (
            {"opts": {"$in": [{"title": "x"}]}},
            {"$or": [{"opts": {"$eq": {"title": "x"}}}]},
        ),
    ],
)
def test_nested_names_mean_the_same_when_dotted(nested, dotted):
    assert condition(nested, FIELDS) == condition(dotted, FIELDS)


def test_operand_is_normalised_when_a_body_would_be():
    date = Comparison(Field(("dtstart",), DATE), "$eq", "2019-02-20T05:00:00")
    tree = condition({"dtstart": "2019-02-20T08:00:00.00+03:00"}, FIELDS)
    assert tree == date
    assert condition({"dtstart": None}, FIELDS).operand == ""
    assert condition({"intervalsec": "60"}, FIELDS).operand == 60


def test_id_operand_may_be_a_part_and_is_lowered():
    assert condition({"id": "38AB"}, FIELDS).operand == "38ab"
    assert condition({"id": {"$startswith": "38AB"}}, FIELDS).operand == "38ab"


def test_trees_hash_and_differ_as_their_meaning_does():
    """A plan that is kept by its tree must not serve another filter."""
    trees = [
        condition({"ext.a": value}, FIELDS)
        for value in (1, True, "1", None, [1], [True], [{"a": 1}])
    ]
    assert len(set(trees)) == len(trees)
    assert hash(Query(trees[0])) == hash(Query(condition({"ext.a": 1.0}, FIELDS)))


def test_open_fields_are_of_any_kind_unless_declared():
    assert condition({"ext.ct": ""}, FIELDS).field.type is DATE
    assert condition({"ext.mine": ""}, FIELDS).field.type is ANY


@pytest.mark.parametrize(
    ("filter_", "fault"),
    [
        ([], 'an array must be such as ["==",["property","name"],"x"]'),
        ([1], 'an array must be such as ["==",["property","name"],"x"]'),
        (["=", ["property", "name"], "x"], '"=" is not an operator of an array; there'),
        (["==", "name", "x"], 'must be such as ["==",["property","name"],"x"]'),
        (
            ["==", ["property", "name"]],
            'must be such as ["==",["property","name"],"x"]',
        ),
        (["in", ["name"], []], 'such as ["in",["property","name"],["A","B"]]'),
        (["==", ["property", "nme"], "x"], 'no field "nme" (did you mean "name"?)'),
        (["==", ["property", "name"], 1], "name: must be a string, not a number"),
        (["==", ["property", "ext.a"], {"$gt": 1}], "cannot be used inside"),
        (["and"], '"and" takes at least one filter'),
        (["not"], '"not" takes one filter, not 0'),
        (["or", 1], "must be an object, not a number"),
        ({"$nor": []}, "$nor takes an array of at least one filter"),
        ({"name": {"$all": "x"}}, "$all takes an array, not a string"),
        (
            {"opts": {"$all": [{}]}},
            "$all is not defined for this field, it is an object",
        ),
        ({"name": {"$or": []}}, "$or is used in place of a field, not of a value"),
        ({"name": {"$not": {"$is": 1}}}, '"$is" is not an operator'),
        ({"x" * 2000: 1}, "a field name has more than 1024 characters"),
        ({"x" * 1000: 1}, f'no field "{"x" * 64}…"; available'),
        (None, "must be an object, not null"),
        ({"nme": 1}, 'no field "nme" (did you mean "name"?); available: id, name'),
        ({"zzz": 1}, "any sub-field of opts and ext"),
        ({"name.x": 1}, 'no field "name.x"'),
        ({"ext.": 1}, 'no field "ext."'),
        ({"periods": {"dow": 1}}, "periods: must be an array, not an object"),
        ({"name": {"x": 1}}, "name: must be a string, not an object"),
        ({"name": {}}, "name: must be a string, not an object"),
        ({"name": 1}, "name: must be a string, not a number"),
        ({"name": None}, "name: must be a string, not null"),
        ({"id": 1}, "id: must be a string, not a number"),
        ({"isenabled": 2}, "isenabled: must be 0 or 1"),
        ({"isenabled": None}, "isenabled: must be 0 or 1"),
        ({"intervalsec": 1.5}, "intervalsec: must be an integer"),
        ({"dtstart": "soon"}, "dtstart: must be a date such as"),
        ({"dtstart": {"$gt": "soon"}}, "dtstart: must be a date such as"),
        ({"sites": 1}, "sites: must be a string or an array of strings"),
        ({"periods": None}, "periods: must be an array, not null"),
        ({"opts": "x"}, "opts: must be an object, not a string"),
        ({"opts": None}, "opts: must be an object, not null"),
        ({"opts": {"$eq": {"title": 3}}}, "opts.title: must be a string"),
        ({"name": {"$regex": "x"}}, '"$regex" is not an operator; there are $eq, $ne'),
        ({"name": {"$not": {}}}, "name: must be a string, not an object"),
        (
            {"$eq": 1},
            '"$eq" cannot be used in place of a field, only $and, $or, $nor, $not',
        ),
        ({"name": {"$eq": "x", "y": 1}}, "either operators or names"),
        ({"ext": {"$exists": True, "y": 1}}, "either operators or names"),
        ({"ext.a": {"$eq": {"$gt": 1}}}, '"$gt" cannot be used inside of an operand'),
        ({"periods": [{"dow": {"$gt": 1}}]}, '"$gt" cannot be used inside'),
        ({"$and": []}, "$and takes an array of at least one filter"),
        ({"$or": {}}, "$or takes an array of at least one filter"),
        ({"$or": [1]}, "must be an object, not a number"),
        ({"$not": []}, 'an array must be such as ["==",'),
        ({"name": {"$in": "x"}}, "$in and $nin take an array, not a string"),
        ({"name": {"$in": ["x", 1]}}, "name: must be a string, not a number"),
        ({"name": {"$exists": 1}}, "$exists takes true or false, not a number"),
        ({"name": {"$contains": 1}}, "$contains takes a string, not a number"),
        ({"sites": {"$contains": 1}}, "$contains takes a string, not a number"),
        ({"ext.a": {"$startswith": 1}}, "$startswith takes a string, not a number"),
        ({"intervalsec": {"$contains": "1"}}, "not text"),
        ({"isenabled": {"$startswith": "1"}}, "not text"),
        ({"periods": {"$endswith": "1"}}, "not text"),
        ({"opts": {"$contains": "1"}}, "not text"),
        ({"periods": {"$gt": []}}, "no order"),
        ({"sites": {"$gt": "A"}}, "no order"),
        ({"ext.a": {"$gt": True}}, "$gt takes a number or a string, not a boolean"),
        ({"ext.a": {"$lt": None}}, "$lt takes a number or a string, not null"),
        ({"ext.a": {"$lt": [1]}}, "$lt takes a number or a string, not an array"),
    ],
)
def test_filter_is_refused_with_what_is_wrong(filter_, fault):
    [found] = faults(filter_)
    assert fault in found


def test_all_faults_of_a_filter_are_told():
    found = faults({"nme": 1, "isenabled": 2, "$or": [{"name": 3}, {"id": 4}]})
    assert len(found) == 4


def nested(depth):
    filter_ = {"name": "n"}
    for _ in range(depth - 1):
        filter_ = {"$not": filter_}
    return filter_


def test_depth_is_bounded():
    condition(nested(BOUNDS.depth), FIELDS)
    assert faults(nested(BOUNDS.depth + 1)) == [
        "is nested deeper than 16 levels (SVCTASKS_MAX_FILTER_DEPTH)"
    ]
    operand = [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]
    condition({"ext.a": operand}, FIELDS)
    assert faults({"ext.a": [operand]}) == [
        "is nested deeper than 16 levels (SVCTASKS_MAX_FILTER_DEPTH)"
    ]


def test_conditions_are_bounded():
    half = BOUNDS.conditions // 2 - 1
    condition({"$or": [{"name": "n"}] * half}, FIELDS)
    [fault] = faults({"$or": [{"name": "n"}] * (half + 1)})
    assert fault == "has more than 256 conditions (SVCTASKS_MAX_FILTER)"
    assert faults({"ext.a": [{}] * 300}) == [
        "has more than 256 conditions (SVCTASKS_MAX_FILTER)"
    ]
    assert len(faults({f"x{n}": 1 for n in range(1000)})) == MAX_FAULTS


@pytest.mark.parametrize(
    "filter_",
    [
        {"name": {"$in": ["x"] * 1001}},
        {"sites": ["x"] * 1001},
        {"ext.a": {"$eq": {f"x{n}": 1 for n in range(1001)}}},
        {"$or": [{"name": {"$in": ["x"] * 600}}] * 2},
        {"$nor": [["in", ["property", "name"], ["x"] * 600]] * 2},
    ],
)
def test_values_of_a_filter_are_bounded(filter_):
    condition({"name": {"$in": ["x"] * BOUNDS.values}}, FIELDS)
    assert faults(filter_) == [
        "has more than 1000 values in arrays and objects (SVCTASKS_MAX_FILTER_VALUES)"
    ]


def test_filter_beyond_the_limits_is_not_read_to_its_end():
    """The dotted names of all members would be a hundred megabytes of text."""
    members = {f"{n}": 1 for n in range(100_000)}
    assert faults({"ext": {"x" * 1000: members}}) == [
        "has more than 256 conditions (SVCTASKS_MAX_FILTER)"
    ]


def test_parts_of_a_name_are_bounded():
    [fault] = faults({"ext" + ".a" * 64: 1})
    assert fault == "a field name has more than 64 parts"


def test_fields_need_no_open_objects():
    with pytest.raises(Invalid, match="available: a$"):
        Fields({"a": TEXT}, ["a"], []).one("b.c")


@pytest.mark.parametrize(
    "order",
    ["name", ["name"], {"name": "asc"}, [{"name": "asc"}]],
)
def test_order_is_the_same_when_spelled_otherwise(order):
    assert ordering(order, FIELDS) == (Order(NAME),)


def test_order_has_directions():
    found = ordering(["name", {"ext.lwt": "desc"}], FIELDS)
    assert found == (Order(NAME), Order(Field(("ext", "lwt"), DATE), True))


def test_order_is_empty_when_the_array_is():
    assert ordering([], FIELDS) == ()


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ("nme", 'no field "nme" (did you mean "name"?); available: id'),
        ("sites", 'lists cannot be sorted by "sites"; available: id, name'),
        ("ext", 'lists cannot be sorted by "ext"; available: id, name'),
        ("ext.mine", 'lists cannot be sorted by "ext.mine"'),
        ("-name", '"-name" is spelled {"name":"desc"}'),
        ("+name", '"+name" is spelled "name"'),
        (" name", '" name" is spelled "name"'),
        ("name desc", '"name desc" is spelled {"name":"desc"}'),
        ("name:DESC", '"name:DESC" is spelled {"name":"desc"}'),
        ("name ASC", '"name ASC" is spelled "name"'),
        ("name,-ext.lwt", '"name,-ext.lwt" is spelled ["name",{"ext.lwt":"desc"}]'),
        (["-name"], '"-name" is spelled {"name":"desc"}'),
        ("-nme", 'no field "-nme" (did you mean "name"?)'),
        (["name", {"name": "desc"}], "name is named twice"),
        ({"name": "up"}, 'the direction of name must be "asc" or "desc"'),
        ({"name": []}, 'the direction of name must be "asc" or "desc"'),
        ({"name": "asc", "id": "asc"}, "an item must be a field name or"),
        ([{}], "an item must be a field name or"),
        (5, "an item must be a field name or"),
        ([None], "an item must be a field name or"),
        ([["name"]], "an item must be a field name or"),
        (["name"] * 14, "has 14 items, but there are 13 fields"),
    ],
)
def test_order_is_refused_with_what_is_wrong(order, fault):
    [found] = order_faults(order)
    assert fault in found


def test_all_faults_of_an_order_are_told():
    assert len(order_faults(["nme", 5, {"id": 1}])) == 3
