"""Standard streams that are closed or full, and a terminal that goes away."""

import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager

import pytest
from running import SVCTASKS, Server, free_port
from servers import SERVERS
from shared import DATA, PATIENCE, T, until

each_kind = pytest.mark.parametrize("kind", SERVERS)


class Shell(Server):
    """A server that a shell starts, whose streams are as ``redirected`` says."""

    def __init__(self, data, kind, redirected):
        self.command = (
            "bash",
            "-c",
            f'exec "$0" "$@" --server {kind} {redirected}',
            SVCTASKS,
            "serve",
        )
        super().__init__(data)
        until(self.listens)

    def listens(self):
        assert self.process.poll() is None, self.logged()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Lasting(Server):
    command = ("nohup", SVCTASKS, "serve")


def works(server):
    """Check that ``server`` keeps what is written, and stops when it is told to."""
    assert server.request("POST", T, {"name": "written"}).status == 200
    # An error has something to log.
    assert server.request("GET", f"{T}?filter=x").status == 400
    code, logged = server.stop()
    assert code == 0
    assert "Traceback" not in logged and '"ERROR"' not in logged
    assert '"written"' in (server.data / "svctasks.json").read_text()
    check = subprocess.run([SVCTASKS, "check", "--data", server.data])
    assert check.returncode == 0
    return logged


@contextmanager
def shell(*arguments):
    server = Shell(*arguments)
    try:
        yield server
    finally:
        server.kill()


@each_kind
@pytest.mark.parametrize("redirected", [">/dev/full", "> >(true)", ">&-", "<&- >&-"])
def test_it_serves_even_if_its_start_message_cannot_be_written(data, kind, redirected):
    with shell(data, kind, redirected) as server:
        assert "the start message cannot be written" in works(server)


@each_kind
@pytest.mark.parametrize("redirected", ["2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_it_serves_even_if_it_cannot_log(data, kind, redirected):
    with shell(data, kind, redirected) as server:
        assert works(server) == ""


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("import svctasks - <&-", "the standard input is closed"),
        ("export svctasks >&-", "Bad file descriptor"),
        ("export svctasks >/dev/full", "No space left on device"),
        ("check >/dev/full", "No space left on device"),
        ("check >&-", "Bad file descriptor"),
        ("--help >/dev/full", "No space left on device"),
        ("--version >&-", "Bad file descriptor"),
    ],
)
def test_a_command_says_so_that_cannot_read_or_write(data, command, message):
    shutil.copytree(DATA, data)
    result = subprocess.run(
        ["sh", "-c", f'exec "$0" {command}', SVCTASKS],
        env={**os.environ, "SVCTASKS_DATA": str(data)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 1, result
    assert result.stderr.startswith("svctasks: ") and message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_command_whose_reader_has_enough_ends_quietly(data):
    data.mkdir()
    tasks = {str(number): {"name": "n" * 10_000} for number in range(1, 51)}
    (data / "svctasks.json").write_text(json.dumps({"svctasks": tasks}))
    command = f'"{SVCTASKS}" export svctasks --data "{data}" | head -c 1'
    result = subprocess.run(
        ["sh", "-c", command], capture_output=True, timeout=PATIENCE
    )
    assert result.stderr == b""


@each_kind
def test_it_stops_when_its_terminal_goes_away(data, kind):
    port = free_port()
    child, terminal = os.forkpty()
    if child == 0:
        # Whoever runs the tests may ignore it, such as by nohup.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        command = [SVCTASKS, "serve", "--server", kind, "--data", data]
        os.execve(SVCTASKS, command, {**os.environ, "PORT": str(port)})
    assert b"listens on" in os.read(terminal, 1000)
    os.close(terminal)
    ended, status = until(lambda: os.waitpid(child, os.WNOHANG), lambda seen: seen[0])
    assert os.waitstatus_to_exitcode(status) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@each_kind
def test_it_outlives_its_terminal_if_it_is_to(data, kind):
    server = Lasting(data, "--server", kind)
    try:
        for process in (server.process.pid, *server.workers(2)):
            os.kill(process, signal.SIGHUP)
        works(server)
    finally:
        server.kill()
