"""Finds look up many documents in steps, between which others go on."""

import pytest
from notes import NOTES, note, query
from test_documents import change

from app.pacing import FEW
from app.storage.files.documents import Documents
from app.storage.files.records import Record

COUNT = 30 * FEW


class CountedKey(str):
    """A key that counts how often one is looked up."""

    looked_up = 0

    def __hash__(self):
        CountedKey.looked_up += 1
        return super().__hash__()


@pytest.fixture(scope="module")
def held():
    keys = [CountedKey(f"k{number:04}") for number in range(COUNT)]
    held = Documents(
        NOTES,
        [Record(n, key, note(key, n * 7 % COUNT)) for n, key in enumerate(keys)],
    )
    held.find(query())
    return held


@pytest.mark.parametrize(
    "where, order, expected",
    [
        (None, [], COUNT),
        ({"name": {"$contains": "the note"}}, [], COUNT),
        ({"name": {"$contains": "the note"}}, [{"n": "desc"}], COUNT),
        (None, ["name", "n"], COUNT),
        (None, [{"name": "desc"}], COUNT),
        ({"n": {"$lt": 6 * FEW}}, [], 6 * FEW),
        ({"n": {"$lt": 6 * FEW}}, ["name"], 6 * FEW),
        ({"on": {"$ne": 1}}, [], COUNT),
        ({"on": {"$exists": False}}, [], COUNT),
    ],
)
def test_find_looks_up_few_documents_between_two_looks_at_its_pace(
    held, where, order, expected
):
    begin = CountedKey.looked_up
    counts = []

    def pace(ahead=0, holding=False):
        counts.append(CountedKey.looked_up)

    records, total = held.find(query(where, order), pace)
    assert len(records) == total == expected
    found = sorted(records, key=lambda each: each.document["n"])
    if not order:
        assert records == found
    counts = [begin, *counts, CountedKey.looked_up]
    assert counts[-1] - begin >= expected
    steps = [after - before for before, after in zip(counts, counts[1:])]
    assert max(steps) <= 2 * FEW


def test_find_returns_records_from_before_a_change_that_comes_between():
    held = Documents(
        NOTES, [Record(n, f"k{n:04}", note(f"k{n:04}", n)) for n in range(COUNT)]
    )
    last, gone = f"k{COUNT - 1:04}", f"k{COUNT - 2:04}"
    before = [record.document for record in held.find(query())[0]]
    changed = []

    def pace(ahead=0, holding=False):
        if not ahead and not changed:
            changed.append(last)
            change(held, [Record(COUNT - 1, last, note(last, -1))], [gone])
            change(held, [Record(COUNT, gone, note(gone, -2))], [last])

    found, total = held.find(query({"name": {"$contains": "the"}}), pace)
    assert changed and [record.document for record in found] == before
    assert total == COUNT
    assert held.find(query())[0][0].key == gone
    assert held.find(query())[1] == COUNT - 1


def test_list_that_the_cache_lets_go_of_is_freed_a_few_entries_at_a_time():
    held = Documents(
        NOTES, [Record(n, f"k{n:04}", note(f"k{n:04}", n)) for n in range(COUNT)]
    )
    held.find(query(None, ["name"]))
    [unused] = [each.keys for each in held._cache._lists]
    sizes = []

    def pace(ahead=0, holding=False):
        sizes.append(len(unused))

    for field in ("id", "on", "day", "tags", "any"):
        held.find(query(None, [field]), pace)
    assert [sizes[0], sizes[-1]] == [COUNT, 0]
    assert max(before - after for before, after in zip(sizes, sizes[1:])) <= FEW
