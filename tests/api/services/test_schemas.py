"""Extension schemas: how they are created, shown and deleted with all values."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from calls import FORM, JSON, send
from service_calls import (
    EVERYTHING,
    contents,
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
from shared import until
from webtest import TestApp

from app.bootstrap import use_cases
from app.errors import Invalid, NotFound
from app.schemas.extension_values import Values
from app.schemas.service import LEVELS, TASKS
from app.services import Owner

BEGUN = {"started": {"timestamp": "2010-09-07T07:58:16.313Z"}}
OLD = {"Info": {"a": "old"}}

LEVEL_NAMES = ("services", "states", "tasks")

OFFERS = {
    "name": "relatedOffers",
    "type": "multi-valued",
    "attributes": [
        {"name": "offer_name", "type": "string", "length": 64, "mandatory": True},
        {"name": "type", "type": "integer", "default": 9},
        {"name": "comments", "type": "string", "encrypt": False},
    ],
    "unique": ["offer_name", "type"],
}
INFO = {
    "name": "ClientInfo",
    "type": "single-valued",
    "attributes": [{"name": "clientIp", "type": "string"}],
}


@pytest.fixture
def schemas(level):
    """The address of the schemas of a level."""
    return f"/metadata/{level}/extensions"


def named(name):
    return INFO | {"name": name}


def names(api, path):
    return [each["name"] for each in get(api, path)]


# Create


def test_reply_has_the_name_and_the_location(api, schemas):
    reply = send(api, "POST", schemas, OFFERS)
    assert (reply.status_int, reply.headers["Content-Type"]) == (201, JSON)
    assert reply.headers["Location"] == f"{schemas}/relatedOffers"
    assert reply.json == {"name": "relatedOffers"}


def test_schema_is_shown_as_it_was_sent(api, schemas):
    for body in (OFFERS, INFO):
        address = send(api, "POST", schemas, body).headers["Location"]
        assert json.dumps(get(api, address)) == json.dumps(body)
    assert get(api, schemas) == [INFO, OFFERS]


def test_schema_is_shown_with_defaults_converted_and_its_key(api, schemas):
    attribute = {"name": "n", "type": "integer", "default": "5", "unique": "true"}
    nulls = {"length": None, "mandatory": None}
    body = {"name": "x", "type": "single-valued", "attributes": [attribute | nulls]}
    send(api, "POST", schemas, body | {"unique": None})
    shown = {"name": "n", "type": "integer", "default": 5, "unique": True}
    assert get(api, f"{schemas}/x") == body | {"attributes": [shown], "unique": ["n"]}


def test_schema_is_found_in_any_case(api, schemas):
    send(api, "POST", schemas, INFO)
    for name in ("ClientInfo", "clientinfo", "CLIENTINFO"):
        assert get(api, f"{schemas}/{name}") == INFO


def test_schemas_are_listed_by_name_in_any_case(api, schemas):
    for name in ("b", "C", "a", "B2"):
        send(api, "POST", schemas, named(name))
    assert names(api, schemas) == ["a", "b", "B2", "C"]


def test_levels_have_a_name_space_each(api):
    for level in LEVEL_NAMES:
        define(api, level, "Info", level)
    for level in LEVEL_NAMES:
        [shown] = get(api, f"/metadata/{level}/extensions")
        assert shown["attributes"] == [{"name": level, "type": "string"}]


def test_letters_of_ascii_alone_are_alike_in_any_case(api):
    define(api, "services", "Kelvin", {"name": "a", "type": "string"})
    assert get(api, "/metadata/services/extensions/KELVIN")["name"] == "Kelvin"
    missing(send(api, "GET", "/metadata/services/extensions/%E2%84%AAelvin"))
    body = {"service_type": 1, "contact_key": "bob", "\u212aelvin": {"a": "x"}}
    refused(send(api, "POST", "/services/start", body), "\u212aelvin")


def test_name_that_is_there_in_another_case_is_refused(api, store, schemas):
    send(api, "POST", schemas, INFO)
    with unchanged(store):
        for name in ("ClientInfo", "clientinfo", "CLIENTINFO"):
            error = refused(send(api, "POST", schemas, OFFERS | {"name": name}), "name")
            assert "already" in error["description"]


RESERVED = {
    "services": "service_id service_type customer_id contact_key interactions "
    "active_states completed_states active_tasks completed_tasks",
    "states": "state_id state_type service_id previous_state_id active_tasks "
    "completed_tasks from to",
    "tasks": "task_id task_type service_id state_id",
}
EVENTS = (
    "timestamp session_id interaction_id application_type application_id resource_type "
    "resource_id media_type est_duration duration disposition disposition_desc started "
    "completed"
)


def test_name_of_a_member_is_refused_in_any_case(api, store, level, schemas):
    with unchanged(store):
        for name in f"{RESERVED[level]} {EVENTS}".split():
            for each in (name, name.upper()):
                error = refused(send(api, "POST", schemas, named(each)), "name")
                assert f'must not be "{each}"' in error["description"]


def test_no_further_name_is_reserved(level):
    assert LEVELS[level].reserved == set(f"{RESERVED[level]} {EVENTS}".split())


def test_name_is_a_letter_and_up_to_25_letters_digits_and_underscores(
    api, store, schemas
):
    for name in ("a", "Z", "a_1", "x" * 26, "end", "unique", "by", "delete", "former"):
        address = send(api, "POST", schemas, named(name)).headers["Location"]
        assert get(api, address)["name"] == name
    with unchanged(store):
        for name in ("", "1a", "_a", "a-b", "a b", "é", "x" * 27, "a/b", None, 1, []):
            refused(send(api, "POST", schemas, named(name)), "name")


def test_bad_schema_is_refused(api, store, schemas):
    attribute = INFO["attributes"][0]
    with unchanged(store):
        for change, *places in (
            ({"type": "multi"}, "type"),
            ({"type": "Multi-Valued"}, "type"),
            ({"attributes": []}, "attributes"),
            ({"attributes": {}}, "attributes"),
            ({"attributes": None}, "attributes"),
            ({"attributes": ["a"]}, "attributes.0"),
            ({"attributes": [attribute, attribute]}, "attributes.1.name"),
            ({"attributes": [attribute | {"type": "text"}]}, "attributes.0.type"),
            ({"attributes": [attribute | {"name": "x" * 65}]}, "attributes.0.name"),
            ({"attributes": [attribute | {"length": 0}]}, "attributes.0.length"),
            ({"attributes": [attribute | {"encrypt": True}]}, "attributes.0.encrypt"),
            ({"attributes": [attribute | {"default": []}]}, "attributes.0.default"),
            ({"unique": ["x"]}, "unique.0"),
            ({"unique": "clientIp"}, "unique"),
            ({"level": "services"}, "level"),
            ({"deleting": True}, "deleting"),
            ({"id": "x"}, "id"),
        ):
            refused(send(api, "POST", schemas, INFO | change), *places)
        body = {"type": "x", "attributes": [{"name": "", "type": "x"}], "more": 1}
        places = ("attributes.0.name", "attributes.0.type")
        refused(send(api, "POST", schemas, body), "name", "type", *places, "more")
        for raw in (b"", b"null", b"[]", b'"x"', b"{"):
            refused(send(api, "POST", schemas, raw))
        refused(send(api, "POST", f"{schemas}?x=1", INFO), "x")


def test_body_may_be_a_form(api, schemas):
    form = b"data=" + json.dumps(INFO).encode()
    assert send(api, "POST", schemas, form, FORM).json == {"name": "ClientInfo"}
    assert get(api, schemas) == [INFO]


def test_one_of_concurrent_creations_of_a_name_succeeds(api, schemas):
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(lambda _: send(TestApp(api.app), "POST", schemas, INFO), range(8))
        )
    assert sorted(each.status_int for each in replies) == [201] + [400] * 7
    assert get(api, schemas) == [INFO]


def test_schemas_are_there_after_a_restart(api_over, opened_over):
    first = opened_over()
    define(TestApp(first.application), "tasks", "Info")
    first.close()
    api = api_over()
    case = start(api)
    task = start(api, f"{case}/tasks", info={"a": 1})
    assert get(api, task, extensions="Info")["Info"] == {"a": "1"}


# Find


def test_list_is_empty_at_first(api, schemas):
    assert get(api, schemas) == []


def test_unknown_schema_is_404_with_its_name(api, schemas, level):
    define(api, "tasks" if level == "services" else "services", "Elsewhere")
    for name in ("x", "Elsewhere", "%20", "a%20b"):
        for method in ("GET", "DELETE"):
            error = missing(send(api, method, f"{schemas}/{name}"))
            assert f"for {level}" in error["description"]
        assert send(api, "HEAD", f"{schemas}/{name}").status_int == 404


def test_unknown_level_is_404(api):
    for level in ("service", "customers", "Services"):
        missing(send(api, "GET", f"/metadata/{level}/extensions"))


def test_head_has_the_headers_only(api, schemas):
    send(api, "POST", schemas, INFO)
    for path in (schemas, f"{schemas}/ClientInfo"):
        got, head = send(api, "GET", path), send(api, "HEAD", path)
        assert (head.status_int, head.body) == (200, b"")
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


def test_parameters_are_refused(api, store, schemas):
    send(api, "POST", schemas, INFO)
    with unchanged(store):
        for method in ("GET", "DELETE"):
            refused(send(api, method, f"{schemas}/ClientInfo?x=1"), "x")
        refused(send(api, "GET", f"{schemas}?limit=1"), "limit")


def test_schema_is_never_changed(api, schemas):
    send(api, "POST", schemas, INFO)
    for method in ("PUT", "PATCH", "POST"):
        reply = send(api, method, f"{schemas}/ClientInfo", INFO)
        refused_services(reply, 405, "METHOD_NOT_ALLOWED")


# Delete


def several_with_values(api):
    """Start services with active and completed states and tasks, each with values."""
    values = {"Info": {"a": "i"}, "More": [{"a": "m"}]}
    for level in LEVEL_NAMES:
        define(api, level, "Info")
        define(api, level, "More", kind="multi-valued")
    for _ in range(2):
        case = start(api, customer_id="bob", **values)
        for level in ("states", "tasks"):
            start(api, f"{case}/{level}", **values)
            end(api, start(api, f"{case}/{level}", **values))
    end(api, case)


def values_shown(api):
    """Return the values of all services and of what is in them, by level."""
    shown = get(api, "/customers/bob/services", **EVERYTHING, extensions="info,more")
    found = {"services": shown, "states": [], "tasks": []}
    for case in shown:
        for name in EVERYTHING:
            found[name.split("_")[1]] += case[name]
    return {
        level: [{n: each[n] for n in ("Info", "More") if n in each} for each in several]
        for level, several in found.items()
    }


def test_deletion_removes_all_values_of_its_level_and_no_other(api, level, schemas):
    several_with_values(api)
    before = values_shown(api)
    assert [len(each) for each in before.values()] == [2, 4, 4]
    done(send(api, "DELETE", f"{schemas}/INFO"), 204)
    after = values_shown(api)
    assert after == before | {level: [{"More": [{"a": "m"}]}] * len(before[level])}


def test_new_schema_of_a_deleted_name_shows_no_old_values(api, level, schemas):
    several_with_values(api)
    done(send(api, "DELETE", f"{schemas}/Info"), 204)
    define(api, level, "INFO", "b")
    owner = "/services/1" if level == "services" else f"/services/1/{level}/1"
    assert "INFO" not in get(api, owner, extensions="info")
    assert send(api, "PUT", f"{owner}/extensions/info", {"b": 1}).status_int < 300
    assert get(api, owner, extensions="info")["INFO"] == {"b": "1"}


def test_deletion_leaves_nothing_of_the_values_in_the_store(api, store):
    several_with_values(api)
    before = contents(store)["services"]
    for level in LEVEL_NAMES:
        for name in ("info", "MORE"):
            path = f"/metadata/{level}/extensions/{name}"
            done(send(api, "DELETE", path), 204)
    after = contents(store)
    assert after["extensions"] == []
    assert len(after["services"]) == len(before)
    texts = [text for _, text in after["services"]]
    assert not [text for text in texts if "Info" in text or "More" in text]


def test_deleted_schema_is_gone_everywhere(api, store, level, schemas):
    define(api, level, "Info")
    done(send(api, "DELETE", f"{schemas}/Info"), 204)
    missing(send(api, "GET", f"{schemas}/Info"))
    missing(send(api, "DELETE", f"{schemas}/Info"))
    assert get(api, schemas) == []
    service = start(api)
    owner = service if level == "services" else start(api, f"{service}/{level}")
    with unchanged(store):
        missing(send(api, "PUT", f"{owner}/extensions/Info", {"a": "x"}))
        refused(send(api, "POST", f"{owner}/end", {"Info": {"a": "x"}}), "Info")


def test_values_of_a_deleted_schema_stay_gone_after_a_restart(api_over, opened_over):
    first = opened_over()
    api = TestApp(first.application)
    several_with_values(api)
    done(send(api, "DELETE", "/metadata/states/extensions/Info"), 204)
    before = values_shown(api)
    first.close()
    assert values_shown(api_over()) == before


@pytest.fixture
def half_deleted(api_over, settings, level):
    """The API over what another worker leaves that crashes in the midst of a deletion."""
    nested = BEGUN | OLD
    case = nested | {"service_id": 1, "service_type": 1, "customer_id": "bob"}
    case["active_states"] = [nested | {"state_id": 1, "state_type": 1}]
    case["active_tasks"] = [nested | {"task_id": 1, "task_type": 1}]
    schema = named("Info") | {"level": level}
    api = api_over(services=[case], extensions=[schema])
    assert values_shown(api)[level] == [OLD]
    draft = settings.data / "extensions.json.new"
    draft.write_text(json.dumps([schema | {"deleting": True}]))
    draft.rename(settings.data / "extensions.json")
    until(lambda: values_shown(api)[level] == [{}])
    return api


def test_half_deleted_schema_is_gone_for_clients(half_deleted, level, schemas):
    api = half_deleted
    assert get(api, schemas) == []
    missing(send(api, "GET", f"{schemas}/Info"))
    missing(send(api, "DELETE", f"{schemas}/Info"))
    assert values_shown(api)[level] == [{}]
    owner = "/services/1" if level == "services" else f"/services/1/{level}/1"
    missing(send(api, "PUT", f"{owner}/extensions/Info", {"a": "x"}))
    refused(send(api, "POST", f"{owner}/end", {"Info": {"a": "x"}}), "Info")


def test_half_deleted_schema_is_deleted_by_the_next_creation(
    half_deleted, level, schemas
):
    api = half_deleted
    define(api, level, "info")
    assert values_shown(api)[level] == [{}]
    others = [each for each in LEVEL_NAMES if each != level]
    assert [values_shown(api)[each] for each in others] == [[OLD]] * 2


def test_half_deleted_schema_is_deleted_by_the_next_start(
    half_deleted, api_over, level
):
    shown = values_shown(api_over())
    assert shown[level] == [{}]
    assert [each for each in shown.values() if each != [{}]] == [[OLD]] * 2


class Interrupted:
    """A store in which something else happens right before the next write."""

    def __init__(self, store, act):
        self._store = store
        self._act = act

    def __getattr__(self, name):
        if name in ("add", "update"):
            act, self._act = self._act, lambda: None
            act()
        return getattr(self._store, name)


@pytest.fixture
def interrupted(store, settings, clock):
    """Return the function from an act to the use cases that it comes between."""
    return lambda act: use_cases(Interrupted(store, act), settings, clock).services


def test_event_is_held_to_the_schemas_of_the_moment_in_which_it_is_stored(
    api, store, interrupted
):
    service_id = number(start(api))
    info = define(api, "tasks", "Info", "old")

    def replace():
        done(send(api, "DELETE", info), 204)
        define(api, "tasks", "Info", "new")

    body = {"task_type": 1, "Info": {"old": "x"}}
    with pytest.raises(Invalid) as refusal:
        interrupted(replace).start_in(service_id, TASKS, body)
    assert list(refusal.value.faults) == ["Info.old"]
    assert get(api, f"/services/{service_id}/tasks") == []


def test_value_cannot_slip_in_behind_a_deletion(api, store, interrupted):
    service_id = number(start(api))
    info = define(api, "services", "Info")

    def delete():
        done(send(api, "DELETE", info), 204)

    with pytest.raises(NotFound):
        interrupted(delete).write(
            Owner(service_id), "Info", Values.replaced, {"a": "x"}
        )
    assert "Info" not in contents(store)["services"][0][1]


def test_deletion_while_values_are_written_leaves_none(api, store):
    define(api, "tasks", "Info")
    case = start(api)
    tasks = [start(api, f"{case}/tasks") for _ in range(8)]

    def write(task):
        client = TestApp(api.app)
        replies = [
            send(client, "PUT", f"{task}/extensions/Info", {"a": n}).status_int
            for n in range(5)
        ]
        return replies

    with ThreadPoolExecutor(9) as pool:
        written = pool.map(write, tasks)
        deleted = pool.submit(
            send, TestApp(api.app), "DELETE", "/metadata/tasks/extensions/Info"
        )
        assert {each for replies in written for each in replies} <= {200, 404}
        assert deleted.result().status_int == 204
    assert "Info" not in contents(store)["services"][0][1]


# Schemas of a data file


def test_schema_that_a_person_wrote_is_served(api_over, level, schemas):
    api = api_over(extensions=[named("Info") | {"level": level}])
    assert get(api, schemas) == [named("Info")]
    missing(send(api, "GET", f"{schemas}/ClientInfo"))
