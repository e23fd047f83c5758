"""Deleting an extension schema: nothing of it is left, whatever comes between its steps."""

import logging
import threading

import pytest
from calls import send
from shared import PATIENCE
from webtest import TestApp

from app.bootstrap import open_service, use_cases
from app.errors import Invalid, NotFound
from app.query import Query
from app.schemas.extension_values import Values
from app.schemas.service import LEVELS
from app.services import Owner
from app.settings import Settings

SCHEMA = {
    "name": "Info",
    "type": "multi-valued",
    "attributes": [{"name": "k", "type": "string", "unique": True}],
}
OLD, NEW = [{"k": "old"}], [{"k": "new"}]

STEPS = ("update", "update_each", "remove")
"""What a deletion does to the store: mark, strip, remove."""

PATHS = {
    "services": "/services/1",
    "states": "/services/1/states/1",
    "tasks": "/services/1/tasks/1",
}

WRITES = ("insert", "add", "load", "update", "update_each", "remove")

ALL = Query()


class Crash(Exception):
    """The process is gone."""


class Watched:
    """A store that calls ``before`` with the name of each act that may write."""

    def __init__(self, store, before):
        self._store = store
        self._before = before

    def __getattr__(self, name):
        act = getattr(self._store, name)
        if name not in WRITES:
            return act

        def watched(*args, **kwargs):
            self._before(name)
            return act(*args, **kwargs)

        return watched


def crashing(store, steps):
    """Return a store whose process is gone after ``steps`` writes."""
    left = iter([None] * steps)

    def before(name):
        if next(left, Crash) is Crash:
            raise Crash(name)

    return Watched(store, before)


def once(name, act):
    """Return what lets ``act`` happen before the first write called ``name``."""
    acts = iter([act])

    def before(write):
        if write == name:
            next(acts, int)()

    return before


@pytest.fixture
def opened(settings, clock, log, another_store):
    """Return the function that opens the service once more over the same folder."""
    services = []

    def open_(**given):
        services.append(
            open_service(settings, clock, log, store=another_store(), **given)
        )
        return services[-1]

    yield open_
    for each in services:
        each.close()


@pytest.fixture
def over(settings, clock):
    """Return the function from a store to the use cases of services."""
    return lambda store, now=clock: use_cases(store, settings, now).services


@pytest.fixture
def filled(api):
    """The API with a service, a state and a task that have a value at each level."""
    for level in LEVELS:
        create_schema(api, level)
    body = {"service_type": 1, "contact_key": "k", "Info": OLD}
    assert send(api, "POST", "/services/start", body).status_int == 201
    for level in ("state", "task"):
        body = {f"{level}_type": 1, "INFO": OLD}
        reply = send(api, "POST", f"/services/1/{level}s/start", body)
        assert reply.status_int == 201
    send(api, "POST", "/services/1/tasks/1/end")
    assert shown(api) == dict.fromkeys(LEVELS, OLD)
    return api


def create_schema(api, level):
    reply = send(api, "POST", f"/metadata/{level}/extensions", SCHEMA)
    assert reply.status_int == 201, reply.text


def write(api, level, value):
    reply = send(api, "PUT", f"{PATHS[level]}/extensions/info", value)
    assert reply.status_int in (200, 204), reply.text


def shown(api):
    """Return the value at each level that has one."""
    values = {
        level: api.get(f"{path}?extensions=info").json.get("Info")
        for level, path in PATHS.items()
    }
    return {level: value for level, value in values.items() if value is not None}


def schemas(api):
    """Return the levels that have the schema."""
    return [
        level
        for level in LEVELS
        if send(api, "GET", f"/metadata/{level}/extensions/info").status_int == 200
    ]


def others(level):
    return [each for each in LEVELS if each != level]


def stored(store, level):
    """Return what the store has of a level's values, and of its schema."""
    service = store.get("services", 1).document
    resources = {
        "services": [service],
        "states": service["active_states"] + service["completed_states"],
        "tasks": service["active_tasks"] + service["completed_tasks"],
    }
    kept = [each["Info"] for each in resources[level] if "Info" in each]
    try:
        return kept, [store.get("extensions", f"{level}.info").document]
    except NotFound:
        return kept, []


def crash(over, store, level, steps):
    """Begin to delete the schema of a level; the process is gone after ``steps``."""
    with pytest.raises(Crash):
        over(crashing(store, steps)).extensions.remove(LEVELS[level], "info")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("steps", [1, 2])
def test_nothing_is_left_after_a_crash_and_a_restart(
    filled, store, over, opened, level, steps
):
    crash(over, store, level, steps)
    again = opened()
    assert stored(again.store, level) == ([], [])
    api = TestApp(again.application)
    assert schemas(api) == others(level)
    assert shown(api) == dict.fromkeys(others(level), OLD)
    create_schema(api, level)
    assert shown(api) == dict.fromkeys(others(level), OLD)
    write(api, level, NEW)
    assert shown(api) == {**dict.fromkeys(others(level), OLD), level: NEW}
    assert shown(filled) == shown(api)


@pytest.mark.parametrize("level", LEVELS)
def test_schema_and_values_are_there_when_the_crash_comes_before_the_first_step(
    filled, store, over, opened, level
):
    crash(over, store, level, 0)
    api = TestApp(opened().application)
    assert schemas(api) == list(LEVELS)
    assert shown(api) == dict.fromkeys(LEVELS, OLD)


def test_deletion_has_no_further_step(filled, store, over):
    for level in LEVELS:
        over(crashing(store, len(STEPS))).extensions.remove(LEVELS[level], "info")
        assert stored(store, level) == ([], [])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("steps", [1, 2])
def test_workers_that_live_on_see_neither_schema_nor_values(
    filled, store, over, level, steps
):
    crash(over, store, level, steps)
    assert schemas(filled) == others(level)
    assert shown(filled) == dict.fromkeys(others(level), OLD)
    listed = filled.get(f"/metadata/{level}/extensions").json
    assert listed == []
    path = f"/metadata/{level}/extensions/info"
    assert send(filled, "DELETE", path).status_int == 404
    value = f"{PATHS[level]}/extensions/info"
    assert send(filled, "PUT", value, NEW).status_int == 404


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("steps", [1, 2])
def test_schema_that_is_created_anew_without_a_restart_shows_no_old_value(
    filled, store, over, level, steps
):
    crash(over, store, level, steps)
    create_schema(filled, level)
    assert schemas(filled) == list(LEVELS)
    assert shown(filled) == dict.fromkeys(others(level), OLD)


@pytest.mark.parametrize("steps", [0, 1])
def test_crash_while_a_deletion_is_finished_leaves_it_to_the_next_start(
    filled, store, over, opened, steps
):
    crash(over, store, "states", 1)
    with pytest.raises(Crash):
        over(crashing(store, steps)).extensions.finish()
    assert stored(opened().store, "states") == ([], [])


def test_start_writes_nothing_when_there_is_nothing_to_finish(filled, store, over):
    over(crashing(store, 0)).extensions.finish()


@pytest.mark.files
def test_start_goes_on_when_the_deletion_cannot_be_finished(
    filled, store, over, opened, caplog
):
    def failing(descriptor):
        raise OSError("no flush")

    crash(over, store, "tasks", 1)
    with caplog.at_level(logging.WARNING):
        api = TestApp(opened(sync=failing).application)
    [line] = [each for each in caplog.messages if "deleted extensions" in each]
    assert "flushed" in line
    assert schemas(api) == others("tasks")
    assert shown(api) == dict.fromkeys(others("tasks"), OLD)
    assert stored(opened().store, "tasks") == ([], [])


@pytest.mark.files
def test_read_only_service_finishes_nothing_and_hides_what_is_left(
    filled, store, over, settings, clock, log
):
    crash(over, store, "services", 1)
    before = stored(store, "services")
    read_only = Settings.from_environment(data=settings.data, read_only=True)
    service = open_service(read_only, clock, log)
    api = TestApp(service.application)
    assert stored(service.store, "services") == before
    assert schemas(api) == others("services")
    assert shown(api) == dict.fromkeys(others("services"), OLD)
    service.close()


# Other workers meanwhile


def acts(services):
    """Return every act that writes a value: what it does, by level and name."""
    event = {"contact_key": "k", "Info": NEW}
    state = {"state_type": 1, "Info": NEW}
    task = {"task_type": 1, "Info": NEW}
    transition = {"from": {"state_id": 1}, "to": {"state_type": 1}, "Info": NEW}
    states, tasks = LEVELS["states"], LEVELS["tasks"]
    return {
        "services": [
            lambda: services.start({"service_type": 1, **event}),
            lambda: services.associate("c", 1, event),
            lambda: services.complete(Owner(1), {"Info": NEW}),
            lambda: services.write(Owner(1), "info", Values.replaced, NEW),
            lambda: services.write(Owner(1), "info", Values.amended, {"k": "old"}),
            lambda: services.write(Owner(1), "info", Values.without, {"k": "old"}),
        ],
        "states": [
            lambda: services.start_in(1, states, state),
            lambda: services.transit(1, transition),
            lambda: services.complete(Owner(1, states, 1), {"Info": NEW}),
            lambda: services.write(Owner(1, states, 1), "info", Values.replaced, NEW),
        ],
        "tasks": [
            lambda: services.start_in(1, tasks, task),
            lambda: services.write(Owner(1, tasks, 1), "info", Values.replaced, NEW),
        ],
    }


ACTS = [(level, n) for level, each in acts(None).items() for n in range(len(each))]


@pytest.mark.parametrize("level, act", ACTS)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_value_that_was_read_before_the_deletion_is_not_written_after_it(
    filled, store, over, opened, level, act, steps
):
    """The schema goes between the look at the body and the atomic step of the write."""
    other = opened().store

    def delete():
        if steps < len(STEPS):
            crash(over, other, level, steps)
        else:
            over(other).extensions.remove(LEVELS[level], "info")

    def before(write):
        if write in ("add", "update"):
            delete()

    writer = over(Watched(store, before))
    services = store.find("services", ALL).total
    with pytest.raises((Invalid, NotFound)):
        acts(writer)[level][act]()
    assert store.find("services", ALL).total == services
    assert stored(opened().store, level) == ([], [])


@pytest.mark.parametrize("level", LEVELS)
def test_value_whose_write_is_under_way_at_the_deletion_goes_too(
    filled, store, over, opened, clock, level
):
    """The schema is marked while a writer that has looked at it is in its step."""
    other = opened().store
    marked = threading.Event()
    deletion = over(Watched(other, once("update_each", marked.set)))
    thread = threading.Thread(
        target=lambda: deletion.extensions.remove(LEVELS[level], "info")
    )

    def clock_of_the_writer():
        # It is asked inside of the step, when the body has been read.
        thread.start()
        assert marked.wait(PATIENCE)
        return clock()

    writer = over(store, clock_of_the_writer)
    # Of each level the first act asks for the time.
    acts(writer)[level][0]()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    again = opened().store
    for record in again.find("services", ALL).records:
        if level == "services":
            assert "Info" not in record.document
    assert stored(again, level) == ([], [])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("step", STEPS[1:])
def test_deletion_that_another_worker_finished_spares_the_schema_created_since(
    filled, store, over, opened, level, step
):
    api = TestApp(opened().application)

    def create_anew():
        create_schema(api, level)
        write(api, level, NEW)

    deletion = over(Watched(store, once(step, create_anew)))
    deletion.extensions.remove(LEVELS[level], "info")
    for each in (filled, api, TestApp(opened().application)):
        assert schemas(each) == list(LEVELS)
        assert shown(each) == {**dict.fromkeys(others(level), OLD), level: NEW}


def test_two_deletions_at_once_are_one(filled, store, over, opened):
    other = over(opened().store).extensions
    level = LEVELS["tasks"]

    def delete_too():
        with pytest.raises(NotFound):
            other.remove(level, "info")

    over(Watched(store, once("update_each", delete_too))).extensions.remove(
        level, "info"
    )
    assert stored(opened().store, "tasks") == ([], [])
