"""Entity tags of services, states and tasks, and preconditions. RFC 9110, 13.2.2."""

import json
import os

import pytest
from calls import address, send
from service_calls import (
    EVERYTHING,
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
from shared import until

OTHER = '"0123456789abcdef"'


@pytest.fixture
def case(api):
    """A service with a state and two tasks, and an extension at each level."""
    case = start(api, customer_id="bob", contact_key="k")
    for level in ("services", "states", "tasks"):
        define(api, level, "Info", {"name": "a", "type": "string", "unique": True}, "b")
    start(api, f"{case}/states", Info={"a": "x"})
    start(api, f"{case}/tasks", state_id=1, Info={"a": "x"})
    start(api, f"{case}/tasks")
    return case


def tag(api, path, **parameters):
    """Return the tag of what a GET finds."""
    reply = send(api, "GET", address(path, **parameters))
    assert reply.status_int == 200, reply.text
    return reply.headers["ETag"]


def not_now(reply):
    """Check that a condition does not hold, and return the description."""
    return refused_services(reply, 412, "BAD_REQUEST")["description"]


PATHS = [
    "/services/1",
    "/services/1/states/1",
    "/services/1/tasks/1",
    "/services/1/states",
    "/services/1/states/active",
    "/services/1/tasks",
    "/services/1/tasks/completed",
    "/customers/bob/services",
    "/customers/bob/services/active",
    "/services/anonymous/k",
    "/metadata/services/extensions",
    "/metadata/states/extensions/info",
    "/metadata/business-attributes",
]


@pytest.mark.parametrize("path", PATHS)
def test_what_a_client_has_is_not_sent_again(api, case, path):
    first = api.get(path)
    known = first.headers["ETag"]
    for tags in (known, f"W/{known}", "*", f'"a", {known}'):
        again = send(api, "GET", path, If_None_Match=tags)
        assert (again.status_int, again.body) == (304, b"")
        assert again.headers["ETag"] == known
        assert again.headers.get("X-Total-Count") == first.headers.get("X-Total-Count")
    assert send(api, "HEAD", path, If_None_Match=known).status_int == 304
    assert send(api, "GET", path, If_None_Match=OTHER).body == first.body


@pytest.mark.parametrize("path", PATHS)
def test_read_is_412_when_if_match_has_other_tags_only(api, case, path):
    for tags in (OTHER, f"W/{tag(api, path)}"):
        not_now(send(api, "GET", path, If_Match=tags))
    for tags in (tag(api, path), "*"):
        assert send(api, "GET", path, If_Match=tags).status_int == 200
    refused(send(api, "GET", path, If_Match="x"))


def test_what_is_not_there_is_404_whatever_the_condition(api, case):
    for path in ("/services/9", f"{case}/states/9", f"{case}/tasks/9", "/services/x"):
        for name in ("If_Match", "If_None_Match"):
            for tags in ("*", OTHER):
                headers = {name: tags}
                missing(send(api, "GET", path, **headers))
                missing(send(api, "POST", f"{path}/end", {}, **headers))
                missing(send(api, "POST", f"{path}/end", {"x": 1}, **headers))


WRITES = {
    "/services/1": [
        ("POST", "/services/1/end", None),
        ("POST", "/customers/ann/services/1", None),
        ("PUT", "/services/1/extensions/Info", {"a": "y"}),
        ("POST", "/services/1/states/start", {"state_type": 1}),
        ("POST", "/services/1/tasks/start", {"task_type": 1}),
        (
            "POST",
            "/services/1/states/transition",
            {"from": {"state_id": 1}, "to": {"state_type": 2}},
        ),
    ],
    "/services/1/states/1": [
        ("POST", "/services/1/states/1/end", None),
        ("PUT", "/services/1/states/1/extensions/Info", {"a": "y"}),
        ("PUT", "/services/1/states/1/extensions/Info/by/unique", {"a": "x", "b": "y"}),
        ("PUT", "/services/1/states/1/extensions/Info/delete/by/unique", {"a": "x"}),
    ],
    "/services/1/tasks/1": [
        ("POST", "/services/1/tasks/1/end", None),
        ("PUT", "/services/1/tasks/1/extensions/Info", {"a": "y"}),
        ("PUT", "/services/1/tasks/1/extensions/Info/by/unique", {"a": "x", "b": "y"}),
        ("PUT", "/services/1/tasks/1/extensions/Info/delete/by/unique", {"a": "x"}),
    ],
}
CASES = [(what, *write) for what, writes in WRITES.items() for write in writes]


@pytest.mark.parametrize(("what", "method", "path", "body"), CASES)
def test_write_is_done_when_the_conditions_hold(api, case, what, method, path, body):
    headers = {"If_Match": f'"a", {tag(api, what)}', "If_None_Match": OTHER}
    assert send(api, method, path, body, **headers).status_int in (200, 201, 204)


@pytest.mark.parametrize(("what", "method", "path", "body"), CASES)
def test_write_is_412_when_a_condition_does_not_hold(
    api, store, case, what, method, path, body
):
    known = tag(api, what)
    with unchanged(store):
        for headers in (
            {"If_Match": OTHER},
            {"If_Match": f"W/{known}"},
            {"If_None_Match": "*"},
            {"If_None_Match": known},
            {"If_Match": known, "If_None_Match": f"W/{known}"},
        ):
            told = not_now(send(api, method, path, body, **headers))
            assert "is not in the state that is expected; get it again" in told
        # Conditions come before what is wrong with the members of a body.
        not_now(send(api, method, path, {"zzz": 5}, If_Match=OTHER))
        for tags in ("x", "", '"x" "y"'):
            for name in ("If_Match", "If_None_Match"):
                headers = {name: tags}
                refused(send(api, method, path, body, **headers))


@pytest.mark.parametrize(("what", "method", "path", "body"), CASES)
def test_write_is_412_after_somebody_elses_change(
    api, store, case, what, method, path, body
):
    known = tag(api, what)
    done(
        send(api, "PUT", f"{what}/extensions/Info", {"a": "z"}),
        200 if "tasks" in what else 204,
    )
    with unchanged(store):
        not_now(send(api, method, path, body, If_Match=known))
        assert tag(api, what) != known


def test_what_others_do_elsewhere_in_a_service_leaves_a_task_alone(api, case):
    """Two agents can each look after a task of one service."""
    first, second = tag(api, f"{case}/tasks/1"), tag(api, f"{case}/tasks/2")
    end(api, f"{case}/states/1")
    done(send(api, "POST", f"{case}/tasks/1/end", None, If_Match=first))
    done(send(api, "POST", f"{case}/tasks/2/end", None, If_Match=second))


def test_the_tag_of_a_state_with_its_tasks_changes_with_them(api, case):
    state = f"{case}/states/1"
    alone, both = tag(api, state), tag(api, state, active_tasks=True)
    end(api, f"{case}/tasks/1")
    assert tag(api, state) == alone
    seen = send(api, "GET", address(state, active_tasks=True), If_None_Match=both)
    assert seen.status_int == 200 and seen.headers["ETag"] != both
    # A task is no part of a state: the state can be ended as it was seen.
    done(send(api, "POST", f"{state}/end", None, If_Match=both))


def test_the_tag_of_a_whole_service_serves_its_writes(api, case):
    known = tag(api, case, **EVERYTHING, extensions="Info")
    done(send(api, "POST", f"{case}/end", None, If_Match=known))


@pytest.mark.files
def test_tags_change_with_the_business_attributes(api, settings, case):
    """The reply does, though no service is written."""
    before = {path: tag(api, path) for path in PATHS[:10]}
    file = settings.data / "business_attributes.json"
    values = [{"name": "Support", "dbid": 100}]
    kinds = {"name": "Kinds", "values": values, "cv_attributes": ["Service.type"]}
    file.write_text(json.dumps({"business_attributes": {"1": kinds}}))
    until(lambda: tag(api, case), lambda found: found != before[case])
    known = tag(api, case)
    values[0]["dbid"] = 101
    file.write_text(json.dumps({"business_attributes": {"1": kinds}}))
    os.utime(file)
    until(lambda: get(api, "/metadata/business-attributes")[0]["values"] == values)
    assert send(api, "GET", case, If_None_Match=known).status_int in (200, 304)
    done(send(api, "POST", f"{case}/end", None, If_Match=known))


@pytest.mark.parametrize("name", ["If_Match", "If_None_Match"])
@pytest.mark.parametrize("tags", ["*", OTHER])
def test_what_has_no_tag_is_not_written_under_a_condition(api, store, case, name, tags):
    schema = {"name": "N", "type": "single-valued"}
    schema["attributes"] = [{"name": "a", "type": "string"}]
    with unchanged(store):
        for path, body in (
            ("/services/start", {"service_type": 1, "contact_key": "k"}),
            ("/metadata/services/extensions", schema),
            ("/server/mode", {"mode": "maintenance"}),
        ):
            headers = {name: tags}
            told = not_now(send(api, "POST", path, body, **headers))
            assert "leave If-Match and If-None-Match out" in told
    assert get(api, "/server/status")["mode"] == "production"


def test_a_schema_is_deleted_only_if_the_conditions_hold(api, store, case):
    schema = "/metadata/services/extensions/Info"
    known = tag(api, schema)
    with unchanged(store):
        not_now(send(api, "DELETE", schema, If_Match=OTHER))
        not_now(send(api, "DELETE", schema, If_None_Match=known))
    done(send(api, "DELETE", schema, If_Match=known), 204)
    missing(send(api, "DELETE", schema, If_Match=known))
