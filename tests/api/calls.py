"""Requests as a client writes them, and what has to hold of their replies."""

import json
import time
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlencode

from shared import T
from webtest import TestApp, TestRequest

from app.api.access_log import AccessLog
from app.api.application import create_application
from app.logs import json_line
from app.pacing import Pacing
from app.storage.memory import MemoryStore
from app.tables import TOKENS
from app.tokens import Tokens

ID = "380daae6-016c-cdd4-606e-50e54938780c"
OTHER_ID = "86228b15-016c-cdef-ccce-50e54938780c"
UNKNOWN = f"{T}/00000000-0000-0000-0000-000000000000"
JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"

LEAKS = ("Traceback", "site-packages", 'File "', "/srv/", "/tmp/", ".py")
"""What no reply may show."""


def send(api, method, path=T, body=None, content_type=JSON, **headers):
    """Send any request, and return the reply whatever its status is.

    ``body`` is bytes, or a value that is sent as JSON; headers are spelled If_Match.
    """
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    content = {}
    if body is not None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        content = {"body": raw}
        headers["Content-Type"] = content_type
    return api.request(
        path, method=method, headers=headers, expect_errors=True, **content
    )


def raw(api, method="GET", path=T, body=b"", **environ):
    """Send a request with WSGI variables that no ordinary client would cause."""
    request = TestRequest.blank(path, method=method, body=body, content_type=JSON)
    request.environ.update(environ)
    return TestApp(api.app, lint=False).do_request(request, expect_errors=True)


def unprotected(store, does, settings, prefix="", pacing=None):
    """Return the application over ``store``, without a log, a proxy and tokens."""
    return create_application(
        store,
        does,
        Tokens(MemoryStore([TOKENS])),
        AccessLog(json_line, lambda text: None, lambda: 0.0),
        pacing or Pacing(10, 1, 100),
        replace(settings, services_prefix=prefix),
        time.time,
    )


def create(api, body):
    """Create a task and return its complete representation."""
    reply = send(api, "POST", T, body)
    assert reply.status_int == 200, reply.text
    return reply.json


def one(task):
    """Return the address of a task."""
    return f"{T}/{task['id']}"


def address(path=T, **parameters):
    """Return an address with parameters; a value that is no text is written as JSON."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
    }
    return f"{path}?{urlencode(texts)}"


def names(api, **parameters):
    """Return the names of the tasks in a list."""
    return [task["name"] for task in api.get(address(**parameters)).json]


def refused(reply, status):
    """Check that a reply is an error in the contract's form, and return its JSON."""
    assert reply.status_int == status, reply.text
    assert reply.headers["Content-Type"] == JSON
    error = reply.json
    assert list(error) == ["error_code", "error_message", "errors"][: len(error)]
    assert error["error_code"] == 1000 + status
    assert error["error_message"].strip()
    for messages in error.get("errors", {}).values():
        assert messages and all(isinstance(each, str) and each for each in messages)
    assert not [leak for leak in LEAKS if leak in reply.text]
    return error


def contents(api):
    """Return the complete texts of all tasks."""
    return [api.get(one(task)).text for task in api.get(T).json]


@contextmanager
def untouched(api):
    """Check that what happens inside changes no task."""
    before = contents(api)
    yield
    assert contents(api) == before
