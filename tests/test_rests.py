"""When the threads of a server rest, so that few compete for the interpreter."""

import threading
from collections.abc import Callable

import pytest
from shared import until

from app.rests import QUICK, REST, Rests


def rests_of(threads: int, rest: Callable[[float], object]) -> Callable[..., None]:
    return Rests(threads, rest).after


def test_a_thread_rests_after_a_quick_request():
    seconds = []
    rests_of(4, seconds.append)(QUICK / 2, working=0)
    assert seconds == [REST]


@pytest.mark.parametrize(
    ("threads", "seconds", "working"), [(4, QUICK, 0), (4, 0.0, 3), (1, 0.0, 0)]
)
def test_a_thread_goes_on_after_a_slow_request_or_if_no_other_is_free(
    threads, seconds, working
):
    rested = []
    rests_of(threads, rested.append)(seconds, working)
    assert rested == []


def test_one_of_many_threads_stays_free_while_the_others_rest():
    resting, over = [], threading.Event()

    def rest(seconds: float) -> None:
        resting.append(seconds)
        over.wait()

    after = rests_of(4, rest)
    threads = [threading.Thread(target=after, args=(0.0, 0)) for _ in range(3)]
    try:
        for count, thread in enumerate(threads, 1):
            thread.start()
            until(lambda: len(resting) == count)
        after(0.0, working=0)
        assert len(resting) == 3
    finally:
        over.set()
        for thread in threads:
            thread.join()
    again = threading.Thread(target=after, args=(0.0, 0))
    again.start()
    again.join()
    assert len(resting) == 4
