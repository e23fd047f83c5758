"""A call that runs, and its end. Runner contract, sections 6 and 7."""

import time
from collections.abc import Callable, Mapping

import orjson

from app.errors import Invalid
from app.execution.calls import Call, Request
from app.execution.jobs import (
    NEVER,
    Order,
    Outcome,
    deadline,
    ended,
    too_long,
)
from app.execution.run_outputs import Output


class CallJob:
    """A call by HTTP; ``wake`` is called from its thread when it has ended.

    Raises Invalid, its text for clients, if it cannot be made.
    """

    pid = 0

    def __init__(
        self,
        order: Order,
        headers: Mapping[str, str],
        key: bytes | None,
        output: Output,
        wake: Callable[[], None],
    ) -> None:
        self.outcome: Outcome | None = None
        self.mark = order.mark
        self._script = order.script
        self._output = output
        self._began = time.monotonic()
        self._deadline = deadline(order.script, self._began)
        self._ending: tuple[str, str] | None = None
        request = Request(
            order.run["id"],
            order.script.url,
            order.script.method,
            headers,
            orjson.dumps(order.content),
            key,
        )
        try:
            self._call = Call(request, output, wake)
        except RuntimeError:
            # Python has no error of its own for this.
            raise Invalid(
                "the call cannot be made: there are too many threads"
            ) from None

    @property
    def due(self) -> float:
        """When something is to be done, by the monotonic clock."""
        return self._deadline

    def check_time(self, now: float) -> None:
        """End what takes too long, and note the end."""
        if self._call.is_over:
            self._finish()
        elif now >= self._deadline:
            self.stop("timedout", too_long(self._script))

    def is_looked_for(self, now: float) -> bool:
        """Return false: it has no processes."""
        return False

    def end_processes(self, found: set[int], now: float) -> None:
        """Do nothing: it has no processes."""

    def stop(self, state: str, reason: str) -> None:
        """Cut the call, unless that was done already."""
        if self._ending is None and not self._call.is_over:
            self._ending = state, reason
            self._deadline = NEVER
            self._call.cut()

    def kill(self) -> None:
        """Do nothing: it is cut at once."""

    def _finish(self) -> None:
        self._call.join()
        self._output.close()
        answer = self._call.answer
        if self._ending is not None:
            state, reason = self._ending
            is_retryable = state == "timedout"
        else:
            state = "failed" if answer.reason else "succeeded"
            reason, is_retryable = answer.reason, answer.is_retryable
        self.outcome = ended(
            state,
            reason,
            self._began,
            self._output,
            status=answer.status,
            is_retryable=is_retryable,
            retry_after=answer.retry_after if is_retryable else None,
        )
