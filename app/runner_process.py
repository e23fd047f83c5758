"""The process of a runner: turn after turn, until it is stopped.

What goes wrong in a turn is logged when it begins and when it is over; the next turn does
what was left. A runner that must stop while it cannot write ends its runs and leaves their
ends to the next one. Runner contract, sections 9 and 12.
"""

import logging
import secrets
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from app import bootstrap, hosts, process_marks
from app.errors import Error
from app.execution import run_outputs
from app.execution.executor import Executor
from app.logs import Failures
from app.runner.performer import Performer, done
from app.runner.run_counts import RunCounts
from app.runner.stored_rules import StoredRules
from app.runner.stored_runs import Keep, StoredRuns
from app.runner.turns import Identity, Runner
from app.runner_host import Host
from app.settings import Settings
from app.storage import Store
from app.svcscripts import Script

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""How long a runner waits after a turn that failed, unless a run ends."""

NAME = "the runner"

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""The signals that stop a runner; the second one cuts its wait short."""


class RunnerProcess:
    """A runner over ``store``, of this process.

    ``is_wanted`` is asked before each turn, at least four times a second: it stops when
    nobody wants it any more. Raises Invalid and Unavailable.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        identity = own_identity(settings.site)
        rules = StoredRules(store, *bootstrap.at_site(store, settings))
        self._executor, self._host, self._runs = parts(settings, store, rules.script_of)
        self._perform = Performer(store, self._runs, self._host, rules.read).perform
        self._runner = Runner(
            identity,
            rules.rules(),
            lambda: time.time_ns() // 1_000_000,
            lambda: time.monotonic_ns() // 1_000_000,
            settings.runner_runs,
            round(settings.runner_grace * 1000),
        )
        self._settings = settings
        self._identity = identity
        self._is_wanted = is_wanted
        self._failures = Failures(log)
        self._deadline: float | None = None
        self._is_said = False
        self._set_back = 0
        self._ended = 0

    def run(self) -> bool:
        """Start what is due until a signal; return whether all ends are in the store."""
        for number in STOPS:
            # nohup, for one, ignores SIGHUP.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note_signal)
        # A server holds them until they can be handled.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        log.info(
            "runner %s starts the tasks in %s",
            self._identity.node,
            "a database" if self._settings.database else self._settings.data.absolute(),
        )
        self._remove_unknown()
        try:
            is_complete = self._turn_on()
        finally:
            self._executor.close()
        log.info("runner %s has stopped", self._identity.node)
        return is_complete

    def stop(self) -> None:
        """Start nothing more; asked again, do not wait for what runs."""
        grace = 0.0 if self._deadline is not None else self._settings.runner_grace
        self._deadline = time.monotonic() + grace
        self._runner.stop()

    def _remove_unknown(self) -> None:
        """Remove the outputs of runs that others have removed, or a runner that died."""
        self._ended = 0
        try:
            self._host.discard(self._runs.unknown(self._executor.outputs()))
        except (Error, OSError) as error:
            log.warning("outputs without a run may be left: %s", error)

    def _turn_on(self) -> bool:
        """Do turn after turn until all is done; return if it is in the store."""
        wait = 0.0
        while True:
            ends = self._host.wait(wait)
            if self._deadline is None and not self._is_wanted():
                self.stop()
            if self._deadline is not None and not self._is_said:
                self._say_what_it_waits_for()
            try:
                turn = done(self._runner.turn(ends), self._perform)
            except Exception as error:
                self._failures.note(NAME, error)
                done(self._runner.lose_hold(), self._perform)
                if self._gives_up():
                    return False
                wait = RETRY_SECONDS
            else:
                self._failures.end(NAME)
                self._note_set_back()
                self._tidy(len(ends))
                if turn.is_done:
                    return True
                wait = turn.wait / 1000

    def _say_what_it_waits_for(self) -> None:
        """Log it once: somebody may sit before a terminal that shows nothing else."""
        self._is_said = True
        if count := len(self._host.active):
            log.info(
                "the runner starts nothing more, and waits up to %g seconds for %d run%s; "
                "a second signal ends %s",
                self._settings.runner_grace,
                count,
                "" if count == 1 else "s",
                "it" if count == 1 else "them",
            )

    def _tidy(self, ended: int) -> None:
        """Remove, once in a while, what runners of other machines leave to this one.

        They trim the history of a shared store, and cannot remove outputs that are here.
        """
        self._ended += ended
        if self._settings.database and self._ended > self._settings.runs_max // 10:
            self._remove_unknown()

    def _note_set_back(self) -> None:
        """Log how many clocks were ahead of the time, where some were in this turn."""
        if count := self._runner.set_back - self._set_back:
            self._set_back += count
            log.warning(
                "the last slots of tasks (%d) were more than an hour ahead of the time, "
                "which must have been wrong before; they count from now on",
                count,
            )

    def _gives_up(self) -> bool:
        """End what runs if it is time, in a turn that failed; return if nothing does."""
        if self._deadline is None or time.monotonic() < self._deadline:
            return False
        for run in self._host.active:
            self._executor.stop(run, "the runner was stopped")
        return not self._host.active

    def _note_signal(self, number: int, frame: Any) -> None:
        self.stop()
        self._executor.wake()


def own_identity(site: str = "") -> Identity:
    """Return a new identity of this process."""
    return Identity(
        secrets.token_hex(4), socket.gethostname(), process_marks.own(), site
    )


def parts(
    settings: Settings,
    store: Store,
    script_of: Callable[[str], Script | None],
    echo: Callable[[bytes], None] | None = None,
) -> tuple[Executor, Host, StoredRuns]:
    """Return what runs scripts here, and what keeps that; raises Unavailable."""
    folder = bootstrap.outputs(settings, store)
    run_outputs.make_folder(folder)
    executor = Executor(folder, _url(settings), echo=echo)
    keep = Keep(settings.runs_keep, settings.runs_max)
    host = Host(executor, socket.gethostname(), script_of)
    return executor, host, StoredRuns(store, keep, RunCounts(store))


def _url(settings: Settings) -> str:
    """Return the address of the API for programs of this machine."""
    host, _, port = settings.address.rpartition(":")
    return f"{settings.scheme}://{hosts.reachable(host)}:{port}"
