"""Marks of ids: none is given twice, whatever becomes of the files and the processes.

Tables have no keeper: each of them is a worker that sleeps when the test does not call it.
"""

import json
import os
import shutil
from dataclasses import replace

import orjson
import pytest
from disks import Disk, dying_at, lost
from notes import (
    ALBUMS,
    Child,
    add_album,
    album,
    album_ids,
    data,
    edit,
    entries,
    held,
    journal,
    new_album,
    open_notes,
    open_table,
    remove_album,
    save,
)

from app.errors import Conflict
from app.storage.files.journal import encode


def opened(folder, sync=None):
    if sync is None:
        return open_table(folder, collection=ALBUMS)
    return open_table(folder, sync, ALBUMS)


def next_album(folder):
    """Return the id of the album that a process which starts now adds."""
    return Child(lambda: add_album(opened(folder))["album_id"]).result()


def fixture(folder, *albums):
    """Let ``albums`` be what a person wrote; there is no journal."""
    numbered = {str(number): each for number, each in enumerate(albums, 1)}
    save(folder, json.dumps({"albums": numbered}), "albums")


class Counted:
    """The ids of albums, and how many documents were looked through for them."""

    def __init__(self):
        self.count = 0

    def __call__(self, document):
        self.count += 1
        return album_ids(document)


@pytest.fixture
def table(tmp_path):
    """A table that gave the ids 1 to 3 and checkpointed; the album 3 is gone."""
    table = opened(tmp_path)
    for _ in range(3):
        add_album(table, songs=2)
    remove_album(table, 3)
    table.checkpoint()
    yield table
    table.close()


# Journals


def test_marks_stand_in_the_header_and_in_the_entry_that_gives_ids(tmp_path, table):
    add_album(table)
    header, *_, entry = entries(tmp_path, "albums")
    assert (header["ids"], header["covering"]) == ({"album": 3, "song": 6}, True)
    assert entry["ids"] == {"album": 4, "song": 7}
    assert [orjson.loads(each)["album_id"] for _, each in entry["put"]] == [4]


def test_entry_of_a_table_without_ids_has_no_marks(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", {"id": "a", "name": "", "n": 0})
    assert "ids" not in entries(tmp_path)[-1]
    store.close()


def test_ids_are_consecutive_also_after_a_write_that_did_not_happen(tmp_path):
    store, other = open_notes(tmp_path), open_notes(tmp_path)

    def refused(next_id):
        raise Conflict(f"{next_id('album')} {next_id('song')}")

    for worker in (store, other):
        worker.add("albums", new_album())
        with pytest.raises(Conflict, match="2 2|3 3"):
            worker.add("albums", refused)
    found = [record.document for record in store.scan("albums")]
    assert found == [album(1, [1]), album(2, [2])]
    store.close()
    other.close()


def test_id_of_what_was_removed_is_not_given_after_checkpoints_and_restarts(
    tmp_path, table
):
    assert next_album(tmp_path) == 4
    remove_album(table, 4)
    table.checkpoint()
    table.checkpoint()
    assert next_album(tmp_path) == 5
    remove_album(table, 5)
    assert next_album(tmp_path) == 6


def test_worker_that_slept_through_checkpoints_gives_no_id_twice(tmp_path, table):
    sleeper = opened(tmp_path)
    for number in (4, 5):
        assert add_album(table)["album_id"] == number
        remove_album(table, number)
        table.checkpoint()
    assert add_album(sleeper) == album(6, [9])


def test_marks_that_are_given_during_a_checkpoint_are_kept(tmp_path, table):
    during = []

    def sync(descriptor):
        if during:
            during.pop()()

    def write():
        assert add_album(table)["album_id"] == 5
        remove_album(table, 5)

    checkpointing = opened(tmp_path, sync)
    add_album(checkpointing)
    during.append(write)
    checkpointing.checkpoint()
    assert not during
    assert next_album(tmp_path) == 6


def test_parent_and_child_give_no_id_twice(tmp_path):
    store = open_notes(tmp_path)
    store.add("albums", new_album())

    def work():
        return [store.add("albums", new_album()).key for _ in range(50)]

    children = [Child(work) for _ in range(2)]
    given = work()
    for child in children:
        given += child.result()
    assert sorted(given) == list(range(2, 152))
    store.close()


def without_marks(folder):
    """Let the journal in ``folder`` be one from before there were marks."""
    old = entries(folder, "albums")
    for entry in old:
        entry.pop("ids", None)
        entry.pop("covering", None)
    draft = folder / "older"
    draft.write_bytes(b"".join(map(encode, old)))
    draft.rename(journal(folder, "albums"))


def test_journal_from_before_there_were_marks_is_read_and_goes_on(tmp_path, table):
    add_album(table)
    without_marks(tmp_path)
    again = opened(tmp_path)
    assert held(again).keys() == {1, 2, 4}
    assert add_album(again) == album(5, [8])
    assert entries(tmp_path, "albums")[-1]["ids"] == {"album": 5, "song": 8}
    assert next_album(tmp_path) == 6


def test_id_in_a_file_without_marks_is_not_given_after_it_was_removed(tmp_path, table):
    """Also if nobody looked through the documents while it was there."""
    without_marks(tmp_path)
    remove_album(opened(tmp_path), 2)
    assert next_album(tmp_path) == 3


def test_marks_outlive_a_checkpoint_by_a_worker_that_never_gave_an_id(tmp_path):
    fixture(tmp_path, album(70))
    first = opened(tmp_path)
    remove_album(first, 70)
    first.checkpoint()
    header = entries(tmp_path, "albums")[0]
    assert (header["ids"], header["covering"]) == ({"album": 70}, False)
    assert next_album(tmp_path) == 71


def test_worker_that_lives_on_gives_no_id_twice_when_the_journal_is_removed(
    tmp_path, table
):
    add_album(table)
    remove_album(table, 4)
    journal(tmp_path, "albums").unlink()
    assert add_album(table)["album_id"] == 5
    assert next_album(tmp_path) == 6


def test_worker_keeps_its_marks_when_another_began_the_journal_anew(tmp_path, table):
    add_album(table)
    remove_album(table, 4)
    journal(tmp_path, "albums").unlink()
    assert next_album(tmp_path) == 3
    assert add_album(table)["album_id"] == 5


def test_worker_that_has_higher_marks_than_the_journal_tells_them_with_any_write(
    tmp_path, table
):
    add_album(table)
    remove_album(table, 4)
    journal(tmp_path, "albums").unlink()
    assert next_album(tmp_path) == 3
    remove_album(table, 1)
    assert next_album(tmp_path) == 5


def test_damaged_header_costs_no_id_of_a_document_that_is_there(tmp_path, table):
    add_album(table)
    raw = journal(tmp_path, "albums").read_bytes()
    journal(tmp_path, "albums").write_bytes(b"#" + raw[1:])
    assert next_album(tmp_path) == 5
    assert add_album(table)["album_id"] == 6


# Files that a person wrote


@pytest.mark.parametrize("albums", [[album(70, [800])], {"albums": {"5": album(70)}}])
def test_ids_go_on_from_those_of_a_fixture(tmp_path, albums):
    save(tmp_path, json.dumps(albums), "albums")
    assert add_album(opened(tmp_path))["album_id"] == 71
    assert next_album(tmp_path) == 72


def test_ids_go_on_from_those_of_an_edit(tmp_path, table):
    other = opened(tmp_path)
    edit(tmp_path, lambda each: each.update({"9": album(70, [800])}), "albums")
    assert add_album(table) == album(71, [801])
    assert add_album(other) == album(72, [802])
    table.checkpoint()
    assert next_album(tmp_path) == 73


def test_ids_that_were_given_stay_given_when_an_edit_takes_them_out(tmp_path, table):
    add_album(table)
    table.checkpoint()
    edit(tmp_path, lambda each: each.clear(), "albums")
    assert add_album(table) == album(5, [8])
    assert next_album(tmp_path) == 6


def test_edit_of_lower_ids_below_a_journal_leaves_the_marks(tmp_path, table):
    add_album(table)
    fixture(tmp_path, album(1))
    started = opened(tmp_path)
    assert held(started).keys() == {1, 4}
    remove_album(started, 4)
    assert add_album(started)["album_id"] == 5
    assert add_album(table)["album_id"] == 6


def test_old_file_that_a_person_puts_back_leaves_the_marks(tmp_path, table):
    aside = tmp_path / "aside"
    os.rename(data(tmp_path, "albums"), aside)
    fixture(tmp_path, album(70))
    assert add_album(table)["album_id"] == 71
    os.rename(aside, data(tmp_path, "albums"))
    assert held(table).keys() == {70, 71}
    assert add_album(table)["album_id"] == 72
    assert next_album(tmp_path) == 73


def test_broken_edit_leaves_the_marks(tmp_path, table):
    save(tmp_path, "{", "albums")
    assert add_album(table)["album_id"] == 4
    remove_album(table, 4)
    assert next_album(tmp_path) == 5


@pytest.mark.parametrize("name", ["insert", "_update_table"])
def test_ids_go_on_from_what_came_by_tinydb(tmp_path, table, name):
    act = {
        "insert": lambda: table.insert(album(70, [800])),
        "_update_table": lambda: table._update_table(
            lambda documents: documents[2].update(album(70, [800]))
        ),
    }[name]
    act()
    table.truncate()
    assert add_album(table) == album(71, [801])


# How often documents are looked through


def test_documents_of_an_edit_are_looked_through_once_and_for_an_id_only(tmp_path):
    fixture(tmp_path, *(album(id_, [id_]) for id_ in range(1, 501)))
    counted = Counted()
    table = open_table(tmp_path, collection=replace(ALBUMS, ids=counted))
    assert len(held(table)) == 500
    assert counted.count == 0
    remove_album(table, 500)
    assert counted.count == 1
    add_album(table)
    assert counted.count == 1 + 499 + 1
    for _ in range(10):
        add_album(table)
    assert counted.count == 501 + 10
    edit(tmp_path, lambda each: each.pop("1"), "albums")
    assert len(held(table)) == 500 - 1 - 1 + 11
    add_album(table)
    add_album(table)
    # Those of the journal, which are not in the edited file, and the two new ones.
    assert counted.count == 511 + 11 + 2


def test_documents_that_the_service_checkpointed_are_not_looked_through(tmp_path):
    table = opened(tmp_path)
    for _ in range(20):
        add_album(table)
    table.checkpoint()
    add_album(table)
    counted = Counted()
    again = open_table(tmp_path, collection=replace(ALBUMS, ids=counted))
    assert add_album(again)["album_id"] == 22
    assert counted.count == 1


def test_documents_are_looked_through_once_over_all_checkpoints(tmp_path):
    fixture(tmp_path, *(album(id_) for id_ in range(1, 101)))
    counted = Counted()
    collection = replace(ALBUMS, ids=counted)
    table, other = (open_table(tmp_path, collection=collection) for _ in range(2))
    add_album(table)
    assert counted.count == 101
    for _ in range(3):
        table.checkpoint()
        held(other)
        add_album(other)
    assert counted.count == 101 + 3, "the checkpoint tells the others that it was done"


def test_worker_that_looked_through_the_documents_does_not_after_anothers_checkpoint(
    tmp_path,
):
    fixture(tmp_path, *(album(id_) for id_ in range(1, 101)))
    counted = Counted()
    table = open_table(tmp_path, collection=replace(ALBUMS, ids=counted))
    add_album(table)
    for _ in range(3):
        opened(tmp_path).checkpoint()
        held(table)
        add_album(table)
    assert counted.count == 101 + 3


# Crashes


def test_crash_between_any_two_steps_of_a_checkpoint_gives_no_id_twice(tmp_path):
    """The checkpointed file has the ids of an edit, which no header tells of yet."""
    for count in range(1, 30):
        folder = tmp_path / str(count)
        folder.mkdir()
        setup = opened(folder)
        add_album(setup)
        add_album(setup)
        setup.checkpoint()
        remove_album(setup, 2)
        edit(folder, lambda each: each.update({"9": album(70)}), "albums")

        def work(folder=folder, count=count):
            table = opened(folder, dying_at(count))
            table.checkpoint()

        code = Child(work).code()
        assert code in (0, 77)
        assert next_album(folder) == 71, count
        assert add_album(setup)["album_id"] == 72, count
        shutil.rmtree(folder)
        if code == 0:
            break
    assert count > 3


def save_durably(disk, folder, text):
    """Save ``text`` as the data file, as a careful editor does."""
    draft = folder / "editor.tmp"
    draft.write_text(text)
    flush(disk, draft)
    draft.rename(data(folder, "albums"))
    flush(disk, folder)


def flush(disk, path):
    descriptor = os.open(path, os.O_RDONLY)
    disk(descriptor)
    os.close(descriptor)


def scenario(disk, folder):
    """Give ids, remove what has them, checkpoint, edit and lose the journal."""
    first, second = opened(folder, disk), opened(folder, disk)

    def add(table, id_):
        numbers = {f"{id_}": id_}
        disk.write(lambda: add_album(table), **numbers)

    def remove(table, id_):
        disk.write(lambda: remove_album(table, id_))

    add(first, 1)
    add(second, 2)
    remove(first, 2)
    disk.write(first.checkpoint)
    add(second, 3)
    remove(second, 3)
    add(first, 4)
    disk.write(second.checkpoint)
    add(second, 5)
    remove(first, 5)
    with journal(folder, "albums").open("ab") as file:
        file.write(b"half a line")
    add(second, 6)
    save_durably(disk, folder, json.dumps([album(1), album(70)]))
    add(first, 71)
    remove(first, 71)
    disk.write(first.checkpoint)
    add(second, 72)
    disk.write(first.checkpoint)
    # If power fails now, the marks are gone with it: the highest is in a document.
    journal(folder, "albums").unlink()
    add(second, 73)
    remove(second, 73)
    disk.write(second.close)
    add(first, 74)
    disk.write(first.close)


def test_power_loss_at_any_step_gives_no_id_again_that_was_acknowledged(memory_path):
    folder = memory_path / "folder"
    folder.mkdir()
    disk = Disk(folder)
    scenario(disk, folder)
    disk.close()
    assert len(disk.losses) > 100
    for number, (files, acknowledged, _) in enumerate(disk.losses):
        after = lost(memory_path / f"after-{number}", files)
        table = opened(after)
        given = add_album(table)["album_id"]
        assert given > max(acknowledged.values(), default=0), number
        remove_album(table, given)
        table.close()
        assert add_album(opened(after))["album_id"] == given + 1, number
        shutil.rmtree(after)
