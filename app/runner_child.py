"""A runner as one more child of a server's master, which starts it again when it ends."""

import logging
import os
import signal
import time
from collections.abc import Callable

from app.errors import Error

log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds between two starts, at least."""


class RunnerChild:
    """The process in which ``run`` is called, when there is one.

    ``run`` returns whether all went well. The process has a session of its own: what a
    terminal sends to all its processes at once is for the master to hand on.
    """

    def __init__(self, run: Callable[[], bool]) -> None:
        self._run = run
        self._pid = 0
        self._begun = float("-inf")

    def keep(self) -> None:
        """Start the process unless it lives, or was started a moment ago."""
        if self.lives() or time.monotonic() - self._begun < PAUSE:
            return
        if self._pid:
            log.warning(
                "the runner (process %d) has ended; it is started again", self._pid
            )
        self._begun = time.monotonic()
        self._pid = os.fork()
        if not self._pid:
            self._live()

    def lives(self) -> bool:
        """Return whether the process is there and has not ended."""
        if not self._pid:
            return False
        try:
            return os.waitpid(self._pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            # The master waits for all its children.
            return False

    def stop(self) -> None:
        """Begin to stop it; once more cuts its wait for what runs."""
        if self.lives():
            os.kill(self._pid, signal.SIGTERM)

    def _live(self) -> None:
        """Be that process, to its end."""
        status = 1
        try:
            os.setsid()
            # Those of the master mean nothing here, and scripts inherit what is ignored.
            for number in signal.valid_signals():
                if callable(signal.getsignal(number)):
                    signal.signal(number, signal.SIG_DFL)
            status = 0 if self._run() else 1
        except Error as error:
            log.error("the runner cannot start: %s", error.message)
        except BaseException:
            log.exception("the runner has failed")
        finally:
            # Nothing of the master is to be ended here.
            os._exit(status)
