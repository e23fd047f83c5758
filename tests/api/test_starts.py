"""When tasks start next: previews of one, stored or not, and the agenda of all.

The clock is at 2026-01-02T03:04:05.678Z, a Friday.
"""

import json
import os
from dataclasses import replace
from io import StringIO

import pytest
from documented import Documented
from shared import DATA, RUNNER, T, sample, until
from webtest import TestApp

from app.bootstrap import open_service
from app.datetimes import milliseconds_of

NOW = "2026-01-02T03:04:05.678Z"
HOURLY = {
    "name": "hourly",
    "isenabled": 1,
    "isregular": 1,
    "intervalsec": 3600,
    "svcscriptcode": "clean",
}


@pytest.fixture(autouse=True)
def running(store):
    """A script, and a runner that is alive."""
    put(store, {"code": "clean", "command": ["/bin/true"]}, RUNNER)


def put(store, script, *runners):
    store.load("svcscripts", [script])
    store.load("runners", runners)


def create(api, **fields):
    """Create a task and return its id."""
    return api.post_json(T, {**HOURLY, **fields}).json["id"]


def query(api, body, address=f"{T}/next"):
    """Send a QUERY."""
    return api.request(
        address,
        method="QUERY",
        body=json.dumps(body).encode(),
        content_type="application/json",
        expect_errors=True,
    )


def test_next_starts_of_a_task_are_on_the_hour_without_dtstart(api):
    reply = api.get(f"{T}/{create(api)}/next?count=2")
    assert reply.json == {
        "zone": "UTC",
        "hours": "Monday to Friday 09:00 to 18:00, zone of SVCTASKS_TIMEZONE",
        "starts": [
            {
                "slot": f"2026-01-02T0{hour}:00:00.000Z",
                "start": f"2026-01-02T0{hour}:00:00.000Z",
                "local": f"2026-01-02T0{hour}:00:00.000+00:00",
            }
            for hour in (4, 5)
        ],
    }
    assert len(api.get(f"{T}/{create(api)}/next").json["starts"]) == 10


def test_starts_are_from_the_moment_until_the_moment_that_are_given(api):
    id_ = create(api)
    window = "from=2026-03-01T10:00:00%2B01:00&until=2026-03-01T11:00:00Z"
    found = api.get(f"{T}/{id_}/next?{window}").json
    assert [start["slot"][11:13] for start in found["starts"]] == ["09", "10", "11"]
    assert found["why"] == ("there is no further slot up to 2026-03-01T11:00:00.000Z")


def test_sample_that_is_past_its_end_says_so(api):
    api.post_json(T, {**sample("svctask.json"), "isenabled": 1})
    found = api.get(f"{T}/{sample('svctask.json')['id']}/next").json
    assert found["starts"] == [] and found["why"] == "dtstop has passed"


def test_single_task_without_dtstart_starts_when_it_was_created(api):
    id_ = create(api, isregular=0, schedule="work")
    [start] = api.get(f"{T}/{id_}/next").json["starts"]
    assert start["slot"] == "2026-01-02T03:04:05.670Z"
    assert start["start"] == "2026-01-02T09:00:00.000Z"


def test_disabled_task_has_no_start(api):
    found = api.get(f"{T}/{create(api, isenabled=0)}/next").json
    assert found["starts"] == [] and found["why"] == "isenabled is 0"


def test_task_without_its_script_says_so_and_which_one_is_meant(api):
    id_ = create(api, svcscriptcode="cleen")
    why = 'svcscriptcode "cleen" is not in svcscripts.json (did you mean "clean"?)'
    found = api.get(f"{T}/{id_}/next?count=1").json
    assert found["starts"][0]["start"] == "2026-01-02T04:00:00.000Z"
    assert found["why"] == why
    create(api)
    agenda = api.get(f"{T}/next?limit=2").json
    assert [start.get("why") for start in agenda["starts"]] == [why, None]
    none = query(api, HOURLY | {"svcscriptcode": ""}).json
    assert none["why"] == 'svcscriptcode "" is not in svcscripts.json'


SILENT = [
    {"looked": milliseconds_of(NOW) - 60_000},
    {"is_stopped": 1},
]


@pytest.mark.parametrize("changes", SILENT)
def test_previews_say_that_no_runner_is_alive(api, store, changes):
    id_ = create(api)
    assert "why" not in api.get(f"{T}/{id_}/next").json
    store.update("runners", "r1", lambda old, _: {**old, **changes})
    found = api.get(f"{T}/{id_}/next").json
    assert len(found["starts"]) == 10 and found["why"] == "no runner is alive"
    assert query(api, HOURLY).json["why"] == "no runner is alive"
    assert api.get(f"{T}/next?limit=1").json["why"] == "no runner is alive"


def test_previews_say_that_the_server_is_in_maintenance(api):
    id_ = create(api)
    api.post_json("/server/mode", {"mode": "maintenance"})
    why = "the server is in maintenance"
    found = api.get(f"{T}/{id_}/next").json
    assert len(found["starts"]) == 10 and found["why"] == why
    assert query(api, HOURLY).json["why"] == why
    assert api.get(f"{T}/next?limit=1").json["why"] == why
    api.post_json("/server/mode", {"mode": "production"})
    assert "why" not in api.get(f"{T}/{id_}/next").json


def test_start_is_later_than_its_slot_by_the_part_of_spreadsec_of_the_task(api, store):
    script = {"code": "spread", "command": ["/bin/true"], "spreadsec": 1000}
    store.load("svcscripts", [script])
    id_ = create(api, svcscriptcode="spread")
    start, later = api.get(f"{T}/{id_}/next?count=2").json["starts"]
    [part, same] = [
        milliseconds_of(each["start"]) - milliseconds_of(each["slot"])
        for each in (start, later)
    ]
    assert 0 < part == same <= 1_000_000
    [listed] = api.get(f"{T}/next?limit=1").json["starts"]
    assert listed.items() > start.items()
    # The last slot may have been before now.
    window = f"from={start['start']}&until={start['start']}"
    assert api.get(f"{T}/{id_}/next?{window}").json["starts"] == [start]
    known = {**api.get(f"{T}/{id_}").json, "id": id_}
    del known["ext"]
    assert query(api, known).json["starts"][:2] == [start, later]


def test_unknown_task_is_404(api):
    reply = api.get(f"{T}/{sample('svctask.json')['id']}/next", status=404)
    assert reply.json == {"error_code": 1404, "error_message": "Not found"}


REFUSED = [
    ("from=yesterday", "from: must be a date"),
    ("until=2026-01-02T03:04:05Z", "until: must not be before from"),
    ("mask=slot", "mask: there is no such parameter here"),
]
REFUSED_OF_ONE = [
    ("count=0", "count: must be a whole number from 1 to 1000"),
    ("count=1001", "count: must be a whole number from 1 to 1000"),
    ("count=x", "count: "),
    (
        "limit=3",
        "limit: there is no such parameter here; there may be from, until, count",
    ),
]
REFUSED_OF_ALL = [
    ("limit=-1", "limit: must be a whole number from 0 to 1000"),
    ("limit=1001", "limit: must be a whole number from 0 to 1000"),
    ("limit=x", "limit: "),
    (
        "count=3",
        "count: there is no such parameter here",
    ),
]


@pytest.mark.parametrize("parameters, message", REFUSED + REFUSED_OF_ONE)
def test_bad_parameter_of_a_preview_is_refused(api, parameters, message):
    found = api.get(f"{T}/{create(api)}/next?{parameters}", status=400).json
    assert found["error_message"].startswith(message), found
    found = query(api, HOURLY, f"{T}/next?{parameters}").json
    assert found["error_message"].startswith(message), found


@pytest.mark.parametrize("parameters, message", REFUSED + REFUSED_OF_ALL)
def test_bad_parameter_of_the_agenda_is_refused(api, parameters, message):
    found = api.get(f"{T}/next?{parameters}", status=400).json
    assert found["error_message"].startswith(message), found


def test_preview_of_a_task_that_is_not_stored_is_that_of_the_stored_one(api):
    fields = {"schedule": "individual", "periods": [sunday(90, 150)]}
    previewed = query(api, {**HOURLY, **fields})
    stored = api.get(f"{T}/{create(api, **fields)}/next")
    assert previewed.status_code == 200 and previewed.json == stored.json
    assert previewed.json["starts"][0]["start"] == "2026-01-04T02:00:00.000Z"
    assert len(api.get(T).json) == 1


def sunday(start, stop):
    return {"dow": 7, "timestart": start, "timestop": stop}


def test_preview_of_a_body_that_is_no_task_is_refused_with_all_faults(api):
    reply = query(api, {"intervalsec": -1, "dtstart": "soon"})
    assert reply.status_code == 400
    assert reply.json["errors"].keys() == {"name", "intervalsec", "dtstart"}


def test_agenda_has_the_starts_of_all_tasks_by_time(api):
    late = create(api, name="late", dtstart="2026-01-02T03:50:00Z")
    create(api, name="off", isenabled=0)
    soon = create(api, name="soon", intervalsec=7200)
    single = create(api, name="single", isregular=0, dtstart="2026-01-02T04:00:00Z")
    found = api.get(f"{T}/next?until=2026-01-02T05:00:00Z").json
    assert [(start["svctask"], start["start"][11:19]) for start in found["starts"]] == [
        (late, "03:50:00"),
        (soon, "04:00:00"),
        (single, "04:00:00"),
        (late, "04:50:00"),
    ]
    assert found["starts"][0]["name"] == "late" and found["is_more"] is False
    first = api.get(f"{T}/next?until=2026-01-02T05:00:00Z&limit=2").json
    assert first["starts"] == found["starts"][:2] and first["is_more"] is True
    none = api.get(f"{T}/next?until=2026-01-02T05:00:00Z&limit=0").json
    assert none["starts"] == [] and none["is_more"] is True


def test_agenda_is_of_one_day_unless_it_says_until_when(api):
    create(api)
    found = api.get(f"{T}/next").json
    assert len(found["starts"]) == 24
    assert found["starts"][-1]["start"] == "2026-01-03T03:00:00.000Z"


def test_agenda_has_a_thousand_starts_at_most(api):
    create(api, intervalsec=60)
    found = api.get(f"{T}/next").json
    assert len(found["starts"]) == 1000 and found["is_more"] is True


def test_agenda_heeds_changes_of_tasks_at_once(api):
    one, other = create(api), create(api)

    def ids():
        found = api.get(f"{T}/next?limit=10").json
        return {start["svctask"] for start in found["starts"]}

    assert ids() == {one, other}
    api.patch_json(f"{T}/{one}", {"isenabled": 0})
    assert ids() == {other}
    api.patch_json(f"{T}/{one}", {"isenabled": 1, "intervalsec": 100})
    assert ids() == {one}
    api.delete(f"{T}/{one}")
    assert ids() == {other}


BERLIN = {
    "name": "default",
    "timezone": "Europe/Berlin",
    "week": [{"dow": 5, "timestart": 600, "timestop": 660}],
    "days": [{"date": "2026-01-09", "asdow": 0}],
}


def test_working_hours_come_from_their_table(api, store):
    id_ = create(api, schedule="work")
    api.get(f"{T}/next")
    store.load("workhours", [BERLIN | {"days": [BERLIN["days"][0] | {"isannual": 0}]}])
    found = api.get(f"{T}/{id_}/next?count=2").json
    assert found["zone"] == "Europe/Berlin"
    assert found["hours"] == "default in workhours.json"
    assert [start["local"] for start in found["starts"]] == [
        "2026-01-02T10:00:00.000+01:00",
        "2026-01-16T10:00:00.000+01:00",
    ]
    agenda = api.get(f"{T}/next").json
    assert [start["local"] for start in agenda["starts"]] == [
        "2026-01-02T10:00:00.000+01:00"
    ]


@pytest.mark.files
def test_working_hours_are_edited_by_hand_and_a_fault_leaves_the_former(
    api, settings, caplog
):
    id_ = create(api, schedule="work")

    def edit(**fields):
        draft = settings.data / "workhours.json.new"
        draft.write_text(json.dumps([BERLIN | fields]))
        os.replace(draft, settings.data / "workhours.json")

    def zone():
        return api.get(f"{T}/{id_}/next").json["zone"]

    assert zone() == "UTC"
    edit()
    until(lambda: zone() == "Europe/Berlin")
    edit(timezone="Europe/Atlantis")
    fault = "field timezone: must be a time zone such as Europe/Berlin"
    until(lambda: zone() and fault in caplog.text)
    assert zone() == "Europe/Berlin"
    edit(timezone="Asia/Kathmandu")
    until(lambda: zone() == "Asia/Kathmandu")


@pytest.fixture
def at_site(settings, clock, another_store):
    """The API of the site B in New York."""
    given = replace(settings, site="B", sites="B, A", timezone="America/New_York")
    service = open_service(given, clock, StringIO(), store=another_store())
    put(service.store, {"code": "clean", "command": ["/bin/true"]})
    documented = Documented("")
    service.application.add_middleware(documented)
    yield service
    service.close()
    assert not documented.faults


SITES = [
    ({}, True),
    ({"sitemode": "any"}, True),
    ({"sitemode": "sites", "sites": "A, B"}, True),
    ({"sitemode": "sites", "sites": ["A"]}, False),
    ({"sitemode": "anyofsites", "sites": ["B"]}, True),
    ({"sitemode": "anyofsites"}, False),
    ({"sitemode": "firstsite"}, True),
    ({"sitemode": "firstsite", "sites": "A"}, False),
    ({"sitemode": "firstsite", "sites": "A, B"}, False),
    ({"sitemode": "anyofsites", "sites": "B, A"}, True),
]


@pytest.mark.parametrize("fields, is_here", SITES)
def test_task_of_other_sites_has_no_start_here(at_site, fields, is_here):
    api = TestApp(at_site.application)
    id_ = create(api, **fields)
    found = api.get(f"{T}/{id_}/next").json
    assert found["zone"] == "America/New_York"
    assert bool(found["starts"]) is is_here
    assert is_here or found["why"] == 'not at this site (SVCTASKS_SITE is "B")'
    assert bool(api.get(f"{T}/next").json["starts"]) is is_here


def test_hours_of_the_site_go_before_the_default(at_site):
    api = TestApp(at_site.application)
    at_site.store.load(
        "workhours",
        [
            BERLIN | {"days": []},
            {"name": "B", "week": [], "days": []},
        ],
    )
    found = api.get(f"{T}/{create(api, schedule='work')}/next").json
    assert found["zone"] == "America/New_York"
    assert found["hours"] == "B in workhours.json, zone of SVCTASKS_TIMEZONE"
    assert found["why"] == "the schedule permits no slot before 2031-01-02"


@pytest.mark.files
def test_samples_of_the_documents_start_no_more(settings, clock):
    given = replace(settings, data=settings.data.with_name("samples"))
    given.data.mkdir()
    for file in DATA.iterdir():
        (given.data / file.name).write_bytes(file.read_bytes())
    service = open_service(given, clock, StringIO())
    api = TestApp(service.application)
    whys = {
        task["name"]: api.get(f"{T}/{task['id']}/next").json["why"]
        for task in api.get(T).json
    }
    service.close()
    assert whys == {
        "Debtor calls": "isenabled is 0",
        "Daily cleaning": "dtstop has passed",
    }
