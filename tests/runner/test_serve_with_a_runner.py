"""A server with a runner of its own, under both servers."""

import os
import signal

import pytest
from real import active, made, opened, processes, runs, shell, until_runs
from running import Server, children
from shared import T, until

pytestmark = pytest.mark.files


@pytest.fixture(params=["gunicorn", "granian"])
def start(request):
    """Starts a server of two workers and a runner; nothing is left after the test."""
    started = []

    def start(folder, **env):
        server = Server(
            folder, "--runner", "--workers", "2", "--server", request.param, **env
        )
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()


def runner_of(server, store):
    """Return the process of the runner whose record is the last."""
    pids = until(lambda: children(server.master()), lambda found: len(found) == 3)
    marks = [record.document["process"] for record in store.scan("runners")]
    (pid,) = [pid for pid in pids if f"/{pid}/" in marks[-1]]
    return pid


def test_a_server_starts_tasks_and_its_runner_again_and_ends_both(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("echo done; sleep 600")})
    server = start(folder, SVCTASKS_RUNNER_GRACE="0.1")
    body = {"name": "n", "isenabled": 1, "svcscriptcode": "script", "overlap": 0}
    body |= {"isregular": 1, "intervalsec": 1}
    assert server.request("POST", T, body).status == 200
    with opened(folder) as store:
        (run,) = until(lambda: active(store))
        former = runner_of(server, store)
        os.kill(former, signal.SIGKILL)
        (lost,) = until_runs(store, 1, "lost")
        assert lost["id"] == run["id"]
        assert not processes([run])
        # A lost run is in the history a moment before it leaves its clock.
        (run,) = until(lambda: [r for r in active(store) if r["id"] != lost["id"]])
        # A claim is in the store before its process exists.
        until(lambda: processes([run]))
        assert runner_of(server, store) != former
        code, logged = server.stop()
        assert code == 0
        assert "has ended; it is started again" in logged
        (stopped,) = runs(store, "stopped")
        assert stopped["id"] == run["id"]
        assert not processes([run])


def test_a_runner_ends_with_its_server_that_was_killed(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("sleep 600")}, [{"overlap": 0}])
    server = start(folder, SVCTASKS_RUNNER_GRACE="0.1")
    with opened(folder) as store:
        (run,) = until(lambda: active(store))
        server.kill()
        until_runs(store, 1, "stopped")
        assert not processes([run])
        (runner,) = [record.document for record in store.scan("runners")]
        until(lambda: not is_alive(int(runner["process"].split("/")[2])))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
