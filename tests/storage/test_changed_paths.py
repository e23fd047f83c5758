"""Which members a change may touch: never too few."""

from itertools import chain, product

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notes import (
    FIELDS,
    edit,
    entries,
    held,
    journal,
    note,
    open_notes,
    open_table,
    query,
    save,
)

from app.errors import Unavailable
from app.query import Field
from app.query.values import ANY
from app.storage.files.changed_paths import differences, touches
from app.storage.files.journal import encode
from app.storage.files.records import Record
from app.storage.files.writing import Changes

FORMER = orjson.loads(b'{"a": 1, "b": [1, 2], "c": {"d": 1, "e": {"f": 1}}, "g": null}')


@pytest.mark.parametrize(
    "change, members",
    [
        ({}, []),
        ({"a": 2}, [("a",)]),
        ({"h": None}, [("h",)]),
        ({"b": [1, 2]}, [("b",)]),
        ({"c": {**FORMER["c"], "d": 2}}, [("c", "d")]),
        ({"c": {"e": FORMER["c"]["e"], "i": None}}, [("c", "d"), ("c", "i")]),
        ({"c": {**FORMER["c"], "e": {"f": 2}}}, [("c", "e")]),
        ({"c": 1}, [("c",)]),
        ({"a": {}, "b": {}}, [("a",), ("b",)]),
    ],
)
def test_members_that_are_other_objects_differ(change, members):
    assert differences(FORMER, {**FORMER, **change}) == members


def test_member_that_is_gone_differs_even_if_it_was_null():
    left = {name: value for name, value in FORMER.items() if name not in "ag"}
    assert differences(FORMER, left) == [("a",), ("g",)]
    assert differences(left, FORMER) == [("a",), ("g",)]


@pytest.mark.parametrize(
    "member, names",
    [
        (("name",), {"name"}),
        (("more",), {"more", "more.made"}),
        (("more", "made"), {"more", "more.made"}),
        (("more", "x"), {"more"}),
        (("nothing",), set()),
        (("made",), set()),
    ],
)
def test_change_touches_the_fields_at_above_and_below_it(member, names):
    fields = FIELDS.declared
    assert {each.name for each in fields if touches([member], [each])} == names
    assert touches([member], fields) == bool(names)


values = st.recursive(
    st.sampled_from([None, 0, 1, True, "", "a"]),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@given(objects, objects, st.sampled_from("abc"))
def test_what_is_not_told_is_the_same(before, change, name):
    """For changes on both levels, and fields of up to three names."""
    after = {**before, **change}
    if isinstance(before.get(name), dict):
        after[name] = {**before[name], **change}
    members = differences(before, after)
    for path in chain(*(product("abc", repeat=length) for length in (1, 2, 3))):
        field = Field(path, ANY)
        if not touches(members, [field]):
            assert field.find(before) is field.find(after)


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


def test_follower_does_not_decode_what_stands_where_it_stood(tmp_path):
    """Here, it would notice that the document is no JSON."""
    table, other = open_table(tmp_path), open_table(tmp_path)
    table.insert_multiple(note(each, 1, name=each) for each in "ab")
    assert len(other.documents.find(BY_NAME)[0]) == 2
    last = entries(tmp_path)[-1]["seq"]
    for n, touched in enumerate([["any"], ["more"], ["more", "x"]], last + 1):
        append(tmp_path, n, touched)
        page, _ = other.documents.find(BY_NAME)
        assert [each.key for each in page] == ["a", "b"]
    append(tmp_path, last + 4, ["name"])
    with pytest.raises(Unavailable, match="document a is damaged"):
        other.documents.find(BY_NAME)


def append(folder, n, touched):
    """Append the entry ``n`` to the journal, with a document that is no JSON."""
    put = [(1, b'{"id":"a",...}')]
    entry = {"seq": n, "touched": [touched], "gone": [], "put": put}
    with journal(folder).open("ab") as file:
        file.write(encode(entry))


# Edits by hand


def names(table):
    """Return the names in their order, and those of the document z by the index."""
    found = [table.documents.find(each)[0] for each in (BY_NAME, query({"name": "z"}))]
    return [[each.document["name"] for each in page] for page in found]


def renamed(documents):
    documents["1"]["name"] = "z"


def update(table, change):
    """Change the document a through a ``table`` alone, telling what that touches."""

    def plan(documents, _):
        old = documents.get("a")
        before = old.document
        after = change(before, None)
        touched = differences(before, after)
        return Changes([Record(old.number, "a", after)], [], touched)

    table.write(plan)


@pytest.fixture
def two(tmp_path):
    """Two tables in one folder, with a list and an index by name."""
    one, other = open_table(tmp_path), open_table(tmp_path)
    one.insert_multiple(note(each, 1, name=each) for each in "abc")
    one.fold()
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
