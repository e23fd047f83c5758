"""What a runner knows of the tables: as of its last look, and of its own writes since."""

from collections import Counter
from collections.abc import Collection

from app.runner.effects import Seen
from app.runner.known_tasks import KnownTasks, Schedules
from app.runner.plan import Plan
from app.storage import Document


class View:
    """Tasks, clocks and runners by their keys; ``plan`` learns which tasks have changed.

    ``busy`` clocks have active runs; those in ``unrecorded`` have records that may not be
    in the history yet.
    """

    def __init__(self, plan: Plan, schedules: Schedules) -> None:
        self.tasks = KnownTasks()
        self.clocks: dict[str, Document] = {}
        self.runners: dict[str, Document] = {}
        self.busy: set[str] = set()
        self.unrecorded: set[str] = set()
        self._plan = plan
        self._schedules = schedules
        self._of_task: dict[str, set[str]] = {}
        self._beats: dict[str, tuple[int, int]] = {}

    def take(self, seen: Seen, monotonic: int) -> None:
        """Take in what has changed since the last look."""
        for id_, clock in seen.clocks:
            # What this runner wrote is known already.
            if clock != self.clocks.get(id_):
                self._plan.freshen(self._set_clock(id_, clock))
        for id_, runner in seen.runners:
            self._take_runner(id_, runner, monotonic)
        for id_, task in seen.tasks:
            self.tasks.put(id_, task)
            self._plan.freshen([id_])
        are_hours_new, codes = seen.new_rules
        if are_hours_new:
            self._schedules.clear()
            self._plan.freshen(self.tasks)
        elif codes:
            self._plan.freshen(self.tasks.of_codes(codes))

    def take_clock(self, id_: str, clock: Document | None) -> None:
        """Take in a clock as this runner has found it; None: it is gone."""
        for task in self._set_clock(id_, clock):
            if clock is None:
                self._plan.freshen([task])
            else:
                self._plan.hasten(task)

    def _set_clock(self, id_: str, clock: Document | None) -> Collection[str]:
        """Set or remove a clock; return its task, if there was anything to do."""
        either = clock or self.clocks.get(id_)
        if either is None:
            return ()
        self.clocks.pop(id_, None)
        self.busy.discard(id_)
        self.unrecorded.discard(id_)
        of_task = self._of_task.setdefault(either["svctask"], set())
        of_task.discard(id_)
        if "task" in either:
            self.tasks.put_own(either["svctask"], clock["task"] if clock else None)
        if clock is not None:
            self.clocks[id_] = clock
            of_task.add(id_)
            if clock["active"]:
                self.busy.add(id_)
            if clock["unrecorded"]:
                self.unrecorded.add(id_)
        if not of_task:
            del self._of_task[either["svctask"]]
        return (either["svctask"],)

    def forget_runner(self, id_: str) -> None:
        """Forget a runner that is dead."""
        self.runners.pop(id_, None)
        self._beats.pop(id_, None)

    def clocks_of(self, task: str) -> list[str]:
        """Return the keys of the clocks of a task."""
        return sorted(self._of_task.get(task, ()))

    def urgency(self, task: str) -> tuple[int, int, str]:
        """Return what sorts tasks: the fewest active runs first, then the oldest slot."""
        known = [self.clocks[clock] for clock in self._of_task.get(task, ())]
        active = sum(len(clock["active"]) for clock in known)
        return active, min((clock["slot"] for clock in known), default=0), task

    def active_of_codes(self) -> Counter[str]:
        """Return how many runs of each script are active, of all runners."""
        return Counter(
            run["code"] for clock in self.busy for run in self.clocks[clock]["active"]
        )

    def silent_since(self, runner: str) -> int:
        """Return since when, by the monotonic clock, the last beat is known."""
        return self._beats[runner][1]

    def sites(self) -> set[str]:
        """Return the sites with a runner."""
        return {runner["site"] for runner in self.runners.values()}

    def looked(self) -> int | None:
        """Return the moment up to which any runner had looked at the tasks, if any had."""
        looks: list[int | None] = [each["looked"] for each in self.runners.values()]
        return max((look for look in looks if look is not None), default=None)

    def _take_runner(self, id_: str, runner: Document | None, monotonic: int) -> None:
        if runner is None:
            self.forget_runner(id_)
            return
        self.runners[id_] = runner
        if id_ not in self._beats or self._beats[id_][0] != runner["beat"]:
            self._beats[id_] = runner["beat"], monotonic
