"""Changes of clocks, and the records that go from them into the history.

Pure, by effects. The record of a run is in the history before the run leaves its clock, and
so are the records of slots that were never started: what a death between the two leaves is
done again by somebody else, and once more does no harm.
"""

from collections.abc import Callable, Collection, Generator
from functools import partial
from typing import Any

from app.runner import clocks
from app.runner.claims import Decision
from app.runner.effects import Change, Effect, Record
from app.runner.view import View
from app.storage import Document
from app.svcscripts import Script

Steps = Generator[Effect, Any, None]


class ClockChanges:
    """The changes of the clocks in ``view``; ``now`` returns milliseconds."""

    def __init__(
        self,
        view: View,
        policy_of: Callable[[str], Script | None],
        now: Callable[[], int],
    ) -> None:
        self._view = view
        self._policy_of = policy_of
        self._now = now
        self._recorded: dict[str, list[Document]] = {}

    def recorded(self, clock: str) -> Collection[Document]:
        """Return the records that the clock has still, and the history has already."""
        return self._recorded.get(clock, ())

    def make(
        self, clock: str, change: Callable[[Document, Document | None], Decision]
    ) -> Generator[Effect, Any, Decision | None]:
        """Change a clock, and put its records into the history; None if it is gone."""
        decision: Decision | None = yield Change(clock, change)
        self._view.take_clock(clock, decision.clock if decision else None)
        self._recorded.pop(clock, None)
        if decision:
            yield from self.settle(clock)
        return decision

    def free(
        self,
        clock: str,
        record: Document,
        is_made_up_for: bool = False,
        retry_after: int | None = 0,
    ) -> Steps:
        """Put the record of a run into the history, then take the run out of its clock.

        The record that was there before goes: its run had ended before its runner died.
        """
        standing: Document = yield Record(record)
        policy = self._policy_of(standing["code"])
        now = self._now()

        def change(old: Document, _: Document | None) -> Decision:
            return Decision(
                clocks.freed(old, standing, policy, now, is_made_up_for, retry_after)
            )

        yield from self.make(clock, change)

    def drop(self, clock: str, run: str) -> Steps:
        """Take a run out of its clock, as if it had never been there."""
        yield from self.make(
            clock, lambda old, _: Decision(clocks.without_run(old, run))
        )

    def settle(self, clock: str) -> Steps:
        """Put the records that a clock has into the history."""
        done: list[Document] = []
        for record in self._view.clocks[clock]["unrecorded"]:
            yield Record(record)
            done.append(record)
        if done:
            self._recorded[clock] = done

    def settle_all(self) -> Steps:
        """Do so for each clock of which it is not known to be done."""
        for clock in sorted(self._view.unrecorded - self._recorded.keys()):
            yield from self.settle(clock)

    def tidy(self) -> Steps:
        """Take out of the clocks the records that are in the history."""
        for clock, records in list(self._recorded.items()):
            yield from self.make(clock, partial(_without, records))

    def is_trifle(self, decision: Decision) -> bool:
        """Return whether all that a decision changes may as well be done by ``tidy``."""
        known = self._view.clocks[decision.clock["id"]]
        if decision.run is not None:
            return False
        return decision.clock == clocks.without_recorded(
            known, self.recorded(known["id"])
        )


def _without(
    records: Collection[Document], old: Document, _: Document | None
) -> Decision:
    return Decision(clocks.without_recorded(old, records))
