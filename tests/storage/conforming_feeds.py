"""The store contract: versions, scans, changes, revisions, and writes in writes."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from notes import album, new_album, note, query

from app.datetimes import moment, now
from app.errors import NotFound, TooOld
from app.query import Query
from app.storage import RETAINED, Author, author, revision_of


def changed(store, position, limit=100, table="notes"):
    """Return what changed since, as keys with ``n``, and the position after that."""
    feed = store.changes(table, position, limit)
    seen = [
        (each.key, each.record and each.record.document["n"]) for each in feed.changes
    ]
    return seen, feed.position


@contextmanager
def written_by(name, request):
    """Let the writes of this thread be those of ``name``."""
    token = author.set(Author(name, request))
    yield
    author.reset(token)


def past(store):
    return [(c.key, c.is_removal, *c.author) for c in store.history("notes")]


class Feeds:
    """Versions of tables, streams of all, and what changed since a position."""

    def test_version_is_another_one_after_each_change(self, store, other):
        seen = [store.version("notes")]
        for write in (
            lambda: store.insert("notes", note("a"), note("b")),
            lambda: other.update("notes", "a", lambda d, _: {**d, "n": 1}),
            lambda: store.load("notes", [note("c")]),
            lambda: other.update_each("notes", lambda d: {**d, "n": 2}),
            lambda: store.remove("notes", "a"),
            lambda: other.insert("notes", note("a")),
            lambda: store.load("notes", [], clear=True),
        ):
            write()
            assert store.version("notes") not in seen
            seen.append(store.version("notes"))

    def test_version_is_the_same_while_nothing_is_written(self, store):
        store.insert("notes", note("a", 1))
        version = store.version("notes")
        store.update("notes", "a", lambda document, _: document)
        store.insert("albums", album(1))
        store.find("notes", query(order=["name"]))
        with pytest.raises(NotFound):
            store.remove("notes", "b")
        assert store.version("notes") == version

    def test_scan_is_all_in_the_order_of_the_table_as_it_was(self, store, other):
        store.insert("notes", *(note(f"{n}", 9 - n) for n in range(9)))
        scan = store.scan("notes")
        first = next(scan)
        other.load("notes", [note("x")], clear=True)
        assert [first.key, *(each.key for each in scan)] == list("876543210")
        assert [each.key for each in store.scan("notes")] == ["x"]
        assert list(store.scan("albums")) == []

    def test_changes_are_reported_to_each_worker_once_it_asks_on(self, store, other):
        store.insert("notes", note("before"))
        seen, position = changed(store, None)
        assert seen == []
        store.insert("notes", note("a", 1), note("b", 2))
        other.update("notes", "a", lambda d, _: {**d, "n": 3})
        other.remove("notes", "b")
        for worker in (store, other):
            seen, later = changed(worker, position)
            assert seen == [("a", 3), ("b", None), ("a", 3), ("b", None)]
            assert changed(worker, later) == ([], later)
        store.load("notes", [note("c", 4)], clear=True)
        seen, _ = changed(other, later)
        assert seen[0] == ("c", 4)
        assert set(seen[1:]) == {("a", None), ("before", None)}

    def test_history_has_who_put_and_removed_what_and_when(
        self, store, other, tmp_path
    ):
        begin = moment(now())
        with written_by("ann", "r1"):
            store.insert("notes", note("a", 1), note("b", 2))
        with written_by("ci", "r2"):
            other.update("notes", "a", lambda d, _: {**d, "n": 3})
            other.remove("notes", "b")
        with written_by("", ""):
            store.load("notes", [note("c", 4)], clear=True)
        expected = [
            ("a", False, "ann", "r1"),
            ("b", False, "ann", "r1"),
            ("a", False, "ci", "r2"),
            ("b", True, "ci", "r2"),
            ("c", False, "", ""),
            ("a", True, "", ""),
        ]
        assert past(store) == past(other) == expected
        store.close()
        again = self.open(tmp_path)
        assert past(again) == expected
        with written_by("bob", "r3"):
            again.remove("notes", "c")
        assert past(again) == [*expected, ("c", True, "bob", "r3")]
        times = [change.time for change in again.history("notes")]
        moments = [begin, *times, moment(now())]
        assert moments == sorted(moments)
        assert list(again.history("albums")) == []
        again.close()

    def test_history_has_who_made_each_of_the_writes_of_one_group(self, store):
        def insert(n):
            with written_by(f"by {n}", ""):
                store.insert("notes", note(f"{n}", n))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(insert, range(64)))
        assert sorted(past(store)) == sorted(
            (f"{n}", False, f"by {n}", "") for n in range(64)
        )

    def test_changes_come_in_parts_of_the_limit(self, store):
        store.insert("notes", note("before"))
        _, position = changed(store, None)
        store.insert("notes", *(note(f"{n}", n) for n in range(7)))
        store.insert("notes", note("x", 7))
        found = []
        for size in (3, 3, 2, 0):
            seen, position = changed(store, position, 3)
            assert len(seen) == size
            found += seen
        assert [n for _, n in found] == list(range(8))

    def test_changes_go_on_when_the_store_is_opened_again(self, store, tmp_path):
        store.insert("notes", note("before"))
        _, position = changed(store, None)
        for n in range(3):
            store.insert("notes", note(f"{n}", n))
            store.close()
            store = self.open(tmp_path)
        store.remove("notes", "1")
        seen, _ = changed(store, position)
        assert seen == [("0", 0), ("1", None), ("2", 2), ("1", None)]
        store.close()

    def test_as_many_changes_as_are_promised_are_kept_and_not_many_more(
        self, store, tmp_path
    ):
        positions = []
        for start in range(0, 3 * RETAINED, RETAINED // 2):
            positions.append(changed(store, None)[1])
            numbers = range(start, start + RETAINED // 2)
            store.load("notes", [note(f"{n}", n) for n in numbers], clear=False)
        store.close()
        again = self.open(tmp_path)
        seen, _ = changed(again, positions[-2], 3 * RETAINED)
        assert [n for _, n in seen] == list(range(2 * RETAINED, 3 * RETAINED))
        with pytest.raises(TooOld):
            changed(again, positions[0])
        again.close()

    # Records

    def test_revision_is_a_digest_of_the_document_alone(self, store):
        document = note("a", 1, more={"x": 1.5})
        [first] = store.insert("notes", document)
        assert first.revision == revision_of(
            json.dumps(document, separators=(",", ":")).encode()
        )
        store.remove("notes", "a")
        [again] = store.insert("notes", document)
        assert again.revision == first.revision

    def test_records_are_equal_if_key_and_revision_are(self, store, other):
        store.insert("notes", note("a", 1), note("b", 1))
        mine, theirs = store.get("notes", "a"), other.get("notes", "a")
        assert mine == theirs and hash(mine) == hash(theirs)
        assert mine != store.get("notes", "b")
        store.update("notes", "a", lambda d, _: {**d, "n": 2})
        assert mine != store.get("notes", "a")

    def test_document_comes_back_verbatim(self, store, tmp_path):
        """Its members stand in their order, and numbers are spelled as they were."""
        document = note("a") | {
            "z": 1,
            "b": 1.0,
            "a": {"y": [1e-7, 0.1, 10**18], "x": None},
        }
        store.insert("notes", document)
        store.close()
        again = self.open(tmp_path)
        assert json.dumps(again.get("notes", "a").document) == json.dumps(document)
        again.close()

    # Writes and reads in writes

    def test_write_within_a_write_is_an_error(self, store):
        store.insert("notes", note("a", 1))

        def change(document, _):
            store.insert("albums", album(1))
            return {**document, "n": 2}

        def make(next_id):
            store.remove("notes", "a")
            return new_album()(next_id)

        with pytest.raises(RuntimeError, match="a write within a write"):
            store.update("notes", "a", change)
        with pytest.raises(RuntimeError, match="a write within a write"):
            store.add("albums", make)
        assert store.get("notes", "a").document["n"] == 1
        assert store.find("albums", Query()).total == 0
        store.insert("albums", album(1))

    def test_read_within_a_write_sees_what_was_written_before(self, store, other):
        """Also what came while the write was waiting for its table."""
        store.insert("notes", note("a", 0))
        holds, goes_on = threading.Event(), threading.Event()

        def hold(document, _):
            holds.set()
            assert goes_on.wait(600)
            return {**document, "n": 1}

        def look(document, _):
            found = store.get("albums", 7).document["artist"]
            return {**document, "name": found}

        with ThreadPoolExecutor() as pool:
            first = pool.submit(other.update, "notes", "a", hold)
            assert holds.wait(600)
            second = pool.submit(store.update, "notes", "a", look)
            other.insert("albums", album(7, artist="x"))
            goes_on.set()
            first.result()
            assert second.result().document["name"] == "x"

    def test_many_changes_that_read_other_tables_at_a_time_all_end(self, store, other):
        store.insert("albums", album(7, artist="x"))
        store.insert("notes", *(note(f"{n}") for n in range(4)))

        def look(document, _):
            for worker in (store, other):
                assert worker.get("albums", 7).document["artist"] == "x"
            return {**document, "n": document["n"] + 1}

        def work(number):
            worker = (store, other)[number % 2]
            worker.update("notes", f"{number % 4}", look)

        with ThreadPoolExecutor(32) as pool:
            list(pool.map(work, range(128)))
        assert [each.document["n"] for each in other.scan("notes")] == [32] * 4

    def test_update_each_comes_after_each_write_that_began_before_it(
        self, store, other
    ):
        """What a write may hold no more, by another table, slips in behind it nowhere."""
        store.insert("notes", note("permitted"))
        store.insert("albums", album(7))
        looked, goes_on = threading.Event(), threading.Event()

        def fill(document, _):
            store.get("notes", "permitted")
            looked.set()
            assert goes_on.wait(600)
            return {**document, "artist": "x"}

        def clear(document):
            return {**document, "artist": ""} if document["artist"] else document

        with ThreadPoolExecutor() as pool:
            first = pool.submit(store.update, "albums", 7, fill)
            assert looked.wait(600)
            other.remove("notes", "permitted")
            second = pool.submit(other.update_each, "albums", clear)
            goes_on.set()
            first.result()
            assert second.result() == 1
        assert store.get("albums", 7).document["artist"] == ""
