"""Runs of the executor in tests: orders, scripts of Python, and their ends."""

import sys
import time
from secrets import token_hex
from typing import Any

from shared import PATIENCE

from app.execution.executor import Executor, Order, Outcome
from app.execution.processes import Mark, of_runs
from app.svcscripts import Script

ID = "380daae6-016c-cdd4-606e-50e54938780c"

NODE = f"vm/{token_hex(4)}"
"""The host and the runner that have the runs; other test runs have another one."""

URL = "http://127.0.0.1:8000"
"""The API, for scripts."""

ENVIRON = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TZ": "Europe/Berlin",
    "SVCTASKS_DATA": "/secret/place",
    "API_KEY": "abc",
    "LD_LIBRARY_PATH": "/usr/lib/of-the-system",
}
"""The environment of the runner."""


def order(script: Script, run: str = ID, node: str = NODE, **content: Any) -> Order:
    """Return an order for a run of a task."""
    record = {
        "id": run,
        "svctask": "86228b15-016c-cdef-ccce-50e54938780c",
        "code": script.code,
        "site": "",
        "node": node,
        "slot": "2026-01-02T03:04:05.000Z",
        "attempt": 1,
    }
    return Order(record, script, {"run": record, **content})


def python(text: str, *arguments: str, **settings: Any) -> Script:
    """Return a script that runs ``text`` in Python, without its site packages."""
    command = (sys.executable, "-S", "-c", text, *arguments)
    return Script("test", command=command, **settings)


def shell(text: str, **settings: Any) -> Script:
    """Return a script that runs ``text`` in a shell."""
    return Script("test", command=("/bin/sh", "-c", text), **settings)


def processes_of(*runs: str, node: str = NODE) -> set[int]:
    """Return the living processes of runs."""
    found = of_runs({Mark(run, node): 0 for run in runs})
    return {pid for pids in found.values() for pid in pids}


def end(executor: Executor, run: str = ID) -> Outcome:
    """Return the outcome of a run, when it has ended."""
    return ends(executor, {run})[run]


def ends(executor: Executor, runs: set[str]) -> dict[str, Outcome]:
    """Return the outcomes of runs, when all have ended."""
    outcomes: dict[str, Outcome] = {}
    last = time.monotonic() + PATIENCE
    while not runs <= outcomes.keys():
        assert time.monotonic() < last, f"{runs - outcomes.keys()} did not end"
        outcomes |= executor.wait(1)
    return outcomes


def output(executor: Executor, run: str = ID) -> str:
    """Return what is kept of the output of a run."""
    return executor.output_of(run).read_text()


def until_output(executor: Executor, text: str, run: str = ID) -> str:
    """Wait until the output of a run that goes on has ``text`` in it; return all."""
    last = time.monotonic() + PATIENCE
    while text not in (seen := output(executor, run)):
        assert time.monotonic() < last, f"no {text!r} in {seen!r}"
        assert not executor.wait(0.01), f"it ended with {seen!r}"
    return seen
