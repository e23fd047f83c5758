"""What the contract of the runner has to be checked for, by number, on simulated time.

Those that are about real processes are elsewhere: 4 in ``test_rounds.py``; 9, 11 and 15 in
``test_commands_run.py``; 10 there and in ``test_runner_process.py``; 13 and 14 in
``test_runner_faults.py``; 16 in ``test_runs_asked_for.py``. Runner contract, section 14.
"""

from datetime import UTC, datetime, timedelta

import pytest
from shared import sample
from world import (
    HOUR,
    IS_IN_DATABASE,
    MINUTE,
    SECOND,
    START,
    World,
    begun,
    end_all,
    not_in_database,
    passes,
    task,
)

from app.datetimes import milliseconds_of, of_milliseconds
from app.hours import zone
from app.runner import sites
from app.schemas import svctask, workhours
from app.starts import Starts, Wanted
from app.workhours import Workhours, WorkhoursTable

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Antarctica/Troll",
    "UTC",
]
WEEK = [
    {"dow": dow, "timestart": start, "timestop": stop}
    for dow in range(1, 6)
    for start, stop in ((90, 200), (540, 720), (780, 1080))
]
PIECE = 5 * HOUR


@pytest.fixture
def world():
    return World()


def previewed(world, id_, until=None, most=3):
    """Return the preview of a task, by the working hours of the table."""
    hours = WorkhoursTable(world.store, "", zone("UTC"))
    is_ours = sites.at("", (), is_shared=False)
    starts = Starts(world.store, world.clock, hours, "", is_ours)
    return starts.of_task(id_, Wanted(None, until, most))


def test_01_daily_cleaning_does_not_start_since_its_dtstop_has_passed(world):
    fields = {"name": "Daily cleaning", "isenabled": 1}
    stored = svctask.loaded(sample("svctask.json") | fields, "", "")
    assert stored["dtstop"].startswith("2020")
    runner = begun(world, stored)
    passes(world, runner, 3 * 24 * HOUR, HOUR)
    assert world.spawned == [] and world.history() == []
    found = previewed(world, stored["id"])
    assert (found["starts"], found["why"]) == ([], "dtstop has passed")


def test_02_3600_without_dtstart_is_on_the_hour(world):
    runner = begun(world, task(1, START, intervalsec=3600))
    shown = [each["slot"] for each in previewed(world, task(1, START)["id"])["starts"]]
    for _ in range(3 * 60):
        passes(world, runner, MINUTE, MINUTE)
        end_all(world)
    hours = [f"2026-03-02T{hour}:00:00.000Z" for hour in (11, 12, 13)]
    assert [run["slot"] for run, _ in world.spawned] == hours == shown


@not_in_database
@pytest.mark.parametrize("name", ZONES)
def test_03_previews_of_a_year_are_the_starts_of_a_simulated_year(name):
    """Apia has no 30 December 2011, and all others but two change their offsets."""
    first = datetime(2011, 9, 1, tzinfo=UTC)
    world = World(milliseconds_of(first.isoformat()) + 500)
    document = {"name": "default", "timezone": name, "week": WEEK}
    world.store.load("workhours", [workhours.loaded(document, 1, "")])
    [stored] = [each.document for each in world.store.scan("workhours")]
    world.workhours = Workhours.of(stored, zone("UTC"))
    fields = {"intervalsec": PIECE // SECOND, "dtstart": first.isoformat()}
    one = task(1, world.now, **fields, schedule="work")
    runner = begun(world, one)
    until = (first + timedelta(days=366)).isoformat()
    shown = previewed(world, one["id"], until, 2000)["starts"]
    while world.now <= milliseconds_of(until):
        runner.turn()
        end_all(world)
        world.move(PIECE)
    made = [run["slot"] for run, _ in world.spawned]
    assert made == [start["slot"] for start in shown]
    assert 500 < len(made) < 1000


def test_05_after_eight_hours_down_an_hourly_task_has_one_start_and_seven_missed(world):
    runner = begun(world, task(1, START, intervalsec=3600))
    passes(world, runner, 10 * SECOND)
    runner.die()
    world.move(8 * HOUR)
    runner = world.runner()
    runner.turn()
    end_all(world)
    runner.turn()
    assert world.states() == [("11:00:00", "missed", 7), ("18:00:00", "succeeded", 1)]
    assert world.history()[1]["cause"] == "late"


def test_06_a_single_task_in_the_down_time_is_started_unless_it_has_stopped(world):
    at = of_milliseconds(START + HOUR)
    stop = of_milliseconds(START + 2 * HOUR)
    runner = begun(
        world,
        task(1, START, isregular=0, dtstart=at),
        task(2, START, isregular=0, dtstart=at, dtstop=stop),
    )
    passes(world, runner, 10 * SECOND)
    runner.die()
    world.move(8 * HOUR)
    world.runner().turn(2)
    assert [run["name"] for run, _ in world.spawned] == ["task 1"]
    assert world.states() == [("11:00:00", "missed", 1)]


def test_07_nothing_starts_that_was_claimed_after_a_task_was_disabled(world):
    """It is disabled after each of the effects of the turn in which its slot is due."""
    started = []
    for steps in range(0, 40, 13 if IS_IN_DATABASE else 1):
        world = World()
        runner = begun(world, task(1, START))
        passes(world, runner, 59 * SECOND)
        world.move(SECOND)
        done = [type(runner.effect).__name__ for _ in range(steps) if runner.step()]
        world.change(task(1, START)["id"], isenabled=0)
        before = len(world.spawned)
        passes(world, runner, 200 * SECOND)
        assert len(world.spawned) == before or "Change" in done[:-1]
        started.append(len(world.spawned))
    # Disabled first, nothing starts; disabled last, the slot has been started.
    assert started[0] == 0 and started[-1] == 1


def test_08_no_slot_is_lost_when_ext_is_changed_all_the_time(world):
    runner = begun(world, task(1, START))
    for number in range(150 * 4):
        world.move(250)
        world.change(task(1, START)["id"], ext={"n": number})
        runner.turn()
        end_all(world)
    assert world.slots() == ["10:01:00", "10:02:00"]


def test_12_starts_go_on_after_the_clock_was_in_2098(world):
    runner = begun(world, task(1, START))
    passes(world, runner, 70 * SECOND)
    end_all(world)
    world.now += 72 * 366 * 24 * HOUR
    passes(world, runner, 70 * SECOND)
    end_all(world)
    world.now -= 72 * 366 * 24 * HOUR
    before = len(world.spawned)
    passes(world, runner, 130 * SECOND)
    assert len(world.spawned) - before == 2
    assert runner.core.set_back == 1
