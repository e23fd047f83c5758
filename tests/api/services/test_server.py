"""The status of the server, and its mode."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from calls import JSON, create, send
from service_calls import refused_services
from shared import T, until
from webtest import TestApp

from app import __version__
from app.bootstrap import open_service
from app.errors import Invalid

STATUS, MODE = "/server/status", "/server/mode"
NOW = "2026-01-02T03:04:05.678Z"


def status(api):
    reply = send(api, "GET", STATUS)
    assert (reply.status_int, reply.headers["Content-Type"]) == (200, JSON)
    return reply.json


def physical_memory():
    """Return the memory of the machine in KB."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024


def counts(api):
    """Return requests, client errors and server errors of the day."""
    told = status(api)
    names = ("request_today", "client_errors_today", "server_errors_today")
    return tuple(told[name] for name in names)


# Status


def test_status_of_a_server_that_was_asked_nothing_yet(api):
    told = status(api)
    used, free = told.pop("used_memory"), told.pop("free_memory")
    allocated, most = told.pop("allocated_memory"), told.pop("max_memory")
    assert 1000 < used <= allocated == used + free < 10_000_000
    assert allocated < most <= physical_memory()
    assert told == {
        "version": __version__,
        "system_time": NOW,
        "mode": "production",
        "started": NOW,
        "request_today": 0,
        "client_errors_today": 0,
        "server_errors_today": 0,
    }


def test_the_most_memory_is_what_a_limit_of_the_process_allows():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29));"
        "from app.api.memory import memory; print(memory()['max_memory'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) <= 2**19


def test_every_request_is_counted_by_how_it_ended(api):
    create(api, {"name": "n"})
    for path in ("/x", f"{T}/x", "/server/x", "/health", f"{T}?limit=x", T):
        send(api, "GET", path)
    # The reply to a request for the status cannot have that request itself.
    assert counts(api) == (7, 4, 0)
    assert counts(api) == (8, 4, 0)


def test_server_errors_are_counted_apart(settings, clock, log):
    service = open_service(settings, clock, log)
    api = TestApp(service.application)
    send(api, "GET", T)
    service.store.close()
    (settings.data / "svctasks.json").mkdir()
    seen = [200]
    until(lambda: seen.append(send(api, "GET", T).status_int) or seen[-1] == 503)
    assert counts(api) == (len(seen), 0, 1)
    service.access_log.close()


def test_head_has_the_headers_only(api):
    reply = send(api, "HEAD", STATUS)
    assert (reply.status_int, reply.body) == (200, b"")


def test_started_stays_and_the_other_times_go_on(api, clock):
    clock.move(seconds=61, milliseconds=5)
    create(api, {"name": "n"})
    clock.move(minutes=1)
    told = status(api)
    assert told["started"] == NOW
    assert told["last_request"] == "2026-01-02T03:05:06.683Z"
    assert told["system_time"] == "2026-01-02T03:06:06.683Z"


def test_last_request_is_the_one_before(api, clock):
    assert "last_request" not in status(api)
    clock.move(hours=1)
    assert status(api)["last_request"] == NOW


def test_counts_begin_anew_with_each_day_of_utc(api, clock):
    clock.now = datetime(2026, 1, 2, 23, 59, 59, 999000, tzinfo=UTC)
    send(api, "GET", "/x")
    assert counts(api) == (1, 1, 0)
    clock.move(milliseconds=1)
    assert counts(api) == (0, 0, 0)
    told = status(api)
    assert told["last_request"] == told["system_time"] == "2026-01-03T00:00:00.000Z"
    assert told["request_today"] == 1
    send(api, "GET", "/x")
    assert counts(api) == (3, 1, 0)
    clock.move(days=1)
    assert counts(api) == (0, 0, 0)


def test_days_without_a_request_leave_nothing_behind(api, clock):
    send(api, "GET", "/x")
    clock.move(days=7)
    told = status(api)
    assert (told["request_today"], told["last_request"]) == (0, NOW)


def test_clock_that_goes_back_a_day_counts_anew(api, clock):
    send(api, "GET", "/x")
    clock.move(days=-1)
    assert counts(api) == (0, 0, 0)
    assert counts(api) == (1, 0, 0)


def test_figures_of_the_day_are_not_among_those_for_prometheus(api):
    send(api, "GET", "/x")
    status(api)
    text = send(api, "GET", "/metrics").text
    assert "svctasks_request_seconds" in text and "svctasks_documents" in text
    assert "daily_counts" not in text


# Mode


@pytest.mark.parametrize("mode", ["maintenance", "Maintenance", "MAINTENANCE"])
def test_mode_is_changed_in_any_case_and_back(api, mode):
    reply = send(api, "POST", MODE, {"mode": mode})
    assert reply.status_int == 200
    assert reply.json == {"server changed": "maintenance"}
    assert reply.headers["Location"] == STATUS
    assert status(api)["mode"] == "maintenance"
    assert send(api, "POST", MODE, {"mode": "Production"}).json == {
        "server changed": "production"
    }
    assert status(api)["mode"] == "production"


def test_mode_that_is_set_already_may_be_set_again(api, store):
    for mode in ("production", "maintenance", "maintenance", "production"):
        assert send(api, "POST", MODE, {"mode": mode}).json["server changed"] == mode
        assert status(api)["mode"] == mode
    assert store.status()["modes"].documents == 1


@pytest.mark.parametrize(
    "mode", ["", "prod", " production", "maintenance\n", None, True, 1, [], {}, "ﬁne"]
)
def test_unknown_mode_is_refused_with_the_two_that_there_are(api, mode):
    send(api, "POST", MODE, {"mode": "maintenance"})
    error = refused_services(
        send(api, "POST", MODE, {"mode": mode}), 400, "BAD_REQUEST"
    )
    assert error["errors"] == {"mode": ['must be "production" or "maintenance"']}
    assert status(api)["mode"] == "maintenance"


@pytest.mark.parametrize(
    "body, places",
    [
        ([], []),
        (None, []),
        ("maintenance", []),
        (1, []),
        ({}, ["mode"]),
        ({"x": 1, "name": "server"}, ["mode", "name", "x"]),
        ({"mode": "production", "x": 1}, ["x"]),
    ],
)
def test_body_that_is_no_mode_is_refused(api, body, places):
    raw = json.dumps(body).encode()
    error = refused_services(send(api, "POST", MODE, raw), 400, "BAD_REQUEST")
    assert sorted(error.get("errors", {})) == places


def test_mode_outlasts_a_restart(settings, clock, log):
    for mode, other in (("production", "maintenance"), ("maintenance", "production")):
        service = open_service(settings, clock, log)
        api = TestApp(service.application)
        assert status(api)["mode"] == mode
        send(api, "POST", MODE, {"mode": other})
        service.close()


def test_mode_may_be_written_by_hand(settings, clock, log):
    settings.data.mkdir()
    file = settings.data / "modes.json"
    file.write_text('{"modes": {"1": {"name": "server", "mode": "Maintenance"}}}')
    service = open_service(settings, clock, log)
    assert status(TestApp(service.application))["mode"] == "maintenance"
    service.close()


@pytest.mark.parametrize(
    "document, fault",
    [
        ('{"name": "server", "mode": "x"}', 'must be "production" or "maintenance"'),
        ('{"name": "x", "mode": "production"}', 'a mode is {"name": "server"'),
        ('{"name": "server", "mode": "production", "x": 1}', "x: is not a member"),
        ("{}", "a mode is"),
    ],
)
def test_mode_that_is_none_is_refused_at_the_start(
    settings, clock, log, document, fault
):
    settings.data.mkdir()
    (settings.data / "modes.json").write_text(f'{{"modes": {{"1": {document}}}}}')
    with pytest.raises(Invalid) as refusal:
        open_service(settings, clock, log)
    assert "modes.json: document 1" in refusal.value.message
    assert fault in refusal.value.message
