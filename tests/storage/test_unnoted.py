"""An edit by hand that one process serves and nobody has noted in the journal.

A process that starts leaves it to those that ran before, which know more of what was
written since. Until one of them looks, the others follow a journal that knows nothing of
it, and whatever comes next must not be told from what that one process serves.
"""

import json

import pytest
from notes import data, held, journal, note, open_table, save
from tinydb import where

from app.errors import Unavailable


def saved(folder, *documents):
    """Save documents with the numbers 1, 2 and so on, as what a person wrote anew."""
    numbered = {str(number): each for number, each in enumerate(documents, 1)}
    save(folder, json.dumps({"notes": numbered}))


def numbered(table):
    return sorted(
        (each.number, each.key, each.document["n"]) for each in table.documents
    )


@pytest.fixture
def table(tmp_path):
    """What a process holds that ran before the edit, and does not look at it."""
    table = open_table(tmp_path)
    table.insert_multiple([note("a", 1), note("b", 2)])
    table.checkpoint()
    yield table
    table.close()


@pytest.fixture
def former(tmp_path, table):
    """The data file before the edit, which is under another name still."""
    former = tmp_path / "former.json"
    former.hardlink_to(data(tmp_path))
    return former


@pytest.fixture
def started(tmp_path, table, former):
    """A process that starts after an edit and serves that, which nobody has noted."""
    saved(tmp_path, note("a", 1), note("c", 3))
    started = open_table(tmp_path)
    assert numbered(started) == [(1, "a", 1), (2, "c", 3)]
    yield started
    started.close()


def assert_agree(folder, *tables):
    """Assert that all processes, and one that starts, have the same after a checkpoint."""
    for each in tables:
        each.mend()
    found = numbered(tables[0])
    for each in tables:
        each.mend()
        assert numbered(each) == found
    assert numbered(open_table(folder)) == found
    tables[-1].checkpoint()
    assert all(numbered(each) == found for each in (*tables, open_table(folder)))
    pairs = json.loads(data(folder).read_text(), object_pairs_hook=list)
    stored = dict(pairs)["notes"]
    assert sorted(int(number) for number, _ in stored) == [each[0] for each in found]
    return found


def test_next_edit_is_followed_by_those_that_did_not_see_the_first(
    tmp_path, table, started
):
    saved(tmp_path, note("c", 3), note("a", 1))
    started.insert(note("d", 4))
    found = [key for _, key, _ in assert_agree(tmp_path, started, table)]
    assert sorted(found) == ["a", "c", "d"]


def test_next_edit_that_others_note_replaces_the_first(tmp_path, table, started):
    saved(tmp_path, note("a", 1), note("d", 4))
    table.insert(note("e", 5))
    found = [key for _, key, _ in assert_agree(tmp_path, started, table)]
    assert found == ["a", "d", "e"]


def test_file_from_before_the_edit_that_is_put_back_is_served(
    tmp_path, table, former, started
):
    former.rename(data(tmp_path))
    assert assert_agree(tmp_path, started, table) == [(1, "a", 1), (2, "b", 2)]


def test_copy_of_the_file_from_before_the_edit_is_served(
    tmp_path, table, former, started
):
    save(tmp_path, former.read_text())
    assert assert_agree(tmp_path, started, table) == [(1, "a", 1), (2, "b", 2)]


@pytest.mark.parametrize("who", ["started", "before"])
def test_broken_edit_after_it_is_met_with_one_state_by_all(
    tmp_path, table, started, who
):
    save(tmp_path, "{")
    first, second = (started, table) if who == "started" else (table, started)
    held(first)
    held(second)
    assert numbered(first) == numbered(second) == numbered(open_table(tmp_path))
    second.update({"n": 9}, where("id") == "a")
    first.insert(note("e", 5))
    assert numbered(first) == numbered(second) == numbered(open_table(tmp_path))
    saved(tmp_path, note("d", 4))
    assert_agree(tmp_path, first, second)


def test_file_from_before_a_noted_edit_that_is_put_back_is_an_edit(
    tmp_path, table, former, started
):
    """What was noted tells nothing of it: it is not what the documents came from."""
    started.mend()
    former.rename(data(tmp_path))
    started.insert(note("d", 4))
    assert_agree(tmp_path, started, table)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_edit_that_cannot_be_noted_is_served_and_nothing_is_written(
    tmp_path, table, started, is_replaced
):
    """Others would read what comes of it, and not what it comes from."""
    if is_replaced:
        saved(tmp_path, note("a", 2), note("c", 3))
    in_the_way = tmp_path / "notes.json.before.1.new"
    in_the_way.mkdir()
    before = journal(tmp_path).read_bytes()
    with pytest.raises(Unavailable, match="the edit of notes.json cannot be noted"):
        table.insert(note("d", 4))
    assert journal(tmp_path).read_bytes() == before
    assert numbered(table)[-1][1:] == ("c", 3)
    in_the_way.rmdir()
    table.insert(note("d", 4))
    found = [(key, n) for _, key, n in assert_agree(tmp_path, started, table)]
    assert sorted(found) == [("a", 1 + is_replaced), ("c", 3), ("d", 4)]
