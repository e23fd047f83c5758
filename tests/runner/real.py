"""Runners as processes: data folders for them, and what is in the folders afterwards."""

import json
import os
import signal
from contextlib import contextmanager

from shared import until

from app.bootstrap import open_store
from app.datetimes import instant, now
from app.execution.processes import Mark, of_runs
from app.schemas import svctask
from app.settings import Settings


def made(folder, scripts, tasks=()):
    """Make a data folder: scripts by their codes, and tasks; return it."""
    folder.mkdir(exist_ok=True)
    write_scripts(folder, scripts)
    with opened(folder) as store:
        store.load("svctasks", [task(n, **each) for n, each in enumerate(tasks)])
    return folder


def write_scripts(folder, scripts):
    """Write the file of scripts, as an editor would."""
    table = {
        str(number): {"code": code, **script}
        for number, (code, script) in enumerate(scripts.items(), 1)
    }
    draft = folder / "svcscripts.draft"
    draft.write_text(json.dumps({"svcscripts": table}))
    draft.replace(folder / "svcscripts.json")


def shell(text, **members):
    """Return a script that runs ``text`` in a shell."""
    return {"command": ["/bin/sh", "-c", text], **members}


def task(number, **fields):
    """Return a task that starts every second, as it is stored."""
    body = {
        "id": id_of(number),
        "name": f"task {number}",
        "isenabled": 1,
        "isregular": 1,
        "intervalsec": 1,
        "svcscriptcode": "script",
    }
    return svctask.new(body | fields, None, instant(now()))


def id_of(number):
    return f"00000000-0000-0000-0000-{number:012x}"


@contextmanager
def opened(folder):
    """Open the store of a data folder, beside those that use it."""
    store = open_store(Settings.from_environment(data=folder, fsync="never"))
    try:
        yield store
    finally:
        store.close()


def runs(store, *states):
    """Return the runs in the history, or those in some states, by slot and attempt."""
    found = [record.document for record in store.scan("svcruns")]
    found = [run for run in found if not states or run["state"] in states]
    return sorted(found, key=lambda run: (run["slot"], run.get("attempt", 0)))


def clocks(store):
    return [record.document for record in store.scan("clocks")]


def active(store):
    """Return the runs that are active."""
    return [run for clock in clocks(store) for run in clock["active"]]


def until_runs(store, count, *states):
    """Return the runs in the history, when there are ``count`` in some states."""
    return until(lambda: runs(store, *states), lambda found: len(found) >= count)


def processes(runs):
    """Return the living processes of runs."""
    marks = [Mark(run["id"], run["node"]) for run in runs if "node" in run]
    found = of_runs(dict.fromkeys(marks, 0))
    return {pid for pids in found.values() for pid in pids}


def end_left(folder):
    """Kill what runners that were killed have left."""
    with opened(folder) as store:
        for pid in processes(active(store)):
            os.kill(pid, signal.SIGKILL)
