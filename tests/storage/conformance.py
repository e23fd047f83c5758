"""What every store has to do: the contract of ``app.storage``, back end by back end.

A back end is bound by a class that inherits ``Conformance`` and opens its store:

    class TestFiles(Conformance):
        open = staticmethod(open_notes)

``open`` takes a folder that names the place, so that two stores opened on one folder see
the same tables: two workers of one service.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from conforming_documents import Documents, Updates
from conforming_feeds import Feeds
from conforming_ids import Ids
from conforming_queries import MIXED, Finding
from notes import (
    note,
)

from app.errors import Conflict, Stale
from app.query import Query


class Workers:
    """Two workers on the same tables, and their restart."""

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


class Conformance(Documents, Updates, Ids, Finding, Feeds, Workers):
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
