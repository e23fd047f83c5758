"""States and tasks: how they start and end inside of a service, and transitions."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from calls import FORM, JSON, address, send
from service_calls import (
    EVERYTHING,
    NOW,
    define,
    done,
    end,
    get,
    missing,
    number,
    refused,
    refused_services,
    start,
    unchanged,
)
from webtest import TestApp

NOUNS = {"states": "state", "tasks": "task"}

EVENT = {
    "timestamp": "2010-06-03T08:48:18.257Z",
    "session_id": "s",
    "interaction_id": "51",
    "application_type": 400,
    "application_id": 40,
    "resource_type": 200,
    "resource_id": 20,
    "media_type": 2,
}
SHARED = {name: each for name, each in EVENT.items() if name != "timestamp"}


@pytest.fixture(params=["states", "tasks"])
def level(request):
    return request.param


@pytest.fixture
def case(api):
    return start(api)


@pytest.fixture
def several(case, level):
    """The address of the states or the tasks of a service."""
    return f"{case}/{level}"


def transit(api, case, former, **members):
    """Make a transition from the state at an address, and return the reply."""
    body = {"from": {"state_id": number(former)}, "to": {"state_type": 200}}
    return send(api, "POST", f"{case}/states/transition", body | members)


def ids(found):
    return [each.get("task_id", each.get("state_id")) for each in found]


# Start


def test_reply_has_the_id_and_the_location(api, several, level):
    noun = NOUNS[level]
    for id_ in (1, 2):
        reply = send(api, "POST", f"{several}/start", {f"{noun}_type": 1})
        assert (reply.status_int, reply.headers["Content-Type"]) == (201, JSON)
        assert reply.headers["Location"] == f"{several}/{id_}"
        assert reply.json == {f"{noun}_id": id_}


def test_ids_are_counted_over_all_services_for_each_kind(api):
    first, second = start(api), start(api)
    assert start(api, f"{first}/states") == f"{first}/states/1"
    assert start(api, f"{second}/states") == f"{second}/states/2"
    assert start(api, f"{second}/tasks") == f"{second}/tasks/1"
    assert start(api, f"{first}/tasks") == f"{first}/tasks/2"


def test_state_has_what_was_given_in_one_order(api, case):
    start(api, f"{case}/states")
    rest = {"est_duration": 60, "previous_state_id": 1}
    state = start(api, f"{case}/states", state_type="s", **rest, **EVENT)
    expected = {
        "state_id": 2,
        "state_type": "s",
        "service_id": 1,
        "previous_state_id": 1,
        "started": EVENT,
        "est_duration": 60,
    }
    assert json.dumps(get(api, state)) == json.dumps(expected)


def test_task_has_what_was_given_in_one_order(api, case):
    start(api, f"{case}/states")
    rest = {"est_duration": 540, "state_id": "1"}
    task = start(api, f"{case}/tasks", task_type=55, **rest, **EVENT)
    expected = {
        "task_id": 1,
        "task_type": 55,
        "service_id": 1,
        "state_id": 1,
        "started": EVENT,
        "est_duration": 540,
    }
    assert json.dumps(get(api, task)) == json.dumps(expected)


def test_only_the_type_is_required(api, several, level, case):
    noun = NOUNS[level]
    absent = dict.fromkeys((*EVENT, "est_duration"))
    absent["state_id" if level == "tasks" else "previous_state_id"] = None
    assert get(api, start(api, several, **absent)) == {
        f"{noun}_id": 1,
        f"{noun}_type": 100,
        "service_id": 1,
        "started": {"timestamp": NOW},
    }


def test_nested_ones_have_the_service_id_and_no_customer(api, level):
    case = start(api, customer_id="bob")
    start(api, f"{case}/{level}")
    [shown] = get(api, case, **EVERYTHING)[f"active_{level}"]
    assert shown == get(api, f"{case}/{level}/1")
    assert shown["service_id"] == 1 and "customer_id" not in shown


def test_start_with_a_bad_body_is_refused(api, store, several, level):
    type_ = f"{NOUNS[level]}_type"
    good = {type_: 1}
    other = "state_type" if level == "tasks" else "task_type"
    with unchanged(store):
        for body, place in (
            ({}, type_),
            ({type_: None}, type_),
            ({type_: ""}, type_),
            ({type_: 2**63}, type_),
            (good | {"customer_id": "bob"}, "customer_id"),
            (good | {"contact_key": "bob"}, "contact_key"),
            (good | {"service_id": 1}, "service_id"),
            (good | {other: 1}, other),
            (good | {"disposition": 1}, "disposition"),
            (good | {"task_id": 1}, "task_id"),
            (good | {"est_duration": -1}, "est_duration"),
            (good | {"timestamp": "x"}, "timestamp"),
            (good | {"session_id": "s" * 33}, "session_id"),
            (good | {"interaction_id": "s" * 51}, "interaction_id"),
        ):
            refused(send(api, "POST", f"{several}/start", body), place)
        for body in (b"", b"null", b"[]", b"{"):
            refused(send(api, "POST", f"{several}/start", body))


def test_an_end_may_repeat_the_ids_of_its_address(api, several, level, case):
    id_ = f"{NOUNS[level]}_id"
    for spelled in (int, str):
        number = start(api, several).rpartition("/")[2]
        body = {"service_id": spelled(1), id_: spelled(number)}
        end(api, f"{several}/{number}", **body)
        shown = get(api, f"{several}/{number}")
        assert (shown["service_id"], shown[id_]) == (1, int(number))
        assert set(shown["completed"]) == {"timestamp"}
    one = start(api, several)
    both = {"service_id": None, id_: None}
    end(api, one, **both)


def test_another_id_than_that_of_the_address_is_refused_at_an_end(
    api, store, several, level, case
):
    one, id_ = start(api, several), f"{NOUNS[level]}_id"
    start(api, several)
    start(api)
    with unchanged(store):
        for name, value in (
            ("service_id", 2),
            ("service_id", -1),
            ("service_id", "x"),
            (id_, 2),
            (id_, 2**63),
            (id_, []),
        ):
            error = refused(send(api, "POST", f"{one}/end", {name: value}), name)
        error = refused(send(api, "POST", f"{one}/end", {id_: 2}), id_)
        assert error["errors"] == {id_: ["must be 1, that of the address, or absent"]}
        other = "task_id" if level == "states" else "state_id"
        refused(send(api, "POST", f"{one}/end", {other: 1}), other)


def test_the_end_of_a_state_takes_its_id_as_a_parameter_too(api, store, case):
    state, task = start(api, f"{case}/states"), start(api, f"{case}/tasks")
    start(api, f"{case}/states")
    with unchanged(store):
        for wrong in ("2", "x", "1.5"):
            reply = send(api, "POST", f"{state}/end?state_id={wrong}", {})
            refused(reply, "state_id")
        refused(send(api, "POST", f"{task}/end?state_id=1", {}), "state_id")
        refused(send(api, "POST", f"{case}/end?service_id=1", {}), "service_id")
    done(send(api, "POST", f"{state}/end?state_id=1", {"state_id": 1}))


def test_a_transition_may_repeat_the_service_of_its_address(api, store, case):
    start(api, f"{case}/states")
    start(api)
    body = {"from": {"state_id": 1}, "to": {"state_type": 1}}
    where = f"{case}/states/transition"
    with unchanged(store):
        error = refused(
            send(api, "POST", where, body | {"service_id": 2}), "service_id"
        )
        assert "must be 1, that of the address" in error["description"]
        refused(send(api, "POST", where, body | {"state_id": 1}), "state_id")
    assert send(api, "POST", where, body | {"service_id": 1}).json == {"state_id": 2}
    assert set(get(api, f"{case}/states/2")["started"]) == {"timestamp"}


def test_all_faults_of_a_start_are_told_at_once(api, store, several, level):
    body = {"timestamp": "x", "media_type": "", "est_duration": "x", "more": None}
    body["state_id" if level == "tasks" else "previous_state_id"] = -1
    with unchanged(store):
        reply = send(api, "POST", f"{several}/start", body)
        refused(reply, *body, f"{NOUNS[level]}_type")


def test_start_in_a_completed_service_is_refused(api, store, several, level, case):
    end(api, case)
    with unchanged(store):
        body = {f"{NOUNS[level]}_type": 1}
        error = refused(send(api, "POST", f"{several}/start", body))
    assert error["description"] == (
        f"service 1 is completed; no {NOUNS[level]} can be started in it"
    )


def test_state_that_is_not_of_the_service_is_refused(api, store, case):
    start(api, f"{case}/states")
    start(api, f"{start(api)}/states")
    with unchanged(store):
        for state_id in (7, 2, "2", 0, 2**62 - 1):
            body = {"task_type": 1, "state_id": state_id}
            refused(send(api, "POST", f"{case}/tasks/start", body), "state_id")
            body = {"state_type": 1, "previous_state_id": state_id}
            reply = send(api, "POST", f"{case}/states/start", body)
            refused(reply, "previous_state_id")


def test_unknown_states_are_told_with_all_other_faults(api, store, case):
    with unchanged(store):
        body = {"state_id": 99, "foo": 1}
        reply = send(api, "POST", f"{case}/tasks/start", body)
        refused(reply, "state_id", "task_type", "foo")
        body = {"previous_state_id": 99, "est_duration": -1}
        reply = send(api, "POST", f"{case}/states/start", body)
        refused(reply, "previous_state_id", "state_type", "est_duration")
        body = {"from": {"state_id": 99}, "to": {}, "media_type": ""}
        reply = send(api, "POST", f"{case}/states/transition", body)
        refused(reply, "from.state_id", "to.state_type", "media_type")


def test_state_of_an_id_that_is_none_is_refused(api, store, case):
    with unchanged(store):
        for state_id in (-1, 1.5, True, "x", "", [], {}, 2**63):
            body = {"task_type": 1, "state_id": state_id}
            refused(send(api, "POST", f"{case}/tasks/start", body), "state_id")


def test_task_can_start_in_a_completed_state(api, case):
    state = start(api, f"{case}/states")
    end(api, state)
    task = start(api, f"{case}/tasks", state_id=1)
    assert get(api, task)["state_id"] == 1
    assert get(api, state, active_tasks=True)["active_tasks"] == [get(api, task)]
    assert get(api, start(api, f"{case}/states", previous_state_id=1))


def test_start_and_end_may_be_forms(api, several, level):
    form = b'data={"%s_type":"a b"}' % NOUNS[level].encode()
    reply = send(api, "POST", f"{several}/start", form, FORM)
    one = reply.headers["Location"]
    done(send(api, "POST", f"{one}/end", b'data={"disposition":3}', FORM))
    shown = get(api, one)
    assert (shown[f"{NOUNS[level]}_type"], shown["disposition"]) == ("a b", 3)


# End


def test_end_is_shown_as_event_and_on_the_resource(api, clock, several, level):
    one = start(api, several, est_duration=60)
    before = get(api, one)
    clock.move(milliseconds=182_907)
    rest = {"disposition": 5, "disposition_desc": "normal ending"}
    end(api, one, **SHARED, **rest)
    noun = NOUNS[level]
    expected = {
        **{name: before[name] for name in (f"{noun}_id", f"{noun}_type", "service_id")},
        "started": {"timestamp": NOW},
        "completed": {"timestamp": "2026-01-02T03:07:08.585Z", **SHARED},
        "est_duration": 60,
        "duration": 182_907,
        **rest,
    }
    assert json.dumps(get(api, one)) == json.dumps(expected)


def test_end_before_the_start_lasted_0(api, several):
    one = start(api, several)
    end(api, one, timestamp="2009-01-01T00:00:00Z")
    assert get(api, one)["duration"] == 0


def test_end_is_refused_the_second_time(api, store, several, level):
    one = start(api, several)
    done(send(api, "POST", f"{one}/end"))
    with unchanged(store):
        error = refused(send(api, "POST", f"{one}/end", {"disposition": 1}))
    assert error["description"] == f"{NOUNS[level]} 1 is completed already"


def test_end_of_a_state_leaves_its_tasks(api, case):
    state = start(api, f"{case}/states")
    task = start(api, f"{case}/tasks", state_id=1)
    before = get(api, task)
    end(api, state)
    assert get(api, task) == before
    assert get(api, state, active_tasks=True)["active_tasks"] == [before]


def test_end_in_a_completed_service_is_accepted(api, several, case):
    one = start(api, several)
    end(api, case)
    end(api, one)
    assert get(api, one)["duration"] == 0


def test_one_reached_through_another_service_is_404(api, store, several, level):
    one = start(api, several)
    other = f"{start(api)}/{level}/{number(one)}"
    with unchanged(store):
        missing(send(api, "GET", other))
        missing(send(api, "POST", f"{other}/end", {}))


def test_unknown_id_or_one_that_is_no_number_is_404(api, store, several):
    start(api, several)
    with unchanged(store):
        for id_ in ("2", "0", "x", "-1", "1.0", "%2B1", "9" * 20):
            missing(send(api, "GET", f"{several}/{id_}"))
            missing(send(api, "POST", f"{several}/{id_}/end", {}))


def test_state_and_task_of_one_id_are_apart(api, case):
    state, task = start(api, f"{case}/states"), start(api, f"{case}/tasks")
    end(api, task)
    assert "completed" not in get(api, state)
    missing(send(api, "GET", f"{case}/states/2"))


# Transition


def test_transition_shares_one_event_between_both_states(api, case):
    former = start(api, f"{case}/states", timestamp="2010-06-03T08:47:18.257Z")
    body = {
        "from": {"state_id": 1, "disposition": 5, "disposition_desc": "d" * 256},
        "to": {"state_type": "next", "est_duration": "30"},
    }
    reply = send(api, "POST", f"{case}/states/transition", body | EVENT)
    assert (reply.status_int, reply.headers["Content-Type"]) == (201, JSON)
    assert reply.headers["Location"] == f"{case}/states/2"
    assert reply.json == {"state_id": 2}
    ended = {
        "state_id": 1,
        "state_type": 100,
        "service_id": 1,
        "started": {"timestamp": "2010-06-03T08:47:18.257Z"},
        "completed": EVENT,
        "duration": 60_000,
        "disposition": 5,
        "disposition_desc": "d" * 256,
    }
    begun = {
        "state_id": 2,
        "state_type": "next",
        "service_id": 1,
        "previous_state_id": 1,
        "started": EVENT,
        "est_duration": 30,
    }
    assert json.dumps(get(api, former)) == json.dumps(ended)
    assert json.dumps(get(api, reply.headers["Location"])) == json.dumps(begun)


def test_transition_happens_now_for_both_states(api, clock, case):
    former = start(api, f"{case}/states")
    clock.move(seconds=1)
    new = transit(api, case, former).headers["Location"]
    assert get(api, former)["completed"] == get(api, new)["started"]
    assert get(api, new)["started"] == {"timestamp": "2026-01-02T03:04:06.678Z"}


def test_transitions_make_a_chain(api, case):
    state = start(api, f"{case}/states")
    for _ in range(3):
        state = transit(api, case, state).headers["Location"]
    assert [each.get("previous_state_id") for each in get(api, f"{case}/states")] == (
        [None, 1, 2, 3]
    )
    assert ids(get(api, f"{case}/states/active")) == [4]


def test_transition_may_be_a_form(api, case):
    start(api, f"{case}/states")
    form = b'data={"from":{"state_id":"1"},"to":{"state_type":1}}'
    reply = send(api, "POST", f"{case}/states/transition", form, FORM)
    assert reply.json == {"state_id": 2}


def test_transition_leaves_the_tasks_of_the_former_state(api, case):
    former = start(api, f"{case}/states")
    task = start(api, f"{case}/tasks", state_id=1)
    before = get(api, task)
    transit(api, case, former)
    assert get(api, task) == before


FROM, TO = {"state_id": 1}, {"state_type": 1}


def test_transition_with_a_bad_body_is_refused(api, store, case):
    start(api, f"{case}/states")
    good = {"from": FROM, "to": TO}
    required = ("from.state_id", "to.state_type")
    with unchanged(store):
        for body, *places in (
            ({}, "from", "to"),
            ({"from": None, "to": None}, "from", "to"),
            ({"from": [], "to": 1}, "from", "to"),
            ({"from": FROM}, "to"),
            ({"to": TO}, "from"),
            ({"from": {}, "to": {}}, *required),
            ({"from": {"state_id": None}, "to": {"state_type": None}}, *required),
            ({"from": {"state_id": "x"}, "to": {"state_type": ""}}, *required),
            ({"from": {"state_id": -1}, "to": {"state_type": 1.5}}, *required),
            (good | {"from": FROM | {"state_type": 1}}, "from.state_type"),
            (good | {"from": FROM | {"timestamp": NOW}}, "from.timestamp"),
            (good | {"from": FROM | {"disposition": ""}}, "from.disposition"),
            (good | {"to": TO | {"disposition": 1}}, "to.disposition"),
            (good | {"to": TO | {"est_duration": -1}}, "to.est_duration"),
            (good | {"to": TO | {"previous_state_id": 1}}, "to.previous_state_id"),
            (good | {"est_duration": 5}, "est_duration"),
            (good | {"disposition": 5}, "disposition"),
            (good | {"state_type": 5}, "state_type"),
            (good | {"media_type": ""}, "media_type"),
            (good | {"former": FROM, "new": TO}, "former", "new"),
        ):
            reply = send(api, "POST", f"{case}/states/transition", body)
            refused(reply, *places)
        for body in (b"", b"null", b"[]", b"{"):
            refused(send(api, "POST", f"{case}/states/transition", body))


def test_all_faults_of_a_transition_are_told_at_once(api, store, case):
    text = "d" * 257
    body = {"from": {"disposition": [], "disposition_desc": text, "x": 1}}
    body |= {"to": {"est_duration": "x", "y": None}, "timestamp": "z", "more": 1}
    with unchanged(store):
        refused(
            send(api, "POST", f"{case}/states/transition", body),
            "from.state_id",
            "from.disposition",
            "from.disposition_desc",
            "from.x",
            "to.state_type",
            "to.est_duration",
            "to.y",
            "timestamp",
            "more",
        )


def test_transition_from_a_state_that_is_not_of_the_service_is_refused(
    api, store, case
):
    start(api, f"{case}/states")
    other = start(api, f"{start(api)}/states")
    with unchanged(store):
        for former in (other, "/7", "/0"):
            error = refused(transit(api, case, former), "from.state_id")
    assert "there is no state 0 in service 1" in error["description"]


def test_transition_from_a_completed_state_is_refused(api, store, case):
    former = start(api, f"{case}/states")
    end(api, former)
    with unchanged(store):
        refused(transit(api, case, former))


def test_transition_in_a_completed_service_changes_neither_state(api, store, case):
    former = start(api, f"{case}/states")
    end(api, case)
    with unchanged(store):
        refused(transit(api, case, former))
    assert "completed" not in get(api, former)


def test_one_of_concurrent_transitions_from_a_state_succeeds(api, case):
    former = start(api, f"{case}/states")
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(lambda _: transit(TestApp(api.app), case, former), range(8))
        )
    assert sorted(each.status_int for each in replies) == [201] + [400] * 7
    assert len(get(api, f"{case}/states")) == 2


# Lists


def test_lists_are_ordered_by_start_time_then_id(api, several, level, case):
    times = ("2026-01-02T00:00:00.5Z", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00.5Z")
    for timestamp in times:
        start(api, several, timestamp=timestamp)
    end(api, f"{several}/3", timestamp="2026-01-03T00:00:00Z")
    assert ids(get(api, several)) == [2, 1, 3]
    assert ids(get(api, f"{several}/active")) == [2, 1]
    assert ids(get(api, f"{several}/completed")) == [3]
    shown = get(api, case, **EVERYTHING)
    assert ids(shown[f"active_{level}"]) == [2, 1]
    end(api, f"{several}/1", timestamp="2026-01-04T00:00:00Z")
    assert ids(get(api, f"{several}/completed")) == [1, 3]


def test_tasks_of_the_service_are_flat(api, case):
    start(api, f"{case}/states")
    start(api, f"{case}/tasks", state_id=1)
    start(api, f"{case}/tasks")
    shown = get(api, case, active_tasks=True, active_states=True)
    assert ids(shown["active_tasks"]) == [1, 2]
    assert list(shown["active_states"][0]) == [
        "state_id",
        "state_type",
        "service_id",
        "started",
    ]


def test_state_has_its_own_tasks_when_asked_for(api, case):
    state = start(api, f"{case}/states")
    start(api, f"{case}/states")
    for state_id in (1, 1, 2, None):
        start(api, f"{case}/tasks", state_id=state_id)
    end(api, f"{case}/tasks/2")
    assert "active_tasks" not in get(api, state)
    asked = {"active_tasks": True, "completed_tasks": True}
    shown = get(api, state, **asked)
    assert list(shown)[-2:] == ["active_tasks", "completed_tasks"]
    assert shown["active_tasks"] == [get(api, f"{case}/tasks/1")]
    assert shown["completed_tasks"] == [get(api, f"{case}/tasks/2")]
    first, second = get(api, f"{case}/states", **asked)
    assert first == shown
    assert (ids(second["active_tasks"]), second["completed_tasks"]) == ([3], [])


def test_lists_are_narrowed_by_type(api, several, level):
    name = f"{NOUNS[level]}_types"
    for type_ in (1, 2, "1", "Offer", "1"):
        members = {f"{NOUNS[level]}_type": type_}
        start(api, several, **members)
    end(api, f"{several}/5")
    for types, expected in (
        ("1", [1, 3, 5]),
        ("2,Offer", [2, 4]),
        (" 2 , Offer ", [2, 4]),
        ("offer", []),
        ("01", []),
    ):
        parameters = {name: types}
        assert ids(get(api, several, **parameters)) == expected
    parameters = {name: "1"}
    assert ids(get(api, f"{several}/active", **parameters)) == [1, 3]
    assert ids(get(api, f"{several}/completed", **parameters)) == [5]


def test_tasks_are_narrowed_by_state(api, case):
    start(api, f"{case}/states")
    for state_id, type_ in ((1, 5), (None, 5), (1, 6)):
        start(api, f"{case}/tasks", state_id=state_id, task_type=type_)
    tasks = f"{case}/tasks"
    assert ids(get(api, tasks, state_id=1)) == [1, 3]
    assert ids(get(api, tasks, state_id=1, task_types="6")) == [3]
    assert get(api, tasks, state_id=7) == get(api, tasks, state_id=-1) == []
    assert get(api, f"{tasks}/completed", state_id=1) == []


STATE_ONLY = ("state_types", "active_tasks", "completed_tasks")


OF_STATES = ("extensions", *STATE_ONLY)
OF_TASKS = ("extensions", "state_id", "task_types")


def test_other_parameters_are_refused_by_name(api, case):
    start(api, f"{case}/states")
    start(api, f"{case}/tasks")
    values = {**EVERYTHING, "extensions": "x", "state_id": 1, "offset": 0, "limit": 1}
    values |= dict.fromkeys(("state_types", "task_types", "service_types"), "x")
    for ending, known in {
        "": ("extensions", *EVERYTHING),
        **dict.fromkeys(("/states", "/states/active", "/states/completed"), OF_STATES),
        "/states/1": ("extensions", *STATE_ONLY[1:]),
        **dict.fromkeys(("/tasks", "/tasks/active", "/tasks/completed"), OF_TASKS),
        "/tasks/1": ("extensions",),
    }.items():
        path = case + ending
        get(api, path, **{name: values[name] for name in known})
        unknown = [name for name in (*values, "Extensions", "") if name not in known]
        reply = send(api, "GET", address(path, **dict.fromkeys(unknown, "x")))
        error = refused(reply, *unknown)
        assert all("no such parameter" in each[0] for each in error["errors"].values())


def test_bad_value_of_a_parameter_is_refused(api, case):
    for ending, name, values in (
        ("", "active_tasks", ["2", "yes", "true,false", " true"]),
        ("", "extensions", [",", "a,,b", "a,"]),
        ("/states", "completed_tasks", ["x"]),
        ("/states", "state_types", ["1,"]),
        ("/tasks", "task_types", [" "]),
        ("/tasks", "state_id", ["x", "1.5", "9" * 20, "1,2"]),
    ):
        for value in values:
            parameters = {name: value}
            reply = send(api, "GET", address(case + ending, **parameters))
            refused(reply, name)


def test_all_faults_of_parameters_are_told_at_once(api, case):
    path = address(f"{case}/tasks", state_id="x", task_types=",", extensions=",")
    places = "state_id", "task_types", "extensions", "limit"
    refused(send(api, "GET", f"{path}&limit=1"), *places)


def test_parameter_that_is_there_twice_is_refused(api, case):
    refused(
        send(api, "GET", f"{case}?active_tasks=true&active_tasks=true"), "active_tasks"
    )


def test_booleans_are_read_in_any_case(api, case):
    assert "active_tasks" in get(api, case, active_tasks="True")
    assert "active_tasks" in get(api, case, active_tasks="1")
    for no in ("FALSE", "0", ""):
        assert "active_tasks" not in get(api, case, active_tasks=no)


def test_parameters_without_a_value_and_the_cache_breaker_are_ignored(api, case):
    path = address(case, extensions="", active_states="", _="1")
    assert send(api, "GET", path).json == get(api, case)
    assert send(api, "GET", f"{case}/tasks?state_id=&task_types").json == []


def test_lists_of_an_unknown_service_are_404(api, several):
    for ending in ("", "/active", "/completed", "/1"):
        path = several.replace("/1/", "/7/") + ending
        missing(send(api, "GET", path))


def test_head_has_the_headers_only(api, several):
    start(api, several)
    for ending in ("", "/active", "/completed", "/1"):
        got = send(api, "GET", several + ending)
        head = send(api, "HEAD", several + ending)
        assert (head.status_int, head.body) == (200, b"")
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


def test_trailing_slash_is_tolerated(api, several):
    start(api, several)
    for path in (f"{several}/", f"{several}/active/", f"{several}/1/"):
        assert get(api, path) == get(api, path[:-1])
    done(send(api, "POST", f"{several}/1/end/"))


def test_reads_and_deletions_are_not_where_changes_are(api, several):
    start(api, several)
    for method, ending in (
        ("GET", "/start"),
        ("GET", "/1/end"),
        ("POST", ""),
        ("DELETE", "/1"),
        ("PATCH", "/1"),
    ):
        reply = send(api, method, several + ending, {} if method == "PATCH" else None)
        refused_services(reply, 405, "METHOD_NOT_ALLOWED")


def test_extension_of_another_level_is_no_member_of_a_start(api, store, several, level):
    define(api, "services", "Info")
    body = {f"{NOUNS[level]}_type": 1, "Info": {"a": "x"}}
    with unchanged(store):
        refused(send(api, "POST", f"{several}/start", body), "Info")
