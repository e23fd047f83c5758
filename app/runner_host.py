"""The host of a runner: its effects on processes, by an executor.

A run that is logged begins with one line and ends with one line, each with its id. Runner
contract, sections 7, 9 and 13.
"""

import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from app import process_marks
from app.datetimes import of_milliseconds
from app.errors import Unavailable
from app.execution.executor import Executor, Order, Outcome
from app.execution.jobs import not_started
from app.execution.processes import Mark
from app.runner.clocks import ended_record
from app.runner.situations import not_there
from app.runner.turns import End
from app.storage import Document
from app.svcscripts import Script

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5
"""How long it is waited for what is left of a run; the runner does nothing else then."""

_MEMBERS = ("exitcode", "signal", "status")


class Host:
    """The processes of runs on this host, which has the name ``host``.

    ``script_of`` returns the script with a code.
    """

    def __init__(
        self,
        executor: Executor,
        host: str,
        script_of: Callable[[str], Script | None],
    ) -> None:
        self._executor = executor
        self._host = host
        self._script_of = script_of
        self._ends: list[End] = []

    @property
    def active(self) -> set[str]:
        """The ids of the runs that have not ended."""
        return self._executor.active

    def start(self, run: Document, task: Document, failed: Document | None) -> None:
        """Start a run; how it ends is in what ``wait`` returns."""
        id_, code = run["id"], run["code"]
        script = self._script_of(code)
        if script is None:
            self._note_end(id_, not_started(not_there(code)))
            return
        log.info(
            "run %s: %s starts for the task %s, slot %s, attempt %d of %d",
            id_,
            code,
            run["svctask"],
            run["slot"],
            run["attempt"],
            run["attempts"],
        )
        given = run.get("startparams", {})
        content = {"run": {**ended_record(run, {}), **given}, "svctask": task}
        if failed is not None:
            content["failed"] = failed
        self._executor.start(Order(run, script, content))

    def stop(self, run: Document, reason: str) -> None:
        """Begin to end a run, if it has not ended."""
        self._executor.stop(run["id"], reason)

    def sweep(self, run: Document) -> Document:
        """End at once what is left of a run on this host; raises Unavailable.

        It returns when nothing is left, with what can be said of the output.
        """
        id_ = run["id"]
        left: dict[str, Any] = {}
        if run["node"].partition("/")[0] != self._host:
            return left
        if id_ in self._executor.active:
            self._executor.stop(id_, "its runner was taken for dead")
            self._executor.kill(id_)
        else:
            self._executor.end_left(Mark(id_, run["node"]))
        end = time.monotonic() + SWEEP_SECONDS
        while id_ in self._executor.active:
            seconds = end - time.monotonic()
            if seconds <= 0:
                raise Unavailable(f"run {id_}: what is left of it cannot be ended")
            for ended, outcome in self._executor.wait(seconds):
                if ended == id_:
                    left = _of_output(outcome)
                else:
                    self._note_end(ended, outcome)
        log.warning("run %s: lost, and nothing of it is left; its runner died", id_)
        return left

    def discard(self, runs: Collection[str]) -> None:
        """Remove the outputs of runs that are not in the history any more."""
        for run in runs:
            try:
                self._executor.remove_output(run)
            except OSError as error:
                log.warning("run %s: its output stays: %s", run, error.strerror)

    def is_gone(self, runner: Document) -> bool:
        """Return whether a runner of this host is gone for certain."""
        return process_marks.is_gone(runner["process"])

    def wait(self, seconds: float) -> list[End]:
        """Return the runs that have ended, after ``seconds`` at most."""
        for run, outcome in self._executor.wait(0 if self._ends else seconds):
            self._note_end(run, outcome)
        ends, self._ends = self._ends, []
        return ends

    def _note_end(self, run: str, outcome: Outcome) -> None:
        why = f": {outcome.reason}" if outcome.reason else ""
        log.info("run %s: %s in %d ms%s", run, outcome.state, outcome.duration, why)
        self._ends.append(_end(run, outcome))


def _end(run: str, outcome: Outcome) -> End:
    members: dict[str, Any] = {
        "state": outcome.state,
        "ended": of_milliseconds(int(time.time() * 1000)),
        "duration": outcome.duration,
    }
    given = {name: getattr(outcome, name) for name in _MEMBERS}
    members |= {name: value for name, value in given.items() if value is not None}
    # Texts are there only where they say something.
    members |= {"reason": outcome.reason} if outcome.reason else {}
    members |= _of_output(outcome)
    if not outcome.is_retryable:
        return End(run, members, None)
    return End(run, members, round((outcome.retry_after or 0) * 1000))


def _of_output(outcome: Outcome) -> dict[str, Any]:
    last = {"lastline": outcome.lastline} if outcome.lastline else {}
    return {"outputbytes": outcome.outputbytes, **last}
