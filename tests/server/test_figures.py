"""The folder of figures: where it is, and what becomes of it when a server is killed."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from running import SVCTASKS, Server
from servers import SERVERS
from shared import T, until

each_kind = pytest.mark.parametrize("kind", SERVERS)

READ_ONLY = """
mount --bind /tmp /tmp && mount --bind "$1" "$1" && mount -o remount,bind,ro /tmp
for folder in /dev/shm /var/tmp; do mount -t tmpfs -o ro tmpfs $folder; done
cd /proc && shift && exec "$@"
"""
"""A shell script that leaves one folder to be written by the command that follows it."""


def folders(server):
    return list(Path("/dev/shm").glob(f"svctasks-{server.process.pid}-*"))


@each_kind
def test_a_server_removes_the_folders_of_those_that_were_killed(data, tmp_path, kind):
    killed = Server(data, "--server", kind)
    running = Server(tmp_path / "running", "--server", kind)
    again = None
    try:
        workers = killed.workers(2)
        left, kept = folders(killed), folders(running)
        assert len(left) == len(kept) == 1
        os.killpg(killed.process.pid, signal.SIGKILL)
        killed.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
        # Any server that starts, also in another test, removes what is left.
        again = Server(data, "--server", kind)
        assert not left[0].exists() and kept[0].exists()
        again.stop()
        assert not folders(again)
    finally:
        for server in (killed, running, again):
            if server is not None:
                server.kill()


@each_kind
def test_it_serves_where_only_the_data_folder_can_be_written(data, kind):
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    data.mkdir()
    found = subprocess.run(["unshare", "--mount", "true"], capture_output=True)
    if found.returncode:
        pytest.skip("needs to unshare mounts")

    class Confined(Server):
        # fmt: off
        command = (
            "unshare", "--mount", "sh", "-ec", READ_ONLY, "sh", data,
            SVCTASKS, "serve", "--server", kind,
        )
        # fmt: on

    server = Confined(data)
    try:
        assert server.request("POST", T, {"name": "n"}).status == 200
        assert list(data.glob(f"svctasks-{server.process.pid}-*"))
        assert server.stop()[0] == 0
        assert not list(data.glob("svctasks-*-*"))
    finally:
        server.kill()
