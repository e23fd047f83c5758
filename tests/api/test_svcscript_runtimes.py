"""Running instances of scripts, in the platform's own words."""

import json
from urllib.parse import quote

import pytest
from calls import OTHER_ID, refused, send
from documented import fits
from shared import RUNNER
from test_svcruns import SCRIPTS, R, active, clock, ended, run_id

NOON = 1767268800000

S = "/rest/v1/service/svcscript_runtimes"


@pytest.fixture
def scripts(store):
    """Two scripts, and a runner that looked a second ago."""
    store.load("svcscripts", SCRIPTS)
    store.load("runners", [RUNNER])


def test_instances_are_the_runs_that_have_not_ended(api, store):
    store.insert("svcruns", ended(1))
    store.insert("clocks", clock(active(2, node="vm1/r1")))
    assert api.get(S).json == [
        {
            "id": run_id(2),
            "site": "",
            "node": "vm1/r1",
            "domain": "",
            "type": "svc",
            "code": "clean",
        }
    ]


@pytest.fixture
def some(store):
    """Four instances: two of a task, one of another task, one that is wanted."""
    wanted = {"id": run_id(4), "cause": "manual", "asked": NOON, "code": "hook"}
    store.insert(
        "clocks",
        clock(active(3, node="vm2/r9"), active(1, node="vm1/r1")),
        clock(active(2, node="vm1/r1"), id=OTHER_ID, svctask=OTHER_ID),
        clock(id=run_id(9), svctask=run_id(9), wanted=[wanted]),
    )


def numbers(reply):
    return [int(runtime["id"][-12:], 16) for runtime in reply.json]


LISTS = [
    ("", [4, 3, 2, 1]),
    ("limit=2", [4, 3]),
    ("offset=1&limit=2", [3, 2]),
    ("offset=9", []),
    ('order="node"', [4, 1, 2, 3]),
    ('order={"node":"desc"}&limit=1', [3]),
    ('filter={"node":"vm1/r1"}', [2, 1]),
    ('filter={"code":{"$in":["hook","x"]}}&limit=1', [4]),
]


@pytest.mark.parametrize(("parameters", "found"), LISTS)
def test_list_of_instances_has_pages_filters_and_orders_as_that_of_runs(
    api, some, parameters, found
):
    reply = api.get(f"{S}?{parameters}")
    assert numbers(reply) == found
    matches = {"filter": len(found), "offset": 4}.get(parameters[:6], 4)
    if "hook" in parameters:
        matches = 1
    assert reply.headers["X-Total-Count"] == str(matches)
    tag = reply.headers["ETag"]
    assert send(api, "GET", f"{S}?{parameters}", If_None_Match=tag).status_int == 304


def test_page_of_instances_names_the_next_one_and_shows_what_the_mask_says(api, some):
    reply = api.get(f"{S}?limit=1&mask=code,node")
    assert reply.json == [{"node": "", "code": "hook"}]
    assert (
        reply.headers["Link"] == f'<{S}?limit=1&mask=code%2Cnode&offset=1>; rel="next"'
    )
    for wrong in ("state=running", "limit=-1", "mask=svctask", 'filter={"slot":1}'):
        refused(send(api, "GET", f"{S}?{wrong}"), 400)


FILTERS = [
    {"code": "x", "node": {"$startswith": "vm"}},
    {"code": {"$exists": 1}},
    {"code": {"$gte": 5}},
    {"site": None},
    {"slot": 1},
    {"$or": [{"type": "svc"}, {"domain": {"$in": [""]}}]},
    ["==", ["property", "id"], "x"],
    ["==", ["property", "name"], "n"],
]


@pytest.mark.parametrize("given", FILTERS)
def test_filters_of_instances_are_as_the_document_says(api, given):
    reply = send(api, "GET", f"{S}?filter={quote(json.dumps(given))}")
    assert (reply.status_int == 200) is fits(given, "RuntimeFilter")


def test_script_is_started_by_its_code_for_no_task(api, store, scripts):
    body = {"code": "hook", "startparam1": "a", "startparam9": 9}
    started = send(api, "POST", S, body)
    assert started.status_int == 200
    assert started.json == {
        "id": started.json["id"],
        "site": "",
        "node": "",
        "domain": "",
        "type": "svc",
        "code": "hook",
    }
    assert api.get(S).json == [started.json]
    run = api.get(f"{R}/{started.json['id']}").json
    assert run["state"] == "wanted" and run["name"] == "script hook"
    assert run["cause"] == "manual" and "startparam1" not in run
    assert send(api, "POST", S, {"code": "hook"}).status_int == 200
    assert len(list(store.scan("clocks"))) == 1


BODIES = [
    ({}, "code: is required"),
    ([], "the body must be an object with the code of a script"),
    (
        {"code": "cleen"},
        'code: cleen is not in svcscripts.json (did you mean "clean"?)',
    ),
    ({"code": "clean", "command": ["sh"]}, "command: is nothing that a script can be"),
    ({"code": "clean", "startparam1": []}, "startparam1: must be a text, a number or"),
    ({"code": "clean", "startparam2": "x" * 4097}, "startparam2: must have 4096"),
    ({"code": "clean", "startparam10": "x"}, "startparam10: is nothing that"),
]


@pytest.mark.parametrize(("body", "message"), BODIES)
def test_bad_start_is_refused(api, scripts, body, message):
    error = refused(send(api, "POST", S, body), 400)
    assert error["error_message"].startswith(message)
    assert api.get(S).json == []


def test_start_is_503_while_no_runner_lives(api, store):
    store.load("svcscripts", SCRIPTS)
    refused(send(api, "POST", S, {"code": "clean"}), 503)


def test_instance_is_stopped(api, store, scripts):
    store.insert("clocks", clock(active(2)))
    reply = send(api, "DELETE", f"{S}/{run_id(2)}")
    assert reply.status_int == 204 and reply.body == b""
    [record] = store.scan("clocks")
    assert record.document["active"][0]["stop"] == 1
    wanted = send(api, "POST", S, {"code": "clean"}).json["id"]
    assert send(api, "DELETE", f"{S}/{wanted}").status_int == 204
    assert api.get(f"{R}/{wanted}").json["state"] == "missed"


def test_instance_that_is_not_running_is_404(api, store):
    store.insert("svcruns", ended(1))
    for id_ in (run_id(1), run_id(2), "x"):
        refused(send(api, "DELETE", f"{S}/{id_}"), 404)
