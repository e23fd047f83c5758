"""Servers that are measured: svctasks, the bare app and the rivals, each a process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

RIVALS = Path(__file__).with_name("rivals.py")

SVCTASKS = Path(sys.executable).with_name("svctasks")


class Reply(NamedTuple):
    """The reply to a request; the names of its headers in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes


class Running:
    """A server process and its address."""

    def __init__(self, command: list[Any], port: int) -> None:
        begin = time.perf_counter()
        self.port = port
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PORT": str(port), "SVCTASKS_MAX_DOCUMENTS": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self._answers():
            assert self.process.poll() is None, f"{command} has ended"
            time.sleep(0.002)
        self.first_answer = round(time.perf_counter() - begin, 2)

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=600)

    def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> Reply:
        """Return the reply to one request; ``body`` is sent as JSON."""
        connection = self.connect()
        try:
            content = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json", **headers}
            connection.request(method, path, content, headers)
            reply = connection.getresponse()
            told = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, told, reply.read())
        finally:
            connection.close()

    def memory(self) -> list[float]:
        """Return the memory of each worker in MB that it does not share."""
        return [round(private_bytes(pid) / (1 << 20), 1) for pid in self._workers()]

    def _workers(self) -> list[str]:
        pid = self.process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def _answers(self) -> bool:
        try:
            self.request("GET", "/")
        except OSError:
            return False
        return True


@contextmanager
def running(
    system: str, folder: Path, server: str = "gunicorn", **options: Any
) -> Iterator[Running]:
    """Run ``system`` over ``folder`` for the length of the context.

    ``options`` tell the bare app what to reply.
    """
    if system == "svctasks":
        command = [SVCTASKS, "serve", "--data", folder, "--server", server]
    else:
        command = [sys.executable, RIVALS, system, folder, server, json.dumps(options)]
    started = Running(command, free_port())
    try:
        yield started
    finally:
        started.process.send_signal(signal.SIGTERM)
        started.process.communicate(timeout=120)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def private_bytes(pid: str) -> int:
    """Return how much memory a process has that it does not share with others."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) << 10 for size in re.findall(r"\nPrivate_\w+: +(\d+)", text))
