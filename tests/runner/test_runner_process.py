"""The runner as a process, over data files, with real scripts."""

import json
import signal

import pytest
from real import (
    active,
    clocks,
    id_of,
    made,
    opened,
    processes,
    runs,
    shell,
    task,
    until_runs,
    write_scripts,
)
from shared import until

from app.datetimes import milliseconds
from app.datetimes import now as instant_now
from app.modes import Modes
from app.runner.clocks import new as new_clock

pytestmark = pytest.mark.files


def test_each_slot_is_started_and_its_end_and_output_are_kept(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("cat; echo; echo done")}, [{}])
    runner = start(folder)
    with opened(folder) as store:
        until_runs(store, 2, "succeeded")
        code, logged = runner.stop()
        first, second = runs(store, "succeeded")[:2]
    assert code == 0
    assert (first["exitcode"], first["lastline"]) == (0, "done")
    assert first["slot"] < second["slot"]
    assert active_ids(folder) == []
    said = (folder / "runs" / f"{first['id']}.out").read_text()
    given = json.loads(said.splitlines()[0])
    assert given["svctask"]["name"] == "task 0"
    assert given["run"]["id"] == first["id"] and "runner" not in given["run"]
    assert logged.count(first["id"]) == 2


def active_ids(folder):
    with opened(folder) as store:
        return [run["id"] for run in active(store)]


def test_what_changes_while_it_runs_is_heeded(tmp_path, start):
    folder = made(tmp_path / "d", {})
    start(folder)
    with opened(folder) as store:
        store.insert("svctasks", task(1))
        (missed,) = until_runs(store, 1, "missed")
        assert "not in svcscripts.json" in missed["reason"]
        write_scripts(folder, {"script": shell("exit 3")})
        failed, *_ = until_runs(store, 1, "failed")
        assert failed["exitcode"] == 3
        store.update("svctasks", id_of(1), lambda old, _: {**old, "isenabled": 0})
        until(lambda: active(store) == [])
        count = len(runs(store, "failed"))
        # A task that was changed later is started: all before is heeded.
        store.insert("svctasks", task(2))
        of_other = until(lambda: [r for r in runs(store) if r["svctask"] == id_of(2)])
        assert of_other[0]["state"] == "failed"
        assert len(runs(store, "failed")) <= count + len(of_other) + 1


def test_a_runner_that_stops_ends_what_runs_after_the_grace(tmp_path, start):
    text = "trap '' TERM; setsid sleep 600 & sleep 600"
    folder = made(tmp_path / "d", {"script": shell(text, gracesec=0)}, [{}])
    runner = start(folder, "--runner-grace", "0.1")
    with opened(folder) as store:
        (run,) = until(lambda: active(store))[:1]
        until(lambda: len(processes([run])) > 1)
        code, _ = runner.stop()
        ended = {each["id"]: each for each in runs(store)}
    assert code == 0
    assert ended[run["id"]]["state"] == "stopped"
    assert ended[run["id"]]["reason"] == "the runner was stopped"
    assert not processes(ended.values())


def test_the_script_that_follows_a_failure_gets_the_failed_run_as_input(
    tmp_path, start
):
    scripts = {
        "script": shell("echo no; exit 3", onfail="alarm"),
        "alarm": shell("cat"),
    }
    folder = made(tmp_path / "d", scripts, [{}])
    runner = start(folder)
    with opened(folder) as store:
        alarm, *_ = until_runs(store, 1, "succeeded")
        failed = {run["id"]: run for run in runs(store, "failed")}
    assert runner.stop()[0] == 0
    given = json.loads((folder / "runs" / f"{alarm['id']}.out").read_text())
    assert (alarm["cause"], alarm["code"]) == ("onfail", "alarm")
    assert given["failed"] == failed[given["failed"]["id"]]
    assert (given["failed"]["exitcode"], given["failed"]["lastline"]) == (3, "no")


def test_a_clock_that_is_years_ahead_is_put_right_and_said_in_the_log(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("exit 0")}, [{}])
    with opened(folder) as store:
        now = milliseconds(instant_now())
        ahead = {"slot": now + 72 * 366 * 24 * 3_600_000}
        store.load("clocks", [new_clock(task(0), "", now, now) | ahead])
        runner = start(folder)
        until_runs(store, 1, "succeeded")
    assert runner.stop()[1].count("last slots of tasks (1) were more than an hour") == 1


def test_a_runner_that_stops_says_what_it_waits_for(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("sleep 600")}, [{"overlap": 0}])
    runner = start(folder, "--runner-grace", "600")
    with opened(folder) as store:
        until(lambda: active(store))
        runner.signal()
        waits = "waits up to 600 seconds for 1 run; a second signal ends it"
        until(lambda: waits in runner.logged())
        runner.signal()
        _, logged = runner.stop()
    assert logged.count("waits up to") == 1


def test_a_second_signal_cuts_the_wait(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("sleep 600")}, [{"overlap": 0}])
    runner = start(folder, "--runner-grace", "600")
    with opened(folder) as store:
        until(lambda: active(store))
        runner.signal()
        runner.signal(signal.SIGINT)
        code, _ = runner.stop()
        (run,) = runs(store, "stopped")
    assert code == 0
    assert not processes([run])


def test_what_a_killed_runner_left_is_ended_and_lost(tmp_path, start):
    text = "setsid sleep 600 & echo begun; sleep 600"
    folder = made(tmp_path / "d", {"script": shell(text)}, [{"overlap": 0}])
    runner = start(folder)
    with opened(folder) as store:
        (run,) = until(lambda: active(store))
        until(lambda: len(processes([run])) > 1)
        runner.kill()
        assert processes([run])
        start(folder)
        (lost,) = until_runs(store, 1, "lost")
        assert (lost["id"], lost["lastline"]) == (run["id"], "begun")
        assert not processes([run])
        # Its clock is free: the next slot runs.
        until(lambda: [each for each in active(store) if each["id"] != run["id"]])


def test_outputs_that_a_killed_runner_left_without_a_run_are_removed(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("echo done")}, [{}])
    runner = start(folder)
    with opened(folder) as store:
        run, *_ = until_runs(store, 1, "succeeded")
        runner.stop()
        kept = {path.name for path in (folder / "runs").iterdir()}
        for name in (f"{id_of(7)}.out", f"{id_of(8)}.new", f"{run['id']}.new"):
            (folder / "runs" / name).write_text("left")
        start(folder, SVCTASKS_RUNS_KEEP="1")
        left = [
            folder / "runs" / f"{id_of(7)}.out",
            folder / "runs" / f"{id_of(8)}.new",
        ]
        until(lambda: not any(path.exists() for path in left))
        # What is in the history keeps its output, until it is pushed out.
        until(lambda: len({r["id"] for r in runs(store)} & {run["id"]}) == 0)
        until(lambda: not list((folder / "runs").glob(f"{run['id']}*")))
    assert f"{run['id']}.out" in kept


def test_an_idempotent_run_of_a_killed_runner_is_made_up_for(tmp_path, start):
    script = shell('[ "$SVCTASKS_ATTEMPT" = 2 ] || sleep 600', idempotent=True)
    fields = {"isregular": 0, "overlap": 0}
    folder = made(tmp_path / "d", {"script": script})
    runner = start(folder)
    with opened(folder) as store:
        store.insert("svctasks", task(1, **fields))
        (run,) = until(lambda: active(store))
        runner.kill()
        start(folder)
        (done,) = until_runs(store, 1, "succeeded")
        assert (done["slot"], done["attempt"]) == (run["slot"], 2)
        assert [each["attempt"] for each in runs(store, "lost")] == [1]


def test_nothing_is_started_in_maintenance_and_what_runs_goes_on(tmp_path, start):
    go = tmp_path / "go"
    text = f"until [ -e {go} ]; do sleep 0.05; done"
    folder = made(tmp_path / "d", {"script": shell(text)})
    start(folder)
    with opened(folder) as store:
        store.insert("svctasks", task(1, overlap=0))
        (run,) = until(lambda: active(store))
        Modes(store).change({"mode": "maintenance"})
        # A runner that knows of this task has seen the mode.
        store.insert("svctasks", task(2))
        until(lambda: any(each["svctask"] == id_of(2) for each in clocks(store)))
        go.touch()
        (done,) = until_runs(store, 1, "succeeded")
        assert done["id"] == run["id"]
        until(lambda: active(store) == [])
        Modes(store).change({"mode": "production"})
        until_runs(store, 3, "succeeded")


def test_two_runners_keep_to_what_a_script_may_have_at_once(tmp_path, start):
    lock = tmp_path / "lock"
    text = f"mkdir {lock} || exit 7; sleep 0.2; rmdir {lock}"
    folder = made(tmp_path / "d", {"script": shell(text, most=1)}, [{}, {}, {}])
    runners = [start(folder), start(folder)]
    with opened(folder) as store:
        until_runs(store, 4, "succeeded")
        for runner in runners:
            assert runner.stop()[0] == 0
        assert runs(store, "failed") == []
