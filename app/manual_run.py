"""A run that a command starts here and now, as a runner would that has only this one.

Its claim is in the clock of its task and its runner in the table of runners, so that others
see it, hold to overlap 0, may stop it, and clear up after it if this process is killed.
Runner contract, sections 9 and 12.
"""

import signal
import time
from collections.abc import Callable
from typing import Any, BinaryIO
from uuid import uuid4

from app.command_faults import about_task
from app.datetimes import of_milliseconds
from app.errors import Conflict, Invalid, NotFound, Unavailable
from app.runner import clocks
from app.runner.claims import Claimant, Decision, by_hand
from app.runner.effects import Change, Record
from app.runner.performer import Performer
from app.runner.turns import ASKED, BEAT, DIED, End
from app.runner_process import own_identity, parts
from app.schemas import svcrun, svctask
from app.settings import Settings
from app.storage import Document, Store, document_in
from app.svcscripts import Svcscripts

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LOOK_SECONDS = 0.25
"""How soon it is noted that somebody wants the run stopped."""


class ManualRun:
    """Runs one task over ``store``; its output goes to ``output`` too."""

    def __init__(self, settings: Settings, store: Store, output: BinaryIO) -> None:
        self._settings = settings
        self._store = store
        self._output: BinaryIO | None = output
        self._scripts = Svcscripts(store)
        self._identity = own_identity()
        self._beaten = 0.0
        self._beats = 0
        self._stops = 0

    def run(self, task_id: str) -> Document:
        """Run a task to its end, and return the record.

        Raises NotFound, Invalid without its script, Conflict, and Unavailable.
        """
        with about_task(task_id):
            task = self._store.get(svctask.NAME, task_id.lower()).document
        try:
            script = self._scripts.get(task["svcscriptcode"])
        except NotFound as error:
            raise Invalid(f"svcscriptcode: {error.message}") from None
        self._executor, self._host, self._runs = parts(
            self._settings, self._store, lambda _: script, self._echo
        )
        performer = Performer(self._store, self._runs, self._host)
        self._perform: Callable[[Any], Any] = performer.perform
        try:
            return self._run(task)
        finally:
            self._executor.close()
            self._runs.forget(self._identity.id)

    def _run(self, task: Document) -> Document:
        self._beat()
        clock = self._claimed_clock(task)
        decision = self._claim(clock, task)
        run = decision.run
        assert run is not None
        for number in STOPS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note_signal)
        self._host.start(run, task, None)
        end = self._wait(clock, run)
        record: Document = self._perform(Record(clocks.ended_record(run, end.members)))
        self._free(clock, record)
        self._beat()
        return record

    def _claimed_clock(self, task: Document) -> str:
        """Return the key of the clock of a task, which is there, without dead runs."""
        moment = _now()
        clock = clocks.new(task, self._settings.site, moment, moment)
        # Without a timing, so that a runner arms it by what runners have looked at.
        [known] = self._runs.arm([{**clock, "timing": ""}])
        for run in known["active"]:
            if self._is_dead(run["runner"]):
                self._host.sweep(run)
                ended = {
                    "state": "lost",
                    "ended": of_milliseconds(_now()),
                    "reason": DIED,
                }
                self._free(
                    known["id"], self._perform(Record(clocks.ended_record(run, ended)))
                )
        id_: str = known["id"]
        return id_

    def _is_dead(self, runner: str) -> bool:
        """Return whether a runner of this host is gone for certain."""
        known = document_in(self._store, svcrun.RUNNERS, runner)
        if known is None or known["host"] != self._identity.host:
            return False
        return self._host.is_gone(known)

    def _claim(self, clock: str, task: Document) -> Decision:
        at = Claimant(_now(), self._identity.node, self._identity.id)

        def change(old: Document, fresh: Document | None) -> Decision:
            if fresh is None:
                raise NotFound("the task was deleted")
            return by_hand(old, fresh, str(uuid4()), at)

        decision: Decision | None = self._perform(Change(clock, change))
        if decision is None:
            raise Conflict("the task was changed; try it again")
        return decision

    def _wait(self, clock: str, run: Document) -> End:
        """Return the end of the run; stop it when somebody wants that."""
        while True:
            for end in self._host.wait(LOOK_SECONDS):
                return end
            if self._stops:
                self._host.stop(run, "it was stopped by a signal")
            if self._stops > 1:
                self._executor.kill(run["id"])
            try:
                self._look(clock, run)
            except Unavailable:
                # The run goes on; its end is written when that is possible.
                continue

    def _look(self, clock: str, run: Document) -> None:
        if time.monotonic() - self._beaten >= BEAT / 1000:
            self._beat()
        known = document_in(self._store, svcrun.CLOCKS, clock)
        active = known["active"] if known else ()
        if any(each["id"] == run["id"] and each.get("stop") for each in active):
            self._host.stop(run, ASKED)

    def _free(self, clock: str, record: Document) -> None:
        self._perform(
            Change(
                clock, lambda old, _: Decision(clocks.without_run(old, record["id"]))
            )
        )

    def _beat(self) -> None:
        self._beats += 1
        runner = self._identity.beat(self._beats, active=1, is_command=1)
        # One that was taken for dead has no run any more.
        self._runs.beat(runner, is_new=self._beats == 1)
        self._beaten = time.monotonic()

    def _echo(self, piece: bytes) -> None:
        """Write what the run prints; it goes on if nobody reads that any more."""
        if self._output is None:
            return
        try:
            self._output.write(piece)
            self._output.flush()
        except OSError:
            self._output = None

    def _note_signal(self, number: int, frame: Any) -> None:
        self._stops += 1
        self._executor.wake()


def _now() -> int:
    return time.time_ns() // 1_000_000
