"""What runners count, and how metrics and the health show it.

The clock of the API is at 2026-01-02T03:04:05.678Z.
"""

import json
import os

import pytest
from shared import RUNNER, until
from test_runner import begun, end_all, passes
from world import HOUR, SECOND, START, World, task

from app.errors import Unavailable
from app.runner.run_counts import ID, RunCounts, rows
from app.storage.memory import MemoryStore
from app.tables import COUNTS, SVCSCRIPTS

BUSY = {**RUNNER, "active": 2, "open": 3}

RECORD = {"code": "clean", "state": "succeeded", "duration": 700}


@pytest.fixture
def counted():
    """A store with a script, and the counts of a runner on it."""
    store = MemoryStore([COUNTS, SVCSCRIPTS])
    store.load("svcscripts", [{"code": "clean", "command": ["true"]}])
    return store, RunCounts(store)


def figures(api):
    """Return the metrics of runs by their names with labels."""
    lines = api.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_counts_of_several_runners_are_added_up(counted):
    store, first = counted
    second = RunCounts(store)
    for counts in (first, second, first):
        counts.note_record(RECORD, None)
        counts.publish()
    assert rows(store)["runs", "clean", "succeeded"] == 3
    assert rows(store)["seconds", "clean", "1"] == 3
    assert rows(store)["seconds_sum", "clean"] == pytest.approx(2.1)


def test_a_record_that_grows_counts_only_what_is_new(counted):
    store, counts = counted
    skipped = {"code": "clean", "state": "skipped", "count": 2, "reason": "r"}
    counts.note_record(skipped, None)
    counts.note_record({**skipped, "count": 5}, skipped)
    counts.publish()
    assert rows(store) == {("skipped", "clean"): 5}


def test_codes_that_are_no_script_are_one_label(counted):
    store, counts = counted
    for number in range(3):
        code = f"made-up-{number}"
        reason = f'svcscriptcode "{code}" is not in svcscripts.json'
        missed = {"code": code, "state": "missed", "count": 1, "reason": reason}
        counts.note_record(missed, None)
    counts.publish()
    reason = "svcscriptcode is not in svcscripts.json"
    assert rows(store) == {("missed", "", reason): 3}


class Unwritable(MemoryStore):
    """A store that refuses writes while it is ``is_broken``."""

    is_broken = True

    def load(self, *given, **more):
        self.check()
        super().load(*given, **more)

    def check(self):
        if self.is_broken:
            raise Unavailable("the disk is full")


def test_counts_wait_while_the_store_cannot_be_written():
    store = Unwritable([COUNTS, SVCSCRIPTS])
    counts = RunCounts(store)
    counts.note_record(RECORD, None)
    counts.publish()
    assert rows(store) == {}
    store.is_broken = False
    counts.note_record(RECORD, None)
    counts.publish()
    assert rows(store)["runs", "", "succeeded"] == 2


def test_a_runner_counts_its_runs_and_how_late_they_were():
    world = World()
    store = MemoryStore([COUNTS])
    world.counts = counts = RunCounts(store)
    runner = begun(world, task(1, START, intervalsec=3600))
    world.move(59 * 60 * SECOND + 59_600)
    passes(world, runner, 10 * SECOND)
    end_all(world)
    runner.turn()
    world.move(3 * HOUR)
    runner.turn()
    counts.publish()
    found = rows(store)
    assert found["runs", "", "succeeded"] == 1
    assert found["missed", "", "only the latest of the late starts is made up for"] == 2
    assert sum(n for row, n in found.items() if row[0] == "delay") == 2


def test_metrics_show_what_runners_have_counted(api, store):
    counts = [
        ["runs", "clean", "failed", 2],
        ["missed", "clean", "r", 7],
        ["skipped", "clean", 4],
        ["set_back", 1],
        ["seconds", "clean", "0.5", 1],
        ["seconds", "clean", "+Inf", 1],
        ["seconds_sum", "clean", 20000.5],
        ["delay", "", "0.05", 3],
        ["delay_sum", "", 0.1],
    ]
    store.load("runcounts", [{"id": ID, "rows": counts}])
    store.load("runners", [BUSY, {**BUSY, "id": "r2", "open": 1}])
    found = figures(api)
    assert found['svctasks_runs_total{code="clean",state="failed"}'] == 2
    assert found['svctasks_slots_missed_total{code="clean",reason="r"}'] == 7
    assert found['svctasks_slots_skipped_total{code="clean"}'] == 4
    assert found["svctasks_clock_set_back_total"] == 1
    assert found['svctasks_run_seconds_bucket{code="clean",le="0.1"}'] == 0
    assert found['svctasks_run_seconds_bucket{code="clean",le="14400"}'] == 1
    assert found['svctasks_run_seconds_bucket{code="clean",le="+Inf"}'] == 2
    assert found['svctasks_run_seconds_count{code="clean"}'] == 2
    assert found['svctasks_run_seconds_sum{code="clean"}'] == 20000.5
    assert found['svctasks_start_delay_seconds_bucket{le="0.05"}'] == 3
    assert found["svctasks_start_delay_seconds_count"] == 3
    assert found["svctasks_runs_active"] == 4
    assert found["svctasks_slots_open"] == 3
    assert found["svctasks_runners_alive"] == 2
    assert found["svctasks_runner_look_timestamp_seconds"] == 1767323045


def test_metrics_of_runs_are_there_before_any_runner(api):
    found = figures(api)
    assert found["svctasks_runners_alive"] == found["svctasks_runs_active"] == 0
    assert found["svctasks_runner_look_timestamp_seconds"] == 0


def test_health_has_the_state_of_the_runners_and_stays_200_without_any(api, store):
    none = {"alive": 0, "looked": None, "active": 0, "open": 0, "faults": []}
    assert api.get("/health").json["runner"] == none
    dead = {**BUSY, "id": "r2", "is_stopped": 1}
    silent = {**BUSY, "id": "r3", "looked": 1767322900000}
    store.load("runners", [BUSY, dead, silent])
    assert api.get("/health").json["runner"] == {
        "alive": 1,
        "looked": "2026-01-02T03:04:05.000Z",
        "active": 2,
        "open": 3,
        "faults": [],
    }


@pytest.mark.files
def test_fault_of_the_scripts_is_in_the_health_and_in_the_log(api, settings, caplog):
    def write(text):
        draft = settings.data / "svcscripts.json.new"
        draft.write_text(text)
        os.replace(draft, settings.data / "svcscripts.json")

    def faults():
        return api.get("/health").json["runner"]["faults"]

    table = {"1": {"code": "a", "command": ["hidden"], "retry": 1}}
    write(json.dumps({"svcscripts": table}))
    [fault] = until(faults)
    assert fault.startswith(
        "svcscripts.json: document 1 (code a), field retry: is not a"
    )
    assert fault in caplog.text and "hidden" not in fault
    write(json.dumps({"svcscripts": {}}))
    until(faults, lambda found: found == [])
