"""How large a table may be: what would grow beyond the limits is refused by both APIs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import StringIO

import pytest
from calls import T, create, one, refused, send, untouched
from documented import Documented
from webtest import TestApp

from app.bootstrap import open_service

START = "/services/start"
SERVICE = {"service_type": 1, "contact_key": "k"}


@pytest.fixture
def opened(settings, another_store):
    """Return the function to the API with other limits, over the same data."""
    services = []

    def open_(**limits):
        limited = replace(settings, **limits)
        services.append(
            open_service(limited, log=StringIO(), store=another_store(limited))
        )
        documented = Documented("")
        services[-1].application.add_middleware(documented)
        checks.append(documented)
        return TestApp(services[-1].application)

    checks = []
    yield open_
    for each in services:
        each.close()
    assert not any(each.faults for each in checks)


def padded(size):
    return {"name": "n", "ext": {"k": "x" * size}}


def test_task_that_would_be_one_too_many_is_refused(opened):
    api = opened(max_documents=3)
    tasks = [create(api, {"name": "n"}) for _ in range(3)]
    with untouched(api):
        error = refused(send(api, "POST", T, {"name": "n"}), 507)
    assert error["error_message"] == (
        "the table svctasks would have 4 documents; it may have 3 at most "
        "(SVCTASKS_MAX_DOCUMENTS)"
    )
    assert send(api, "PATCH", one(tasks[0]), padded(1000)).status_int == 200
    assert send(api, "DELETE", one(tasks[0])).status_int == 204
    create(api, {"name": "n"})


def test_service_that_would_be_one_too_many_is_refused(opened):
    api = opened(max_documents=1)
    started = send(api, "POST", START, SERVICE)
    assert started.status_int == 201
    reply = send(api, "POST", START, SERVICE)
    assert (reply.status_int, reply.json["code"]) == (507, "TOO_LARGE")
    assert "the table services would have 2 documents" in reply.json["description"]
    # Another table has room of its own.
    create(api, {"name": "n"})


def test_table_does_not_grow_beyond_its_bytes_but_may_shrink(opened):
    api = opened(max_table=3000)
    first, second = (create(api, padded(1000)) for _ in range(2))
    with untouched(api):
        for method, path in (("POST", T), ("PATCH", one(first))):
            error = refused(send(api, method, path, padded(2000)), 507)
            assert "3000 at most (SVCTASKS_MAX_TABLE)" in error["error_message"]
    assert send(api, "PATCH", one(first), padded(10)).status_int == 200
    assert send(api, "PATCH", one(second), padded(1500)).status_int == 200
    refused(send(api, "POST", T, padded(1000)), 507)
    assert send(api, "DELETE", one(second)).status_int == 204
    create(api, padded(1000))


def test_service_does_not_grow_beyond_the_bytes_of_its_table(opened):
    api = opened(max_table=1000)
    address = send(api, "POST", START, SERVICE).headers["Location"]
    while True:
        reply = send(api, "POST", f"{address}/tasks/start", {"task_type": 1})
        if reply.status_int != 201:
            break
    assert (reply.status_int, reply.json["code"]) == (507, "TOO_LARGE")
    tasks = api.get(f"{address}/tasks").json
    assert 3 < len(tasks) < 10


def test_table_that_is_too_large_already_may_shrink(opened):
    with_room = opened()
    tasks = [create(with_room, padded(500)) for _ in range(5)]
    api = opened(max_documents=2, max_table=1000)
    for task in tasks:
        refused(send(api, "PATCH", one(task), padded(600)), 507)
        assert send(api, "PATCH", one(task), padded(400)).status_int == 200
    for task in tasks:
        refused(send(api, "POST", T, {"name": "n"}), 507)
        assert send(api, "DELETE", one(task)).status_int == 204
    create(api, {"name": "n"})


def test_writes_at_once_do_not_exceed_the_limit_together(opened):
    apis = [opened(max_documents=10) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        replies = pool.map(lambda n: send(apis[n % 2], "POST", T, padded(n)), range(40))
        statuses = [each.status_int for each in replies]
    assert sorted(statuses) == [200] * 10 + [507] * 30
    assert len(apis[0].get(T).json) == 10
