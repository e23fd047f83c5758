"""The rules of services, states and tasks: what events may hold, what is stored of them."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.datetimes import duration, in_milliseconds, of_seconds
from app.errors import Invalid
from app.schemas import events
from app.schemas.events import Rules, association, start
from app.schemas.extension import new
from app.schemas.extension_values import Values
from app.schemas.service import (
    ARRAYS,
    EVENT_MEMBERS,
    LEVELS,
    SERVICES,
    STATES,
    TASKS,
    TYPED,
    place,
)
from app.schemas.stored_service import loaded
from app.schemas.value_types import MAX_ID

NOW = "2026-01-02T03:04:05.678Z"
LATER = "2026-01-02T03:04:06.679Z"
BEGUN, ENDED = {"started": {"timestamp": NOW}}, {"completed": {"timestamp": LATER}}

EVENT = {
    "timestamp": NOW,
    "session_id": "s",
    "interaction_id": "56",
    "application_type": 400,
    "application_id": 40,
    "resource_type": "agent",
    "resource_id": 10,
    "media_type": "voice",
}
"""All common members of an event, in their stored form."""


def no_mapping(name, value):
    return value


def end(body, rules):
    """Read the end of service 5."""
    return events.end(SERVICES, body, {"service_id": 5}, rules)


def transition(body, rules, inside):
    """Read a transition in service 5."""
    return events.transition(body, 5, rules, inside)


def rules(*schemas, mapped=no_mapping):
    """The rules of a level with these extension schemas."""
    values = [Values(new(each, "services", ())) for each in schemas]
    known = {each.name.lower(): each for each in values}
    return Rules(lambda: known, mapped)


PLAIN = rules()
INSIDE = {
    "service_id": 5,
    "active_states": [{"state_id": 7}],
    "completed_states": [],
}
"""A service with a state."""
INFO = {
    "name": "Info",
    "type": "single-valued",
    "attributes": [{"name": "n", "type": "integer"}],
}
OFFERS = INFO | {"name": "Offers", "type": "multi-valued"}


def started(level=SERVICES, which=PLAIN, **members):
    body = {level.type: 100}
    if level is SERVICES:
        body["contact_key"] = "555-0100"
    return start(level, body | members, which)


def faults(call):
    with pytest.raises(Invalid) as caught:
        call()
    return caught.value.faults


def same(one, other):
    """Equal as JSON texts: in one order, and 1 is neither true nor 1.0."""
    return json.dumps(one) == json.dumps(other)


# Times


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2010-09-07T07:58:16Z", "2010-09-07T07:58:16.000Z"),
        ("2010-09-07T07:58:16.3Z", "2010-09-07T07:58:16.300Z"),
        ("2010-09-07T07:58:16.313Z", "2010-09-07T07:58:16.313Z"),
        ("2010-09-07T07:58:16.3139999Z", "2010-09-07T07:58:16.313Z"),
    ],
)
def test_moments_have_three_fraction_digits(text, expected):
    assert in_milliseconds(text) == expected


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ("2010-06-03T08:49:53.053Z", "2010-06-03T08:51:15.990Z", 82_937),
        ("2010-06-03T08:48:51.473Z", "2010-06-03T08:51:54.380Z", 182_907),
        (NOW, NOW, 0),
        (LATER, NOW, 0),
        ("2024-02-28T00:00:00.000Z", "2024-03-01T00:00:00.000Z", 172_800_000),
        ("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", 315537897599999),
    ],
)
def test_duration_is_in_milliseconds_and_never_below_0(first, second, expected):
    assert duration(first, second) == expected


@pytest.mark.parametrize("milliseconds", [0, 1, 677, 678, 999])
def test_seconds_of_a_float_keep_their_milliseconds(milliseconds):
    text = of_seconds(1767323045 + milliseconds / 1000)
    assert text == f"2026-01-02T03:04:05.{milliseconds:03}Z"


# Events


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_start_keeps_what_is_shown_apart_from_what_stands_on_the_resource(level):
    event = started(level, est_duration="300", **EVENT)
    assert same(event.shown({}), EVENT)
    assert event.part("est_duration", level.type) == {
        "est_duration": 300,
        level.type: 100,
    }


def test_end_keeps_what_is_shown_apart_from_what_stands_on_the_resource():
    event = end({**EVENT, "disposition": 5, "disposition_desc": ""}, PLAIN)
    assert same(event.shown({}), EVENT)
    rest = {"disposition": 5, "disposition_desc": ""}
    assert event.part("disposition", "disposition_desc", "est_duration") == rest


def test_event_is_shown_over_the_former_one():
    event = end({"media_type": 3}, PLAIN)
    former = {"timestamp": LATER, "media_type": 2, "session_id": "x"}
    assert event.shown(former) == former | {"media_type": 3}
    assert former["media_type"] == 2


def test_null_is_as_absent():
    nulls = dict.fromkeys((*EVENT, "est_duration", "customer_id"))
    assert started(**nulls) == started()
    assert end(
        dict.fromkeys((*EVENT, "disposition", "disposition_desc")), PLAIN
    ).given == ({})


TYPES_OF_EVENTS = [name for name in TYPED if name in EVENT_MEMBERS]


@pytest.mark.parametrize("value", [0, -(2**63), 2**63 - 1, "x", " ", "100"])
def test_type_is_an_integer_or_a_name(value):
    given = started(service_type=value, **dict.fromkeys(TYPES_OF_EVENTS, value)).given
    names = ("service_type", *TYPES_OF_EVENTS)
    assert all(same(given[name], value) for name in names)


@pytest.mark.parametrize("value", ["", 2**63, 1.5, True, [], {}])
def test_type_is_refused_when_it_is_neither(value):
    sent = dict.fromkeys(("service_type", *TYPES_OF_EVENTS), value)
    found = faults(lambda: started(**sent))
    assert found.keys() == sent.keys()
    assert found["media_type"] == [
        "must be an integer of at most 64 bits, or a name that is not empty"
    ]


REFUSED = [
    ("timestamp", "", "must be a date-time such as 2010-09-07T07:58:16.313Z"),
    ("timestamp", "2010-02-30T00:00:00Z", "must be a date that exists"),
    ("timestamp", 5, "must be a date such as"),
    ("session_id", "s" * 33, "may have 32 characters at most"),
    ("session_id", 5, "must be a string, not a number"),
    ("interaction_id", "i" * 51, "may have 50 characters at most"),
    ("interaction_id", True, "must be a string, not a boolean"),
    ("interaction_id", 1.5, "must be a string, not a number"),
    ("est_duration", -1, "must be 0 or more"),
    ("est_duration", 1.5, "must be an integer"),
    ("customer_id", "", "must be a text that is not empty, not an empty one"),
    ("contact_key", 5, "must be a text that is not empty, not a number"),
    ("service_id", 1, "is not a member here nor a known extension"),
    ("contact", 1, '(did you mean "contact_key"?)'),
    ("state_id", None, "is not a member here nor a known extension"),
]


@pytest.mark.parametrize("name, value, fault", REFUSED)
def test_start_is_refused_with_the_place(name, value, fault):
    fields = {name: value}
    found = faults(lambda: started(**fields))
    assert list(found) == [name]
    assert fault in found[name][0]


@pytest.mark.parametrize("value", [-1, "-1", MAX_ID + 1, 1.5, True, "x", []])
def test_id_of_a_state_is_refused_when_it_can_be_none(value):
    assert list(faults(lambda: started(TASKS, state_id=value))) == ["state_id"]
    found = faults(lambda: started(STATES, previous_state_id=value))
    assert list(found) == ["previous_state_id"]


def test_one_key_of_a_service_is_required():
    assert faults(lambda: start(SERVICES, {"service_type": 1}, PLAIN)) == {
        "customer_id": ["is required, or else contact_key"]
    }
    body = {"service_type": 1, "contact_key": ""}
    assert list(faults(lambda: start(SERVICES, body, PLAIN))) == ["contact_key"]
    assert start(SERVICES, body | {"contact_key": "x"}, PLAIN).given


@pytest.mark.parametrize("body", [None, [], "x", 5, True])
def test_event_is_refused_when_not_an_object(body):
    for read in (
        lambda: start(TASKS, body, PLAIN),
        lambda: end(body, PLAIN),
        lambda: association(body, "bob", PLAIN),
        lambda: transition(body, PLAIN, INSIDE),
    ):
        with pytest.raises(Invalid, match="must be a JSON object"):
            read()


def test_association_requires_nothing_and_has_the_customer_of_the_address():
    assert association({}, "bob", PLAIN).given == {"customer_id": "bob"}
    body = {"customer_id": "bob", "est_duration": 5}
    assert association(body, "bob", PLAIN).given == body
    found = faults(lambda: association({"customer_id": "ann"}, "bob", PLAIN))
    assert found == {"customer_id": ['must be the id of the address, "bob", or absent']}


@pytest.mark.parametrize("customer_id", ["", "\0", "a\0b"])
def test_association_is_refused_with_an_id_that_no_body_could_have(customer_id):
    found = faults(lambda: association({"media_type": ""}, customer_id, PLAIN))
    assert list(found) == ["media_type", "customer_id"]


def test_transition_is_an_end_and_a_start_with_one_event():
    former = {"state_id": "7", "disposition": 5, "disposition_desc": "d"}
    body = {"from": former, "to": {"state_type": 1, "est_duration": 2}, **EVENT}
    id_, ended, begun = transition({**body, "info": {"n": 1}}, rules(INFO), INSIDE)
    assert id_ == 7
    assert ended.given == EVENT | {"disposition": 5, "disposition_desc": "d"}
    extra = {"state_type": 1, "est_duration": 2, "previous_state_id": 7}
    assert begun.given == EVENT | extra
    assert (ended.values, begun.values) == ({}, {"Info": {"n": 1}})


def test_all_faults_of_a_transition_are_told_at_once():
    body = {"from": {"x": 1}, "to": 5, "media_type": "", "more": 1}
    assert sorted(faults(lambda: transition(body, PLAIN, INSIDE))) == [
        "from.state_id",
        "from.x",
        "media_type",
        "more",
        "to",
    ]


# Mapped values


def mapped(name, value):
    if value == "bad":
        raise ValueError(f"has no such {name}")
    return f"{name}:{value}"


def test_typed_fields_are_mapped_and_no_others():
    sent = dict.fromkeys(TYPES_OF_EVENTS, 1)
    event = started(which=rules(mapped=mapped), application_id=1, resource_id=1, **sent)
    names = ("service_type", *sent)
    assert [event.given[each] for each in sent] == [f"{each}:1" for each in sent]
    assert event.given["service_type"] == "service_type:100"
    assert (event.given["application_id"], event.given["resource_id"]) == (1, 1)
    bad = dict.fromkeys(names, "bad")
    found = faults(lambda: started(which=rules(mapped=mapped), **bad))
    assert found == {name: [f"has no such {name}"] for name in names}


def test_parts_of_a_transition_are_mapped():
    which = rules(mapped=mapped)
    body = {"from": {"state_id": 7, "disposition": 5}, "to": {"state_type": 6}}
    _, ended, begun = transition(body | {"media_type": 7}, which, INSIDE)
    assert ended.given["disposition"] == "disposition:5"
    assert begun.given["state_type"] == "state_type:6"
    assert ended.given["media_type"] == begun.given["media_type"] == "media_type:7"
    body = {"from": {"state_id": 7, "disposition": "bad"}, "to": {"state_type": "bad"}}
    assert faults(lambda: transition(body, which, INSIDE)) == {
        "from.disposition": ["has no such disposition"],
        "to.state_type": ["has no such state_type"],
    }


# Extension values


def test_values_are_taken_by_name_in_any_case():
    which = rules(INFO, OFFERS)
    event = started(which=which, INFO={"n": "5"}, offers=[{"n": 6}])
    assert event.values == {"Info": {"n": 5}, "Offers": [{"n": 6}]}
    assert not event.given.keys() & {"INFO", "offers", "Info", "Offers"}
    assert end({"info": {}}, which).values == {"Info": {}}
    assert association({"info": {}}, "bob", which).values == {"Info": {}}
    assert started(which=which, Info=None, Offers=[]).values == {"Offers": []}


def test_values_are_refused_with_the_place():
    which = rules(INFO, OFFERS)
    found = faults(lambda: started(which=which, info={"n": "x"}, offers=[{"m": 1}]))
    assert list(found) == ["Info.n", "Offers.0.m"]
    assert list(faults(lambda: started(which=which, Info=[]))) == ["Info"]
    twice = {"info": {}, "INFO": {}}
    assert faults(lambda: started(which=which, **twice)) == {
        "INFO": ["is in the body twice, in another case"]
    }
    assert '"Offers"' in faults(lambda: started(which=which, Offer=[]))["Offer"][0]


# Levels


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_no_extension_can_have_the_name_of_a_member(level):
    """Whatever stands in a reply or may be sent, as clients spell it."""
    event = {*EVENT_MEMBERS, "est_duration", "disposition", "disposition_desc"}
    assert level.reserved >= {*level.members, *event}
    assert ({"from", "to"} <= level.reserved) == (level is STATES)
    assert not level.reserved & {"former", "new"}


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_members_are_put_in_order_and_values_last(level):
    names = ["Info", *reversed(level.members), "More"]
    resource = dict.fromkeys(names, 1)
    assert list(level.arranged(resource)) == [*level.members, "Info", "More"]
    assert level.arranged({}) == {}


def test_place_is_start_time_then_number_of_the_id():
    tasks = [{"task_id": n, **BEGUN} for n in (10, 9)]
    earlier = {"task_id": 11, "started": {"timestamp": "2025-01-02T03:04:05.678Z"}}
    tasks.append(earlier)
    ordered = sorted(tasks, key=lambda each: place(TASKS, each))
    assert [each["task_id"] for each in ordered] == [11, 9, 10]


# Documents of a file

CASE = {"service_id": 5, "service_type": 100, "customer_id": "bob", **BEGUN}
EMPTY = {name: [] for name in ARRAYS}
TASK = {"task_id": 8, "task_type": 1, "started": {"timestamp": NOW}}
STATE = {"state_id": 7, "state_type": 1, **BEGUN}


def read(raw, number=3):
    return loaded(raw, number, "2019-08-26T12:09:03.34Z")


def test_service_is_complete_when_it_has_what_a_person_writes():
    assert same(read(CASE), CASE | EMPTY)
    assert same(
        read({"service_type": "x"}),
        {
            "service_id": 3,
            "service_type": "x",
            "started": {"timestamp": "2019-08-26T12:09:03.340Z"},
            **EMPTY,
        },
    )


def test_nested_ones_are_completed_and_put_in_order():
    earlier = {"started": {"timestamp": "2025-01-02T03:04:05Z"}}
    states = [STATE, STATE | earlier | {"state_id": 8}]
    done = {"task_id": 1, "task_type": 1, **BEGUN, **ENDED}
    document = read(CASE | {"active_states": states, "completed_tasks": [done]})
    assert [each["state_id"] for each in document["active_states"]] == [8, 7]
    assert {each["service_id"] for each in document["active_states"]} == {5}
    assert document["completed_tasks"][0]["duration"] == 1001


def test_duration_of_a_file_is_kept():
    assert read(CASE | ENDED)["duration"] == 1001
    assert read(CASE | ENDED | {"duration": 5})["duration"] == 5


def test_complete_document_is_loaded_as_itself():
    done = STATE | ENDED | {"duration": 5, "Info": {"a": [1]}}
    raw = CASE | ENDED | {"completed_states": [done], "interactions": [{}], "More": []}
    document = read(raw)
    assert same(read(json.loads(json.dumps(document)), 99), document)


def test_document_is_made_without_changing_what_it_is_made_of():
    raw = CASE | {"active_states": [STATE | {"Info": {"a": [1]}}], "More": [{}]}
    before = copy.deepcopy(raw)
    document = read(raw)
    assert raw == before
    raw["active_states"][0]["Info"]["a"].append(2)
    raw["More"].clear()
    assert document["active_states"][0]["Info"] == {"a": [1]}
    assert document["More"] == [{}]


def test_null_is_as_absent_in_a_document():
    nulls = ("contact_key", "completed", "duration", "Info", "interactions", *ARRAYS)
    assert read(CASE | dict.fromkeys(nulls)) == read(CASE)
    assert read(CASE | {"service_id": None, "started": None})["service_id"] == 3
    state = STATE | {"service_id": None, "completed": None, "Info": None}
    assert read(CASE | {"active_states": [state]}) == read(
        CASE | {"active_states": [STATE]}
    )


REFUSED_DOCUMENTS = [
    ({"service_id": -1}, "service_id", f"must be from 0 to {MAX_ID}"),
    ({"service_id": MAX_ID + 1}, "service_id", "must fit into 64 bits"),
    ({"service_type": None}, "service_type", "is required"),
    ({"started": {}}, "started.timestamp", "is required"),
    ({"completed": {"timestamp": NOW, "x": 1}}, "completed.x", "of an event"),
    ({"active_states": [5]}, "active_states.0", "must be an object, not a number"),
    ({"completed_tasks": [None]}, "completed_tasks.0", "must be an object, not null"),
    ({"active_states": [{}]}, None, None),
    ({"active_states": [STATE, STATE]}, "active_states", "state_id 7 is there twice"),
    ({"active_states": [STATE | ENDED]}, "active_states.0.completed", "must not be"),
    ({"completed_states": [STATE]}, "completed_states.0.completed", "must be there"),
    ({"duration": 5}, "duration", "only what is completed has it"),
    ({"disposition": 5}, "disposition", "only what is completed has it"),
    (
        {"active_states": [STATE | {"disposition_desc": "d"}]},
        "active_states.0.disposition_desc",
        "must be absent",
    ),
    (
        {"active_states": [STATE | {"previous_state_id": 8}]},
        "active_states.0.previous_state_id",
        "there is no state 8 in service 5",
    ),
    (
        {"active_tasks": [TASK | {"state_id": 8}], "active_states": [STATE]},
        "active_tasks.0.state_id",
        "there is no state 8 in service 5",
    ),
    ({"x": 5}, "x", "is not a member of a service nor an object or array of objects"),
    ({"x": [5]}, "x", "is not a member of a service nor an object or array of objects"),
    ({"custmer_id": "x"}, "custmer_id", '(did you mean "customer_id"?)'),
    ({"Started": {}}, "Started", "cannot be the name of an extension here"),
    ({"x": {}, "X": {}}, "X", "cannot be the name of an extension here"),
]


@pytest.mark.parametrize("change, name, fault", REFUSED_DOCUMENTS)
def test_document_is_refused_with_the_place(change, name, fault):
    found = faults(lambda: read(CASE | change))
    if name is None:
        assert list(found) == [
            f"active_states.0.{each}" for each in ("started", "state_id", "state_type")
        ]
    else:
        assert name in found and fault in found[name][0]


@pytest.mark.parametrize("raw", [None, [], "x", 5])
def test_document_is_refused_when_not_an_object(raw):
    with pytest.raises(Invalid, match="must be a JSON object"):
        read(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", NOW]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*SERVICES.members, *STATES.members, "timestamp", "Info"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_any_json_is_either_refused_or_loaded_for_good(raw):
    change = raw if isinstance(raw, dict) else {"active_states": raw}
    try:
        document = read(CASE | change)
    except Invalid:
        return
    assert same(read(document, 99), document)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_any_json_is_either_refused_or_read_as_an_event(raw):
    change = raw if isinstance(raw, dict) else {"from": raw, "to": raw}
    for call in (
        lambda: started(which=rules(INFO), **change),
        lambda: end(change, PLAIN),
        lambda: association(change, "bob", PLAIN),
        lambda: transition(change, PLAIN, INSIDE),
    ):
        try:
            call()
        except Invalid as error:
            assert error.message
