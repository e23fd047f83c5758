"""The benchmark: svctasks beside a bare Falcon app, plain TinyDB and sqlite3.

Every figure is measured in turn with that of the bare app, which answers with as many
bytes under the same settings of the same server; the ratio of the two is what can be
compared between machines. Needs wrk. Run: python tests/bench/run.py --help
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click
import orjson
from parts import PARTS, Part, Request
from serving import Running, running

from app import bootstrap
from app.query import Query
from app.settings import SERVERS, Settings

SMALL = 10_000
"""Data of this size are put back before writes are measured: they would grow by much."""

AT_FIRST = 16
"""How many connections ask once before a measurement: some reach each worker."""


@dataclass
class Figure:
    """Requests a second, and the time that 99 of 100 took at most, in milliseconds.

    Each is a median of several rounds, and so are the ratios to the bare app.
    """

    part: str
    system: str
    size: int
    connections: int
    request: str
    rate: float
    p99_ms: float
    ratio: float
    p99_ratio: float


@dataclass
class Note:
    """What a system needs for its data; ``check_s`` is the time to check a foreign file.

    The memory is that of a worker that it does not share with others, in MB: just
    started, and after all requests.
    """

    part: str
    system: str
    size: int
    first_answer_s: float
    memory_at_start_mb: float
    memory_mb: float
    check_s: float | None


@click.command()
@click.option(
    "--only", type=click.Choice(list(PARTS)), help="Measure one part; all by default."
)
@click.option("--requests", help="Measure only kinds whose name has this in it.")
@click.option("--sizes", help="How much data there is, such as 1000,100000.")
@click.option("--connections", default="16", help="Numbers of connections.")
@click.option("--seconds", default=2, help="Seconds a round takes.")
@click.option("--rounds", default=3, help="How often each figure is measured.")
@click.option(
    "--systems", default="svctasks", help="Any of svctasks, sqlite3 and tinydb."
)
@click.option(
    "--server", type=click.Choice(SERVERS), default="gunicorn", help="What speaks HTTP."
)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write JSON too.")
def main(
    only: str | None,
    requests: str | None,
    sizes: str | None,
    connections: str,
    seconds: int,
    rounds: int,
    systems: str,
    server: str,
    file: Path | None,
) -> None:
    """Measure, and print tables of rates and of ratios to the bare app."""
    counts = [int(each) for each in connections.split(",")]
    figures: list[Figure] = []
    notes: list[Note] = []
    for part in [PARTS[only]] if only else PARTS.values():
        kinds = [each for each in part.requests if (requests or "") in each.name]
        for size in map(int, (sizes or part.sizes).split(",")):
            for system in systems.split(","):
                # Plain TinyDB writes the whole file at each write: a small table will do.
                if system not in part.systems or (system == "tinydb" and size > 1000):
                    continue
                bench = Bench(part, system, size, server, seconds, rounds)
                asked = [each for each in kinds if each.of_all or system == "svctasks"]
                figures += bench.measure(asked, counts)
                notes.append(bench.note)
        click.echo(tables(part, server, figures, notes) + "\n")
    if file:
        found = {
            "figures": [asdict(figure) for figure in figures],
            "notes": [asdict(note) for note in notes],
        }
        file.write_text(json.dumps(found, indent=1))


class Bench:
    """Measures ``system`` over ``size`` documents, in turn with the bare app."""

    note: Note

    def __init__(
        self,
        part: Part,
        system: str,
        size: int,
        server: str,
        seconds: int,
        rounds: int,
    ) -> None:
        self._part, self._system, self._size = part, system, size
        self._server, self._seconds, self._rounds = server, seconds, rounds

    def measure(self, kinds: Iterable[Request], counts: list[int]) -> list[Figure]:
        """Return the figures of all ``kinds`` of requests; the note is known then."""
        with tempfile.TemporaryDirectory(prefix="bench") as name:
            folder = Path(name)
            for table, documents in self._part.tables(self._size).items():
                write(folder, table, documents)
            check = fold(folder) if self._system == "svctasks" else None
            with running(self._system, folder, self._server) as server:
                at_start = max(server.memory())
                figures = [
                    self._figure(folder, server, kind, count)
                    for kind in kinds
                    for count in counts
                ]
                self.note = Note(
                    *(self._part.name, self._system, self._size, server.first_answer),
                    *(at_start, max(server.memory()), check),
                )
        return figures

    def _figure(
        self, folder: Path, server: Running, kind: Request, count: int
    ) -> Figure:
        if self._system == "svctasks" and self._size <= SMALL and kind.writes:
            restore(folder, self._part, self._size)
        sample = kind.sample(self._size)
        headers = dict(kind.headers)
        reply = server.request(kind.method, *sample, **headers)
        if kind.knows and "etag" in reply.headers:
            headers["If-None-Match"] = reply.headers["etag"]
            reply = server.request(kind.method, *sample, **headers)
        options = {
            "address": kind.address,
            "status": reply.status,
            "size": len(reply.content),
        }
        rounds = []
        with running("bare", folder, self._server, **options) as bare:
            for each in (bare, server):
                self._warm_up(each, kind, headers, count)
            for _ in range(self._rounds):
                rounds.append(
                    [
                        self._drive(each, kind, headers, count, self._seconds)
                        for each in (bare, server)
                    ]
                )
        rate, p99 = map(median, zip(*(ours for _, ours in rounds), strict=True))
        ratio = median(ours[0] / bare[0] for bare, ours in rounds)
        p99_ratio = median(ours[1] / bare[1] for bare, ours in rounds)
        what = self._part.name, self._system, self._size, count, kind.name
        figure = Figure(*what, rate, p99, ratio, p99_ratio)
        click.echo(f"{' '.join(map(str, what))}: {cell(figure)}", err=True)
        return figure

    def _warm_up(
        self, server: Running, kind: Request, headers: dict[str, str], count: int
    ) -> None:
        # What is done once, such as making an index, is not what is measured.
        for _ in range(AT_FIRST):
            server.request(kind.method, *kind.sample(self._size), **headers)
        self._drive(server, kind, headers, count, 1)

    def _drive(
        self,
        server: Running,
        kind: Request,
        headers: dict[str, str],
        count: int,
        seconds: int,
    ) -> tuple[float, float]:
        """Let wrk send requests; return how many a second, and the p99 in ms."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(self._prelude(headers) + self._part.definitions + kind.script)
            script.flush()
            command = ["wrk", "-t1", f"-c{count}", f"-d{seconds}", "--latency"]
            command += ["--timeout", "60", "-s", script.name]
            result = subprocess.run(
                [*command, f"http://127.0.0.1:{server.port}"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        assert kind.knows or "Non-2xx" not in result, result
        rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", result)[1])
        number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)", result).groups()
        milliseconds = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]
        return rate, float(number) * milliseconds

    def _prelude(self, headers: dict[str, str]) -> str:
        """Return the Lua definitions that all scripts share."""
        named = {"Content-Type": "application/json", **headers}
        items = (f"[{json.dumps(n)}] = {json.dumps(v)}" for n, v in named.items())
        seed = time.time_ns() % 1_000_000
        return f"""
            HEADERS = {{{", ".join(items)}}}
            N = {self._size}
            SEED = {seed}
            math.randomseed(SEED)
        """


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


def write(folder: Path, table: str, documents: Iterable[dict[str, object]]) -> None:
    """Write ``documents`` to a data file, as the service itself does."""
    lines = (
        b'"%d": %b' % (number, orjson.dumps(each))
        for number, each in enumerate(documents, 1)
    )
    path = folder / f"{table}.json"
    path.write_bytes(b'{"%b": {\n%b\n}}\n' % (table.encode(), b",\n".join(lines)))


def cell(figure: Figure) -> str:
    return f"{figure.rate:,.0f}/s, {figure.ratio:.2f} ({figure.p99_ratio:.1f})"


def tables(part: Part, server: str, figures: list[Figure], notes: list[Note]) -> str:
    """Return the figures of ``part`` as Markdown tables."""
    mine = [each for each in figures if each.part == part.name]
    made = []
    for system, count in dict.fromkeys(
        (each.system, each.connections) for each in mine
    ):
        found = [e for e in mine if (e.system, e.connections) == (system, count)]
        title = f"{system}, {server}, {count} connections"
        made.append(table(part, server, title, found))
    lines = [
        "| system | data | first answer, s | memory of a worker at start, MB "
        "| and after all requests | check of a foreign file, s |",
        "|---|---|---|---|---|---|",
    ]
    for note in notes:
        if note.part == part.name:
            check = "" if note.check_s is None else str(note.check_s)
            cells = [
                note.first_answer_s,
                note.memory_at_start_mb,
                note.memory_mb,
                check,
            ]
            row = [note.system, f"{note.size:,} {part.name}", *map(str, cells)]
            lines.append(f"| {' | '.join(row)} |")
    return "\n\n".join([*made, "\n".join(lines)])


def table(part: Part, server: str, title: str, figures: list[Figure]) -> str:
    """Return a row for each kind of request, and a column for each size.

    The last column is how the ratio for the largest data compares with the smallest.
    """
    sizes = sorted({each.size for each in figures})
    headings = [title, "goal", *(f"{size:,} {part.name}" for size in sizes), "growth"]
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for kind in part.requests:
        found = {each.size: each for each in figures if each.request == kind.name}
        if found:
            goal = kind.goals.get(server)
            growth = found[sizes[-1]].ratio / found[sizes[0]].ratio
            row = [kind.name, str(goal or ""), *(cell(found[size]) for size in sizes)]
            lines.append(f"| {' | '.join([*row, f'{growth:.2f}'])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    main()
