"""Services: how they start, become a customer's, and end."""

import json

import pytest
from calls import FORM, JSON, send
from service_calls import (
    EVERYTHING,
    NOW,
    define,
    done,
    end,
    get,
    missing,
    refused,
    refused_services,
    start,
    unchanged,
)
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

START = "/services/start"
BODY = {"service_type": 100, "contact_key": "555-0100"}
TYPES = ("application_type", "application_id", "resource_type", "resource_id")
TYPES += ("media_type",)

FULL = {
    "timestamp": "2010-09-07T07:58:16.313Z",
    "session_id": "s" * 32,
    "interaction_id": "56",
    "application_type": 400,
    "application_id": 40,
    "resource_type": "agent",
    "resource_id": 10,
    "media_type": "voice",
}
"""All common members of an event."""


def ids(api, path, **parameters):
    return [each["service_id"] for each in get(api, path, **parameters)]


# Start


def test_reply_has_the_id_and_the_location(api):
    for id_ in (1, 2):
        reply = send(api, "POST", START, BODY)
        assert (reply.status_int, reply.headers["Content-Type"]) == (201, JSON)
        assert reply.headers["Location"] == f"/services/{id_}"
        assert reply.json == {"service_id": id_}


def test_location_is_under_the_prefix_of_the_request(settings, clock, log):
    prefix = "/genesys/1/cs"
    settings = Settings.from_environment(data=settings.data, services_prefix=prefix)
    service = open_service(settings, clock, log)
    api = TestApp(service.application)
    for before in (prefix, ""):
        assert (address := start(api, f"{before}/services")).startswith(before + "/ser")
        assert get(api, address) == get(api, address.removeprefix(prefix))
        state = start(api, f"{address}/states")
        assert state.startswith(f"{address}/states/")
        body = {"from": {"state_id": int(state[-1])}, "to": {"state_type": 1}}
        reply = send(api, "POST", f"{address}/states/transition", body)
        assert reply.headers["Location"].startswith(f"{address}/states/")
        assert start(api, f"{address}/tasks").startswith(f"{address}/tasks/")
    body = {"name": "x", "type": "single-valued"}
    body["attributes"] = [{"name": "a", "type": "string"}]
    reply = send(api, "POST", f"{prefix}/metadata/tasks/extensions", body)
    assert reply.headers["Location"] == f"{prefix}/metadata/tasks/extensions/x"
    service.close()


def test_ids_go_on_after_a_restart(api_over, opened_over):
    first = opened_over()
    api = TestApp(first.application)
    start(api, f"{start(api)}/tasks")
    first.close()
    api = api_over()
    assert start(api) == "/services/2"
    assert start(api, "/services/1/tasks") == "/services/1/tasks/2"


def test_service_has_what_was_given_in_one_order(api):
    keys = {"customer_id": "bob", "contact_key": "555-0100"}
    address = start(api, **FULL, est_duration=300, **keys)
    expected = {
        "service_id": 1,
        "service_type": 100,
        **keys,
        "started": FULL,
        "est_duration": 300,
    }
    assert json.dumps(get(api, address)) == json.dumps(expected)


def test_arrays_are_there_and_empty_when_asked_for(api):
    address = start(api)
    shown = get(api, address, **EVERYTHING)
    assert shown == get(api, address) | dict.fromkeys(EVERYTHING, [])
    assert list(get(api, address, active_tasks=True)) == [
        "service_id",
        "service_type",
        "contact_key",
        "started",
        "active_tasks",
    ]
    assert "active_tasks" not in get(api, address, active_tasks=False)


@pytest.mark.parametrize("key", ["customer_id", "contact_key"])
def test_one_key_is_enough(api, key):
    body = {"service_type": "Support", key: "bob"}
    address = send(api, "POST", START, body).headers["Location"]
    started = {"started": {"timestamp": NOW}}
    assert get(api, address) == {"service_id": 1} | body | started


def test_a_key_and_the_type_are_required(api, store):
    with unchanged(store):
        for body, place in (
            ({"service_type": 1}, "customer_id"),
            ({"service_type": 1, "customer_id": None}, "customer_id"),
            ({"service_type": 1, "customer_id": ""}, "customer_id"),
            ({"service_type": 1, "customer_id": 5}, "customer_id"),
            ({"service_type": 1, "contact_key": ""}, "contact_key"),
            ({"service_type": 1, "contact_key": []}, "contact_key"),
            ({"service_type": 1, "contact_key": "x", "customer_id": 1}, "customer_id"),
            ({"contact_key": "x"}, "service_type"),
            ({"contact_key": "x", "service_type": None}, "service_type"),
        ):
            refused(send(api, "POST", START, body), place)


def test_types_are_integers_or_names_and_are_echoed(api):
    for value in (0, -1, 2**63 - 1, -(2**63), "Support", "100", " ", "é\u2028"):
        members = dict.fromkeys(("service_type", *TYPES), value)
        shown = get(api, start(api, **members))
        assert json.dumps(shown["service_type"]) == json.dumps(value)
        event = {"timestamp": NOW, **dict.fromkeys(TYPES, value)}
        assert json.dumps(shown["started"]) == json.dumps(event)


def test_type_that_is_neither_is_refused(api, store):
    names = ("service_type", *TYPES)
    with unchanged(store):
        for value in (2**63, 1.5, True, "", [], {}, ["Support"]):
            body = BODY | dict.fromkeys(names, value)
            refused(send(api, "POST", START, body), *names)


def test_timestamp_is_stored_in_utc_with_milliseconds(api):
    for sent, stored in (
        ("2010-09-07T07:58:16Z", "2010-09-07T07:58:16.000Z"),
        ("2010-09-07T09:58:16.3+02:00", "2010-09-07T07:58:16.300Z"),
        ("2010-09-07t07:58:16.313999z", "2010-09-07T07:58:16.313Z"),
        ("2010-12-31T23:30:00.001-01:00", "2011-01-01T00:30:00.001Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("2010-09-07T07:58:16.313+0000", "2010-09-07T07:58:16.313Z"),
        ("2010-09-07T09:58:16+0200", "2010-09-07T07:58:16.000Z"),
        ("2016-12-31T23:59:60.7Z", "2017-01-01T00:00:00.700Z"),
        (None, NOW),
    ):
        shown = get(api, start(api, timestamp=sent))
        assert shown["started"] == {"timestamp": stored}


def test_timestamp_that_is_none_is_refused(api, store):
    with unchanged(store):
        for value in ("", "now", "2010-09-07", "2010-09-07T07:58:16", "2010-02-30T0"):
            refused(send(api, "POST", START, BODY | {"timestamp": value}), "timestamp")
        for value in ("2010-02-30T00:00:00Z", 1283846296313, 1.5, True, [], {}):
            refused(send(api, "POST", START, BODY | {"timestamp": value}), "timestamp")


def test_number_of_an_interaction_is_stored_as_text(api):
    for sent, stored in (
        (587, "587"),
        (0, "0"),
        (-1, "-1"),
        ("0587", "0587"),
        (5.0, "5"),
    ):
        started = get(api, start(api, interaction_id=sent))["started"]
        assert started["interaction_id"] == stored
    for value in (True, 1.5, [], {}):
        body = BODY | {"interaction_id": value}
        refused(send(api, "POST", START, body), "interaction_id")


@pytest.mark.parametrize("name, most", [("session_id", 32), ("interaction_id", 50)])
def test_text_has_its_length_at_most(api, store, name, most):
    text = "ż" * most
    members = {name: text}
    assert get(api, start(api, **members))["started"][name] == text
    with unchanged(store):
        error = refused(send(api, "POST", START, BODY | {name: text + "x"}), name)
    assert error["errors"][name] == [f"may have {most} characters at most"]


def test_estimate_is_a_number_of_seconds(api, store):
    for sent, stored in (
        (0, 0),
        (300, 300),
        ("300", 300),
        (60.0, 60),
        (2**63 - 1, 2**63 - 1),
    ):
        assert get(api, start(api, est_duration=sent))["est_duration"] == stored
    with unchanged(store):
        for value in (-1, "-1", 1.5, -1.0, True, "", "5 min", 2**63, [], {}):
            body = BODY | {"est_duration": value}
            refused(send(api, "POST", START, body), "est_duration")


def test_null_is_as_absent(api):
    nulls = dict.fromkeys((*FULL, "est_duration", "customer_id"))
    address = start(api, **nulls)
    assert get(api, address) == {
        "service_id": 1,
        **BODY,
        "started": {"timestamp": NOW},
    }


def test_other_member_is_refused_by_name(api, store):
    names = ("zzz", "", "service_id", "started", "completed", "duration", "state_id")
    names += ("disposition", "disposition_desc", "active_tasks", "interactions")
    with unchanged(store):
        for name in names:
            error = refused(send(api, "POST", START, BODY | {name: None}), name)
            assert "is not a member here nor a known extension" in error["description"]
        for name, nearest in (
            ("service_typ", "service_type"),
            ("SESSION_ID", "session_id"),
        ):
            error = refused(send(api, "POST", START, BODY | {name: 1}), name)
            assert f'(did you mean "{nearest}"?)' in error["description"]


def test_all_faults_of_a_start_are_told_at_once(api, store):
    define(api, "services", "Info", {"name": "n", "type": "integer"})
    body = {"timestamp": "x", "session_id": 1, "interaction_id": "i" * 51}
    body |= dict.fromkeys(TYPES, "") | {"customer_id": 1, "contact_key": 2}
    body |= {"est_duration": -1, "more": 1}
    with unchanged(store):
        reply = send(api, "POST", START, {**body, "Info": {"n": "x", "m": 1}})
        refused(reply, *body, "service_type", "Info.n", "Info.m")


def test_body_that_is_no_object_is_refused(api, store):
    with unchanged(store):
        for body in (b"", b" ", b"null", b"[]", b'"x"', b"1", b"{", b"\xff"):
            refused(send(api, "POST", START, body))
        refused(send(api, "POST", START, b'{"service_type":1,"service_type":1}'))


def test_body_may_be_a_form(api, store):
    sent = b"data=%7B%22service_type%22%3A1%2C%22customer_id%22%3A%22a+b%22%7D"
    reply = send(api, "POST", START, sent, FORM)
    assert get(api, reply.headers["Location"])["customer_id"] == "a b"
    with unchanged(store):
        refused(send(api, "POST", START, b"service_type=1&customer_id=b", FORM))
        reply = send(api, "POST", START, json.dumps(BODY).encode(), "text/plain")
        refused_services(reply, 415, "BAD_REQUEST")


def test_parameters_of_a_change_are_refused(api, store):
    service = start(api)
    with unchanged(store):
        for path in (START, f"{service}/end", f"/customers/bob{service}"):
            refused(
                send(api, "POST", f"{path}?active_tasks=true", BODY), "active_tasks"
            )


def test_address_of_a_change_has_no_get(api):
    service = start(api)
    for path in (START, f"{service}/end", f"/customers/bob{service}"):
        reply = send(api, "GET", path)
        refused_services(reply, 405, "METHOD_NOT_ALLOWED")
        assert "POST" in reply.headers["Allow"]


def test_head_of_a_service_is_its_get_without_a_body(api):
    service = start(api)
    got, head = send(api, "GET", service), send(api, "HEAD", service)
    assert (head.status_int, head.body) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert send(api, "HEAD", "/services/7").status_int == 404


def test_unknown_id_or_one_that_is_no_number_is_404(api, store):
    start(api)
    ids = ("2", "0", "x", "-1", "1.0", "1e0", "%2B1", "%201", "%D9%A1", "9" * 5000)
    with unchanged(store):
        for id_ in (*ids, "9223372036854775808"):
            service = f"/services/{id_}"
            missing(send(api, "GET", service))
            missing(send(api, "POST", f"{service}/end", {}))
            missing(send(api, "POST", f"/customers/bob{service}", {}))
            for level in ("states", "tasks"):
                missing(send(api, "GET", f"{service}/{level}"))
                for body in ({f"{level[:-1]}_type": 1}, {}):
                    missing(send(api, "POST", f"{service}/{level}/start", body))
            body = {"from": {"state_id": 1}, "to": {"state_type": 1}}
            missing(send(api, "POST", f"{service}/states/transition", body))


# Association


def test_association_amends_what_it_gives_and_keeps_the_rest(api):
    service = start(api, **FULL, est_duration=300)
    change = {"service_type": "Order", "est_duration": 5, "contact_key": "555-0101"}
    event = {"interaction_id": 57, "media_type": None, "resource_id": "r"}
    done(send(api, "POST", f"/customers/bob{service}", change | event))
    expected = {
        "service_id": 1,
        "service_type": "Order",
        "customer_id": "bob",
        "contact_key": "555-0101",
        "started": {**FULL, "interaction_id": "57", "resource_id": "r"},
        "est_duration": 5,
    }
    assert json.dumps(get(api, service)) == json.dumps(expected)


def test_association_needs_no_body(api):
    service = start(api)
    for body in (None, b"", {}, {"customer_id": "bob"}, {"service_type": None}):
        done(send(api, "POST", f"/customers/bob{service}", body))
    shown = get(api, service)
    assert shown == {"service_id": 1, "customer_id": "bob", **BODY} | {
        "started": {"timestamp": NOW}
    }


def test_association_may_be_a_form(api):
    service = start(api)
    form = b'data={"est_duration":"7"}'
    done(send(api, "POST", f"/customers/bob{service}", form, FORM))
    assert get(api, service)["est_duration"] == 7


def test_customer_may_have_any_text_without_a_slash_as_id(api):
    for quoted, id_ in (("a%20b", "a b"), ("%C5%BB", "Ż"), ("1", "1"), ("..", "..")):
        service = start(api)
        done(send(api, "POST", f"/customers/{quoted}{service}"))
        [shown] = get(api, f"/customers/{quoted}/services")
        assert shown["customer_id"] == id_


def test_association_with_an_id_that_no_customer_can_have_is_refused(api, store):
    service = start(api)
    with unchanged(store):
        for id_ in ("", "%00", "a%00b"):
            path = f"/customers/{id_}{service}"
            refused(send(api, "POST", path, {}), "customer_id")


def test_association_with_two_customers_is_refused(api, store):
    service = start(api)
    with unchanged(store):
        body = {"customer_id": "ann"}
        refused(send(api, "POST", f"/customers/bob{service}", body), "customer_id")


def test_association_with_a_bad_body_is_refused(api, store):
    service = start(api)
    path = f"/customers/bob{service}"
    with unchanged(store):
        for body in (
            {"service_type": ""},
            {"contact_key": ""},
            {"timestamp": "x"},
            {"session_id": "s" * 33},
            {"est_duration": -1},
            {"disposition": 1},
            {"service_id": 1},
            {"started": {}},
            {"timestamp": 5, "media_type": [], "more": None},
        ):
            refused(send(api, "POST", path, body), *body)
        for body in (b"null", b"[]", b"1", b"{"):
            refused(send(api, "POST", path, body))


def test_the_end_of_a_service_may_repeat_its_id(api, store):
    service = start(api)
    start(api)
    with unchanged(store):
        error = refused(
            send(api, "POST", f"{service}/end", {"service_id": 2}), "service_id"
        )
        assert error["description"] == (
            "service_id: must be 1, that of the address, or absent"
        )
        refused(send(api, "POST", f"{service}/end", {"state_id": 1}), "state_id")
    end(api, service, service_id="1")
    assert set(get(api, service)["completed"]) == {"timestamp"}


def test_completed_service_can_become_a_customers(api):
    service = start(api)
    end(api, service)
    done(send(api, "POST", f"/customers/bob{service}"))
    assert ids(api, "/customers/bob/services/completed") == [1]


def test_duration_follows_an_amended_start(api, clock):
    service = start(api)
    clock.move(seconds=10)
    end(api, service)
    assert get(api, service)["duration"] == 10_000
    for timestamp, expected in (
        ("2026-01-02T03:04:14.678Z", 1000),
        ("2026-01-02T04:04:05.678+01:00", 10_000),
        ("2027-01-02T03:04:05Z", 0),
        (None, 0),
    ):
        body = {"timestamp": timestamp}
        done(send(api, "POST", f"/customers/bob{service}", body))
        assert get(api, service)["duration"] == expected


def test_service_moves_in_lists_when_its_start_is_amended(api, clock):
    first = start(api, customer_id="bob")
    clock.move(seconds=1)
    start(api, customer_id="bob")
    body = {"timestamp": "2026-01-02T03:04:06.679Z"}
    done(send(api, "POST", f"/customers/bob{first}", body))
    assert ids(api, "/customers/bob/services") == [2, 1]
    assert ids(api, "/customers/bob/services", started_from=body["timestamp"]) == [1]


def test_contact_key_that_is_amended_is_the_one_found(api):
    start(api, contact_key="a")
    service = start(api, contact_key="b")
    done(send(api, "POST", f"/customers/bob{service}", {"contact_key": "a"}))
    assert ids(api, "/services/anonymous/a") == [1]
    assert ids(api, "/services/anonymous/b") == []


# End


def test_end_is_shown_as_event_and_on_the_service(api, clock):
    service = start(api, est_duration=300)
    before = get(api, service)
    clock.move(seconds=1.5)
    event = {name: each for name, each in FULL.items() if name != "timestamp"}
    rest = {"disposition": "solved", "disposition_desc": "d" * 256}
    end(api, service, **event, **rest)
    expected = {
        **{n: before[n] for n in ("service_id", "service_type", "contact_key")},
        "started": before["started"],
        "completed": {"timestamp": "2026-01-02T03:04:07.178Z", **event},
        "est_duration": 300,
        "duration": 1500,
        **rest,
    }
    assert json.dumps(get(api, service)) == json.dumps(expected)


def test_end_needs_no_body(api):
    for body in (None, b"", {}, dict.fromkeys(FULL)):
        service = start(api)
        done(send(api, "POST", f"{service}/end", body))
        shown = get(api, service)
        assert (shown["completed"], shown["duration"]) == ({"timestamp": NOW}, 0)


def test_end_may_be_a_form_but_no_other_text(api, store):
    service = start(api)
    with unchanged(store):
        reply = send(api, "POST", f"{service}/end", b"disposition=5", "text/plain")
        refused_services(reply, 415, "BAD_REQUEST")
        refused(send(api, "POST", f"{service}/end", b"disposition=5", FORM))
    done(send(api, "POST", f"{service}/end", b'data={"disposition":5}', FORM))
    assert get(api, service)["disposition"] == 5


def test_duration_is_counted_in_milliseconds_and_never_below_0(api):
    for timestamp, duration in (
        ("2010-09-07T07:58:16.313Z", 0),
        ("2010-09-07T07:58:16.312Z", 0),
        ("2009-01-01T00:00:00Z", 0),
        ("2010-09-07T07:58:16.314Z", 1),
        ("2010-09-08T09:58:16.313+02:00", 86_400_000),
    ):
        service = start(api, timestamp=FULL["timestamp"])
        end(api, service, timestamp=timestamp)
        assert get(api, service)["duration"] == duration


def test_end_with_a_bad_body_is_refused(api, store):
    service = start(api)
    task = start(api, f"{service}/tasks")
    with unchanged(store):
        for what in (service, task):
            for body in (
                {"est_duration": 5},
                {"service_type": 5},
                {"customer_id": "bob"},
                {"contact_key": "bob"},
                {"duration": 5},
                {"disposition": ""},
                {"disposition": 1.5},
                {"disposition_desc": "d" * 257},
                {"disposition_desc": 5},
                {"timestamp": "x"},
                {"interaction_id": "i" * 51},
            ):
                refused(send(api, "POST", f"{what}/end", body), *body)
            for body in (b"null", b"[]", b'"end"', b"{"):
                refused(send(api, "POST", f"{what}/end", body))


def test_all_faults_of_an_end_are_told_at_once(api, store):
    service = start(api)
    body = {"timestamp": 1, "session_id": [], "disposition": {}, "service_typ": 1}
    with unchanged(store):
        refused(send(api, "POST", f"{service}/end", body), *body)


def test_completed_service_is_not_completed_again(api, store):
    service = start(api)
    end(api, service, disposition=1)
    with unchanged(store):
        error = refused(send(api, "POST", f"{service}/end", {"disposition": 2}))
    assert error["description"] == "service 1 is completed already"


def test_end_of_a_service_leaves_its_states_and_tasks(api):
    service = start(api)
    state, task = start(api, f"{service}/states"), start(api, f"{service}/tasks")
    before = get(api, state), get(api, task)
    end(api, service)
    assert (get(api, state), get(api, task)) == before
    end(api, task, disposition=1)
    assert get(api, service, **EVERYTHING)["active_states"] == [before[0]]
    assert get(api, task)["disposition"] == 1


def test_service_is_the_same_after_a_restart(api_over, opened_over):
    first = opened_over()
    api = TestApp(first.application)
    service = start(api, customer_id="bob", **FULL)
    end(api, start(api, f"{service}/states"), disposition="x")
    start(api, f"{service}/tasks", state_id=1)
    end(api, service)
    before = send(api, "GET", f"{service}?active_tasks=true&completed_states=true")
    first.close()
    after = send(
        api_over(), "GET", f"{service}?active_tasks=true&completed_states=true"
    )
    assert after.text == before.text
