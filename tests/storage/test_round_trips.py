"""How often a request waits for the database: each wait is its way there and back."""

from urllib.parse import urlsplit

import postgres
import pytest
from calls import address, send
from counting import Counting
from shared import T
from webtest import TestApp

from app.bootstrap import collections, open_service
from app.settings import Settings
from app.storage.postgresql.store import PostgresStore

ID = "380daae6-016c-cdd4-606e-50e54938780c"
ONE = f"{T}/{ID}"
LIST = address(filter={"name": "a"}, order=["name"], limit="20")
SERVICE = "/services/1"
STARTED = {"customer_id": "bob", "service_type": 100}

WARM = 8
"""Requests after which statements are prepared, and what is seldom read is known."""


@pytest.fixture(scope="module")
def counting():
    """The way to the database."""
    proxy = Counting(urlsplit(postgres.address()).port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def api(counting, tmp_path_factory):
    """The API over a database by that way, with a task and a service."""
    settings = Settings.from_environment(data=tmp_path_factory.mktemp("data"))
    known = collections(settings)
    straight = postgres.Tables(known).address
    port = urlsplit(straight).port
    # What is leased is read once: how often it is again depends on the time.
    store = PostgresStore(
        straight.replace(f":{port}/", f":{counting.port}/"), known, most=1, lease=600
    )
    service = open_service(settings, store=store)
    api = TestApp(service.application)
    api.post_json(T, {"id": ID, "name": "a"})
    api.post_json("/services/start", STARTED)
    yield api
    service.close()


# Writes begin with their table held, find what they change, note it, and commit.
REQUESTS = {
    "GET one": ("GET", ONE, None, 1),
    "list": ("GET", LIST, None, 1),
    "list of all": ("GET", T, None, 1),
    "LOOKUP": ("LOOKUP", T, ID, 1),
    "POST": ("POST", T, {"name": "b"}, 3),
    "PATCH": ("PATCH", ONE, None, 4),
    "GET service": ("GET", SERVICE, None, 1),
    "list of services": ("GET", "/customers/bob/services?limit=9", None, 1),
    "start of a service": ("POST", "/services/start", STARTED, 4),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_request_waits_for_the_database_as_often_as_it_has_to(api, counting, name):
    method, path, body, expected = REQUESTS[name]
    waited = []
    for number in range(WARM):
        before = counting.waits
        # A patch that changes nothing has less to do.
        changed = {"name": f"{number}"} if method == "PATCH" else body
        reply = send(api, method, path, changed)
        assert reply.status_int < 300, reply.text
        waited.append(counting.waits - before)
    assert waited[-1] == expected
