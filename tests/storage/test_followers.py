"""The lists and indexes of every process follow what any of them changes."""

import os

import pytest
from notes import (
    data,
    edit,
    entries,
    held,
    journal,
    note,
    open_notes,
    open_table,
    query,
    save,
    stored,
)

from app.storage.files.catching_up import CatchingUp
from app.storage.files.journal import encode
from app.storage.files.lock import TableLock
from app.storage.files.records import Record
from app.storage.files.sequence_lock import SequenceLock
from app.storage.files.writing import Changes

ASKED = [query({"n": 1}, [{"name": "asc"}]), query(None, [{"more.made": "desc"}])]


def shown(documents):
    return [[each.document for each in documents.find(one)[0]] for one in ASKED]


def changed(**members):
    return lambda document, _: {**document, **members}


DAY = {"made": "2026-01-02T00:00:00Z"}

CHANGES = [
    changed(any=1),
    changed(name="0"),
    changed(more={"x": 1}),
    lambda document, _: {**document, "more": {**document.get("more", {}), **DAY}},
    changed(n=2),
    changed(n=1, any=None),
    lambda document, _: {name: document[name] for name in ("id", "name", "n")},
]


def test_lists_of_every_process_follow_changes_that_touch_them_and_others(tmp_path):
    store, other = open_notes(tmp_path), open_table(tmp_path)
    store.insert("notes", *(note(str(n), 1, name=str(n)) for n in range(5)))
    for n, change in enumerate(CHANGES * 2):
        store.update("notes", str(n % 5), change)
        started = open_table(tmp_path)
        expected = shown(started.documents)
        assert shown(other.documents) == expected, n
        assert shown(store.table("notes").documents) == expected, n
        assert held(other) == held(started)
    store.close()


BY_NAME = query(None, [{"name": "asc"}])


# Edits by hand


def names(table):
    """Return the names in their order, and those of the document z by the index."""
    found = [table.documents.find(each)[0] for each in (BY_NAME, query({"name": "z"}))]
    return [[each.document["name"] for each in page] for page in found]


def renamed(documents):
    documents["1"]["name"] = "z"


def update(table, change):
    """Change the document a through a ``table`` alone."""

    def plan(documents, _):
        old = documents.get("a")
        after = change(old.document, None)
        return Changes([Record(old.number, "a", after)], [])

    table.write(plan)


@pytest.fixture
def two(tmp_path):
    """Two tables in one folder, with a list and an index by name."""
    one, other = open_table(tmp_path), open_table(tmp_path)
    one.insert_multiple(note(each, 1, name=each) for each in "abc")
    one.checkpoint()
    assert names(one) == names(other) == [["a", "b", "c"], []]
    return one, other


@pytest.mark.parametrize("starts", [True, False])
def test_who_saw_an_edit_does_not_mislead_one_that_did_not(tmp_path, two, starts):
    """Nor one that never sees it, because another edit, a broken one, replaces it."""
    one, other = two
    edit(tmp_path, renamed)
    writer = open_table(tmp_path) if starts else one
    update(writer, changed(any=1))
    save(tmp_path, "{")
    held(writer)
    assert names(other) == [["b", "c", "z"], ["z"]]


def test_who_did_not_see_an_edit_does_not_mislead_one_that_did(tmp_path, two):
    """It is saved in the very moment of a write, and the other cannot have the lock.

    What it serves is what will be noted: the edit wins.
    """
    one, other = two
    lock = tmp_path / "notes.json.lock"

    def change(document, _):
        edit(tmp_path, renamed)
        lock.unlink()
        lock.mkdir()
        assert names(other) == [["b", "c", "z"], ["z"]]
        return {**document, "any": 1}

    update(one, change)
    assert names(other) == [["b", "c", "z"], ["z"]]
    lock.rmdir()
    assert names(one) == names(other) == [["b", "c", "z"], ["z"]]


# What others write all the time


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_first_entry_of_a_journal_changes_the_documents_that_are_there(
    tmp_path, is_by_hand
):
    """To read a data file anew that did not change holds up reads and writes."""
    first = open_table(tmp_path)
    first.insert_multiple(note(each) for each in "ab")
    first.close()
    journal(tmp_path).unlink()
    if is_by_hand:
        edit(tmp_path, renamed)
    one, other = open_table(tmp_path), open_table(tmp_path)
    served = other.documents
    one.insert(note("c"))
    assert other.documents is served
    assert held(other) == held(one) == stored(tmp_path)
    one.checkpoint()
    other.insert(note("d"))
    assert held(one) == held(other) == stored(tmp_path)
    assert other.documents is served


class Growing:
    """A replica whose journal has another entry each time that it is read to its end."""

    ahead = None

    def __init__(self, lock):
        self.lock = lock
        self.journal = self.state = self.documents = self
        self.offset, self.end = 0, 1

    def size(self):
        return self.end

    def follow_journal(self):
        self.offset, self.end = self.end, self.end + 1

    def has_read_journal(self):
        return self.offset == self.end

    def has_seen_file(self):
        return True

    def is_edited(self):
        return False

    def refresh_indexes(self):
        pass


def test_look_for_what_a_crash_left_does_not_lock_out_others_that_write(tmp_path):
    path = tmp_path / "notes.json.lock"
    replica = Growing(TableLock(path, SequenceLock(path, 0), 0))
    number = path.read_bytes()
    CatchingUp(replica, edits=None).mend()
    assert (replica.offset, replica.end) == (1, 2)
    assert path.read_bytes() == number


# A journal that others begin


def two_without_journal(folder, *notes):
    """Return two tables that serve the data file of another one, and have no journal."""
    first = open_table(folder)
    first.insert_multiple(notes or [note("x")])
    first.close()
    journal(folder).unlink()
    tables = open_table(folder), open_table(folder)
    assert held(tables[0]) == held(tables[1])
    return tables


def assert_agree(folder, *tables):
    """Assert that all serve the same, byte by byte, and that one that starts does too."""
    served = [
        [(each.number, each.encoded) for each in table.documents]
        for table in (*tables, open_table(folder))
    ]
    assert all(one == served[0] for one in served), served


def append_without_key(folder):
    """Append an entry that is sound, but whose document has no key."""
    number = entries(folder)[-1]["seq"] + 1
    entry = {"seq": number, "gone": [], "was": [None], "put": [(9, b'{"name":"k"}')]}
    with open(journal(folder), "ab") as file:
        file.write(encode(entry))


def test_file_that_one_made_and_another_takes_for_an_edit_is_served_alike(tmp_path):
    """One had the journal before it was removed; the other completes the documents."""
    one = open_table(tmp_path)
    document = {"id": "y", "name": "no number"}
    one.write(lambda *_: Changes([Record(1, "y", document)], []))
    one.checkpoint()
    journal(tmp_path).unlink()
    assert held(one) == {"y": document}
    other = open_table(tmp_path)
    assert held(other) != held(one)
    one.insert(note("z"))
    assert_agree(tmp_path, one, other)
    other.insert(note("w"))
    other.checkpoint()
    assert_agree(tmp_path, one, other)


def test_file_with_other_bytes_of_the_same_size_and_time_is_read_anew(tmp_path):
    _, other = two_without_journal(tmp_path)
    found = data(tmp_path).stat()
    data(tmp_path).write_text(
        data(tmp_path).read_text().replace("the note", "a nother")
    )
    os.utime(data(tmp_path), ns=(found.st_atime_ns, found.st_mtime_ns))
    open_table(tmp_path).insert(note("y"))
    assert held(other)["x"]["name"] == "a nother x"
    assert_agree(tmp_path, other)


def test_damage_in_a_journal_that_others_began_hides_no_sound_entry(tmp_path):
    """Also where the lock cannot be had, and so nothing can be mended."""
    one, other = two_without_journal(tmp_path)
    for each in "pqr":
        one.insert(note(each))
    content = journal(tmp_path).read_bytes()
    journal(tmp_path).write_bytes(content.replace(b"the note q", b"the nXte q"))
    lock = tmp_path / "notes.json.lock"
    lock.unlink()
    lock.mkdir()
    assert held(other).keys() == {"x", "p", "r"}
    lock.rmdir()
    other.mend()
    assert held(other).keys() == {"x", "p", "r"}


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("others", ["", "y"])
def test_entry_without_a_key_is_set_aside_by_who_follows(tmp_path, is_first, others):
    one, other = two_without_journal(tmp_path)
    if not is_first:
        one.insert(note("w"))
        held(other)
    for each in others:
        one.insert(note(each))
    if not journal(tmp_path).exists():
        one.give_number()
    append_without_key(tmp_path)
    expected = {"x", *others} | (set() if is_first else {"w"})
    assert held(other).keys() == expected
    other.insert(note("z"))
    assert held(one).keys() == held(other).keys() == expected | {"z"}
    assert_agree(tmp_path, one, other)


def test_document_that_is_removed_and_added_again_comes_last_for_all(tmp_path):
    one, other = two_without_journal(tmp_path, note("x"), note("w"))
    one.remove(doc_ids=[1])
    one.insert(note("x"))
    assert [*held(one)] == [*held(other)] == ["w", "x"]


def test_write_that_adds_what_it_removes_replaces_it(tmp_path):
    """Two documents swap their keys, and a third one goes."""
    one, other = two_without_journal(tmp_path, note("a"), note("b"), note("c"))
    before = {record.key: record for record in one.documents}

    def swapped(key, to):
        document = {**before[key].document, "id": to}
        return Record(before[key].number, to, document)

    put = [swapped("a", "b"), swapped("b", "a")]
    one.write(lambda *_: Changes(put, ["a", "b", "c"]))
    entry = entries(tmp_path)[-1]
    assert entry["gone"] == ["c"]
    assert entry["was"] == [before[key].revision for key in "bac"]
    assert {key: each["name"] for key, each in held(one).items()} == {
        "a": "the note b",
        "b": "the note a",
    }
    assert_agree(tmp_path, one, other)
