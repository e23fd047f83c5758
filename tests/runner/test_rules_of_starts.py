"""The rules by which slots are started, missed and tried again, on simulated time.

Runner contract, sections 4, 6, 8 and 9.
"""

import pytest
from world import (
    HOUR,
    MINUTE,
    SECOND,
    START,
    Script,
    World,
    begun,
    end_all,
    not_in_database,
    passes,
    task,
    with_script,
)

from app.datetimes import milliseconds_of, of_milliseconds
from app.hours import zone
from app.runner.stored_runs import Keep
from app.runner.turns import End
from app.workhours import Workhours

ID = task(1, START)["id"]


@pytest.fixture
def world():
    return World()


def reasons(world, state="missed"):
    return [run["reason"] for run in world.history() if run["state"] == state]


# Armed.

CHANGES = [
    {"isenabled": 0},
    {"isregular": 0},
    {"intervalsec": 61},
    {"dtstart": "2026-03-02T11:00:00Z"},
    {"dtstop": "2027-01-01T00:00:00Z"},
    {"schedule": "individual"},
    {"periods": [{"dow": 1, "timestart": 0, "timestop": 1440}]},
    {"svcscriptcode": "other"},
    {"sitemode": "any"},
    {"sites": "A"},
]
OTHERS = [
    {"name": "x"},
    {"overlap": 0},
    {"opts": {"title": "x"}},
    {"ext": {"a": 1}},
]


@pytest.mark.parametrize("fields", CHANGES + OTHERS, ids=lambda fields: [*fields][0])
def test_the_ten_fields_that_decide_arm_a_clock_anew_and_no_others_do(world, fields):
    runner = begun(world, task(1, START))
    [before] = world.clocks()
    passes(world, runner, 10 * SECOND)
    world.change(ID, **fields)
    changed = milliseconds_of(world.store.get("svctasks", ID).document["ext"]["lwt"])
    passes(world, runner, SECOND)
    [after] = world.clocks()
    is_armed_anew = fields in CHANGES
    assert after["armed"] == (changed if is_armed_anew else before["armed"])


def test_a_task_that_is_imported_makes_up_for_nothing(world):
    runner = begun(world)
    passes(world, runner, 90 * SECOND)
    world.put(task(1, START - HOUR))
    passes(world, runner, 40 * SECOND)
    assert world.slots() == ["10:02:00"] and world.history() == []


def test_a_single_task_that_is_enabled_late_starts_at_once(world):
    past = of_milliseconds(START - HOUR)
    runner = begun(world, task(1, START, isregular=0, isenabled=0, dtstart=past))
    passes(world, runner, MINUTE)
    world.change(ID, isenabled=1)
    passes(world, runner, SECOND)
    assert world.slots() == ["09:00:00"]


def test_a_run_whose_task_was_changed_after_its_claim_is_missed(world):
    runner = begun(world, task(1, START))
    world.move(MINUTE)
    while type(runner.effect).__name__ != "Read":
        runner.step()
    world.change(ID, intervalsec=7200)
    runner.turn()
    assert world.spawned == [] and world.active() == []
    assert reasons(world) == ["the task was changed"]


# Late.

LATE = [
    ({}, {"latesec": 60}, "the start would be later than latesec"),
    ({"schedule": "individual"}, {}, "the schedule did not permit a start any more"),
    (
        {"dtstop": "2026-03-02T11:05:00Z"},
        {},
        "dtstop had passed before it could be started",
    ),
]


@pytest.mark.parametrize("fields, policy, reason", LATE)
def test_a_slot_that_may_not_be_started_any_more_is_missed(
    world, fields, policy, reason
):
    with_script(world, **policy)
    world.workhours = Workhours.usual(zone("UTC"))
    until_noon = [{"dow": 1, "timestart": 600, "timestop": 665}]
    one = task(1, START, intervalsec=3600, periods=until_noon, **fields)
    runner = begun(world, one)
    passes(world, runner, 10 * SECOND)
    world.move(HOUR + 30 * MINUTE)
    runner.turn(2)
    assert world.spawned == [] and reasons(world) == [reason]


def test_a_slot_that_is_no_later_than_latesec_is_started(world):
    with_script(world, latesec=60)
    runner = begun(world, task(1, START, intervalsec=3600))
    passes(world, runner, 10 * SECOND)
    world.move(HOUR + 20 * SECOND)
    runner.turn()
    assert world.slots() == ["11:00:00"] and reasons(world) == []


@not_in_database
def test_of_all_late_slots_the_latest_thousand_are_started(world):
    with_script(world, catchup="all")
    runner = begun(world, task(1, START, intervalsec=1))
    world.move(1_010 * SECOND)
    runner.turn()
    [missed] = world.history()
    for _ in range(1_001):
        end_all(world)
        runner.turn()
    assert len(world.spawned) == 1_000
    assert missed["count"] == 10
    assert missed["reason"] == "only the latest 1,000 late starts are made up for"


def test_a_start_that_is_spread_comes_though_runners_are_often_replaced(world):
    """Its delay is that of the task: one drawn anew by each runner might never end."""
    with_script(world, spreadsec=600)
    runner = begun(world, task(1, START, intervalsec=3600))
    for _ in range(80):
        passes(world, runner, MINUTE, 20 * SECOND)
        runner.die()
        runner = world.runner()
    assert world.slots()[0] == "11:00:00"


# Full.


def test_a_place_that_is_free_goes_to_the_task_with_the_fewest_active_runs(world):
    runner = begun(world, task(1, START), task(2, START, intervalsec=150), most=3)
    passes(world, runner, 305 * SECOND)
    assert world.slots() == ["10:01:00", "10:02:00", "10:02:30"]
    # Both have an open slot: the first task waits for longer, and has two runs.
    [of_second] = [
        id_ for id_, (run, _) in world.processes.items() if run["svctask"] != ID
    ]
    world.end(of_second)
    runner.turn()
    assert world.slots()[3:] == ["10:05:00"]
    assert world.spawned[-1][0]["svctask"] != ID


# Tried again.


def attempts(world):
    return [(run["cause"], run["attempt"]) for run, _ in world.spawned]


@not_in_database
def test_the_delay_of_attempts_doubles_up_to_an_hour_give_or_take_a_fifth(world):
    with_script(world, retries=9, retrysec=30)
    world.put(task(1, START, isregular=0, dtstart=of_milliseconds(START + SECOND)))
    runner = world.runner()
    runner.turn(2)
    for _ in range(1_400):
        world.move(10 * SECOND)
        runner.turn()
        end_all(world, "failed")
        runner.turn()
    times = [started for _, started in world.spawned]
    delays = [(b - a) / SECOND for a, b in zip(times, times[1:], strict=False)]
    expected = [min(30 * 2**number, 3600) for number in range(9)]
    assert len(delays) == 9
    for delay, usual in zip(delays, expected, strict=True):
        assert 0.8 * usual <= delay <= 1.2 * usual + 10


GIVEN_UP = [
    lambda world: None,
    lambda world: world.change(ID, isenabled=0),
    lambda world: world.change(ID, dtstop=of_milliseconds(world.now)),
]


@pytest.mark.parametrize("change", GIVEN_UP, ids=["next slot", "disabled", "stopped"])
def test_attempts_are_given_up_when_a_slot_is_open_or_the_task_may_not_start(
    world, change
):
    with_script(world, retries=5, retrysec=50, onfail="alarm")
    world.scripts["alarm"] = Script("alarm")
    runner = begun(world, task(1, START))
    passes(world, runner, MINUTE)
    [first] = world.processes
    end_all(world, "failed")
    passes(world, runner, 5 * SECOND)
    change(world)
    passes(world, runner, 56 * SECOND)
    assert ("retry", 2) not in attempts(world)[:2]
    followed = [run for run, _ in world.spawned if run["cause"] == "onfail"]
    assert len(followed) == 1 and world.followed == [first]


def test_an_attempt_that_makes_no_sense_is_not_made_and_one_waits_as_it_was_asked(
    world,
):
    with_script(world, retries=2, retrysec=1)
    runner = begun(world, task(1, START, intervalsec=3600))
    world.move(HOUR)
    runner.turn()

    def fail(retry_after):
        ended = of_milliseconds(world.now)
        [id_] = world.processes
        del world.processes[id_]
        members = {"state": "failed", "ended": ended, "duration": 1}
        runner.ends.append(End(id_, members, retry_after))

    fail(20 * SECOND)
    passes(world, runner, 19 * SECOND)
    assert attempts(world) == [("schedule", 1)]
    passes(world, runner, 3 * SECOND)
    assert attempts(world)[1:] == [("retry", 2)]
    fail(None)
    passes(world, runner, 10 * MINUTE, 10 * SECOND)
    assert len(world.spawned) == 2


# Deleted, lost, forgotten.


def test_the_run_of_a_task_that_is_deleted_meanwhile_goes_on_to_its_end(world):
    """As where a script deletes its task when it is done."""
    runner = begun(world, task(1, START, isregular=0))
    runner.turn()
    world.store.remove("svctasks", ID)
    passes(world, runner, 10 * SECOND)
    assert len(world.processes) == 1
    end_all(world)
    passes(world, runner, 10 * SECOND)
    assert [run["state"] for run in world.history()] == ["succeeded"]
    assert world.clocks() == []


def test_a_runner_that_cannot_beat_ends_what_must_not_be_there_twice(world):
    runner = begun(world, task(1, START, overlap=0), task(2, START, overlap=1))
    world.move(MINUTE)
    runner.turn()
    world.is_broken = True
    passes(world, runner, 20 * SECOND)
    assert len(world.processes) == 2
    passes(world, runner, 6 * SECOND)
    # Others take it for dead after 30 seconds.
    assert [run["name"] for run, _ in world.processes.values()] == ["task 2"]
    world.is_broken = False
    runner.turn()
    assert reasons(world, "stopped") == ["its runner could not write to the store"]


@pytest.mark.parametrize("jump", [-3 * HOUR, 3 * HOUR])
def test_no_runner_is_taken_for_dead_because_the_clock_was_set(world, jump):
    runner, other = begun(world, task(1, START, overlap=0)), world.runner()
    other.turn()
    world.move(MINUTE)
    runner.turn()
    for _ in range(12):
        world.now += jump
        for each in (runner, other):
            passes(world, each, 2 * SECOND)
        world.now -= jump
    assert len(world.processes) == 1 and reasons(world, "lost") == []


@pytest.mark.parametrize(
    "states",
    [["failed", "succeeded"], ["succeeded", "failed"]],
    ids=["failure", "success"],
)
def test_the_last_failure_and_the_last_success_are_kept_however_long_ago(states):
    world = World(keep=Keep(3, 1000))
    runner = begun(world, task(1, START))
    first, others = states
    for state in [first] + 5 * [others]:
        passes(world, runner, MINUTE, 10 * SECOND)
        end_all(world, state)
    runner.turn()
    assert [run["state"] for run in world.history()] == [first] + 3 * [others]
    assert len(world.removed) == 2
