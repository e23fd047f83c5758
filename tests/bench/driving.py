"""The load program: wrk, which varies a request as a script in Lua says."""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import NamedTuple


class Driven(NamedTuple):
    """Replies a second, the time in ms that 99 of 100 took at most, and how many failed."""

    rate: float
    p99_ms: float
    failed: int


def prelude(size: int, headers: Mapping[str, str]) -> str:
    """Return the Lua definitions that all scripts share."""
    named = {"Content-Type": "application/json", **headers}
    items = (f"[{json.dumps(n)}] = {json.dumps(v)}" for n, v in named.items())
    return f"""
        HEADERS = {{{", ".join(items)}}}
        N = {size}
        SEED = {time.time_ns() % 1_000_000}
        math.randomseed(SEED)
    """


def drive(port: int, script: str, connections: int, seconds: int) -> Driven:
    """Send requests for some seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency"]
        command += ["--timeout", "60", "-s", file.name, f"http://127.0.0.1:{port}"]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    told = result.stdout
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", told)[1])
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)", told).groups()
    milliseconds = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]
    bad = re.search(r"Non-2xx or 3xx responses: ([0-9]+)", told)
    failed = int(bad[1]) if bad else 0
    return Driven(rate - failed / seconds, float(number) * milliseconds, failed)
