"""Reads from a server that follows: stale by the bound at most, as it is measured."""

from dataclasses import replace

import postgres
import psycopg
import pytest
from notes import ALBUMS, NOTES, note
from shared import until

from app.query import Query
from app.storage.postgresql.store import PostgresStore

STALE = replace(NOTES, may_be_stale=True)


@pytest.fixture(scope="module")
def pair():
    """A server and one that follows it."""
    leader = postgres.Server(*postgres.FAST)
    follower = postgres.Server(*postgres.FAST, leaders=leader.address)
    store = PostgresStore(leader.address, [STALE, ALBUMS])
    store.migrate()
    store.close()
    yield leader, follower
    follower.remove()
    leader.remove()


@pytest.fixture
def opened(pair):
    leader, follower = pair
    stores = []

    def open_(bound):
        replica = follower.address, bound
        stores.append(PostgresStore(leader.address, [STALE, ALBUMS], replica=replica))
        return stores[-1]

    yield open_
    for store in stores:
        store.close()


def replay(follower, act):
    with psycopg.connect(follower.address, autocommit=True) as connection:
        connection.execute(f"SELECT pg_wal_replay_{act}()")


def total(store):
    return store.find("notes", Query()).total


def is_followed(store):
    """Return whether a read comes from the follower, which has all."""
    before = store.replica.fallbacks
    return total(store) == 1 and store.replica.fallbacks == before


def test_what_is_read_from_a_follower_is_stale_by_the_bound_at_most(pair, opened):
    store, strict = opened(3600), opened(0.000001)
    store.load("notes", [note("a")], clear=True)
    until(lambda: is_followed(store))
    replay(pair[1], "pause")
    try:
        store.insert("notes", note("b"))
        # One may be an hour behind, the other may not: it asks the leader.
        assert total(store) == 1
        assert total(strict) == 2
        assert strict.get("notes", "b").key == "b"
        assert strict.replica.fallbacks == 2
    finally:
        replay(pair[1], "resume")
    until(lambda: total(store), lambda n: n == 2)
    found = store.figures()
    assert found["replica_reachable"].value == 1
    assert found["replica_reads"].value >= 2
    assert 0 <= found["replica_lag_seconds"].value < 3600
    assert strict.figures()["replica_fallbacks"].value == 2


def test_reads_within_writes_and_of_other_tables_come_from_the_leader(pair, opened):
    store = opened(3600)
    store.load("notes", [note("a")], clear=True)
    until(lambda: is_followed(store))
    replay(pair[1], "pause")
    try:
        seen = []

        def change(document, _):
            seen.append(total(store))
            return {**document, "n": 1}

        store.insert("notes", note("b"))
        store.update("notes", "a", change)
        assert seen == [2]
        store.load("albums", [{"album_id": 7, "songs": []}], clear=True)
        assert store.get("albums", 7).key == 7
    finally:
        replay(pair[1], "resume")


def test_follower_that_is_gone_is_done_without(pair):
    address = "postgresql://127.0.0.1:1/none"
    store = PostgresStore(pair[0].address, [STALE, ALBUMS], replica=(address, 1))
    store.load("notes", [note("a")], clear=True)
    assert total(store) == 1
    assert store.get("notes", "a").key == "a"
    assert store.figures()["replica_reachable"].value == 0
    assert store.figures()["replica_fallbacks"].value == 2
    store.close()
