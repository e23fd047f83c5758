"""How what was written becomes durable: files and their folder are flushed to disk."""

import os
from pathlib import Path

from app.errors import Full, Unavailable
from app.storage.files.descriptors import Descriptor, Sync, flush_folder


class Commits:
    """Makes appended entries durable.

    A flush that fails may have lost what it was to write, and the next one would not say
    so: from then on nothing is written until the store is opened anew.
    """

    def __init__(self, folder: Path, sync: Sync) -> None:
        self._folder = folder
        self._sync = sync
        self._failure: str | None = None
        self._named: Descriptor | None = None

    def check(self) -> None:
        """Raise Unavailable if a flush has failed."""
        if self._failure is not None:
            raise Unavailable(
                f"the journal could not be flushed to disk ({self._failure}); "
                "nothing is written until the service is restarted"
            )

    def check_writable(self, *paths: Path) -> None:
        """Raise Unavailable when nothing can be written now, to ``paths`` too."""
        self.check()
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise Unavailable("the data folder cannot be written", self._folder)
        for path in paths:
            if path.exists() and not os.access(path, os.W_OK):
                raise Unavailable(f"{path.name} cannot be written", self._folder)
        disk = os.statvfs(self._folder)
        if disk.f_bavail == 0:
            raise Full("the disk is full", self._folder)
        # Some file systems count no files at all.
        if disk.f_files and disk.f_favail == 0:
            raise Full("the disk has no room for another file", self._folder)

    def flush(self, descriptor: int) -> None:
        """Flush a file of the table to disk; raises OSError."""
        try:
            self._sync(descriptor)
        except OSError as error:
            self._failure = error.strerror or str(error)
            raise

    def commit(self, journal: Descriptor) -> None:
        """Make durable what was appended to ``journal``; raises Unavailable.

        If another one is in its place by now, that was flushed before.
        """
        self.check()
        try:
            # Another process may have died when it had put this journal in its place.
            if journal is not self._named:
                flush_folder(self._folder, self.flush)
                self._named = journal
            self.flush(journal.number)
        except OSError as error:
            self.check()
            reason = error.strerror or "unknown error"
            raise Unavailable(f"the folder cannot be flushed: {reason}") from error
