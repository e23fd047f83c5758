"""The executable, built by the documented command, where Python is not.

Most tests run it in a root folder that holds only it, the C library, and two folders to
write in; curl and the tests ask it from outside.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

import pytest
from certificates import Pair, TlsServer, make_pair
from readme import ROOT, block, first_commands, session
from running import Server, children
from shared import DATA, PATIENCE, T, files_of_page, until

pytestmark = pytest.mark.binary

EXECUTABLE = ROOT / "dist" / "svctasks"

DRIVER = 11.3e6
"""Bytes by which the driver of PostgreSQL makes it larger: 39.7 MB in place of 28.5."""

C_LIBRARY = re.compile(r"(ld-linux-|lib(c|m|dl|pthread|rt|util)\.so\.)")


class BuiltServer(Server):
    """The executable: its outer process starts the master and hands signals on."""

    command: tuple[str | Path, ...] = (EXECUTABLE, "serve")

    def master(self) -> int:
        [master] = children(self.process.pid)
        return master

    def ready(self) -> list[int]:
        """Ask until both workers have answered; return their process ids."""
        workers = self.workers(2)

        def asked() -> bool:
            assert self.request("GET", "/health").status == 200
            logged = self.logged()
            return all(f'"process":{pid},' in logged for pid in workers)

        until(asked)
        return workers


class Cage:
    """A root folder without Python, with data to serve in ``/data``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path in c_library():
            place = root / path.relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        shutil.copy(EXECUTABLE, root)
        (root / "tmp").mkdir()
        shutil.copytree(DATA, root / "data")

    def serve(self, port: int | None = None) -> "CagedServer":
        return CagedServer(self.root, Path("/data"), port)

    def serve_demo(self) -> "CagedServer":
        return CagedServer(self.root, None)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*caged(self.root), *arguments, "--data", "/data"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        """Run a command to its end, which is a good one; return what it prints."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, printed
        return printed


class CagedServer(BuiltServer):
    def __init__(self, root: Path, data: Path | None, port: int | None = None) -> None:
        self.command = (*caged(root), "serve")
        super().__init__(data, port=port)


class CagedTlsServer(TlsServer):
    """A server that speaks TLS with ``pair``, in the same folder."""

    def __init__(self, root: Path, data: Path, pair: Pair) -> None:
        self.command = (*caged(root), "serve")
        super().__init__(data, pair, place=Path("/"))


def caged(root: Path) -> tuple[str | Path, ...]:
    return ("chroot", root, "/svctasks")


def c_library() -> list[Path]:
    """Return the files of the C library that this machine has."""
    told = subprocess.run(
        ["ldd", EXECUTABLE], check=True, capture_output=True, text=True
    )
    found = [Path(path) for path in re.findall(r"(/\S+) \(0x", told.stdout)]
    folders = {path.parent for path in found}
    beside = (path for folder in folders for path in folder.iterdir())
    return [path for path in beside if C_LIBRARY.match(path.name)]


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    command = block("sh", "pyinstaller")
    subprocess.run(["bash", "-c", command], cwd=ROOT, check=True)


def test_executable_is_made_of_what_the_lock_file_names() -> None:
    pip = ROOT / "build" / "venv" / "bin" / "pip"
    freeze = [pip, "freeze", "--exclude-editable"]
    printed = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    locked = (ROOT / ".ci" / "requirements.lock").read_text().splitlines()
    found = [line.lower().replace("_", "-") for line in printed.splitlines()]
    assert found and set(found) <= set(locked)


@pytest.fixture
def cage(tmp_path: Path) -> Iterator[Cage]:
    if os.geteuid() != 0:
        pytest.skip("only root may change the root folder")
    yield Cage(tmp_path)
    # What was killed left its unpacked files there.
    shutil.rmtree(tmp_path / "tmp")


@pytest.fixture
def server(cage: Cage) -> Iterator[CagedServer]:
    server = cage.serve()
    yield server
    server.kill()


def test_there_is_nothing_but_the_executable_and_the_c_library(cage):
    files = {p.name for p in cage.root.rglob("*") if p.is_file()}
    others = {name for name in files if not C_LIBRARY.match(name)}
    assert others == {"svctasks", *(path.name for path in DATA.iterdir())}


def test_the_first_session_runs_as_printed(cage):
    server = cage.serve_demo()
    try:
        # An empty root has no program that a script could be.
        for command, printed, expected in session(server, has_runner=False):
            assert printed == expected, command
    finally:
        code, logged = server.stop()
    assert code == 0, logged
    # The samples, and what the executable unpacked.
    assert not any((cage.root / "tmp").iterdir())


def test_four_commands_lead_from_nothing_to_a_lookup(tmp_path):
    named, task, found = first_commands(EXECUTABLE, tmp_path)
    assert named["docs"] == "/docs"
    assert found == [task["id"]]


def test_it_serves_with_two_workers(server):
    workers = server.ready()
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: set(server.workers(2)) - set(workers), lambda new: len(new) == 1)
    assert workers[1] in server.ready()


def test_what_was_written_outlasts_the_end_of_all_processes(cage):
    server = cage.serve()
    written = {
        server.request("POST", body={"name": f"task {n}"}).json["id"] for n in range(20)
    }
    server.kill()
    again = cage.serve(server.port)
    try:
        listed = {each["id"] for each in again.request("GET", f"{T}?mask=id").json}
        assert written < listed
        assert again.request("POST", body={"name": "another"}).status == 200
    finally:
        again.kill()


def test_import_goes_on_while_it_serves(cage, server):
    tasks = [{"name": f"task {n}"} for n in range(500)]
    (cage.root / "tasks.json").write_text(json.dumps(tasks))
    importing = cage.start("import", "svctasks", "/tasks.json")
    while importing.poll() is None:
        assert len(server.request("GET").json) in (2, 502)
    assert importing.communicate() == ("500 imported\n", None)
    # Connections are spread over the workers: these reach both.
    assert {len(server.request("GET").json) for _ in range(16)} == {502}


def test_all_other_commands_run_while_it_serves(cage, server):
    listed = server.request("GET").json
    exported = json.loads(cage.run("export", "svctasks"))
    assert [each["id"] for each in exported] == [each["id"] for each in listed]
    assert cage.run("check") == "all is well\n"
    assert "documents backed up" in cage.run("backup", "/data/all.tar.gz")
    for each in listed:
        assert server.request("DELETE", f"{T}/{each['id']}").status == 204
    assert "documents restored" in cage.run("restore", "/data/all.tar.gz")
    assert server.request("GET").json == listed


def test_the_documentation_and_the_console_are_served(server):
    described = server.request("GET", "/openapi.json")
    assert (described.status, T in described.json["paths"]) == (200, True)
    for folder in ("docs", "console"):
        for path in ("", *(f"/{name}" for name in files_of_page(folder))):
            assert server.request("HEAD", f"/{folder}{path}").status == 200


def test_it_speaks_tls_and_reads_its_certificate_anew(cage):
    first, second = make_pair(cage.root, "first"), make_pair(cage.root, "second")
    pair = Pair(cage.root / "chain.pem", cage.root / "key.pem")
    first.copy_to(pair)
    server = CagedTlsServer(cage.root, Path("/data"), pair)
    try:
        assert server.start_lines[1].startswith("  open it in a browser: https://")
        assert server.request("POST", body={"name": "n"}).status == 200
        second.copy_to(pair)
        # To the outer process, which systemd knows.
        server.reload()
        until(lambda: all(server.shown() == second.der for _ in range(20)))
        assert server.request("GET").status == 200
    finally:
        server.kill()


def test_a_server_stops_whose_outer_process_alone_was_killed(cage):
    server = cage.serve()
    workers = server.ready()
    try:
        server.process.kill()
        server.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.kill()
    # The port is free again.
    again = cage.serve(server.port)
    assert again.request("GET").status == 200
    again.kill()


def test_a_runner_stops_whose_outer_process_alone_was_killed(cage):
    outer = cage.start("runner")
    assert outer.stdout is not None
    assert "starts the tasks in" in outer.stdout.readline()
    outer.kill()
    # The output ends when the process within ends too.
    printed, _ = outer.communicate(timeout=PATIENCE)
    assert "has stopped" in printed


def test_nothing_is_left_by_a_server_that_was_told_to_stop(cage):
    server = cage.serve()
    server.ready()
    assert any((cage.root / "tmp").iterdir())
    assert server.stop()[0] == 0
    assert not any((cage.root / "tmp").iterdir())


def test_it_is_small(tmp_path):
    """Prints the figures of the documentation (pytest -rP shows them)."""
    size = EXECUTABLE.stat().st_size
    times = sorted(first_answer(tmp_path / f"{n}") for n in range(7))
    # Nothing in it is compressed: the symbols that its libraries need can be read.
    needed = re.findall(rb"GLIBC_2\.([0-9]+)", EXECUTABLE.read_bytes())
    print(
        f"{size:,} bytes; first answer {times[0]:.2f} s, median {median(times):.2f} s"
    )
    print(f"glibc 2.{max(map(int, needed))}")
    assert size - DRIVER < 29e6


def first_answer(data: Path) -> float:
    """Return how many seconds it takes to start a server and to be answered."""
    begin = time.perf_counter()
    server = BuiltServer(data)
    assert server.request("GET").status == 200
    seconds = time.perf_counter() - begin
    server.stop()
    return seconds


def test_runner_starts_commands_without_the_libraries_of_the_executable(tmp_path):
    """Nor with the variables of its loader; and it ends with its outer process."""
    data = shutil.copytree(DATA, tmp_path / "data")
    script = {"code": "env", "command": ["/usr/bin/env"]}
    (data / "svcscripts.json").write_text(json.dumps([script]))
    (data / "svcscripts.json").chmod(0o600)
    hours = {"name": "default", "timezone": "Europe/Berlin", "week": []}
    (data / "workhours.json").write_text(json.dumps([hours]))
    task = {"name": "n", "isenabled": 1, "isregular": 1, "intervalsec": 1}
    (data / "svctasks.json").write_text(json.dumps([task | {"svcscriptcode": "env"}]))
    with open(tmp_path / "log", "w") as log:
        runner = subprocess.Popen([EXECUTABLE, "runner", "--data", data], stderr=log)
    try:
        until(lambda: "succeeded" in (tmp_path / "log").read_text())
        [inner] = children(runner.pid)
        output = next((data / "runs").iterdir()).read_text()
        assert "SVCTASKS_RUN=" in output
        for name in ("LD_LIBRARY_PATH", "_MEI", "_PYI"):
            assert name not in output
    finally:
        runner.kill()
        runner.wait()
    until(lambda: "has stopped" in (tmp_path / "log").read_text())
    until(lambda: not Path(f"/proc/{inner}/environ").exists())
