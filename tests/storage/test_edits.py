"""Edits by hand: taken in while the service runs, and never overwritten while broken.

An edit here is what an editor does: a new file in the place of the old one, or the old
one written over. What comes of one that was opened long ago is in ``test_merging``.
Tables have no keeper, so that each look is the test's own.
"""

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from notes import (
    ALBUMS,
    Child,
    add_album,
    album,
    data,
    edit,
    entries,
    held,
    journal,
    new_album,
    note,
    open_notes,
    open_table,
    query,
    save,
    stored,
)
from shared import until
from tinydb import where

from app.errors import Conflict, Invalid, Unavailable
from app.query import Query

BEFORE = "notes.json.before.1"
SERVED_FILE = "notes.json.served"


def put(table, key, n=0):
    table.upsert(note(key, n), where("id") == key)


def numbers(documents):
    return {key: document["n"] for key, document in documents.items()}


@pytest.fixture
def table(tmp_path):
    """A table with two documents in its data file."""
    table = open_table(tmp_path)
    table.insert_multiple([note("a", 1), note("b", 2)])
    table.checkpoint()
    yield table
    table.close()


SERVED = {"a": 1, "b": 2}
BROKEN = '{"notes": {"1": {"id": "a", "name": "half sav'


def set_n(key, n):
    """Return the edit that gives the document ``key`` another number."""

    def change(notes):
        [found] = [each for each in notes.values() if each["id"] == key]
        found["n"] = n

    return change


# Good edits


def test_a_worker_that_knows_an_edit_follows_its_checkpoint_while_the_next_one_is_broken(
    tmp_path, table
):
    """It needs nothing of the file, which nobody has found to be broken yet."""
    other = open_table(tmp_path)
    edit(tmp_path, set_n("a", 7))
    assert numbers(held(other)) == {"a": 7, "b": 2}
    put(table, "c", 3)
    assert len(other) == 3
    table.checkpoint()
    save(tmp_path, BROKEN)
    assert numbers(held(other)) == {"a": 7, "b": 2, "c": 3}
    assert other.fault is not None
    other.close()


def test_edit_is_seen_by_every_worker_and_by_one_that_starts(tmp_path, table):
    other = open_table(tmp_path)
    edit(tmp_path, lambda notes: (notes.pop("2"), notes.update({"5": note("c", 3)})))
    for worker in (table, other, open_table(tmp_path)):
        assert numbers(held(worker)) == {"a": 1, "c": 3}
    assert table.insert(note("d", 4)) == 6


def test_edit_in_place_is_seen(tmp_path, table):
    data(tmp_path).write_text(data(tmp_path).read_text().replace('"n":1', '"n":11'))
    assert numbers(held(table)) == {"a": 11, "b": 2}


def test_edit_is_seen_by_get_find_and_update(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1), note("b", 2))
    store.table("notes").checkpoint()
    old = store.get("notes", "a").revision
    edit(tmp_path, set_n("a", 5))
    until(lambda: store.get("notes", "a").document["n"] == 5)
    assert store.get("notes", "a").revision != old
    assert store.find("notes", query({"n": 5})).total == 1
    edit(tmp_path, set_n("b", 7))
    record = store.update("notes", "b", lambda d, _: {**d, "n": d["n"] + 1})
    assert record.document["n"] == 8
    edit(tmp_path, lambda notes: notes.update({"9": note("c")}))
    with pytest.raises(Conflict):
        store.insert("notes", note("c"))
    store.close()
    assert numbers(stored(tmp_path)) == {"a": 5, "b": 8, "c": 0}


def test_document_that_was_not_edited_keeps_its_revision(tmp_path, table):
    before = {each.key: each.revision for each in table.documents}
    edit(tmp_path, set_n("a", 5))
    after = {each.key: each.revision for each in table.documents}
    assert after["b"] == before["b"] and after["a"] != before["a"]


def test_what_was_written_since_the_checkpoint_stays_where_a_person_changed_nothing(
    tmp_path, table
):
    put(table, "a", 9)
    put(table, "c", 3)
    edit(tmp_path, set_n("b", 6))
    expected = {"a": 9, "b": 6, "c": 3}
    assert numbers(held(table)) == numbers(stored(tmp_path)) == expected


def test_edit_stands_over_what_was_written_since_the_checkpoint(tmp_path, table):
    put(table, "a", 9)
    edit(tmp_path, lambda notes: (set_n("a", 5)(notes), set_n("b", 6)(notes)))
    assert numbers(held(table)) == numbers(stored(tmp_path)) == {"a": 5, "b": 6}


def test_edit_and_later_writes_are_in_the_checkpointed_file(tmp_path, table):
    edit(tmp_path, set_n("a", 5))
    put(table, "c", 3)
    table.checkpoint()
    notes = json.loads(data(tmp_path).read_text())["notes"]
    assert {each["id"]: each["n"] for each in notes.values()} == {
        "a": 5,
        "b": 2,
        "c": 3,
    }


def kept(path):
    """Return the documents in a file that was kept of an edit."""
    notes = json.loads(path.read_text())["notes"]
    return {each["id"]: each["n"] for each in notes.values()}


def test_what_an_edit_replaces_is_kept_in_a_file(tmp_path, table):
    put(table, "c", 3)
    edit(tmp_path, set_n("a", 5))
    held(table)
    assert kept(tmp_path / BEFORE) == {"a": 1}
    mode = data(tmp_path).stat().st_mode
    assert (tmp_path / BEFORE).stat().st_mode == mode


def test_what_the_last_ten_edits_replaced_is_kept(tmp_path, table):
    for n in range(3, 15):
        edit(tmp_path, set_n("a", n))
        held(table)
        table.checkpoint()
    found = sorted(tmp_path.glob("notes.json.before.*"))
    expected = {tmp_path / f"notes.json.before.{n}": {"a": n + 1} for n in range(3, 13)}
    assert {path: kept(path) for path in found} == expected


def test_one_worker_merges_an_edit_for_all(tmp_path, table):
    other = open_table(tmp_path)
    edit(tmp_path, set_n("a", 5))
    held(table)
    before = (tmp_path / BEFORE).stat()
    held(other)
    again = (tmp_path / BEFORE).stat()
    assert (again.st_ino, again.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not (tmp_path / "notes.json.before.2").exists()
    assert len([each for each in entries(tmp_path) if "edit" in each]) == 1


def test_edit_that_removes_everything_is_taken(tmp_path, table):
    save(tmp_path, "{}")
    assert held(table) == stored(tmp_path) == {}


def test_documents_in_tinydbs_default_table_are_taken(tmp_path, table):
    save(tmp_path, json.dumps({"_default": {"1": note("a", 5)}}))
    assert numbers(held(table)) == {"a": 5}


@pytest.mark.parametrize("is_checkpointed", [True, False])
def test_older_file_that_is_put_back_changes_nothing(
    tmp_path, table, is_checkpointed, caplog
):
    """It says nothing that was not so before, as one that an editor saves anew."""
    older = data(tmp_path).read_text()
    put(table, "a", 5)
    table.checkpoint()
    save(tmp_path, older)
    assert numbers(held(table)) == numbers(stored(tmp_path)) == {"a": 5, "b": 2}
    assert "to go back to an older file as a whole, remove" in caplog.text
    if is_checkpointed:
        table.checkpoint()
        assert '"n":5' in data(tmp_path).read_text()
    assert numbers(held(open_table(tmp_path))) == {"a": 5, "b": 2}


@pytest.mark.parametrize("is_stopped", [True, False])
def test_older_file_is_taken_as_a_whole_without_the_versions(
    tmp_path, table, is_stopped
):
    older = data(tmp_path).read_text()
    put(table, "a", 5)
    put(table, "c", 6)
    table.checkpoint()
    (tmp_path / "notes.json.versions").unlink()
    save(tmp_path, older)
    if is_stopped:
        table = open_table(tmp_path)
    assert numbers(held(table)) == numbers(stored(tmp_path)) == SERVED


def test_worker_that_slept_through_an_edit_and_a_checkpoint_takes_the_edit_in(
    tmp_path, table
):
    """The worker that checkpoints found the edit when it started."""
    put(table, "c", 3)
    edit(tmp_path, set_n("a", 5))
    started = open_table(tmp_path)
    started.checkpoint()
    expected = {"a": 5, "b": 2, "c": 3}
    assert numbers(held(table)) == expected
    put(table, "d", 4)
    table.checkpoint()
    assert numbers(stored(tmp_path)) == numbers(held(started)) == {**expected, "d": 4}


def test_checkpoints_after_an_edit_are_followed_without_reading_the_file(
    tmp_path, table
):
    other = open_table(tmp_path)
    edit(tmp_path, set_n("a", 5))
    for n in (3, 4):
        before = other.documents
        put(table, "c", n)
        held(other)
        table.checkpoint()
        assert numbers(held(other)) == {"a": 5, "b": 2, "c": n}
    assert other.documents is before


def test_edit_during_a_checkpoint_is_kept_and_the_checkpoint_is_left(tmp_path):
    during = []

    def sync(descriptor):
        if during:
            during.pop()()

    table = open_table(tmp_path, sync)
    put(table, "a", 1)
    table.checkpoint()
    put(table, "b", 2)
    during.append(
        lambda: edit(tmp_path, lambda notes: notes.update({"7": note("c", 3)}))
    )
    table.checkpoint()
    expected = {"a": 1, "b": 2, "c": 3}
    assert "7" in json.loads(data(tmp_path).read_text())["notes"]
    assert numbers(held(table)) == numbers(stored(tmp_path)) == expected
    table.checkpoint()
    assert numbers(stored(tmp_path)) == expected


def test_edit_while_the_journal_is_gone_is_not_overwritten(tmp_path, table):
    """Nor is what was in memory only: it is in the file of what the edit replaced."""
    put(table, "c", 3)
    journal(tmp_path).unlink()
    edit(tmp_path, set_n("a", 5))
    put(table, "d", 4)
    assert numbers(stored(tmp_path)) == {"a": 5, "b": 2, "d": 4}
    assert held(table) == stored(tmp_path)
    assert '"id":"c"' in (tmp_path / BEFORE).read_text()


def test_reads_and_writes_go_on_while_a_person_edits(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("w", 0), note("e", 0))
    store.table("notes").checkpoint()

    def write():
        for count in range(1, 501):
            store.update("notes", "w", lambda d, _: {**d, "n": d["n"] + 1})
            assert store.get("notes", "w").document["n"] == count

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        for n in range(1, 30):
            edit(tmp_path, set_n("e", n))
            until(lambda n=n: store.get("notes", "e").document["n"] == n)
        writer.result()
    assert store.get("notes", "w").document["n"] == 500
    store.close()
    assert numbers(stored(tmp_path)) == {"w": 500, "e": 29}


# Fixtures


def test_fixture_that_leaves_fields_out_gets_defaults_and_lasting_ids(tmp_path):
    fixture = {"notes": {"1": {"name": "x"}, "7": {"name": "y", "n": 2}}}
    save(tmp_path, json.dumps(fixture))
    first = held(open_table(tmp_path))
    assert sorted(first) == ["note-1", "note-7"]
    os.utime(data(tmp_path))
    table = open_table(tmp_path)
    assert sorted(held(table)) == ["note-1", "note-7"]
    edit(tmp_path, lambda notes: notes.update({"8": {"name": "z"}}))
    assert sorted(held(table)) == ["note-1", "note-7", "note-8"]
    put(table, "a", 1)
    table.checkpoint()
    assert sorted(stored(tmp_path)) == ["a", "note-1", "note-7", "note-8"]
    made = [each["made"] for each in held(table).values()]
    assert all(made[:3])
    os.utime(data(tmp_path))
    assert held(table) == stored(tmp_path)


def test_fixture_can_be_changed_before_any_checkpoint(tmp_path):
    """The journal begins on a file that the service did not write."""
    save(tmp_path, json.dumps({"notes": {"1": {"name": "x"}}}))
    table = open_table(tmp_path)
    table.update({"n": 5}, where("id") == "note-1")
    assert numbers(stored(tmp_path)) == {"note-1": 5}
    data(tmp_path).unlink()
    with pytest.raises(Invalid, match="notes.json is missing"):
        open_table(tmp_path)


def test_added_document_with_a_number_of_the_journal_gets_another(tmp_path, table):
    other = open_table(tmp_path)
    assert table.insert(note("c", 3)) == 3
    edit(tmp_path, lambda notes: notes.update({"3": note("d", 4)}))
    expected = {**SERVED, "c": 3, "d": 4}
    assert numbers(held(table)) == numbers(held(other)) == expected
    assert table.get(where("id") == "c").doc_id == 3
    assert len({each.doc_id for each in table}) == 4
    table.checkpoint()
    assert numbers(stored(tmp_path)) == expected


def test_workers_that_number_an_added_document_differently_lose_none(tmp_path, table):
    """A number that one of them gave again would be one line too few in the file."""
    other = open_table(tmp_path)
    put(table, "c", 3)
    edit(tmp_path, lambda notes: notes.update({"3": note("d", 4)}))
    held(table)
    put(table, "e", 5)
    held(other)
    put(table, "f", 6)
    put(table, "g", 7)
    other.checkpoint()
    expected = {**SERVED, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7}
    assert numbers(stored(tmp_path)) == expected
    assert numbers(held(table)) == numbers(held(other)) == expected


# Broken edits


@pytest.mark.parametrize(
    "text, fault",
    [
        ("", "notes.json is empty; it must be JSON"),
        (BROKEN, "notes.json is not JSON: Unterminated string"),
        ('"notes"', "notes.json is neither an array of documents nor TinyDB JSON"),
        ('{"tasks": {"1": {"name": "x"}}}', 'notes.json holds a table "tasks"'),
        (
            '{"notes": {"1": {"id": "a"}, "2": {"id": "b", "name": 5}, "3": 7}}',
            "notes.json: document 1 (id a), field name: is missing; "
            "document 2 (id b), field name: is missing; "
            "document 3: a note must be an object",
        ),
        (
            '{"notes": {"1": {"id": "a", "name": ""}, "4": {"id": "a", "name": ""}}}',
            "notes.json: documents 1 and 4 have the same id a",
        ),
        (
            '{"notes": {"1": {"id": "a", "name": ""}, "1": {"id": "b", "name": ""}}}',
            'notes.json holds the member "1" twice in one object',
        ),
        (
            json.dumps({"notes": {f"{n}": {} for n in range(12)}}),
            "document 9, field name: is missing; and 2 more",
        ),
    ],
)
def test_broken_edit_is_reported_and_never_overwritten(tmp_path, table, text, fault):
    save(tmp_path, text)
    assert numbers(held(table)) == SERVED
    assert fault in table.fault
    put(table, "c", 3)
    table.checkpoint()
    table.checkpoint(wait=True)
    assert data(tmp_path).read_text() == text
    assert numbers(held(table)) == {**SERVED, "c": 3}
    table.close()
    assert data(tmp_path).read_text() == text


def test_missing_file_is_reported_and_not_made_anew(tmp_path, table):
    data(tmp_path).unlink()
    assert numbers(held(table)) == SERVED
    assert table.fault == "notes.json is missing"
    put(table, "c", 3)
    table.checkpoint()
    assert not data(tmp_path).exists()
    started = open_table(tmp_path)
    assert numbers(held(started)) == {**SERVED, "c": 3}
    assert started.fault == "notes.json is missing"


def test_missing_file_is_not_an_empty_table_after_an_edit(tmp_path):
    """The journal began on a file that a person wrote."""
    save(tmp_path, json.dumps({"notes": {"1": note("a", 1)}}))
    table = open_table(tmp_path)
    put(table, "b", 2)
    data(tmp_path).unlink()
    assert numbers(held(table)) == SERVED
    assert numbers(stored(tmp_path)) == SERVED


def test_mended_file_is_taken_in_with_the_writes_since(tmp_path, table):
    save(tmp_path, BROKEN)
    put(table, "c", 3)
    put(table, "a", 9)
    assert table.fault
    save(tmp_path, json.dumps({"notes": {"1": note("a", 5), "2": note("b", 6)}}))
    assert numbers(held(table)) == {"a": 5, "b": 6, "c": 3}
    assert table.fault is None
    table.checkpoint()
    assert numbers(stored(tmp_path)) == {"a": 5, "b": 6, "c": 3}


def test_broken_edit_that_is_undone_by_putting_the_old_file_back_is_over(
    tmp_path, table
):
    aside = tmp_path / "aside"
    os.rename(data(tmp_path), aside)
    save(tmp_path, BROKEN)
    put(table, "c", 3)
    assert table.fault
    os.rename(aside, data(tmp_path))
    assert numbers(held(table)) == {**SERVED, "c": 3}
    assert table.fault is None
    table.checkpoint()
    assert numbers(stored(tmp_path)) == {**SERVED, "c": 3}


def test_broken_edit_after_another_keeps_the_state_from_before_both(tmp_path, table):
    for text in (BROKEN, "", "7", BROKEN):
        save(tmp_path, text)
        assert numbers(held(table)) == SERVED
        assert numbers(stored(tmp_path)) == SERVED
    assert numbers(held(open_table(tmp_path))) == SERVED


def test_file_that_is_saved_half_by_half_is_taken_in_at_its_end(tmp_path, table):
    whole = json.dumps({"notes": {"1": note("a", 5), "3": note("c", 6)}})
    with data(tmp_path).open("w") as file:
        for part in (whole[:30], whole[30:60]):
            file.write(part)
            file.flush()
            assert numbers(held(table)) == SERVED
            assert table.fault
        file.write(whole[60:])
    assert numbers(held(table)) == {"a": 5, "c": 6}
    assert table.fault is None


def test_worker_that_starts_while_the_file_is_broken_serves_the_former_state(
    tmp_path, table
):
    put(table, "c", 3)
    save(tmp_path, BROKEN)
    held(table)
    put(table, "d", 4)

    def started():
        started = open_table(tmp_path)
        put(started, "e", 5)
        return numbers(held(started)), started.fault

    expected = {**SERVED, "c": 3, "d": 4, "e": 5}
    assert Child(started).result() == [expected, table.fault]
    assert numbers(held(table)) == expected
    assert data(tmp_path).read_text() == BROKEN
    save(tmp_path, json.dumps({"notes": {"1": note("a", 1)}}))
    assert numbers(stored(tmp_path)) == {"a": 1, "c": 3, "d": 4, "e": 5}


def test_all_workers_may_start_anew_while_the_file_is_broken(tmp_path, table):
    save(tmp_path, BROKEN)
    put(table, "c", 3)
    table.close()
    for n in range(4, 7):
        again = open_table(tmp_path)
        put(again, "c", n)
        again.close()
    assert numbers(stored(tmp_path)) == {**SERVED, "c": 6}


def test_worker_that_starts_without_a_former_state_is_refused(tmp_path, table):
    table.close()
    save(tmp_path, BROKEN)
    with pytest.raises(Invalid, match="notes.json is not JSON: Unterminated string"):
        open_table(tmp_path)
    data(tmp_path).unlink()
    with pytest.raises(Invalid, match="notes.json is missing"):
        open_table(tmp_path)


def test_worker_that_starts_without_the_file_of_the_former_state_is_refused(
    tmp_path, table
):
    save(tmp_path, BROKEN)
    held(table)
    (tmp_path / SERVED_FILE).unlink()
    with pytest.raises(Invalid, match="notes.json is not JSON: Unterminated string"):
        open_table(tmp_path)


def test_journal_that_is_removed_while_the_file_is_broken_costs_nothing(
    tmp_path, table
):
    save(tmp_path, BROKEN)
    put(table, "c", 3)
    journal(tmp_path).unlink()
    put(table, "d", 4)
    expected = {**SERVED, "c": 3, "d": 4}
    assert numbers(held(table)) == numbers(stored(tmp_path)) == expected


def test_former_state_survives_a_crash_while_the_next_one_is_kept(tmp_path, table):
    """It may be the only copy there is: the data file is broken."""
    save(tmp_path, BROKEN)
    held(table)

    def die(descriptor):
        os._exit(77)

    def work():
        other = open_table(tmp_path, die)
        save(tmp_path, "")
        held(other)

    assert Child(work).code() == 77
    save(tmp_path, BROKEN)
    assert numbers(held(table)) == SERVED
    assert kept(tmp_path / SERVED_FILE) == SERVED


def test_edit_is_served_when_its_former_state_cannot_be_kept(tmp_path):
    error = []

    def sync(descriptor):
        if error:
            raise error[0]

    table = open_table(tmp_path, sync)
    put(table, "a", 1)
    table.checkpoint()
    error.append(OSError(errno.EIO, "Input/output error"))
    edit(tmp_path, set_n("a", 5))
    assert numbers(held(table)) == {"a": 5}
    with pytest.raises(Unavailable):
        put(table, "b", 2)


def test_keeper_notices_a_broken_edit_without_any_request(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1))
    store.table("notes").checkpoint()
    save(tmp_path, BROKEN)
    until(lambda: "broken" in entries(tmp_path)[-1])
    assert store.table("notes").fault
    assert numbers(stored(tmp_path)) == {"a": 1}
    edit_again = json.dumps({"notes": {"1": note("a", 2)}})
    save(tmp_path, edit_again)
    until(lambda: store.table("notes").fault is None)
    assert store.get("notes", "a").document["n"] == 2
    store.close()
    assert "_checkpoint" in data(tmp_path).read_text()
    assert numbers(stored(tmp_path)) == {"a": 2}


def test_broken_file_of_one_table_leaves_the_others_alone(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1))
    store.table("notes").checkpoint()
    save(tmp_path, BROKEN)
    until(lambda: store.find("notes", Query()) and store.table("notes").fault)
    assert store.find("notes", Query()).total == 1
    assert store.add("albums", new_album()).key == 1
    store.close()
    assert data(tmp_path).read_text() == BROKEN
    assert list(held(open_table(tmp_path, collection=ALBUMS))) == [1]


# Arrays


def test_array_of_documents_is_taken_and_checkpointed_as_tinydb_json(tmp_path, table):
    save(tmp_path, json.dumps([{"name": "x"}, note("b", 6), {"name": "y", "n": 2}]))
    expected = {"note-1", "b", "note-3"}
    assert held(table).keys() == stored(tmp_path).keys() == expected
    put(table, "c", 3)
    table.checkpoint()
    notes = json.loads(data(tmp_path).read_text())["notes"]
    assert {each["id"] for each in notes.values()} == expected | {"c"}
    assert held(table) == stored(tmp_path)


def test_array_is_numbered_beside_what_the_journal_holds(tmp_path, table):
    put(table, "c", 3)
    put(table, "d", 9)
    save(tmp_path, json.dumps([note(key) for key in "xyz"]))
    expected = {"x": 0, "y": 0, "z": 0, "c": 3, "d": 9}
    assert numbers(held(table)) == expected
    assert len({each.doc_id for each in table}) == 5
    table.checkpoint()
    assert numbers(stored(tmp_path)) == expected


def test_fault_in_an_array_is_named_with_its_place(tmp_path, table):
    save(tmp_path, json.dumps([note("a"), {"id": "b"}, 7]))
    assert numbers(held(table)) == SERVED
    assert table.fault == (
        "notes.json: document 2 (id b), field name: is missing; "
        "document 3: a note must be an object"
    )


def test_empty_array_removes_everything(tmp_path, table):
    save(tmp_path, "[]")
    assert held(table) == stored(tmp_path) == {}


# Integer keys


def test_edits_of_documents_under_integers_are_taken(tmp_path):
    """What was checked before is not checked again."""
    fixture = {"albums": {"1": album(7, artist="a"), "2": album(8, artist="b")}}
    save(tmp_path, json.dumps(fixture), "albums")
    albums = open_table(tmp_path, collection=ALBUMS)
    before = albums.documents.get(8)
    edit(tmp_path, lambda each: each["1"].update(artist="c"), "albums")
    after = held(albums)
    assert {key: each["artist"] for key, each in after.items()} == {7: "c", 8: "b"}
    assert albums.documents.get(8).content is before.content


@pytest.mark.parametrize("key", [True, 1.0, "1", None, [1]])
def test_key_that_is_only_like_an_integer_is_not_taken_for_it(tmp_path, key):
    """In Python, 1 equals true and 1.0."""
    albums = open_table(tmp_path, collection=ALBUMS)
    add_album(albums)
    albums.checkpoint()
    edit(tmp_path, lambda each: each["1"].update(album_id=key), "albums")
    assert list(held(albums)) == [1]
    assert "album_id: must be an integer" in albums.fault


def test_message_about_an_edit_is_short_however_much_is_wrong(tmp_path, table):
    bad = {str(n): {"id": "x" * 10_000, "name": 5, "n": "no"} for n in range(1000)}
    save(tmp_path, json.dumps({"notes": bad}))
    assert numbers(held(table)) == SERVED
    assert len(table.fault) < 2500
    assert table.fault.endswith(" more")
