"""What a token costs: GET of one task with one, beside GET without on an open server.

Two servers run over the same tasks, and are measured in turn. Needs wrk, and Granian if
that is measured. Run: python tests/bench/tokens.py --help
"""

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
                rates = dict.fromkeys(order, 0.0)
                for n in order:
                    rates[n] = _drive(*pairs[n], size, connections, seconds)
                found.append((rates[0], rates[1]))
        without, with_ = map(median, zip(*found, strict=True))
        ratios = sorted(closed / open_ for open_, closed in found)
        shown = " ".join(f"{ratio:.3f}" for ratio in ratios)
        click.echo(f"{server}: {without:,.0f}/s without, {with_:,.0f}/s with a token")
        click.echo(f"  ratios: {shown}; median {median(ratios):.3f}")


def _token(folder: Path) -> str:
    command = [SVCTASKS, "token", "create", "bench", "--role", "reader"]
    created = subprocess.run(
        [*command, "--data", folder], check=True, capture_output=True, text=True
    )
    return created.stdout.strip()


def _drive(
    server: Running, header: str, size: int, connections: int, seconds: int
) -> float:
    """Let wrk ask for a task, and return how many replies there are a second."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}"]
    command += ["-H", header] if header else []
    address = f"http://127.0.0.1:{server.port}{T}/{task_id(size // 2)}"
    result = subprocess.run(
        [*command, address], check=True, capture_output=True, text=True
    ).stdout
    assert "Non-2xx" not in result, result
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", result)[1])


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt install wrk")
    main()
