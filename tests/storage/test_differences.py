"""Which members a change may touch: never too few."""

from itertools import chain, product

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notes import FIELDS, edit, held, note, open_notes, open_table, query
from shared import until

from app.query import Field
from app.query.values import ANY
from app.storage.differences import differences, touches

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


def renamed(documents):
    documents["1"]["name"] = "z"


@pytest.mark.parametrize("has_looked", [True, False])
def test_lists_follow_a_change_of_a_document_that_was_edited(tmp_path, has_looked):
    """Whoever changes it has seen the edit; whoever follows has, or has not."""
    store, other = open_notes(tmp_path), open_table(tmp_path)
    store.insert("notes", *(note(each, 1, name=each) for each in "abc"))
    store.table("notes").fold()
    assert len(shown(other.documents)[0]) == 3
    edit(tmp_path, renamed)
    if has_looked:
        assert len(other.documents) == 3
    until(lambda: store.get("notes", "a").document["name"] == "z")
    store.update("notes", "a", changed(any=1))
    assert [each["name"] for each in shown(other.documents)[0]] == ["b", "c", "z"]
    store.close()
