"""What the store on PostgreSQL does beyond the contract: faults, forks, pools, limits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import postgres
import psycopg
import pytest
from notes import ALBUMS, NOTES, Child, new_album, note, query
from severing import Severing

from app.errors import Stale, TableFull, Unavailable
from app.query import Query
from app.storage import Limits
from app.storage.postgresql.connections import PATIENCE, PAUSE, Connections
from app.storage.postgresql.store import PostgresStore


@pytest.fixture
def tables(tmp_path):
    return postgres.tables(tmp_path, [NOTES, ALBUMS])


@pytest.fixture
def store(tables):
    store = tables.open()
    yield store
    store.close()


def one_more(document, _):
    return {**document, "n": document["n"] + 1}


# Forks and pools


def test_child_of_a_fork_has_connections_and_ids_of_its_own(store):
    store.insert("notes", note("a"))
    store.add("albums", new_album())

    def increment():
        ids = []
        for _ in range(20):
            store.update("notes", "a", one_more)
            ids.append(store.add("albums", new_album()).key)
        return ids

    children = [Child(increment) for _ in range(2)]
    ids = increment()
    for child in children:
        ids += child.result()
    assert store.get("notes", "a").document["n"] == 60
    assert len(set(ids)) == 60


def test_pool_that_is_exhausted_is_unavailable_and_then_goes_on(tables):
    store = tables.open(most=1)
    store.insert("notes", note("a"))
    holds, goes_on = threading.Event(), threading.Event()

    def hold(document, _):
        holds.set()
        assert goes_on.wait(600)
        return document

    with ThreadPoolExecutor() as pool:
        holder = pool.submit(store.update, "notes", "a", hold)
        assert holds.wait(600)
        with pytest.raises(Unavailable, match="all connections"):
            store.get("notes", "a")
        assert store.figures()["pool_timeouts"].value == 1
        goes_on.set()
        holder.result()
    assert store.get("notes", "a").key == "a"
    store.close()


def test_reads_within_writes_need_no_second_connection(tables):
    store = tables.open(most=2)
    store.insert("notes", *(note(f"{n}") for n in range(2)))
    both = threading.Barrier(2, timeout=600)

    def change(document, _):
        both.wait()
        store.get("notes", "0")
        store.find("notes", Query())
        list(store.scan("notes"))
        return {**document, "n": 1}

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: store.update("notes", f"{n}", change), range(2)))
    assert [each.document["n"] for each in store.scan("notes")] == [1, 1]
    store.close()


@pytest.mark.parametrize("most", [1, 8])
def test_changes_that_read_do_not_lock_up_a_pool(tables, most):
    store = tables.open(most=most)
    store.insert("notes", note("a"))

    def change(document, _):
        assert store.find("notes", Query()).total == 1
        return {**document, "n": store.get("notes", "a").document["n"] + 1}

    def add(_):
        try:
            store.update("notes", "a", change)
        except Unavailable:
            # On a busy machine a thread may wait in vain for its turn.
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(add, range(40)))
    assert store.get("notes", "a").document["n"] == done > 0
    assert store.figures()["pool_in_use"].value == 0
    store.close()


# Lost connections


@contextmanager
def severing(tables):
    """A way to the tables that can be broken, and a store by it."""
    parts = urlsplit(tables.address)
    proxy = Severing(parts.port)
    address = tables.address.replace(f":{parts.port}/", f":{proxy.port}/")
    store = PostgresStore(address, [NOTES, ALBUMS])
    yield proxy, store
    store.close()
    proxy.close()


def test_write_whose_commit_had_no_reply_is_done_once(tables):
    with severing(tables) as (proxy, store):
        store.insert("notes", note("a"))
        for number in range(1, 6):
            proxy.severed.clear()
            proxy.sever_after(b"COMMIT")
            record = store.update("notes", "a", one_more)
            assert proxy.severed.is_set()
            assert record.document["n"] == number
        proxy.sever_after(b"COMMIT")
        added = store.add("albums", new_album())
        assert store.get("albums", added.key) == added
        proxy.sever_after(b"COMMIT")
        store.remove("notes", "a")
        assert store.find("albums", Query()).total == 1
        assert [past.is_removal for past in store.history("notes")] == [False] * 6 + [
            True
        ]


def test_write_that_lost_its_connection_before_the_commit_is_done_once(tables):
    with severing(tables) as (proxy, store):
        store.insert("notes", note("a"))
        for word in (b"BEGIN", b"FOR UPDATE", b"UPDATE", b"INSERT INTO changes"):
            proxy.severed.clear()
            proxy.sever_after(word)
            store.update("notes", "a", one_more)
            assert proxy.severed.is_set()
        assert store.get("notes", "a").document["n"] == 4


def test_reads_come_back_when_the_server_has_ended_all_connections(store):
    store.insert("notes", note("a"))
    with psycopg.connect(postgres.address()) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'svctasks'"
        )
    assert store.get("notes", "a").key == "a"
    store.update("notes", "a", one_more)


class Time:
    """Time that passes while somebody pauses."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("takes", [0.0, 0.5, 3.0])
def test_what_fails_is_tried_again_for_two_seconds_and_no_longer(tables, takes):
    passes = Time()
    connections = Connections(tables.address, 1, 10.0, clock=passes, pause=passes.pause)
    begun = []

    def fail(connection):
        begun.append(passes.now - 1000)
        passes.pause(takes)
        raise psycopg.OperationalError("the connection is lost")

    with pytest.raises(Unavailable):
        connections.run(fail)
    assert max(begun) <= PATIENCE
    assert passes.now - 1000 <= PATIENCE + takes
    assert passes.now - 1000 + PAUSE > PATIENCE
    assert connections.figures()["retries"].value == len(begun) - 1
    connections.close()


def test_server_that_is_not_there_is_unavailable():
    store = PostgresStore("postgresql://127.0.0.1:1/none", [NOTES])
    for act in (
        lambda: store.get("notes", "a"),
        lambda: store.insert("notes", note("a")),
        lambda: list(store.scan("notes")),
        store.ping,
        store.check,
        store.migrate,
    ):
        with pytest.raises(Unavailable):
            act()
    store.close()


def test_pool_tries_to_connect_again_while_a_request_waits():
    store = PostgresStore("postgresql://127.0.0.1:1/none", [NOTES])
    with pytest.raises(Unavailable):
        store.get("notes", "a")
    # One alone was followed by a second one, and then by none for those who waited.
    assert store.figures()["connections_failed"].value > 2
    store.close()


# Changes, in the order of the commits


def test_change_that_is_committed_behind_a_later_one_is_not_skipped(store, tables):
    store.insert("notes", note("slow"), note("fast"))
    position = store.changes("notes", None, 1).position
    begun, goes_on = threading.Event(), threading.Event()

    def slow(document, next_id):
        # The transaction has its number from here on.
        next_id("any")
        begun.set()
        assert goes_on.wait(600)
        return one_more(document, next_id)

    with ThreadPoolExecutor() as pool:
        writer = pool.submit(store.update, "notes", "slow", slow)
        assert begun.wait(600)
        store.update("notes", "fast", one_more)
        early = store.changes("notes", position, 10)
        goes_on.set()
        writer.result()
    late = store.changes("notes", early.position, 10)
    keys = [each.key for feed in (early, late) for each in feed.changes]
    assert sorted(keys) == ["fast", "slow"]


def test_updates_of_a_serial_table_see_all_that_is_in_it(tmp_path):
    serial = replace(NOTES, name="serials", is_serial=True)
    stores = [postgres.tables(tmp_path, [serial]).open() for _ in range(2)]
    stores[0].insert("serials", *[note(f"{number}") for number in range(40)])

    def claim(number):
        store = stores[number % 2]

        def claimed(old, _):
            taken = store.find("serials", query({"n": 1})).total
            return old if taken >= 3 else {**old, "n": 1}

        store.update("serials", f"{number}", claimed)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(claim, range(40)))
    assert stores[0].find("serials", query({"n": 1})).total == 3
    for store in stores:
        store.close()


# Limits, and what an index cannot hold


def test_writes_at_the_same_time_do_not_exceed_a_limit_together(tables):
    stores = [tables.open(limits=Limits(documents=50, size=1 << 20)) for _ in range(2)]

    def insert(number):
        try:
            stores[number % 2].insert("notes", note(f"{number}"))
        except TableFull:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(insert, range(80))) == 50
    assert stores[0].find("notes", Query()).total == 50
    for store in stores:
        store.close()


def test_long_and_odd_values_are_stored_found_and_sorted(store):
    long = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(10_000))
    store.insert("notes", note(long, name=long), note("b", name="a\0b"))
    assert store.get("notes", long).document["name"] == long
    assert store.get("notes", "b").document["name"] == "a\0b"
    [found] = store.find("notes", query({"name": long})).records
    assert found.key == long
    assert store.find("notes", query({"name": "a\0b"})).total == 0
    assert store.find("notes", query(order=["name"])).total == 2


def test_readers_see_all_or_nothing_of_a_load_that_clears(store):
    store.insert("notes", *(note(f"{n}") for n in range(100)))
    done = threading.Event()
    counts = set()

    def look():
        while not done.is_set():
            counts.add(len(store.find("notes", Query()).records))
            counts.add(len(list(store.scan("notes"))))

    with ThreadPoolExecutor() as pool:
        looking = pool.submit(look)
        for start in range(5):
            store.load("notes", [note(f"{start} {n}") for n in range(100)], clear=True)
        done.set()
        looking.result()
    assert counts == {100}


def test_counts_are_those_of_the_documents(store):
    store.insert("notes", *(note(f"{n}") for n in range(5)))
    store.load("notes", [note("0", 1), note("x")])
    store.remove("notes", "1")
    store.load("albums", [new_album()(lambda sequence: 7)], clear=True)
    assert list(store.findings()) == []
    assert store.status()["notes"].documents == 5


# Leases


def test_version_of_a_leased_table_is_read_once_in_a_lease(tmp_path):
    leased = replace(NOTES, name="leased", is_leased=True)
    tables = postgres.tables(tmp_path, [leased])
    reader, writer = tables.open(lease=600), tables.open()
    first = reader.version("leased")
    writer.insert("leased", note("a"))
    assert reader.version("leased") == first
    assert writer.version("leased") != first

    def change(document, _):
        # Within a write nothing is stale; this one is not done, and waits for no lease.
        assert reader.version("leased") != first
        raise Stale("enough")

    with pytest.raises(Stale, match="enough"):
        reader.update("leased", "a", change)
    for each in (reader, writer):
        each.close()


def test_write_of_a_leased_table_returns_when_no_reader_relies_on_the_former(tmp_path):
    leased = replace(NOTES, name="leased", is_leased=True)
    tables = postgres.tables(tmp_path, [leased])
    stores = [tables.open(lease=0.05) for _ in range(3)]
    writer, *readers = stores
    acknowledged = writer.version("leased")
    is_over = threading.Event()

    def read(reader):
        while not is_over.is_set():
            known = acknowledged
            assert reader.version("leased") >= known

    with ThreadPoolExecutor() as pool:
        reading = [pool.submit(read, reader) for reader in readers]
        try:
            for number in range(20):
                writer.insert("leased", note(f"{number}"))
                acknowledged += 1
        finally:
            is_over.set()
        for each in reading:
            each.result()
    for each in stores:
        each.close()
