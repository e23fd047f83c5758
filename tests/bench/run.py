"""The benchmark: svctasks beside a bare Falcon app, plain TinyDB and sqlite3.

Every figure is measured next to that of the bare app, which answers with as many bytes
under the same gunicorn settings; the ratio of the two is what can be compared between
machines. Needs wrk. Run: python tests/bench/run.py --help
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import tasks

T = "/rest/v1/service/svctasks"

LIST = f"{T}?" + urlencode(
    {"filter": '{"schedule": "work"}', "order": "name", "limit": "20"}
)

BODY = json.dumps({name: tasks.task(1)[name] for name in ("name", "schedule")})

SCRIPTS = {
    "GET one": """
        request = function()
            return wrk.format("GET", string.format("%s/%s", T, id(math.random(N) - 1)))
        end""",
    "GET list": """
        request = function() return wrk.format("GET", LIST) end""",
    "PATCH": """
        count = 0
        request = function()
            count = count + 1
            local path = string.format("%s/%s", T, id(math.random(N) - 1))
            local body = string.format('{"ext": {"count": "%d-%d"}}', SEED, count)
            return wrk.format("PATCH", path, HEADERS, body)
        end""",
    "POST": """
        request = function() return wrk.format("POST", T, HEADERS, BODY) end""",
}

REPLIES = {"GET one": "one", "GET list": "list", "PATCH": "PATCH", "POST": "POST"}


@dataclass
class Figure:
    """What one run of wrk gave, and its ratio to the bare app next to it."""

    system: str
    tasks: int
    connections: int
    request: str
    rate: float
    p99_ms: float
    ratio: float | None = None


@click.command()
@click.option("--sizes", default="1000,10000,100000", help="Numbers of tasks.")
@click.option("--connections", default="1,16", help="Numbers of connections.")
@click.option("--seconds", default=4, help="Seconds a measurement takes.")
@click.option(
    "--systems", default="svctasks,sqlite3,tinydb", help="What to measure beside bare."
)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write JSON too.")
def main(
    sizes: str, connections: str, seconds: int, systems: str, file: Path | None
) -> None:
    """Measure, and print a table of rates and of ratios to the bare app."""
    figures: list[Figure] = []
    notes: list[dict[str, Any]] = []
    for size in map(int, sizes.split(",")):
        for system in systems.split(","):
            # Plain TinyDB writes the whole file at each write: a small table will do.
            if system == "tinydb" and size > 1000:
                continue
            measured, note = measure(
                system, size, [int(each) for each in connections.split(",")], seconds
            )
            figures += measured
            notes.append(note)
    click.echo(table(figures, notes))
    if file:
        rows = [asdict(figure) for figure in figures]
        file.write_text(json.dumps({"figures": rows, "systems": notes}, indent=1))


def measure(
    system: str, size: int, connections: list[int], seconds: int
) -> tuple[list[Figure], dict[str, Any]]:
    """Measure ``system`` over ``size`` tasks, each figure next to the bare app's."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        tasks.write(folder / "svctasks.json", size)
        if system == "svctasks":
            fold(folder)
        with running(system, folder, {}) as server:
            replies = server.replies(size)
            with running("bare", folder, replies) as bare:
                figures = []
                for count in connections:
                    for request in SCRIPTS:
                        limit = drive(bare, "bare", request, size, count, seconds)
                        figure = drive(server, system, request, size, count, seconds)
                        figure.ratio = figure.rate / limit.rate
                        figures += [limit, figure]
                        show = f"{system} {size} {request} {count}: {figure.rate:.0f}/s"
                        click.echo(f"{show}, {figure.ratio:.2f} of bare", err=True)
            note = {
                "system": system,
                "tasks": size,
                "first_answer_s": server.first_answer,
                "memory_mb": server.memory(),
            }
    return figures, note


def fold(folder: Path) -> None:
    """Let the service write the data file itself, as it is after the first day."""
    entities = folder / "svctasks.json"
    source = entities.rename(folder / "import.json")
    command = [svctasks(), "import", "svctasks", source, "--data", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def svctasks() -> Path:
    return Path(sys.executable).with_name("svctasks")


class Running:
    """A server process and its address."""

    def __init__(self, command: list[Any], port: int) -> None:
        begin = time.perf_counter()
        self.port = port
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.request("GET", f"{T}/{tasks.task_id(0)}")
        self.first_answer = round(time.perf_counter() - begin, 2)

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=600)

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """Return the reply to one request."""
        connection = self.connect()
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"})
        reply = connection.getresponse().read()
        connection.close()
        return reply

    def replies(self, size: int) -> dict[str, int]:
        """Return how long the reply to each kind of request is."""
        one = f"{T}/{tasks.task_id(size // 2)}"
        return {
            "one": len(self.request("GET", one)),
            "list": len(self.request("GET", LIST)),
            "PATCH": len(self.request("PATCH", one, {"ext": {"count": "0-0"}})),
            "POST": len(self.request("POST", T, json.loads(BODY))),
        }

    def memory(self) -> list[float]:
        """Return the memory of each worker in MB that it does not share."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = []
        for pid in pids.read_text().split():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            private = re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.MULTILINE)
            found.append(round(sum(map(int, private)) / 1024, 1))
        return found


@contextmanager
def running(system: str, folder: Path, replies: dict[str, int]) -> Iterator[Running]:
    """Run ``system`` over ``folder`` for the length of the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rivals = Path(__file__).with_name("rivals.py")
    command = [
        sys.executable,
        rivals,
        system,
        folder,
        json.dumps(replies or {"one": 0}),
    ]
    if system == "svctasks":
        command = [svctasks(), "serve", "--data", folder]
    server = Running(command, port)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=120)


def drive(
    server: Running,
    system: str,
    request: str,
    size: int,
    connections: int,
    seconds: int,
) -> Figure:
    """Let wrk send ``request`` for some seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(prelude(size) + SCRIPTS[request])
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency"]
        command += ["--timeout", "60", "-s", script.name]
        address = f"http://127.0.0.1:{server.port}"
        # What is done once, such as making an index, is not what is measured.
        subprocess.run(
            [*command, "-d1", address], check=True, stdout=subprocess.DEVNULL
        )
        result = subprocess.run(
            [*command, address], check=True, capture_output=True, text=True
        ).stdout
    assert "Non-2xx" not in result, result
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", result)[1])
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)", result).groups()
    factor = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]
    return Figure(system, size, connections, request, rate, float(number) * factor)


def prelude(size: int) -> str:
    """Return the Lua definitions that the scripts share."""
    return f"""
        T = {json.dumps(T)}
        LIST = {json.dumps(LIST)}
        BODY = {json.dumps(BODY)}
        HEADERS = {{["Content-Type"] = "application/json"}}
        N = {size}
        SEED = {time.time_ns() % 1_000_000}
        function id(n)
            return string.format("%08x-019a-0000-0000-50e54938780c", n)
        end
    """


def table(figures: list[Figure], notes: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        "| system | tasks | connections | "
        + " | ".join(f"{request}, of bare" for request in SCRIPTS)
        + " |",
        "|---|---|---|" + "---|" * len(SCRIPTS),
    ]
    groups = dict.fromkeys((f.system, f.tasks, f.connections) for f in figures)
    for system, size, connections in groups:
        if system == "bare":
            continue
        cells = [
            f"{figure.rate:,.0f}/s, {figure.ratio:.2f}"
            for figure in figures
            if (figure.system, figure.tasks, figure.connections)
            == (system, size, connections)
        ]
        row = " | ".join([system, f"{size:,}", str(connections), *cells])
        lines.append(f"| {row} |")
    lines += ["", "| system | tasks | first answer, s | memory of a worker, MB |"]
    lines.append("|---|---|---|---|")
    for note in notes:
        memory = max(note["memory_mb"])
        row = f"{note['system']} | {note['tasks']:,} | {note['first_answer_s']}"
        lines.append(f"| {row} | {memory} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    main()
