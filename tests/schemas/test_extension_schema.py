"""The rules of extensions: which definitions are accepted, and which values fit them."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Invalid, NotFound
from app.schemas.base import MAX_COMPARED, MAX_SUGGESTIONS
from app.schemas.extension import LEVELS, key, loaded, new, shown
from app.schemas.extension_values import Values
from app.schemas.value_types import TYPES

OFFERS = {
    "name": "relatedOffers",
    "type": "multi-valued",
    "attributes": [
        {"name": "offer_name", "type": "string", "length": 64, "mandatory": True},
        {"name": "type", "type": "integer", "default": "9"},
        {"name": "comments", "type": "string"},
    ],
    "unique": ["offer_name", "type"],
}
CLIENT = {
    "name": "ClientInfo",
    "type": "single-valued",
    "attributes": [
        {"name": "clientIp", "type": "string", "unique": True},
        {"name": "port", "type": "integer"},
    ],
}
RESERVED = ("service_id", "Started", "completed")


def made(**members):
    return new({**OFFERS, **members}, "services", RESERVED)


def attribute(**members):
    return {"attributes": [{"name": "a", "type": "string", **members}], "unique": None}


def refused(call):
    with pytest.raises(Invalid) as caught:
        call()
    return caught.value.faults


def faults(**members):
    return refused(lambda: made(**members))


def values(**members):
    return Values(made(**members))


def of_type(type_, **members):
    """The rules of a single value with one attribute "a"."""
    return values(type="single-valued", **attribute(type=type_, **members))


def same(one, other):
    """Equal as JSON texts: in one order, and 1 is neither true nor 1.0."""
    return json.dumps(one) == json.dumps(other)


# Definitions


def test_new_definition_is_complete_and_in_order():
    converted = {"name": "type", "type": "integer", "default": 9}
    attributes = [OFFERS["attributes"][0], converted, OFFERS["attributes"][2]]
    assert same(
        made(),
        {
            "id": "services.relatedoffers",
            "level": "services",
            "name": "relatedOffers",
            "type": "multi-valued",
            "attributes": attributes,
            "unique": ["offer_name", "type"],
        },
    )


@pytest.mark.parametrize("level", LEVELS)
def test_key_is_the_same_in_any_case(level):
    assert key(level, "ClientInfo") == key(level, "CLIENTINFO") == f"{level}.clientinfo"
    assert new(CLIENT, level, ())["id"] == f"{level}.clientinfo"


def test_definition_is_shown_as_it_was_given():
    definition = made()
    assert list(shown(definition)) == ["name", "type", "attributes", "unique"]
    assert shown(definition)["attributes"] == definition["attributes"]
    assert shown(new(CLIENT, "tasks", ()))["unique"] == ["clientIp"]
    assert "unique" not in shown(made(**attribute()))


def test_definitions_share_nothing_with_what_they_are_made_of():
    body = copy.deepcopy(OFFERS)
    document = new(body, "services", ())
    before = copy.deepcopy(document)
    body["unique"].clear()
    body["attributes"][0]["name"] = "x"
    body["attributes"].clear()
    assert document == before
    reply = shown(document)
    reply["unique"].clear()
    reply["attributes"][0].clear()
    assert document == before


def test_null_is_the_same_as_absent_in_a_definition():
    members = ("length", "default", "mandatory", "unique", "encrypt")
    assert made(**attribute(**dict.fromkeys(members))) == made(**attribute())


@pytest.mark.parametrize("flag", ["mandatory", "unique", "encrypt"])
def test_flags_are_kept_as_booleans_when_sent_as_text(flag):
    fields = {flag: "false"}
    (stored,) = made(**attribute(**fields))["attributes"]
    assert stored[flag] is False


@pytest.mark.parametrize("name", ["a", "A_1", "a" * 26, "fields", "load", "Meta"])
def test_name_is_accepted_when_a_letter_comes_first(name):
    assert made(name=name)["name"] == name


NAME_RULE = "must be a letter and at most 25"
REFUSED = [
    ("name", None, "name", "must not be null"),
    ("name", 5, "name", "must be a string, not a number"),
    *(("name", n, "name", NAME_RULE) for n in ("", "1a", "_a", "a-b", "é", "a\n")),
    ("name", "a" * 27, "name", NAME_RULE),
    ("name", "SERVICE_ID", "name", "that is a member of the resource or its events"),
    ("name", "started", "name", "that is a member of the resource or its events"),
    ("type", "multi", "type", '"single-valued", "multi-valued"'),
    ("type", None, "type", "must not be null"),
    ("attributes", [], "attributes", "from 1 to 1000 attributes"),
    ("attributes", {}, "attributes", "must be an array, not an object"),
    ("attributes", None, "attributes", "must not be null"),
    ("attributes", [None], "attributes.0", "must be an object, not null"),
    ("unique", [None], "unique.0", "must be a string, not null"),
    ("unique", "a", "unique", "must be an array, not a string"),
    ("unique", ["type", 5], "unique.1", "must be a string, not a number"),
    ("unique", ["type", "type"], "unique.1", "is the same as unique.0"),
    ("unique", ["typ"], "unique.0", 'name of an attribute (did you mean "type"?)'),
    ("atributes", [], "atributes", '(did you mean "attributes"?)'),
    ("id", "services.relatedoffers", "id", "is not a member of an extension schema"),
    ("level", "services", "level", "is not a member of an extension schema"),
    ("deleting", True, "deleting", "is not a member of an extension schema"),
]


@pytest.mark.parametrize(("name", "given", "place", "fault"), REFUSED)
def test_definition_is_refused_with_the_place(name, given, place, fault):
    fields = {"unique": None, name: given}
    found = faults(**fields)
    assert list(found) == [place]
    assert fault in found[place][0]


ATTRIBUTE_REFUSED = [
    ("name", "", "must be a text of 1 to 64 characters"),
    ("name", "a" * 65, "must be a text of 1 to 64 characters"),
    ("name", 5, "must be a string, not a number"),
    ("type", "text", '"string", "integer", "long", "double", "boolean", "date"'),
    ("type", None, "must not be null"),
    ("length", 0, "must be 1 or more"),
    ("length", 1.5, "must be an integer"),
    ("default", [], "must be a string, not an array"),
    ("mandatory", 1, "must be true or false"),
    ("unique", "yes", "must be true or false"),
    ("encrypt", True, "must be false or absent: values are not encrypted here"),
    ("encrypt", "true", "must be false or absent: values are not encrypted here"),
    ("lenght", 5, 'is not a member of an attribute (did you mean "length"?)'),
]


@pytest.mark.parametrize(("name", "given", "fault"), ATTRIBUTE_REFUSED)
def test_attribute_is_refused_with_its_place(name, given, fault):
    fields = {name: given}
    found = faults(**attribute(**fields))
    assert list(found) == [f"attributes.0.{name}"]
    assert fault in found[f"attributes.0.{name}"][0]


def test_default_is_refused_when_it_does_not_fit():
    place = "attributes.0.default"
    assert "2 characters" in faults(**attribute(length=2, default="abc"))[place][0]
    assert "an integer" in faults(**attribute(type="long", default="x"))[place][0]


def test_length_is_refused_when_the_type_is_not_string():
    found = faults(**attribute(type="long", length=5, default="5"))
    assert found == {
        "attributes.0.length": ["must be absent: only strings have a length"]
    }


def test_attribute_name_is_refused_when_it_is_there_already():
    attributes = [{"name": n, "type": "date"} for n in ("a", "b", "A", "a")]
    found = faults(attributes=attributes, unique=None)
    assert found == {"attributes.3.name": ["is the name of attribute 0 too"]}


@pytest.mark.parametrize("body", [None, [], "x", 5, True])
def test_definition_is_refused_when_not_an_object(body):
    for read in (lambda: new(body, "services", ()), lambda: loaded(body, 1, "")):
        with pytest.raises(Invalid, match="must be a JSON object"):
            read()


def test_all_faults_of_a_definition_are_told_at_once():
    body = {"type": "x", "attributes": [5, {"type": "y", "b": 1}], "unique": ["z"]}
    assert list(refused(lambda: new(body, "services", ()))) == [
        "name",
        "type",
        "attributes.0",
        "attributes.1.name",
        "attributes.1.type",
        "attributes.1.b",
        "unique.0",
    ]


def test_few_unknown_members_are_compared_when_there_are_many():
    attributes = [{"name": str(n), "type": "date", "lenght": 1} for n in range(50)]
    found = faults(attributes=attributes, unique=None)
    told = [each for each in found.values() if "did you mean" in each[0]]
    assert len(found) == 50 and len(told) == MAX_SUGGESTIONS


def flagged(*names):
    return [
        {"name": n, "type": "string", "unique": n in names} for n in ("a", "b", "c")
    ]


def test_key_is_what_is_flagged_when_there_is_no_list():
    assert made(attributes=flagged("c", "a"), unique=None)["unique"] == ["a", "c"]


@pytest.mark.parametrize("listed", [["a", "c"], ["c", "a"]])
def test_key_is_the_list_when_the_flags_agree(listed):
    assert made(attributes=flagged("a", "c"), unique=listed)["unique"] == listed


@pytest.mark.parametrize("listed", [["a"], ["a", "b"], ["a", "b", "c"], []])
def test_key_is_refused_when_list_and_flags_differ(listed):
    found = faults(attributes=flagged("a", "c"), unique=listed)
    assert found == {
        "unique": ['must be absent or name what is flagged unique: "a", "c"']
    }


def test_empty_list_is_no_key_when_nothing_is_flagged():
    assert made(attributes=flagged(), unique=[])["unique"] == []


# Definitions of a data file


def test_definition_of_a_file_is_complete_when_it_has_what_a_person_writes():
    raw = {"level": "services", **OFFERS}
    assert same(loaded(raw, 7, "2019-08-26T12:09:03Z"), made())


@pytest.mark.parametrize("extra", [{}, {"deleting": True}])
def test_stored_definition_is_loaded_as_itself(extra):
    document = {**made(), **extra}
    assert same(loaded(json.loads(json.dumps(document)), 7, ""), document)


def test_deleting_is_left_out_when_false():
    assert "deleting" not in loaded({**made(), "deleting": False}, 1, "")


@pytest.mark.parametrize(
    ("member", "given", "fault"),
    [
        ("id", "services.other", 'must be "services.relatedoffers" or absent'),
        ("id", 5, "must be a string, not a number"),
        ("level", "service", '"services", "states", "tasks"'),
        ("level", None, "must not be null"),
        ("deleting", "maybe", "must be true or false"),
        ("nmae", 1, '(did you mean "name"?)'),
    ],
)
def test_definition_of_a_file_is_refused_with_the_place(member, given, fault):
    found = refused(lambda: loaded({**made(), member: given}, 1, ""))
    assert list(found) == [member]
    assert fault in found[member][0]


# Types

CONVERTED = [
    ("string", "x", "x"),
    ("string", "", ""),
    ("string", 4, "4"),
    ("string", -4.5, "-4.5"),
    ("string", True, "true"),
    ("integer", 4, 4),
    ("integer", "4", 4),
    ("integer", 4.0, 4),
    ("integer", -(2**31), -(2**31)),
    ("integer", "2147483647", 2**31 - 1),
    ("long", 2**63 - 1, 2**63 - 1),
    ("long", "-9223372036854775808", -(2**63)),
    ("long", float(2**53), 2**53),
    ("double", 4, 4.0),
    ("double", 4.5, 4.5),
    ("double", "4", 4.0),
    ("double", "-1.5e3", -1500.0),
    ("double", 2**60, float(2**60)),
    ("boolean", True, True),
    ("boolean", "false", False),
    ("date", "2020-02-29", "2020-02-29"),
    ("datetime", "1981-03-17T02:00:00.000Z", "1981-03-17T02:00:00.000Z"),
    ("datetime", "1981-03-17t02:00:00z", "1981-03-17T02:00:00.000Z"),
    ("datetime", "2019-01-01T01:30:00.5+02:00", "2018-12-31T23:30:00.500Z"),
    ("datetime", "2019-01-01T00:00:00.123000Z", "2019-01-01T00:00:00.123Z"),
    ("currency", 5, 5.0),
    ("currency", 19.99, 19.99),
    ("currency", "19.90", 19.9),
    ("currency", "-007.123400", -7.1234),
    ("currency", 99999999999.9999, 99999999999.9999),
    ("currency", 0, 0.0),
]


@pytest.mark.parametrize(("type_", "given", "stored"), CONVERTED)
def test_value_is_converted_when_nothing_is_lost(type_, given, stored):
    assert same(of_type(type_).whole({"a": given}), {"a": stored})


INTEGER_RULE = "must be an integer from -2147483648 to 2147483647"
LONG_RULE = "must be an integer from -9223372036854775808 to 9223372036854775807"
DOUBLE_RULE = "must be a finite number such as 4.5"
CURRENCY_RULE = "must be a number of at most 15 digits, 4 of them decimals"
LOSSY = [
    *(("string", v, "must be a string, not an ") for v in ([], {})),
    *(("integer", v, INTEGER_RULE) for v in (True, 1.5, "1.0", "x", "", " 1", "١")),
    *(("integer", v, INTEGER_RULE) for v in (2**31, -(2**31) - 1, 1e300, [])),
    *(
        ("long", v, LONG_RULE)
        for v in (2**63, "9223372036854775808", 2.0**54, "9" * 99)
    ),
    *(("double", v, DOUBLE_RULE) for v in (True, "x", "1e999", "nan", ".5", "", [])),
    ("double", 2**53 + 1, "must be a number that a double can hold unchanged"),
    ("double", "9007199254740993", "must be a number that a double can hold unchanged"),
    *(("boolean", v, "must be true or false") for v in (0, 1, "True", "", [])),
    *(
        ("date", v, 'must be a date such as "2019-08-26"')
        for v in (20190826, "20190826")
    ),
    ("date", "2019-08-26T00:00:00Z", 'must be a date such as "2019-08-26"'),
    ("date", "2019-02-29", "must be a date that exists"),
    ("datetime", "", 'must be a date-time such as "2019-08-26T12:09:03.340Z"'),
    *(("datetime", v, "must be a date such as") for v in (5, "2019-08-26", [])),
    ("datetime", "2019-02-29T00:00:00Z", "must be a date that exists"),
    ("datetime", "2019-01-01T00:00:00.1234Z", "at most three fraction digits"),
    *(("currency", v, CURRENCY_RULE) for v in (True, "x", "", "1.", ".5", "1e2", [])),
    *(("currency", v, CURRENCY_RULE) for v in (0.00001, "1.23456", 10**15, 1e300)),
]


@pytest.mark.parametrize(("type_", "given", "fault"), LOSSY)
def test_value_is_refused_when_something_would_be_lost(type_, given, fault):
    found = refused(lambda: of_type(type_).whole({"a": given}))
    assert list(found) == ["relatedOffers.a"]
    assert fault in found["relatedOffers.a"][0]


def test_length_is_counted_after_the_conversion():
    rules = of_type("string", length=3)
    assert rules.whole({"a": 123}) == {"a": "123"}
    found = refused(lambda: rules.whole({"a": 1234}))
    assert found == {"relatedOffers.a": ["may have 3 characters at most"]}


# Values

OFFER = {"offer_name": "life insurance", "type": 3, "comments": "check"}


def test_sample_of_the_documents_fits_its_schema():
    attributes = [{"name": n, "type": "string"} for n in ("offer_name", "type")]
    rules = values(attributes=attributes)
    offers = [{"offer_name": "3 times payment GOLD", "type": 4}]
    assert rules.whole(offers) == [{"offer_name": "3 times payment GOLD", "type": "4"}]
    assert (rules.name, rules.is_multi) == ("relatedOffers", True)
    assert rules.unique == ("offer_name", "type")


def test_default_fills_what_is_omitted_or_null():
    filled = [{"offer_name": "a", "type": 9}, {"offer_name": "b", "type": 9}]
    raw = [{"offer_name": "a"}, {"type": None, "offer_name": "b", "comments": None}]
    assert same(values().whole(raw), filled)


def test_mandatory_attribute_is_required_when_it_has_no_default():
    found = refused(lambda: values().whole([{}, {"offer_name": None}]))
    assert found == {
        "relatedOffers.0.offer_name": ["is required"],
        "relatedOffers.1.offer_name": ["must not be null"],
    }
    assert of_type("long", mandatory=True, default=0).whole({}) == {"a": 0}


def test_empty_value_fits_when_nothing_is_mandatory():
    assert values().whole([]) == []
    assert Values(new(CLIENT, "tasks", ())).whole({}) == {}


@pytest.mark.parametrize("raw", [None, {}, OFFER, "x", 5, True])
def test_array_is_wanted_when_multi_valued(raw):
    found = refused(lambda: values().whole(raw))
    assert "must be an array of objects, not " in found["relatedOffers"][0]


@pytest.mark.parametrize("raw", [None, [], [{}], "x", 5, True])
def test_object_is_wanted_when_single_valued(raw):
    for read in (of_type("long").whole, Values(new(CLIENT, "tasks", ())).record):
        (fault,) = refused(lambda read=read: read(raw)).values()
        assert "must be an object, not " in fault[0]


def test_all_faults_of_a_value_are_told_at_once():
    raw = [OFFER, {"offer_name": "b", "type": "x", "comment": 1}, 5, {}, OFFER]
    found = refused(lambda: values().whole(raw))
    assert list(found) == [
        "relatedOffers.1.type",
        "relatedOffers.1.comment",
        "relatedOffers.2",
        "relatedOffers.3.offer_name",
        "relatedOffers.4",
    ]
    assert 'did you mean "comments"?' in found["relatedOffers.1.comment"][0]
    assert found["relatedOffers.2"] == ["must be an object, not a number"]


def test_records_are_refused_when_their_keys_are_equal():
    raw = [{**OFFER, "type": "3"}, {**OFFER, "type": 4}, {**OFFER, "comments": "x"}]
    found = refused(lambda: values().whole(raw))
    fault = 'has the same offer_name "life insurance" and type 3 as item 0'
    assert found == {"relatedOffers.2": [fault]}


def test_long_key_is_cut_when_it_is_told():
    attributes = [{"name": "k", "type": "string"}]
    rules = values(attributes=attributes, unique=["k"])
    (fault,) = refused(lambda: rules.whole([{"k": "x" * 10_000}] * 2)).values()
    assert len(fault[0]) < 120


def test_records_without_a_key_are_equal_when_all_parts_are():
    rules = values(attributes=flagged("a", "b"), unique=None)
    assert len(rules.whole([{"a": "1"}, {"b": "1"}, {}])) == 3
    found = refused(lambda: rules.whole([{}, {"c": "x"}]))
    assert found == {"relatedOffers.1": ["has the same a null and b null as item 0"]}


def test_records_may_be_equal_when_there_is_no_key():
    assert values(**attribute()).whole([{"a": "x"}] * 2) == [{"a": "x"}] * 2


ODD = [
    "fields",
    "Meta",
    "load",
    "opts",
    "a b",
    "a.b",
    "é",
    "attribute_1",
    "_schema",
    " ",
]


def test_attribute_may_have_any_name():
    attributes = [{"name": name, "type": "long", "mandatory": True} for name in ODD]
    rules = values(attributes=attributes, unique=ODD)
    record = dict(zip(ODD, range(len(ODD)), strict=True))
    assert rules.whole([record]) == [record]
    assert rules.record(record) == record
    assert set(refused(lambda: rules.whole([{}]))) == {
        f"relatedOffers.0.{n}" for n in ODD
    }


def test_value_shares_nothing_with_what_it_is_made_of():
    raw = [dict(OFFER)]
    value = values().whole(raw)
    raw[0]["type"] = 5
    raw.clear()
    assert value == [OFFER]


def test_few_unknown_attributes_are_compared_when_there_are_many():
    raw = [{**OFFER, "type": n, "comment": n} for n in range(50)]
    found = refused(lambda: values().whole(raw))
    told = [each for each in found.values() if "did you mean" in each[0]]
    assert len(found) == 50 and len(told) == MAX_SUGGESTIONS


def test_few_known_attributes_are_compared_when_there_are_many():
    names = [chr(0x4E00 + number) * 8 for number in range(MAX_COMPARED + 1)]
    attributes = [{"name": name, "type": "date"} for name in names]
    rules = values(type="single-valued", attributes=attributes, unique=None)
    found = refused(lambda: rules.whole({f"{names[0]}x": 1, f"{names[-1]}x": 1}))
    told = ["did you mean" in each[0] for each in found.values()]
    assert told == [True, False]


# Records by their key


def stored():
    return values().whole([OFFER, {**OFFER, "type": 4}, {"offer_name": "x"}])


def test_record_has_only_what_was_given():
    given = {"offer_name": 5, "type": "3", "comments": None}
    assert values().record(given) == {"offer_name": "5", "type": 3}


def test_record_is_refused_when_its_key_is_not_complete():
    found = refused(lambda: values().record({"offer_name": None, "comment": 1}))
    assert list(found) == [f"relatedOffers.{n}" for n in ("type", "comment")]


def test_records_of_one_key_are_told_beside_other_faults():
    item = {"offer_name": "a", "type": "9"}
    found = refused(lambda: values().whole([item | {"x": 1}, item, item, {"x": 1}]))
    twin = ['has the same offer_name "a" and type 9 as item 0']
    assert {found["relatedOffers.1"][0], found["relatedOffers.2"][0]} == set(twin)
    assert {"relatedOffers.0.x", "relatedOffers.3.x"} < found.keys()


def test_record_is_refused_with_an_unknown_attribute_though_it_is_null():
    found = refused(lambda: values().record({**OFFER, "x": None}))
    assert list(found) == ["relatedOffers.x"]


def test_record_is_refused_when_the_extension_has_no_key():
    with pytest.raises(Invalid, match="no unique attributes"):
        of_type("long").record({"a": 1})


def test_record_of_the_key_is_amended():
    rules, value = values(), stored()
    before = copy.deepcopy(value)
    given = {"offer_name": "life insurance", "type": "4", "comments": "no"}
    after = rules.amended(value, given)
    assert same(after, [OFFER, {**OFFER, "type": 4, "comments": "no"}, before[2]])
    assert value == before


def test_absent_attributes_are_left_alone_when_a_record_is_amended():
    rules = values()
    assert rules.amended(stored(), {**OFFER, "comments": None}) == stored()


def test_record_of_the_key_is_removed():
    rules, value = values(), stored()
    after = rules.without(value, {"offer_name": "x", "type": 9})
    assert after == stored()[:2]
    assert value == stored()
    after[0].clear()
    assert value == stored()


def test_nothing_is_left_when_the_last_record_is_removed():
    rules = values()
    assert rules.without([OFFER], OFFER) == []


@pytest.mark.parametrize("value", [None, [], [{**OFFER, "type": 4}], [{}]])
def test_record_is_not_found_when_there_is_none_of_the_key(value):
    rules = values()
    for act in (rules.amended, rules.without):
        with pytest.raises(NotFound, match='offer_name "life insurance" and type 3$'):
            act(value, OFFER)


def test_single_value_is_amended_and_removed_by_its_key():
    rules = Values(new(CLIENT, "tasks", ()))
    value = {"clientIp": "192.168.1.1", "port": 80}
    record = {"clientIp": "192.168.1.1", "port": 81}
    assert rules.amended(value, record) == record
    assert rules.without(value, record) is None
    assert value["port"] == 80


@pytest.mark.parametrize("value", [None, {}, {"clientIp": "10.0.0.1"}])
def test_single_value_is_not_found_when_its_key_is_another(value):
    rules = Values(new(CLIENT, "tasks", ()))
    for act in (rules.amended, rules.without):
        with pytest.raises(NotFound, match="no record of ClientInfo"):
            act(value, {"clientIp": "192.168.1.1"})


def test_record_is_found_when_a_person_wrote_it_in_another_type():
    rules = values()
    by_hand = [{**OFFER, "type": "x"}, {**OFFER, "type": "3"}]
    assert rules.without(by_hand, OFFER) == by_hand[:1]


def test_keys_are_compared_as_what_they_are_converted_to():
    attributes = [
        {"name": n, "type": t} for n, t in (("b", "boolean"), ("d", "double"))
    ]
    rules = values(attributes=attributes, unique=["b", "d"])
    value = rules.whole([{"b": True, "d": 1}, {"b": "false", "d": "1"}])
    assert rules.without(value, {"b": False, "d": 1.0}) == value[:1]


# Whatever is sent

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(
    allow_nan=False, allow_infinity=False
)
MOMENTS = st.datetimes().map(lambda moment: f"{moment.isoformat('T', 'milliseconds')}Z")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.text(max_size=5),
    MOMENTS,
    NUMBERS.map(str),
    st.dates().map(str),
    st.decimals(-99, 99, places=4).map(str),
)


@settings(deadline=None)
@given(type_=st.sampled_from(list(TYPES)), scalar=SCALARS)
def test_converted_value_is_converted_to_itself(type_, scalar):
    rules = of_type(type_)
    try:
        value = rules.whole({"a": scalar})
    except Invalid:
        return
    assert same(rules.whole(json.loads(json.dumps(value))), value)


RULES = values(
    attributes=[
        {"name": "k", "type": "integer", "unique": True},
        {"name": "d", "type": "string", "default": "x", "length": 8},
        {"name": "m", "type": "datetime"},
    ],
    unique=None,
)
RECORDS = st.fixed_dictionaries(
    {}, optional={"k": st.integers(-3, 3) | SCALARS, "d": SCALARS, "m": MOMENTS}
)


@settings(deadline=None)
@given(st.lists(RECORDS, max_size=4))
def test_whole_value_is_made_of_itself_again(raw):
    before = copy.deepcopy(raw)
    try:
        value = RULES.whole(raw)
    except Invalid as error:
        assert all(place.startswith("relatedOffers.") for place in error.faults)
        return
    finally:
        assert raw == before
    assert same(RULES.whole(value), value)
    for record in value:
        if "k" in record:
            assert RULES.amended(value, record) == value
            assert RULES.without(value, record) == [r for r in value if r != record]


# Bounds


def test_definition_may_have_a_thousand_attributes():
    many = [{"name": f"a{n}", "type": "long"} for n in range(1001)]
    assert len(made(attributes=many[:1000], unique=None)["attributes"]) == 1000
    assert list(faults(attributes=many, unique=None)) == ["attributes"]


def test_value_is_refused_when_its_defaults_would_fill_the_memory():
    rules = values(**attribute(type="string", default="x" * 1000))
    assert len(rules.whole([{}] * 10_000)) == 10_000
    found = refused(lambda: rules.whole([{}] * 300_000))
    assert found[OFFERS["name"]][0].startswith("has 300000 records; 166")


def test_a_hundred_faults_of_a_value_are_named_and_the_others_counted():
    rules = values(**attribute(type="long", unique=True))
    for records in ([{"a": "x"}] * 500, [{"a": 1}] * 501, [{"b": 1}] * 500, [5] * 500):
        with pytest.raises(Invalid) as caught:
            rules.whole(records)
        assert sum(map(len, caught.value.faults.values())) == 100
        assert caught.value.faults.total >= 500
        assert " more (errors has the first 100)" in caught.value.message


def test_a_hundred_faults_of_a_definition_are_named_and_the_others_counted():
    many = [{"name": n, "type": "none", "x": 1} for n in range(1000)]
    found = faults(attributes=many)
    assert sum(map(len, found.values())) == 100
    assert found.total > 3000
