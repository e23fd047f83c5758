"""The use cases about runners: how they are, and what they have counted.

All of it comes from few small documents, so that it may be asked for at any time. Runner
contract, section 13.
"""

from dataclasses import dataclass

from app.datetimes import Clock, milliseconds
from app.runner import run_counts
from app.runner.run_counts import Rows
from app.runner.stored_runs import is_alive
from app.schemas import svcrun, svcscript, workhours
from app.storage import Store


@dataclass(frozen=True, slots=True)
class RunnersState:
    """How many runners are alive, and what they said when they last beat.

    ``looked`` is the moment up to which one has looked at the tasks, in milliseconds since
    1970; ``active`` are the runs of all, and ``open`` the tasks that have a start due, and
    no room for it. ``faults`` are those of files that runners go by.
    """

    alive: int
    looked: int | None
    active: int
    open: int
    faults: list[str]


class Runners:
    """What can be known of runners."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def state(self) -> RunnersState:
        """Return how the runners are now."""
        now = milliseconds(self._clock())
        documents = [record.document for record in self._store.scan(svcrun.RUNNERS)]
        alive = [runner for runner in documents if is_alive(runner, now)]
        looks = [runner["looked"] for runner in alive if runner["looked"] is not None]
        return RunnersState(
            alive=len(alive),
            looked=max(looks, default=None),
            active=sum(runner.get("active", 0) for runner in alive),
            open=max((runner.get("open", 0) for runner in alive), default=0),
            faults=self._faults(),
        )

    def counts(self) -> Rows:
        """Return what runners have counted."""
        return run_counts.rows(self._store)

    def _faults(self) -> list[str]:
        """Return what is wrong with files whose former content goes on."""
        status = self._store.status()
        found = []
        for table in (svcscript.NAME, workhours.NAME):
            figure = status[table].figures.get("fault")
            if figure is not None and figure.value:
                found.append(str(figure.value))
        return found
