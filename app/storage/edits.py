"""What an edit by hand leaves: a fault if it is broken, and the state from before it.

That state is kept in a file beside the data file, so that a process that starts after a
broken edit has it too, and so that a person finds what their edit replaced.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from app.errors import Invalid
from app.storage.datafile import DataFile
from app.storage.descriptors import Sync, adopt
from app.storage.indexes import Documents

log = logging.getLogger(__name__)


class Edits:
    """The edits of a data file; ``before`` is where the state from before one is kept."""

    fault: str | None = None
    """What is wrong with the edit that the data file holds now."""

    def __init__(self, file: DataFile, before: Path, sync: Sync) -> None:
        self._file = file
        self._before = before
        self._sync = sync

    def before(self) -> bytes | None:
        """Return the data file as it was before the last edit, if it was kept."""
        try:
            return self._before.read_bytes()
        except FileNotFoundError:
            return None

    def keep(self, former: Iterable[tuple[int, bytes]]) -> None:
        """Keep the documents that an edit replaces, in JSON; raises OSError."""
        draft = self._before.with_name(f"{self._before.name}.new")
        self._file.draft(draft, former)
        adopt(draft, self._before, self._sync)

    def report(self, error: Invalid) -> None:
        """Say what is wrong with an edit."""
        self.fault = error.message
        log.error("%s; the documents from before the edit are served on", error.message)

    def log_differences(self, old: Documents, new: Documents) -> None:
        """Say how many documents an edit changed."""
        added = sum(old.get(record.key) is None for record in new)
        removed = sum(new.get(record.key) is None for record in old)
        changed = sum(
            (former := old.get(record.key)) is not None
            and former.document != record.document
            for record in new
        )
        log.info(
            "%s was edited: %d documents added, %d changed, %d removed",
            *(self._file.name, added, changed, removed),
        )
