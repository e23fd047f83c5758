"""Runs that people ask for, as runners take them up: simulated, and on a real server."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from real import id_of, made, opened, shell
from running import Server
from shared import PATIENCE, RUNNER, T, until
from world import SECOND, START, Script, World, asking, task

from app.datetimes import now
from app.errors import Conflict
from app.runner.clocks import run_id as slot_id
from app.svcscripts import Script as StoredScript

R = "/rest/v1/service/svcruns"
S = "/rest/v1/service/svcscript_runtimes"


def run_id(number):
    return f"00000000-0000-0000-0000-{number:012x}"


@pytest.fixture
def world():
    return World()


def passes(world, runner, milliseconds):
    """Let time pass in quarters of a second."""
    for _ in range(milliseconds // 250):
        world.move(250)
        runner.turn()


def begun(world):
    runner = world.runner()
    runner.turn(2)
    return runner


BEGINNING = {**RUNNER, "looked": None}
"""A runner that has only just begun."""

SCRIPT = StoredScript("alone", "Alone", ("true",))


def want(world, number, **parameters):
    return world.runs.want_script(SCRIPT, run_id(number), parameters)


def test_a_script_without_a_task_is_started_and_its_clock_goes_after_it(world):
    world.scripts["alone"] = Script("alone")
    runner = begun(world)
    want(world, 1, startparam1="a")
    want(world, 2)
    passes(world, runner, SECOND)
    assert sorted(run["id"] for run, _ in world.spawned) == [run_id(1), run_id(2)]
    assert world.spawned[0][0]["startparams"] == {"startparam1": "a"}
    for id_ in list(world.processes):
        world.end(id_)
    passes(world, runner, 10 * SECOND)
    assert [run["state"] for run in world.history()] == ["succeeded", "succeeded"]
    assert {run["svctask"] for run in world.history()} == {
        world.history()[0]["svctask"]
    }
    assert all("startparams" not in run for run in world.history())
    assert world.clocks() == []
    want(world, 3)
    passes(world, runner, SECOND)
    assert run_id(3) in world.processes


def test_a_script_without_a_task_is_lost_with_its_runner_and_not_repeated(world):
    world.scripts["alone"] = Script("alone")
    runner = begun(world)
    want(world, 1)
    passes(world, runner, SECOND)
    runner.die()
    other = world.runner()
    passes(world, other, 60 * SECOND)
    assert [run["state"] for run in world.history()] == ["lost"]
    assert len(world.spawned) == 1 and world.clocks() == []


def test_a_script_that_is_gone_by_then_is_missed(world):
    runner = begun(world)
    want(world, 1)
    passes(world, runner, 10 * SECOND)
    [run] = world.history()
    assert (run["state"], run["cause"]) == ("missed", "manual")
    assert run["reason"] == 'svcscriptcode "alone" is not in svcscripts.json'
    assert world.clocks() == []


def test_a_run_that_was_stopped_before_it_was_taken_up_is_not_started(world):
    world.put(task(1, START, isenabled=0))
    runner = begun(world)
    world.runs.want(task(1, START)["id"], {"id": run_id(1)})
    assert world.runs.stop(run_id(1))["state"] == "missed"
    passes(world, runner, 10 * SECOND)
    assert world.spawned == []
    assert [run["state"] for run in world.history()] == ["missed"]


def test_one_id_is_that_of_one_run_of_all_tasks(world):
    world.put(task(1, START, isenabled=0), task(2, START, isenabled=0))
    begun(world)
    world.runs.want(task(1, START)["id"], {"id": run_id(1)})
    with pytest.raises(Conflict):
        world.runs.want(task(2, START)["id"], {"id": run_id(1)})


def asked_at_once(*of_processes):
    """Ask for runs with the same ids from four threads; return the ids that they get."""
    barrier = Barrier(4)

    def asked(runs, number):
        got = []
        for id_ in map(run_id, range(1, 31)):
            barrier.wait(PATIENCE)
            try:
                got.append(runs.want(id_of(number), {"id": id_})["id"])
            except Conflict:
                continue
        return got

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(asked, of_processes * 2, range(4)))
    return sorted(id_ for ids in found for id_ in ids)


@pytest.mark.files
def test_one_id_is_that_of_one_run_whoever_asks_for_it_at_the_same_moment(tmp_path):
    """Four tasks, by two threads of each of two processes."""
    folder = made(tmp_path / "d", {}, [{}] * 4)
    with opened(folder) as first, opened(folder) as second:
        first.load("runners", [BEGINNING])
        got = asked_at_once(asking(first, now), asking(second, now))
    assert got == [run_id(number) for number in range(1, 31)]


def test_one_id_is_that_of_one_run_on_each_back_end(world):
    world.put(*(task(number, START) for number in range(4)))
    world.store.load("runners", [BEGINNING])
    stores = world.open_store(), world.open_store()
    got = asked_at_once(*(asking(store, world.clock) for store in stores))
    assert got == [run_id(number) for number in range(1, 31)]


def test_id_of_a_run_is_that_of_no_other_while_it_goes_into_the_history(world):
    world.put(task(1, START, isenabled=0), task(2, START, isenabled=0))
    runner = begun(world)
    world.runs.want(task(1, START)["id"], {"id": run_id(1)})
    world.move(61 * SECOND)
    while type(runner.effect).__name__ != "Record":
        runner.step()
    # It is missed, and nobody has put it into the history yet.
    assert world.history() == []
    world.store.load("runners", [{**RUNNER, "looked": world.now}])
    with pytest.raises(Conflict):
        world.runs.want(task(2, START)["id"], {"id": run_id(1)})
    runner.turn(2)
    assert [run["svctask"] for run in world.history()] == [task(1, START)["id"]]


def test_a_slot_whose_id_somebody_took_for_another_run_has_no_second_process(world):
    world.put(task(1, START), task(2, START, isenabled=0))
    runner = begun(world)
    slot = START + 59_500
    id_ = slot_id(task(1, START)["id"], "", slot, 1)
    world.runs.want(task(2, START)["id"], {"id": id_})
    passes(world, runner, 130 * SECOND)
    assert len(world.processes) == 2
    assert world.slots() == ["10:00:00", "10:02:00"]


# On a real server, with its runner.

SCRIPTS = {
    "slow": shell(
        "echo begun; while ! test -e $HOME/go; do sleep 0.05; done; echo end"
    ),
    "input": {"command": ["cat"]},
    "hang": shell("echo hangs; sleep 600"),
}


@pytest.fixture
def kind():
    """What speaks HTTP, where a test says nothing else."""
    return "gunicorn"


@pytest.fixture
def server(tmp_path, kind):
    folder = made(tmp_path / "d", SCRIPTS)
    options = ("--runner", "--workers", "1", "--server", kind)
    server = Server(folder, *options, HOME=str(tmp_path))
    yield server
    if server.process.poll() is None:
        server.stop()


def create(server, code, **fields):
    body = {"name": "n", "svcscriptcode": code, **fields}
    return server.request("POST", T, body).json["id"]


def run_now(server, id_, body=None):
    """Have a task run, as soon as a runner lives."""
    address = f"{T}/{id_}/run"
    reply = until(
        lambda: server.request("POST", address, body), lambda r: r.status != 503
    )
    assert reply.status == 200, reply.text
    return reply.json["id"]


def state(server, id_):
    return server.request("GET", f"{R}/{id_}").json["state"]


@pytest.mark.files
@pytest.mark.parametrize("kind", ["gunicorn", "granian"])
def test_output_is_read_while_the_run_goes_on(server, tmp_path):
    id_ = run_now(server, create(server, "slow", overlap=0))
    address = f"{R}/{id_}/output"

    def rest(first):
        return server.request("GET", address, Range=f"bytes={first}-")

    begun = until(lambda: rest(0), lambda reply: reply.status == 206)
    assert begun.text == "begun\n" and state(server, id_) == "running"
    assert rest(6).status == 416
    task_id = server.request("GET", f"{R}/{id_}").json["svctask"]
    busy = server.request("POST", f"{T}/{task_id}/run")
    assert busy.status == 409 and "overlap is 0" in busy.text
    (tmp_path / "go").touch()
    ended = until(lambda: rest(6), lambda reply: reply.status == 206)
    assert ended.text == "end\n"
    until(lambda: state(server, id_) == "succeeded")
    run = server.request("GET", f"{R}/{id_}").json
    assert run["cause"] == "manual" and run["lastline"] == "end"
    assert server.request("GET", f"{T}/{run['svctask']}/runs").json == [run]
    counted = 'svctasks_runs_total{code="slow",state="succeeded"} 1.0'
    until(lambda: counted in server.request("GET", "/metrics").text)
    assert server.request("GET", "/health").json["runner"]["alive"] == 1


@pytest.mark.files
def test_a_run_is_stopped_and_its_id_is_that_of_no_other(server):
    task_id = create(server, "hang")
    chosen = run_id(0xABC)
    assert run_now(server, task_id, {"id": chosen}) == chosen
    until(lambda: state(server, chosen) == "running")
    assert server.request("POST", f"{T}/{task_id}/run", {"id": chosen}).status == 409
    assert server.request("POST", f"{R}/{chosen}/stop").status == 200
    until(lambda: state(server, chosen) == "stopped")
    run = server.request("GET", f"{R}/{chosen}").json
    assert run["reason"] == "it was stopped by request"
    assert server.request("POST", f"{R}/{chosen}/stop").status == 409
    assert server.request("POST", f"{T}/{task_id}/run", {"id": chosen}).status == 409


@pytest.mark.files
def test_parameters_are_in_the_input_and_not_in_the_history(server):
    body = {"code": "input", "startparam1": "-rf /", "startparam2": 2}
    reply = until(
        lambda: server.request("POST", S, body), lambda reply: reply.status != 503
    )
    id_ = reply.json["id"]
    until(lambda: state(server, id_) == "succeeded")
    given = json.loads(server.request("GET", f"{R}/{id_}/output").text)
    assert given["run"]["startparam1"] == "-rf /" and given["run"]["startparam2"] == 2
    assert given["svctask"]["svcscriptcode"] == "input"
    assert "-rf" not in server.request("GET", f"{R}/{id_}").text
    assert server.request("GET", S).json == []
