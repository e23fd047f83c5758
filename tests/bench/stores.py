"""The benchmark of the stores: files and PostgreSQL, beside Kinto on the same PostgreSQL.

One server of each over the same tasks, with the same number of workers, gets the same
requests by the same load program, in turn. Writes are on disk before their replies.
Run: python tests/bench/stores.py --help
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import click
import kinto
import psycopg
import tasks
from driving import drive, prelude
from folders import checkpoint, write
from parts import TASKS, Request
from serving import SVCTASKS, Running, free_port, running

sys.path.append(str(Path(__file__).parent.parent))

COLUMNS = ("GET one", "GET one, 304", "GET list", "LOOKUP", "PATCH", "POST")

SYSTEMS = ("files", "postgresql", "kinto")

DURABLE = (
    "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on",
    "-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB", "-c", "max_connections=200",
)  # fmt: skip

GOAL = 10
"""Times the rate of Kinto that are wanted."""


@click.command()
@click.option("--sizes", default="10000,100000", help="How many tasks there are.")
@click.option("--systems", default=",".join(SYSTEMS), help="What is measured.")
@click.option("--server", default="gunicorn", help="What speaks HTTP for svctasks.")
@click.option("--store", help="A database to use; its schemas bench_… are lost.")
@click.option("--seconds", default=2, help="Seconds a round takes.")
@click.option("--rounds", default=3, help="How often each figure is measured.")
@click.option("--connections", default=16, help="Connections of the load program.")
@click.option(
    "--kinto",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(tempfile.gettempdir()) / "svctasks-bench-kinto",
    help="Folder that Kinto is installed in, and stays in.",
)
def main(
    sizes: str,
    systems: str,
    server: str,
    store: str | None,
    seconds: int,
    rounds: int,
    connections: int,
    folder: Path,
) -> None:
    """Measure, and print a table of the requests a second that each store answers."""
    chosen = systems.split(",")
    python = kinto.install(folder) if "kinto" in chosen else None
    heads = ("requests a second", *COLUMNS)
    lines = [_row(*heads), "|---" * len(heads) + "|"]
    for size in map(int, sizes.split(",")):
        rates: dict[str, list[float]] = {}
        for system in chosen:
            with _started(system, size, server, store, python) as started:
                requests = kinto.REQUESTS if system == "kinto" else TASKS.requests
                kinds = {each.name: each for each in requests}
                rates[system] = [
                    _rate(started, kinds[name], size, seconds, rounds, connections)
                    for name in COLUMNS
                ]
            shown = (f"{rate:,.0f}" for rate in rates[system])
            lines.append(_row(f"{system}, {size:,} tasks", *shown))
        if {"postgresql", "kinto"} <= rates.keys():
            pairs = zip(rates["postgresql"], rates["kinto"], strict=True)
            # A list of Kinto may take longer than a round.
            ratios = (
                f"{ours / theirs:.1f}" if theirs else "-" for ours, theirs in pairs
            )
            lines.append(_row(f"postgresql to kinto (goal {GOAL})", *ratios))
    click.echo("\n".join(lines))


def _rate(
    server: Running,
    kind: Request,
    size: int,
    seconds: int,
    rounds: int,
    connections: int,
) -> float:
    """Return how many requests a second succeed, the median of some rounds."""
    sample, headers = kind.sample(size), dict(kind.headers)
    reply = server.request(kind.method, *sample, **headers)
    assert reply.status < 300, reply.content
    if kind.knows:
        headers["If-None-Match"] = reply.headers["etag"]
    script = prelude(size, headers) + TASKS.definitions + kind.script
    drive(server.port, script, connections, 1)
    found = [drive(server.port, script, connections, seconds) for _ in range(rounds)]
    failed = sum(each.failed for each in found)
    rate = median(each.rate for each in found)
    click.echo(f"{kind.name}: {rate:,.0f}/s, {failed} failed", err=True)
    return rate


@contextmanager
def _started(
    system: str, size: int, server: str, store: str | None, python: Path | None
) -> Iterator[Running]:
    """Run a system with so many tasks."""
    with ExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench"))
        folder = Path(made)
        if system != "kinto":
            write(folder, "svctasks", map(tasks.task, range(size)))
            checkpoint(folder)
        if system == "files":
            yield stack.enter_context(running("svctasks", folder, server))
            return
        address = stack.enter_context(_database(store, system))
        if system == "kinto":
            assert python is not None
            yield stack.enter_context(kinto.running(python, address, size, folder))
            return
        _copy(folder, address, size)
        command = [SVCTASKS, "serve", "--data", folder / "outputs", "--store", address]
        started = Running([*command, "--server", server], free_port())
        stack.callback(started.process.wait)
        stack.callback(started.process.terminate)
        yield started


@contextmanager
def _database(store: str | None, name: str) -> Iterator[str]:
    """Make an empty schema in ``store``, or a server of its own; yield its address."""
    if store is None:
        from postgres import Server

        server = Server(*DURABLE)
        try:
            yield server.address
        finally:
            server.remove()
        return
    with psycopg.connect(store, autocommit=True) as owner:
        owner.execute(f"DROP SCHEMA IF EXISTS bench_{name} CASCADE")
        owner.execute(f"CREATE SCHEMA bench_{name}")
        sign = "&" if "?" in store else "?"
        yield f"{store}{sign}options=-csearch_path%3Dbench_{name}"
        owner.execute(f"DROP SCHEMA bench_{name} CASCADE")


def _copy(folder: Path, address: str, size: int) -> None:
    """Copy the tasks to a database by our own command, and say what that takes."""
    subprocess.run([SVCTASKS, "migrate", "--store", address], check=True)
    begin = time.perf_counter()
    copy = [SVCTASKS, "copy", "--from", f"file:{folder}", "--to", address]
    subprocess.run(copy, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    click.echo(
        f"copy of {size:,} tasks: {seconds:.1f} s, at most {most:.0f} MB", err=True
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    os.environ.setdefault("SVCTASKS_MAX_DOCUMENTS", "0")
    main()
