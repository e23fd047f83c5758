"""Data files that cannot be replaced: the server refuses them, or says so while it runs."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from running import SVCTASKS, Server, free_port, svctasks
from servers import SERVERS
from shared import T, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")

each_kind = pytest.mark.parametrize("kind", SERVERS)

TASK = "00000000-0000-0000-0000-000000000001"

NOBODY = 65534


@contextmanager
def mounted(file):
    """Mount ``file`` on itself, as containers mount one of their host."""
    try:
        subprocess.run(["mount", "--bind", file, file], check=True)
    except subprocess.CalledProcessError:
        pytest.skip("nothing can be mounted here")
    try:
        yield "because it is mounted itself; mount its folder instead"
    finally:
        subprocess.run(["umount", "--lazy", file], check=True)


@contextmanager
def immutable(file):
    """Forbid everybody to change or to remove ``file``."""
    if subprocess.run(["chattr", "+i", file], capture_output=True).returncode:
        pytest.skip("there are no attributes here")
    try:
        yield "operation not permitted"
    finally:
        subprocess.run(["chattr", "-i", file], check=True)


each_cause = pytest.mark.parametrize("cause", [mounted, immutable])


@pytest.fixture
def file(data):
    """A data file with one task."""
    data.mkdir()
    file = data / "svctasks.json"
    file.write_text(f'{{"svctasks": {{"1": {{"id": "{TASK}", "name": "n"}}}}}}')
    return file


@each_kind
@each_cause
def test_it_is_refused_at_the_start(data, file, cause, kind):
    before = file.read_bytes()
    with cause(file) as reason:
        found = svctasks("serve", "--server", kind, data=data, PORT=f"{free_port()}")
    assert found.returncode == 1
    message = f"svctasks.json cannot be replaced{', ' if 'because' in reason else ': '}"
    assert f"{message}{reason}\n" in found.stderr
    assert "Traceback" not in found.stderr and not found.stdout
    assert file.read_bytes() == before


@each_kind
@each_cause
def test_it_can_be_served_read_only(data, file, cause, kind):
    with cause(file):
        server = Server(data, "--server", kind, "--read-only")
        try:
            assert server.request("GET", f"{T}/{TASK}").json["name"] == "n"
            assert server.stop()[0] == 0
        finally:
            server.kill()


@each_kind
@each_cause
def test_health_and_once_in_each_process_the_log_say_so_while_it_runs(
    data, file, cause, kind
):
    server = Server(data, "--server", kind)
    try:
        assert server.request("GET", "/health").status == 200
        with cause(file) as reason:
            tasks = []
            for number in range(4):
                tasks.append(server.request("POST", T, {"name": f"{number}"}).json)
                until(lambda: complaints(server))
                assert server.request("GET", "/health").status == 503
            health = server.request("GET", "/health").json
            assert "svctasks.json cannot be replaced" in health["error_message"]
            assert reason in health["error_message"]
        until(lambda: server.request("GET", "/health").status == 200)
        until(lambda: tasks[-1]["id"] in file.read_text())
        # Each process that tries to write the file says so, the workers and their master.
        found = complaints(server)
        assert len(found) == len(set(found)) <= 3
        code, logged = server.stop()
        assert code == 0 and "Traceback" not in logged
        kept = file.read_text()
        assert all(each["id"] in kept for each in tasks)
    finally:
        server.kill()


def complaints(server):
    """Return which processes have logged that the data file cannot be replaced."""
    lines = [json.loads(line) for line in server.logged().splitlines()]
    return [
        line["process"] for line in lines if "cannot be replaced" in line["message"]
    ]


@pytest.fixture
def sticky():
    """A folder in which all may write, but only replace what is theirs, as in /tmp."""
    # Others may not look into the folders of pytest.
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o1777)
        file = folder / "svctasks.json"
        file.write_text('{"svctasks": {}}')
        file.chmod(0o666)
        yield folder


@each_kind
def test_it_is_refused_in_a_sticky_folder_if_it_is_of_somebody_else(sticky, kind):
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    try:
        found = subprocess.run([*as_nobody, SVCTASKS, "--version"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs setpriv")
    if found.returncode:
        pytest.skip("the command cannot be run by others")
    found = subprocess.run(
        [*as_nobody, SVCTASKS, "serve", "--server", kind, "--data", sticky],
        env={**os.environ, "PORT": f"{free_port()}"},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert "svctasks.json cannot be replaced: operation not permitted\n" in found.stderr
    assert "Traceback" not in found.stderr
