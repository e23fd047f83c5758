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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import click
import orjson
import tasks
from parts import JSON_HEADERS, PARTS, Part, Request, T

from app import bootstrap
from app.query import Query
from app.settings import Settings

Sizes = dict[str, dict[str, int]]
"""Bytes of the replies that the bare app gives, by address and method."""

SMALL = 10_000
"""Data of this size are put back before writes are measured: they would grow by much."""

AT_FIRST = 16
"""How many connections ask once before a measurement: some reach each worker."""


@dataclass
class Figure:
    """What one run of wrk gave, and its ratio to the bare app next to it."""

    part: str
    system: str
    size: int
    connections: int
    request: str
    rate: float
    p99_ms: float
    ratio: float | None = None


@dataclass
class Note:
    """What a system needs for its data; ``check_s`` is the time to check a foreign file."""

    part: str
    system: str
    size: int
    first_answer_s: float
    memory_mb: float
    check_s: float | None


@click.command()
@click.option(
    "--only", type=click.Choice(list(PARTS)), help="Measure one part; all by default."
)
@click.option("--sizes", help="How much data there is, such as 1000,100000.")
@click.option("--connections", default="1,16", help="Numbers of connections.")
@click.option("--seconds", default=4, help="Seconds a measurement takes.")
@click.option(
    "--systems", default="svctasks,sqlite3,tinydb", help="What to measure beside bare."
)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write JSON too.")
def main(
    only: str | None,
    sizes: str | None,
    connections: str,
    seconds: int,
    systems: str,
    file: Path | None,
) -> None:
    """Measure, and print tables of rates and of ratios to the bare app."""
    counts = [int(each) for each in connections.split(",")]
    figures: list[Figure] = []
    notes: list[Note] = []
    for part in [PARTS[only]] if only else PARTS.values():
        for size in map(int, (sizes or part.sizes).split(",")):
            for system in systems.split(","):
                # Plain TinyDB writes the whole file at each write: a small table will do.
                if system not in part.systems or (system == "tinydb" and size > 1000):
                    continue
                measured, note = measure(part, system, size, counts, seconds)
                figures += measured
                notes.append(note)
        click.echo(table(part, figures, notes) + "\n")
    if file:
        found = {
            "figures": [asdict(figure) for figure in figures],
            "notes": [asdict(note) for note in notes],
        }
        file.write_text(json.dumps(found, indent=1))


def measure(
    part: Part, system: str, size: int, connections: list[int], seconds: int
) -> tuple[list[Figure], Note]:
    """Measure ``system`` over ``size`` documents, each figure next to the bare app's."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        for table, documents in part.tables(size).items():
            write(folder, table, documents)
        check = fold(folder) if system == "svctasks" else None
        with running(system, folder, {}) as server:
            with running("bare", folder, server.sizes(part, size)) as bare:
                figures = []
                for request in part.requests:
                    for count in connections:
                        if (
                            check is not None
                            and size <= SMALL
                            and request.method != "GET"
                        ):
                            restore(folder, part, size)
                        rates = [
                            drive(each, part, request, size, count, seconds)
                            for each in (bare, server)
                        ]
                        rates[1].ratio = rates[1].rate / rates[0].rate
                        figures += rates
                        told = f"{rates[1].rate:.0f}/s, {rates[1].ratio:.2f} of bare"
                        show = f"{system} {size} {request.name} {count}: {told}"
                        click.echo(show, err=True)
            memory = max(server.memory())
            note = Note(part.name, system, size, server.first_answer, memory, check)
    return figures, note


def fold(folder: Path) -> float:
    """Let the service write the data files itself, as it does on the first day.

    Returns the seconds that it takes to check those that it did not write.
    """
    begin = time.perf_counter()
    settings = Settings.from_environment(data=folder)
    store = bootstrap.open_store(settings)
    seconds = time.perf_counter() - begin
    for collection in bootstrap.collections(settings):
        some = store.find(collection.name, Query(limit=1)).records
        # A table is written when there is anything new in it.
        store.load(collection.name, [record.document for record in some])
    store.close()
    return round(seconds, 2)


def restore(folder: Path, part: Part, size: int) -> None:
    """Put the data back to what they were before clients wrote."""
    store = bootstrap.open_store(Settings.from_environment(data=folder))
    for name, documents in part.tables(size).items():
        store.load(name, list(documents), clear=True)
    store.close()


def write(folder: Path, table: str, documents: Iterable[dict[str, Any]]) -> None:
    """Write ``documents`` to a data file, as the service itself does."""
    lines = (
        b'"%d": %b' % (number, orjson.dumps(each))
        for number, each in enumerate(documents, 1)
    )
    path = folder / f"{table}.json"
    path.write_bytes(b'{"%b": {\n%b\n}}\n' % (table.encode(), b",\n".join(lines)))


class Running:
    """A server process and its address."""

    def __init__(self, system: str, command: list[Any], port: int) -> None:
        begin = time.perf_counter()
        self.system = system
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
        connection.request(method, path, content, JSON_HEADERS)
        reply = connection.getresponse().read()
        connection.close()
        return reply

    def sizes(self, part: Part, size: int) -> Sizes:
        """Return how long the reply to each kind of request is."""
        found: Sizes = {}
        for each in part.requests:
            reply = self.request(each.method, *each.sample(size))
            found.setdefault(each.address, {})[each.method] = len(reply)
        return found

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
def running(system: str, folder: Path, sizes: Sizes) -> Iterator[Running]:
    """Run ``system`` over ``folder`` for the length of the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rivals = Path(__file__).with_name("rivals.py")
    command = [sys.executable, rivals, system, folder, json.dumps(sizes)]
    if system == "svctasks":
        svctasks = Path(sys.executable).with_name("svctasks")
        command = [svctasks, "serve", "--data", folder]
    server = Running(system, command, port)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=120)


def drive(
    server: Running,
    part: Part,
    request: Request,
    size: int,
    connections: int,
    seconds: int,
) -> Figure:
    """Let wrk send ``request`` for some seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(prelude(size) + part.definitions + request.script)
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency"]
        command += ["--timeout", "60", "-s", script.name]
        address = f"http://127.0.0.1:{server.port}"
        # What is done once, such as making an index, is not what is measured.
        for _ in range(AT_FIRST):
            server.request(request.method, *request.sample(size))
        subprocess.run(
            [*command, "-d1", address], check=True, stdout=subprocess.DEVNULL
        )
        result = subprocess.run(
            [*command, address], check=True, capture_output=True, text=True
        ).stdout
    assert "Non-2xx" not in result, result
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", result)[1])
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)", result).groups()
    p99 = float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]
    what = part.name, server.system, size, connections, request.name
    return Figure(*what, rate, p99)


def prelude(size: int) -> str:
    """Return the Lua definitions that all scripts share."""
    seed = time.time_ns() % 1_000_000
    return f"""
        HEADERS = {{["Content-Type"] = "application/json"}}
        N = {size}
        SEED = {seed}
        math.randomseed(SEED)
    """


def table(part: Part, figures: list[Figure], notes: list[Note]) -> str:
    """Return the figures of ``part`` as Markdown tables."""
    lines = [
        f"| system | {part.name} | connections | "
        + " | ".join(f"{request.name}, of bare" for request in part.requests)
        + " |",
        "|---|---|---|" + "---|" * len(part.requests),
    ]
    rows: dict[tuple[str, int, int], list[str]] = {}
    for each in figures:
        if each.part == part.name and each.ratio is not None:
            row = rows.setdefault((each.system, each.size, each.connections), [])
            row.append(f"{each.rate:,.0f}/s, {each.ratio:.2f}")
    for (system, size, connections), cells in rows.items():
        row = " | ".join([system, f"{size:,}", str(connections), *cells])
        lines.append(f"| {row} |")
    headings = "first answer, s | memory of a worker, MB | check of a foreign file, s"
    lines += ["", f"| system | {part.name} | {headings} |", "|---|---|---|---|---|"]
    for note in notes:
        if note.part == part.name:
            check = "" if note.check_s is None else str(note.check_s)
            cells = [str(note.first_answer_s), str(note.memory_mb), check]
            row = " | ".join([note.system, f"{note.size:,}", *cells])
            lines.append(f"| {row} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    main()
