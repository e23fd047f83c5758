"""What every store has to do: the contract of ``app.storage``, back end by back end.

A back end is bound by a class that inherits ``Conformance`` and opens its store:

    class TestFiles(Conformance):
        open = staticmethod(open_notes)

``open`` takes a folder that names the place, so that two stores opened on one folder see
the same tables: two workers of one service.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from notes import note, query

from app.errors import Conflict, Invalid, NotFound, Stale
from app.query import Query

MIXED = [
    note("absent"),
    note("null", day=None, any=None),
    note("empty", day="", any=""),
    note("text", day="2026-01-02T00:00:00Z", any="b"),
    note("later", day="2026-01-02T00:00:00.5Z", any="a"),
    note("one", day="2025-01-02T00:00:00Z", any=1),
    note("half", any=0.5),
    note("true", any=True),
    note("false", any=False),
    note("list", any=[1, "a"]),
    note("object", any={"a": 1}),
]


def keys(page):
    return [record.key for record in page.records]


class Conformance:
    """The tests; ``store`` and ``other`` are two workers on the same tables."""

    @pytest.fixture
    def store(self, tmp_path):
        store = self.open(tmp_path)
        yield store
        store.close()

    @pytest.fixture
    def other(self, tmp_path, store):
        other = self.open(tmp_path)
        yield other
        other.close()

    # One document

    def test_inserted_document_is_got_as_it_was(self, store):
        """Every JSON value comes back as the same value."""
        document = note(
            "é/ü ,😀",
            day="2026-01-02T03:04:05.678Z",
            more={"a": [1, 1.5, -0.25, True, None, {"b": []}], "": {"\u2028": "\x7f"}},
            any=[2**53 + 1, -(2**63), 1e-7],
        )
        [record] = store.insert("notes", document)
        assert record.key == "é/ü ,😀"
        got = store.get("notes", "é/ü ,😀")
        assert (got.key, got.document) == ("é/ü ,😀", document)
        assert got.document["more"]["a"][3] is True
        assert got.revision == record.revision

    def test_integers_and_reals_stay_what_they_are(self, store):
        store.insert("notes", note("a", any=[1, 1.0, True]))
        kinds = [type(value) for value in store.get("notes", "a").document["any"]]
        assert kinds == [int, float, bool]

    @pytest.mark.parametrize("key", ["b", "A", "", "a ", "a\0b", "é", "x" * 5000])
    def test_unknown_key_is_not_found(self, store, key):
        store.insert("notes", note("a"))
        with pytest.raises(NotFound):
            store.get("notes", key)
        with pytest.raises(NotFound):
            store.update("notes", key, lambda document: {**document, "n": 1})
        with pytest.raises(NotFound):
            store.remove("notes", key)
        assert keys(store.find("notes", query({"id": key}))) == []

    def test_document_can_be_removed_and_inserted_again(self, store):
        store.insert("notes", note("a", 1))
        store.remove("notes", "a")
        with pytest.raises(NotFound):
            store.get("notes", "a")
        assert store.find("notes", Query()).total == 0
        store.insert("notes", note("a", 2))
        assert store.get("notes", "a").document["n"] == 2

    # Several documents

    def test_several_documents_are_inserted_in_their_order(self, store):
        records = store.insert("notes", note("b"), note("a"), note("c"))
        assert [record.key for record in records] == ["b", "a", "c"]
        assert store.find("notes", Query()).total == 3

    def test_inserting_nothing_does_nothing(self, store):
        assert list(store.insert("notes")) == []
        assert store.find("notes", Query()).total == 0

    def test_insert_is_refused_as_a_whole_when_one_key_exists(self, store):
        store.insert("notes", note("a", 1))
        with pytest.raises(Conflict):
            store.insert("notes", note("b"), note("a", 2), note("c"))
        assert keys(store.find("notes", Query())) == ["a"]
        assert store.get("notes", "a").document["n"] == 1

    def test_insert_is_refused_as_a_whole_when_two_keys_are_the_same(self, store):
        with pytest.raises(Conflict):
            store.insert("notes", note("a"), note("b", 1), note("b", 2))
        assert store.find("notes", Query()).total == 0

    def test_several_documents_appear_at_once(self, store, other):
        """Whoever looks sees all or none of the documents of one insert."""
        counts, done = set(), threading.Event()

        def look(seeing):
            while not done.is_set():
                counts.add(seeing.find("notes", Query()).total % 500)

        with ThreadPoolExecutor() as pool:
            lookers = [pool.submit(look, seeing) for seeing in (store, other)]
            for start in range(0, 5000, 500):
                ids = range(start, start + 500)
                store.insert("notes", *(note(f"{number:04}") for number in ids))
            done.set()
            for looker in lookers:
                looker.result()
        assert counts == {0}

    # Updates

    def test_update_replaces_the_document_by_what_change_makes_of_it(self, store):
        [old] = store.insert("notes", note("a", 1, more={"x": 1}))
        given = []

        def change(document):
            given.append(document)
            return {**document, "n": 2}

        new = store.update("notes", "a", change)
        assert set(map(str, given)) == {str(old.document)}
        assert new.document == note("a", 2, more={"x": 1})
        assert new.revision != old.revision
        got = store.get("notes", "a")
        assert (got.document, got.revision) == (new.document, new.revision)

    def test_update_that_returns_what_it_was_given_writes_nothing(self, store):
        [old] = store.insert("notes", note("a", 1))
        same = store.update("notes", "a", lambda document: document)
        assert (same.document, same.revision) == (old.document, old.revision)
        assert store.get("notes", "a").revision == old.revision

    def test_update_whose_change_fails_changes_nothing(self, store):
        [old] = store.insert("notes", note("a", 1))

        def change(document):
            raise Invalid("no")

        with pytest.raises(Invalid, match="no"):
            store.update("notes", "a", change)
        assert store.get("notes", "a").revision == old.revision
        store.update("notes", "a", lambda document: {**document, "n": 2})

    def test_update_and_remove_with_the_right_revision_are_done(self, store):
        [old] = store.insert("notes", note("a", 1))
        new = store.update("notes", "a", lambda d: {**d, "n": 2}, old.revision)
        assert store.get("notes", "a").document["n"] == 2
        store.remove("notes", "a", new.revision)
        assert store.find("notes", Query()).total == 0

    def test_update_and_remove_with_a_stale_revision_are_refused(self, store):
        [old] = store.insert("notes", note("a", 1))
        store.update("notes", "a", lambda document: {**document, "n": 2})
        called = []
        with pytest.raises(Stale):
            store.update("notes", "a", called.append, old.revision)
        with pytest.raises(Stale):
            store.remove("notes", "a", old.revision)
        assert not called
        assert store.get("notes", "a").document["n"] == 2

    def test_unknown_key_is_not_found_before_it_is_stale(self, store):
        with pytest.raises(NotFound):
            store.update("notes", "a", lambda document: document, 1)
        with pytest.raises(NotFound):
            store.remove("notes", "a", 1)

    def test_each_document_has_revisions_of_its_own(self, store):
        store.insert("notes", note("a"), note("b"))
        before = store.get("notes", "b").revision
        store.update("notes", "a", lambda document: {**document, "n": 1})
        assert store.get("notes", "b").revision == before

    def test_revision_differs_between_one_and_true(self, store):
        [old] = store.insert("notes", note("a", any=1))
        new = store.update("notes", "a", lambda document: {**document, "any": True})
        assert new.revision != old.revision

    def test_handed_out_documents_stay_as_they_were(self, store):
        """A later write makes new documents and leaves the old ones alone."""
        store.insert("notes", note("a", 1, more={"x": [1]}), note("b", 2))
        got, page = store.get("notes", "a"), store.find("notes", Query())
        store.update("notes", "a", lambda d: {**d, "n": 5, "more": {"x": [2]}})
        store.remove("notes", "b")
        assert got.document == note("a", 1, more={"x": [1]})
        assert [each.document["n"] for each in page.records] == [1, 2]

    # Finding

    def find(self, store, *arguments, **members):
        return keys(store.find("notes", query(*arguments, **members)))

    def test_documents_stand_in_the_order_of_the_table(self, store):
        store.insert("notes", note("c", 1), note("b", 2), note("a", 2), note("d", 0))
        assert self.find(store) == ["d", "c", "a", "b"]

    def test_order_of_the_query_comes_first_and_ties_stand_as_in_the_table(self, store):
        given = [("a", 3, "x"), ("b", 1, "y"), ("c", 2, "x"), ("d", 1, "x")]
        store.insert("notes", *(note(i, n) | {"name": name} for i, n, name in given))
        assert self.find(store, order=["name"]) == ["d", "c", "a", "b"]
        assert self.find(store, order=[{"name": "desc"}]) == ["b", "d", "c", "a"]
        by_both = [{"name": "desc"}, {"n": "desc"}]
        assert self.find(store, order=by_both) == ["b", "a", "c", "d"]

    def test_text_stands_in_the_order_of_its_characters(self, store):
        names = ["a", "B", "é", "z", "Z", "10", "9", "", "_", "😀", "\uffff", "a b"]
        store.insert("notes", *(note(f"k{name}") | {"name": name} for name in names))
        ordered = self.find(store, order=["name"])
        assert ordered == [f"k{name}" for name in sorted(names)]

    @pytest.mark.parametrize("where", [None, {}, {"name": "x"}, {"n": {"$gte": 0}}])
    def test_page_is_a_part_of_the_list_and_total_counts_it_all(self, store, where):
        store.insert("notes", *(note(f"{n}", n) | {"name": "x"} for n in range(7)))
        for offset, limit in [
            (0, 3),
            (3, 3),
            (6, 3),
            (7, 3),
            (99, 3),
            (2, 0),
            (2, None),
        ]:
            asked = query(where, order=[{"n": "desc"}], offset=offset, limit=limit)
            page = store.find("notes", asked)
            end = None if limit is None else offset + limit
            assert keys(page) == list("6543210")[offset:end], (offset, limit)
            assert page.total == 7

    @pytest.mark.parametrize(
        "where, found",
        [
            ({"any": None}, "absent null"),
            ({"any": {"$ne": None}}, "empty text later one half true false list object"),
            ({"any": {"$exists": False}}, "absent"),
            ({"any": {"$exists": True, "$eq": None}}, "null"),
            ({"any": 1}, "one"),
            ({"any": 1.0}, "one"),
            ({"any": True}, "true"),
            ({"any": {"$in": [1, "a", None]}}, "absent null later one"),
            ({"any": {"$gt": 0}}, "one half"),
            ({"any": {"$gte": ""}}, "empty text later"),
            ({"any": {"$lt": "b"}}, "empty later"),
            ({"any": {"$gt": 0, "$lt": 1}}, "half"),
            ({"any": [1]}, "list"),
            ({"any": {"$contains": "a"}}, "later list"),
            ({"$not": {"any": {"$gt": 0}}}, "absent null empty text later true false"
             " list object"),
            ({"day": ""}, "empty"),
            ({"day": "2026-01-02T01:00:00+01:00"}, "text"),
            ({"day": "2026-01-02T00:00:00.500Z"}, "later"),
            ({"day": {"$lt": "2026-01-02T00:00:00Z"}}, "empty one"),
            ({"day": {"$gt": "2026-01-02T00:00:00Z"}}, "later"),
            ({"id": {"$in": ["one", "null", "nobody"]}}, "null one"),
            ({"id": "one", "any": 1}, "one"),
            ({"id": "one", "any": 2}, ""),
            ({"$or": [{"id": "one"}, {"any": True}]}, "one true"),
            ({"name": {"$startswith": "the note t"}}, "text true"),
            ({"n": 0, "any": {"$in": []}}, ""),
        ],
    )  # fmt: skip
    def test_filter_finds_absent_null_and_mixed_values(self, store, where, found):
        store.insert("notes", *MIXED)
        page = store.find("notes", query(where))
        assert set(keys(page)) == set(found.split())
        assert page.total == len(found.split())

    def test_what_is_not_of_the_fields_type_is_the_least(self, store):
        store.insert("notes", *MIXED)
        ordered = self.find(store, order=["day"])
        assert ordered[-3:] == ["one", "text", "later"]
        assert sorted(ordered[:-3]) == ordered[:-3]
        assert self.find(store, order=[{"day": "desc"}])[:3] == ["later", "text", "one"]

    def test_find_sees_each_write(self, store):
        """Lists and indexes that were made by an earlier find follow the writes."""
        store.insert("notes", note("a", 1), note("b", 1))
        assert self.find(store, {"n": 1}) == ["a", "b"]
        store.update("notes", "a", lambda document: {**document, "n": 2})
        assert self.find(store, {"n": 1}) == ["b"]
        assert self.find(store, {"n": {"$in": [1, 2]}}) == ["b", "a"]
        store.remove("notes", "b")
        assert self.find(store, {"n": 1}) == []
        assert self.find(store, order=[{"n": "desc"}]) == ["a"]

    # Workers

    def test_other_worker_sees_a_write_when_it_is_acknowledged(self, store, other):
        store.insert("notes", note("a", 1))
        assert other.get("notes", "a").document["n"] == 1
        record = other.update("notes", "a", lambda document: {**document, "n": 2})
        assert store.get("notes", "a").revision == record.revision
        store.remove("notes", "a")
        assert other.find("notes", Query()).total == 0

    def test_every_thread_of_another_worker_sees_an_acknowledged_write(
        self, store, other
    ):
        """Also while one of its threads is still taking the write in."""
        with ThreadPoolExecutor(4) as pool:
            for start in range(0, 10_000, 1000):
                ids = [f"{number}" for number in range(start, start + 1000)]
                store.insert("notes", *map(note, ids))
                gets = [pool.submit(other.get, "notes", ids[-1]) for _ in range(4)]
                assert [get.result().key for get in gets] == [ids[-1]] * 4

    def test_other_worker_refuses_what_exists_and_what_is_stale(self, store, other):
        [old] = store.insert("notes", note("a", 1))
        with pytest.raises(Conflict):
            other.insert("notes", note("a", 2))
        other.update("notes", "a", lambda document: {**document, "n": 2})
        with pytest.raises(Stale):
            store.remove("notes", "a", old.revision)

    def test_no_increment_is_lost_between_threads_and_workers(self, store, other):
        store.insert("notes", note("a", 0))

        def increment(number):
            worker = (store, other)[number % 2]
            worker.update("notes", "a", lambda d: {**d, "n": d["n"] + 1})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(increment, range(200)))
        assert store.get("notes", "a").document["n"] == 200
        assert other.get("notes", "a").document["n"] == 200

    def test_key_is_inserted_once_by_many_at_a_time(self, store, other):
        def insert(number):
            try:
                (store, other)[number % 2].insert("notes", note("a", number))
            except Conflict:
                return 0
            return 1

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(insert, range(20))) == 1

    def test_one_of_many_with_the_same_revision_succeeds(self, store, other):
        [old] = store.insert("notes", note("a", 0))

        def update(number):
            worker = (store, other)[number % 2]
            try:
                worker.update("notes", "a", lambda d: {**d, "n": number}, old.revision)
            except Stale:
                return 0
            return 1

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(update, range(1, 21))) == 1

    # Sequences and the store itself

    def test_sequence_counts_from_one_without_a_number_twice(self, store, other):
        assert [store.next_id("x") for _ in range(3)] == [1, 2, 3]
        assert store.next_id("y") == 1
        with ThreadPoolExecutor(4) as pool:
            workers = [store, other] * 20
            given = list(pool.map(lambda worker: worker.next_id("x"), workers))
        assert sorted(given) == list(range(4, 44))

    def test_what_was_written_is_there_when_the_store_is_opened_again(
        self, store, tmp_path
    ):
        store.insert("notes", *MIXED)
        store.update("notes", "one", lambda document: {**document, "n": 1})
        store.remove("notes", "true")
        store.next_id("x")
        records = store.find("notes", Query()).records
        expected = [(each.key, each.document, each.revision) for each in records]
        store.close()
        again = self.open(tmp_path)
        records = again.find("notes", Query()).records
        found = [(each.key, each.document, each.revision) for each in records]
        assert found == expected
        assert again.next_id("x") == 2
        again.close()

    def test_open_store_can_be_written(self, store):
        store.ping()

    def test_moment_of_a_document_is_its_own(self, store):
        """A store adds nothing to a document and takes nothing from it."""
        document = {"id": "a", "name": "", "made": datetime.now(UTC).isoformat()}
        store.insert("notes", document)
        assert store.get("notes", "a").document == document
