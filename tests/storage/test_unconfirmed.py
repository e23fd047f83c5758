"""Commits that wait for other nodes, which are not there: they are not said to be done."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import postgres
import psycopg
import pytest
from notes import ALBUMS, NOTES, new_album, note
from severing import Severing
from shared import until

from app.errors import Unavailable
from app.storage.postgresql.store import PostgresStore

COLLECTIONS = [NOTES, ALBUMS]
LONG = 600.0

UNCONFIRMED = "synchronous_standby_names"


@pytest.fixture(scope="module")
def server():
    """A server that leads, and whose commits wait for a node that is not there."""
    server = postgres.Server(*postgres.FAST[:4], "-c", "synchronous_standby_names=gone")
    store = local(server)
    store.migrate()
    store.close()
    yield server
    server.remove()


def local(server):
    """Return a store whose commits wait for no other node."""
    address = f"{server.address}?options=-csynchronous_commit%3Dlocal"
    return PostgresStore(address, COLLECTIONS)


@pytest.fixture
def here(server):
    """A store whose commits do not wait, with one document."""
    store = local(server)
    store.load("notes", [note("a")], clear=True)
    yield store
    store.close()


@pytest.fixture
def opened(server):
    """Opens stores whose commits wait, for so many seconds."""
    stores = []

    def open_(commit_wait=0.1, address=server.address):
        store = PostgresStore(address, COLLECTIONS, most=1, commit_wait=commit_wait)
        stores.append(store)
        return store

    yield open_
    for store in stores:
        store.close()


def one_more(document, _):
    return {**document, "n": document["n"] + 1}


def test_write_that_no_other_node_confirms_is_unavailable_and_reads_go_on(here, opened):
    store = opened()
    for number in range(1, 4):
        with pytest.raises(Unavailable, match=UNCONFIRMED):
            store.update("notes", "a", one_more)
        assert store.get("notes", "a").document["n"] == number
    for write in (
        lambda: store.insert("notes", note("b")),
        lambda: store.load("notes", [note("c"), note("d")]),
        lambda: store.update_each("notes", lambda old: one_more(old, None)),
        lambda: store.remove("notes", "b"),
    ):
        with pytest.raises(Unavailable, match=UNCONFIRMED):
            write()
    assert [past.key for past in here.history("notes")][-3:] == ["c", "d", "b"]
    assert store.figures()["pool_in_use"].value == 0


def test_write_that_finds_unconfirmed_work_done_is_not_acknowledged(here, opened):
    store = opened()

    def to_one(document, _):
        return document if document["n"] == 1 else {**document, "n": 1}

    for _ in range(2):
        with pytest.raises(Unavailable, match=UNCONFIRMED):
            store.update("notes", "a", to_one)
    assert here.update("notes", "a", to_one).document["n"] == 1


def test_write_whose_commit_had_no_reply_is_not_found_to_be_done(server, here, opened):
    proxy = Severing(urlsplit(server.address).port)
    store = opened(
        address=server.address.replace(f":{server.port}/", f":{proxy.port}/")
    )
    store.get("notes", "a")
    proxy.sever_after(b"COMMIT")
    with pytest.raises(Unavailable, match=UNCONFIRMED):
        store.update("notes", "a", one_more)
    assert proxy.severed.is_set()
    assert here.get("notes", "a").document["n"] == 1
    proxy.close()


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_wait_that_an_operator_ends_is_no_confirmation(server, here, opened, end):
    store = opened(LONG)
    with (
        psycopg.connect(server.address, autocommit=True) as owner,
        ThreadPoolExecutor() as pool,
    ):
        writing = pool.submit(store.update, "notes", "a", one_more)

        def end_wait():
            owner.execute(
                f"SELECT {end}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            )
            # A write that lost its connection waits once more, and by the next one.
            return writing.done()

        until(end_wait)
        with pytest.raises(Unavailable):
            writing.result()
    assert here.get("notes", "a").document["n"] == 1


def test_id_that_no_other_node_knows_to_be_given_is_not_given(here, opened):
    store = opened()
    with pytest.raises(Unavailable, match=UNCONFIRMED):
        store.add("albums", new_album())
    assert list(here.scan("albums")) == []
    here.add("albums", new_album())
