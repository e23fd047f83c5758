"""What one runner makes of tasks, time and scripts, turn by turn."""

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
    passes,
    task,
    with_script,
)

from app.datetimes import of_milliseconds
from app.errors import Conflict, NoRunner
from app.runner.claims import Decision
from app.runner.clocks import started
from app.runner.effects import Change
from app.runner.sites import at
from app.runner.stored_runs import Keep, StoredRuns
from app.schemas import svcrun


@pytest.fixture
def world():
    return World()


def test_each_slot_is_started_once(world):
    runner = begun(world, task(1, START))
    for _ in range(240):
        world.move(SECOND)
        runner.turn()
        end_all(world)
    runner.turn()
    assert world.slots() == ["10:01:00", "10:02:00", "10:03:00", "10:04:00"]
    assert {run["state"] for run in world.history()} == {"succeeded"}
    assert {run["cause"] for run in world.history()} == {"schedule"}
    assert world.active() == []


def test_all_late_slots_are_started_in_order_when_the_script_says_so(world):
    with_script(world, catchup="all")
    runner = begun(world, task(1, START, intervalsec=3600))
    passes(world, runner, 10 * SECOND)
    world.move(3 * HOUR)
    for _ in range(10):
        runner.turn()
        assert len(world.processes) <= 1
        end_all(world)
    assert world.slots() == ["11:00:00", "12:00:00", "13:00:00"]


def test_a_slot_is_skipped_while_a_run_is_active_and_overlap_is_0(world):
    runner = begun(world, task(1, START, overlap=0))
    passes(world, runner, 210 * SECOND)
    end_all(world)
    passes(world, runner, 40 * SECOND)
    assert world.slots() == ["10:01:00", "10:04:00"]
    assert world.states() == [("10:01:00", "succeeded", 1), ("10:02:00", "skipped", 2)]


def test_a_single_task_runs_once_even_if_it_is_created_late(world):
    runner = begun(world)
    world.move(SECOND)
    past = of_milliseconds(START - HOUR)
    world.put(task(1, world.now, isregular=0, dtstart=past))
    passes(world, runner, 5 * SECOND)
    end_all(world)
    passes(world, runner, 5 * SECOND)
    assert len(world.spawned) == 1
    world.change(task(1, START)["id"], dtstart=of_milliseconds(world.now + 2 * SECOND))
    passes(world, runner, 5 * SECOND)
    assert len(world.spawned) == 2


def test_a_single_task_from_before_the_first_look_is_missed(world):
    past = of_milliseconds(START - HOUR)
    world.put(task(1, START - 2 * HOUR, isregular=0, dtstart=past))
    runner = begun(world)
    passes(world, runner, 10 * SECOND)
    assert world.states() == [("09:00:00", "missed", 1)]


def test_enabling_makes_up_for_nothing(world):
    runner = begun(world, task(1, START, isenabled=0))
    passes(world, runner, 150 * SECOND)
    world.change(task(1, START)["id"], isenabled=1)
    passes(world, runner, 40 * SECOND)
    assert world.slots() == ["10:03:00"]


def test_a_failed_run_is_tried_again_and_then_followed(world):
    with_script(world, retries=1, retrysec=5, onfail="alarm")
    world.scripts["alarm"] = Script("alarm")
    runner = begun(world, task(1, START, intervalsec=3600))
    world.move(HOUR - SECOND)
    for _ in range(20):
        world.move(SECOND)
        runner.turn()
        end_all(world, "failed")
    runner.turn(2)
    runs = [(run["code"], run["cause"], run["attempt"]) for run, _ in world.spawned]
    assert runs == [
        ("clean", "schedule", 1),
        ("clean", "retry", 2),
        ("alarm", "onfail", 1),
    ]


def test_a_lost_run_is_followed(world):
    with_script(world, onfail="alarm")
    world.scripts["alarm"] = Script("alarm")
    runner = begun(world, task(1, START))
    world.move(MINUTE)
    runner.turn()
    other = world.runner()
    other.turn()
    runner.die()
    passes(world, other, MINUTE)
    causes = [(run["code"], run["cause"]) for run, _ in world.spawned]
    assert causes.count(("alarm", "onfail")) == 1


def test_what_a_dead_runner_left_is_ended_and_lost(world):
    runner = begun(world, task(1, START, overlap=0))
    passes(world, runner, 61 * SECOND)
    runner.die()
    other = world.runner()
    other.turn()
    assert len(world.processes) == 1
    passes(world, other, 65 * SECOND)
    assert [run["state"] for run in world.history()][0] == "lost"
    assert world.slots()[0] == "10:01:00"
    assert world.slots()[-1] == "10:02:00" or world.slots()[-1] == "10:03:00"
    assert len(world.processes) == 1


def test_an_idempotent_run_of_a_dead_runner_is_tried_again(world):
    with_script(world, idempotent=True)
    runner = begun(world, task(1, START, intervalsec=3600))
    passes(world, runner, HOUR, 10 * SECOND)
    runner.die()
    other = world.runner()
    passes(world, other, 50 * SECOND)
    assert [(run["slot"][11:19], run["attempt"]) for run, _ in world.spawned] == [
        ("11:00:00", 1),
        ("11:00:00", 2),
    ]


def test_slots_stay_open_while_the_runner_is_full(world):
    runner = begun(world, task(1, START), task(2, START), most=1)
    passes(world, runner, 60 * SECOND)
    assert len(world.spawned) == 1
    end_all(world)
    passes(world, runner, 2 * SECOND)
    assert world.slots() == ["10:01:00", "10:01:00"]


def test_a_task_without_its_script_is_missed_in_one_record(world):
    runner = begun(world, task(1, START, svcscriptcode="cleen"))
    passes(world, runner, 190 * SECOND)
    assert world.states() == [("10:01:00", "missed", 3)]
    assert world.history()[0]["reason"] == (
        'svcscriptcode "cleen" is not in svcscripts.json'
    )


def test_nothing_is_repeated_when_the_clock_is_set_back(world):
    runner = begun(world, task(1, START))
    for _ in range(300):
        world.move(SECOND)
        runner.turn()
        end_all(world)
    world.now -= 4 * MINUTE
    for _ in range(600):
        world.move(SECOND)
        runner.turn()
        end_all(world)
    assert len(set(world.slots())) == len(world.slots())
    assert world.slots()[-1] == "10:11:00"


def test_nothing_starts_in_maintenance(world):
    runner = begun(world, task(1, START))
    world.store.load("modes", [{"name": "server", "mode": "maintenance"}])
    passes(world, runner, 150 * SECOND)
    assert world.spawned == []
    world.store.load("modes", [{"name": "server", "mode": "production"}])
    passes(world, runner, 2 * SECOND)
    assert world.slots() == ["10:02:00"]
    assert world.states() == [("10:01:00", "missed", 1)]


def test_a_runner_that_is_stopped_leaves_nothing(world):
    with_script(world, idempotent=True)
    runner = begun(world, task(1, START), grace=10 * SECOND)
    passes(world, runner, 61 * SECOND)
    runner.core.stop()
    runner.turn()
    assert len(world.processes) == 1
    while not runner.is_done:
        world.move(SECOND)
        runner.turn()
    assert world.processes == {} and world.active() == []
    assert [run["state"] for run in world.history()] == ["stopped"]
    assert world.history()[0]["reason"] == "the runner was stopped"
    world.runner().turn(2)
    assert [run["attempt"] for run, _ in world.spawned] == [1, 2]


def test_nothing_starts_while_the_store_cannot_be_written(world):
    runner = begun(world, task(1, START))
    passes(world, runner, 61 * SECOND)
    world.is_broken = True
    end_all(world)
    passes(world, runner, 20 * SECOND)
    assert len(world.spawned) == 1
    world.is_broken = False
    passes(world, runner, 2 * SECOND)
    assert [run["state"] for run in world.history()] == ["succeeded"]


def test_a_run_that_is_wanted_starts_even_if_its_task_is_disabled(world):
    runner = begun(world, task(1, START, isenabled=0))
    id_ = "0" * 8 + "-0000-0000-0000-" + "1" * 12
    world.runs.want(task(1, START)["id"], {"id": id_})
    passes(world, runner, SECOND)
    end_all(world)
    passes(world, runner, SECOND)
    assert [(run["id"], run["cause"]) for run in world.history()] == [(id_, "manual")]


def test_a_frozen_runner_starts_nothing_that_it_has_claimed(world):
    runner, other = begun(world, task(1, START)), world.runner()
    other.turn()
    world.move(60 * SECOND)
    while type(runner.effect).__name__ != "Read":
        runner.step()
    for _ in range(40):
        world.move(SECOND)
        other.turn()
    assert len(world.spawned) == 0
    runner.turn(3)
    assert world.spawned == []
    assert world.active() == []


def test_a_runner_that_was_held_up_for_nearly_as_long_as_its_lease_starts_nothing(
    world,
):
    runner = begun(world, task(1, START, intervalsec=3600))
    world.move(HOUR)
    while type(runner.effect).__name__ != "Read":
        runner.step()
    world.move(27 * SECOND)
    runner.turn()
    assert world.spawned == []
    assert [run["reason"] for run in world.history()] == [
        "the runner was held up before it could start it"
    ]


def test_a_slot_is_started_whose_claim_was_written_though_the_store_failed(world):
    runner = begun(world, task(1, START, intervalsec=3600))
    world.move(HOUR)
    runner.unsure = Change
    runner.turn()
    assert world.spawned == [] and len(world.active()) == 1
    runner.unsure = ()
    runner.turn()
    assert world.slots() == ["11:00:00"]


def test_no_slot_of_the_history_is_started_again_after_the_clock_was_ahead(world):
    runner = begun(world, task(1, START, intervalsec=3600))
    for _ in range(2):
        for _ in range(40):
            world.move(10 * MINUTE)
            runner.turn()
            end_all(world)
        world.now -= 400 * MINUTE
    runner.turn()
    assert len(world.slots()) == len(set(world.slots())) == 6


def test_a_run_that_succeeds_while_its_runner_stops_is_not_made_up_for(world):
    with_script(world, idempotent=True)
    runner = begun(world, task(1, START, intervalsec=3600), grace=0)
    world.move(HOUR)
    runner.turn()
    runner.core.stop()
    world.end_on_stop = "succeeded"
    runner.turn(2)
    assert [run["state"] for run in world.history()] == ["succeeded"]
    world.runner().turn(2)
    assert len(world.spawned) == 1


def test_no_more_runs_of_a_script_are_active_than_it_may_have(world):
    with_script(world, most=2)
    runner = begun(world, *(task(number, START) for number in range(5)))
    passes(world, runner, 61 * SECOND)
    assert len(world.processes) == 2
    end_all(world)
    passes(world, runner, SECOND)
    assert len(world.spawned) == 4
    end_all(world)
    passes(world, runner, SECOND)
    assert world.slots() == ["10:01:00"] * 5


def test_a_claim_is_refused_where_others_have_claimed_what_the_script_may_have(world):
    """Whatever the runner that claims has seen."""
    with_script(world, most=1)
    first, second = task(1, START), task(2, START)
    runner = begun(world, first, second)
    world.move(MINUTE)
    runner.turn()
    assert [run["svctask"] for run, _ in world.processes.values()] == [first["id"]]

    def claim(clock, _):
        run = {**world.active()[0], "id": second["id"], "svctask": second["id"]}
        return Decision(started(clock, run), run, most=1)

    decision = StoredRuns(world.store).change(second["id"], claim)
    assert (decision.run, decision.is_waiting) == (None, True)
    assert len(world.active()) == 1
    end_all(world)
    runner.turn()
    assert len(world.spawned) == 2


def test_the_history_has_no_more_runs_in_all_than_it_may():
    world = World(keep=Keep(20, 10))
    runner = begun(world, *(task(number, START) for number in range(4)))
    for _ in range(6):
        passes(world, runner, MINUTE)
        end_all(world)
    runner.turn()
    slots = [run["slot"] for run in world.history()]
    assert len(slots) == 10 and slots[-1].startswith("2026-03-02T10:06")


def at_two_sites(world, mode):
    """Let runners of two sites have turns for longer than a minute; return the starts."""
    world.put(task(1, START, sitemode=mode))
    sites = ("north", "south")
    runners = [world.runner(site=site, sites=sites) for site in sites]
    for _ in range(70):
        for runner in runners:
            runner.turn()
        world.move(SECOND)
    return [run for run, _ in world.spawned]


def test_a_task_of_all_sites_starts_once_at_each(world):
    runs = at_two_sites(world, "all")
    assert sorted(run["site"] for run in runs) == ["north", "south"]


def test_a_task_of_any_site_starts_once_at_one_of_them(world):
    at_two_sites(world, "any")
    assert world.slots() == ["10:01:00"]


def test_a_task_of_the_first_site_starts_at_the_next_one_when_that_is_dead(world):
    world.put(task(1, START, sitemode="firstsite"))
    sites = ("north", "south")
    north, south = [world.runner(site=site, sites=sites) for site in sites]
    for _ in range(70):
        north.turn()
        south.turn()
        world.move(SECOND)
    [(_, owner)] = world.processes.values()
    assert owner is north
    end_all(world)
    north.turn()
    north.die()
    passes(world, south, 90 * SECOND)
    assert all(owner is south for _, owner in world.processes.values())
    assert len(world.processes) == 1


def test_one_of_several_sites_with_stores_of_their_own_is_the_first_of_the_list():
    of_any = task(1, START, sitemode="any")
    sites = ("north", "south")
    assert at("north", sites, is_shared=False)(of_any, {"north"})
    assert not at("south", sites, is_shared=False)(of_any, {"south"})


def test_a_run_is_stopped_when_somebody_wants_that(world):
    runner = begun(world, task(1, START))
    passes(world, runner, 61 * SECOND)
    [id_] = world.processes
    world.runs.stop(id_)
    runner.turn(2)
    assert world.processes == {}
    assert world.runs.get(id_)["state"] == "stopped"
    with pytest.raises(Conflict):
        world.runs.stop(id_)


def test_a_run_is_not_wanted_twice_nor_without_a_runner(world):
    id_ = "0" * 8 + "-0000-0000-0000-" + "1" * 12
    world.put(task(1, START, overlap=0))
    of_task = task(1, START)["id"]
    with pytest.raises(NoRunner):
        world.runs.want(of_task, {"id": id_})
    runner = world.runner()
    runner.turn()
    world.runs.want(of_task, {"id": id_})
    with pytest.raises(Conflict):
        world.runs.want(of_task, {"id": id_})
    runner.turn(2)
    with pytest.raises(Conflict):
        world.runs.want(of_task, {"id": id_.replace("1", "2")})
    end_all(world)
    runner.turn()
    with pytest.raises(Conflict):
        world.runs.want(of_task, {"id": id_})
    assert len(world.spawned) == 1


def test_a_wanted_run_that_nobody_takes_up_is_missed(world):
    runner = begun(world, task(1, START), task(2, START, isenabled=0), most=1)
    passes(world, runner, 61 * SECOND)
    id_ = "0" * 8 + "-0000-0000-0000-" + "1" * 12
    world.runs.want(task(2, START)["id"], {"id": id_})
    passes(world, runner, 62 * SECOND)
    assert world.runs.get(id_)["state"] == "missed"


def test_a_wanted_run_is_missed_in_maintenance_too(world):
    runner = begun(world, task(1, START, isenabled=0))
    world.store.load("modes", [{"name": "server", "mode": "maintenance"}])
    id_ = "0" * 8 + "-0000-0000-0000-" + "1" * 12
    world.runs.want(task(1, START)["id"], {"id": id_})
    passes(world, runner, 59 * SECOND)
    assert world.runs.get(id_)["state"] == "wanted"
    passes(world, runner, 3 * SECOND)
    assert world.runs.get(id_)["state"] == "missed" and world.spawned == []


def test_a_task_that_was_just_created_is_started_however_slow_its_write_was(world):
    runner = begun(world)
    past = of_milliseconds(START - HOUR)
    created = task(1, world.now + 250, isregular=0, dtstart=past)
    passes(world, runner, 2 * SECOND)
    world.put(created)
    passes(world, runner, SECOND)
    assert len(world.spawned) == 1


def test_a_year_without_a_runner_is_one_record(world):
    runner = begun(world, task(1, START, intervalsec=1))
    runner.turn()
    runner.die()
    world.move(365 * 24 * HOUR)
    world.runner().turn()
    assert [run["count"] for run in world.history()] == [365 * 24 * 3600 - 1]
    assert len(world.spawned) == 1


def test_what_runners_store_is_what_its_schemas_take(world):
    with_script(world, retries=1, retrysec=60, onfail="alarm")
    world.scripts["alarm"] = Script("alarm")
    runner = begun(world, task(1, START, overlap=0), task(2, START, intervalsec=3600))
    passes(world, runner, 200 * SECOND)
    end_all(world, "failed")
    runner.turn()
    passes(world, runner, HOUR - 200 * SECOND, MINUTE)
    end_all(world, "failed")
    runner.turn()
    for table, loaded in (
        ("svcruns", svcrun.loaded),
        ("clocks", svcrun.loaded_clock),
        ("runners", svcrun.loaded_runner),
    ):
        documents = [record.document for record in world.store.scan(table)]
        assert documents
        assert [loaded(document, 1, "") for document in documents] == documents


class SlowWorld(World):
    """A world in which each look at the clock takes a second."""

    @property
    def monotonic(self):
        self._monotonic += SECOND
        return self._monotonic

    @monotonic.setter
    def monotonic(self, value):
        self._monotonic = value


def test_many_tasks_are_decided_on_however_slow_the_machine_is():
    world = SlowWorld()
    world.scripts.clear()
    runner = begun(world, *(task(number, START) for number in range(250)))
    runner.turn(10)
    world.now += MINUTE
    runner.turn(10)
    assert len({run["svctask"] for run in world.history()}) == 250


def test_a_place_that_is_free_goes_to_the_task_with_the_oldest_slot(world):
    """Of many that wait; those that start a script that is full wait on."""
    world.scripts["other"] = Script("other", most=1)
    tasks = [task(number, START) for number in range(6)]
    tasks += [task(number, START, svcscriptcode="other") for number in range(6, 9)]
    runner = begun(world, *tasks, most=3)
    world.move(MINUTE)
    runner.turn()
    while world.processes:
        codes = [run["code"] for run, _ in world.processes.values()]
        assert codes.count("other") <= 1
        end_all(world)
        runner.turn()
    started = [run["svctask"] for run, _ in world.spawned]
    assert sorted(started) == sorted(each["id"] for each in tasks)
