"""Data files are known by their digests: damage is found, and copies are trusted."""

import os
import shutil
from dataclasses import replace

import pytest
from notes import (
    NOTES,
    complete,
    data,
    entries,
    held,
    journal,
    note,
    open_table,
    save,
    stored,
)

from app.errors import Invalid
from app.storage.files.fsck import findings
from app.storage.files.journal import encode

FOUND = {"a": note("a", 1), "b": note("b", 2)}


@pytest.fixture
def folder(tmp_path):
    """A folder with a document in its data file and one in the journal."""
    folder = tmp_path / "folder"
    folder.mkdir()
    table = open_table(folder)
    table.insert(FOUND["a"])
    table.checkpoint()
    table.insert(FOUND["b"])
    return folder


def flip(path, place):
    """Change a bit of a file as a disk does, which leaves its time alone."""
    before = path.stat()
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    with path.open("r+b") as file:
        file.write(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_every_flip_in_a_data_file_is_found(folder):
    whole = data(folder).read_bytes()
    message = "notes.json is damaged: it has other bytes than were written"
    for place in range(len(whole)):
        flip(data(folder), place)
        [finding] = findings(folder, NOTES)
        assert finding.startswith(message), place
        with pytest.raises(Invalid, match=message):
            open_table(folder)
        flip(data(folder), place)
    assert data(folder).read_bytes() == whole
    assert findings(folder, NOTES) == []
    assert stored(folder) == FOUND


def test_damaged_file_that_is_touched_is_taken_as_an_edit(folder):
    flip(data(folder), data(folder).read_bytes().index(b'"n":1') + 4)
    os.utime(data(folder))
    assert stored(folder)["a"]["n"] == 0


def counted():
    """Return a collection of notes that counts how many it checked."""
    count = []

    def counting(*given):
        count.append(given)
        return complete(*given)

    return replace(NOTES, complete=counting), count


def test_copy_of_a_folder_is_trusted(folder):
    """Its files have other numbers and times than the journal tells."""
    copied = folder.with_name("copy")
    shutil.copytree(folder, copied, copy_function=shutil.copyfile)
    collection, count = counted()
    table = open_table(copied, collection=collection)
    assert held(table) == FOUND
    assert count == []
    table.insert(note("c", 3))
    count.clear()
    table.checkpoint()
    assert held(open_table(copied, collection=collection)) == held(table)
    assert count == []


def test_file_that_is_touched_is_no_edit(folder):
    collection, count = counted()
    table = open_table(folder, collection=collection)
    os.utime(data(folder))
    assert held(table) == FOUND
    assert count == []
    assert "edit" not in entries(folder)[-1]


def test_copy_of_a_folder_with_an_edit_is_merged_once(folder):
    content = data(folder).read_text()
    table = open_table(folder)
    save(folder, content.replace('"n":1', '"n":7'))
    held(table)
    table.insert(note("c", 3))
    copied = folder.with_name("copy")
    shutil.copytree(folder, copied, copy_function=shutil.copyfile)
    count = len(entries(copied))
    found = open_table(copied)
    assert held(found) == held(table)
    found.insert(note("d", 4))
    assert len([each for each in entries(copied) if "edit" in each]) == 1
    assert len(entries(copied)) > count


def test_journal_without_a_digest_is_read(folder):
    """It is of the former form, in which a data file had no marker either."""
    header, *rest = entries(folder)
    for each in ("digest", "checkpoint"):
        del header[each]
    old = [{**header, "format": 2, "edited": False}, *rest]
    journal(folder).write_bytes(b"".join(map(encode, old)))
    assert findings(folder, NOTES) == []
    table = open_table(folder)
    assert held(table) == FOUND
    table.insert(note("c", 3))
    table.checkpoint()
    assert entries(folder)[0]["format"] == 3
    assert stored(folder) == {**FOUND, "c": note("c", 3)}


def test_edit_below_a_journal_of_the_former_form_is_taken(folder):
    header, *rest = entries(folder)
    lost = {"format": 2, "base": None, "edited": True, "digest": ""}
    journal(folder).write_bytes(b"".join(map(encode, [{**header, **lost}, *rest])))
    save(folder, data(folder).read_text().replace('"n":1', '"n":7'))
    assert stored(folder) == {"a": note("a", 7), "b": note("b", 2)}
