"""What goes on while a find makes a list or an index, and what the find makes of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import NOTES, note, query
from shared import PATIENCE
from test_documents import (
    KEYS,
    Counting,
    Patch,
    change,
    changes,
    conditions,
    filled,
    orders,
    patched,
    patches,
    plainly,
    queries,
)

from app.errors import Overdue
from app.query import Comparison, Field, Order, Query
from app.query.values import INTEGER
from app.storage.files.documents import MANY, Documents
from app.storage.files.records import Record
from app.storage.files.sorted_index import WHOLE_LISTS_CACHED

REST = [note(f"rest{number:02}", number % 3) for number in range(70)]
"""So many that a pace is called while they are read."""


class Meanwhile:
    """A pace that lets another thread take the next step, every few calls."""

    def __init__(self, pool, steps):
        self._pool = pool
        self._steps = list(steps)
        self._calls = 0

    def __call__(self, ahead=0, holding=False):
        self._calls += 1
        if self._steps and self._calls % 4 == 0:
            self._pool.submit(self._steps.pop(0)).result(PATIENCE)


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def keys_of(found):
    records, total = found
    return [record.key for record in records], total


@pytest.mark.parametrize("order", [(), NOTES.order], ids=["as added", "sorted"])
@settings(deadline=None, max_examples=100)
@given(
    asked=queries | st.builds(query, st.none() | conditions, orders),
    steps=st.lists(changes | patches, min_size=1, max_size=6),
    others=st.lists(queries, max_size=2),
)
def test_find_answers_as_at_some_moment_whatever_is_written_meanwhile(
    pool, order, asked, steps, others
):
    collection = replace(NOTES, order=order)
    documents = [note(key, number % 3) for number, key in enumerate(KEYS)] + REST
    held = Documents(
        collection, [Record(n, each["id"], each) for n, each in enumerate(documents)]
    )
    answers = [plainly(held, collection, asked)]

    def writer(step):
        def write():
            if isinstance(step, Patch):
                patched(held, step)
            else:
                put, gone = step
                change(held, [Record(99, each["id"], each) for each in put], gone)
            held.refresh_indexes()
            answers.append(plainly(held, collection, asked))

        return write

    assert keys_of(held.find(asked, Meanwhile(pool, map(writer, steps)))) in answers
    for each in (asked, query(None, ["name"]), query(None, [{"n": "desc"}]), *others):
        assert keys_of(held.find(each)) == plainly(held, collection, each)
    cached = held._cache._lists
    assert all(each.postings.lists[each.order] is each for each in cached)


def test_more_is_written_meanwhile_than_is_applied_at_once(pool):
    held = filled(100)

    def write():
        for number in range(2 * MANY):
            key = f"k{number % 100}"
            change(held, [Record(number, key, note(key, -number))], ())
            held.refresh_indexes()

    asked = query(None, [{"n": "desc"}, "name"])
    found = keys_of(held.find(asked, Meanwhile(pool, [write] * 6)))
    assert found == plainly(held, NOTES, asked)


class Slow(Field):
    """A field that one waits for until it may go on; no other one equals it."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __new__(cls, name, type):
        slow = super().__new__(cls, (name,), type)
        slow.is_asked = threading.Event()
        slow.may_go_on = threading.Event()
        return slow

    def find(self, document):
        self.is_asked.set()
        assert self.may_go_on.wait(PATIENCE)
        return super().find(document)


@contextmanager
def a_slow_find(held, slow, asked):
    """Begin a find, which goes on at the end of the block; yield its answer to come."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(held.find, asked)
        assert slow.is_asked.wait(PATIENCE)
        try:
            yield found
        finally:
            slow.may_go_on.set()


@pytest.mark.parametrize("what", ["a list", "an index"])
def test_find_that_makes_something_holds_up_nobody(pool, what):
    slow = Slow("more", INTEGER)
    held = Documents(replace(NOTES, indexed=(*NOTES.indexed, slow)), ())
    change(held, [Record(n, f"k{n}", note(f"k{n}", n % 3)) for n in range(10)], ())
    present = query({"n": 1}, ["name"])
    assert held.find(present)[1] == 3
    by_it = Query(order=(Order(slow),))
    asked = by_it if what == "a list" else Query(Comparison(slow, "$eq", 5))

    def act():
        assert held.get("k1").key == "k1"
        assert held.find(present)[1] == 3
        assert held.find(query({"id": "k1"}))[1] == 1
        assert held.find(query(None, ["name"], limit=1))[1] == 10
        change(held, [Record(11, "k11", note("k11", 1, name="a"))], ["k4"])
        assert [each.key for each in held][-1] == "k11"
        assert keys_of(held.find(present)) == (["k11", "k1", "k7"], 3)

    with a_slow_find(held, slow, asked) as found:
        pool.submit(act).result(PATIENCE)
    assert found.result(PATIENCE)[1] == (10 if what == "a list" else 0)
    assert held.find(by_it)[1] == 10


def test_first_find_holds_up_neither_who_looks_up_a_key_nor_who_writes(pool):
    slow = Slow("n", INTEGER)
    held = Documents(replace(NOTES, order=(Order(slow),)), ())
    change(held, [Record(n, f"k{n}", note(f"k{n}", n % 3)) for n in range(10)], ())

    def act():
        assert held.get("k1").key == "k1"
        change(held, [Record(11, "k11", note("k11", 1))], ["k4"])
        held.refresh_indexes()

    with a_slow_find(held, slow, Query()) as found:
        pool.submit(act).result(PATIENCE)
    keys = ["k0", "k3", "k6", "k9", "k1", "k7", "k11", "k2", "k5", "k8"]
    assert keys_of(found.result(PATIENCE)) == (keys, 10)
    assert keys_of(held.find(Query())) == (keys, 10)


@pytest.mark.parametrize("fails", [False, True])
def test_list_is_made_once_by_the_first_or_by_the_next_if_that_one_ends(fails):
    held, counting = filled(100), Counting()
    held.find(Query())
    asked = Query(order=(Order(counting.field),))
    is_made, waits, may_go_on = (threading.Event() for _ in range(3))

    def first_pace(ahead=0, holding=False):
        is_made.set()
        assert may_go_on.wait(PATIENCE)
        if fails:
            raise Overdue("the client has left")

    def second_pace(ahead=0, holding=False):
        waits.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(held.find, asked, first_pace)
        assert is_made.wait(PATIENCE)
        second = pool.submit(held.find, asked, second_pace)
        assert waits.wait(PATIENCE)
        may_go_on.set()
        assert (first.exception(PATIENCE) is not None) is fails
        assert second.result(PATIENCE)[1] == 100
    assert counting.count - 100 < 10 * fails
    assert held.find(asked)[1] == 100


def test_failed_first_find_leaves_the_next_to_list_all(pool):
    held = Documents(
        NOTES, [Record(n, each["id"], each) for n, each in enumerate(REST)]
    )

    def write():
        change(held, [Record(99, "a", note("a"))], [])

    meanwhile = Meanwhile(pool, [write])

    def pace(ahead=0, holding=False):
        meanwhile()
        if held.get("a"):
            raise Overdue("the client has left")

    with pytest.raises(Overdue):
        held.find(Query(), pace)
    assert held.find(Query())[1] == len(REST) + 1


def test_list_whose_documents_leave_meanwhile_is_not_cached(pool):
    held = filled(300)
    held.find(query({"n": 1}))

    def write():
        put = [Record(n, f"k{n}", note(f"k{n}", 2)) for n in range(1, 300, 3)]
        change(held, put, ())
        held.refresh_indexes()

    meanwhile = Meanwhile(pool, [write])
    assert held.find(query({"n": 1}, ["name"]), meanwhile) == ([], 0)
    assert not held._cache._lists
    assert held.find(query({"n": 2}, ["name"]))[1] == 200
    assert held._cache.size <= WHOLE_LISTS_CACHED * 300
