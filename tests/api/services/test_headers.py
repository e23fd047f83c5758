"""The headers that all replies have, those without a body too."""

import pytest
from calls import ID, JSON, UNKNOWN, create, one, raw, send
from service_calls import define, start
from shared import T


@pytest.fixture
def task(api):
    return create(api, {"id": ID, "name": "n"})


def assert_has_no_body(reply, status):
    assert (reply.status_int, reply.body) == (status, b"")
    assert "Content-Type" not in reply.headers


def test_a_reply_without_a_body_has_no_content_type(api, task):
    service = start(api)
    define(api, "services", "note", "a")
    define(api, "tasks", "note", "a")
    of_service, work = f"{service}/extensions/note", start(api, f"{service}/tasks")
    tag = api.get(one(task)).headers["ETag"]
    assert_has_no_body(send(api, "GET", one(task), If_None_Match=tag), 304)
    assert_has_no_body(send(api, "OPTIONS", one(task)), 200)
    assert_has_no_body(send(api, "OPTIONS", service), 200)
    assert_has_no_body(send(api, "DELETE", one(task)), 204)
    assert_has_no_body(send(api, "PUT", of_service, {"a": "x"}), 204)
    put = send(api, "PUT", f"{work}/extensions/note", {"a": "x"})
    assert_has_no_body(put, 200)
    assert_has_no_body(send(api, "POST", f"{work}/end"), 200)
    assert_has_no_body(send(api, "POST", f"/customers/c{service}"), 200)
    assert_has_no_body(send(api, "POST", f"{service}/end"), 200)
    assert_has_no_body(send(api, "DELETE", "/metadata/tasks/extensions/note"), 204)


def test_a_reply_to_head_has_the_headers_of_get(api, task):
    for path in (T, one(task), "/health", "/metrics", "/openapi.json", "/docs"):
        got, reply = api.get(path), api.head(path)
        assert reply.body == b""
        for name in ("Content-Type", "Cache-Control", "X-Content-Type-Options"):
            assert reply.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (T, 200),
        (UNKNOWN, 404),
        ("/nowhere", 404),
        ("/services/1", 404),
        ("/metadata/services/extensions", 200),
        ("/openapi.json", 200),
        ("/docs", 200),
        ("/", 200),
    ],
)
def test_a_reply_may_be_kept_only_if_it_is_asked_for_again(api, path, status):
    """A 404 without such a header may be kept for as long as a cache likes."""
    reply = send(api, "GET", path)
    assert (reply.status_int, reply.headers["Cache-Control"]) == (status, "no-cache")


@pytest.mark.parametrize("path", ["/health", "/metrics", "/server/status"])
def test_a_reply_that_is_of_this_moment_is_not_kept(api, path):
    assert api.get(path).headers["Cache-Control"] == "no-store"


def test_the_type_of_a_reply_is_not_to_be_guessed(api, task):
    for reply in (
        send(api, "GET", T),
        send(api, "POST", T, {"name": "n"}),
        send(api, "POST", T, {}),
        send(api, "BREW", T),
        send(api, "GET", "/nowhere"),
        send(api, "GET", "/docs/swagger-ui.css"),
        send(api, "DELETE", one(task)),
    ):
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_an_error_is_json_whatever_was_to_be_sent(api):
    reply = raw(api, path="/docs/none.css")
    assert (reply.status_int, reply.headers["Content-Type"]) == (404, JSON)
