"""Commands, servers and runners as forks of a process that has imported the application.

Most take longer to import it than to do their work. Each is a process of its own all the
same, with its own arguments, variables, folder, session and streams.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import IO

from shared import PATIENCE

COMMANDS = (
    "app.bootstrap",
    "app.import_export",
    "app.launch",
    "app.manual_run",
    "app.storage.postgresql.store",
)
"""What commands import."""

SERVERS = (
    "falcon",
    "gunicorn.app.base",
    "gunicorn.arbiter",
    "gunicorn.workers.gthread",
    "tinydb",
    "urllib3",
    "app.schemas.svctask",
    "app.storage.files.store",
)
"""What servers import before prometheus-client, which goes by their own variables."""


class Forked:
    """A process, as subprocess has one."""

    def __init__(self, pipe: IO[bytes], stdout: IO[str] | None = None) -> None:
        self._pipe = pipe
        self.stdout = stdout
        self.pid = int(pipe.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code; None while there is none."""
        return self.wait(0) if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code and return it; raises TimeoutExpired."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired([f"process {self.pid}"], timeout or 0)
        if self.returncode is None:
            self.returncode = int(self._pipe.readline())
            self._pipe.close()
        return self.returncode

    def _has_ended(self, timeout: float | None) -> bool:
        if self.returncode is not None:
            return True
        # Not by select: numbers of files may be beyond those that it takes.
        waiting = select.poll()
        waiting.register(self._pipe, select.POLLIN)
        return bool(waiting.poll(None if timeout is None else timeout * 1000))

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process alone."""
        self.send_signal(signal.SIGKILL)


class Origin:
    """The process that others are forked from, which ends when this one does."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        script = Path(__file__).with_name("forked.py")
        self._channel, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(PATIENCE)
        self._lock = Lock()
        with far:
            self._process = subprocess.Popen(
                [sys.executable, "-P", script, f"{far.fileno()}", *modules],
                pass_fds=[far.fileno()],
                start_new_session=True,
            )
        atexit.register(self._end)

    def start(
        self,
        command: list[str],
        variables: dict[str, str],
        streams: list[int],
        stdout: IO[str] | None = None,
    ) -> Forked:
        """Start a command; ``stdout`` is the other end of its standard output."""
        order = json.dumps([command, variables, os.getcwd()]).encode()
        reader, writer = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._channel, [order], [*streams, writer])
        finally:
            os.close(writer)
        # Without a buffer, so that what is not read can be waited for.
        return Forked(open(reader, "rb", buffering=0), stdout)

    def _end(self) -> None:
        self._channel.close()
        self._process.wait()


@lru_cache
def origin(modules: tuple[str, ...]) -> Origin:
    """Return the process that has imported ``modules``."""
    return Origin(modules)
