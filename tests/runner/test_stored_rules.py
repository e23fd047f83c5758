"""Edits of the files that runners go by: only what they change is planned anew."""

from zoneinfo import ZoneInfo

import pytest
from world import World, task

from app.runner.effects import NewRules
from app.runner.performer import Performer, done
from app.runner.stored_rules import StoredRules
from app.runner.stored_runs import StoredRuns
from app.runner.turns import Identity, Runner
from app.workhours import WorkhoursTable

WEEK = [{"dow": 1, "timestart": 0, "timestop": 1440}]


@pytest.fixture
def world():
    made = World()
    clean = {"code": "clean", "command": ["true"]}
    made.store.load("svcscripts", [clean, {"code": "other", "command": ["true"]}])
    codes = ("clean", "other")
    made.put(
        *(task(n, made.now, svcscriptcode=code) for n, code in enumerate(codes, 1))
    )
    return made


def stored_rules(world):
    hours = WorkhoursTable(world.store, "", ZoneInfo("UTC"))
    return StoredRules(world.store, hours, lambda *_: True)


def edit(world, code, **members):
    world.store.load("svcscripts", [{"code": code, "command": ["true"], **members}])


def test_an_edit_is_new_for_the_script_that_it_changes(world):
    rules = stored_rules(world)
    assert set(rules.read().codes) == {"clean", "other"}
    assert rules.read() == NewRules()

    edit(world, "clean", most=1)

    assert rules.read() == NewRules(codes={"clean"})


def test_scripts_that_come_and_go_are_new(world):
    rules = stored_rules(world)
    rules.read()

    edit(world, "third")
    world.store.remove("svcscripts", "other")

    assert rules.read() == NewRules(codes={"third", "other"})


def test_other_hours_are_new_and_the_same_ones_are_not(world):
    rules = stored_rules(world)
    rules.read()
    hours = {"name": "default", "week": WEEK, "days": []}

    world.store.load("workhours", [hours])
    assert rules.read() == NewRules(are_hours_new=True)

    world.store.load("workhours", [hours])
    assert rules.read() == NewRules()


def test_only_tasks_of_an_edited_script_are_planned_anew(world):
    read = stored_rules(world)
    planned = []

    def policy_of(code):
        planned.append(code)
        return read.script_of(code)

    rules = read.rules()
    runner = Runner(
        Identity("r", "h", "r"),
        type(rules)(rules.schedule_of, policy_of, rules.is_ours),
        lambda: world.now,
        lambda: world.monotonic,
    )
    runs = StoredRuns(world.store)
    perform = Performer(world.store, runs, None, read.read).perform
    for _ in range(3):
        done(runner.turn(), perform)
    assert set(planned) == {"clean", "other"}

    planned.clear()
    edit(world, "clean", spreadsec=5)
    done(runner.turn(), perform)

    assert set(planned) == {"clean"}
