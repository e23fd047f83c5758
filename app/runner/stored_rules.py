"""The rules of a runner as files have them: scripts, and working hours.

They are read at each look, and stay the same until the next one: what a turn decides, it
decides by one state of the files. Runner contract, sections 3, 6 and 10.
"""

from collections.abc import Hashable

from app.runner.effects import NewRules
from app.runner.sites import IsOurs
from app.runner.state import Rules
from app.schedules import Schedule
from app.storage import Document, Store
from app.svcscripts import TABLE as SCRIPTS
from app.svcscripts import Script, Svcscripts
from app.workhours import TABLE as WORKHOURS
from app.workhours import Workhours, WorkhoursTable


class StoredRules:
    """The rules at a site, whose tasks ``is_ours`` knows."""

    def __init__(
        self, store: Store, workhours: WorkhoursTable, is_ours: IsOurs
    ) -> None:
        self._store = store
        self._table = workhours
        self._is_ours = is_ours
        self._versions: Hashable = None
        self._scripts: dict[str, Script] = {}
        self._workhours: Workhours = workhours.current()

    def read(self) -> NewRules:
        """Read what has changed, and return what it is; raises Unavailable."""
        versions = self._store.version(SCRIPTS), self._store.version(WORKHOURS)
        if versions == self._versions:
            return NewRules()
        scripts = {script.code: script for script in Svcscripts(self._store).all()}
        workhours = self._table.current()
        known = self._scripts
        new = NewRules(
            workhours != self._workhours,
            {
                code
                for code in known.keys() | scripts.keys()
                if known.get(code) != scripts.get(code)
            },
        )
        self._workhours, self._scripts, self._versions = workhours, scripts, versions
        return new

    def script_of(self, code: str) -> Script | None:
        """Return the script with a code, if there is one."""
        return self._scripts.get(code)

    def rules(self) -> Rules:
        """Return the rules for a runner."""
        return Rules(self._schedule_of, self.script_of, self._is_ours)

    def _schedule_of(self, task: Document) -> Schedule:
        return Schedule.of(task, self._workhours.hours_of)
