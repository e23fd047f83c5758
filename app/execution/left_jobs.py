"""What a run of a dead runner has left: its processes are ended, its output is kept.

The run is lost then: nobody knows how its command would have ended. Runner contract,
section 9.
"""

import signal
from pathlib import Path

from app.execution import processes
from app.execution.jobs import LOOK_SECONDS, Outcome
from app.execution.run_outputs import kept

REASON = "its runner died"


class LeftJob:
    """The end of the processes of such a run, whose output is in a file; no grace."""

    pid = 0

    def __init__(self, mark: processes.Mark, output: Path) -> None:
        self.outcome: Outcome | None = None
        self.mark = mark
        self.due = 0.0
        self._output = output

    def check_time(self, now: float) -> None:
        """Do nothing: all is done when processes are looked for."""

    def is_looked_for(self, now: float) -> bool:
        """Return whether its processes are to be looked for."""
        return now >= self.due

    def end_processes(self, found: set[int], now: float) -> None:
        """Kill what is alive; the run is lost if nothing is."""
        if not found:
            size, line = kept(self._output)
            self.outcome = Outcome(
                state="lost", reason=REASON, duration=0, outputbytes=size, lastline=line
            )
        else:
            processes.send(found, signal.SIGKILL)
        self.due = now + LOOK_SECONDS

    def stop(self, state: str, reason: str) -> None:
        """Do nothing: it is being ended."""

    def kill(self) -> None:
        """Do nothing: it is killed at once."""
