"""Rests of threads, so that only a few of them compete for the interpreter.

One thread of a process has the interpreter. If each request goes to another thread, each
wakes up, finds the interpreter taken, and waits again: with eight threads that took up to
half of the CPU of a small reply under Granian. So there a thread that has answered a quick
request rests while another one is free, which then answers several requests in a row.

After a request that was not quick, for it waited for a disk or a database, no thread rests:
many of them are needed to commit writes in groups.
"""

import threading
import time
from typing import Final

QUICK: Final = 0.001
"""Seconds within which a quick request is answered."""

REST: Final = 0.02
"""Seconds of a rest: what a request waits at most that comes in a burst of slow ones."""

FREE: Final = 1
"""Threads that neither rest nor answer a request, at least, while another one rests."""


class Rests:
    """The rests of ``threads`` threads, until it is ``over`` with them."""

    def __init__(self, threads: int, over: threading.Event) -> None:
        self._threads = threads
        self._over = over
        self._resting: set[int] = set()

    def after(self, seconds: float, working: int) -> None:
        """Rest after a request that took ``seconds``, if it was quick and others are free.

        ``working`` is how many other threads answer a request.
        """
        if seconds < QUICK and self._threads - working - len(self._resting) > FREE:
            thread = threading.get_ident()
            self._resting.add(thread)
            self._over.wait(REST)
            self._resting.discard(thread)

    def end(self) -> None:
        """Wake all threads that rest, and return when they have; none rests again.

        Python must not end while a thread of Granian's core is in it.
        """
        self._over.set()
        while self._resting:
            time.sleep(QUICK)
