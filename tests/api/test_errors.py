"""The form of every error, and what no reply ever shows."""

import errno
import logging
from io import StringIO
from itertools import count

import pytest
from calls import (
    ID,
    LEAKS,
    UNKNOWN,
    address,
    create,
    one,
    refused,
    send,
    unprotected,
    untouched,
)
from documented import Documented
from shared import T, until
from webtest import TestApp

from app.bootstrap import open_service, use_cases
from app.errors import Unavailable
from app.pacing import Pacing

REQUESTS = [
    ("GET", T, None),
    ("POST", T, {"name": "n"}),
    ("LOOKUP", T, ID),
    ("QUERY", T, {}),
    ("GET", UNKNOWN, None),
    ("PATCH", UNKNOWN, {"name": "n"}),
    ("DELETE", UNKNOWN, None),
]


@pytest.mark.parametrize("method, path, body", REQUESTS)
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("secret"),
        OSError(errno.ENOSPC, "No space left", "/srv/secret.json"),
        KeyError("secret"),
        RecursionError("secret"),
        MemoryError("secret"),
        UnicodeEncodeError("utf-8", "secret", 0, 1, "secret"),
    ],
)
def test_unforeseen_error_is_500_and_tells_nothing(
    failing, caplog, method, path, body, error
):
    caplog.set_level(logging.CRITICAL + 1)
    reply = send(failing(error), method, path, body)
    assert refused(reply, 500) == {
        "error_code": 1500,
        "error_message": "The service failed to answer; its log says why",
    }


def test_unforeseen_error_is_logged_with_its_trace(failing, caplog):
    send(failing(RuntimeError("the reason")), "GET", T)
    assert "the reason" in caplog.text and "Traceback" in caplog.text


@pytest.mark.parametrize("method, path, body", REQUESTS)
def test_store_that_cannot_be_reached_is_503(failing, method, path, body):
    error = Unavailable("the journal cannot be written: No space left on device")
    reply = send(failing(error), method, path, body)
    assert refused(reply, 503)["error_message"] == error.message
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.files
@pytest.mark.parametrize("ending", ["", ".journal"])
@pytest.mark.parametrize(
    "collection, path", [("svctasks", T), ("services", "/services/1")]
)
def test_file_that_cannot_be_read_is_named_without_its_folder(
    api, settings, collection, path, ending
):
    (settings.data / f"{collection}.json{ending}").mkdir()

    def reply():
        return api.get(path, expect_errors=True)

    assert until(reply, lambda reply: reply.status_int == 503).json
    for text in (reply().text, api.get("/health", expect_errors=True).text):
        assert str(settings.data) not in text
    told = reply().json
    message = told.get("error_message") or told["description"]
    assert message == f"{collection}.json cannot be read: Is a directory"


@pytest.mark.parametrize(
    "request_, status",
    [
        (("POST", T, {}), 400),
        (("GET", f"{T}?filter=x"), 400),
        (("GET", UNKNOWN), 404),
        (("GET", "/x"), 404),
        (("PUT", T), 405),
        (("POST", T, {"id": ID, "name": "n"}), 409),
        (("POST", T, b" " * (2**20 + 1)), 413),
        (("POST", T, b"x", "text/plain"), 415),
    ],
)
def test_every_error_has_the_one_form(api, request_, status):
    create(api, {"id": ID, "name": "n"})
    with untouched(api):
        refused(send(api, *request_), status)


def test_stale_tag_has_the_one_form(api):
    create(api, {"id": ID, "name": "n"})
    refused(send(api, "DELETE", f"{T}/{ID}", If_Match='"x"'), 412)


def test_message_names_each_field_with_its_fault(api):
    error = refused(send(api, "POST", T, {"isenabled": 2, "name": 1}), 400)
    assert error == {
        "error_code": 1400,
        "error_message": "name: must be a string, not a number; "
        "isenabled: must be 0 or 1",
        "errors": {
            "name": ["must be a string, not a number"],
            "isenabled": ["must be 0 or 1"],
        },
    }


def test_message_stays_short_when_there_are_many(api):
    body = {f"field{number}": 1 for number in range(1000)}
    error = refused(send(api, "POST", T, body), 400)
    assert len(error["errors"]) == 100
    assert error["error_message"].endswith("; and 993 more (errors has the first 100)")
    assert len(error["error_message"]) < 1000


def test_reply_shows_no_path_of_the_machine(api, tmp_path):
    for path in ("/../../etc/passwd", f"{T}/{tmp_path}", f"{T}?x={tmp_path}"):
        reply = send(api, "GET", path)
        assert reply.status_int in (400, 404)
        assert "Traceback" not in reply.text and "site-packages" not in reply.text
    reply = send(api, "GET", T)
    assert not [leak for leak in LEAKS if leak in str(reply.headers)]


def test_error_has_no_headers_of_a_success(api):
    headers = send(api, "GET", f"{T}?limit=x").headers
    assert not {"ETag", "Link", "X-Total-Count", "Allow"} & set(headers)


def test_server_is_not_confused_after_an_error(api):
    send(api, "POST", T, b"[" * 100000)
    send(api, "GET", f"{T}?filter=" + "[" * 1000)
    assert create(api, {"name": "n"})["name"] == "n"


@pytest.fixture
def hurried(settings, clock):
    """The API when each look at the clock finds it a second later."""
    service = open_service(settings, clock, StringIO())
    seconds = count()
    pacing = Pacing(3, 1, 100, clock=lambda: next(seconds), pause=lambda _: None)
    does = use_cases(service.store, settings, clock)
    application = unprotected(service.store, does, settings, pacing=pacing)
    documented = Documented("")
    application.add_middleware(documented)
    yield TestApp(application)
    service.close()
    assert not documented.faults


def test_list_that_takes_too_long_is_503_and_says_when_to_try_again(hurried):
    tasks = [create(hurried, {"name": f"n{number}"}) for number in range(80)]
    start = {"service_type": 1, "customer_id": "bob"}
    for _ in range(80):
        assert send(hurried, "POST", "/services/start", start).status_int == 201
    for path in (T, address(filter={"sites": "x"}), address(order="name", limit="1")):
        reply = send(hurried, "GET", path)
        error = refused(reply, 503)
        assert error["error_message"] == (
            "the query takes longer than 3 seconds (SVCTASKS_QUERY_TIMEOUT); narrow it"
        )
        assert reply.headers["Retry-After"] == "5"
    reply = send(hurried, "GET", "/customers/bob/services")
    assert (reply.status_int, reply.json["code"]) == (503, "INTERNAL")
    assert send(hurried, "GET", one(tasks[0])).status_int == 200
