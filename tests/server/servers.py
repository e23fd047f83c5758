"""The two servers, as tests are parametrized over them, and servers with other settings."""

import sys
from pathlib import Path
from typing import Any

from running import Server
from shared import PATIENCE

SERVERS = ["gunicorn", "granian"]


class ConfiguredServer(Server):
    """A server with ``seconds`` for settings of gunicorn; flushes can be held."""

    def __init__(
        self, data: Path, kind: str, seconds: dict[str, int], **details: Any
    ) -> None:
        self._figures = data.with_name("figures")
        script = Path(__file__).with_name("configured.py")
        given = [f"{name}={value}" for name, value in seconds.items()]
        self.command = (sys.executable, script, self._figures, *given)
        super().__init__(data, SVCTASKS_SERVER=kind, **details)

    def hold_flushes(self) -> None:
        """Let no flush to disk end that a request waits for."""
        (self._figures / "held").touch()

    def holds_a_flush(self) -> bool:
        """Return whether a request has come to wait for a flush."""
        return (self._figures / "waiting").exists()

    def release_flushes(self) -> None:
        """Let the flushes end."""
        (self._figures / "held").unlink()


class PatientServer(ConfiguredServer):
    """A server that waits longer than any test for requests in flight when it stops.

    So a stop that waits for something that does not end fails the test.
    """

    def __init__(self, data: Path, kind: str, **details: Any) -> None:
        seconds = {"graceful_timeout": 2 * PATIENCE, "timeout": 2 * PATIENCE}
        super().__init__(data, kind, seconds, **details)
