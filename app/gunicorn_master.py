"""gunicorn's master, and what SIGHUP means to it."""

import errno
import logging
import os
import queue
import random
import signal
import time
from typing import Any

from gunicorn.arbiter import Arbiter

from app.certificates import InUse
from app.runner_child import RunnerChild

log = logging.getLogger(__name__)


class Master(Arbiter):
    """gunicorn's master, which stops when its terminal is gone.

    It handles a signal even while it starts workers. It has a runner too, if there is to
    be one.
    """

    def __init__(self, app: Any) -> None:
        self._runner: RunnerChild | None = app.runner
        super().__init__(app)

    def init_signals(self) -> None:
        """Handle all signals; nohup, for one, ignores SIGHUP."""
        was_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._had_terminal = not was_ignored and _has_terminal()
        super().init_signals()

    def handle_hup(self) -> None:
        """Stop if the terminal is gone, else let all processes read the certificate."""
        if self._had_terminal and not _has_terminal():
            self.handle_term()
        certificates: InUse | None = self.app.certificates  # type: ignore[attr-defined]
        if certificates is None:
            log.info("SIGHUP changes nothing: there is no certificate to read anew")
            return
        if certificates.renew():
            self.kill_workers(signal.SIGHUP)

    def manage_workers(self) -> None:
        """Start what is missing; it is called every second."""
        super().manage_workers()
        if self._runner is not None:
            self._runner.keep()

    def stop(self, graceful: bool = True) -> None:
        """Stop all workers, and the runner, whose scripts may take longer."""
        if self._runner is not None:
            self._runner.stop()
        super().stop(graceful)
        while self._runner is not None and self._runner.lives():
            try:
                number = self.SIG_QUEUE.get(timeout=0.1)
            except queue.Empty:
                continue
            if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
                self._runner.stop()

    def spawn_workers(self) -> None:
        """Start workers until all are there, or a signal waits; it is called again."""
        while len(self.WORKERS) < self.num_workers and self.SIG_QUEUE.empty():
            self.spawn_worker()
            # So that the workers do not all do the same at once.
            time.sleep(0.1 * random.random())  # nosec B311


def _has_terminal() -> bool:
    """Return whether this process has a terminal that has not hung up."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError as error:
        return error.errno not in (errno.ENXIO, errno.ENOENT)
    return True
