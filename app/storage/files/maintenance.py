"""The thread that looks after the tables of a process, whether or not requests come in."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from app.errors import Error
from app.logs import Failures
from app.storage.files.tinydb_table import JournalTable

log = logging.getLogger(__name__)

ROUND = 0.25
"""Seconds between two looks at each table."""


class Keeper(threading.Thread):
    """Takes in edits by hand and writes checkpoints."""

    def __init__(self, tables: Iterable[JournalTable]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._tables = list(tables)
        self._stopping = threading.Event()
        self._failures = Failures(log)
        self._seen = {table.name: (table.progress(), 0.0) for table in self._tables}

    def run(self) -> None:
        while not self._stopping.wait(ROUND):
            for table in self._tables:
                self._try(table.name, partial(self._mend, table))
                self._try(f"fold of {table.name}", partial(self._fold, table))

    def _try(self, name: str, act: Callable[[], bool]) -> None:
        """Do ``act``; whatever comes of it, the other tables and the next round go on."""
        try:
            is_well = act()
        except Exception as error:
            is_foreseen = isinstance(error, OSError | Error)
            self._failures.note(name, error, is_foreseen)
        else:
            if is_well:
                self._failures.end(name)

    def _mend(self, table: JournalTable) -> bool:
        table.mend()
        return True

    def _fold(self, table: JournalTable) -> bool:
        """Fold a table if that is due; return whether nothing is left to fold."""
        progress, now = table.progress(), time.monotonic()
        seen, since = self._seen[table.name]
        if progress != seen:
            self._seen[table.name] = progress, now
        if table.is_due(0.0 if progress != seen else now - since):
            table.fold()
        return table.progress()[1] == 0

    def is_stopped(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()
        if self.is_alive():
            self.join()
