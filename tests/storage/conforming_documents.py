"""The store contract: documents, and their changes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from notes import (
    ALBUM_ID,
    ARTIST,
    album,
    note,
    query,
)

from app.errors import Conflict, Invalid, NotFound, Stale
from app.query import Comparison, Query


def keys(page):
    return [record.key for record in page.records]


class Documents:
    """One document, or several, under texts or integers."""

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

    def test_table_that_is_loaded_anew_is_seen_as_it_was_or_as_it_is(
        self, store, other
    ):
        done = threading.Event()

        def look(seeing):
            seen = set()
            while not done.is_set():
                page = seeing.find("notes", Query())
                seen.add((page.total, *{each.document["n"] for each in page.records}))
            return seen

        store.insert("notes", *(note(f"{n}", -1) for n in range(300)))
        with ThreadPoolExecutor() as pool:
            looks = [pool.submit(look, seeing) for seeing in (store, other)]
            for number in range(10):
                documents = [note(f"{number} {n}", number) for n in range(300)]
                store.load("notes", documents, clear=True)
            done.set()
            seen = set.union(*(each.result() for each in looks))
        assert seen <= {(300, n) for n in range(-1, 10)}

    def test_long_text_is_stored_and_found(self, store):
        text = "x" * 10_000 + "é"
        store.insert("notes", note("a") | {"name": text}, note("b"))
        assert store.get("notes", "a").document["name"] == text
        assert keys(store.find("notes", query({"name": text}))) == ["a"]
        assert keys(store.find("notes", query(order=["name"]))) == ["b", "a"]

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


class Updates:
    """Atomic changes of one document, or of all."""

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

    def test_revision_of_what_was_removed_is_stale_for_what_was_inserted_since(
        self, store
    ):
        [old] = store.insert("notes", note("a", 1))
        store.remove("notes", "a")
        [new] = store.insert("notes", note("a", 2))
        with pytest.raises(Stale):
            store.update("notes", "a", lambda d, _: {**d, "n": 3}, {old.revision})
        with pytest.raises(Stale):
            store.remove("notes", "a", {old.revision})
        assert store.get("notes", "a") == new

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

    def test_update_each_changes_all_documents_and_tells_how_many(self, store, other):
        store.insert("albums", *(album(number) for number in range(5)))

        def change(document):
            if document["album_id"] % 2:
                return document
            return {**document, "artist": "x"}

        before = store.get("albums", 1).revision
        assert store.update_each("albums", change) == 3
        page = other.find("albums", Query(Comparison(ARTIST, "$eq", "x")))
        assert keys(page) == [0, 2, 4]
        assert other.get("albums", 1).revision == before

    def test_update_each_of_nothing_does_nothing(self, store):
        assert store.update_each("albums", lambda document: {}) == 0
        store.insert("albums", album(1))
        assert store.update_each("albums", lambda document: document) == 0
        assert store.get("albums", 1).document == album(1)

    def test_update_each_changes_each_document_once_while_others_write(
        self, store, other
    ):
        store.insert("notes", *(note(f"{number}") for number in range(2500)))
        done = threading.Event()

        def write():
            count = 0
            while not done.is_set():
                other.update("notes", "2499", lambda d, _: {**d, "n": d["n"] + 1})
                count += 1
            return count

        with ThreadPoolExecutor() as pool:
            writer = pool.submit(write)
            count = store.update_each("notes", lambda d: {**d, "name": d["name"] + "!"})
            done.set()
            written = writer.result()
        assert count == 2500
        records = list(other.scan("notes"))
        assert {each.document["name"] for each in records} == {
            f"the note {number}!" for number in range(2500)
        }
        assert other.get("notes", "2499").document["n"] == written

    def test_update_each_that_fails_leaves_what_it_did_not_reach(self, store, other):
        store.insert("notes", *(note(f"{number}") for number in range(3)))

        def change(document):
            raise Invalid("no")

        before = [each.revision for each in store.scan("notes")]
        with pytest.raises(Invalid, match="no"):
            store.update_each("notes", change)
        for worker in (store, other):
            assert [each.revision for each in worker.scan("notes")] == before
