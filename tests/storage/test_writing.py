"""Writes that come at the same time: carried out together, each by itself."""

import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from notes import note, open_notes

from app.errors import Conflict, NotFound, Stale, Unavailable
from app.storage.writing import Changes

WRITERS = 12


@pytest.fixture
def store(tmp_path):
    store = open_notes(tmp_path)
    yield store
    store.close()


@contextmanager
def crowd(store, *writes):
    """Start ``writes`` while another one is under way, so that they come together.

    Returns the futures of their results; at the end of the context, all go on.
    """
    begun, may_go_on = threading.Event(), threading.Event()
    started = threading.Barrier(len(writes) + 1)

    def slow(document, _):
        begun.set()
        assert may_go_on.wait(30)
        return document

    def start(write):
        started.wait(30)
        return write()

    store.insert("notes", note("slow"))
    with ThreadPoolExecutor(len(writes) + 1) as pool:
        pool.submit(store.update, "notes", "slow", slow)
        assert begun.wait(30)
        futures = [pool.submit(start, write) for write in writes]
        started.wait(30)
        yield futures
        may_go_on.set()


def counted(document, _):
    return {**document, "n": document["n"] + 1}


def test_each_write_sees_those_before_it(store):
    store.insert("notes", note("a"))
    count = lambda: store.update("notes", "a", counted).document["n"]  # noqa: E731
    with crowd(store, *[count] * WRITERS) as futures:
        pass
    assert sorted(each.result() for each in futures) == list(range(1, WRITERS + 1))
    assert store.get("notes", "a").document["n"] == WRITERS


def test_a_key_is_added_once(store):
    add = lambda: store.insert("notes", note("a"))  # noqa: E731
    with crowd(store, *[add] * WRITERS) as futures:
        pass
    errors = [each.exception() for each in futures]
    assert errors.count(None) == 1
    assert {type(error) for error in errors} == {type(None), Conflict}


def test_what_one_removes_is_gone_for_the_others(store):
    store.insert("notes", note("a"))
    remove = lambda: store.remove("notes", "a")  # noqa: E731
    with crowd(store, *[remove] * WRITERS) as futures:
        pass
    errors = [each.exception() for each in futures]
    assert errors.count(None) == 1
    assert {type(error) for error in errors} == {type(None), NotFound}


def test_ids_are_different(store):
    def make(next_id):
        return {"album_id": next_id("album"), "artist": "", "songs": []}

    add = lambda: store.add("albums", make).document["album_id"]  # noqa: E731
    with crowd(store, *[add] * WRITERS) as futures:
        pass
    assert sorted(each.result() for each in futures) == list(range(1, WRITERS + 1))


def test_all_see_what_a_whole_table_is_changed_to(store):
    def every(document):
        return counted(document, None)

    writes = [
        lambda: store.insert("notes", note("a")),
        lambda: store.update_all("notes", every),
        lambda: store.insert("notes", note("b")),
        lambda: store.update_all("notes", every),
    ]
    with crowd(store, *writes) as futures:
        pass
    counts = sum(each.result() for each in (futures[1], futures[3]))
    stored = [store.get("notes", key).document["n"] for key in ("slow", "a", "b")]
    assert (sum(stored), stored[0]) == (counts, 2)


def test_one_that_fails_does_not_keep_the_others(store, tmp_path):
    store.insert("notes", note("a"))

    def broken(document, _):
        raise ZeroDivisionError

    writes = [
        lambda: store.insert("notes", note("b")),
        lambda: store.update("notes", "none", counted),
        lambda: store.update("notes", "a", broken),
        lambda: store.update("notes", "a", counted, revisions={0}),
        lambda: store.insert("notes", note("c")),
    ]
    with crowd(store, *writes) as futures:
        pass
    errors = [type(each.exception()) for each in futures]
    done = type(None)
    assert errors == [done, NotFound, ZeroDivisionError, Stale, done]
    store.close()
    again = open_notes(tmp_path)
    assert {each.key for each in again.table("notes").documents} == {*"abc", "slow"}
    again.close()


def test_what_cannot_be_written_is_not_acknowledged_to_anybody(store):
    """An entry that is no JSON is a fault of the code; nobody may take it for written."""

    def broken(documents, _):
        return Changes([], [object()])

    writes = [
        lambda: store.insert("notes", note("a")),
        lambda: store.table("notes").write(broken),
        lambda: store.insert("notes", note("b")),
        lambda: store.insert("notes", note("c", more={1, 2})),
    ]
    with crowd(store, *writes) as futures:
        pass
    errors = [type(each.exception()) for each in futures]
    assert issubclass(errors[1], TypeError | Unavailable)
    assert issubclass(errors[3], TypeError)
    found = {each.key for each in store.table("notes").documents}
    for key, error in (("a", errors[0]), ("b", errors[2])):
        assert (key in found) == (error is type(None))
    store.insert("notes", note("d"))
    assert store.get("notes", "d").document == note("d")


def test_none_is_carried_out_where_not_all_can_be_written(store):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    large = [note(key, more={"text": "x" * 5000}) for key in "abcdef"]
    writes = [lambda each=each: store.insert("notes", each) for each in large]
    try:
        with crowd(store, *writes) as futures:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert {type(each.exception()) for each in futures} == {Unavailable}
    assert [each.key for each in store.table("notes").documents] == ["slow"]
    store.insert("notes", large[0])
    assert store.get("notes", "a").document == large[0]
