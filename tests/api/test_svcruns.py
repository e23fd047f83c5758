"""Runs over HTTP: lists of active and ended ones, run now, stop. No runner is needed.

The clock is at 2026-01-02T03:04:05.678Z.
"""

import json
import re
from urllib.parse import quote

import pytest
from calls import ID, OTHER_ID, refused, send
from documented import fits
from shared import RUNNER, T, sample

from app.api.routes import ROUTES

R = "/rest/v1/service/svcruns"
NOW = "2026-01-02T03:04:05.678Z"


def run_id(number):
    return f"00000000-0000-0000-0000-{number:012x}"


def ended(number, **fields):
    """Return a run in the history; the slots of higher numbers are newer."""
    run = {
        "id": run_id(number),
        "svctask": ID,
        "name": "n",
        "code": "clean",
        "site": "",
        "cause": "schedule",
        "slot": f"2026-01-01T00:{number:02}:00.000Z",
        "started": f"2026-01-01T00:{number:02}:00.010Z",
        "attempt": 1,
        "attempts": 1,
        "state": "succeeded",
        "reason": "",
    }
    return run | fields


def active(number, **fields):
    """Return a run in a clock."""
    return ended(number, state="running", runner="r1", **fields)


def clock(*runs, **fields):
    return {
        "id": ID,
        "svctask": ID,
        "site": "",
        "timing": "",
        "armed": 0,
        "slot": 0,
        "behind": 0,
        "isbusy": int(bool(runs or fields.get("wanted"))),
        "active": list(runs),
        "wanted": [],
        "retry": None,
        "stretch": None,
        "unrecorded": [],
    } | fields


@pytest.fixture
def task(api):
    """The address of a task with ID."""
    body = {"id": ID, "name": "n", "svcscriptcode": "clean", "overlap": 1}
    assert send(api, "POST", T, body).status_int == 200
    return f"{T}/{ID}"


@pytest.fixture
def runner(store):
    """A runner that looked a second ago."""
    store.load("runners", [RUNNER])


def numbers(reply):
    return [int(run["id"][-12:], 16) for run in reply.json]


def test_lists_have_active_and_ended_runs_the_newest_slot_first(api, store):
    store.insert("svcruns", *[ended(number) for number in (1, 3, 2, 5)])
    store.insert("clocks", clock(active(6), active(4)))
    for address in (R, f"{T}/{ID}/runs"):
        reply = api.get(address)
        assert numbers(reply) == [6, 5, 4, 3, 2, 1]
        assert reply.headers["X-Total-Count"] == "6"
    first = api.get(R).json[0]
    assert first["state"] == "running" and "runner" not in first


def test_pages_of_active_and_ended_runs_are_parts_of_the_whole(api, store):
    slots = {"slot": "2026-01-01T00:09:00.000Z"}
    store.insert("svcruns", *[ended(number) for number in range(1, 8)])
    store.insert("svcruns", ended(11, **slots), ended(12, **slots))
    store.insert("clocks", clock(active(8), active(9, **slots), active(20)))
    for order in ("", '&order="name"', '&order={"slot":"asc"}', '&order=["state"]'):
        whole = numbers(api.get(f"{R}?flat=0{order}"))
        assert len(whole) == len(set(whole)) == 12
        for offset in range(12):
            for limit in range(5):
                page = api.get(f"{R}?offset={offset}&limit={limit}{order}")
                assert numbers(page) == whole[offset : offset + limit]
                assert page.headers["X-Total-Count"] == "12"


def test_runs_that_are_equal_in_the_order_are_in_that_of_creation(api, store):
    same = {"slot": "2026-01-01T00:09:00.000Z"}
    store.insert("svcruns", ended(1, **same), ended(2, **same))
    store.insert("clocks", clock(active(3, **same)))
    assert numbers(api.get(R)) == [3, 2, 1]
    assert numbers(api.get(f'{R}?order="slot"')) == [1, 2, 3]


def test_a_run_that_is_recorded_and_not_yet_freed_is_there_once(api, store):
    store.insert("svcruns", ended(1, state="failed", exitcode=3))
    store.insert("clocks", clock(active(1)))
    reply = api.get(R)
    assert numbers(reply) == [1] and reply.json[0]["state"] == "failed"
    assert reply.headers["X-Total-Count"] == "1"
    assert api.get(f"{R}/{run_id(1)}").json["exitcode"] == 3


FILTERS = [
    ({"state": "running"}, [4]),
    ({"state": {"$in": ["failed", "running"]}}, [4, 2]),
    ({"slot": {"$gte": "2026-01-01T01:03:00+01:00"}}, [4, 3]),
    ({"exitcode": {"$exists": True}}, [2]),
    ({"svctask": OTHER_ID.upper()}, [3]),
    (["==", ["property", "code"], "clean"], [4, 3, 2, 1]),
    ({"lastline": {"$contains": "FULL"}}, [2]),
]


@pytest.mark.parametrize(("given", "found"), FILTERS)
def test_filter_finds_runs_whether_they_have_ended_or_not(api, store, given, found):
    failed = {"state": "failed", "exitcode": 1, "lastline": "disk full"}
    store.insert("svcruns", ended(1), ended(2, **failed), ended(3, svctask=OTHER_ID))
    store.insert("clocks", clock(active(4)))
    reply = api.get(f"{R}?filter={quote(json.dumps(given))}")
    assert numbers(reply) == found
    assert reply.headers["X-Total-Count"] == str(len(found))


def test_mask_flat_and_order_hold_for_lists_of_runs(api, store):
    store.insert("svcruns", ended(1, duration=5), ended(2, duration=9))
    listed = api.get(f'{R}?mask=id,duration&order={{"duration":"desc"}}&flat=1').json
    assert listed == [
        {"id": run_id(2), "duration": 9},
        {"id": run_id(1), "duration": 5},
    ]
    assert api.get(f"{R}/{run_id(1)}?mask=state").json == {"state": "succeeded"}
    link = api.get(f"{R}?limit=1").headers["Link"]
    assert link == f'<{R}?limit=1&offset=1>; rel="next"'


BAD = [
    ("filter={}x", "filter: "),
    ('filter={"stat":"x"}', 'there is no field "stat" (did you mean "state"?)'),
    ("mask=nme", 'there is no field "nme"'),
    ("order=when", 'there is no field "when"'),
    ("limit=-1", "limit: must be"),
    ("state=failed", "state: there is no such parameter here"),
]


@pytest.mark.parametrize(("parameters", "message"), BAD)
def test_bad_parameter_is_refused_at_both_lists(api, task, parameters, message):
    for address in (R, f"{task}/runs"):
        reply = send(api, "GET", f"{address}?{parameters}")
        assert message in refused(reply, 400)["error_message"]


def test_tag_of_a_list_is_another_one_when_a_run_ends(api, store):
    store.insert("clocks", clock(active(1)))
    tag = api.get(R).headers["ETag"]
    assert send(api, "GET", R, If_None_Match=tag).status_int == 304
    one = api.get(f"{R}/{run_id(1)}").headers["ETag"]
    known = send(api, "GET", f"{R}/{run_id(1)}", If_None_Match=one)
    assert known.status_int == 304 and known.body == b""
    store.insert("svcruns", ended(1))
    store.load("clocks", [clock()])
    for address, old in ((R, tag), (f"{R}/{run_id(1)}", one)):
        assert send(api, "GET", address, If_None_Match=old).status_int == 200
    # The first page may be the same, and have others after it.
    few = api.get(f"{R}?limit=0").headers["ETag"]
    store.insert("svcruns", ended(2))
    assert api.get(f"{R}?limit=0").headers["ETag"] != few


def test_runs_of_a_deleted_task_are_still_listed(api, store, task):
    store.insert("svcruns", ended(1), ended(2, svctask=OTHER_ID))
    api.delete(task)
    assert numbers(api.get(f"{task}/runs")) == [1]
    assert api.get(f'{task}/runs?filter={{"state":"failed"}}').json == []


def test_runs_of_a_task_that_never_was_are_404_and_of_one_without_runs_none(api, task):
    assert api.get(f"{task}/runs").json == []
    assert (
        api.get(f"{task.upper().replace('/REST/V1/SERVICE/SVCTASKS', T)}/runs").json
        == []
    )
    for id_ in (OTHER_ID, "x", ".."):
        assert refused(send(api, "GET", f"{T}/{id_}/runs"), 404)


@pytest.mark.parametrize("id_", [run_id(9), "x", "%2e%2e", "a%00b"])
@pytest.mark.parametrize("what", ["", "/output", "/stop"])
def test_unknown_run_is_404(api, id_, what):
    reply = send(api, "POST" if what == "/stop" else "GET", f"{R}/{id_}{what}")
    refused(reply, 404)


# Run now.


def test_run_now_is_wanted_until_a_runner_takes_it_up(api, store, task, runner):
    wanted = send(api, "POST", f"{task}/run").json
    assert wanted == {
        "id": wanted["id"],
        "svctask": ID,
        "name": "n",
        "code": "clean",
        "site": "",
        "cause": "manual",
        "slot": NOW,
        "state": "wanted",
    }
    assert api.get(f"{R}/{wanted['id']}").json == wanted
    assert api.get(f"{task}/runs").json == [wanted]
    [record] = store.scan("clocks")
    assert [each["id"] for each in record.document["wanted"]] == [wanted["id"]]


def test_run_now_has_the_id_that_the_client_chose_once_only(api, task, runner):
    body = {"id": run_id(0xABC).upper()}
    assert send(api, "POST", f"{task}/run", body).json["id"] == run_id(0xABC)
    other = send(api, "POST", T, {"name": "other"}).json["id"]
    for address in (task, f"{T}/{other}"):
        error = refused(send(api, "POST", f"{address}/run", body), 409)
        assert error["error_message"] == f"there is a run {run_id(0xABC)} already"
    assert len(api.get(R).json) == 1


def test_id_of_a_run_that_has_ended_is_refused(api, store, task, runner):
    store.insert("svcruns", ended(1))
    refused(send(api, "POST", f"{task}/run", {"id": run_id(1)}), 409)
    assert numbers(api.get(R)) == [1]


def test_run_now_is_refused_while_a_run_is_active_if_overlap_is_0(
    api, store, task, runner
):
    api.patch_json(task, {"overlap": 0})
    store.insert("clocks", clock(active(1)))
    error = refused(send(api, "POST", f"{task}/run"), 409)
    assert error["error_message"] == "a run of the task is active, and overlap is 0"
    store.load("clocks", [clock()])
    assert send(api, "POST", f"{task}/run").status_int == 200
    error = refused(send(api, "POST", f"{task}/run"), 409)
    assert error["error_message"] == "a run of the task is wanted, and overlap is 0"


def test_only_so_many_runs_of_a_task_may_be_wanted(api, task, runner):
    for _ in range(20):
        assert send(api, "POST", f"{task}/run").status_int == 200
    error = refused(send(api, "POST", f"{task}/run"), 409)
    assert error["error_message"].startswith("20 runs of the task are wanted")


DEAD = [[], [{**RUNNER, "is_stopped": 1}], [{**RUNNER, "looked": 1767322980000}]]


@pytest.mark.parametrize("runners", DEAD)
def test_run_now_is_503_while_no_runner_lives(api, store, task, runners):
    store.load("runners", runners)
    reply = send(api, "POST", f"{task}/run")
    message = refused(reply, 503)["error_message"]
    assert (
        message
        == "no runner is alive; start one with svctasks runner or serve --runner"
    )
    assert reply.headers["Retry-After"] == "5"
    assert api.get(R).json == []


BODIES = [
    ([], "the body must be empty, or an object with the id of the run"),
    ({"id": "x"}, "id: must be an id of 8-4-4-4-12 hexadecimal digits"),
    ({"idd": 1}, 'idd: is nothing that can be said of a run (did you mean "id"?)'),
    ({"args": ["-rf"]}, "args: is nothing that can be said of a run"),
]


@pytest.mark.parametrize(("body", "message"), BODIES)
def test_bad_body_of_run_now_is_refused(api, task, runner, body, message):
    error = refused(send(api, "POST", f"{task}/run", body), 400)
    assert error["error_message"].startswith(message)
    assert api.get(R).json == []


def test_run_now_of_an_unknown_task_is_404(api, runner):
    refused(send(api, "POST", f"{T}/{OTHER_ID}/run"), 404)


def test_conditions_and_parameters_are_refused_where_runs_are_asked_for(
    api, store, task, runner
):
    store.insert("clocks", clock(active(1)))
    for address in (f"{task}/run", f"{R}/{run_id(1)}/stop"):
        refused(send(api, "POST", address, If_Match="*"), 412)
        refused(send(api, "POST", f"{address}?force=1"), 400)
    [record] = store.scan("clocks")
    assert record.document == clock(active(1))


# Stop.


def test_stop_of_an_active_run_is_noted_for_its_runner(api, store):
    store.insert("clocks", clock(active(1), active(2)))
    for _ in range(2):
        stopped = send(api, "POST", f"{R}/{run_id(1)}/stop")
        assert stopped.status_int == 200 and stopped.json["state"] == "running"
    [record] = store.scan("clocks")
    first, second = record.document["active"]
    assert first["stop"] == 1 and "stop" not in second
    assert "stop" not in stopped.json and "runner" not in stopped.json


def test_stop_of_a_run_that_has_ended_is_409(api, store):
    store.insert("svcruns", ended(1), ended(2))
    store.insert("clocks", clock(active(2)))
    for number in (1, 2):
        error = refused(send(api, "POST", f"{R}/{run_id(number)}/stop"), 409)
        assert error["error_message"] == "the run has ended"
    [record] = store.scan("clocks")
    assert record.document == clock(active(2))


def test_stop_of_a_wanted_run_has_it_never_started(api, store, task, runner):
    id_ = send(api, "POST", f"{task}/run").json["id"]
    stopped = send(api, "POST", f"{R}/{id_}/stop").json
    assert stopped["state"] == "missed" and stopped["cause"] == "manual"
    assert stopped["reason"] == ("it was stopped by request before a runner took it up")
    assert api.get(f"{R}/{id_}").json == stopped
    [record] = store.scan("clocks")
    assert record.document["wanted"] == record.document["unrecorded"] == []
    refused(send(api, "POST", f"{R}/{id_}/stop"), 409)


def test_ids_of_runs_are_the_same_in_any_case(api, store):
    id_ = "abcdef00-0000-0000-0000-000000000001"
    store.insert("clocks", clock(active(1) | {"id": id_}))
    assert api.get(f"{R}/{id_.upper()}").json["id"] == id_
    assert send(api, "POST", f"{R}/{id_.upper()}/stop").status_int == 200


# Scripts.

SCRIPTS = [
    {"code": "clean", "name": "Clean", "command": ["/opt/hidden/clean", "hidden"]},
    {
        "code": "hook",
        "url": "https://hidden.example/",
        "headers": {"Authorization": "hidden"},
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "timeoutsec": 5,
    },
]


def test_scripts_are_listed_without_commands_addresses_and_secrets(api, store, task):
    store.load("svcscripts", SCRIPTS)
    reply = api.get("/rest/v1/service/svcscripts")
    assert reply.json == [
        {
            "code": "clean",
            "name": "Clean",
            "kind": "command",
            "timeoutsec": 3600,
            "used": 1,
        },
        {"code": "hook", "name": "", "kind": "url", "timeoutsec": 5, "used": 0},
    ]
    tag = reply.headers["ETag"]
    scripts = "/rest/v1/service/svcscripts"
    assert send(api, "GET", scripts, If_None_Match=tag).status_int == 304
    api.patch_json(task, {"svcscriptcode": "hook"})
    assert [script["used"] for script in api.get(scripts).json] == [0, 1]


def test_scripts_cannot_be_written_by_anybody(api, store):
    store.load("svcscripts", SCRIPTS)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        reply = send(api, method, "/rest/v1/service/svcscripts", {"code": "x"})
        assert refused(reply, 405) and reply.headers["Allow"] == "GET, HEAD, OPTIONS"
        refused(send(api, method, "/rest/v1/service/svcscripts/clean"), 404)
    assert [record.document for record in store.scan("svcscripts")] == SCRIPTS


def test_no_reply_and_no_line_of_the_log_shows_what_a_script_starts(
    api, store, task, runner, log, caplog
):
    store.load("svcscripts", SCRIPTS)
    store.insert("svcruns", ended(1))
    ids = {"id": ID, "run": run_id(1), "file": "page.js"}
    texts = []
    for route in ROUTES:
        path = re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], "1"), route.template)
        for method in ("GET", "QUERY", "LOOKUP", "POST", "PUT", "PATCH", "DELETE"):
            if path != task or method != "DELETE":
                for body in (None, {"name": "n"}, "x"):
                    texts.append(send(api, method, path, body).text)
    assert any('"kind": "command"' in text for text in texts)
    for text in (*texts, log.getvalue(), caplog.text):
        assert "hidden" not in text and "whsec_" not in text


FILTERS_OF_RUNS = [
    {"state": "x", "slot": {"$gt": "2026-01-01T00:00:00Z"}},
    {"ended": None},
    {"ended": {"$exists": 1}},
    {"duration": {"$gte": 5}},
    {"duration": "long"},
    {"ext": 1},
    {"id": {"$startswith": "3f"}},
    {"$or": [{"state": "failed"}, {"exitcode": {"$in": [1, 2]}}]},
    {"$or": []},
    ["and", ["==", ["property", "name"], "n"], ["not", {"cause": "late"}]],
    ["==", ["property", "ext.a"], "n"],
    ["in", ["property", "attempt"], [1, 2]],
]


@pytest.mark.parametrize("given", FILTERS_OF_RUNS)
def test_filters_of_runs_are_as_the_document_says(api, given):
    reply = send(api, "GET", f"{R}?filter={quote(json.dumps(given))}")
    assert (reply.status_int == 200) is fits(given, "RunFilter")


def test_sample_of_a_task_can_be_run_however_disabled_it_is(api, runner):
    api.post_json(T, sample("svctask.json"))
    assert sample("svctask.json")["isenabled"] == 0
    reply = send(api, "POST", f"{T}/{sample('svctask.json')['id']}/run")
    assert reply.json["state"] == "wanted" and reply.json["code"] == "dialByCallList"
