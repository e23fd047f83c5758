"""When the threads of a server rest, so that few compete for the interpreter."""

import threading

import pytest
from shared import until

from app.rests import QUICK, REST, Rests


class Over(threading.Event):
    """The end of all rests; none ends earlier. ``rests`` has the seconds of each."""

    def __init__(self):
        super().__init__()
        self.rests = []

    def wait(self, timeout=None):
        self.rests.append(timeout)
        return super().wait()


@pytest.mark.parametrize(
    ("threads", "seconds", "working"), [(4, QUICK, 0), (4, 0.0, 3), (1, 0.0, 0)]
)
def test_a_thread_goes_on_after_a_slow_request_or_if_no_other_is_free(
    threads, seconds, working
):
    over = Over()
    Rests(threads, over).after(seconds, working)
    assert over.rests == []


def test_one_of_many_threads_stays_free_while_the_others_rest():
    over = Over()
    rests = Rests(4, over)
    threads = [threading.Thread(target=rests.after, args=(0.0, 0)) for _ in range(3)]
    try:
        for count, thread in enumerate(threads, 1):
            thread.start()
            until(lambda: len(over.rests) == count)
        rests.after(0.0, working=0)
        assert over.rests == [REST] * 3
    finally:
        rests.end()
        for thread in threads:
            thread.join()


def test_a_thread_rests_again_after_another_one_has_rested():
    over = Over()
    over.set()
    rests = Rests(2, over)
    for _ in range(2):
        rests.after(0.0, working=0)
    assert over.rests == [REST] * 2
