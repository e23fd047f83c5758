"""The starts of a runner: clocks for new tasks, claims, and the processes that follow.

Pure, by effects, as ``app.runner``. Runner contract, sections 4 and 5.
"""

import itertools
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import Any

from app.runner import claims, clocks, situations
from app.runner.claims import Decision
from app.runner.clock_changes import Steps
from app.runner.effects import Arm, Effect, Read, RemoveClock, Spawn, Standing
from app.runner.situations import Situation
from app.runner.state import State
from app.storage import Document

BATCH = 250
"""How many tasks that have changed are looked at in a turn.

However many they are, those that are due wait for no more than these.
"""

LEAST = 100
"""How many tasks are decided on in a turn at least, however slow the machine is."""

HELD_UP = "the runner was held up before it could start it"


class Starts:
    """The starts of the runner whose ``state`` it is.

    ``set_back`` counts the clocks of which the time had been wrong.
    """

    def __init__(self, state: State) -> None:
        self.set_back = 0
        self._state = state
        self._view = state.view
        self._plan = state.plan
        self._changes = state.changes
        self._failed: dict[str, Document] = {}

    def go_on(self) -> Generator[Effect, Any, bool]:
        """Arm what is new, and start what is due, as far as there is time in one turn.

        Returns whether all that is new is armed.
        """
        yield from self._arm()
        yield from self._resume()
        yield from self._start()
        return not self._plan.has_fresh()

    def _arm(self) -> Steps:
        """Give some tasks that may start, and have none, a clock."""
        ids = self._plan.fresh(BATCH)
        if not ids:
            return
        if new := list(self._new_clocks(ids)):
            for clock in (yield Arm(new)):
                self._view.take_clock(clock["id"], clock)
                if clock["unrecorded"]:
                    yield from self._changes.settle(clock["id"])
        self._plan.ready(ids)

    def _new_clocks(self, ids: Iterable[str]) -> Iterator[Document]:
        """Yield clocks for those tasks that may start and have none."""
        at, site = self._state.situation(), self._state.identity.site
        for id_ in ids:
            task = self._view.tasks.get(id_)
            if task is None or clocks.clock_id(task, site) in self._view.clocks:
                continue
            if at.is_on(task, at.schedule_of(task)):
                clock = clocks.new(task, site, at.alive, at.now)
                yield claims.first_armed(clock, task, at)

    def _resume(self) -> Steps:
        """Begin the runs that were claimed by a write whose outcome was not known."""
        for clock in sorted(self._view.busy):
            for run in self._view.clocks[clock]["active"]:
                is_mine = run["runner"] == self._state.identity.id
                if is_mine and run["id"] not in self._state.running:
                    yield from self._begin(clock, run)

    def _start(self) -> Steps:
        """Decide on each task that is due: those with the fewest runs come first."""
        state, urgency = self._state, self._view.urgency
        self._plan.pass_on(state.now())
        self._plan.line_up_held(urgency, self._view.tasks.code_of)
        for count in itertools.count():
            if count >= LEAST and state.is_long():
                return
            can_start = state.is_open and state.has_room()
            id_ = self._plan.next(urgency, can_start, state.full() if can_start else ())
            if id_ is None:
                return
            yield from self._decide(id_)

    def _decide(self, id_: str) -> Steps:
        """Decide on the clocks of a task, until one of its runs is claimed."""
        self._plan.hasten(id_)
        task = self._view.tasks.get(id_)
        is_held = False
        at = self._state.situation()
        for clock in self._view.clocks_of(id_):
            site = self._view.clocks[clock]["site"]
            if task is not None and site not in ("", self._state.identity.site):
                continue
            decision = yield from self._decide_on(clock, at)
            if decision.run is not None:
                yield from self._begin(clock, decision.run)
                return
            is_held |= decision.is_waiting
            is_of_script = "task" in self._view.clocks.get(clock, ())
            if is_of_script or self._of_clock(clock, task) is None:
                yield from self._desert(clock)
        moments = [
            situations.due(self._view.clocks[clock], self._of_clock(clock, task), at)
            for clock in self._view.clocks_of(id_)
        ]
        known = [moment for moment in moments if moment is not None]
        self._plan.put(id_, min(known, default=None), is_held)

    def _decide_on(self, clock: str, at: Situation) -> Generator[Effect, Any, Decision]:
        """Decide by what is known, and if that changes the clock, by what is so."""
        if recorded := self._changes.recorded(clock):
            at = replace(at, recorded=recorded)
        known = self._view.clocks[clock]
        task = self._of_clock(clock, self._view.tasks.get(known["svctask"]))
        decision = claims.decide(known, task, at)
        if decision.clock is known or self._changes.is_trifle(decision):
            return decision

        def change(old: Document, fresh: Document | None) -> Decision:
            return claims.decide(old, self._of_clock(clock, fresh), at)

        done = yield from self._changes.make(clock, change)
        if done is None:
            return Decision(known)
        self.set_back += done.is_set_back
        if done.run is not None and done.failed is not None:
            self._failed[done.run["id"]] = done.failed
        return done

    def _of_clock(self, clock: str, task: Document | None) -> Document | None:
        """Return the task, unless another clock is its own by now."""
        if task is None or clocks.clock_id(task, self._state.identity.site) != clock:
            return None
        return task

    def _desert(self, clock: str) -> Steps:
        """Remove the clock of a task that was deleted, when nothing is left in it."""
        known = self._view.clocks.get(clock)
        if known is None:
            return
        left = clocks.without_recorded(known, self._changes.recorded(clock))
        if not any(left[name] for name in ("active", "wanted", "retry", "unrecorded")):
            yield RemoveClock(known)
            self._view.take_clock(clock, None)

    def _begin(self, clock: str, run: Document) -> Steps:
        """Start the process of a run that was claimed, unless it must not be any more."""
        standing: Standing = yield Read(clock, run)
        active = standing.clock["active"] if standing.clock else ()
        mine = (run["id"], self._state.identity.id)
        if mine not in {(each["id"], each["runner"]) for each in active}:
            self._view.take_clock(clock, standing.clock)
            self._plan.hasten(run["svctask"])
            return
        if standing.is_recorded or run["id"] in self._state.running:
            # The time was set back, and this slot was started before; or a client had
            # chosen this id for another run.
            yield from self._changes.drop(clock, run["id"])
            return
        reason = situations.refusal(standing.task, run, self._state.situation())
        if not reason and self._state.is_held_up():
            reason = HELD_UP
        if reason:
            record = self._state.ended_now(run, "missed", reason)
            yield from self._changes.free(clock, record)
            return
        assert standing.task is not None
        self._state.running[run["id"]] = clock, run
        yield Spawn(run, standing.task, self._failed.pop(run["id"], None))
