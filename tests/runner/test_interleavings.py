"""At most one start of each slot, whatever the order, and whoever dies where.

The short form has two runners, or one death less; the long form has all.
"""

import pytest
from explorer import Case, explore, explore_some
from world import (
    IS_IN_DATABASE,
    MINUTE,
    SECOND,
    World,
    end_all_worlds,
    task,
    with_script,
)

from app.datetimes import milliseconds_of, of_milliseconds


def settle(case):
    """Let the living, or somebody new, go on until nothing is left of what was."""
    world = case.world
    case.runners = [runner for runner in case.runners if not runner.is_dead]
    case.runners.append(world.runner())
    for _ in range(12):
        for runner in case.runners:
            runner.turn()
        for id_, (_, owner) in list(world.processes.items()):
            if not owner.is_dead:
                world.end(id_)
        world.move(3 * SECOND)
    for runner in case.runners:
        runner.turn(2)


def check(case):
    """Check what must hold of every history, and that the next slot is started."""
    settle(case)
    world = case.world
    assert world.active() == [], f"active for ever: {world.active()}"
    assert world.processes == {}, f"left: {world.processes}"
    check_slots(world)
    before = len(world.spawned)
    world.move(MINUTE)
    for runner in case.runners:
        runner.turn()
    assert len(world.spawned) > before, "the next slot is not started"
    for id_ in list(world.processes):
        world.end(id_)
    for runner in case.runners:
        runner.turn()


def check_slots(world):
    """Each slot up to now was started, missed or skipped: one of these, and once."""
    for clock in world.clocks():
        runs = [run for run in world.history() if run["svctask"] == clock["svctask"]]
        slots = []
        for run in runs:
            if run.get("attempt", 1) > 1 or run["cause"] == "onfail":
                continue
            slot = milliseconds_of(run["slot"])
            slots += [slot + MINUTE * number for number in range(run.get("count", 1))]
        first = clock["armed"] + -clock["armed"] % MINUTE
        wanted = list(range(first, world.now + 1, MINUTE))
        shown = [of_milliseconds(slot)[11:19] for slot in sorted(slots)]
        assert sorted(slots) == wanted, f"of {len(wanted)} slots: {shown}"


def due(
    runners, tasks=1, deaths=1, turns=1, state="succeeded", most=8, doubts=0, **policy
):
    """Return a case in which each of the tasks has a slot now."""
    fields = {"overlap": policy.pop("overlap", 0)}

    def build():
        world = World()
        with_script(world, **policy)
        world.put(*(task(number, world.now, **fields) for number in range(tasks)))
        those = [world.runner(most=most) for _ in range(runners)]
        for runner in those:
            runner.turn(2)
        # No beat is due: what is explored is the claim and the start.
        world.now += MINUTE
        return Case(world, those, turns, deaths, state, doubts)

    return build


def left_behind(runners, deaths=1, turns=1, **policy):
    """Return a case in which a runner has died in the middle of a run."""

    def build():
        world = World()
        with_script(world, **policy)
        world.put(task(1, world.now, overlap=0))
        dead, *others = [world.runner() for _ in range(runners + 1)]
        for runner in (dead, *others):
            runner.turn(2)
        world.move(MINUTE)
        dead.turn()
        dead.die()
        for runner in others:
            runner.turn()
        world.move(29 * SECOND)
        for runner in others:
            runner.turn()
        world.move(2 * SECOND)
        return Case(world, others, turns, deaths)

    return build


def disabled(runners, deaths=0, turns=1):
    """Return a case in which a task that has a slot now is disabled, and enabled again."""
    build_due = due(runners, deaths=deaths, turns=turns)

    def build():
        case = build_due()
        id_ = task(0, 0)["id"]
        case.events = [
            lambda: case.world.change(id_, isenabled=0),
            lambda: case.world.change(id_, isenabled=1),
        ]
        return case

    return build


def joined(deaths=0):
    """Return a case in which a runner begins while another one ends its run."""
    build_due = due(1, deaths=deaths, turns=1, overlap=1)

    def build():
        case = build_due()
        world, [runner] = case.world, case.runners
        runner.turn()
        for id_ in list(world.processes):
            world.end(id_)
        world.now += MINUTE
        return Case(world, [runner, world.runner()], 1, deaths)

    return build


SOME = 5
"""Orders of a case in a database."""

SHORT = {
    "two runners": due(2),
    "two runners, two turns": due(2, deaths=0, turns=2),
    "overlap 1": due(2, overlap=1),
    "idempotent": due(2, idempotent=True),
    "retries": due(2, deaths=0, turns=2, state="failed", retries=1, retrysec=0),
    "one begins": joined(),
    "a write in doubt": due(2, deaths=0, doubts=1),
    "recovery": left_behind(2),
    "idempotent recovery": left_behind(2, idempotent=True),
}

LONG = {
    "two runners, two turns, two deaths": due(2, deaths=2, turns=2),
    "two tasks": due(2, tasks=2),
    "two tasks and room for one": due(2, tasks=2, most=1),
    "three runners": due(3),
    "retries and a death": due(2, turns=2, state="failed", retries=1, retrysec=0),
    "a write in doubt and a death": due(2, turns=2, doubts=1),
    "recovery by three": left_behind(3),
    "recovery in two turns": left_behind(2, turns=2),
}


def explore_all(build, finish):
    """Go through all orders, or through some if each takes seconds."""
    if not IS_IN_DATABASE:
        states, ends = explore(build, finish)
        assert ends > 1
        return f"{states} states, {ends} ends"

    def finish_one(case):
        finish(case)
        end_all_worlds()

    explore_some(build, finish_one, SOME)
    return f"{SOME} orders"


@pytest.mark.parametrize("name", SHORT)
def test_each_slot_is_started_once_in_every_order(name):
    print(f"{name}: {explore_all(SHORT[name], check)}")


def test_no_start_comes_of_a_claim_that_an_edit_has_overtaken():
    def no_process_is_left(case):
        settle(case)
        assert case.world.processes == {} and case.world.active() == []

    explore_all(disabled(1), no_process_is_left)


@pytest.mark.orders
@pytest.mark.parametrize("name", LONG)
def test_each_slot_is_started_once_in_every_order_of_more(name):
    print(f"{name}: {explore_all(LONG[name], check)}")
