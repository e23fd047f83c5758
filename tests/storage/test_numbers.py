"""The ends of all that is counted up: what is written there can be read again."""

import json

import pytest
from notes import (
    ALBUMS,
    NOTES,
    add_album,
    data,
    edit,
    entries,
    held,
    journal,
    note,
    open_table,
    save,
)
from tinydb.table import Document

from app.errors import Invalid, Unavailable
from app.storage.files.entries import LARGEST, LAST
from app.storage.files.fsck import findings
from app.storage.files.journal import decode, encode


def file_of(**numbers):
    return json.dumps({"notes": {n[1:]: {"name": name} for n, name in numbers.items()}})


def numbers(folder):
    return list(map(int, json.loads(data(folder).read_text())["notes"]))


@pytest.mark.parametrize(
    "number, first", [(10**18 - 1, 10**18), (LAST + 1, 8), (LARGEST, 8)]
)
def test_document_of_a_large_number_is_served_written_and_read_again(
    tmp_path, number, first
):
    documents = {f"_{number}": "large"}
    save(tmp_path, file_of(_7="seven", **documents))
    table = open_table(tmp_path)
    table.insert(note("a"))
    table.insert_multiple([note("b"), note("c")])
    table.upsert(Document({"name": "changed"}, doc_id=number))
    table.checkpoint()
    given = [first, first + 1, first + 2]
    assert sorted(numbers(tmp_path)) == sorted([7, number, *given])
    assert findings(tmp_path, NOTES) == []
    edit(tmp_path, lambda documents: documents["7"].update(name="edited"))
    assert sorted(each["name"] for each in held(table).values()) == [
        "changed",
        "edited",
        "the note a",
        "the note b",
        "the note c",
    ]
    again = open_table(tmp_path)
    assert held(again) == held(table)
    again.insert(note("d"))
    again.checkpoint()
    assert sorted(numbers(tmp_path)) == sorted([7, number, *given, first + 3])
    assert findings(tmp_path, NOTES) == []


@pytest.mark.parametrize(
    "digits", [f"{LARGEST + 1}", "9" * 19, "9" * 5000], ids=["next", "19", "5000"]
)
def test_number_that_is_too_large_is_named(tmp_path, digits):
    documents = {f"_{digits}": "x"}
    save(tmp_path, file_of(**documents))
    message = f"notes.json holds a document of the number .*; {LARGEST} is the largest"
    with pytest.raises(Invalid, match=message) as raised:
        open_table(tmp_path)
    assert len(raised.value.message) < 200


def test_document_after_the_last_number_is_refused_and_others_can_be_changed(tmp_path):
    documents = {f"_{LAST}": "last"}
    save(tmp_path, file_of(**documents))
    table = open_table(tmp_path)
    for _ in range(2):
        with pytest.raises(Unavailable, match=f"{LAST} is the last"):
            table.insert(note("a"))
    table.update({"name": "changed"})
    table.checkpoint()
    assert findings(tmp_path, NOTES) == []
    assert [each["name"] for each in held(open_table(tmp_path)).values()] == ["changed"]
    table.truncate()
    assert held(table) == {}


@pytest.mark.parametrize("number", [-1, LARGEST + 1])
def test_number_that_no_file_may_have_is_not_written(tmp_path, number):
    table = open_table(tmp_path)
    with pytest.raises(Unavailable, match="number"):
        table.insert(Document(note("a"), doc_id=number))
    table.insert(note("b"))
    table.checkpoint()
    assert findings(tmp_path, NOTES) == []


@pytest.mark.parametrize("spare", [0, 1, 1000])
def test_journal_whose_numbers_are_used_up_begins_anew(tmp_path, spare):
    table, other = open_table(tmp_path), open_table(tmp_path)
    table.insert(note("a"))
    table.checkpoint()
    table.insert(note("b"))
    header, *lines = map(decode, journal(tmp_path).read_bytes().splitlines(True))
    first = LAST - spare - len(lines)
    renumbered = [{**header.entry, "seq": first, "epoch": "of another program"}]
    renumbered += [{**each.entry, "seq": first + n} for n, each in enumerate(lines, 1)]
    journal(tmp_path).write_bytes(b"".join(map(encode, renumbered)))
    again = open_table(tmp_path)
    assert held(again).keys() == set("ab")
    for n, each in enumerate((again, other, again, other)):
        each.insert(note(f"{n}"))
    for each in (again, other, open_table(tmp_path)):
        assert held(each).keys() == set("ab0123")
    assert entries(tmp_path)[-1]["seq"] < 100
    assert findings(tmp_path, NOTES) == []


def test_id_after_the_last_is_refused(tmp_path):
    last = {"album_id": LAST, "artist": "", "songs": []}
    save(tmp_path, json.dumps({"albums": {"1": last}}), "albums")
    table = open_table(tmp_path, collection=ALBUMS)
    with pytest.raises(Unavailable, match=f"there is no further album: {LAST}"):
        add_album(table)
    assert findings(tmp_path, ALBUMS) == []
