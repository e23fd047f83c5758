"""Documents in memory: what finds with indexes answer is what a plain search answers."""

import threading
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import ALBUMS, ARTIST, FIELDS, NOTES, RATED, album, note, query

from app.errors import Unavailable
from app.query import Comparison, Every, Field, Order, Query
from app.query.predicate import predicate, sort, sort_key
from app.query.values import INTEGER, PRESENCE, ValueType
from app.storage.files.documents import Documents
from app.storage.files.records import Decoded, Record
from app.storage.files.sorted_index import LIST_COST, WHOLE_LISTS_CACHED

ANYTHING = [None, True, False, 0, 1, 1.0, 2, -1, 0.5, "", "a", "B", "1", [1], {"a": 1}]
DAYS = ["", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00.50Z", "2026-01-02T00:00:00.5Z"]
KEYS = [f"k{number}" for number in range(8)]

odd = st.sampled_from(ANYTHING)
documents = st.fixed_dictionaries(
    {"id": st.sampled_from(KEYS)},
    optional={
        "name": st.sampled_from(["a", "b", ""]) | odd,
        "n": st.integers(-1, 2) | odd,
        "on": st.integers(0, 1) | odd,
        "day": st.sampled_from(DAYS) | odd,
        "any": odd,
        "tags": st.sampled_from(["", "a", "a,b", ["a"], ["b", "a"]]) | odd,
        "more": st.fixed_dictionaries({}, optional={"made": st.sampled_from(DAYS)}),
    },
)
HOW = ["$eq", "$eq", "$in", "$ne", "$exists", "$gt", "$gte", "$lt", "$lte"]
operands = {
    "id": st.sampled_from([*KEYS, "nobody"]),
    "name": st.sampled_from(["a", "b", "", "1"]),
    "n": st.integers(-1, 2),
    "on": st.sampled_from([0, 1, True, "1"]),
    "day": st.sampled_from(DAYS),
}


@st.composite
def comparisons(draw):
    name = draw(st.sampled_from(list(operands)))
    operand = operands[name]
    how = draw(st.sampled_from(HOW))
    if how == "$in":
        return {name: {how: draw(st.lists(operand, max_size=3))}}
    return {name: {how: draw(st.booleans() if how == "$exists" else operand)}}


conditions = st.recursive(
    comparisons(),
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.sampled_from(
            [{"$and": parts}, {"$or": parts}, {"$not": parts[0]}]
        )
    ),
    max_leaves=5,
)
orders = st.lists(
    st.tuples(
        st.sampled_from([field.name for field in FIELDS.listed]),
        st.sampled_from(["asc", "desc"]),
    ),
    max_size=3,
    unique_by=lambda item: item[0],
).map(lambda items: [{name: direction} for name, direction in items])
queries = st.builds(
    query,
    st.none() | conditions,
    orders,
    st.integers(0, 5),
    st.none() | st.integers(0, 5),
)
changes = st.tuples(
    st.lists(documents, max_size=3), st.lists(st.sampled_from(KEYS), max_size=3)
)


class Patch(NamedTuple):
    """A change of one document, if it is there, to some of what another one has."""

    other: dict
    names: set


patches = st.builds(
    Patch, documents, st.sets(st.sampled_from(["name", "n", "day", "any", "more"]))
)


def patched(held, patch):
    """Carry the patch out as an update does, and return the new document if any."""
    old = held.get(patch.other["id"])
    if old is None:
        return []
    before = old.document
    new = {n: v for n, v in patch.other.items() if n in patch.names}
    if isinstance(before.get("more"), dict) and "more" in new:
        new["more"] = {**before["more"], **new["more"]}
    document = {**before, **new}
    record = Record(old.number, old.key, document)
    change(held, [record], [])
    return [document]


def change(held, put, gone):
    held.change(dict.fromkeys(gone) | {each.key: Decoded(each) for each in put})


def plainly(held, collection, asked):
    """Return the answer of a search that knows no index."""
    records = sorted(held, key=lambda each: (each.number, each.key))
    found = [each.document for each in records]
    sort(found, collection.order, sort_key(collection.order))
    if asked.order and asked.order[-1].descending:
        found.reverse()
    sort(found, asked.order, sort_key(asked.order))
    if asked.where is not None:
        found = list(filter(predicate(asked.where), found))
    end = None if asked.limit is None else asked.offset + asked.limit
    return [document["id"] for document in found[asked.offset : end]], len(found)


@pytest.mark.parametrize("order", [(), NOTES.order], ids=["as added", "sorted"])
@settings(deadline=None, max_examples=200)
@given(
    before=st.lists(changes, max_size=3),
    steps=st.lists(queries | changes | patches, max_size=12),
)
def test_find_answers_as_a_plain_search_does_whatever_was_written(order, before, steps):
    collection = replace(NOTES, order=order)
    held, present = Documents(collection, ()), {}
    for step_number, step in enumerate((*before, *steps)):
        if isinstance(step, Query):
            found, total = held.find(step)
            answer = [each.key for each in found], total
            assert answer == plainly(held, collection, step)
            continue
        if isinstance(step, Patch):
            put = patched(held, step)
        else:
            put, gone = step
            numbers = [step_number * 3 % 5 + KEYS.index(each["id"]) for each in put]
            pairs = zip(numbers, put, strict=True)
            change(held, [Record(n, each["id"], each) for n, each in pairs], gone)
            for key in gone:
                present.pop(key, None)
        present |= {each["id"]: each for each in put}
        assert len(held) == len(present)
    assert {each.key: each.document for each in held} == present


def filled(count=10):
    held = Documents(NOTES, ())
    change(held, [Record(n, f"k{n}", note(f"k{n}", n % 3)) for n in range(count)], ())
    return held


def test_change_removes_before_it_adds():
    """Two documents that swap their keys stay two."""
    held = filled(2)
    put = [Record(0, "k1", note("k1", 7)), Record(1, "k0", note("k0", 8))]
    change(held, put, ["k0", "k1"])
    assert {each.key: each.document["n"] for each in held} == {"k1": 7, "k0": 8}


def test_change_of_an_unknown_key_does_nothing():
    held = filled(2)
    change(held, [], ["nobody"])
    assert len(held) == 2


def test_one_change_replaces_and_removes():
    held = filled(3)
    assert held.find(Query())[1] == 3
    change(held, [Record(2, "k2", note("k2", 2, any=1))], ["k0"])
    assert [each.key for each in held.find(Query())[0]] == ["k1", "k2"]


def test_page_that_was_handed_out_stays_what_it_was():
    held = filled()
    page, _ = held.find(query({"n": 1}))
    everything, _ = held.find(Query())
    keys = [record.key for record in everything]
    change(held, [Record(1, "k1", note("k1", 2))], ["k4", "k5"])
    assert [record.key for record in page] == ["k1", "k4", "k7"]
    assert [record.key for record in everything] == keys


def test_lists_that_are_cached_are_bounded_for_all_orders_and_filters_together():
    """Each filter has a posting list of its own, and each order a list in it."""
    held = Documents(replace(NOTES, order=()), ())
    put = [note(f"{n}", n % 25) | {"name": f"{n % 40}"} for n in range(1000)]
    change(held, [Record(n, each["id"], each) for n, each in enumerate(put)], ())
    cache = held._cache
    names = [field.name for field in FIELDS.listed]
    filters = [{"n": n} for n in range(25)] + [{"name": f"{n}"} for n in range(40)]
    for where in (None, *filters):
        for a, b in [(a, b) for a in names[:4] for b in names[:4] if a != b]:
            found, total = held.find(query(where, [{a: "desc"}, b], limit=1))
            assert len(found) == 1 <= total
            lists = [each.keys for each in cache._lists]
            assert sum(map(len, lists)) <= cache.size <= WHOLE_LISTS_CACHED * 1000
    change(held, [Record(1, "1", note("1", 26))], [str(n) for n in range(2, 1000)])
    for where in filters:
        assert held.find(query(where, ["name"]))[1] <= 1
    held.find(query(None, ["name"]))
    assert cache.size <= max(WHOLE_LISTS_CACHED * len(held), 2 + LIST_COST)
    reachable = [each for each in cache._lists if each.postings.lists]
    assert len(reachable) == len(cache._lists)


def test_list_that_was_dropped_is_made_again():
    held = filled()
    names = [field.name for field in FIELDS.listed]
    asked = [query({"n": 1}, [{a: "desc"}, b]) for a in names for b in names if a != b]
    for each in asked * 2:
        found, _ = held.find(each)
        assert sorted(record.key for record in found) == ["k1", "k4", "k7"]
    change(held, [Record(1, "k1", note("k1", 2))], ())
    for each in asked:
        assert {record.key for record in held.find(each)[0]} == {"k4", "k7"}


def test_revision_is_another_one_for_each_other_document():
    documents = [note("a"), note("a", 1), note("a", True), note("a", "1"), {"id": "a"}]
    revisions = {Record(1, "a", document).revision for document in documents}
    assert len(revisions) == 5
    assert all(0 <= revision < 2**63 for revision in revisions)
    assert Record(1, "a", note("a")).revision == Record(2, "a", note("a")).revision


@pytest.mark.parametrize(
    "where", [{"n": 1}, {"n": {"$gte": 1}}, {"id": {"$in": ["k1"]}}]
)
def test_readers_see_whole_changes_while_a_writer_goes_on(where):
    """A change moves a pair of documents: nobody sees one moved and the other not."""
    held = filled(0)
    pair = [Record(n, f"k{n}", note(f"k{n}", 1)) for n in (1, 2)]
    away = [Record(n, f"k{n}", note(f"k{n}", 0)) for n in (1, 2)]
    change(held, pair, ())
    totals, done = set(), threading.Event()

    def read():
        while not done.is_set():
            totals.add(held.find(query(where))[1])
            totals.add(sum(each.document["n"] for each in held))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(1000):
        change(held, away, ())
        change(held, pair, ())
    done.set()
    reader.join()
    expected = {1, 0, 2} if "id" in where else {0, 2}
    assert totals <= expected


def test_order_of_a_list_may_name_the_fields_of_the_tables_order():
    held = filled(4)
    order = (Order(FIELDS.order("id"), descending=True),)
    found, _ = held.find(Query(order=order))
    assert [record.key for record in found] == ["k3", "k2", "k1", "k0"]


class Counting:
    """The key of an integer, and how many were asked for."""

    def __init__(self):
        self.count = 0
        self.field = Field(("n",), ValueType("counted", INTEGER.parse, self._key))

    def _key(self, value):
        self.count += 1
        return INTEGER.comparison_key(value)


def held_albums(count):
    held = Documents(ALBUMS, ())
    albums = [album(n, artist=f"{n % 5000}", n=n) for n in range(count)]
    for odd in albums[1::2]:
        odd["rating"] = 5
    change(
        held, [Record(each["album_id"], each["album_id"], each) for each in albums], ()
    )
    return held


def test_rest_of_a_filter_is_tested_in_the_smallest_bucket_only():
    """Twenty albums of an artist among 100,000, half of which have no rating."""
    held, counting = held_albums(100_000), Counting()
    artist = Comparison(ARTIST, "$eq", "7")
    rated = Comparison(RATED, "$eq", True)
    rest = Comparison(counting.field, "$gte", 50_000)
    for parts in [
        (artist, rest),
        (rest, artist),
        (rated, rest, artist),
        (Every((rest, rated)), Every((artist,))),
        (artist, Comparison(ARTIST, "$in", frozenset({"6", "7"})), rest),
    ]:
        counting.count = 0
        found, total = held.find(Query(Every(parts), limit=3))
        assert [record.key for record in found] == [50_007, 55_007, 60_007]
        assert total == 10
        assert counting.count == 20
    missing = Comparison(ARTIST, "$eq", "nobody")
    assert held.find(Query(Every((rest, missing)))) == ([], 0)
    assert counting.count == 20


@pytest.mark.parametrize(
    "limits, tested",
    [
        ((("$gte", 30), ("$lt", 60)), 30),
        ((("$gt", 30), ("$lte", 60)), 30),
        ((("$gte", 90),), 10),
        ((("$lt", 0),), 0),
        ((("$gte", 60), ("$lt", 30)), 0),
        ((("$gte", 20), ("$gte", 10), ("$lte", 30), ("$lt", 50)), 11),
    ],
)
@pytest.mark.parametrize("descending", [False, True])
def test_rest_of_a_filter_is_tested_within_its_limits_to_the_order(
    limits, tested, descending
):
    held, counting = filled(0), Counting()
    change(held, [Record(n, f"{n}", note(f"{n}", n)) for n in range(100)], ())
    parts = [Comparison(counting.field, "$gte", 0)]
    parts += [Comparison(FIELDS.order("n"), *limit) for limit in limits]
    order = (Order(FIELDS.order("n"), descending),)
    found, total = held.find(Query(Every(tuple(parts)), order))
    assert counting.count == total == tested
    numbers = [record.document["n"] for record in found]
    assert numbers == sorted(numbers, reverse=descending)


def test_limits_are_kept_in_a_list_that_descends():
    held = filled(10)
    order = (Order(FIELDS.order("n"), descending=True),)
    held.find(Query(order=order))
    limit = Comparison(FIELDS.order("n"), "$gte", 1)
    found, _ = held.find(Query(limit, order))
    assert [record.document["n"] for record in found] == [2, 2, 2, 1, 1, 1]


def test_presence_of_the_key_is_not_looked_up_as_a_key():
    held = held_albums(3)
    present = Comparison(Field(("album_id",), PRESENCE), "$eq", True)
    assert held.find(Query(present))[1] == 3


def test_document_that_the_disk_damaged_can_be_replaced():
    held = Documents(NOTES, [Record(1, "a", note("a")), Record(2, "b", b'{"id":"b"')])
    with pytest.raises(Unavailable, match="the stored document b is damaged"):
        held.find(Query())
    change(held, [Record(2, "b", note("b"))], [])
    assert [each.key for each in held.find(Query())[0]] == ["a", "b"]
