"""What previews say of a task is what its runner makes of it."""

import pytest
from world import HOUR, MINUTE, SECOND, START, World, task, with_script

from app.datetimes import milliseconds_of, of_milliseconds
from app.hours import zone
from app.runner.sites import at
from app.starts import Starts, Wanted
from app.workhours import Workhours, WorkhoursTable

ID = task(1, START)["id"]
MONDAY = [
    {"dow": 1, "timestart": start, "timestop": stop}
    for start, stop in ((540, 570), (660, 720))
]
"""Monday, 09:00 to 09:30 and 11:00 to 12:00; it is 10:00."""


@pytest.fixture
def world():
    world = World()
    world.workhours = Workhours.usual(zone("UTC"))
    return world


def previews(world):
    """Return the previews of a world."""
    hours = WorkhoursTable(world.store, "", zone("UTC"))
    return Starts(
        world.store,
        world.clock,
        hours,
        "",
        at("", (), is_shared=False),
    )


def preview(world, **wanted):
    given = {"begin": None, "until": None, "most": 3} | wanted
    return previews(world).of_task(ID, Wanted(**given))


def passes(world, runner, milliseconds):
    for _ in range(milliseconds // SECOND):
        world.move(SECOND)
        runner.turn()
        for id_ in list(world.processes):
            world.end(id_)
    runner.turn()


def begun(world, *tasks):
    world.put(*tasks)
    script = {"code": "clean", "command": ["/bin/true"]}
    script["spreadsec"] = world.scripts["clean"].spreadsec
    world.store.load("svcscripts", [script])
    runner = world.runner()
    runner.turn(2)
    return runner


def test_starts_are_spread_as_previewed(world):
    with_script(world, spreadsec=600)
    runner = begun(world, task(1, START, intervalsec=1800))
    found = preview(world)
    assert "why" not in found
    passes(world, runner, 100 * MINUTE)
    shown = [milliseconds_of(start["start"]) for start in found["starts"]]
    made = [started for _, started in world.spawned[:3]]
    assert all(0 <= at - of < SECOND for at, of in zip(made, shown, strict=True))
    assert shown[0] > milliseconds_of(found["starts"][0]["slot"])


def test_single_task_that_is_late_is_previewed_and_started_when_its_hours_come(world):
    past = of_milliseconds(START - HOUR)
    late = {"isregular": 0, "dtstart": past, "schedule": "individual"}
    runner = begun(world)
    world.move(SECOND)
    document = task(1, world.now, **late, periods=MONDAY)
    body = {**late, "name": "late", "isenabled": 1, "periods": MONDAY}
    body["svcscriptcode"] = "clean"
    unstored = previews(world).of_body(body, Wanted(None, None, 3))
    world.put(document)
    for times in (0, 1):
        runner.turn(times)
        found = preview(world)
        assert found == unstored and len(found["starts"]) == 1
        assert found["starts"][0]["slot"] == past
        assert found["starts"][0]["start"] == "2026-03-02T11:00:00.000Z"
        agenda = previews(world).agenda(Wanted(None, None, 3))
        assert [start["start"] for start in agenda["starts"]] == [
            "2026-03-02T11:00:00.000Z"
        ]
    passes(world, runner, 61 * MINUTE)
    [(run, started)] = world.spawned
    assert of_milliseconds(started)[:19] == "2026-03-02T11:00:00"
    assert preview(world)["why"] == f"started already (run {run['id']})"
    assert preview(world, begin=past)["starts"] == []
    assert previews(world).agenda(Wanted(None, None, 3))["starts"] == []


def test_preview_says_what_became_of_a_single_task(world):
    soon = of_milliseconds(START + SECOND)
    stop = of_milliseconds(START + MINUTE)
    runner = begun(world, task(1, START, isregular=0, dtstart=soon, dtstop=stop))
    assert [start["start"] for start in preview(world)["starts"]] == [soon]
    world.move(HOUR)
    runner.turn(2)
    assert preview(world)["why"] == (
        "its start was missed: dtstop had passed before it could be started"
    )


def test_single_task_from_before_the_first_look_has_no_start(world):
    past = of_milliseconds(START - HOUR)
    world.put(task(1, START - 2 * HOUR, isregular=0, dtstart=past))
    assert preview(world)["why"] == (
        f"isregular is 0, and its start, {past}, has passed"
    )
    world.runner().turn(2)
    assert preview(world)["why"] == (
        "its start was missed: it was due before the runners knew the task"
    )


def test_no_slot_that_was_started_is_previewed_after_the_clock_is_set_back(world):
    runner = begun(world, task(1, START))
    passes(world, runner, 5 * MINUTE)
    world.now -= 4 * MINUTE
    slots = [start["slot"][11:19] for start in preview(world)["starts"]]
    assert slots == ["10:06:00", "10:07:00", "10:08:00"]
    passes(world, runner, 8 * MINUTE)
    assert world.slots()[-4:-1] == slots
