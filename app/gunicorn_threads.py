"""The threads in which gunicorn's worker answers requests."""

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any


class Threads:
    """``count`` threads, which do not keep the process alive."""

    def __init__(self, count: int) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._count = count
        for _ in range(count):
            threading.Thread(target=self._run, daemon=True).start()

    def submit(self, call: Callable[..., None], *arguments: Any) -> None:
        """Let a thread make ``call`` with ``arguments``."""
        self._calls.put(partial(call, *arguments))

    def shutdown(self, wait: bool = True) -> None:
        """Let the threads end after all calls that wait; nobody waits for them."""
        for _ in range(self._count):
            self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
