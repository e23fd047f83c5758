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
from notes import (
    ALBUM_ID,
    ARTIST,
    RATED,
    album,
    album_ids,
    new_album,
    note,
    query,
    with_song,
)

from app.errors import Conflict, Invalid, NotFound, Overdue, Stale
from app.query import Comparison, Every, Field, Negation, Order, Query
from app.query.values import INTEGER, PRESENCE

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


def ids(documents):
    """Return all ids in ``documents`` as they come."""
    return [each for document in documents for each in album_ids(document)]


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
            store.update("notes", key, lambda document, _: {**document, "n": 1})
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

    # Integer keys

    def test_documents_under_integers_are_got_changed_and_removed(self, store, other):
        numbers = [0, 7, -3, 10, 9, 2**53 + 1]
        store.insert("albums", *map(album, numbers))
        for number in numbers:
            got = other.get("albums", number)
            assert (got.key, type(got.key)) == (number, int)
        new = other.update("albums", 7, lambda d, _: {**d, "artist": "x"})
        store.update("albums", 7, lambda d, _: {**d, "artist": "y"}, {new.revision})
        store.remove("albums", 9)
        expected = [0, 7, -3, 10, 2**53 + 1]
        assert keys(store.find("albums", Query())) == expected
        assert keys(other.find("albums", Query())) == expected
        with pytest.raises(NotFound):
            other.get("albums", 9)

    def test_integer_key_is_inserted_once(self, store, other):
        store.insert("albums", album(7))
        with pytest.raises(Conflict, match="album_id 7 exists already"):
            other.insert("albums", album(8), album(7))
        with pytest.raises(Conflict, match="album_id 8 exists already"):
            other.insert("albums", album(8), album(8))
        assert keys(store.find("albums", Query())) == [7]

    def test_number_and_its_digits_are_two_keys(self, store, other):
        store.insert("notes", note("1", 1), note(1, 2))
        store.update("notes", 1, lambda d, _: {**d, "n": 3})
        assert other.get("notes", "1").document["n"] == 1
        assert other.get("notes", 1).document["n"] == 3
        store.remove("notes", "1")
        assert keys(other.find("notes", Query())) == [1]

    @pytest.mark.parametrize(
        "operator, operand, found",
        [
            ("$eq", 2, [2]),
            ("$eq", 5, []),
            ("$in", frozenset({3, 1, 5}), [3, 1]),
            ("$gt", 2, [3]),
        ],
    )
    def test_integer_keys_are_found_by_a_filter(self, store, operator, operand, found):
        store.insert("albums", album(3), album(1), album(2))
        page = store.find("albums", Query(Comparison(ALBUM_ID, operator, operand)))
        assert keys(page) == found

    # Updates

    def test_update_replaces_the_document_by_what_change_makes_of_it(self, store):
        [old] = store.insert("notes", note("a", 1, more={"x": 1}))
        given = []

        def change(document, _):
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
        same = store.update("notes", "a", lambda document, _: document)
        assert (same.document, same.revision) == (old.document, old.revision)
        assert store.get("notes", "a").revision == old.revision

    def test_update_whose_change_fails_changes_nothing(self, store):
        [old] = store.insert("notes", note("a", 1))

        def change(document, _):
            raise Invalid("no")

        with pytest.raises(Invalid, match="no"):
            store.update("notes", "a", change)
        assert store.get("notes", "a").revision == old.revision
        store.update("notes", "a", lambda document, _: {**document, "n": 2})

    def test_update_and_remove_with_the_right_revision_are_done(self, store):
        [old] = store.insert("notes", note("a", 1))
        new = store.update("notes", "a", lambda d, _: {**d, "n": 2}, {old.revision})
        assert store.get("notes", "a").document["n"] == 2
        store.remove("notes", "a", {new.revision})
        assert store.find("notes", Query()).total == 0

    def test_update_and_remove_with_a_stale_revision_are_refused(self, store):
        [old] = store.insert("notes", note("a", 1))
        store.update("notes", "a", lambda document, _: {**document, "n": 2})
        called = []
        with pytest.raises(Stale):
            store.update("notes", "a", lambda d, _: called.append(d), {old.revision})
        with pytest.raises(Stale):
            store.remove("notes", "a", {old.revision})
        assert not called
        assert store.get("notes", "a").document["n"] == 2

    def test_unknown_key_is_not_found_before_it_is_stale(self, store):
        with pytest.raises(NotFound):
            store.update("notes", "a", lambda document, _: document, 1)
        with pytest.raises(NotFound):
            store.remove("notes", "a", 1)

    def test_each_document_has_revisions_of_its_own(self, store):
        store.insert("notes", note("a"), note("b"))
        before = store.get("notes", "b").revision
        store.update("notes", "a", lambda document, _: {**document, "n": 1})
        assert store.get("notes", "b").revision == before

    def test_revision_differs_between_one_and_true(self, store):
        [old] = store.insert("notes", note("a", any=1))
        new = store.update("notes", "a", lambda document, _: {**document, "any": True})
        assert new.revision != old.revision

    def test_handed_out_documents_stay_as_they_were(self, store):
        """A later write makes new documents and leaves the old ones alone."""
        store.insert("notes", note("a", 1, more={"x": [1]}), note("b", 2))
        got, page = store.get("notes", "a"), store.find("notes", Query())
        store.update("notes", "a", lambda d, _: {**d, "n": 5, "more": {"x": [2]}})
        store.remove("notes", "b")
        assert got.document == note("a", 1, more={"x": [1]})
        assert [each.document["n"] for each in page.records] == [1, 2]

    # Ids

    def test_added_document_has_the_ids_that_the_store_gave(self, store, other):
        record = store.add("albums", new_album(2))
        assert (record.key, record.document) == (1, album(1, [1, 2]))
        assert other.add("albums", new_album(1)).document == album(2, [3])
        assert store.get("albums", 2).document == album(2, [3])

    def test_update_gives_ids_too(self, store, other):
        store.add("albums", new_album())
        assert store.update("albums", 1, with_song).document == album(1, [1, 2])
        assert other.update("albums", 1, with_song).document == album(1, [1, 2, 3])
        assert store.add("albums", new_album()).document == album(2, [4])

    def test_id_is_above_all_that_are_in_documents(self, store, other):
        store.insert("albums", album(70, [5, 800]), album(3))
        assert other.add("albums", new_album()).document == album(71, [801])
        store.load("albums", [album(72, [900]), album(3, [2, 1000])])
        assert other.add("albums", new_album()).document == album(73, [1001])
        store.update("albums", 3, lambda d, _: album(3, [5000]))
        assert other.add("albums", new_album()).document == album(74, [5001])

    def test_id_starts_at_one_below_all_that_are_not_positive(self, store):
        store.insert("albums", album(0, [-5]))
        assert store.add("albums", new_album()).document == album(1, [1])

    def test_id_is_given_once_though_its_document_was_removed(self, store, other):
        store.add("albums", new_album(2))
        store.add("albums", new_album(2))
        other.remove("albums", 2)
        assert store.add("albums", new_album()).document == album(3, [5])
        store.update("albums", 3, lambda d, _: album(3))
        assert other.add("albums", new_album()).document == album(4, [6])
        other.load("albums", [], clear=True)
        assert store.add("albums", new_album()).document == album(5, [7])

    def test_id_of_an_inserted_document_is_not_given_after_it_was_removed(
        self, store, other
    ):
        store.insert("albums", album(70, [800]))
        other.remove("albums", 70)
        assert other.add("albums", new_album()).document == album(71, [801])

    def test_ids_go_on_when_the_store_is_opened_again(self, store, tmp_path):
        for _ in range(3):
            store.add("albums", new_album(2))
        store.remove("albums", 3)
        store.close()
        for number in (4, 5):
            again = self.open(tmp_path)
            assert again.add("albums", new_album()).document["album_id"] == number
            again.remove("albums", number)
            again.close()

    def test_ids_count_for_their_sequence_and_table_alone(self, store):
        def make(next_id):
            return note(f"{next_id('note')} {next_id('song')} {next_id('note')}")

        store.add("albums", new_album(5))
        assert store.add("notes", make).key == "1 1 2"
        assert store.add("notes", make).key == "3 2 4"

    def test_add_that_fails_changes_nothing_and_gives_no_id(self, store, other):
        store.add("albums", new_album())

        def make(next_id):
            assert next_id("album") == 2
            raise Invalid("no")

        with pytest.raises(Invalid, match="no"):
            store.add("albums", make)
        with pytest.raises(Conflict):
            store.add("albums", lambda next_id: album(1, [next_id("song")]))
        assert store.find("albums", Query()).total == 1
        assert other.add("albums", new_album()).document == album(2, [2])

    def test_update_that_writes_nothing_gives_no_id(self, store):
        store.add("albums", new_album())

        def change(document, next_id):
            assert next_id("song") == 2
            return document

        store.update("albums", 1, change)
        assert store.update("albums", 1, with_song).document == album(1, [1, 2])

    def test_no_id_is_given_twice_between_threads_and_workers(self, store, other):
        store.add("albums", new_album(0))

        def work(number):
            worker = (store, other)[number % 2]
            if number % 3:
                worker.update("albums", 1, with_song)
                return []
            return ids([worker.add("albums", new_album(2)).document])

        with ThreadPoolExecutor(4) as pool:
            given = [each for told in pool.map(work, range(90)) for each in told]
        given += ids([store.get("albums", 1).document])
        expected = {("album", id_) for id_ in range(1, 32)}
        expected |= {("song", id_) for id_ in range(1, 121)}
        assert len(given) == len(expected) and set(given) == expected

    # All documents at once

    def test_update_all_changes_all_documents_and_tells_how_many(self, store, other):
        store.insert("albums", *(album(number) for number in range(5)))

        def change(document):
            if document["album_id"] % 2:
                return document
            return {**document, "artist": "x"}

        before = store.get("albums", 1).revision
        assert store.update_all("albums", change) == 3
        page = other.find("albums", Query(Comparison(ARTIST, "$eq", "x")))
        assert keys(page) == [0, 2, 4]
        assert other.get("albums", 1).revision == before

    def test_update_all_that_fails_for_one_document_changes_none(self, store, other):
        numbers = range(1, 6)
        store.insert("albums", *map(album, numbers))
        before = [store.get("albums", number).revision for number in numbers]

        def change(document):
            if document["album_id"] == 4:
                raise Invalid("no")
            return {**document, "artist": "x"}

        with pytest.raises(Invalid, match="no"):
            store.update_all("albums", change)
        for worker in (store, other):
            after = [worker.get("albums", number).revision for number in numbers]
            assert after == before

    def test_update_all_of_nothing_does_nothing(self, store):
        assert store.update_all("albums", lambda document: {}) == 0
        store.insert("albums", album(1))
        assert store.update_all("albums", lambda document: document) == 0
        assert store.get("albums", 1).document == album(1)

    def test_update_all_appears_at_once(self, store, other):
        """Whoever looks sees all or none of the documents changed."""
        store.insert("notes", *(note(f"{number}") for number in range(500)))
        counts, done = set(), threading.Event()

        def look(seeing):
            while not done.is_set():
                page = seeing.find("notes", Query())
                counts.add(len({record.document["n"] for record in page.records}))

        with ThreadPoolExecutor() as pool:
            lookers = [pool.submit(look, seeing) for seeing in (store, other)]
            for n in range(1, 20):
                store.update_all("notes", lambda d, n=n: {**d, "n": n})
            done.set()
            for looker in lookers:
                looker.result()
        assert counts == {1}

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
        assert self.find(store, order=[{"name": "desc"}]) == ["b", "a", "c", "d"]
        by_both = [{"name": "desc"}, {"n": "desc"}]
        assert self.find(store, order=by_both) == ["b", "a", "c", "d"]

    def test_order_that_descends_mirrors_the_one_that_ascends(self, store):
        store.insert("albums", *(album(id_, n=0) for id_ in (5, 9, 1, 7)))
        by_n = Order(Field(("n",), INTEGER)), Order(Field(("n",), INTEGER), True)
        found = [keys(store.find("albums", Query(order=(each,)))) for each in by_n]
        assert found == [[5, 9, 1, 7], [7, 1, 9, 5]]
        newest = Query(order=(by_n[1],), limit=1)
        assert keys(store.find("albums", newest)) == [7]
        where = Comparison(Field(("n",), INTEGER), "$gte", 0)
        page = store.find("albums", Query(where, (by_n[1],), offset=1, limit=2))
        assert (keys(page), page.total) == ([1, 9], 4)

    def test_documents_are_in_the_order_in_which_they_were_added(
        self, store, other, tmp_path
    ):
        """Whichever worker adds them, whatever is changed, and when all is opened anew."""
        store.insert("albums", album(5), album(9))
        other.insert("albums", album(1), album(7))
        store.update("albums", 9, lambda d, _: {**d, "artist": "x"})
        other.remove("albums", 1)
        store.insert("albums", album(1))
        other.load("albums", [album(3), album(5, artist="y"), album(2)])
        expected = [5, 9, 7, 1, 3, 2]
        for worker in (store, other):
            assert keys(worker.find("albums", Query())) == expected
            some = Comparison(ALBUM_ID, "$in", frozenset({1, 2, 7}))
            assert keys(worker.find("albums", Query(some))) == [7, 1, 2]
        store.close()
        again = self.open(tmp_path)
        assert keys(again.find("albums", Query())) == expected
        again.close()

    def test_documents_that_replace_all_others_are_in_the_order_given(
        self, store, other
    ):
        store.insert("albums", album(1), album(2), album(3))
        store.load("albums", [album(4), album(3), album(1)], clear=True)
        for worker in (store, other):
            assert keys(worker.find("albums", Query())) == [4, 3, 1]

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
        "asked",
        [
            query(),
            query(order=["name"]),
            query({"name": "x"}),
            query({"tags": {"$contains": "a"}}),
        ],
    )
    def test_find_ends_when_its_pace_does(self, store, asked):
        store.insert("notes", *(note(f"{number}") for number in range(100)))

        def end():
            raise Overdue("enough")

        with pytest.raises(Overdue):
            store.find("notes", asked, end)
        assert store.find("notes", query()).total == 100
        assert store.insert("notes", note("x"))
        assert store.find("notes", asked).total in (0, 101)

    @pytest.mark.parametrize(
        "where, found",
        [
            ({"any": None}, "absent null"),
            ({"any": {"$ne": None}}, "empty text later one half true false list object"),
            ({"any": {"$exists": False}}, "absent"),
            ({"any": {"$exists": True, "$eq": None}}, "null"),
            ({"any": 1}, "one list"),
            ({"any": 1.0}, "one list"),
            ({"any": True}, "true"),
            ({"any": {"$in": [1, "a", None]}}, "absent null later one list"),
            ({"any": {"$gt": 0}}, "one half list"),
            ({"any": {"$gte": ""}}, "empty text later list"),
            ({"any": {"$lt": "b"}}, "empty later list"),
            ({"any": {"$gt": 0, "$lt": 1}}, "half"),
            ({"any": [1]}, "list"),
            ({"any": {"$contains": "a"}}, "later list"),
            ({"$not": {"any": {"$gt": 0}}}, "absent null empty text later true false"
             " object"),
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

    def test_member_is_found_by_its_presence(self, store):
        store.insert("albums", album(0), album(1, rating=5), album(2, rating=None))
        store.insert("albums", album(3, artist="x"), album(4, artist="x", rating=0))
        there, absent = Comparison(RATED, "$eq", True), Comparison(RATED, "$eq", False)
        artist = Comparison(ARTIST, "$eq", "x")
        for where, found in [
            (there, [1, 2, 4]),
            (absent, [0, 3]),
            (Comparison(RATED, "$in", frozenset({True, False})), [0, 1, 2, 3, 4]),
            (Negation(there), [0, 3]),
            (Every((artist, absent)), [3]),
            (Comparison(Field(ALBUM_ID.path, PRESENCE), "$eq", True), [0, 1, 2, 3, 4]),
            (Every((Negation(artist), absent)), [0]),
        ]:
            assert keys(store.find("albums", Query(where))) == found
        store.update("albums", 0, lambda d, _: {**d, "rating": 1})
        assert keys(store.find("albums", Query(absent))) == [3]

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
        store.update("notes", "a", lambda document, _: {**document, "n": 2})
        assert self.find(store, {"n": 1}) == ["b"]
        assert self.find(store, {"n": {"$in": [1, 2]}}) == ["b", "a"]
        store.remove("notes", "b")
        assert self.find(store, {"n": 1}) == []
        assert self.find(store, order=[{"n": "desc"}]) == ["a"]

    # Workers

    def test_other_worker_sees_a_write_when_it_is_acknowledged(self, store, other):
        store.insert("notes", note("a", 1))
        assert other.get("notes", "a").document["n"] == 1
        record = other.update("notes", "a", lambda document, _: {**document, "n": 2})
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
        other.update("notes", "a", lambda document, _: {**document, "n": 2})
        with pytest.raises(Stale):
            store.remove("notes", "a", {old.revision})

    def test_no_increment_is_lost_between_threads_and_workers(self, store, other):
        store.insert("notes", note("a", 0))

        def increment(number):
            worker = (store, other)[number % 2]
            worker.update("notes", "a", lambda d, _: {**d, "n": d["n"] + 1})

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
                worker.update(
                    "notes", "a", lambda d, _: {**d, "n": number}, {old.revision}
                )
            except Stale:
                return 0
            return 1

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(update, range(1, 21))) == 1

    # The store itself

    def test_what_was_written_is_there_when_the_store_is_opened_again(
        self, store, tmp_path
    ):
        store.insert("notes", *MIXED)
        store.update("notes", "one", lambda document, _: {**document, "n": 1})
        store.remove("notes", "true")
        records = store.find("notes", Query()).records
        expected = [(each.key, each.document, each.revision) for each in records]
        store.close()
        again = self.open(tmp_path)
        records = again.find("notes", Query()).records
        found = [(each.key, each.document, each.revision) for each in records]
        assert found == expected
        again.close()

    def test_open_store_can_be_written(self, store):
        store.ping()

    def test_moment_of_a_document_is_its_own(self, store):
        """A store adds nothing to a document and takes nothing from it."""
        document = {"id": "a", "name": "", "made": datetime.now(UTC).isoformat()}
        store.insert("notes", document)
        assert store.get("notes", "a").document == document
