"""The turn of the lock: what spares a look at the files, and never a write."""

import os
import resource
import signal

import pytest
from notes import Child, note, open_table
from shared import until

from app.storage.files.table import MOMENT

LONG = 3600
"""Seconds for which a table looks at the files only when the lock says that it has to."""


@pytest.fixture
def trusting(tmp_path):
    """A table that has looked at the files once."""
    table = open_table(tmp_path, moment=LONG)
    assert shown(table) == {}
    yield table
    table.close()


def shown(table):
    return {each.key: each.document["n"] for each in table.documents}


def test_write_of_another_process_is_seen_by_the_next_read(tmp_path, trusting):
    other = open_table(tmp_path)
    for n in range(1, 20):
        other.upsert({**note("a", n), "doc_id": 1}, lambda _: True)
        assert shown(trusting) == {"a": n}
    Child(lambda: open_table(tmp_path).insert(note("b", 1))).result()
    assert shown(trusting) == {"a": 19, "b": 1}
    other.remove(doc_ids=[1])
    assert shown(trusting) == {"b": 1}


def test_write_is_seen_by_the_process_itself_and_does_not_hide_that_of_another(
    tmp_path, trusting
):
    other = open_table(tmp_path)
    for n in range(10):
        trusting.insert(note(f"mine {n}", n))
        assert shown(trusting)[f"mine {n}"] == n
        other.insert(note(f"theirs {n}", n))
        assert shown(trusting)[f"theirs {n}"] == n


def test_write_after_a_checkpoint_of_another_is_seen(tmp_path, trusting):
    other = open_table(tmp_path)
    other.insert(note("a", 1))
    other.checkpoint()
    assert shown(trusting) == {"a": 1}
    other.insert(note("b", 1))
    assert shown(trusting) == {"a": 1, "b": 1}


def test_edit_that_another_process_took_in_is_seen(tmp_path, trusting):
    other = open_table(tmp_path)
    (tmp_path / "notes.json").write_text('{"notes": {"1": {"id": "a", "name": "x"}}}')
    assert len(other.documents) == 1
    assert len(trusting.documents) == 1


def test_writes_are_seen_after_one_died_that_held_the_lock(tmp_path, trusting):
    def die(documents):
        os.kill(os.getpid(), signal.SIGKILL)

    child = Child(lambda: open_table(tmp_path)._update_table(die))
    assert child.code() == -signal.SIGKILL
    other = open_table(tmp_path)
    for n in range(3):
        other.insert(note(str(n), n))
        assert len(trusting.documents) == n + 1


def test_table_goes_without_a_lock_file_as_long_as_it_is_read(tmp_path):
    open_table(tmp_path).insert(note("a", 1))
    lock = tmp_path / "notes.json.lock"
    lock.unlink()
    lock.mkdir()
    table = open_table(tmp_path, moment=LONG)
    assert shown(table) == {"a": 1}
    lock.rmdir()
    open_table(tmp_path).insert(note("b", 1))
    assert shown(table) == {"a": 1, "b": 1}


def test_write_is_seen_after_the_lock_file_was_removed(tmp_path):
    """As soon as the reader looks at the files again, and ever after."""
    reader, other = open_table(tmp_path, moment=MOMENT), open_table(tmp_path)
    other.insert(note("a", 1))
    assert shown(reader) == {"a": 1}
    (tmp_path / "notes.json.lock").unlink()
    other.insert(note("b", 1))
    until(lambda: len(reader.documents) == 2)
    for n in range(50):
        other.insert(note(str(n), n))
        assert len(reader.documents) == n + 3
    reader.close()


def test_writes_of_one_that_cannot_map_the_number_are_seen(tmp_path, trusting):
    """It may open two more files: one for the lock, and one more at a time."""
    open_table(tmp_path).insert(note("a", 1))
    assert shown(trusting) == {"a": 1}

    def write():
        table = open_table(tmp_path)
        spare = [os.open(tmp_path, os.O_RDONLY) for _ in range(2)]
        for number in spare:
            os.close(number)
        # There may be open files between the two.
        most = spare[-1] + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        table.insert(note("b", 2))

    Child(write).result()
    assert shown(trusting) == {"a": 1, "b": 2}
