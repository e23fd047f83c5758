"""The pace of queries: when one pauses, and when it ends."""

import sys
import threading
from itertools import cycle

import pytest
from shared import until

from app.errors import Overdue
from app.pacing import (
    FEW,
    FREE,
    HAS_LEFT,
    IS_STOPPING,
    LONG,
    PAUSE,
    SLICE,
    SWITCH,
    TICK,
    Pacing,
    free,
    paced,
)

SCAN = 1000
"""How many documents a query may look at before it is long."""


class Time:
    """A clock that each look moves on, with the pauses and the intervals of threads."""

    def __init__(self, step=0.0):
        self.now = 0.0
        self.worked = 0.0
        self.step = step
        self.pauses = []
        self.intervals = []

    def clock(self):
        self.now += self.step
        return self.now

    def work(self):
        return self.worked

    def pacing(self, seconds=10.0, most=1):
        pause, set_switch = self.pauses.append, self.intervals.append
        return Pacing(seconds, most, SCAN, self.clock, self.work, pause, set_switch)


def worked(time, *paces, seconds=LONG):
    """Let each of the paces look once, and work for ``seconds`` since."""
    time.now = 0.5
    for pace in paces:
        pace()
    time.pauses.clear()
    time.now, time.worked = 1, seconds


def test_query_is_left_alone_while_it_is_short():
    time = Time()
    pace = time.pacing().query({HAS_LEFT: lambda: True})
    time.now = FREE / 2
    pace()
    assert time.pauses == []


def test_query_pauses_again_and_again_while_it_goes_on():
    time = Time(step=TICK / 4)
    with time.pacing().query() as pace:
        for _ in range(1000):
            pace()
    assert 150 < len(time.pauses) < 350
    assert set(time.pauses) == {PAUSE}


def test_threads_hand_on_the_interpreter_sooner_while_any_query_goes_on():
    time = Time()
    pacing = time.pacing()
    usual = sys.getswitchinterval()
    with pacing.query() as first:
        first()
        assert time.intervals == []
        with pacing.query() as second:
            time.now = FREE
            first()
            second()
            assert time.intervals == [SWITCH]
        assert time.intervals == [SWITCH]
    assert time.intervals == [SWITCH, usual]


def test_query_ends_when_its_time_is_up():
    time = Time()
    pace = time.pacing(seconds=3).query()
    time.now = 2.9
    pace()
    time.now = 3.0
    with pytest.raises(
        Overdue, match="than 3 seconds .SVCTASKS_QUERY_TIMEOUT.; narrow"
    ):
        pace()


def test_query_ends_when_its_client_has_left():
    time, left = Time(), []
    pace = time.pacing().query({HAS_LEFT: lambda: bool(left)})
    time.now = 1
    pace()
    left.append(True)
    time.now = 2
    with pytest.raises(Overdue, match="the client has left"):
        pace()


def test_long_query_ends_when_the_process_does():
    time = Time()
    pace = time.pacing().query({IS_STOPPING: lambda: True})
    worked(time, pace)
    with pytest.raises(Overdue, match="the server stops"):
        pace()


def test_long_query_waits_for_another_until_its_time_is_up():
    time = Time()
    pacing = time.pacing(seconds=3)
    first, second, third = (pacing.query() for _ in range(3))
    worked(time, first, second, third)
    with first:
        first()
        time.step = 0.5
        with pytest.raises(Overdue, match="takes longer than 3 seconds"):
            second()
    time.now, time.step = 2, 0
    with third:
        third()


def test_long_query_goes_on_when_another_ends():
    time = Time()
    pacing = time.pacing()
    first, second = pacing.query(), pacing.query()
    worked(time, first, second)
    with first:
        first()
        waiting = threading.Thread(target=second)
        waiting.start()
        assert len(time.pauses) == 1
    waiting.join()
    assert len(time.pauses) == 2


def test_more_long_queries_are_refused():
    time = Time()
    pacing = time.pacing()
    first, second = pacing.query(), pacing.query()
    third = pacing.query({HAS_LEFT: cycle([False, False, True]).__next__})
    worked(time, first, second, third)
    with first:
        first()
        waiting = threading.Thread(target=second)
        waiting.start()
        until(lambda: "too many long queries" in refusal(third))
    waiting.join()


def refusal(pace):
    with pytest.raises(Overdue) as caught:
        pace()
    return caught.value.message


def test_query_is_long_before_it_looks_at_many_documents():
    time = Time()
    pacing = time.pacing()
    with pacing.query() as first, pacing.query() as other:
        first(SCAN + 1)
        other(SCAN)
        waiting = threading.Thread(target=pacing.query(), args=[SCAN + 1])
        waiting.start()

        def is_refused():
            """Return whether a third one is, which else leaves at once."""
            third = pacing.query({HAS_LEFT: lambda: True})
            with pytest.raises(Overdue) as caught:
                third(SCAN + 1)
            return "more than 1000 documents each (SVCTASKS_MAX_SCAN)" in str(
                caught.value
            )

        until(is_refused)
    waiting.join()
    assert time.pauses == []


def test_queries_that_work_take_turns():
    time = Time()
    pacing = time.pacing()
    with pacing.query() as first:
        second = pacing.query()
        worked(time, first, second, seconds=LONG / 2)
        first()
        thread = threading.Thread(target=second)
        thread.start()
        until(lambda: len(time.pauses) == 2)
        assert pacing.turn.locked() and thread.is_alive()
    thread.join()


def test_query_that_pauses_gives_up_its_turn():
    time = Time()
    pacing, had = time.pacing(), []
    pacing.pause = lambda _: had.append(pacing.turn.locked())
    with pacing.query() as pace:
        for number in range(1, 4):
            time.now, time.worked = number, number * LONG / 10
            pace()
        assert pacing.turn.locked()
    assert had == [False] * 3
    assert not pacing.turn.locked()


def test_query_that_waits_for_a_lock_has_no_turn():
    time = Time()
    pacing = time.pacing()
    with pacing.query() as waiting, pacing.query() as other:
        worked(time, waiting, other, seconds=LONG / 2)
        waiting(holding=True)
        other()
        time.now = 2
        waiting()
        assert len(time.pauses) == 3


def test_query_that_holds_a_lock_waits_for_no_other():
    time = Time()
    pacing = time.pacing()
    with pacing.query() as first, pacing.query() as second:
        worked(time, first, second)
        first()
        second(holding=True)
        assert len(time.pauses) == 2


def test_query_that_waits_for_others_is_not_long():
    time = Time()
    pacing = time.pacing(most=0)
    pace = pacing.query()
    time.now = 5
    pace()


def test_pace_is_called_every_few_items():
    calls = []
    many, few = range(100 * SLICE), range(FEW)
    assert list(paced(many, lambda: calls.append(1))) == list(many)
    assert len(calls) == 100
    assert list(paced(few, lambda: calls.append(1))) == list(few)
    assert len(calls) == 100


def test_list_is_freed_a_few_items_at_a_time():
    sizes, items = [], list(range(10 * FEW + 1))
    free(items, lambda: sizes.append(len(items)))
    assert sizes == [*range(9 * FEW + 1, 0, -FEW), 0]
