"""Writes that come at the same time: carried out together, each by itself."""

import errno
import resource
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from notes import note, open_notes
from shared import PATIENCE

from app.errors import Conflict, NotFound, Stale, Unavailable
from app.storage.files import group_commit
from app.storage.files.writing import Changes

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
        assert may_go_on.wait(PATIENCE)
        return document

    def start(write):
        started.wait(PATIENCE)
        return write()

    store.insert("notes", note("slow"))
    with ThreadPoolExecutor(len(writes) + 1) as pool:
        pool.submit(store.update, "notes", "slow", slow)
        assert begun.wait(PATIENCE)
        futures = [pool.submit(start, write) for write in writes]
        started.wait(PATIENCE)
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
        lambda: store.update_each("notes", every),
        lambda: store.insert("notes", note("b")),
        lambda: store.update_each("notes", every),
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
    assert {each.key for each in again.table("notes").documents} == {
        "a",
        "b",
        "c",
        "slow",
    }
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


class Disk:
    """Flushes that are counted, and that fail when they are told to."""

    def __init__(self):
        self.flushed = 0
        self.error = None

    def __call__(self, descriptor):
        self.flushed += 1
        if self.error:
            raise self.error


def test_one_flush_serves_all_that_come_together(tmp_path):
    disk = Disk()
    store = open_notes(tmp_path, disk)
    store.insert("notes", note("a"))
    # So many that most are in the line, however busy the machine is.
    writes = [lambda: store.update("notes", "a", counted)] * (8 * WRITERS)
    with crowd(store, *writes) as futures:
        before = disk.flushed
    assert {each.exception() for each in futures} == {None}
    # Those that were not yet in the queue, and a checkpoint by the keeper, have their own.
    assert 1 <= disk.flushed - before < len(writes)
    store.close()


def test_failed_flush_fails_all_who_wait_for_it(tmp_path):
    disk = Disk()
    store = open_notes(tmp_path, disk)
    writes = [lambda each=each: store.insert("notes", note(each)) for each in "abcdef"]
    with crowd(store, *writes) as futures:
        disk.error = OSError(errno.EIO, "Input/output error")
    for each in futures:
        with pytest.raises(Unavailable, match="Input/output error"):
            each.result()
    disk.error = None
    with pytest.raises(Unavailable, match="Input/output error"):
        store.insert("notes", note("g"))
    store.close()


class Interruption(BaseException):
    """What a signal does to the thread that it interrupts."""


def _sleeps_in_line(thread):
    code = sys._current_frames()[thread].f_code
    return code.co_filename == group_commit.__file__ and code.co_name == "wait"


def test_thread_that_is_interrupted_in_the_line_keeps_nobody_waiting(store):
    """It is the first there, and leads those who come after it."""
    main = threading.main_thread().ident
    begun, may_go_on = threading.Event(), threading.Event()
    store.insert("notes", note("slow"))

    def slow(document, _):
        begun.set()
        assert may_go_on.wait(PATIENCE)
        return document

    def interrupt(*_):
        raise Interruption

    def others():
        while not _sleeps_in_line(main):
            pass
        signal.pthread_kill(main, signal.SIGUSR1)
        futures = [pool.submit(store.insert, "notes", note(key)) for key in "bc"]
        may_go_on.set()
        return [each.result(PATIENCE)[0].key for each in futures]

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with ThreadPoolExecutor(4) as pool:
            pool.submit(store.update, "notes", "slow", slow)
            assert begun.wait(PATIENCE)
            keys = pool.submit(others)
            with pytest.raises(Interruption):
                store.insert("notes", note("a"))
            assert keys.result(PATIENCE) == ["b", "c"]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert store.get("notes", "a").document == note("a")
