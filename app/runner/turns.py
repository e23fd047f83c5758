"""The runner: what it does next, as effects that somebody else performs.

Pure: ``Runner.turn`` yields effects, and goes by what their performer sends back, so that a
test can stop it, or end it for good, at each of them. An error of the store that is thrown
into it ends the turn and nothing else: the next turn does what was left. A performer raises
no other errors; what goes wrong with a process is the end of its run.

The order is the promise. A claim is in the store before its process exists; the record of a
run is in the history before it leaves its clock. Runner contract, sections 4, 5 and 9.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from app.runner.clock_changes import Steps
from app.runner.clocks import ended_record
from app.runner.effects import Beat, Effect, Forget, Look, Probe, Seen, Stop, Sweep
from app.runner.starts import Starts
from app.runner.state import Identity, Rules, State
from app.storage import Document

__all__ = ["End", "Identity", "Next", "Rules", "Runner"]

BEAT = 5_000
"""Milliseconds between two beats of a runner."""

DEAD = 30_000
"""Milliseconds without a beat after which a runner is dead to the others."""

LOOK = 250
"""Milliseconds between two looks, at most."""

DIED = "its runner died; the outcome is not known"
STOPPED = "the runner was stopped"
NO_BEAT = "its runner could not write to the store"
ASKED = "it was stopped by request"


class End(NamedTuple):
    """The end of a run: its members, and the least delay of a further attempt.

    The delay is in milliseconds; None: another attempt makes no sense.
    """

    run: str
    members: Mapping[str, Any]
    retry_after: int | None = 0


class Next(NamedTuple):
    """How many milliseconds to wait at most, and if the runner has stopped."""

    wait: int
    is_done: bool


class Runner:
    """One runner; ``now`` and ``monotonic`` return milliseconds.

    ``most`` runs are active at once, and ``grace`` milliseconds long it waits for them
    when it is to stop.
    """

    def __init__(
        self,
        identity: Identity,
        rules: Rules,
        now: Callable[[], int],
        monotonic: Callable[[], int],
        most: int = 8,
        grace: int = 30_000,
    ) -> None:
        self._state = State(identity, rules, now, monotonic, most)
        self._view = self._state.view
        self._changes = self._state.changes
        self._starts = Starts(self._state)
        self._grace = grace
        self._lives = 0
        self._beat = 0
        self._is_look_written = False
        self._looked: int | None = None
        self._looking = 0
        self._sites: set[str] = set()
        self._strangers: set[str] = set()
        self._dead: set[str] = set()
        self._ended: dict[str, End] = {}
        self._stopped: dict[str, str] = {}
        self._deadline: int | None = None

    @property
    def set_back(self) -> int:
        """How many clocks the time was wrong of, and put right."""
        return self._starts.set_back

    def stop(self) -> None:
        """Start nothing more; asked again, do not wait for what runs."""
        now = self._state.monotonic()
        self._deadline = now if self._deadline is not None else now + self._grace

    def turn(self, ends: Iterable[End] = ()) -> Generator[Effect, Any, Next]:
        """Do what is due; ``ends`` are the runs that have ended since the last turn."""
        self._state.began = self._state.monotonic()
        self._ended |= {end.run: end for end in ends}
        has_beaten = yield from self._live()
        yield from self._look()
        yield from self._finish()
        yield from self._stop_some()
        yield from self._bury(has_beaten)
        if has_beaten:
            yield from self._changes.settle_all()
            yield from self._changes.tidy()
        if self._deadline is None:
            if (yield from self._starts.go_on()):
                self._looked = self._looking
            return Next(self._wait(), False)
        if self._state.running:
            return Next(LOOK, False)
        yield Beat(self._self(is_stopped=True), is_new=False)
        return Next(0, True)

    def lose_hold(self) -> Steps:
        """Stop the runs that must not be there twice, if no beat came in time.

        To be done after a turn that failed: others will take this runner for dead.
        """
        if self._state.beaten is None or not self._state.is_held_up():
            return
        for id_, (_, run) in list(self._state.running.items()):
            task = self._view.tasks.get(run["svctask"])
            if id_ not in self._stopped and not (task and task["overlap"]):
                self._stopped[id_] = NO_BEAT
                yield Stop(run, NO_BEAT)

    # Beats.

    def _self(self, is_stopped: bool = False) -> Document:
        return self._state.identity.beat(
            self._beat,
            looked=self._looked,
            active=len(self._state.running),
            open=self._state.plan.open,
            is_stopped=int(is_stopped),
        )

    def _live(self) -> Generator[Effect, Any, bool]:
        """Beat if it is time, and return if it was; who was taken for dead begins anew."""
        now = self._state.monotonic()
        is_written = self._is_look_written or self._looked is None
        if (
            self._state.beaten is not None
            and now - self._state.beaten < BEAT
            and is_written
        ):
            return False
        is_new = self._state.beaten is None
        self._beat += 1
        if not (yield Beat(self._self(), is_new)):
            yield from self._begin_anew()
        self._state.beaten = now
        self._is_look_written = self._looked is not None
        return True

    def _begin_anew(self) -> Steps:
        """End what is left of this runner's runs, and take another id."""
        for id_, (_, run) in list(self._state.running.items()):
            yield Sweep(run)
            del self._state.running[id_]
        self._ended.clear()
        self._stopped.clear()
        self._lives += 1
        id_ = f"{self._state.identity.id.partition('+')[0]}+{self._lives}"
        self._state.identity = replace(self._state.identity, id=id_)
        yield Beat(self._self(), is_new=True)

    # Looks.

    def _look(self) -> Steps:
        """Take in what has changed."""
        before, self._looking = self._looking, self._state.now()
        if self._looking < before:
            # The clock was set back: what is planned may be years ahead.
            self._state.plan.freshen(self._view.tasks)
        seen: Seen = yield Look()
        self._state.is_open = seen.is_open
        self._view.take(seen, self._state.monotonic())
        sites, self._sites = self._sites, self._view.sites()
        if self._state.identity.site and sites != self._sites:
            self._state.plan.freshen(self._view.tasks)
        looked = self._view.looked() if self._looked is None else self._looked
        self._state.alive = (
            self._looking if looked is None else min(looked, self._looking)
        )

    # Ends.

    def _finish(self) -> Steps:
        """Record the runs that have ended, and free their clocks."""
        for id_, end in list(self._ended.items()):
            if id_ in self._state.running:
                clock, run = self._state.running[id_]
                why = self._stopped.get(id_)
                members = dict(end.members)
                is_stopped = why is not None and members["state"] == "stopped"
                if is_stopped:
                    members["reason"] = why
                record = ended_record(run, members)
                is_made_up_for = is_stopped and why != ASKED
                yield from self._changes.free(
                    clock, record, is_made_up_for, end.retry_after
                )
                del self._state.running[id_]
            del self._ended[id_]
            self._stopped.pop(id_, None)

    def _stop_some(self) -> Steps:
        """Stop the runs that somebody wants stopped, and all after the grace."""
        is_over = (
            self._deadline is not None and self._state.monotonic() >= self._deadline
        )
        for id_, (clock, run) in list(self._state.running.items()):
            if id_ in self._stopped:
                continue
            active = self._view.clocks.get(clock, {}).get("active", ())
            is_asked = any(each["id"] == id_ and each.get("stop") for each in active)
            if is_over or is_asked:
                self._stopped[id_] = STOPPED if is_over else ASKED
                yield Stop(run, self._stopped[id_])

    # The dead.

    def _bury(self, is_probing: bool) -> Steps:
        """Record the runs of dead runners as lost, and free their clocks."""
        now = self._state.monotonic()
        dead = set()
        for id_, runner in self._view.runners.items():
            if id_ == self._state.identity.id:
                continue
            is_dead = (
                id_ in self._dead
                or runner["is_stopped"]
                or now - self._view.silent_since(id_) >= DEAD
            )
            if (
                not is_dead
                and is_probing
                and runner["host"] == self._state.identity.host
            ):
                is_dead = yield Probe(runner)
            if is_dead:
                dead.add(id_)
        self._dead = dead
        living = self._view.runners.keys() - dead | {self._state.identity.id}
        strangers = set()
        for clock in sorted(self._view.busy):
            for run in self._view.clocks[clock]["active"]:
                id_ = run["runner"]
                if id_ in living:
                    continue
                if id_ not in dead:
                    # One that began after this look may be in a clock already.
                    strangers.add(id_)
                    if id_ not in self._strangers:
                        continue
                yield from self._lose(clock, run)
        self._strangers = strangers
        if self._is_look_written:
            # Only now: who looked last must be known to who comes next.
            for id_ in sorted(dead):
                yield Forget(id_)
                self._view.forget_runner(id_)

    def _lose(self, clock: str, run: Document) -> Steps:
        left: Document = yield Sweep(run)
        record = {**self._state.ended_now(run, "lost", DIED), **left}
        yield from self._changes.free(clock, record)

    def _wait(self) -> int:
        """Return how long to wait at most before the next turn."""
        if self._state.is_long() or self._state.plan.has_fresh():
            return 0
        moment = self._state.plan.next_moment()
        if moment is None:
            return LOOK
        return max(0, min(LOOK, moment - self._state.now()))
