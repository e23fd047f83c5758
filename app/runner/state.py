"""The state of a runner: who it is, what it knows, what it runs, and what time it is."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

from app.datetimes import of_milliseconds
from app.runner.clock_changes import ClockChanges
from app.runner.clocks import ended_record
from app.runner.known_tasks import Schedules
from app.runner.plan import Plan
from app.runner.situations import Situation
from app.runner.view import View
from app.schedules import Schedule
from app.storage import Document
from app.svcscripts import Script

LEASE = 25_000
"""Milliseconds without a beat after which a runner starts nothing."""

LONG = 1_000
"""Milliseconds after which a turn leaves the rest to the next one, so that it beats."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a runner is: ``process`` says what of its host it is, to look if it lives."""

    id: str
    host: str
    process: str
    site: str = ""

    @property
    def node(self) -> str:
        """The host and the runner, as records name them."""
        return f"{self.host}/{self.id}"

    def beat(self, number: int, **further: int | None) -> Document:
        """Return what a beat writes; by default, of a runner that is about to begin."""
        usual = dict.fromkeys(("active", "open", "is_command", "is_stopped"), 0)
        return asdict(self) | {"beat": number, "looked": None} | usual | further


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator has laid down, as it is now, and how to read a schedule.

    ``is_ours`` says of a task and the sites with runners if it starts at this site.
    """

    schedule_of: Callable[[Document], Schedule]
    policy_of: Callable[[str], Script | None]
    is_ours: Callable[[Document, Collection[str]], bool]


class State:
    """What the parts of a runner share; ``now`` and ``monotonic`` return milliseconds.

    ``running`` has the clock and the run of each process by the id of the run. ``beaten``
    is when the last beat was written, and ``began`` when the turn did.
    """

    def __init__(
        self,
        identity: Identity,
        rules: Rules,
        now: Callable[[], int],
        monotonic: Callable[[], int],
        most: int,
    ) -> None:
        self.identity = identity
        self.now = now
        self.monotonic = monotonic
        self.plan = Plan()
        self.schedules = Schedules(rules.schedule_of)
        self.view = View(self.plan, self.schedules)
        self.changes = ClockChanges(self.view, rules.policy_of, now)
        self.running: dict[str, tuple[str, Document]] = {}
        self.began = 0
        self.beaten: int | None = None
        self.alive = 0
        self.is_open = True
        self._rules = rules
        self._most = most

    def has_room(self) -> bool:
        """Return whether one more run may be active."""
        return len(self.running) < self._most

    def is_long(self) -> bool:
        """Return whether the turn should come to its end."""
        return self.monotonic() - self.began >= LONG

    def is_held_up(self) -> bool:
        """Return whether others may take this runner for dead soon."""
        return self.beaten is None or self.monotonic() - self.beaten >= LEASE

    def situation(self) -> Situation:
        """Return what decisions go by now."""
        sites = self.view.sites()
        return Situation(
            now=self.now(),
            alive=self.alive,
            node=self.identity.node,
            runner=self.identity.id,
            schedule_of=self.schedules.of,
            policy_of=self._rules.policy_of,
            is_ours=lambda task: self._rules.is_ours(task, sites),
            has_room=self.has_room(),
            full=self.full(),
            is_open=self.is_open,
        )

    def ended_now(self, run: Document, state: str, reason: str) -> Document:
        """Return the record of a run that ends without a process."""
        ended = of_milliseconds(self.now())
        return ended_record(run, {"state": state, "ended": ended, "reason": reason})

    def full(self) -> list[str]:
        """Return the scripts of which as many runs are active as may be."""
        full: list[str] = []
        if not self.view.busy:
            return full
        for code, count in self.view.active_of_codes().items():
            policy = self._rules.policy_of(code)
            if policy is not None and policy.most is not None and count >= policy.most:
                full.append(code)
        return full
