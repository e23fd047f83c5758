"""What any implementation must pass: context-services contract, section 7, 1 to 14."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from calls import send
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
from shared import sample
from webtest import TestApp

SEED = "/services/3005"
OFFERS = "/metadata/services/extensions/relatedOffers"


@pytest.fixture
def seeded(api_over):
    """The API over the example of the platform's documents."""
    return api_over(services=[sample("service.3005.json")])


@pytest.fixture
def offers(api):
    """The address of a multi-valued extension value of a new service."""
    service = start(api)
    define(
        api,
        "services",
        "relatedOffers",
        "offer_name",
        "type",
        "comments",
        kind="multi-valued",
        unique=["offer_name"],
    )
    return f"{service}/extensions/relatedOffers"


def ids(api, path, **parameters):
    return [each["service_id"] for each in get(api, path, **parameters)]


def test_01_the_example_is_returned_exactly(seeded):
    path = (
        f"{SEED}?active_states=true&completed_states=true&active_tasks=true"
        "&completed_tasks=true&extensions=ClientInfo,relatedOffers"
    )
    assert send(seeded, "GET", path).json == sample("service.3005.json")


def test_01_the_example_has_no_array_and_no_extension_unless_asked_for(seeded):
    asked_for = {*EVERYTHING, "ClientInfo", "relatedOffers"}
    expected = sample("service.3005.json")
    for name in asked_for:
        del expected[name]
    assert get(seeded, SEED) == expected


def test_02_start_event_is_shown_without_the_estimate(api):
    body = {"contact_key": "555-0100", "service_type": 100, "est_duration": 300}
    event = {"interaction_id": "a1", "media_type": 2}
    reply = send(api, "POST", "/services/start", body | event)
    assert (reply.status_int, reply.json) == (201, {"service_id": 1})
    assert get(api, reply.headers["Location"]) == {
        "service_id": 1,
        **body,
        "started": {"timestamp": NOW, **event},
    }


def test_03_start_without_any_key_or_without_type_is_400(api, store):
    with unchanged(store):
        path = "/services/start"
        refused(send(api, "POST", path, {"service_type": 100}), "customer_id")
        refused(send(api, "POST", path, {"contact_key": "555-0100"}), "service_type")


@pytest.mark.parametrize("level", ["states", "tasks"])
def test_04_states_and_tasks_are_active_until_completed(api, clock, level):
    service = start(api)
    first, second = start(api, f"{service}/{level}"), start(api, f"{service}/{level}")
    one, two = get(api, first), get(api, second)
    assert get(api, f"{service}/{level}/active") == [one, two]
    assert get(api, f"{service}/{level}/completed") == []
    clock.move(seconds=82.937)
    end(api, first)
    completed = {"completed": {"timestamp": "2026-01-02T03:05:28.615Z"}}
    assert get(api, first) == one | completed | {"duration": 82937}
    assert get(api, f"{service}/{level}/active") == [two]
    assert get(api, f"{service}/{level}/completed") == [get(api, first)]
    assert get(api, f"{service}/{level}") == [get(api, first), two]


def test_05_transition_ends_one_state_and_starts_the_next(api, clock):
    service = start(api)
    former = start(api, f"{service}/states")
    clock.move(seconds=60)
    body = {
        "from": {"state_id": number(former), "disposition": 5},
        "to": {"state_type": 200, "est_duration": 30},
    }
    reply = send(api, "POST", f"{service}/states/transition", body)
    assert (reply.status_int, reply.json) == (201, {"state_id": 2})
    ended, begun = get(api, f"{service}/states")
    assert (ended["duration"], ended["disposition"]) == (60_000, 5)
    assert begun == {
        "state_id": 2,
        "state_type": 200,
        "service_id": 1,
        "previous_state_id": 1,
        "started": ended["completed"],
        "est_duration": 30,
    }
    assert get(api, reply.headers["Location"]) == begun


def test_06_task_in_a_completed_state_stays_active(api):
    service = start(api)
    state = start(api, f"{service}/states")
    task = start(api, f"{service}/tasks", state_id=number(state))
    end(api, state)
    assert "completed" not in get(api, task)
    assert get(api, f"{service}/tasks/active") == [get(api, task)]


def test_07_service_follows_the_last_association(api):
    service = start(api)
    anonymous = "/services/anonymous/555-0100"
    assert ids(api, anonymous) == [1]
    done(send(api, "POST", f"/customers/bob{service}"))
    assert ids(api, anonymous) == []
    assert ids(api, "/customers/bob/services") == [1]
    done(send(api, "POST", f"/customers/ann{service}"))
    assert ids(api, "/customers/bob/services") == []
    assert ids(api, "/customers/ann/services") == [1]
    assert get(api, service)["contact_key"] == "555-0100"


def test_08_started_from_includes_its_moment_and_started_to_excludes_it(api):
    start(api, customer_id="bob")
    path = "/customers/bob/services"
    assert ids(api, path, started_from=NOW) == [1]
    assert ids(api, path, started_to=NOW) == []


def test_09_service_is_completed_once(api, store):
    service = start(api)
    end(api, service)
    with unchanged(store):
        refused(send(api, "POST", f"{service}/end", {}))


def test_10_schema_is_found_in_any_case_until_it_is_deleted(api):
    attributes = [{"name": "clientIp", "type": "string"}]
    body = {"name": "ClientInfo", "type": "single-valued", "attributes": attributes}
    path = "/metadata/services/extensions"
    reply = send(api, "POST", path, body)
    assert (reply.status_int, reply.json) == (201, {"name": "ClientInfo"})
    assert get(api, reply.headers["Location"]) == body
    assert get(api, f"{path}/CLIENTinfo") == body
    assert get(api, path) == [body]
    refused(send(api, "POST", path, body | {"name": "clientinfo"}), "name")
    done(send(api, "DELETE", f"{path}/clientINFO"), 204)
    missing(send(api, "DELETE", f"{path}/ClientInfo"))
    assert get(api, path) == []


def test_11_value_is_replaced_as_a_whole_unless_keys_are_there_twice(api, offers):
    first, second = {"offer_name": "VIP", "type": "9"}, {"offer_name": "GOLD"}
    done(send(api, "PUT", offers, [first]), 204)
    service = offers.split("/extensions/")[0]
    assert get(api, service, extensions="relatedOffers")["relatedOffers"] == [first]
    assert "relatedOffers" not in get(api, service)
    done(send(api, "PUT", offers, [second]), 204)
    reply = send(api, "PUT", offers, [first, second, first])
    refused(reply, "relatedOffers.2")
    assert get(api, service, extensions="relatedOffers")["relatedOffers"] == [second]


def test_12_record_is_written_and_deleted_by_its_key(api, offers):
    first, second = {"offer_name": "VIP", "type": "9"}, {"offer_name": "GOLD"}
    service = offers.split("/extensions/")[0]
    done(send(api, "PUT", offers, [first, second]), 204)
    change = {"offer_name": "VIP", "comments": "limited"}
    done(send(api, "PUT", f"{offers}/by/unique", change), 204)
    changed = get(api, service, extensions="relatedOffers")["relatedOffers"]
    assert changed == [first | change, second]
    done(send(api, "PUT", f"{offers}/delete/by/unique", {"offer_name": "VIP"}), 204)
    left = get(api, service, extensions="relatedOffers")["relatedOffers"]
    assert left == [second]
    for path in ("by/unique", "delete/by/unique"):
        missing(send(api, "PUT", f"{offers}/{path}", {"offer_name": "VIP"}))


def test_13_maintenance_closes_services_but_not_schemas(api):
    service = start(api)
    define(api, "services", "relatedOffers")
    send(api, "POST", "/server/mode", {"mode": "Maintenance"})
    refused_services(send(api, "GET", service), 503, "MAINTENANCE")
    refused_services(send(api, "POST", f"{service}/end"), 503, "MAINTENANCE")
    assert get(api, OFFERS)["name"] == "relatedOffers"
    send(api, "POST", "/server/mode", {"mode": "PRODUCTION"})
    assert "completed" not in get(api, service)


def test_14_concurrent_starts_of_tasks_give_different_ids_and_lose_none(api):
    service = start(api)

    def start_one(_):
        return number(start(TestApp(api.app), f"{service}/tasks"))

    with ThreadPoolExecutor(20) as pool:
        given = list(pool.map(start_one, range(200)))
    assert len(set(given)) == 200
    tasks = get(api, f"{service}/tasks/active")
    assert [each["task_id"] for each in tasks] == sorted(given)
