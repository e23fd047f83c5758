"""Services of a data file: what a person may write, and how it is served."""

import json
import os

import pytest
from calls import send
from service_calls import (
    EVERYTHING,
    define,
    done,
    end,
    get,
    missing,
    number,
    refused,
    start,
)
from shared import sample, until
from webtest import TestApp

from app.errors import Invalid

BEGUN = {"started": {"timestamp": "2010-09-07T07:58:16.313Z"}}
ENDED = {"completed": {"timestamp": "2010-09-07T07:58:17Z"}}
CASE = {"service_id": 5, "service_type": 100, "customer_id": "bob"} | BEGUN
STATE = {"state_id": 7, "state_type": 1} | BEGUN
TASK = {"task_id": 8, "task_type": 1} | BEGUN


@pytest.fixture
def seeded(api_over):
    """The API over the example of the platform's documents."""
    return api_over(services=[sample("service.3005.json")])


def edit(settings, documents):
    """Save the data file as an editor does."""
    draft = settings.data / "services.json.new"
    draft.write_text(json.dumps(documents))
    os.replace(draft, settings.data / "services.json")


@pytest.fixture
def is_taken_in(api_over, caplog):
    """Return the function that tells whether the service took in an edit."""
    caplog.set_level("INFO")

    def is_taken_in(api):
        get(api, "/customers/bob/services")
        return "services.json was edited" in caplog.text

    return is_taken_in


def fault(opened_over, documents):
    """Return what is said of a broken file when the service is opened."""
    with pytest.raises(Invalid) as refusal:
        opened_over(services=documents)
    return refusal.value.message


@pytest.mark.parametrize("table", ["services", "_default"])
def test_tinydb_json_and_an_array_are_served_alike(
    api_over, settings, is_taken_in, table
):
    by_number = {"1": CASE, "7": CASE | {"service_id": 6}}
    api = api_over(services={table: by_number})
    before = get(api, "/customers/bob/services", **EVERYTHING)
    edit(settings, list(by_number.values()))
    until(lambda: is_taken_in(api))
    assert get(api, "/customers/bob/services", **EVERYTHING) == before
    assert [each["service_id"] for each in before] == [5, 6]


def test_what_is_left_out_is_filled_in(api_over, settings):
    nested = {"state_id": 7, "state_type": 1, **BEGUN, **ENDED}
    settings.data.mkdir()
    edit(settings, {"services": {"12": {"service_type": 1}}})
    modified = 1_283_846_296.313
    os.utime(settings.data / "services.json", (modified, modified))
    api = api_over()
    assert get(api, "/services/12", **EVERYTHING) == {
        "service_id": 12,
        "service_type": 1,
        "started": {"timestamp": "2010-09-07T07:58:16.310Z"},
        **dict.fromkeys(EVERYTHING, []),
    }
    edit(settings, [CASE | {"completed_states": [nested], "active_tasks": None}])
    until(lambda: send(api, "GET", "/services/5").status_int == 200)
    assert get(api, "/services/5", completed_states=True)["completed_states"] == [
        nested
        | {"service_id": 5, "duration": 687}
        | {"completed": {"timestamp": "2010-09-07T07:58:17.000Z"}}
    ]


def test_null_is_as_absent(api_over):
    nulls = dict.fromkeys(("contact_key", "duration", "completed", "interactions"))
    states = [STATE | {"service_id": None, "completed": None, "Info": None}]
    case = CASE | nulls | {"Info": None, "active_states": states}
    api = api_over(services=[case | {"service_id": None}])
    assert get(api, "/services/1", extensions="Info") == CASE | {"service_id": 1}
    [state] = get(api, "/services/1/states", extensions="Info")
    assert state == STATE | {"service_id": 1}


def test_ids_count_on_from_those_of_the_file(seeded):
    assert start(seeded) == "/services/3006"
    assert start(seeded, "/services/3006/states") == "/services/3006/states/4002"
    assert start(seeded, "/services/3005/tasks") == "/services/3005/tasks/2002"


def test_0_is_an_id(api_over):
    state, task = STATE | {"state_id": 0}, TASK | {"task_id": 0, "state_id": 0}
    case = CASE | {"service_id": 0, "active_states": [state], "active_tasks": [task]}
    api = api_over(services=[case])
    assert get(api, "/services/0", **EVERYTHING)["active_tasks"][0]["state_id"] == 0
    assert get(api, "/services/0/tasks", state_id=0) == [
        get(api, "/services/0/tasks/0")
    ]
    body = {"from": {"state_id": 0}, "to": {"state_type": 1}}
    new = send(api, "POST", "/services/0/states/transition", body).headers["Location"]
    assert (number(new), get(api, new)["previous_state_id"]) == (1, 0)
    assert number(start(api, "/services/0/tasks", state_id=0)) == 1
    end(api, "/services/0")
    assert number(start(api)) == 1


def test_ids_count_on_from_those_below_the_largest_half(api_over):
    far = CASE | {"service_id": 2**63 - 1}
    api = api_over(services=[CASE | {"service_id": 2**62 - 2}, far])
    assert get(api, f"/services/{2**63 - 1}") == far
    assert number(start(api)) == 2**62 - 1
    reply = send(
        api, "POST", "/services/start", {"service_type": 1, "contact_key": "bob"}
    )
    assert reply.status_int == 503
    assert "no further service_id" in reply.json["description"]


def test_id_beyond_64_bits_is_refused(opened_over):
    told = fault(opened_over, [CASE | {"service_id": 2**63}])
    assert "field service_id: must fit into 64 bits" in told


def test_states_and_tasks_are_put_in_order(api_over):
    later = {"started": {"timestamp": "2010-09-07T07:58:16.5Z"}}
    tasks = [TASK | {"task_id": n} for n in (10, 9)]
    api = api_over(services=[CASE | {"active_tasks": [TASK | later, *tasks]}])
    shown = get(api, "/services/5", active_tasks=True)["active_tasks"]
    assert [each["task_id"] for each in shown] == [9, 10, 8]


def test_interactions_are_shown_when_asked_for(api_over):
    interactions = [{"id": "x", "n": [1, None]}]
    api = api_over(services=[CASE | {"interactions": interactions}])
    assert get(api, "/services/5", interactions=False) == CASE
    assert get(api, "/services/5") == CASE
    shown = CASE | {"interactions": interactions}
    assert get(api, "/services/5", interactions=True) == shown
    where = f"/customers/{CASE['customer_id']}/services"
    assert get(api, where, interactions=True) == [shown]
    assert get(api, where, active_states=True) == [CASE | {"active_states": []}]
    end(api, "/services/5")
    found = get(api, "/services/5", interactions=True)
    assert found["interactions"] == interactions
    refused(api.get("/services/5?interactions=x", expect_errors=True), "interactions")


def test_service_with_neither_key_is_in_no_list(api_over):
    case = {name: each for name, each in CASE.items() if name != "customer_id"}
    api = api_over(services=[case])
    assert get(api, "/services/5") == case
    done(send(api, "POST", "/customers/bob/services/5"))
    assert len(get(api, "/customers/bob/services")) == 1


def test_what_a_reply_shows_can_be_written_into_a_file(api_over, settings, is_taken_in):
    api = api_over()
    define(api, "services", "Info")
    case = start(api, Info={"a": "x"}, timestamp="2010-09-07T07:58:16.313Z")
    end(api, start(api, f"{case}/states"), disposition=5)
    start(api, f"{case}/tasks", state_id=1)
    before = get(api, case, **EVERYTHING, extensions="Info")
    edit(settings, [before])
    until(lambda: is_taken_in(api))
    assert get(api, case, **EVERYTHING, extensions="Info") == before


# Extension values


def test_values_without_a_schema_are_shown_when_asked_for(seeded):
    example = sample("service.3005.json")
    names = ("ClientInfo", "relatedOffers")
    shown = get(seeded, "/services/3005", extensions="clientinfo,RELATEDOFFERS")
    assert {name: shown[name] for name in names} == {n: example[n] for n in names}
    missing(send(seeded, "PUT", "/services/3005/extensions/ClientInfo", {}))


def test_values_without_a_schema_stay_when_the_service_changes(seeded):
    before = get(seeded, "/services/3005", extensions="ClientInfo,relatedOffers")
    start(seeded, "/services/3005/tasks")
    end(seeded, "/services/3005/states/4000")
    after = get(seeded, "/services/3005", extensions="ClientInfo,relatedOffers")
    assert after == before


def test_values_from_before_the_schema_are_written_by_it(seeded):
    attributes = ("offer_name", "type", "comments")
    define(
        seeded,
        "services",
        "RelatedOffers",
        *attributes,
        kind="multi-valued",
        unique=["offer_name"],
    )
    value = "/services/3005/extensions/relatedOffers"
    change = {"offer_name": "3 times payment GOLD", "comments": "over"}
    done(send(seeded, "PUT", f"{value}/by/unique", change), 204)
    deletion = {"offer_name": "life insurance"}
    done(send(seeded, "PUT", f"{value}/delete/by/unique", deletion), 204)
    shown = get(seeded, "/services/3005", extensions="relatedOffers")
    first, second, _ = sample("service.3005.json")["relatedOffers"]
    assert shown["RelatedOffers"] == [first, second | change]
    assert "relatedOffers" not in shown
    done(send(seeded, "DELETE", "/metadata/services/extensions/relatedoffers"), 204)
    shown = get(seeded, "/services/3005", extensions="relatedOffers,ClientInfo")
    assert "RelatedOffers" not in shown and "ClientInfo" in shown


def test_values_of_states_and_tasks_are_taken_too(api_over):
    info = {"Info": {"a": [1, {"b": None}]}}
    case = CASE | {"active_states": [STATE | info], "active_tasks": [TASK | info]}
    api = api_over(services=[case])
    for where in ("/services/5/states/7", "/services/5/tasks/8"):
        assert get(api, where, extensions="info")["Info"] == info["Info"]
        assert "Info" not in get(api, where)


# Broken files


NESTED = {"active_states": [STATE], "active_tasks": [TASK]}

BROKEN = [
    ({"service_type": None}, "service_type: is required"),
    ({"service_type": ""}, "service_type: must be an integer of at most 64 bits, or"),
    ({"customer_id": 5}, "customer_id: must be a text"),
    ({"contact_key": ""}, "contact_key: must be a text that is not empty"),
    ({"est_duration": -1}, "est_duration: must be 0 or more"),
    ({"duration": "x"}, "duration: must be an integer"),
    ({"disposition_desc": "d" * 257}, "disposition_desc: may have 256 characters"),
    ({"started": {}}, "started.timestamp: is required"),
    ({"started": "2010"}, "started: must be an object, not a string"),
    ({"started": {"timestamp": "2010"}}, "started.timestamp: must be a date"),
    (
        {"started": BEGUN["started"] | {"x": 1}},
        "started.x: is not a member of an event",
    ),
    ({"completed": {}}, "completed.timestamp: is required"),
    (
        {"completed": ENDED["completed"] | {"session_id": 1}},
        "completed.session_id: must",
    ),
    ({"active_states": {}}, "active_states: must be an array, not an object"),
    ({"active_states": [5]}, "active_states.0: must be an object"),
    ({"active_tasks": [BEGUN]}, "active_tasks.0.task_id: is required"),
    ({"active_tasks": [TASK, TASK]}, "active_tasks: task_id 8 is there twice"),
    ({"active_tasks": [TASK | ENDED]}, "active_tasks.0.completed: must not be there"),
    ({"completed_tasks": [TASK]}, "completed_tasks.0.completed: must be there"),
    (
        {"active_states": [STATE | {"service_id": 6}]},
        "active_states.0.service_id: must",
    ),
    (
        {"active_states": [STATE | {"state_type": []}]},
        "active_states.0.state_type: must",
    ),
    ({"active_states": [STATE | {"x": 1}]}, "active_states.0.x: is not a member of a"),
    (
        {"active_states": [STATE | {"active_tasks": []}]},
        "active_states.0.active_tasks:",
    ),
    ({"x": 1}, "x: is not a member of a service nor an object or array of objects"),
    ({"service_typ": "x"}, "service_typ: is not a member of a service nor an object"),
    ({"x": [{}, 1]}, "x: is not a member of a service nor an object or array"),
    ({"Started": {}}, "Started: cannot be the name of an extension here"),
    ({"x": {}, "X": {}}, "X: cannot be the name of an extension here, it is taken"),
]


def test_broken_file_is_named_with_document_and_field(opened_over):
    """At the start nothing else could be served, so that there is no start."""
    for change, told in BROKEN:
        broken = CASE | NESTED | change
        table = {"services": {"3": CASE | {"service_id": 4}, "9": broken}}
        told_all = fault(opened_over, table)
        assert told_all.startswith("services.json: document 9 (service_id 5), field ")
        assert f"field {told}" in told_all


def test_all_faults_of_all_documents_are_told(opened_over):
    documents = [CASE | {"service_type": ""}, CASE | {"x": 1, "est_duration": -1}, 5]
    told = fault(opened_over, documents)
    for part in (
        "document 1 (service_id 5), field service_type: ",
        "document 2 (service_id 5), field x: ",
        "document 2 (service_id 5), field est_duration: ",
        "document 3: a service must be a JSON object",
    ):
        assert part in told


def test_two_services_of_one_id_are_refused(opened_over):
    told = fault(opened_over, {"services": {"1": CASE, "2": CASE}})
    assert told == "services.json: documents 1 and 2 have the same service_id 5"


def test_edit_is_served_and_counts_on(api_over, settings):
    api = api_over(services=[CASE])
    assert get(api, "/services/5")["service_type"] == 100
    edit(settings, [CASE | {"service_type": "Order"}, CASE | {"service_id": 40}])
    until(lambda: get(api, "/services/5")["service_type"] == "Order")
    assert start(api) == "/services/41"
    assert len(get(api, "/customers/bob/services")) == 2


def test_broken_edit_leaves_what_was_served_and_is_named_in_the_log(
    api_over, settings, caplog
):
    api = api_over(services=[CASE])
    before = get(api, "/services/5", **EVERYTHING)
    edit(settings, [CASE | {"active_tasks": [TASK | {"task_type": ""}]}])
    fault = "services.json: document 1 (service_id 5), field active_tasks.0.task_type"
    until(lambda: get(api, "/services/5") and fault in caplog.text)
    assert get(api, "/services/5", **EVERYTHING) == before
    edit(settings, [CASE | {"active_tasks": [TASK]}])
    until(lambda: get(api, "/services/5", **EVERYTHING)["active_tasks"])
    assert get(api, "/services/5", **EVERYTHING)["active_tasks"][0]["task_id"] == 8


def test_broken_schemas_are_named_with_document_and_field(opened_over):
    schema = {"name": "Info", "type": "single-valued", "level": "services"}
    schema["attributes"] = [{"name": "a", "type": "text"}]
    with pytest.raises(Invalid) as refusal:
        opened_over(extensions=[schema])
    assert refusal.value.message.startswith(
        "extensions.json: document 1, field attributes.0.type: must be one of"
    )


def test_file_is_brought_up_to_date_when_the_service_is_closed(opened_over, settings):
    service = opened_over(services=[CASE])
    api = TestApp(service.application)
    end(api, "/services/5")
    refused(send(api, "POST", "/services/5/end"))
    service.close()
    table = json.loads((settings.data / "services.json").read_text())["services"]
    assert table["1"]["completed"] == {"timestamp": "2026-01-02T03:04:05.678Z"}
