"""Totals of lists of which a store counts no more matches than it has to."""

import re
from urllib.parse import unquote

import pytest
from calls import address, create, send
from shared import T

from app.api.parameters import COUNTED
from app.pacing import unhurried
from app.storage import Page
from app.storage.memory import MemoryStore
from app.tables import collections

BOB = "/customers/bob/services"


class Sparing:
    """A store in memory that counts like a database, but two matches for ``COUNTED``."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def find(self, table, query, pace=unhurried):
        page = self._store.find(table, query, pace)
        if None in (query.counted, query.where, query.limit):
            return page
        assert query.counted == COUNTED
        bound = max(2, query.offset + query.limit)
        if page.total <= bound:
            return page
        return Page(page.records, bound + 1, is_least=True)


@pytest.fixture
def another_store(settings):
    return lambda: Sparing(MemoryStore(collections(settings)))


def tasks(api):
    for _ in range(6):
        create(api, {"name": "a"})
    return address(filter={"name": "a"}, limit="1")


def services(api):
    for _ in range(6):
        body = {"customer_id": "bob", "service_type": 100}
        assert send(api, "POST", "/services/start", body).status_int == 201
    return f"{BOB}?limit=1"


@pytest.mark.parametrize("make", [tasks, services])
def test_total_that_is_the_least_is_marked_and_pages_lead_through_all(api, make):
    page, totals = make(api), []
    while page:
        reply = send(api, "GET", page)
        assert len(reply.json) == 1
        kind = reply.headers.get("X-Total-Count-Is")
        totals.append((int(reply.headers["X-Total-Count"]), kind))
        found = re.search('<([^>]*)>; rel="next"', reply.headers.get("Link", ""))
        page = found and unquote(found[1])
    least = [(total, "at-least") for total in (3, 3, 4, 5, 6)]
    assert totals == least + [(6, None)]


def test_query_has_the_mark_too(api):
    tasks(api)
    reply = send(api, "QUERY", T, {"filter": {"name": "a"}, "limit": 2})
    assert reply.headers["X-Total-Count"] == "3"
    assert reply.headers["X-Total-Count-Is"] == "at-least"


@pytest.mark.parametrize("parameters", [{}, {"limit": "1"}, {"filter": {"name": "a"}}])
def test_total_of_the_whole_table_or_of_a_list_without_a_limit_is_exact(
    api, parameters
):
    tasks(api)
    reply = send(api, "GET", address(**parameters))
    assert reply.headers["X-Total-Count"] == "6"
    assert "X-Total-Count-Is" not in reply.headers
