"""Any history of tasks, time, runners and deaths, and what holds in all of them.

The numbers are those of the invariants: 1 one process for each run, 2 and none without a
claim, 3 never two at once with ``overlap`` 0, 4 each start has a slot that its task had, 5
none while disabled, out of hours or after the end, 6 each open slot ends in one way, 7 what
has ended never changes, 8 no run is active of a runner that is dead, 9 the slot of a clock
never falls unless the time was set back, 10 a single task runs once for each ``dtstart``,
11 no runner has more runs than it may, 12 none that was claimed after its task was
disabled, 13 a preview is what starts, 14 the history has what it promises, 15 a runner that
has stopped leaves no process.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from world import (
    HOUR,
    IS_IN_DATABASE,
    MINUTE,
    SECOND,
    START,
    Script,
    World,
    end_all_worlds,
    task,
    with_script,
)

from app.datetimes import milliseconds_of, of_milliseconds
from app.errors import Conflict, NoRunner, NotFound, Unavailable
from app.hours import zone
from app.runner.passed_slots import passed
from app.runner.situations import ON_TIME
from app.runner.stored_runs import Keep
from app.schedules import Schedule, preview
from app.workhours import Workhours

NUMBERS = st.sampled_from([1, 2, 3])
DAY_HOURS = [{"dow": dow, "timestart": 590, "timestop": 640} for dow in range(1, 8)]
MOMENTS = st.integers(-3, 20).map(lambda n: of_milliseconds(START + n * 10 * MINUTE))
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "isenabled": st.sampled_from([1, 1, 0]),
        "isregular": st.sampled_from([1, 1, 0]),
        "overlap": st.sampled_from([0, 1]),
        "intervalsec": st.sampled_from([0, 20, 60, 600]),
        "dtstart": MOMENTS | st.just(""),
        "dtstop": MOMENTS | st.just(""),
        "schedule": st.sampled_from(["all", "individual", "work"]),
        "svcscriptcode": st.sampled_from(["clean", "clean", "backup", "cleen"]),
    },
)
PIECES = st.sampled_from([250, SECOND, 7 * SECOND, 26 * SECOND, MINUTE, 10 * MINUTE])
STATES = st.sampled_from(["succeeded", "succeeded", "failed", "timedout"])
MOST = 3


class Histories(RuleBasedStateMachine):
    """Runners over one store; what each start and each record must be is noted."""

    @initialize(
        catchup=st.sampled_from(["latest", "all"]),
        retries=st.sampled_from([0, 2]),
        idempotent=st.booleans(),
        latesec=st.sampled_from([None, 120]),
        spreadsec=st.sampled_from([0, 15]),
    )
    def begin(self, **policy):
        self.world = World(keep=Keep(5, 40), workhours=Workhours.usual(zone("UTC")))
        with_script(self.world, retrysec=5, onfail="alarm", **policy)
        self.world.scripts["backup"] = Script("backup", latesec=60)
        self.world.scripts["alarm"] = Script("alarm")
        self.runners = [self.world.runner(most=MOST)]
        self.versions = {}
        self.ended = {}
        self.slots = {}
        self.disabled = {}
        self.checked = 0
        self.wanted = 0
        self.was_set_back = False

    # Tasks.

    @rule(number=NUMBERS, fields=FIELDS, is_old=st.booleans())
    def put(self, number, fields, is_old):
        """Create a task, replace it, or import an old one."""
        now = self.world.now - HOUR if is_old else self.world.now
        self.world.put(task(number, now, periods=DAY_HOURS, **fields))
        self.note(number)

    @rule(number=NUMBERS, fields=FIELDS)
    def patch(self, number, fields):
        try:
            self.world.change(task(number, START)["id"], **fields)
        except NotFound:
            return
        self.note(number)

    @rule(number=NUMBERS)
    def remove(self, number):
        try:
            self.world.store.remove("svctasks", task(number, START)["id"])
        except NotFound:
            return

    def note(self, number):
        id_ = task(number, START)["id"]
        document = self.world.store.get("svctasks", id_).document
        self.versions.setdefault(id_, []).append(document)
        if not document["isenabled"]:
            self.disabled[id_] = self.world.now

    # Time.

    @rule(by=PIECES)
    def move(self, by):
        self.world.move(by)

    @rule(by=PIECES, times=st.integers(1, 8))
    def go_on(self, by, times):
        for _ in range(times):
            self.world.move(by)
            self.turns()

    @rule(by=st.sampled_from([-2 * HOUR, -20 * SECOND, HOUR, 70 * 366 * 24 * HOUR]))
    def jump(self, by):
        """Set the clock of the wall; the other one goes on as before."""
        self.world.now = max(START, self.world.now + by)
        self.was_set_back |= by < 0

    # Runners.

    @precondition(lambda self: len(self.runners) < 3)
    @rule()
    def begin_runner(self):
        self.runners.append(self.world.runner(most=MOST))

    @precondition(lambda self: self.runners)
    @rule(number=st.integers(0, 2), steps=st.integers(0, 30))
    def step(self, number, steps):
        """Do a part of a turn, and leave it there: others come between."""
        runner = self.runners[number % len(self.runners)]
        for _ in range(steps):
            runner.step()

    @precondition(lambda self: self.runners)
    @rule(number=st.integers(0, 2))
    def kill(self, number):
        self.runners.pop(number % len(self.runners)).die()

    @precondition(lambda self: self.runners)
    @rule(number=st.integers(0, 2))
    def stop_runner(self, number):
        runner = self.runners.pop(number % len(self.runners))
        runner.core.stop()
        runner.core.stop()
        was_broken, self.world.is_broken = self.world.is_broken, False
        while not runner.is_done:
            runner.turn()
        self.world.is_broken = was_broken
        assert all(owner is not runner for _, owner in self.world.processes.values())

    @rule()
    def turns(self):
        for runner in self.runners:
            runner.turn()

    @rule(is_broken=st.booleans())
    def break_store(self, is_broken):
        self.world.is_broken = is_broken

    # Processes.

    @precondition(lambda self: self.world.processes)
    @rule(number=st.integers(0, 9), state=STATES)
    def end(self, number, state):
        ids = sorted(self.world.processes)
        self.world.end(ids[number % len(ids)], state)

    @rule(number=NUMBERS)
    def want(self, number):
        self.wanted += 1
        id_ = f"{self.wanted:08x}-0000-0000-0000-000000000000"
        try:
            self.world.runs.want(task(number, START)["id"], {"id": id_})
        except (NotFound, Conflict, NoRunner, Unavailable):
            return

    @precondition(lambda self: self.world.active())
    @rule(number=st.integers(0, 9))
    def stop_run(self, number):
        active = self.world.active()
        try:
            self.world.runs.stop(active[number % len(active)]["id"])
        except (NotFound, Conflict):
            return

    # What holds.

    @invariant()
    def each_start_is_right(self):
        for run, started in self.world.spawned[self.checked :]:
            if run["cause"] in ("manual", "onfail"):
                continue
            slot = milliseconds_of(run["slot"])
            versions = self.versions[run["svctask"]]
            assert any(self.has(each, slot, started) for each in versions), run
            last = versions[-1]
            assert last["isenabled"], "started while disabled"
            assert self.has(last, slot, started), "started against its task"
        self.checked = len(self.world.spawned)

    def has(self, document, slot, started):
        schedule = Schedule.of(document, self.world.workhours.hours_of)
        later = 15 * SECOND
        if not schedule.is_enabled:
            return False
        if not schedule.is_regular:
            return slot == schedule.anchor and slot <= started
        if passed(schedule, slot, slot) is None or slot > started:
            return False
        is_late = started - slot > ON_TIME + later
        hours = schedule.hours
        if not is_late:
            return True
        return started - later <= schedule.end and (
            hours is None or hours.permitted_from(started - later, started) is not None
        )

    @invariant()
    def no_record_of_a_run_changes(self):
        for run in self.world.history():
            if "count" not in run:
                assert self.ended.setdefault(run["id"], run) == run

    @invariant()
    def no_slot_falls(self):
        slots = {clock["id"]: clock["slot"] for clock in self.world.clocks()}
        for id_, slot in slots.items():
            assert self.was_set_back or slot >= self.slots.get(id_, slot)
        self.slots = slots

    @invariant()
    def no_runner_has_too_much(self):
        for runner in self.runners:
            mine = [o for _, o in self.world.processes.values() if o is runner]
            assert len(mine) <= MOST

    @invariant()
    def the_history_is_short_and_has_the_last(self):
        history = self.world.history()
        for id_ in {run["svctask"] for run in history}:
            runs = [run for run in history if run["svctask"] == id_]
            assert len(runs) <= 5 + 2

    def teardown(self):
        """In the end nothing is left, and what is previewed is what starts."""
        if hasattr(self, "world"):
            self.settle()
        end_all_worlds()

    def settle(self):
        world = self.world
        world.is_broken = False
        self.runners.append(world.runner(most=MOST))
        for _ in range(20):
            for id_, (_, owner) in list(world.processes.items()):
                if owner in self.runners:
                    world.end(id_)
            world.move(5 * SECOND)
            self.turns()
        for record in list(world.store.scan("svctasks")):
            world.store.remove("svctasks", record.key)
        for _ in range(20):
            for id_ in list(world.processes):
                world.end(id_)
            world.move(5 * SECOND)
            self.turns()
        assert world.active() == [] and world.processes == {}
        assert world.clocks() == [], "a clock of a task that is gone"
        self.check_preview()

    def check_preview(self):
        world = self.world
        world.put(
            task(9, world.now, intervalsec=20, schedule="individual", periods=DAY_HOURS)
        )
        self.turns()
        document = task(
            9, world.now, intervalsec=20, schedule="individual", periods=DAY_HOURS
        )
        schedule = Schedule.of(document, world.workhours.hours_of)
        begin, before = world.now, len(world.spawned)
        for _ in range(120):
            for id_ in list(world.processes):
                world.end(id_)
            world.move(SECOND)
            self.turns()
        later = 0
        found = preview(schedule, begin + 1 - later, world.now, 100).starts
        slots = [milliseconds_of(run["slot"]) for run, _ in world.spawned[before:]]
        shown = [start.slot for start in found]
        if world.scripts["clean"].spreadsec == 0:
            assert slots == shown


TestHistories = Histories.TestCase
# In a database each step takes many transactions.
TestHistories.settings = settings(
    max_examples=5 if IS_IN_DATABASE else 60, stateful_step_count=30, deadline=None
)


class LongHistories(Histories):
    """The same, for longer."""


TestLongHistories = LongHistories.TestCase
TestLongHistories.settings = settings(
    max_examples=3000, stateful_step_count=60, deadline=None
)
TestLongHistories = pytest.mark.orders(TestLongHistories)
