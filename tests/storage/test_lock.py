"""Nobody waits without end for a table that somebody else holds, and reads go on."""

import fcntl
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import orjson
import pytest
from notes import Child, edit, entries, journal, note, open_table
from shared import PATIENCE, until

from app.errors import Unavailable
from app.storage.files.journal import encode
from app.storage.files.lock import TableLock
from app.storage.files.records import Record
from app.storage.files.sequence_lock import SequenceLock
from app.storage.files.table import MOMENT
from app.storage.files.writing import Changes

BUSY = "the data is held by another writer; try again later"


SHORT = 0.3
"""Seconds that nobody waits much longer than."""


@pytest.fixture
def table(tmp_path):
    table = open_table(tmp_path, patience=SHORT)
    table.insert(note("a", 1))
    yield table
    table.close()


class Stopped(Child):
    """Another process that is stopped while it holds what ``act`` makes it hold."""

    def __enter__(self):
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)
        self.result()


def stop(*_):
    os.kill(os.getpid(), signal.SIGSTOP)


def stopped_in_a_write(folder):
    """Return a process that is stopped while it plans a write, after another one."""

    def act():
        table = open_table(folder)
        table.insert(note("b", 2))

        def plan(documents, _):
            stop()
            return Changes([Record(table.next_number(), "c", note("c", 3))], [])

        table.write(plan)

    return Stopped(act)


def refused(table, *arguments):
    with pytest.raises(Unavailable, match=BUSY):
        table.insert(note(*arguments))


def shown(table):
    return {each.key: each.document["n"] for each in table.documents}


def test_writes_end_and_reads_go_on_while_a_stopped_process_holds_the_table(
    tmp_path, table
):
    with stopped_in_a_write(tmp_path):
        began = entries(tmp_path)
        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(refused, table, f"{n}") for n in range(8)]
            # What the other one wrote before, though a writer of this process waits.
            assert shown(table) == {"a": 1, "b": 2}
            for write in writes:
                write.result()
        assert entries(tmp_path) == began
    assert shown(table) == {"a": 1, "b": 2, "c": 3}
    table.insert(note("d", 4))
    assert shown(table) == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_who_comes_after_one_that_waited_in_vain_waits_for_a_moment_only(
    tmp_path, table
):
    """Reads need their threads."""
    path = journal(tmp_path).with_suffix(".lock")
    lock = TableLock(path, SequenceLock(path, MOMENT), SHORT)
    with held_by_another(tmp_path):
        with pytest.raises(Unavailable, match=BUSY):
            lock.acquire(SHORT)
        with ThreadPoolExecutor(1) as pool, pytest.raises(Unavailable, match=BUSY):
            pool.submit(lock.acquire, 2 * PATIENCE).result(PATIENCE)
    with lock.hold():
        assert lock.is_held()
    lock.close()


def test_edit_waits_and_reads_go_on_while_a_stopped_process_holds_the_table(
    tmp_path, table
):
    table.checkpoint()
    file = tmp_path / "notes.json"
    with stopped_in_a_write(tmp_path):
        file.write_text(file.read_text().replace("the note a", "edited"))
        assert shown(table) == {"a": 1, "b": 2}
    assert shown(table) == {"a": 1, "b": 2, "c": 3}
    assert table.documents.get("a").document["name"] == "edited"


def test_write_gives_up_when_a_thread_of_its_own_process_is_stuck(table):
    begun, may_go_on = threading.Event(), threading.Event()

    def stuck(documents, _):
        begun.set()
        assert may_go_on.wait(PATIENCE)
        return Changes([Record(table.next_number(), "stuck", note("stuck", 9))], [])

    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(table.write, stuck)
        assert begun.wait(PATIENCE)
        for write in [pool.submit(refused, table, f"{n}") for n in range(4)]:
            write.result()
        assert shown(table) == {"a": 1}
        may_go_on.set()
        first.result()
    # None of those who gave up is carried out later.
    assert shown(table) == {"a": 1, "stuck": 9}
    table.insert(note("b", 2))


def test_write_gives_up_when_the_flush_of_another_is_stuck(tmp_path):
    begun, may_go_on = threading.Event(), threading.Event()
    is_slow = False

    def flush(descriptor):
        if is_slow:
            begun.set()
            assert may_go_on.wait(PATIENCE)

    table = open_table(tmp_path, flush, patience=SHORT)
    table.insert(note("a", 1))
    is_slow = True
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(table.insert, note("b", 2))
        assert begun.wait(PATIENCE)
        refused(table, "c")
        assert shown(table)["a"] == 1
        is_slow = False
        may_go_on.set()
        first.result()
    table.insert(note("d", 4))
    assert shown(table) == {"a": 1, "b": 2, "d": 4}
    table.close()


def test_store_closes_while_a_stopped_process_checkpoints(tmp_path, table):
    draft = tmp_path / "notes.json.draft"

    def act():
        is_stopped = False

        def flush(descriptor):
            nonlocal is_stopped
            if draft.exists() and not is_stopped:
                is_stopped = True
                stop()

        open_table(tmp_path, flush).checkpoint()

    # The journal is locked while the data file is drafted.
    with Stopped(act):
        table.insert(note("b", 2))
        table.checkpoint()
        assert draft.exists()
        table.close()
    assert shown(open_table(tmp_path)) == {"a": 1, "b": 2}


def test_store_closes_while_a_stopped_process_holds_the_table(tmp_path, table):
    with stopped_in_a_write(tmp_path):
        table.close()
    assert shown(open_table(tmp_path)) == {"a": 1, "b": 2, "c": 3}


FOREIGN = [
    b"",
    b"x",
    b"\xff" * 8,
    b"\xfe" + b"\xff" * 7,
    b"\xff" * 7 + b"\x7f",
    b"not a number at all\n",
    random.Random(14).randbytes(5000),
]


@pytest.mark.parametrize("content", FOREIGN, ids=range(len(FOREIGN)))
def test_lock_file_of_any_bytes_locks(tmp_path, content):
    (tmp_path / "notes.json.lock").write_bytes(content)
    table, other = open_table(tmp_path, moment=MOMENT), open_table(tmp_path)
    for n in range(4):
        table.insert(note(f"a{n}", n))
        assert len(shown(other)) == 3 * n + 1
        other.insert(note(f"b{n}", n))
        assert len(shown(table)) == 3 * n + 2
        Child(lambda n=n: open_table(tmp_path).insert(note(f"c{n}", n))).result()
        assert len(shown(table)) == 3 * n + 3
    table.close()


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "full device"])
def test_lock_file_of_another_kind_keeps_nobody_waiting(tmp_path, kind):
    open_table(tmp_path).insert(note("a", 1))
    lock = tmp_path / "notes.json.lock"
    lock.unlink()
    if kind == "folder":
        lock.mkdir()
    elif kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.symlink_to(lock if kind == "loop" else "/dev/full")
    table = open_table(tmp_path, patience=SHORT)
    assert shown(table) == {"a": 1}
    with pytest.raises(Unavailable, match="the table cannot be locked: "):
        table.insert(note("b", 2))
    lock.rmdir() if kind == "folder" else lock.unlink()
    table.insert(note("b", 2))
    assert shown(table) == {"a": 1, "b": 2}


def test_lock_file_that_is_overwritten_while_it_is_used_locks_on(tmp_path, table):
    with (tmp_path / "notes.json.lock").open("r+b") as lock:
        lock.write(b"\xff" * 20)
    other = open_table(tmp_path)
    for n in range(3):
        table.insert(note(f"a{n}", n))
        other.insert(note(f"b{n}", n))
        assert len(shown(table)) == len(shown(other)) == 3 + 2 * n


def test_whatever_was_acknowledged_is_there_when_many_give_up_and_go_on(
    tmp_path, table
):
    done, gone = [], threading.Event()

    def write(number):
        for turn in range(100):
            if gone.is_set():
                return
            try:
                table.insert(note(f"{number}-{turn}"))
                done.append(f"{number}-{turn}")
            except Unavailable:
                pass

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        for _ in range(2):
            with stopped_in_a_write_of(tmp_path):
                until(lambda: not journal_grows(tmp_path))
        gone.set()
        for writer in writers:
            writer.result()
    assert set(done) | {"a"} <= set(shown(table))
    assert shown(table) == shown(open_table(tmp_path))


def stopped_in_a_write_of(folder):
    def act():
        open_table(folder).write(lambda documents, _: stop() or Changes([], []))

    return Stopped(act)


def journal_grows(folder):
    before = journal(folder).stat().st_size
    time.sleep(0.01)
    return journal(folder).stat().st_size > before


@contextmanager
def held_by_another(folder):
    """Hold the lock of the notes as another process does, which writes."""
    with journal(folder).with_suffix(".lock").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_read_waits_while_another_writes_and_takes_in_an_edit(tmp_path):
    table = open_table(tmp_path, patience=PATIENCE)
    table.insert(note("a", 1))
    table.checkpoint()
    table.insert(note("b", 2))
    last = entries(tmp_path)[-1]["seq"]
    documents = [orjson.dumps(note(f"c{n}")) for n in range(200)]
    lines = [
        encode({"seq": last + n, "put": [(100 + n, document)], "gone": [], "was": []})
        for n, document in enumerate(documents, 1)
    ]
    with ThreadPoolExecutor() as pool, held_by_another(tmp_path):
        edit(tmp_path, lambda notes: notes["1"].update(n=7))
        reading = pool.submit(shown, table)
        with journal(tmp_path).open("ab", buffering=0) as file:
            for line in lines:
                file.write(line)
                wait([reading], timeout=0.002)
    assert reading.result()["b"] == 2
    table.close()
