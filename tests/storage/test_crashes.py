"""Crashes: processes that die, power that fails, disks that are full or broken.

Whatever happens, what was acknowledged is there afterwards, and every document is whole.
A table that ``open_table`` made has no keeper: it is a worker that sleeps when the test
does not call it.
"""

import errno
import json
import os
import resource
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import orjson
import pytest
from disks import Disk, dying_at, lost
from notes import (
    FIELDS,
    NOTES,
    Child,
    data,
    edit,
    entries,
    held,
    journal,
    note,
    open_notes,
    open_table,
    query,
    stored,
    unflushed,
)
from shared import PATIENCE, until
from tinydb import where

from app.errors import Invalid, Unavailable
from app.query import Field, Order, Query
from app.query.values import INTEGER
from app.storage.files.journal import encode
from app.storage.files.lock import ThreadLock
from app.storage.files.store import FileStore


def put(table, key, n=0):
    """Write a document through ``table``, new or not."""
    table.upsert(note(key, n), where("id") == key)


def numbers(documents):
    return {key: document["n"] for key, document in documents.items()}


# Processes and threads


def test_processes_and_threads_lose_no_insert(tmp_path):
    """Two processes with two threads each, and checkpoints all the time."""

    def work(name):
        store = open_notes(tmp_path)

        def insert(thread):
            for n in range(150):
                store.insert("notes", note(f"{name}-{thread}-{n:03}", n))
                if n % 25 == 0:
                    store.table("notes").checkpoint()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(insert, range(2)))
        seen = store.find("notes", Query()).total
        store.close()
        return seen

    children = [Child(lambda name=name: work(name)) for name in "ab"]
    assert max(child.result() for child in children) == 600
    assert len(stored(tmp_path)) == 600
    table = open_table(tmp_path)
    assert len({record.number for record in table.documents}) == 600


def test_processes_lose_no_increment(tmp_path):
    open_table(tmp_path).insert(note("a", 0))

    def work():
        store = open_notes(tmp_path)
        for n in range(200):
            store.update("notes", "a", lambda d, _: {**d, "n": d["n"] + 1})
            if n % 50 == 0:
                store.table("notes").checkpoint()
        store.close()

    children = [Child(work) for _ in range(3)]
    for child in children:
        child.result()
    assert numbers(stored(tmp_path)) == {"a": 600}


def test_worker_that_slept_through_two_checkpoints_loses_nothing(tmp_path):
    sleeper, other = open_table(tmp_path), open_table(tmp_path)
    put(sleeper, "a", 1)
    for n in (2, 3):
        put(other, "a", n)
        put(other, f"b{n}", n)
        other.checkpoint()
    put(sleeper, "c")
    sleeper.checkpoint()
    assert numbers(stored(tmp_path)) == {"a": 3, "b2": 2, "b3": 3, "c": 0}
    assert held(sleeper) == held(other) == stored(tmp_path)


def test_worker_that_slept_through_two_checkpoints_checkpoints_nothing_stale(tmp_path):
    sleeper, other = open_table(tmp_path), open_table(tmp_path)
    put(sleeper, "a", 1)
    for n in (2, 3):
        put(other, "a", n)
        other.checkpoint()
    sleeper.checkpoint()
    assert numbers(stored(tmp_path)) == {"a": 3}


def test_checkpoint_by_one_worker_is_followed_by_another_without_reading_the_file(
    tmp_path,
):
    first, second = open_table(tmp_path), open_table(tmp_path)
    put(first, "a", 1)
    assert numbers(held(second)) == {"a": 1}
    before = second.documents
    first.checkpoint()
    put(first, "b", 2)
    assert numbers(held(second)) == {"a": 1, "b": 2}
    assert second.documents is before
    second.checkpoint()
    put(second, "c", 3)
    assert numbers(held(first)) == {"a": 1, "b": 2, "c": 3}


def test_first_write_of_one_worker_is_seen_by_all(tmp_path):
    workers = [open_table(tmp_path) for _ in range(3)]
    for number, worker in enumerate(workers):
        put(worker, f"{number}")
    assert [len(worker) for worker in workers] == [3, 3, 3]


def test_writes_during_a_checkpoint_are_in_the_new_journal(tmp_path):
    """A checkpoint writes the data file without holding off writers."""
    during = []

    def sync(descriptor):
        if during:
            during.pop()()

    table, other = open_table(tmp_path, sync), open_table(tmp_path)
    put(table, "a", 1)
    put(table, "b", 1)
    during.append(lambda: (put(other, "a", 2), other.remove(where("id") == "b")))
    table.checkpoint()
    assert not during
    assert list(json.loads(data(tmp_path).read_text())["notes"]) == ["1", "2"]
    assert numbers(held(table)) == numbers(stored(tmp_path)) == {"a": 2}
    table.checkpoint()
    assert list(json.loads(data(tmp_path).read_text())["notes"]) == ["1"]


def test_journal_that_is_mended_during_a_checkpoint_is_not_checkpointed(tmp_path):
    """Two workers may then draft the same file, and entries may have new numbers."""
    during = []

    def sync(descriptor):
        if during:
            during.pop()()

    def mended():
        with journal(tmp_path).open("ab") as file:
            file.write(b"half a li")
        put(other, "b", 2)
        other.checkpoint()

    table, other = open_table(tmp_path, sync), open_table(tmp_path)
    put(table, "a", 1)
    during.append(mended)
    table.checkpoint()
    put(table, "c", 3)
    table.checkpoint()
    assert numbers(held(table)) == {"a": 1, "b": 2, "c": 3}
    assert held(other) == stored(tmp_path) == held(table)


# Forks


def test_parent_and_child_write_through_a_store_from_before_the_fork(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 0))

    def increment():
        for n in range(300):
            store.update("notes", "a", lambda d, _: {**d, "n": d["n"] + 1})
            if n % 100 == 50:
                store.table("notes").checkpoint()

    children = [Child(increment) for _ in range(2)]
    increment()
    for child in children:
        child.result()
    assert store.get("notes", "a").document["n"] == 900
    store.close()
    assert numbers(stored(tmp_path)) == {"a": 900}


def test_fork_while_others_write_leaves_the_child_able_to_work(tmp_path):
    store = open_notes(tmp_path)
    stop = threading.Event()

    def write(name):
        n = 0
        while not stop.is_set():
            store.insert("notes", note(f"{name}{n}", n))
            store.find("notes", query({"n": n}))
            n += 1
        return n

    def work():
        store.insert("notes", note(f"child-{os.getpid()}"))
        return store.find("notes", query({"id": {"$startswith": "child"}})).total

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, name) for name in "ab"]
        counts = [Child(work).result() for _ in range(10)]
        stop.set()
        written = sum(writer.result() for writer in writers)
    assert counts == list(range(1, 11))
    assert store.find("notes", Query()).total == written + 10
    store.close()


def test_fork_while_a_thread_searches_leaves_the_child_able_to_search(tmp_path):
    """The thread makes a list, and is not there in the child."""
    searching, may_go_on = threading.Event(), threading.Event()
    parent = os.getpid()

    class Slow(Field):
        # No key that was made for another field is used for it.
        __eq__ = object.__eq__
        __hash__ = object.__hash__

        def find(self, document):
            if os.getpid() == parent:
                searching.set()
                assert may_go_on.wait(PATIENCE)
            return super().find(document)

    slow = Slow(("n",), INTEGER)
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1), note("b", 2))
    with ThreadPoolExecutor(1) as pool:
        asked = Query(order=(Order(slow),))
        search = pool.submit(store.find, "notes", asked)
        assert searching.wait(PATIENCE)
        both = (asked, query({"n": 1}))
        child = Child(lambda: [store.find("notes", each).total for each in both])
        may_go_on.set()
        assert search.result(PATIENCE).total == 2
    assert child.result() == [2, 1]
    store.close()


def test_fork_waits_for_a_checkpoint(tmp_path):
    """A child would inherit its lock, and keep all others from writing one."""
    checkpointing, is_forked = threading.Event(), threading.Event()
    forking = threading.get_ident()

    def waits():
        # Nothing else shows that the fork waits.
        return sys._current_frames()[forking].f_code is ThreadLock.acquire.__code__

    def sync(descriptor):
        if threading.current_thread().name.startswith("folder"):
            checkpointing.set()
            until(lambda: waits() or is_forked.is_set())

    store = open_notes(tmp_path, sync)
    table = store.table("notes")
    store.insert("notes", note("a", 1))
    reader, writer = os.pipe()
    with ThreadPoolExecutor(1, "folder") as pool:
        checkpoint = pool.submit(table.checkpoint)
        assert checkpointing.wait(PATIENCE)
        child = Child(lambda: os.read(reader, 1).decode())
        is_checkpointed = data(tmp_path).exists()
        is_forked.set()
        checkpoint.result(PATIENCE)
    assert is_checkpointed
    # The child lives on; whoever wants to checkpoint does not wait for its end.
    store.insert("notes", note("b", 2))
    table.checkpoint(wait=True)
    os.write(writer, b"x")
    assert child.result() == "x"
    assert numbers(stored(tmp_path)) == {"a": 1, "b": 2}
    store.close()


def test_closed_store_stays_closed_in_a_child(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("a"))

    def keepers():
        # A test that failed may have left a store open.
        return sum(thread.name == "keeper" for thread in threading.enumerate())

    open_ones = Child(keepers).result()
    store.close()
    assert Child(keepers).result() == open_ones - 1
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    after = Child(
        lambda: {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    ).result()
    assert after == before


def test_child_of_a_process_that_could_not_flush_does_not_write_either(tmp_path):
    sync = Failing()
    table = open_notes(tmp_path, sync)
    sync.error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(Unavailable):
        table.insert("notes", note("a"))
    sync.error = None

    def write():
        try:
            table.insert("notes", note("b"))
        except Unavailable:
            return "refused"

    assert Child(write).result() == "refused"
    table.close()


# Damaged journals


@pytest.fixture
def written(memory_path):
    """Return a folder with a checkpointed document and three entries in the journal."""
    folder = memory_path / "written"
    folder.mkdir()
    table = open_table(folder)
    put(table, "base", 7)
    table.checkpoint()
    for n in range(1, 4):
        put(table, f"k{n}", n)
    return folder


SOUND = {"base": 7, "k1": 1, "k2": 2, "k3": 3}


def damaged(written, raw):
    """Return what is found in a copy of ``written`` with a journal of these bytes.

    Checks that the service goes on there, and that it says the same afterwards.
    """
    folder = written.with_name("damaged")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(written, folder)
    journal(folder).write_bytes(raw)
    table = open_table(folder)
    found = numbers(held(table))
    put(table, "more", 9)
    assert numbers(stored(folder)) == {**found, "more": 9}
    table.checkpoint()
    assert numbers(stored(folder)) == {**found, "more": 9}
    return found


def lines(folder):
    return journal(folder).read_bytes().splitlines(keepends=True)


def test_journal_cut_at_every_byte_keeps_all_whole_lines(written):
    raw = journal(written).read_bytes()
    header, *rest = lines(written)
    later = entries(written)[1:]
    for cut in range(len(raw)):
        found = damaged(written, raw[:cut])
        left, whole = cut - len(header), 0
        while whole < len(rest) and left >= len(rest[whole]):
            left -= len(rest[whole])
            whole += 1
        # An entry of which nothing but its end is missing is whole too.
        if whole < len(rest) and left == len(rest[whole]) - 1:
            whole += 1
        puts = [each["put"] for each in later[:whole] if "put" in each]
        keys = ["base", *(orjson.loads(document)["id"] for [[_, document]] in puts)]
        assert found == {key: SOUND[key] for key in keys}, cut


def test_journal_with_any_byte_of_the_last_lines_flipped_loses_no_other(written):
    raw = journal(written).read_bytes()
    last = len(lines(written)[-1])
    for place in range(len(raw) - 2 * last, len(raw)):
        for value in (raw[place] ^ 1, 0, 10):
            if value == raw[place]:
                continue
            found = damaged(written, raw[:place] + bytes([value]) + raw[place + 1 :])
            lost = SOUND.keys() - found.keys()
            assert lost <= ({"k3"} if place >= len(raw) - last else {"k2"}), place
            assert found == {key: SOUND[key] for key in found}


def test_journal_with_a_damaged_header_keeps_every_document(written):
    raw = journal(written).read_bytes()
    for place in range(len(lines(written)[0])):
        found = damaged(written, raw[:place] + b"!" + raw[place + 1 :])
        assert found == SOUND


def test_damage_is_set_aside_in_a_file(written):
    with journal(written).open("ab") as file:
        file.write(b'{"crc":"half a line')
    assert numbers(stored(written)) == SOUND
    aside = written / "notes.json.damaged"
    assert aside.read_bytes() == b'{"crc":"half a line\n'
    assert aside.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("size", [1, 100, 4096, 100_000])
def test_zeros_at_the_end_are_set_aside(written, size):
    raw = journal(written).read_bytes()
    assert damaged(written, raw + bytes(size)) == SOUND
    cut = raw[: -len(lines(written)[-1]) // 2]
    keys = {"base", "k1", "k2"}
    assert damaged(written, cut + bytes(size)) == {key: SOUND[key] for key in keys}


def test_damaged_line_in_the_middle_keeps_those_after_it(written):
    header, first, second, *rest = lines(written)
    broken = second[:20] + b"#" + second[21:]
    found = damaged(written, header + first + broken + b"".join(rest))
    missing = SOUND.keys() - found.keys()
    assert len(missing) <= 1 and "k3" in found


@pytest.mark.parametrize("raw", [b"", b"\n", b"\0", b"no journal at all\n" * 3])
def test_journal_of_nothing_but_damage_is_begun_anew(written, raw):
    assert damaged(written, raw) == {"base": 7}


def test_torn_line_of_a_worker_that_died_is_mended_by_the_next_write(tmp_path):
    table, other = open_table(tmp_path), open_table(tmp_path)
    put(table, "a", 1)
    with journal(tmp_path).open("ab") as file:
        file.write(
            encode({"seq": 99, "put": [(9, orjson.dumps(note("z")))], "gone": []})[:-9]
        )
    assert numbers(held(other)) == {"a": 1}
    put(other, "b", 2)
    put(table, "c", 3)
    expected = {"a": 1, "b": 2, "c": 3}
    assert numbers(held(table)) == numbers(held(other)) == expected
    assert numbers(stored(tmp_path)) == expected


def test_keeper_mends_what_a_crash_left(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1))
    with journal(tmp_path).open("ab") as file:
        file.write(b"half")
    until((tmp_path / "notes.json.damaged").exists)
    assert store.get("notes", "a").document["n"] == 1
    store.close()


def test_every_write_after_a_mend_is_flushed_before_it_is_acknowledged(tmp_path):
    """The numbers of damaged entries are given again: they must not count as flushed."""
    flushed = []
    table = open_notes(tmp_path, flushed.append)
    for n in range(5):
        table.insert("notes", note(f"k{n}"))
    raw = lines(tmp_path)
    journal(tmp_path).write_bytes(b"".join(raw[:2]) + raw[2][:-20])
    assert list(stored(tmp_path)) == ["k0"]
    table.insert("notes", note("a"))
    before = len(flushed)
    table.insert("notes", note("b"))
    assert len(flushed) > before
    table.close()


# Power loss


def scenario(disk, folder):
    """Write, checkpoint, edit, mend and remove files, in two workers."""
    first, second = open_table(folder, disk), open_table(folder, disk)
    disk.write(lambda: put(first, "a", 1), a=1)
    disk.write(lambda: first.insert_multiple([note("b", 1), note("c", 1)]), b=1, c=1)
    disk.write(first.checkpoint)
    disk.write(lambda: put(second, "a", 2), a=2)
    disk.write(lambda: second.remove(where("id") == "b"), b=None)
    disk.write(lambda: put(first, "d", 1), d=1)
    disk.write(second.checkpoint)
    disk.write(lambda: put(first, "d", 2), d=2)
    with journal(folder).open("ab") as file:
        file.write(b"half a line")
    disk.write(lambda: put(second, "e", 1), e=1)
    disk.write(lambda: put(first, "e", 2), e=2)
    disk.write(first.checkpoint)
    journal(folder).unlink()
    disk.write(lambda: put(first, "f", 1), f=1)
    disk.write(lambda: put(second, "a", 3), a=3)
    disk.write(second.close)
    disk.write(first.close)


def test_power_loss_at_any_step_loses_nothing_that_was_acknowledged(memory_path):
    folder = memory_path / "folder"
    folder.mkdir()
    disk = Disk(folder)
    scenario(disk, folder)
    disk.close()
    assert len(disk.losses) > 100
    for number, (files, acknowledged, pending) in enumerate(disk.losses):
        after = lost(memory_path / f"after-{number}", files)
        table = open_table(after)
        check(held(table), acknowledged, pending, number)
        put(table, "more", 9)
        table.close()
        check(stored(after), acknowledged | {"more": 9}, pending, number)
        shutil.rmtree(after)


def check(found, acknowledged, pending, number):
    """Check that the acknowledged documents are in ``found``, and nothing strange."""
    for document in found.values():
        assert document == note(document["id"], document["n"]), number
    found = numbers(found)
    for key in found.keys() | acknowledged.keys() | pending.keys():
        allowed = [acknowledged.get(key)]
        if key in pending:
            allowed.append(pending[key])
        assert found.get(key) in allowed, (number, key)


@pytest.mark.parametrize("act", ["checkpoint", "close", "edit"])
def test_crash_between_any_two_steps_loses_nothing(tmp_path, act):
    """A process dies at each flush in turn; another one goes on in its files."""
    for count in range(1, 30):
        folder = tmp_path / str(count)
        folder.mkdir()
        setup, other = open_table(folder), open_table(folder)
        put(setup, "a", 1)
        setup.checkpoint()
        put(setup, "a", 2)
        put(setup, "b", 2)
        setup.remove(where("id") == "b")
        held(other)
        if act == "edit":
            edit(folder, lambda notes: notes.update({"9": note("c", 3)}))

        def work(folder=folder, count=count):
            table = open_table(folder)
            sync_on = open_table(folder, dying_at(count))
            held(table)
            if act == "edit":
                put(sync_on, "d", 4)
                sync_on.checkpoint()
            getattr(sync_on, act if act != "edit" else "close")()

        code = Child(work).code()
        assert code in (0, 77)
        expected = {"a": 2} | ({"c": 3} if act == "edit" else {})
        found = numbers(stored(folder))
        found.pop("d", None)
        assert found == expected, count
        put(other, "e", 5)
        found = numbers(held(other))
        assert found.pop("d", 4) == 4
        assert found == expected | {"e": 5}, count
        other.checkpoint()
        assert held(other) == stored(folder)
        if code == 0:
            break
    else:
        pytest.fail("the work never ended")
    assert count > 4


# Broken and full disks


class Failing:
    """A flush that fails while ``error`` is set."""

    def __init__(self):
        self.error = None
        self.calls = 0

    def __call__(self, descriptor):
        self.calls += 1
        if self.error:
            raise self.error


@pytest.fixture
def sync():
    return Failing()


def test_failed_flush_is_not_acknowledged_and_nothing_is_from_then_on(tmp_path, sync):
    store = open_notes(tmp_path, sync)
    store.insert("notes", note("a", 1))
    sync.error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(Unavailable, match="Input/output error"):
        store.insert("notes", note("b", 1))
    sync.error = None
    for act in (
        lambda: store.insert("notes", note("c", 1)),
        lambda: store.update("notes", "a", lambda d, _: {**d, "n": 2}),
        lambda: store.remove("notes", "a"),
        store.ping,
    ):
        with pytest.raises(Unavailable, match="until the service is restarted"):
            act()
    assert store.get("notes", "a").document["n"] == 1
    store.close()
    again = open_notes(tmp_path)
    again.ping()
    again.insert("notes", note("d", 1))
    assert {"a", "d"} <= {each.key for each in again.find("notes", Query()).records}
    again.close()


def test_failed_flush_of_any_step_of_a_checkpoint_stops_the_writes(tmp_path):
    """Entries that wait for their flush may have been lost by the one that failed."""
    for step in range(1, 20):
        folder = tmp_path / str(step)
        folder.mkdir()
        sync = Failing()
        table = open_table(folder, sync)
        put(table, "a", 1)
        left = [step]

        def fail_once(descriptor, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.EIO, "Input/output error")

        other = open_table(folder, fail_once)
        try:
            other.checkpoint()
        except (OSError, Unavailable):
            with pytest.raises(Unavailable):
                put(other, "b", 1)
        assert numbers(stored(folder)) == {"a": 1}
        put(table, "c", 1)
        assert numbers(stored(folder)) == {"a": 1, "c": 1}
        if left[0] > 0:
            break
    assert step > 4


def test_store_that_cannot_flush_does_not_draft_again_and_again(tmp_path, sync):
    table = open_table(tmp_path, sync)
    put(table, "a", 1)
    sync.error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(Unavailable):
        put(table, "b", 1)
    calls = sync.calls
    with pytest.raises(Unavailable):
        table.checkpoint()
    assert sync.calls == calls
    assert not (tmp_path / "notes.json.draft").exists()


def limited(size, act):
    """Return what ``act`` does in a process whose files may have ``size`` bytes."""

    def work():
        # Python ignores SIGXFSZ, so that a write beyond the limit is an error.
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        return act()

    return Child(work).result()


@pytest.mark.parametrize("room", range(0, 260, 13))
def test_full_disk_leaves_nothing_half_written(tmp_path, room):
    """The limit stands in for a disk with some bytes left, but not enough."""
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1))
    size = journal(tmp_path).stat().st_size
    long = note("b", 1, more={"text": "x" * 300})

    def act():
        try:
            store.insert("notes", long)
        except Unavailable as error:
            refused = error.message
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        assert journal(tmp_path).stat().st_size == size
        assert [each.key for each in store.find("notes", Query()).records] == ["a"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        store.insert("notes", note("c", 1))
        return refused

    assert limited(size + room, act).startswith("the journal cannot be written")
    assert store.find("notes", Query()).total == 2
    store.close()
    assert numbers(stored(tmp_path)) == {"a": 1, "c": 1}
    assert not (tmp_path / "notes.json.damaged").exists()


def test_checkpoint_on_a_full_disk_leaves_the_data_file_and_gives_back_the_room(
    tmp_path,
):
    table = open_table(tmp_path)
    put(table, "a", 1)
    table.checkpoint()
    before = data(tmp_path).read_bytes()
    for n in range(20):
        put(table, "a", n)

    def act():
        try:
            open_table(tmp_path).checkpoint()
        except OSError as error:
            return error.errno

    assert limited(60, act) == errno.EFBIG
    assert data(tmp_path).read_bytes() == before
    assert (tmp_path / "notes.json.draft").stat().st_size == 0
    table.checkpoint()
    assert numbers(stored(tmp_path)) == {"a": 19}


def test_folder_that_cannot_be_written_can_be_read(tmp_path):
    """As another user than root, or on a disk that became read-only."""
    table = open_table(tmp_path)
    put(table, "a", 1)
    table.checkpoint()
    put(table, "b", 2)

    def act():
        os.setuid(65534)
        found = open_table(tmp_path)
        with pytest.raises(Unavailable):
            put(found, "c")
        with pytest.raises(Unavailable) as raised:
            found.check_writable()
        return numbers(held(found)), raised.value.message

    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for path in (tmp_path, *tmp_path.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    parents = [p for p in tmp_path.parents if p.stat().st_mode & 1 == 0]
    for path in parents:
        path.chmod(path.stat().st_mode | 0o011)
    served = {"a": 1, "b": 2}
    assert Child(act).result() == [served, "the data folder cannot be written"]
    tmp_path.chmod(0o777)
    assert Child(act).result() == [served, "notes.json.journal cannot be written"]
    (tmp_path / "notes.json.journal").chmod(0o666)
    assert Child(act).result() == [served, "notes.json.lock cannot be written"]


def test_new_folder_is_made_durable_with_its_parents(tmp_path):
    flushed = []

    def sync(descriptor):
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    store = FileStore(tmp_path / "a" / "b", [NOTES], sync)
    store.close()
    assert flushed == [str(tmp_path), str(tmp_path / "a")]


# Files that somebody removes


def test_lock_file_may_be_removed_while_the_service_runs(tmp_path):
    first, second = open_table(tmp_path), open_table(tmp_path)
    put(first, "a", 0)
    lock = tmp_path / "notes.json.lock"

    def work(table):
        for _ in range(100):
            table.update(lambda d: d.update(n=d["n"] + 1), where("id") == "a")

    lock.unlink()
    children = [Child(lambda t=table: work(t)) for table in (first, second)]
    for child in children:
        child.result()
    assert lock.exists()
    assert numbers(stored(tmp_path)) == {"a": 200}


def test_two_writers_at_once_lose_nothing(tmp_path):
    """The lock file is removed while one of them writes: no lock keeps the other out."""
    first, others = open_table(tmp_path), []
    put(first, "a", 1)

    def both(documents):
        (tmp_path / "notes.json.lock").unlink()
        others.append(open_table(tmp_path))
        # In a thread of its own, as another process is: this one is writing.
        with ThreadPoolExecutor() as pool:
            pool.submit(put, others[0], "b", 2).result()
        documents[99] = note("a longer key", 3)

    first._update_table(both)
    [second] = others
    put(first, "d", 4)
    put(second, "e", 5)
    first.checkpoint()
    second.checkpoint()
    expected = {"a": 1, "b": 2, "a longer key": 3, "d": 4, "e": 5}
    assert numbers(held(first)) == numbers(held(second)) == expected
    assert numbers(stored(tmp_path)) == expected


@pytest.mark.parametrize("remove", [os.remove, lambda path: open(path, "w").close()])
def test_journal_may_be_removed_or_emptied_while_the_service_runs(tmp_path, remove):
    """What is in memory is written again with the next write."""
    table = open_table(tmp_path)
    put(table, "a", 1)
    table.checkpoint()
    put(table, "a", 2)
    put(table, "b", 2)
    remove(journal(tmp_path))
    assert numbers(held(table)) == {"a": 2, "b": 2}
    put(table, "c", 3)
    expected = {"a": 2, "b": 2, "c": 3}
    assert numbers(held(table)) == numbers(stored(tmp_path)) == expected


@pytest.mark.parametrize("remove", [os.remove, lambda path: open(path, "w").close()])
def test_keeper_restores_a_journal_that_was_removed(tmp_path, remove):
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1), note("b", 1))
    remove(journal(tmp_path))
    until(lambda: len(data(tmp_path).read_text()) if data(tmp_path).exists() else 0)
    assert numbers(stored(tmp_path)) == {"a": 1, "b": 1}
    store.close()


def test_worker_that_starts_after_the_journal_was_removed_misleads_nobody(tmp_path):
    """Its entries have the numbers of those that were in the removed journal."""
    old = open_table(tmp_path)
    put(old, "a", 1)
    journal(tmp_path).unlink()
    new = open_table(tmp_path)
    for n in range(5):
        put(new, f"n{n}", n)
    put(old, "b", 2)
    old.checkpoint()
    found = numbers(stored(tmp_path))
    assert {f"n{n}": n for n in range(5)}.items() <= found.items()
    assert found["b"] == 2
    assert numbers(held(new)) == numbers(held(old)) == found


def test_number_is_not_given_twice_after_the_highest_was_removed(tmp_path):
    first, second = open_table(tmp_path), open_table(tmp_path)
    given = [first.insert(note("a")), second.insert(note("b"))]
    second.remove(where("id") == "b")
    second.checkpoint()
    given.append(first.insert(note("c")))
    first.remove(where("id") == "c")
    first.checkpoint()
    given.append(open_table(tmp_path).insert(note("d")))
    assert given == [1, 2, 3, 4]


# Versions


def newer(folder):
    """Let the journal in ``folder`` be one of a newer version."""
    path = journal(folder)
    header, *rest = entries(folder)
    draft = path.with_name("newer")
    draft.write_bytes(b"".join(encode(e) for e in ({**header, "format": 4}, *rest)))
    draft.rename(path)


def test_journal_of_a_newer_version_is_refused_with_a_clear_message(tmp_path):
    table = open_table(tmp_path)
    put(table, "a", 1)
    newer(tmp_path)
    before = journal(tmp_path).read_bytes()
    message = "notes.json.journal has format 4, made by a newer version"
    with pytest.raises(Invalid, match=message):
        open_table(tmp_path)
    with pytest.raises(Unavailable, match=message):
        put(table, "b")
    with pytest.raises(Unavailable, match=message):
        held(table)
    assert journal(tmp_path).read_bytes() == before


def test_collections_of_one_store_do_not_touch_each_other(tmp_path):
    other = replace(NOTES, name="others", indexed=(FIELDS.order("n"),))
    store = FileStore(tmp_path, [NOTES, other], unflushed)
    store.insert("notes", note("a", 1))
    store.insert("others", note("a", 2))
    assert store.get("notes", "a").document["n"] == 1
    store.remove("others", "a")
    assert store.get("notes", "a").document["n"] == 1
    store.close()
