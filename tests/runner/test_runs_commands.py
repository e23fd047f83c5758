"""Runs by commands: the last ones printed, and a task that is run here and now."""

import json
import os
import signal
import subprocess

import pytest
from real import active, id_of, made, opened, processes, runs, shell
from running import SVCTASKS, svctasks
from shared import PATIENCE

pytestmark = pytest.mark.files

SCRIPTS = {
    "greet": shell("cat; echo; echo to-err >&2; exit 3"),
    "fine": shell("echo fine"),
    "hang": shell("trap 'exit 0' TERM; echo hangs; sleep 600 & wait"),
    "flood": shell("head -c 3000000 /dev/zero"),
}

TASKS = [
    {"svcscriptcode": code, "isenabled": 0, "overlap": 0, "name": f"the {code}"}
    for code in SCRIPTS
]


@pytest.fixture
def folder(tmp_path):
    return made(tmp_path / "d", SCRIPTS, TASKS)


def started(folder, number):
    """Begin to run a task by the command, and wait for its output."""
    process = subprocess.Popen(
        [SVCTASKS, "run", id_of(number), "--data", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "hangs\n"
    return process


def test_a_run_by_hand_has_the_output_and_the_exit_code_of_its_script(folder):
    result = svctasks("run", id_of(0), data=folder)
    assert result.returncode == 3, result.stderr
    given, error = result.stdout.splitlines()
    assert error == "to-err" and json.loads(given)["svctask"]["id"] == id_of(0)
    with opened(folder) as store:
        [run] = runs(store)
        assert active(store) == [] and list(store.scan("runners")) == []
    assert (run["cause"], run["state"], run["exitcode"]) == ("manual", "failed", 3)
    assert (folder / "runs" / f"{run['id']}.out").read_text() == result.stdout
    assert svctasks("run", id_of(1), data=folder).stdout == "fine\n"


def test_all_of_a_long_output_goes_through(folder):
    result = svctasks("run", id_of(3), data=folder)
    assert result.returncode == 0 and len(result.stdout) == 3_000_000


def test_two_runs_by_hand_do_not_overlap(folder):
    first = started(folder, 2)
    result = svctasks("run", id_of(2), data=folder)
    assert result.returncode == 1
    assert result.stderr == (
        "svctasks: a run of the task is active, and overlap is 0\n"
    )
    first.send_signal(signal.SIGINT)
    out, error = first.communicate(timeout=PATIENCE)
    assert "it was stopped by a signal" in error and first.returncode == 1
    with opened(folder) as store:
        [run] = runs(store)
        assert run["state"] == "stopped" and not processes([run])


def test_what_a_killed_command_left_is_ended_before_the_next_run(folder):
    first = started(folder, 2)
    with opened(folder) as store:
        [lost] = active(store)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=PATIENCE)
    second = started(folder, 2)
    assert not processes([lost])
    with opened(folder) as store:
        assert [run["id"] for run in runs(store, "lost")] == [lost["id"]]
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("00000000-0000-0000-0000-0000000000ff",),
            'svctasks: there is no task with the id "00000000-0000-0000-0000-0000000000ff"',
        ),
        (
            (id_of(4),),
            "svctasks: svcscriptcode: fin is not in svcscripts.json (did you",
        ),
    ],
)
def test_a_run_that_cannot_be_is_refused(folder, arguments, message):
    made(folder, SCRIPTS, [*TASKS, {"svcscriptcode": "fin"}])
    result = svctasks("run", *arguments, data=folder)
    assert result.returncode == 1 and result.stderr.startswith(message)
    with opened(folder) as store:
        assert runs(store) == [] and list(store.scan("runners")) == []


def test_the_last_runs_are_printed_by_task_and_state(folder):
    svctasks("run", id_of(0), data=folder)
    svctasks("run", id_of(1), data=folder)
    printed = svctasks("runs", data=folder).stdout.splitlines()
    assert [line.split("  ", 4)[1].strip() for line in printed] == [
        "succeeded",
        "failed",
    ]
    assert "the fine  fine" in printed[0] and "  greet  the greet" in printed[1]
    failed = svctasks("runs", "--state", "failed", data=folder).stdout.splitlines()
    assert failed == printed[1:]
    assert svctasks("runs", id_of(1), data=folder).stdout.splitlines() == printed[:1]
    first = svctasks("runs", "--count", "1", data=folder).stdout.splitlines()
    assert first == [printed[0], "and 1 more"]
    unknown = svctasks("runs", "x", data=folder)
    assert unknown.returncode == 1 and 'no task with the id "x"' in unknown.stderr
    wrong = svctasks("runs", "--state", "broken", data=folder)
    assert wrong.returncode == 2 and "'timedout'" in wrong.stderr
