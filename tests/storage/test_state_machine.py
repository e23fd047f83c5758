"""The store contract as a state machine, on each back end.

Two workers write and read in any order, and are opened anew, beside a model of the tables:
a dictionary. Versions differ whenever the documents do, and who follows the changes of a
table knows all of it at each moment.
"""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import postgres
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)
from notes import note, open_in_memory, open_in_postgres, open_notes

from app.errors import Conflict, NotFound, Stale
from app.query import Query

KEYS = st.sampled_from(["a", "b", "c", "d"])
NUMBERS = st.integers(0, 5)
WORKERS = st.sampled_from([0, 1])


class Contract(RuleBasedStateMachine):
    """Two workers over one folder; a back end is bound by ``open``."""

    revisions = Bundle("revisions")

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.workers = [self.open(self.folder) for _ in range(2)]
        self.model = {}
        self.versions = [{}, {}]
        self.workers[0].insert("notes", note("first"))
        self.workers[0].remove("notes", "first")
        self.position = self.workers[0].changes("notes", None, 1).position
        self.followed = {}

    def teardown(self):
        for worker in self.workers:
            worker.close()
        shutil.rmtree(self.folder)
        postgres.release(self.folder)

    @rule(worker=WORKERS, given=st.lists(st.tuples(KEYS, NUMBERS), max_size=3))
    def insert(self, worker, given):
        keys = [key for key, _ in given]
        is_refused = len(set(keys)) < len(keys) or bool(set(keys) & self.model.keys())
        try:
            self.workers[worker].insert("notes", *(note(*each) for each in given))
            assert not is_refused
            self.model |= given
        except Conflict:
            assert is_refused

    @rule(worker=WORKERS, given=st.dictionaries(KEYS, NUMBERS), clear=st.booleans())
    def load(self, worker, given, clear):
        documents = [note(*each) for each in given.items()]
        self.workers[worker].load("notes", documents, clear)
        self.model = given if clear else self.model | given

    @rule(target=revisions, worker=WORKERS, key=KEYS, n=NUMBERS)
    def update(self, worker, key, n):
        try:
            record = self.workers[worker].update(
                "notes", key, lambda d, _: {**d, "n": n}
            )
        except NotFound:
            assert key not in self.model
            return multiple()
        assert key in self.model
        self.model[key] = n
        return key, record.revision, n

    @rule(worker=WORKERS, known=revisions, n=NUMBERS)
    def update_a_revision(self, worker, known, n):
        """A revision is that of a content: it holds again when that is back."""
        key, revision, content = known
        try:
            change, revisions = (lambda d, _: {**d, "n": n}), {revision}
            self.workers[worker].update("notes", key, change, revisions)
        except (NotFound, Stale):
            assert self.model.get(key) != content
        else:
            assert self.model[key] == content
            self.model[key] = n

    @rule(worker=WORKERS, most=NUMBERS)
    def update_each(self, worker, most):
        def change(document):
            return document if document["n"] <= most else {**document, "n": most}

        count = self.workers[worker].update_each("notes", change)
        assert count == sum(n > most for n in self.model.values())
        self.model = {key: min(n, most) for key, n in self.model.items()}

    @rule(worker=WORKERS, key=KEYS)
    def remove(self, worker, key):
        with suppress(NotFound):
            self.workers[worker].remove("notes", key)
            assert key in self.model
        self.model.pop(key, None)

    @rule(worker=WORKERS)
    def open_anew(self, worker):
        self.workers[worker].close()
        self.workers[worker] = self.open(self.folder)
        self.versions[worker] = {}

    @rule(worker=WORKERS, limit=st.integers(1, 3))
    def follow(self, worker, limit):
        while True:
            feed = self.workers[worker].changes("notes", self.position, limit)
            for each in feed.changes:
                self.followed.pop(each.key, None)
                if each.record is not None:
                    self.followed[each.key] = each.record.document["n"]
            self.position = feed.position
            if not feed.changes:
                break
        assert self.followed == self.model

    @invariant()
    def all_workers_see_the_model(self):
        for worker, versions in zip(self.workers, self.versions, strict=True):
            version = worker.version("notes")
            scanned = [(each.key, each.document["n"]) for each in worker.scan("notes")]
            assert dict(scanned) == self.model
            assert scanned == sorted(scanned, key=lambda each: (each[1], each[0]))
            assert worker.find("notes", Query()).total == len(self.model)
            assert versions.setdefault(version, scanned) == scanned


class OnFiles(Contract):
    open = staticmethod(open_notes)


class OnMemory(Contract):
    open = staticmethod(open_in_memory)


class OnPostgres(Contract):
    open = staticmethod(open_in_postgres)


CHEAP = settings(max_examples=30, stateful_step_count=25, deadline=None)

TestOnFiles = OnFiles.TestCase
TestOnFiles.settings = CHEAP
TestOnMemory = OnMemory.TestCase
TestOnMemory.settings = CHEAP
TestOnPostgres = OnPostgres.TestCase
TestOnPostgres.settings = CHEAP
