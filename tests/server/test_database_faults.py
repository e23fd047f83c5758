"""A database that is slow, full, gone or paused: what clients, health and metrics say."""

import json
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import postgres
import psycopg
import pytest
from running import Server, children, svctasks
from servers import SERVERS
from shared import T, until

from app.storage.postgresql.schema import VERSION

STARTED = {"contact_key": "555-0100", "service_type": 100}
UNCONFIRMED = "synchronous_standby_names"

BOUND = 60
"""Seconds that no request takes, however busy a machine is: it waits for a few at most."""


@pytest.fixture(scope="module")
def database():
    """A database server of its own, with tables of a role that may connect twice."""
    # A server that is stopped must not lose what it acknowledged.
    server = postgres.Server()
    with psycopg.connect(server.address, autocommit=True) as owner:
        owner.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 2")
        owner.execute("CREATE SCHEMA few AUTHORIZATION few")
    for address in (server.address, few(server)):
        migrated = svctasks("migrate", "--store", address)
        assert migrated.returncode == 0, migrated.stderr
    yield server
    server.remove()


def few(database):
    """Return the address by which a server has two connections, and tables of its own."""
    address = database.address.replace("svctasks@", "few@")
    return f"{address}?options=-csearch_path%3Dfew"


@pytest.fixture(scope="module", params=SERVERS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def server(database, kind, tmp_path_factory):
    """A server of one worker over the database."""
    data = tmp_path_factory.mktemp("data")
    given = "--store", database.address, "--workers", "1", "--server", kind
    server = Server(data, *given)
    yield server
    server.kill()


def created(server):
    reply = server.request("POST", T, {"name": "a"})
    assert reply.status == 200, reply.text
    return f"{T}/{reply.json['id']}"


@contextmanager
def locked(address, path):
    """Hold the row of a task, as a transaction of another program would."""
    with psycopg.connect(address) as other:
        id_ = path.rpartition("/")[2]
        other.execute(
            "SELECT 1 FROM svctasks WHERE document ->> 'id' = %s FOR UPDATE", (id_,)
        )
        yield
        other.rollback()


@contextmanager
def bounded():
    """Check that what is done ends, and not only when somebody gives it up."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < BOUND


def at_once(server, requests):
    """Return the replies to requests that are sent at the same moment."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: server.request(*request), requests))


def is_refused(reply):
    assert reply.status == 503, reply.text
    assert int(reply.headers["retry-after"]) >= 1
    return reply.text


def test_row_that_another_program_holds_is_503_and_others_go_on(database, server):
    held, free = created(server), created(server)
    with locked(database.address, held), ThreadPoolExecutor() as pool:
        patches = [
            pool.submit(server.request, "PATCH", held, {"name": "b"}) for _ in range(4)
        ]
        assert server.request("GET", held).json["name"] == "a"
        assert server.request("PATCH", free, {"name": "b"}).status == 200
        for each in patches:
            is_refused(each.result())
    assert server.request("PATCH", held, {"name": "c"}).status == 200


def test_pool_that_is_exhausted_is_503_in_bounded_time(database, kind, tmp_path):
    given = "--store", few(database), "--workers", "1", "--server", kind
    server = Server(tmp_path, *given)
    try:
        held = created(server)
        is_over = threading.Event()

        def patch():
            while not is_over.is_set():
                is_refused(server.request("PATCH", held, {"name": "b"}))

        def refused(*request):
            """Ask until all connections wait for the row when a request comes."""
            reply = until(lambda: server.request(*request), lambda r: r.status == 503)
            assert "all connections" in is_refused(reply)

        with locked(few_as_owner(database), held), ThreadPoolExecutor() as pool:
            patching = [pool.submit(patch) for _ in range(3)]
            try:
                refused("GET", held)
                refused("POST", T, {"name": "n"})
            finally:
                is_over.set()
            for each in patching:
                each.result()
        assert server.request("PATCH", held, {"name": "c"}).status == 200
        found = server.request("GET", "/health").json["postgresql"]
        assert found["pool_timeouts"] >= 2
        assert found["pool_wait_seconds"] > 0
    finally:
        server.kill()


def few_as_owner(database):
    return f"{database.address}?options=-csearch_path%3Dfew"


def test_health_and_metrics_have_the_figures_of_the_pool(server):
    created(server)
    found = server.request("GET", "/health").json["postgresql"]
    assert found["schema_version"] >= 1
    assert found["pool_size"] >= 1
    assert found["pool_in_use"] == found["pool_waiting"] == 0
    lines = server.request("GET", "/metrics").text.splitlines()
    for line in (
        "# TYPE svctasks_pool_size gauge",
        "# TYPE svctasks_retries_total counter",
        "svctasks_pool_waiting 0.0",
    ):
        assert line in lines
    names = {line.split()[0] for line in lines}
    for name, value in found.items():
        assert isinstance(value, int | float)
        assert {f"svctasks_{name}", f"svctasks_{name}_total"} & names, name


def test_metrics_are_those_of_all_workers(database, kind, tmp_path):
    given = "--store", database.address, "--workers", "2", "--server", kind
    server = Server(tmp_path, *given)

    def most():
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: server.request("GET", T + "?limit=1"), range(16)))
        lines = server.request("GET", "/metrics").text.splitlines()
        pairs = dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")
        return pairs["svctasks_pool_max"], pairs["svctasks_schema_version"]

    try:
        until(most, lambda found: found == ("20.0", f"{VERSION}.0"))
    finally:
        server.kill()


def said(server):
    """Return what the server has logged about its database."""
    lines = map(json.loads, server.logged().splitlines())
    messages = [line["message"] for line in lines]
    return [m for m in messages if "are lost" in m or "answers again" in m]


def test_outage_is_503_with_retry_after_and_ends_with_the_database(database, server):
    task = created(server)
    before = len(said(server))
    workers = server.workers(1)
    database.stop()
    try:
        requests = (
            ("GET", task),
            ("POST", T, {"name": "b"}),
            ("GET", T),
            ("DELETE", task),
        )
        with bounded():
            for reply in at_once(server, requests * 2):
                assert is_refused(reply)
            assert server.request("GET", "/health").status == 503
    finally:
        database.start()
    with bounded():
        while (reply := server.request("GET", task)).status != 200:
            is_refused(reply)
        created(server)
    assert server.workers(1) == workers
    assert server.request("GET", "/health").status == 200
    # One line for all requests that failed, and one when they succeed again.
    lost, back = said(server)[before:]
    assert "postgres on 127.0.0.1 are lost" in lost
    assert "postgres on 127.0.0.1 answers again, after" in back


def test_database_that_is_paused_is_503_and_goes_on(database, server):
    task = created(server)
    master = database.pid()
    processes = [master, *children(master)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        with bounded():
            for reply in at_once(server, [("GET", task)] * 12):
                is_refused(reply)
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    with bounded():
        while (reply := server.request("GET", task)).status != 200:
            is_refused(reply)
        created(server)


def wait_for(database, names):
    """Have commits wait for these other nodes, from soon on."""
    with psycopg.connect(database.address, autocommit=True) as owner:
        owner.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        owner.execute("SELECT pg_reload_conf()")


def test_write_that_other_nodes_do_not_confirm_is_503_until_they_are_not_needed(
    database, server
):
    tasks = [created(server) for _ in range(5)]
    workers = server.workers(1)

    def patch(name="b"):
        return server.request("PATCH", tasks[0], {"name": name})

    wait_for(database, "gone")
    try:
        with bounded():
            first = until(patch, lambda reply: reply.status == 503)
            assert UNCONFIRMED in is_refused(first)
            requests = (
                ("PATCH", tasks[0], {"name": "b"}),
                ("PATCH", tasks[1], {"name": "b"}),
                ("DELETE", tasks[2]),
                ("POST", T, {"name": "c"}),
                ("POST", "/services/start", STARTED),
            )
            replies = at_once(server, requests)
            # One may wait for another: for its task, or for the row in which both count.
            for reply in replies:
                assert re.search(f"{UNCONFIRMED}|another writer", is_refused(reply))
            # Nobody else writes to the services.
            assert UNCONFIRMED in is_refused(replies[-1])
            assert server.request("GET", tasks[3]).status == 200
    finally:
        wait_for(database, "")
    with bounded():
        until(lambda: patch("d"), lambda reply: reply.status == 200)
        for path in tasks[1], tasks[3], tasks[4]:
            assert server.request("PATCH", path, {"name": "d"}).status == 200
    assert server.request("GET", tasks[0]).json["name"] == "d"
    assert server.workers(1) == workers
