"""Measure the runner: how late starts are, what it takes when idle, what the API loses.

Of 100,000 tasks 3,000 start once in a minute, which is 50 a second: first each at a moment
of its own, then 50 at once with each full second. The others start tomorrow. Each script
notes in a file when it began, to 10 ms. The API is measured beside an idle runner and
without one in turn, over two folders with the same data. Needs wrk for the API.
Run: python tests/bench/runner.py --help
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import click
import orjson
from folders import checkpoint, write
from parts import PARTS
from run import Bench
from serving import SVCTASKS, running
from tasks import task

from app.datetimes import of_milliseconds

MINUTE = 60
PATIENCE = 600
CONNECTIONS = 16
KINDS = ("GET one", "GET list", "LOOKUP", "PATCH", "POST")
SCRIPT = "read up _ < /proc/uptime; echo $SVCTASKS_SLOT $up >> {notes}"


@click.command()
@click.option("--tasks", default=100_000, help="How many tasks there are.")
@click.option("--rate", default=50, help="How many starts a second.")
@click.option("--seconds", default=60, help="How long each measurement takes.")
@click.option("--runs", default=64, help="How many runs are active at once.")
@click.option("--rounds", default=5, help="How often the API is measured.")
@click.option("--only", help="Measure only one of idle, spread, bursts, api.")
def main(
    tasks: int, rate: int, seconds: int, runs: int, rounds: int, only: str | None
) -> None:
    """Measure, and print each figure with the load of the machine beside it."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        if only in (None, "idle"):
            _idle(_made(folder / "idle", tasks, 0, ""), seconds)
        for kind in ("spread", "bursts"):
            if only in (None, kind):
                _lateness(_made(folder / kind, tasks, rate, kind), seconds, runs, rate)
        if only in (None, "api"):
            _api([folder / "with", folder / "without"], tasks, rounds)


def _made(folder: Path, count: int, rate: int, kind: str) -> Path:
    """Make a data folder in which ``rate`` tasks start in each second."""
    notes = folder / "notes"
    script = {"code": "note", "command": ["/bin/sh", "-c", ""]}
    script["command"][2] = SCRIPT.format(notes=notes)
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    documents = []
    for number in range(count):
        document = task(number) | {"isenabled": 1, "svcscriptcode": "note"}
        document["periods"] = [
            {"dow": day, "timestart": 0, "timestop": 1440} for day in range(1, 8)
        ]
        first = begin + timedelta(seconds=number % 36_000)
        document["intervalsec"] = 4 * 86_400
        if number < rate * MINUTE:
            part = number % rate / rate if kind == "spread" else 0
            first = begin + timedelta(seconds=number // rate + part)
            document |= {"intervalsec": MINUTE, "schedule": "all"}
        moment = first.isoformat(timespec="milliseconds").removesuffix("+00:00")
        documents.append(document | {"dtstart": f"{moment}Z"})
    folder.mkdir()
    notes.touch()
    write(folder, "svctasks", documents)
    (folder / "svcscripts.json").write_bytes(
        orjson.dumps({"svcscripts": {"1": script}})
    )
    checkpoint(folder)
    return folder


@contextmanager
def _runner(folder: Path, runs: int = 8) -> Iterator[int]:
    """Run a runner for the length of the context; yields its process id."""
    command = [SVCTASKS, "runner", "--data", folder, "--runner-runs", str(runs)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(120)


def _rest(pid: int) -> str:
    """Wait until a runner without starts is at rest; return what that took."""
    begin = since = time.monotonic()
    used = 0.0
    while time.monotonic() < since + 10 or used < 2:
        time.sleep(0.5)
        before, used = used, _cpu(pid)
        if used > before + 0.05:
            since = time.monotonic()
        assert since < begin + PATIENCE, "the runner does not come to rest"
    return f"{since - begin:.1f} s, {used:.1f} s of CPU"


def _full_rate(notes: Path, rate: int) -> None:
    """Wait until all starts come that are due in a few seconds."""
    begin = time.monotonic()
    while True:
        assert time.monotonic() < begin + PATIENCE, "not all starts come"
        time.sleep(5)
        # The last ones may be late; slots are noted in order of time, nearly.
        first = of_milliseconds(int(1000 * (time.time() - 8)))
        slots = [line.split()[0] for line in notes.read_text().splitlines()]
        if sum(slot >= first for slot in slots) >= 5 * rate:
            return


def _cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def _memory(pid: int) -> str:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return f"{pages * os.sysconf('SC_PAGE_SIZE') >> 20} MB"


def _idle(folder: Path, seconds: int) -> None:
    for what in ("first start", "next start"):
        with _runner(folder) as pid:
            print(f"{what}: {_rest(pid)} until all are planned ({_load()})")
            before = _cpu(pid)
            time.sleep(seconds)
            used = _cpu(pid) - before
            print(
                f"idle: {100 * used / seconds:.2f} % of a core in {seconds} s, "
                f"{_memory(pid)} ({_load()})",
                flush=True,
            )


def _lateness(folder: Path, seconds: int, runs: int, rate: int) -> None:
    """Print how late scripts began after their slots, once all tasks are planned."""
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    with _runner(folder, runs) as pid:
        _full_rate(folder / "notes", rate)
        begin, used = time.time(), _cpu(pid)
        time.sleep(seconds)
        used = _cpu(pid) - used
        # Those that are late are to be noted too.
        end = time.time()
        time.sleep(5)
    late = []
    for line in (folder / "notes").read_text().splitlines():
        slot, up = line.split()
        moment = datetime.fromisoformat(slot).timestamp()
        if begin <= moment < end:
            late.append(1000 * max(0.0, boot + float(up) - moment))
    late.sort()
    p50, p99 = (late[int(len(late) * part)] for part in (0.5, 0.99))
    print(
        f"{folder.name}: {len(late) / seconds:.1f} starts a second, late by "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {late[-1]:.0f} ms; "
        f"{1000 * used / len(late):.1f} ms "
        f"of the runner's CPU for each ({_load()})",
        flush=True,
    )


def _api(folders: list[Path], count: int, rounds: int) -> None:
    """Print the requests a second beside a runner, without, and the ratios."""
    part = PARTS["tasks"]
    for folder in folders:
        _made(folder, count, 0, "")
    bench = Bench(part, "svctasks", count, "gunicorn", 1, rounds)
    with (
        _runner(folders[0]) as pid,
        running("svctasks", folders[0]) as beside,
        running("svctasks", folders[1]) as alone,
    ):
        _rest(pid)
        for kind in part.requests:
            if kind.name not in KINDS:
                continue
            headers = dict(kind.headers)
            for each in (beside, alone):
                bench.warm_up(each, kind, headers, CONNECTIONS)
            pairs = [
                [
                    bench.drive(each, kind, headers, CONNECTIONS, 1)[0]
                    for each in (beside, alone)
                ]
                for _ in range(rounds)
            ]
            rates = [median(rate) for rate in zip(*pairs, strict=True)]
            ratio = median(ours / other for ours, other in pairs)
            print(
                f"{kind.name}: {rates[0]:,.0f}/s beside an idle runner, "
                f"{rates[1]:,.0f}/s without, ratio {ratio:.2f} ({_load()})",
                flush=True,
            )


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    main()
