"""The benchmark: svctasks beside a bare Falcon app, plain TinyDB and sqlite3.

Every figure is measured in turn with that of the bare app, which answers with as many
bytes under the same settings of the same server; the ratio of the two is what can be
compared between machines. A run of all parts ends with what a task takes in memory and
how long a checkpoint keeps a writer waiting. Needs wrk, and Granian if that is measured.
Run: python tests/bench/run.py --help
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from statistics import median

import checkpoints
import click
import memory
from driving import drive, prelude
from folders import checkpoint, restore, write
from parts import PARTS, Part, Request
from report import Figure, Note, cell, tables
from serving import Running, running

from app.settings import SERVERS

SMALL = 10_000
"""Data of this size are put back before writes are measured: they would grow by much."""

LARGE = 100_000
"""How many tasks the memory and the checkpoints are measured with."""

AT_FIRST = 16
"""How many connections ask once before a measurement: some reach each worker."""


@click.command()
@click.option(
    "--only", type=click.Choice(list(PARTS)), help="Measure one part; all by default."
)
@click.option("--requests", help="Measure only kinds whose name has this in it.")
@click.option("--sizes", help="How much data there is, such as 1000,100000.")
@click.option("--connections", default="16", help="Numbers of connections.")
@click.option("--seconds", default=1, help="Seconds a round takes.")
@click.option("--rounds", default=5, help="How often each figure is measured.")
@click.option("--runs", default=1, help="How often all of that is done.")
@click.option(
    "--systems", default="svctasks", help="Any of svctasks, sqlite3 and tinydb."
)
@click.option("--servers", default=",".join(SERVERS), help="What speaks HTTP.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write JSON too.")
def main(
    only: str | None,
    requests: str | None,
    sizes: str | None,
    connections: str,
    seconds: int,
    rounds: int,
    runs: int,
    systems: str,
    servers: str,
    file: Path | None,
) -> None:
    """Measure, and print tables of rates and of ratios to the bare app."""
    chosen = servers.split(",")
    _check(chosen)
    counts = [int(each) for each in connections.split(",")]
    parts = [PARTS[only]] if only else list(PARTS.values())
    cases = list(_cases(parts, sizes, systems.split(",")))
    figures: list[Figure] = []
    notes: list[Note] = []
    for run in range(1, runs + 1):
        click.echo(f"run {run} of {runs}", err=True)
        for server, (part, size, system) in product(chosen, cases):
            bench = Bench(part, system, size, server, seconds, rounds)
            kinds = [each for each in part.requests if (requests or "") in each.name]
            asked = [each for each in kinds if each.of_all or system == "svctasks"]
            figures += bench.measure(asked, counts)
            notes.append(bench.note)
        if only is None and requests is None:
            memory.tell(LARGE)
            checkpoints.tell(LARGE, writers=1, checkpoints=10)
        if file:
            found = {
                "figures": [asdict(figure) for figure in figures],
                "notes": [asdict(note) for note in notes],
            }
            file.write_text(json.dumps(found, indent=1))
    for server, part in product(chosen, parts):
        click.echo("\n" + tables(server, part, figures, notes))


def _check(servers: Iterable[str]) -> None:
    """Refuse what cannot be measured before anything is; raises UsageError."""
    for server in servers:
        if server not in SERVERS:
            raise click.UsageError(f"--servers: {server} is none of {SERVERS}")
        if find_spec(server) is None:
            raise click.UsageError(f"--servers: {server} is not installed")


def _cases(
    parts: Iterable[Part], sizes: str | None, systems: Iterable[str]
) -> Iterator[tuple[Part, int, str]]:
    """Yield each part with each of its sizes and each system that can be measured so."""
    for part in parts:
        for size in map(int, (sizes or part.sizes).split(",")):
            for system in systems:
                # Plain TinyDB writes the whole file at each write: a small table will do.
                if system in part.systems and not (system == "tinydb" and size > 1000):
                    yield part, size, system


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
            check = checkpoint(folder) if self._system == "svctasks" else None
            with running(self._system, folder, self._server) as server:
                at_start = max(server.memory())
                figures = [
                    self._figure(folder, server, kind, count)
                    for kind in kinds
                    for count in counts
                ]
                self.note = Note(
                    self._server,
                    self._part.name,
                    self._system,
                    self._size,
                    server.first_answer,
                    at_start,
                    max(server.memory()),
                    check,
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
                self.warm_up(each, kind, headers, count)
            for _ in range(self._rounds):
                rounds.append(
                    [
                        self.drive(each, kind, headers, count, self._seconds)
                        for each in (bare, server)
                    ]
                )
        rate, p99 = map(median, zip(*(ours for _, ours in rounds), strict=True))
        ratio = median(ours[0] / bare[0] for bare, ours in rounds)
        p99_ratio = median(ours[1] / bare[1] for bare, ours in rounds)
        what = self._server, self._part.name, self._system, self._size, count, kind.name
        figure = Figure(*what, rate, p99, ratio, p99_ratio)
        click.echo(f"{' '.join(map(str, what))}: {cell([figure])}", err=True)
        return figure

    def warm_up(
        self, server: Running, kind: Request, headers: dict[str, str], count: int
    ) -> None:
        """Let the server do once what it does but once."""
        # What is done once, such as making an index, is not what is measured.
        for _ in range(AT_FIRST):
            server.request(kind.method, *kind.sample(self._size), **headers)
        self.drive(server, kind, headers, count, 1)

    def drive(
        self,
        server: Running,
        kind: Request,
        headers: dict[str, str],
        count: int,
        seconds: int,
    ) -> tuple[float, float]:
        """Let wrk send requests; return how many a second, and the p99 in ms."""
        definitions = prelude(self._size, headers) + self._part.definitions
        driven = drive(server.port, definitions + kind.script, count, seconds)
        assert not driven.failed, f"{kind.name}: {driven.failed} failed"
        return driven.rate, driven.p99_ms


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    main()
