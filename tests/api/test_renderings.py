"""The cache of what was rendered: what is the same, and how much is kept."""

from collections import namedtuple

import orjson

from app.api.renderings import COST, Renderings

Record = namedtuple("Record", "key revision document")


def record(key, revision=1, text="x"):
    return Record(key, revision, {"text": text})


class Renderer:
    """Renders, and counts how often."""

    count = 0

    def __call__(self, document):
        self.count += 1
        return orjson.dumps(document)


def test_rendering_is_made_once_for_key_revision_and_form():
    renderings, render = Renderings(), Renderer()
    for _ in range(2):
        for each in (record("a"), record("b"), record("a", 2, "y")):
            for form in ("one", "item"):
                found = next(renderings.of([each], form, render))
                assert found == orjson.dumps(each.document)
    assert render.count == 6


def test_rendering_without_a_form_is_made_each_time():
    renderings, render = Renderings(), Renderer()
    for _ in range(3):
        next(renderings.of([record("a")], None, render))
    assert render.count == 3


def test_kept_bytes_are_bounded_and_what_is_asked_for_again_stays():
    most = 20 * (100 + COST)
    renderings, render = Renderings(most), Renderer()
    often = record("often", text="x" * 80)
    for number in range(1000):
        next(renderings.of([often], "one", render))
        next(renderings.of([record(number, text="x" * 80)], "one", render))
    assert render.count == 1001
    for number in range(1000):
        next(renderings.of([record(number, text="x" * 80)], "one", render))
    # All but the few that were kept are rendered again.
    assert render.count > 1950


def test_rendering_that_is_larger_than_all_is_not_kept():
    renderings, render = Renderings(1000), Renderer()
    small, large = record("small"), record("large", text="x" * 2000)
    for each in (small, large, small, large):
        next(renderings.of([each], "one", render))
    assert render.count == 3
