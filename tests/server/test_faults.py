"""What the real server does when the machine under it fails."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zlib
from http.client import HTTPConnection
from itertools import repeat
from pathlib import Path

import pytest
from full_disk import fill
from running import SVCTASKS, Server, free_port, svctasks
from shared import DATA, PATIENCE, T, until


class FaultyServer(Server):
    """A server whose disk and clock fail on demand."""

    def __init__(self, data: Path, faults: Path) -> None:
        faults.mkdir()
        script = Path(__file__).with_name("faulty.py")
        self.command = (sys.executable, script, str(faults))
        self.faults = faults
        super().__init__(data)


class LimitedServer(Server):
    """A server that may open a hundred files in each process."""

    command = ("prlimit", "--nofile=100:100", *Server.command)


@pytest.fixture
def faulty(data, tmp_path):
    server = FaultyServer(data, tmp_path / "faults")
    yield server
    server.kill()


def remount(disk, how):
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


def refuses_writes(server, task):
    """Check that reads go on, that writes are refused with 503, and health says so."""
    one = f"{T}/{task['id']}"
    assert server.request("GET", one).json == task
    for method, path in (("POST", T), ("PATCH", one), ("DELETE", one)):
        body = None if method == "DELETE" else {"name": "x" * 2000}
        reply = server.request(method, path, body=body)
        assert (reply.status, reply.json["error_code"]) == (503, 1503), reply.text
        assert str(server.data) not in reply.text
    assert server.request("GET", one).json == task
    reply = server.request("GET", "/health")
    assert reply.status == 503


def writes(server):
    return server.request("POST", body={"name": "written"}).status == 200


def test_a_full_disk_refuses_writes_until_there_is_room(small_disk):
    data = small_disk / "data"
    server = Server(data)
    try:
        task = server.request("POST", body={"name": "n"}).json
        spare = [server.request("POST", body={"name": "s"}).json for _ in range(120)]
        paths = iter([f"{T}/{each['id']}" for each in spare])
        until(lambda: b'"put"' not in (data / "svctasks.json.journal").read_bytes())
        refuses_all_writes(server, small_disk, task, paths)
        for name in ("gunicorn", "granian"):
            workers = server.workers(2)
            server.kill()
            until(lambda pids=workers: not any(map(is_there, pids)))
            fill(small_disk)
            server = Server(data, "--server", name)
            until(lambda s=server: "the disk is full" in s.logged())
            refuses_all_writes(server, small_disk, task, paths)
        before = server.request("GET").json
        (small_disk / "ballast").unlink()
        assert writes(server)
        assert server.request("GET", "/health").status == 200
        assert server.request("GET").json[:-1] == before
        server.stop()
        server = Server(data)
        assert server.request("GET").json[:-1] == before
        assert svctasks("check", data=data).stdout == "all is well\n"
    finally:
        server.kill()


def is_there(pid):
    return Path(f"/proc/{pid}").exists()


def refuses_all_writes(server, disk, task, paths):
    """Check that a full disk refuses writes, each to another of ``paths``, and no reads.

    What is left of the journal's last block still takes some small ones, and there is room
    again when a process lets go of a former file.
    """

    def refused(method, paths, body=None):
        def sent():
            fill(disk)
            return server.request(method, next(paths), body=body)

        reply = until(sent, lambda reply: reply.status == 503)
        assert reply.json["error_code"] == 1503, reply.text
        assert str(server.data) not in reply.text
        return reply.json["error_message"]

    long = {"name": "x" * 2000}
    for method, those, body in (
        ("POST", repeat(T), long),
        ("PATCH", paths, long),
        ("DELETE", paths, None),
    ):
        refused(method, those, body)
        assert server.request("GET", f"{T}/{task['id']}").json == task
    assert refused("GET", repeat("/health")) == "the disk is full"


def test_a_read_only_folder_refuses_writes_until_it_can_be_written(small_disk):
    """A file that is open for writing forbids that, so nothing was written before."""
    data = small_disk / "data"
    shutil.copytree(DATA, data)
    server = Server(data)
    try:
        task = server.request("GET").json[0]
        task = server.request("GET", f"{T}/{task['id']}").json
        remount(small_disk, "ro")
        refuses_writes(server, task)
        remount(small_disk, "rw")
        assert writes(server)
        assert server.request("GET", "/health").status == 200
        remount(small_disk, "nr_inodes=100")
        with pytest.raises(OSError):
            for number in range(200):
                (small_disk / f"spare{number}").touch()
        reply = server.request("GET", "/health")
        told = "the disk has no room for another file"
        assert (reply.status, reply.json["error_message"]) == (503, told)
        for spare in small_disk.glob("spare*"):
            spare.unlink()
        assert server.request("GET", "/health").status == 200
    finally:
        server.kill()
        remount(small_disk, "rw")


def test_a_token_is_taken_where_its_use_cannot_be_noted(faulty):
    created = svctasks("token", "create", "ci", "--role", "reader", data=faulty.data)
    token = {"Authorization": f"Bearer {created.stdout.strip()}"}
    (faulty.faults / "flush").touch()

    def statuses():
        return {faulty.request("GET", **token).status for _ in range(20)}

    assert statuses() == {200}
    until(lambda: "last use of tokens: " in faulty.logged())
    assert statuses() == {200}
    assert "Traceback" not in faulty.logged()


def test_a_flush_that_fails_is_never_acknowledged(faulty):
    task = faulty.request("POST", body={"name": "n"}).json
    (faulty.faults / "flush").touch()
    reply = faulty.request("POST", body={"name": "lost"})
    assert (reply.status, reply.json["error_code"]) == (503, 1503)
    assert faulty.request("GET", f"{T}/{task['id']}").json == task

    def workers_that_met_it():
        # No worker may acknowledge a write, whether or not it has met the fault before.
        assert not writes(faulty)
        logged = map(json.loads, faulty.logged().splitlines())
        return {each["process"] for each in logged if each.get("status") == 503}

    until(workers_that_met_it, set(faulty.workers(2)).__eq__)
    assert {faulty.request("GET", "/health").status for _ in range(20)} == {503}
    (faulty.faults / "flush").unlink()
    assert faulty.request("GET", "/health").status == 503
    faulty.stop()
    again = Server(faulty.data)
    try:
        assert again.request("GET", f"{T}/{task['id']}").json == task
        assert writes(again)
    finally:
        again.kill()


def test_a_folder_of_a_newer_version_is_refused_at_the_start(server):
    server.request("POST", body={"name": "n"})
    server.stop()
    journal = server.data / "svctasks.json.journal"
    members = b'"seq":9,"format":4,"epoch":"e","base":null,"next":9}'
    journal.write_bytes(b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members))
    before = journal.read_bytes()
    for command in ("serve", "check", "export"):
        arguments = [command, "svctasks"] if command == "export" else [command]
        result = svctasks(*arguments, data=server.data, PORT=str(free_port()))
        assert result.returncode == 1
        assert "svctasks.json.journal has format 4, made by a newer version" in (
            result.stderr + result.stdout
        )
        assert "Traceback" not in result.stderr
    assert journal.read_bytes() == before


def test_connections_without_number_do_not_take_the_last_file(data):
    """Each worker may open 100 files; 300 clients connect and say nothing."""
    server = LimitedServer(data)
    idle = []
    try:
        task = server.request("POST", body={"name": "n"}).json
        workers = server.workers(2)
        for _ in range(300):
            idle.append(socket.create_connection(("127.0.0.1", server.port)))
        for each in idle:
            each.close()
        until(lambda: server.request("GET", f"{T}/{task['id']}").json == task)
        assert writes(server)
        assert server.workers(2) == workers
    finally:
        for each in idle:
            each.close()
        server.kill()


def test_too_few_open_files_are_refused_at_the_start(data):
    result = subprocess.run(
        ["prlimit", "--nofile=20:20", SVCTASKS, "serve", "--data", data],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    message = "a process may open 20 files only and needs 73; raise ulimit -n"
    assert result.stderr == f"svctasks: {message}\n"


def test_workers_whose_master_was_killed_stop_and_lose_nothing(server):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    task = server.request("POST", body={"name": "n"}).json
    workers = server.workers(2)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    until(lambda: not any(map(is_there, workers)))
    connection.close()
    again = Server(server.data, port=server.port)
    try:
        assert again.request("GET", f"{T}/{task['id']}").json == task
        assert writes(again)
    finally:
        again.kill()


def test_a_clock_that_goes_back_does_no_harm(faulty):
    first = faulty.request("POST", body={"name": "first"}).json
    (faulty.faults / "clock").write_text("86400")
    second = faulty.request("POST", body={"name": "second"}).json
    assert second["ext"]["ct"] < first["ext"]["ct"]
    listed = faulty.request("GET", f"{T}?mask=name").json
    assert [each["name"] for each in listed] == ["first", "second"]
    path = f"{T}/{first['id']}"
    changed = faulty.request("PATCH", path, body={"name": "changed"}).json
    assert changed["ext"]["ct"] == first["ext"]["ct"]
    assert faulty.request("GET", path).json == changed
    faulty.stop()
    assert svctasks("check", data=faulty.data).stdout == "all is well\n"


def test_a_folder_that_cannot_be_written_is_refused_at_the_start(small_disk):
    remount(small_disk, "ro")
    result = svctasks("serve", data=small_disk, PORT=str(free_port()))
    assert (result.returncode, result.stderr) == (
        1,
        f"svctasks: {small_disk}: the data folder cannot be written\n",
    )
