"""The real command and the real server, run as a user runs them."""

import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from forks import COMMANDS, SERVERS, Forked, origin
from shared import PATIENCE, T, until

SVCTASKS = Path(sys.executable).with_name("svctasks")


def _whole(log: IO[str]) -> str:
    """Return all lines of a log that are whole.

    Who writes it moves the place at which a plain read would go on, so this reads by place.
    """
    content = os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0)
    return content[: content.rfind(b"\n") + 1].decode()


def svctasks(
    *arguments: object, data: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    options = [] if data is None else ["--data", data]
    command = list(map(str, [SVCTASKS, *arguments, *options]))
    with TemporaryFile() as output, TemporaryFile() as errors:
        streams = [0, output.fileno(), errors.fileno()]
        variables = {**os.environ, **env}
        code = origin(COMMANDS).start(command, variables, streams).wait(PATIENCE)
        output.seek(0)
        errors.seek(0)
        printed, logged = output.read().decode(), errors.read().decode()
    return subprocess.CompletedProcess(command, code, printed, logged)


class Reply(NamedTuple):
    """The reply to a request; the names of its headers in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Server:
    """A running ``svctasks serve`` over ``data``, or over the samples."""

    command: tuple[str | Path, ...] = (SVCTASKS, "serve")

    def __init__(
        self,
        data: Path | None = None,
        *options: str,
        port: int | None = None,
        log: int | None = None,
        **env: str,
    ) -> None:
        self.port = port or free_port()
        where = ["--demo"] if data is None else ["--data", data]
        self._log = TemporaryFile("a+")
        command = [str(each) for each in (*self.command, *where, *options)]
        variables = {**os.environ, "PORT": str(self.port), **env}
        self.process = self._begun(
            command, variables, self._log.fileno() if log is None else log
        )
        assert self.process.stdout is not None
        self.start_lines = [self.process.stdout.readline() for _ in range(3)]
        # One that fails to start prints nothing.
        named = self.start_lines[-1].removeprefix("  data folder: ").strip()
        self.data = Path(named) if data is None else data

    def _begun(
        self, command: list[str], variables: dict[str, str], log: int
    ) -> Forked | subprocess.Popen[str]:
        if self.command == Server.command:
            reader, writer = os.pipe()
            try:
                streams = [0, writer, log]
                forked = origin(SERVERS).start(
                    command, variables, streams, open(reader)
                )
            finally:
                os.close(writer)
            return forked
        return subprocess.Popen(
            command,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(
        self, method: str, path: str = T, body: Any = None, **headers: str
    ) -> Reply:
        """Send one request on a connection of its own; ``body`` is sent as JSON."""
        connection = self.connect()
        try:
            content = None if body is None else json.dumps(body).encode()
            if content is not None:
                headers = {"Content-Type": "application/json", **headers}
            connection.request(method, path, content, headers)
            reply = connection.getresponse()
            text = reply.read().decode()
            fields = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, fields, text)
        finally:
            connection.close()

    def stop(self) -> tuple[int, str]:
        """Stop as an operator would; return the exit code and what was logged."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE)
        logged = self.logged()
        self._close()
        return code, logged

    def logged(self) -> str:
        """Return all that was logged so far."""
        return _whole(self._log)

    def workers(self, count: int) -> list[int]:
        """Return the process ids of the ``count`` workers, when all are there."""
        return until(
            lambda: children(self.master()),
            lambda pids: len(pids) == count,
        )

    def master(self) -> int:
        """Return the process id of the master, whose children the workers are."""
        return self.process.pid

    def kill(self) -> None:
        """Kill the master and all workers at once, as a crash would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._close()

    def _close(self) -> None:
        # A server that was killed leaves its figures behind; the next one removes them too.
        for folder in Path("/dev/shm").glob(f"svctasks-{self.process.pid}-*"):
            shutil.rmtree(folder, ignore_errors=True)
        if not self._log.closed:
            # Shown where a test fails.
            print(self.logged()[-5000:])
        self._log.close()
        assert self.process.stdout is not None
        self.process.stdout.close()


def children(pid: int) -> list[int]:
    """Return the process ids of the children of ``pid``."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def _ports() -> Iterator[int]:
    """Yield ports that neither the system nor another worker of pytest-xdist chooses.

    Systems choose those from 32768 on for connections, unless they are set otherwise.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(range(16_384 + worker % 16, 32_768, 16))
    random.shuffle(ports)
    return itertools.cycle(ports)


_PORTS = _ports()


def free_port() -> int:
    """Return a port that nobody listens on."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe:
            # As servers do: connections that have ended occupy no port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("", port))
                return port


class Runner:
    """A running ``svctasks runner`` over ``data``, which has begun its work."""

    def __init__(self, data: Path, *options: str, **env: str) -> None:
        self._log = TemporaryFile("a+")
        command = list(map(str, [SVCTASKS, "runner", "--data", data, *options]))
        variables = {**os.environ, **env}
        streams = [0, 1, self._log.fileno()]
        self.process = origin(COMMANDS).start(command, variables, streams)
        # One that fails to start ends.
        until(
            lambda: "starts the tasks in" in self.logged()
            or self.process.poll() is not None
        )

    def logged(self) -> str:
        """Return all that was logged so far."""
        return _whole(self._log)

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal, as an operator would."""
        self.process.send_signal(number)

    def stop(self) -> tuple[int, str]:
        """Stop as an operator would; return the exit code and what was logged."""
        self.signal()
        code = self.process.wait(timeout=PATIENCE)
        logged = self.logged()
        self._log.close()
        return code, logged

    def kill(self) -> None:
        """Kill the runner alone, as a crash would: what it started goes on."""
        self.process.kill()
        self.process.wait()
        self._log.close()
