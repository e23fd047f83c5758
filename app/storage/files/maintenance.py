"""The thread that looks after the tables of a process, whether or not requests come in."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from app.logs import Failures
from app.storage.files.table import JournalTable

log = logging.getLogger(__name__)

ROUND = 0.5
"""Seconds between two looks at each table."""


class Keeper(threading.Thread):
    """Takes in edits by hand and writes checkpoints."""

    def __init__(self, tables: Iterable[JournalTable]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._tables = list(tables)
        self._stopping = threading.Event()
        self._failures = Failures(log)
        self._seen = {table: (table.progress(), 0.0) for table in self._tables}

    def run(self) -> None:
        while not self._stopping.wait(ROUND):
            for table in self._tables:
                name = table.collection.name
                self._try(name, table.mend)
                self._try(f"checkpoint of {name}", partial(self._checkpoint, table))

    def _try(self, name: str, act: Callable[[], bool | None]) -> None:
        """Do ``act``; whatever comes of it, the other tables and the next round go on.

        It returns False where it is to be done again before it counts as mended.
        """
        try:
            is_well = act() is not False
        except Exception as error:
            self._failures.note(name, error)
        else:
            if is_well:
                self._failures.end(name)

    def _checkpoint(self, table: JournalTable) -> bool:
        """Write a checkpoint if one is due; return whether none is needed after that."""
        progress, now = table.progress(), time.monotonic()
        seen, since = self._seen[table]
        if progress != seen:
            self._seen[table] = progress, now
        if table.is_checkpoint_due(0.0 if progress != seen else now - since):
            table.checkpoint()
        return table.progress()[1] == 0

    def is_stopped(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()
        if self.is_alive():
            self.join()
