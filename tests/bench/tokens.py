"""What a token costs: GET of one task with one, beside GET without on an open server.

Two servers run over the same tasks, and are measured in turn: requests a second, and the
CPU time of the workers for each. On a busy machine, compare the best rounds. Needs wrk,
and Granian if that is measured. Run: python tests/bench/tokens.py --help
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import click
from folders import write
from serving import SVCTASKS, Running, running
from tasks import task, task_id

from app.settings import SERVERS

T = "/rest/v1/service/svctasks"


@click.command()
@click.option("--size", default=10_000, help="How many tasks there are.")
@click.option("--connections", default=16, help="How many connections ask.")
@click.option("--seconds", default=1, help="Seconds a round takes.")
@click.option("--rounds", default=10, help="How often both are measured.")
@click.option("--servers", default=",".join(SERVERS), help="What speaks HTTP.")
def main(size: int, connections: int, seconds: int, rounds: int, servers: str) -> None:
    """Print requests a second, and the ratio in each round."""
    for server in servers.split(","):
        with tempfile.TemporaryDirectory(prefix="bench") as name, ExitStack() as stack:
            folders = [Path(name) / each for each in ("open", "closed")]
            for folder in folders:
                folder.mkdir()
                write(folder, "svctasks", map(task, range(1, size + 1)))
            headers = ["", f"Authorization: Bearer {_token(folders[1])}"]
            started = [
                stack.enter_context(running("svctasks", folder, server))
                for folder in folders
            ]
            pairs = list(zip(started, headers, strict=True))
            for running_, header in pairs:
                _drive(running_, header, size, connections, 1)
            found = []
            for round_ in range(rounds):
                # The first of a pair has no advantage over all rounds.
                order = (0, 1) if round_ % 2 == 0 else (1, 0)
                taken = {
                    n: _drive(*pairs[n], size, connections, seconds) for n in order
                }
                found.append((taken[0], taken[1]))
        for n, (what, best) in enumerate((("rate a second", max), ("CPU in us", min))):
            without, with_ = ([each[m][n] for each in found] for m in (0, 1))
            ratios = [one / other for one, other in zip(with_, without, strict=True)]
            first, second = best(without), best(with_)
            click.echo(
                f"{server}, {what}: median of the ratios {median(ratios):.3f}, medians "
                f"{median(without):,.1f} without and {median(with_):,.1f} with a token; "
                f"best rounds {first:,.1f} and {second:,.1f}, ratio {second / first:.3f}"
            )


def _token(folder: Path) -> str:
    command = [SVCTASKS, "token", "create", "bench", "--role", "reader"]
    created = subprocess.run(
        [*command, "--data", folder], check=True, capture_output=True, text=True
    )
    return created.stdout.strip()


def _drive(
    server: Running, header: str, size: int, connections: int, seconds: int
) -> tuple[float, float]:
    """Let wrk ask for a task.

    Return the replies a second, and the CPU time of the workers for each in microseconds.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}"]
    command += ["-H", header] if header else []
    address = f"http://127.0.0.1:{server.port}{T}/{task_id(size // 2)}"
    before = _cpu(server)
    result = subprocess.run(
        [*command, address], check=True, capture_output=True, text=True
    ).stdout
    used = _cpu(server) - before
    assert "Non-2xx" not in result, result
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", result)[1])
    count = int(re.search(r"([0-9]+) requests in", result)[1])
    return rate, used / count * 1_000_000


def _cpu(server: Running) -> float:
    """Return the seconds of CPU time that the workers have used."""
    pid = server.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for worker in workers:
        fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    main()
