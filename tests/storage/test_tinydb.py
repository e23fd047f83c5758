"""TinyDB's own operations on a table with a journal, and plain TinyDB on its file."""

import pytest
import tinydb.table
from notes import (
    Child,
    data,
    entries,
    held,
    note,
    open_notes,
    open_table,
    stored,
)
from tinydb import TinyDB, where
from tinydb.operations import delete, increment
from tinydb.table import Document

from app.errors import Conflict, Invalid
from app.storage.files.tinydb_table import TinyTable


@pytest.fixture
def table(tmp_path):
    table = open_table(tmp_path)
    yield table
    table.close()


def puts(folder):
    """Return how many documents each entry of the journal holds."""
    return [len(each["put"]) for each in entries(folder) if "put" in each]


@pytest.mark.parametrize("name", ["_read_table", "_update_table", "_get_next_id"])
def test_tinydb_has_the_method_that_the_table_replaces(name):
    assert callable(getattr(tinydb.table.Table, name))


def test_insert_returns_the_number_and_can_be_got_and_searched(table):
    assert table.insert(note("a", 1)) == 1
    assert table.insert(note("b", 2)) == 2
    assert table.get(doc_id=2) == note("b", 2)
    assert table.get(where("n") == 1).doc_id == 1
    assert table.search(where("n") > 0) == [note("a", 1), note("b", 2)]
    assert table.contains(where("id") == "b") and not table.contains(doc_id=3)
    assert table.count(where("n") >= 1) == len(table) == len(table.all()) == 2


def test_insert_multiple_is_one_entry(table, tmp_path):
    assert table.insert_multiple([note("a"), note("b"), note("c")]) == [1, 2, 3]
    assert puts(tmp_path) == [3]


def test_insert_multiple_with_a_bad_document_inserts_none(table, tmp_path):
    with pytest.raises(Invalid):
        table.insert_multiple([note("a"), {"id": "b"}])
    with pytest.raises(Conflict):
        table.insert_multiple([note("a"), note("a")])
    assert len(table) == 0 and stored(tmp_path) == {}


def test_insert_of_an_existing_key_is_refused(table):
    table.insert(note("a", 1))
    with pytest.raises(Conflict):
        table.insert(note("a", 2))
    assert table.all() == [note("a", 1)]


def test_update_is_one_entry_of_what_it_changes(table, tmp_path):
    table.insert_multiple([note("a", 1), note("b", 2), note("c", 2)])
    assert table.update(increment("n"), where("n") == 2) == [2, 3]
    assert puts(tmp_path) == [3, 2]
    assert table.update({"n": 3}, where("id") == "b") == [2]
    assert puts(tmp_path) == [3, 2], "what does not change anything is not written"
    assert [each["n"] for each in table] == [1, 3, 3]


def test_update_that_fails_in_the_middle_changes_nothing(table, tmp_path):
    table.insert_multiple([note("a", 1), note("b", 2)])
    with pytest.raises(Invalid):
        table.update(delete("name"))
    with pytest.raises(KeyError):
        table.update(increment("nothing"))
    assert [each["n"] for each in table] == [1, 2]
    assert puts(tmp_path) == [2]


def test_documents_may_swap_their_keys(table, tmp_path):
    table.insert_multiple([note("a", 1), note("b", 2)])
    other = {"a": "b", "b": "a"}
    table.update(lambda document: document.update(id=other[document["id"]]))
    expected = {"b": 1, "a": 2}
    assert {each["id"]: each["n"] for each in table} == expected
    assert {key: each["n"] for key, each in stored(tmp_path).items()} == expected


def test_document_may_take_the_key_of_one_that_goes(table, tmp_path):
    table.insert_multiple([note("a", 1), note("b", 2)])

    def updater(documents):
        del documents[1]
        documents[2]["id"] = "a"

    table._update_table(updater)
    assert table.all() == [{**note("b", 2), "id": "a"}]
    assert list(stored(tmp_path)) == ["a"]


def test_upsert_updates_or_inserts(table):
    assert table.upsert(note("a", 1), where("id") == "a") == [1]
    assert table.upsert(note("a", 2), where("id") == "a") == [1]
    assert table.all() == [note("a", 2)]


def test_remove_and_truncate_are_one_entry_each(table, tmp_path):
    table.insert_multiple([note(f"{n}", n) for n in range(5)])
    assert table.remove(where("n") < 2) == [1, 2]
    assert entries(tmp_path)[-1]["gone"] == ["0", "1"]
    table.truncate()
    assert sorted(entries(tmp_path)[-1]["gone"]) == ["2", "3", "4"]
    assert len(table) == 0 and stored(tmp_path) == {}


def test_number_is_never_given_twice(table, tmp_path):
    """Neither after removing the highest, nor after a checkpoint, nor after truncating."""
    table.insert_multiple([note("a"), note("b")])
    table.remove(doc_ids=[2])
    assert table.insert(note("c")) == 3
    table.remove(doc_ids=[3])
    table.checkpoint()
    table.close()
    again = open_table(tmp_path)
    assert again.insert(note("d")) == 4
    again.truncate()
    assert again.insert(note("e")) == 5


def test_document_may_bring_its_number(table):
    assert table.insert(Document(note("a"), doc_id=7)) == 7
    assert table.insert(note("b")) == 8
    with pytest.raises(ValueError, match="already exists"):
        table.insert(Document(note("c"), doc_id=7))


def test_what_is_handed_out_can_be_changed_without_harm(table):
    table.insert(note("a", 1, more={"x": [1]}))
    found = table.get(doc_id=1)
    found["more"]["x"].append(2)
    assert table.get(doc_id=1)["more"] == {"x": [1]}


def test_search_sees_what_another_process_wrote(table, tmp_path):
    """TinyDB's cache of queries would not."""
    table.insert(note("a", 1))
    assert len(table.search(where("n") == 1)) == 1
    assert Child(lambda: open_table(tmp_path).insert(note("b", 1))).result() == 2
    assert len(table.search(where("n") == 1)) == 2
    assert table.insert(note("c", 1)) == 3


def test_table_of_a_store_holds_what_the_store_holds(tmp_path):
    store = open_notes(tmp_path)
    store.insert("notes", note("a", 1))
    assert TinyTable(store.table("notes")).insert(note("b", 2)) == 2
    assert store.get("notes", "b").document == note("b", 2)
    store.close()


def test_plain_tinydb_opens_the_checkpointed_file(table, tmp_path):
    table.insert_multiple([note("a", 1), note("b", 2, more={"x": None})])
    table.remove(doc_ids=[1])
    table.checkpoint()
    with TinyDB(data(tmp_path)) as database:
        assert database.tables() == {"notes", "_checkpoint"}
        [found] = database.table("notes").all()
        assert (found.doc_id, found) == (2, note("b", 2, more={"x": None}))


def test_what_plain_tinydb_wrote_is_taken_in_as_an_edit(table, tmp_path):
    table.insert(note("a", 1))
    table.checkpoint()
    with TinyDB(data(tmp_path)) as database:
        database.table("notes").insert(note("b", 2))
        database.table("notes").update({"n": 5}, doc_ids=[1])
        assert database.table("_checkpoint").get(doc_id=1)["number"] == 2
    assert held(table) == {"a": note("a", 5), "b": note("b", 2)}


def test_checkpointed_file_is_private_and_has_one_document_a_line(table, tmp_path):
    table.insert_multiple([note("a", 1), note("b", 2)])
    table.checkpoint()
    assert data(tmp_path).stat().st_mode & 0o777 == 0o600
    first, *rows, last = data(tmp_path).read_text().splitlines()
    assert first == '{"notes": {' and last.startswith('},"_checkpoint": {"1": {')
    assert [row.split(":")[0] for row in rows] == ['"1"', '"2"']


def test_checkpoint_keeps_the_mode_of_the_file(table, tmp_path):
    table.insert(note("a"))
    table.checkpoint()
    data(tmp_path).chmod(0o640)
    table.insert(note("b"))
    table.checkpoint()
    assert data(tmp_path).stat().st_mode & 0o777 == 0o640
    assert list(stored(tmp_path)) == ["a", "b"]
