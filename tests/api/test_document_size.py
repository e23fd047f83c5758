"""The size of a document: what would grow beyond the limit is refused by both APIs."""

import pytest
from calls import JSON, T, create, one, refused, send, untouched
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

MOST = 1000


@pytest.fixture
def small(tmp_path, log):
    """The API with room for a thousand bytes in a document."""
    settings = Settings.from_environment(data=tmp_path / "data", max_document=MOST)
    service = open_service(settings, log=log)
    yield TestApp(service.application)
    service.close()


def padded(size, **fields):
    return {"name": "n", "ext": {"k": "x" * size}, **fields}


def test_task_that_would_be_too_large_is_not_created(small):
    with untouched(small):
        error = refused(send(small, "POST", T, padded(MOST)), 413)
    assert "1000 at most (SVCTASKS_MAX_DOCUMENT)" in error["error_message"]
    create(small, padded(MOST // 2))


def test_task_does_not_grow_beyond_the_limit_but_may_shrink(small):
    path = one(create(small, padded(500)))
    with untouched(small):
        refused(send(small, "PATCH", path, {"ext": {"l": "x" * 500}}), 413)
    assert send(small, "PATCH", path, {"ext": {"l": "x" * 100}}).status_int == 200


def test_task_that_a_file_made_larger_may_still_shrink(tmp_path, log):
    settings = Settings.from_environment(data=tmp_path / "data")
    with_room = open_service(settings, log=log)
    path = one(create(TestApp(with_room.application), padded(3000)))
    with_room.close()
    settings = Settings.from_environment(data=tmp_path / "data", max_document=MOST)
    service = open_service(settings, log=log)
    api = TestApp(service.application)
    refused(send(api, "PATCH", path, {"ext": {"l": 1}}), 413)
    assert send(api, "PATCH", path, {"ext": {"k": "x" * 2000}}).status_int == 200
    assert send(api, "DELETE", path).status_int == 204
    service.close()


def test_service_does_not_grow_beyond_the_limit(small):
    body = {"service_type": 1, "contact_key": "k"}
    address = send(small, "POST", "/services/start", body).headers["Location"]
    for _ in range(MOST):
        reply = send(small, "POST", f"{address}/tasks/start", {"task_type": 1})
        if reply.status_int != 201:
            break
    assert reply.status_int == 413
    assert reply.headers["Content-Type"] == JSON
    assert reply.json["code"] == "TOO_LARGE"
    tasks = small.get(f"{address}/tasks").json
    assert 3 < len(tasks) < 10
    schema = {
        "name": "Info",
        "type": "single-valued",
        "attributes": [{"name": "a", "type": "string"}],
    }
    send(small, "POST", "/metadata/services/extensions", schema)
    value = {"a": "x" * MOST}
    reply = send(small, "PUT", f"{address}/extensions/Info", value)
    assert reply.json["code"] == "TOO_LARGE"
    assert small.get(f"{address}/tasks").json == tasks
