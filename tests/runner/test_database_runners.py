"""Runners over one database, each with a folder of its own, as on several machines."""

import json
import os
from contextlib import closing, contextmanager
from itertools import count

import postgres
import psycopg
import pytest
from real import active, id_of, made, processes, runs, shell, task, until_runs
from running import Runner, Server, svctasks
from shared import T, until

from app.bootstrap import open_store
from app.settings import Settings

R = "/rest/v1/service/svcruns"
NUMBERS = count()
SCRIPTS = {"script": shell("echo done"), "hang": shell("sleep 600")}


@contextmanager
def database(files, **env):
    """The address of a database with the scripts, which come from ``files``."""
    name = f"runners_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(postgres.address(), autocommit=True) as owner:
        owner.execute(f"CREATE SCHEMA {name}")
        address = f"{postgres.address()}?options=-csearch_path%3D{name}"
        assert svctasks("migrate", "--store", address).returncode == 0
        copied = svctasks("copy", "--from", f"file:{files}", "--to", address, **env)
        assert copied.returncode == 0, copied.stderr
        yield address
        owner.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def files(tmp_path):
    return made(tmp_path / "files", SCRIPTS)


@pytest.fixture
def address(files):
    with database(files) as address:
        yield address


def opened(address):
    return open_store(Settings.from_environment(store=address))


@pytest.fixture
def store(address):
    with closing(opened(address)) as store:
        yield store


@pytest.fixture
def start(address, tmp_path):
    """Starts servers and runners by their folders; nothing is left after the test."""
    started = []

    def start(kind, folder, *options, **env):
        env = {"SVCTASKS_RUNNER_GRACE": "0.1", **env}
        started.append(kind(tmp_path / folder, "--store", address, *options, **env))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.stop()


def outputs(folder):
    return {path.stem for path in folder.glob("runs/*/*.out")}


def test_servers_with_runners_start_each_slot_once_and_have_their_own_outputs(
    store, start, tmp_path
):
    options = ["--runner", "--workers", "1", "--server"]
    one, other = [
        start(Server, kind, *options, kind) for kind in ("gunicorn", "granian")
    ]
    for number in range(4):
        body = {"name": f"{number}", "isenabled": 1, "svcscriptcode": "script"}
        body |= {"isregular": 1, "intervalsec": 1}
        assert one.request("POST", T, body).status == 200
    # Whichever is first gets a slot.
    until(lambda: outputs(tmp_path / "gunicorn") and outputs(tmp_path / "granian"))
    store.update_each("svctasks", lambda old: {**old, "isenabled": 0})
    until(lambda: not active(store))
    found = runs(store, "succeeded")
    slots = [(run["svctask"], run["slot"]) for run in found]
    assert len(set(slots)) == len(slots) > 1
    for run in found:
        places = [run["id"] in outputs(each.data) for each in (one, other)]
        assert sorted(places) == [False, True]
        has, has_not = (one, other) if places[0] else (other, one)
        path = f"{R}/{run['id']}/output"
        assert has.request("GET", path).text == "done\n"
        refused = has_not.request("GET", path)
        assert refused.status == 404
        host = run["node"].partition("/")[0]
        assert f"here; it ran on {host}" in refused.text
    for each in (one, other):
        code, _ = each.stop()
        assert code == 0


def test_runs_of_a_killed_runner_are_ended_by_another_of_its_machine(store, start):
    store.load("svctasks", [task(1, svcscriptcode="hang", overlap=0)])
    first = start(Runner, "one")
    [run] = until(lambda: active(store))
    # A claim is in the store before its process exists.
    until(lambda: processes([run]))
    first.kill()
    assert processes([run])
    start(Runner, "two")
    [lost] = until_runs(store, 1, "lost")
    assert lost["id"] == run["id"]
    assert not processes([run])


def test_task_of_any_site_starts_at_each_site_that_has_a_runner(store, start, address):
    """One database is one store: no site has to leave it to the first of them."""
    site = {"SVCTASKS_SITE": "south", "SVCTASKS_SITES": "north,south"}
    start(Runner, "south", **site)
    store.load("svctasks", [task(1, sitemode="any")])
    until(lambda: runs(store, "succeeded"))
    shown = svctasks("next", id_of(1), "--store", address, **site)
    assert "not at this site" not in shown.stdout + shown.stderr


def test_outputs_of_runs_that_another_machine_removed_go_after_a_while(
    store, start, tmp_path
):
    start(Runner, "one", SVCTASKS_RUNS_MAX="10")
    folder = tmp_path / "one" / "runs" / store.identity()
    left = until(folder.is_dir) and folder / f"{id_of(7)}.out"
    left.touch()
    store.load("svctasks", [task(1)])
    until(lambda: not left.exists())


def test_runners_of_other_stores_on_the_same_folder_leave_outputs_alone(
    store, start, address, files
):
    store.load("svctasks", [task(1, svcscriptcode="script", isenabled=0)])
    ran = svctasks("run", id_of(1), "--store", address, data=files)
    assert ran.returncode == 0, ran.stderr
    [id_] = outputs(files)
    # Each of them looks for outputs without a run before its first start.
    with database(files) as other, closing(opened(other)) as others:
        others.load("svctasks", [task(2)])
        runner = Runner(files, "--store", other)
        until_runs(others, 1, "succeeded")
        runner.stop()
    task_file = files / "tasks.json"
    task_file.write_text(json.dumps([task(3)]))
    assert svctasks("import", "svctasks", task_file, data=files).returncode == 0
    runner = Runner(files)
    until(lambda: list(files.glob("runs/*.out")))
    runner.stop()
    assert id_ in outputs(files)
    server = start(Server, "files")
    assert server.request("GET", f"{R}/{id_}/output").text == "done\n"


def test_copy_takes_the_outputs_of_its_machine_along(tmp_path):
    folder = made(tmp_path / "files", SCRIPTS, [{"isenabled": 0}])
    ran = svctasks("run", id_of(0), data=folder)
    assert ran.returncode == 0, ran.stderr
    [output] = folder.glob("runs/*.out")
    place = {"SVCTASKS_DATA": str(tmp_path / "there")}
    with database(folder, **place) as address:
        [copied] = tmp_path.glob("there/runs/*/*.out")
        assert (copied.name, copied.read_text()) == (output.name, "done\n")
        assert copied.stat().st_mode & 0o777 == 0o600
        back = ["--from", address, "--to", f"file:{tmp_path / 'back'}"]
        for _ in range(2):
            result = svctasks("copy", *back, **place)
            assert result.returncode == 0, result.stderr
            assert "outputs of runs: 1 files in " in result.stdout
    assert (tmp_path / "back" / "runs" / output.name).read_text() == "done\n"


def test_commands_of_runs_and_check_are_of_the_database(store, address, tmp_path):
    store.load("svctasks", [task(1, svcscriptcode="script", isenabled=0)])
    where = ["--store", address]
    ran = svctasks("run", id_of(1), *where, data=tmp_path / "new" / "folder")
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr
    [id_] = outputs(tmp_path / "new" / "folder")
    assert id_ in svctasks("runs", *where).stdout
    checked = svctasks("check", *where)
    assert (checked.returncode, checked.stdout) == (0, "all is well\n")
    bad = {"code": "bad", "name": "", "command": ["/no/such/program"]}
    [script] = [each.document for each in store.scan("svcscripts")][:1]
    store.load("svcscripts", [{**script, **bad}])
    checked = svctasks("check", *where)
    assert checked.returncode == 1
    place = 'table svcscripts: script "bad": command'
    assert f"{place}: /no/such/program is no program" in checked.stdout
