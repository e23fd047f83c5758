"""Commands: what they get, how they end, and that nothing of them is left."""

import gc
import json
import logging
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from executing import (
    ENVIRON,
    ID,
    NODE,
    URL,
    end,
    ends,
    order,
    output,
    processes_of,
    python,
    shell,
    until_output,
)
from running import children
from shared import until

from app.execution.executor import Executor
from app.execution.processes import Mark
from app.execution.run_outputs import FIRST, MOST
from app.svcscripts import Script

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", os.getpid(), flush=True)
while True:
    time.sleep(60)
"""

GRANDCHILD = """
import os, signal, sys, time
source, target = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if "stubborn" in sys.argv:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if "silent" in sys.argv:
            null = os.open("/dev/null", os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
        os.write(target, b"%d" % os.getpid())
        os.close(target)
        while True:
            time.sleep(60)
    os._exit(0)
os.close(target)
print("grandchild", os.read(source, 100).decode(), "is there", flush=True)
if "wait" in sys.argv:
    time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def number_in(text: str) -> int:
    found = re.search("[0-9]+", text)
    assert found is not None, text
    return int(found[0])


def test_command_gets_its_input_and_then_the_end_of_the_file(executor):
    given = {"svctask": {"name": "Füße", "ext": {"n": 1}}, "big": "x" * 300_000}
    executor.start(order(shell("cat; echo; echo done"), **given))
    assert end(executor).state == "succeeded"
    content, done = output(executor).splitlines()
    assert json.loads(content)["svctask"] == given["svctask"]
    assert json.loads(content)["run"]["id"] == ID
    assert json.loads(content)["big"] == given["big"]
    assert done == "done"


def test_command_that_reads_no_input_ends_all_the_same(executor):
    executor.start(order(Script("test", command=("true",)), big="x" * 300_000))
    assert end(executor).state == "succeeded"


def test_environment_has_nothing_of_the_runner_but_what_is_named(executor):
    script = shell(
        "env", env={"COLOR": "no", "KEY": {"env": "API_KEY"}, "HOME": "/tmp"}
    )
    executor.start(order(script))
    assert end(executor).state == "succeeded"
    lines = dict(line.split("=", 1) for line in output(executor).splitlines())
    # The shell adds these.
    for name in ("PWD", "SHLVL", "_", "OLDPWD"):
        lines.pop(name, None)
    assert lines == {
        "PATH": ENVIRON["PATH"],
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "TZ": "Europe/Berlin",
        "SVCTASKS_RUN": ID,
        "SVCTASKS_NODE": NODE,
        "SVCTASKS_TASK": "86228b15-016c-cdef-ccce-50e54938780c",
        "SVCTASKS_SLOT": "2026-01-02T03:04:05.000Z",
        "SVCTASKS_ATTEMPT": "1",
        "SVCTASKS_SITE": "",
        "SVCTASKS_CODE": "test",
        "SVCTASKS_URL": URL,
        "COLOR": "no",
        "KEY": "abc",
    }


@pytest.mark.parametrize(
    ["environ", "expected"],
    [
        ({"LD_LIBRARY_PATH": "/own"}, "/own"),
        ({"LD_LIBRARY_PATH": "/tmp/_MEI1", "_PYI_ARCHIVE_FILE": "x"}, None),
        (
            {
                "LD_LIBRARY_PATH": "/tmp/_MEI1:/own",
                "LD_LIBRARY_PATH_ORIG": "/own",
                "_PYI_ARCHIVE_FILE": "x",
            },
            "/own",
        ),
    ],
)
def test_libraries_of_the_executable_are_not_those_of_commands(
    tmp_path, environ, expected
):
    executor = Executor(tmp_path, URL, {"PATH": "/usr/bin:/bin", **environ})
    script = shell(
        "echo $LD_LIBRARY_PATH", env={"LD_LIBRARY_PATH": {"env": "LD_LIBRARY_PATH"}}
    )
    executor.start(order(script))
    outcome = end(executor)
    executor.close()
    if expected is None:
        assert "LD_LIBRARY_PATH is not set" in outcome.reason
    else:
        assert outcome.lastline == expected


def test_command_is_no_shell_and_runs_in_its_folder(executor, tmp_path):
    script = Script("test", command=("echo", "$HOME; exit 3", "*"), cwd=str(tmp_path))
    executor.start(order(script))
    assert end(executor).lastline == "$HOME; exit 3 *"
    executor.start(order(Script("test", command=("pwd",), cwd=str(tmp_path))))
    assert end(executor).lastline == str(tmp_path)


@pytest.mark.parametrize(
    ["text", "state", "exitcode", "number", "reason"],
    [
        ("exit 0", "succeeded", 0, None, ""),
        ("exit 3", "failed", 3, None, "the command ended with exit code 3"),
        ("kill -SEGV $$", "failed", None, 11, "the command was ended by SIGSEGV"),
        ("kill -KILL $$", "failed", None, 9, "the command was ended by SIGKILL"),
    ],
)
def test_outcome_says_how_the_command_ended(
    executor, text, state, exitcode, number, reason
):
    executor.start(order(shell(text)))
    outcome = end(executor)
    assert (outcome.state, outcome.reason) == (state, reason)
    assert (outcome.exitcode, outcome.signal) == (exitcode, number)
    assert outcome.is_retryable == (state == "failed")
    assert outcome.status is None and outcome.duration >= 0


@pytest.mark.parametrize(
    ["script", "reason"],
    [
        (
            Script("x", command=("/secret/place",)),
            "the command cannot be used: No such file or directory; the log names it",
        ),
        (
            Script("x", command=("/proc/version",)),
            "the command cannot be used: Permission denied; the log names it",
        ),
        (
            Script("x", command=("true",), cwd="/secret/place"),
            "the folder of the command cannot be used: No such file or directory; "
            "the log names it",
        ),
        (
            Script("x", command=("true",), env={"A": {"env": "NOT_THERE"}}),
            "the variable NOT_THERE is not set in the environment of the runner",
        ),
    ],
)
def test_command_that_cannot_be_started_is_failed_without_its_name(
    executor, caplog, script, reason
):
    executor.start(order(script))
    outcome = end(executor)
    assert (outcome.state, outcome.reason) == ("failed", reason)
    assert outcome.is_retryable
    assert not executor.active
    if "log names it" in reason:
        assert f"run {ID}: x cannot be started" in caplog.text


def test_output_is_private_and_in_the_order_in_which_it_came(executor):
    executor.start(order(shell("echo one; echo two >&2; echo three; echo ' '; echo")))
    outcome = end(executor)
    assert output(executor) == "one\ntwo\nthree\n \n\n"
    assert (outcome.outputbytes, outcome.lastline) == (17, "three")
    assert stat.S_IMODE(executor.output_of(ID).stat().st_mode) == 0o600


def test_output_can_be_read_while_the_command_runs(executor):
    executor.start(order(shell("echo begun; exec sleep 600")))
    assert until_output(executor, "begun") == "begun\n"
    executor.stop(ID, "enough")
    assert end(executor).reason == "enough"


def test_output_of_a_gigabyte_takes_a_bounded_file_and_no_memory(executor):
    text = """
import os
os.write(1, b"begin" + b"b" * (1 << 17))
piece = b"x" * (1 << 16)
for _ in range(1 << 14):
    left = memoryview(piece)
    while left:
        left = left[os.write(1, left):]
os.write(1, b"\\nthe end\\n")
"""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    executor.start(order(python(text)))
    outcome = end(executor)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert outcome.state == "succeeded"
    assert outcome.outputbytes == 5 + (1 << 17) + (1 << 30) + 9
    assert outcome.lastline == "the end"
    kept = executor.output_of(ID).read_bytes()
    assert 1 << 19 < len(kept) <= MOST
    assert kept.startswith(b"begin" + b"b" * (FIRST - 5) + b"\n[")
    assert kept.endswith(b"x\nthe end\n")
    left_out = number_in(kept[FIRST : FIRST + 100].decode())
    gap = kept[FIRST:].index(b"]\n") + 2
    assert len(kept) - gap + left_out == outcome.outputbytes
    # In kilobytes; the pieces that are copied are of half a megabyte.
    assert grown < 16 << 10


def test_command_that_takes_too_long_is_ended(executor):
    executor.start(order(python(STUBBORN, timeoutsec=1, gracesec=0.1)))
    outcome = end(executor)
    assert outcome.state == "timedout"
    assert outcome.reason == "it took longer than 1 seconds (timeoutsec)"
    # On a busy machine it may not have come to ignore the first one.
    assert outcome.signal in (signal.SIGTERM, signal.SIGKILL)
    assert outcome.exitcode is None and outcome.is_retryable


def test_command_that_has_ended_before_its_stop_keeps_its_state(executor, tmp_path):
    done = tmp_path / "done"
    executor.start(order(shell(f"touch {done}; exit 3", timeoutsec=0.2)))
    until(lambda: done.exists() and not processes_of(ID))
    executor.stop(ID, "enough")
    outcome = end(executor)
    assert (outcome.state, outcome.exitcode) == ("failed", 3)


def test_stop_lets_the_command_end_by_itself_within_its_grace(executor):
    text = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    executor.start(order(shell(text, gracesec=600)))
    until_output(executor, "ready")
    executor.stop(ID, "the runner was stopped")
    executor.stop(ID, "another reason")
    outcome = end(executor)
    assert (outcome.state, outcome.reason) == ("stopped", "the runner was stopped")
    assert (outcome.exitcode, outcome.lastline) == (7, "bye")
    assert not outcome.is_retryable


def test_stop_kills_the_whole_tree_after_the_grace(executor):
    executor.start(order(python(GRANDCHILD, "stubborn", "wait", gracesec=0.1)))
    grandchild = number_in(until_output(executor, "is there"))
    assert is_alive(grandchild)
    executor.stop(ID, "enough")
    assert end(executor).state == "stopped"
    assert not is_alive(grandchild)
    assert not processes_of(ID)


def test_kill_leaves_no_more_grace(executor):
    executor.start(order(python(STUBBORN, gracesec=100_000)))
    until_output(executor, "ready")
    executor.stop(ID, "enough")
    assert executor.wait(0) == []
    executor.kill(ID)
    assert end(executor).signal == signal.SIGKILL


@pytest.mark.parametrize("how", ["stubborn", "silent", "obedient"])
def test_grandchild_in_a_session_of_its_own_ends_with_the_run(executor, how):
    executor.start(order(python(GRANDCHILD, how, gracesec=0.1)))
    outcome = end(executor)
    assert outcome.state == "succeeded"
    assert outcome.reason == "what it had left running was ended"
    assert not is_alive(number_in(output(executor)))


def test_daemon_that_begins_while_its_parent_ends_is_ended_too(executor):
    runs = {f"{number:08x}-0000-0000-0000-000000000000" for number in range(20)}
    text = "setsid sleep 600 >/dev/null 2>&1 </dev/null & exit 0"
    outcomes = {}
    for run in sorted(runs):
        executor.start(order(shell(text), run=run))
        outcomes |= executor.wait(0)
    outcomes |= ends(executor, runs - outcomes.keys())
    assert {outcome.state for outcome in outcomes.values()} == {"succeeded"}
    assert not processes_of(*runs)


def test_child_without_an_environment_ends_with_the_run(executor):
    text = "env -i sleep 600 & echo child $!"
    executor.start(order(shell(text, gracesec=0.1)))
    assert end(executor).state == "succeeded"
    assert not is_alive(number_in(output(executor)))


def test_pipe_that_somebody_unknown_holds_open_holds_up_nothing(executor):
    # The grandchild is in a session of its own, has lost its parent and its environment.
    text = """
import os, sys
source, target = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.set_inheritable(target, True)
        code = "import os, time; os.write(%d, b'%%d' %% os.getpid()); time.sleep(600)"
        program = [sys.executable, "-S", "-c", code % target]
        os.execve(sys.executable, program, {})
    os._exit(0)
print("grandchild", os.read(source, 100).decode(), flush=True)
"""
    executor.start(order(python(text)))
    outcome = end(executor)
    unknown = number_in(output(executor))
    assert outcome.state == "succeeded"
    os.kill(unknown, signal.SIGKILL)


def test_processes_of_other_runs_are_left_alone(executor):
    other = "00000000-0000-0000-0000-000000000001"
    executor.start(order(shell("echo ready; exec sleep 600"), run=other))
    until_output(executor, "ready", run=other)
    executor.start(order(python(GRANDCHILD, "stubborn", gracesec=0)))
    assert end(executor).state == "succeeded"
    assert executor.active == {other}
    assert len(processes_of(other)) == 1


def test_processes_of_a_run_with_the_same_id_in_a_copy_of_the_data_are_left_alone(
    executor, tmp_path
):
    copy = Executor(tmp_path / "copy", URL, ENVIRON)
    (tmp_path / "copy").mkdir()
    copy.start(order(shell("echo ready; exec sleep 600"), node="vm/0badcafe"))
    until_output(copy, "ready")
    executor.start(order(python(GRANDCHILD, gracesec=0)))
    assert end(executor).state == "succeeded"
    executor.end_left(Mark(ID, NODE))
    assert end(executor).state == "lost"
    assert len(processes_of(ID, node="vm/0badcafe")) == 1
    copy.close()


def test_what_a_killed_runner_has_left_is_ended_by_another(executor, tmp_path):
    text = """
import sys
from pathlib import Path
from executing import ID, order, python, until_output
from test_commands_run import GRANDCHILD
from app.execution.executor import Executor
executor = Executor(Path(sys.argv[1]), "", {})
executor.start(order(python(GRANDCHILD, "stubborn", "wait"), node=sys.argv[2]))
print(until_output(executor, "is there"), flush=True)
while True:
    executor.wait(60)
"""
    tests = Path(__file__).parent
    path = os.pathsep.join([str(tests), str(tests.parent), str(tests.parent.parent)])
    runner = subprocess.Popen(
        [sys.executable, "-c", text, tmp_path, NODE],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
    )
    assert runner.stdout is not None
    grandchild = number_in(runner.stdout.readline().decode())
    runner.kill()
    runner.wait()
    runner.stdout.close()
    assert is_alive(grandchild)
    another = "00000000-0000-0000-0000-000000000001"
    executor.end_left(Mark(ID, NODE))
    executor.end_left(Mark(another, NODE))
    outcomes = ends(executor, {ID, another})
    assert not is_alive(grandchild)
    assert not processes_of(ID)
    for outcome in outcomes.values():
        assert (outcome.state, outcome.reason) == ("lost", "its runner died")
    said = f"grandchild {grandchild} is there"
    assert (outcomes[ID].outputbytes, outcomes[ID].lastline) == (len(said) + 1, said)
    assert (outcomes[another].outputbytes, outcomes[another].lastline) == (0, "")


def test_many_runs_at_once_end_each_once(executor):
    runs = {f"{number:08x}-0000-0000-0000-000000000000" for number in range(100)}
    for run in sorted(runs):
        executor.start(order(shell("read -r _; echo $SVCTASKS_RUN"), run=run))
    outcomes = ends(executor, runs)
    assert {outcome.state for outcome in outcomes.values()} == {"succeeded"}
    assert {run: outcome.lastline for run, outcome in outcomes.items()} == {
        run: run for run in runs
    }
    assert executor.wait(0) == []


def test_no_descriptor_is_left_after_runs(executor):
    def descriptors():
        return sorted(os.listdir("/proc/self/fd"))

    # What other tests left is not to go meanwhile.
    gc.collect()
    before = descriptors()
    for script in (shell("echo x"), python(GRANDCHILD), Script("x", command=("/no",))):
        executor.start(order(script))
        end(executor)
    assert descriptors() == before


def test_without_a_free_descriptor_nothing_starts_and_nothing_is_taken_for_gone(
    executor, caplog
):
    other = "00000000-0000-0000-0000-000000000001"
    others = set(children(os.getpid()))
    executor.start(order(python(GRANDCHILD, "stubborn", gracesec=0)))
    # The main process has ended, and is not waited for.
    [main] = set(children(os.getpid())) - others
    os.waitid(os.P_PID, main, os.WEXITED | os.WNOWAIT)
    former = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, former[1]))
    try:
        with pytest.raises(OSError):
            while True:
                taken.append(os.dup(0))
        executor.start(order(shell("exit 0"), run=other))
        ((run, outcome),) = executor.wait(0)
        assert (run, outcome.state) == (other, "failed")
        assert (
            outcome.reason
            == "its output cannot be kept: Too many open files; the log names it"
        )
        assert executor.wait(0) == []
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, former)
    assert "the processes of runs cannot be looked for" in caplog.text
    outcome = end(executor)
    assert outcome.reason == "what it had left running was ended"
    assert not is_alive(number_in(output(executor)))


def test_wake_ends_the_wait_of_another_thread(executor):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(executor.wait(600)))
    thread.start()
    executor.wake()
    until(lambda: seen)
    thread.join()
    assert seen == [[]]


def test_output_that_cannot_be_kept_starts_nothing(tmp_path, caplog):
    folder = tmp_path / "missing" / "runs"
    executor = Executor(folder, URL, ENVIRON)
    executor.start(order(shell("exit 0")))
    outcome = end(executor)
    executor.close()
    assert outcome.state == "failed"
    reason = "its output cannot be kept: No such file or directory; the log names it"
    assert outcome.reason == reason
    assert str(folder) in caplog.text and str(folder) not in outcome.reason


def test_folder_of_outputs_that_somebody_has_removed_is_made_again(tmp_path):
    folder = tmp_path / "runs"
    executor = Executor(folder, URL, ENVIRON)
    executor.start(order(shell("echo said")))
    assert end(executor).state == "succeeded"
    assert output(executor) == "said\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    executor.close()


def test_exit_code_is_known_under_a_parent_that_ignores_the_end_of_children(tmp_path):
    former = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        executor = Executor(tmp_path, URL, ENVIRON)
        executor.start(order(shell("exit 3")))
        assert end(executor).exitcode == 3
        executor.close()
    finally:
        signal.signal(signal.SIGCHLD, former)


def test_nothing_is_left_when_the_executor_closes(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    executor = Executor(tmp_path, URL, ENVIRON)
    executor.start(order(python(GRANDCHILD, "stubborn", "wait", gracesec=100_000)))
    grandchild = number_in(until_output(executor, "is there"))
    executor.close()
    assert not is_alive(grandchild)
