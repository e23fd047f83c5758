"""A world for runners: a store in memory, a clock, and processes that are only noted.

It performs the effects of runners one at a time, so that a test can put any of them between
two of another, or end a runner there; and it checks at each start what must always hold.
"""

import os
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from app.datetimes import EPOCH, milliseconds_of, of_milliseconds, timedelta
from app.errors import Unavailable
from app.runner.effects import Look, Spawn, Stop, Sweep
from app.runner.performer import Performer, done
from app.runner.sites import at
from app.runner.stored_runs import Keep, StoredRuns
from app.runner.turns import End, Identity, Rules, Runner
from app.runs import Runs
from app.schedules import Schedule
from app.schemas import svctask
from app.storage.memory import Memory, MemoryStore
from app.svcscripts import Svcscripts
from app.tables import (
    CLOCKS,
    MODES,
    RUNNERS,
    SVCRUNS,
    SVCSCRIPTS,
    WORKHOURS,
    svctasks_collection,
)

START = milliseconds_of("2026-03-02T10:00:00.500Z")
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
WORLDS = count()

IS_IN_DATABASE = os.environ.get("SVCTASKS_TEST_STORE") == "postgresql"
"""Whether the store is one in PostgreSQL, where each effect takes a transaction."""

not_in_database = pytest.mark.skipif(
    IS_IN_DATABASE, reason="its very many turns take minutes there"
)
"""Leaves out a test that asks nothing of the store but time."""

_opened = []
"""What ends the stores of worlds in a database."""


def end_all_worlds():
    """Close all stores in a database, and let their tables be used again."""
    while _opened:
        _opened.pop()()


@dataclass(frozen=True)
class Script:
    """The policy of a script."""

    code: str = "clean"
    catchup: str = "latest"
    latesec: int | None = None
    spreadsec: int = 0
    most: int | None = None
    retries: int = 0
    retrysec: int = 30
    idempotent: bool = False
    onfail: str = ""


def task(number, now, **fields):
    """Return a task that starts every minute, as it is stored."""
    body = {
        "id": f"00000000-0000-0000-0000-{number:012x}",
        "name": f"task {number}",
        "isenabled": 1,
        "isregular": 1,
        "intervalsec": 60,
        "svcscriptcode": "clean",
    }
    return svctask.new(body | fields, None, of_milliseconds(now))


def asking(store, clock):
    """Return the use cases of runs at no site; their outputs are nowhere."""
    return Runs(store, clock, Svcscripts(store), Path("/nowhere"), "")


class World:
    """Tasks, scripts, time, runners and the processes that live."""

    def __init__(self, now=START, keep=Keep(), workhours=None):
        self.now = now
        self.monotonic = 1_000_000
        self.memory = Memory()
        self.name = f"world {next(WORLDS)}"
        self.keep = keep
        self.counts = None
        self.scripts = {"clean": Script()}
        self.workhours = workhours
        self.store = self.open_store()
        self.runs = asking(self.store, self.clock)
        self.is_broken = False
        self.processes = {}
        self.spawned = []
        self.followed = []
        self.removed = set()
        self.names = 0
        self.end_on_stop = "stopped"

    def open_store(self):
        tasks = svctasks_collection("000000000000")
        known = [tasks, MODES, WORKHOURS, CLOCKS, RUNNERS, SVCRUNS, SVCSCRIPTS]
        if not IS_IN_DATABASE:
            return MemoryStore(known, self.memory)
        import postgres

        store = postgres.tables(self.name, known).open()
        _opened.append(partial(postgres.release, self.name))
        _opened.append(store.close)
        return store

    def clock(self):
        return EPOCH + timedelta(milliseconds=self.now)

    def move(self, milliseconds):
        self.now += milliseconds
        self.monotonic += milliseconds

    def put(self, *tasks):
        self.store.load("svctasks", tasks)

    def change(self, id_, **fields):
        changes = svctask.changes(fields, id_)
        now = of_milliseconds(self.now)
        self.store.update(
            "svctasks", id_, lambda old, _: svctask.changed(old, changes, now)
        )

    def schedule_of(self, document):
        hours_of = self.workhours.hours_of if self.workhours else lambda *_: None
        return Schedule.of(document, hours_of)

    def runner(self, **settings):
        self.names += 1
        return Driven(self, f"r{self.names}", **settings)

    def clocks(self):
        return [record.document for record in self.store.scan("clocks")]

    def active(self):
        return [run for clock in self.clocks() for run in clock["active"]]

    def history(self):
        """Return the runs in the history by slot, then by attempt."""
        found = [record.document for record in self.store.scan("svcruns")]
        return sorted(found, key=lambda run: (run["slot"], run.get("attempt", 0)))

    def states(self):
        return [
            (run["slot"][11:19], run["state"], run.get("count", 1))
            for run in self.history()
        ]

    def spawn(self, driven, run, document):
        """Start a process, and check what must hold whenever one starts."""
        place = (run["svctask"], run["site"], run["slot"], run["attempt"], run["cause"])
        key = run["id"]
        assert key not in {each["id"] for each, _ in self.spawned}, f"twice: {place}"
        assert key in {each["id"] for each in self.active()}, "started without a claim"
        is_ordered = run["cause"] not in ("manual", "onfail")
        assert document["isenabled"] or not is_ordered, "started while disabled"
        if not document["overlap"] and run["cause"] != "onfail":
            others = [
                each
                for each, _ in self.processes.values()
                if each["svctask"] == run["svctask"] and each["cause"] != "onfail"
            ]
            assert not others, f"two at once: {run['slot']} beside {others[0]['slot']}"
        self.spawned.append((run, self.now))
        self.processes[key] = run, driven

    def end(self, id_, state="succeeded", **members):
        """End a process; its runner learns of that, if it lives."""
        run, driven = self.processes.pop(id_)
        ended = of_milliseconds(self.now)
        members = {"state": state, "ended": ended, "duration": 1} | members
        driven.ends.append(End(id_, members))

    def slots(self):
        """Return the slots of the starts, by time of day."""
        return [run["slot"][11:19] for run, _ in self.spawned]


class Driven:
    """A runner in a world, and the effects of its turn one at a time."""

    def __init__(self, world, name, host="h", site="", sites=(), **settings):
        self.world = world
        self.store = world.open_store()
        runs = StoredRuns(self.store, world.keep, world.counts)
        self.perform = Performer(self.store, runs, self).perform
        rules = Rules(
            world.schedule_of,
            lambda code: world.scripts.get(code),
            at(site, sites, is_shared=True),
        )
        identity = Identity(name, host, name, site)
        self.core = Runner(
            identity, rules, lambda: world.now, lambda: world.monotonic, **settings
        )
        self.ends = []
        self.is_dead = False
        self.is_done = False
        self.turns = 0
        self.heard = []
        self.unsure = ()
        self.generator = None
        self.effect = None

    def step(self):
        """Perform one effect, or begin a turn; return whether the turn goes on."""
        if self.generator is None:
            ends, self.ends = self.ends, []
            self.heard.append(("turn", tuple(sorted(end.run for end in ends))))
            self.generator = self.core.turn(ends)
            return self._go(None)
        if self.world.is_broken and not isinstance(self.effect, Spawn | Stop | Sweep):
            return self._fail()
        result = self.perform(self.effect)
        if isinstance(self.effect, self.unsure):
            return self._fail()
        self.heard.append((type(self.effect).__name__, repr(result)))
        return self._go(result)

    def _go(self, result):
        try:
            self.effect = self.generator.send(result)
            return True
        except StopIteration as stop:
            self.generator = None
            self.turns += 1
            self.is_done = stop.value.is_done
            return False

    def is_writing(self):
        """Whether the next effect is one of the store, which may fail."""
        return self.generator is not None and not isinstance(
            self.effect, Look | Spawn | Stop | Sweep
        )

    def _fail(self):
        self.heard.append(("failed", type(self.effect).__name__))
        try:
            self.generator.throw(Unavailable("the store cannot be written"))
        except Unavailable:
            pass
        self.generator = None
        done(self.core.lose_hold(), self.perform)
        return False

    def turn(self, times=1):
        """Do whole turns."""
        for _ in range(times):
            while self.step():
                pass

    def die(self):
        """Be killed with -9: the processes go on."""
        self.is_dead = True
        self.generator = None

    # The executor of its performer.

    def start(self, run, document, failed):
        if failed is not None:
            self.world.followed.append(failed["id"])
        self.world.spawn(self, run, document)

    def stop(self, run, reason):
        if run["id"] in self.world.processes:
            self.world.end(run["id"], self.world.end_on_stop)

    def sweep(self, run):
        self.world.processes.pop(run["id"], None)
        return {}

    def discard(self, runs):
        self.world.removed |= set(runs)

    def is_gone(self, runner):
        return False


def with_script(world, **policy):
    """Change the policy of the script that tasks have."""
    world.scripts["clean"] = replace(world.scripts["clean"], **policy)


def begun(world, *tasks, **settings):
    """Return a runner that has looked at the tasks once."""
    world.put(*tasks)
    runner = world.runner(**settings)
    runner.turn()
    return runner


def passes(world, runner, milliseconds, piece=SECOND):
    """Let time pass, with a turn after each piece of it."""
    for _ in range(milliseconds // piece):
        world.move(piece)
        runner.turn()


def end_all(world, state="succeeded"):
    for id_ in list(world.processes):
        world.end(id_, state)
