"""One table shared by any number of threads and processes, none of which loses a write.

Its parts, each of which knows only those above it:

* ``replica`` is what this process knows of the table: documents, and how far it read;
* ``appending`` appends to the journal; ``edits`` merges what people edit by hand;
* ``catching_up`` brings the replica up to date with what others did;
* ``writing`` plans writes and commits them in groups;
* ``checkpoints`` works the journal into the data file.

**Caveats.** Local disks and POSIX only.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import TIMEOUT_MAX

from app.errors import Busy, Error, Invalid, Unavailable
from app.storage import Collection, Figure, Key, PastChange, Status
from app.storage.files.appending import Appender
from app.storage.files.catching_up import CatchingUp
from app.storage.files.changes import KeptChanges, Span, after, position_of
from app.storage.files.checkpoints import Checkpoints
from app.storage.files.commits import Commits
from app.storage.files.datafile import DataFile
from app.storage.files.descriptors import Sync
from app.storage.files.documents import Documents
from app.storage.files.edits import Edits
from app.storage.files.journal import read_journal
from app.storage.files.kept_edits import KeptEdits
from app.storage.files.lock import PATIENCE, TableLock
from app.storage.files.replacing import check_replaceable
from app.storage.files.replica import Replica
from app.storage.files.sequence_lock import SequenceLock
from app.storage.files.writing import Writer

log = logging.getLogger(__name__)

MOMENT = 0.01
"""Seconds for which a look at the files shows what people and crashes did to them."""


class JournalTable:
    """The documents of one collection in ``folder``.

    It looks at the files every ``moment`` seconds, and at once if another process wrote. A
    thread waits for others that hold the table for ``patience`` seconds at most. ``write``,
    ``mend``, ``checkpoint`` and the like are those of the parts.
    """

    def __init__(
        self,
        folder: Path,
        collection: Collection,
        sync: Sync,
        moment: float = MOMENT,
        patience: float = PATIENCE,
    ) -> None:
        """Load the table; raises Invalid for broken files, and Unavailable."""
        path = (folder / f"{collection.name}.json").resolve()
        commits = Commits(path.parent, sync)
        file = DataFile(path, collection.name, commits.flush, collection.is_private)
        sequence = SequenceLock(file.beside("lock"), moment)
        lock = TableLock(file.beside("lock"), sequence, patience)
        kept = KeptEdits(file, collection, commits.flush)
        replica = Replica(collection, file, commits, lock, kept)
        appender = Appender(replica)
        edits = Edits(replica, appender)
        catching_up = CatchingUp(replica, edits)
        changes = KeptChanges(file.beside("changes"), collection.key, commits.flush)
        self.collection = collection
        self.file = file
        self._replica = replica
        self._catching_up = catching_up
        self._last_mark_holds = sequence.last_mark_holds
        self._changes = changes
        self._writer = Writer(replica, appender, catching_up)
        self._checkpoints = Checkpoints(replica, appender, catching_up, changes)
        self.write, self.give_number = self._writer.write, self._writer.give_number
        self.mend = catching_up.mend
        self.is_checkpoint_due = self._checkpoints.is_due
        self.checkpoint = self._checkpoints.write
        try:
            replica.load()
        except OSError as error:
            raise replica.unreadable(error) from error

    @property
    def fault(self) -> str | None:
        """What is wrong with an edit by hand, while the former documents are served."""
        return self._replica.fault

    @property
    def documents(self) -> Documents:
        """The documents as of now, with what others wrote; raises Unavailable."""
        if not self._last_mark_holds():
            self._catching_up.look()
        return self._replica.state.documents

    def version(self) -> int:
        """Return a number that is another one after each change; raises Unavailable."""
        if not self._last_mark_holds():
            self._catching_up.look()
        return self._replica.state.documents.version

    def changes(self, since: str | None, limit: int) -> tuple[list[Key], str]:
        """Return the keys that changed after a position, and the position after them.

        Without one, none, and the position of now. Raises TooOld and Unavailable.
        """
        self._catching_up.bring_up_to_date()
        recent = self._replica.state.recent
        now = position_of(recent.epoch, recent.until)
        # Who follows a table asks again and again, and mostly nothing has changed.
        if since is None or since == now:
            return [], now
        return after(self._spans(recent.copy()), since, limit)

    def history(self) -> Iterator[PastChange]:
        """Return the changes that are known, the oldest first; raises Unavailable."""
        with suppress(Unavailable):
            # Where nothing can be written, an edit by hand is not in the journal yet.
            self.mend()
        try:
            # First what others may be about to take out of the journal.
            _, lines = read_journal(self._replica.journal_path)
            return self._changes.history(lines)
        except (OSError, Invalid) as error:
            raise self._replica.unreadable(error) from error

    def _spans(self, known: Span) -> Iterator[Span]:
        yield known
        yield known.after(self._changes.read().span)

    def next_number(self) -> int:
        """Return the number of the next new document, to a ``plan`` that is running."""
        return self._replica.state.next_number

    def check_writable(self) -> None:
        """Raise Unavailable when nothing can be written now."""
        self._replica.commits.check_writable(
            self._replica.journal_path, self.file.beside("lock")
        )
        check_replaceable(self.file.path)

    def status(self) -> Status:
        """Return the state of the table, as far as it can be known."""
        replica = self._replica
        with suppress(Unavailable):
            self._catching_up.bring_up_to_date()
        journal, base = replica.journal, replica.seen
        written = base if base in replica.state.known else None
        figures = {
            "journal_bytes": Figure(
                journal.offset if journal else 0, "Size of the journal."
            ),
            "journal_entries": Figure(
                replica.state.since_checkpoint, "Writes since the last checkpoint."
            ),
            "last_checkpoint_timestamp_seconds": Figure(
                written.mtime / 1e9 if written else 0.0,
                "When the data file was last brought up to date.",
            ),
            "edit_broken": Figure(
                int(bool(self.fault)),
                "1 while an edit of the data file by hand cannot be served.",
            ),
            "fault": Figure(self.fault or "", "What is wrong with that edit."),
        }
        return Status(len(replica.state.documents), figures)

    def progress(self) -> tuple[int, int]:
        """Return the last entry's number, and how many came since the last checkpoint."""
        return self._replica.state.sequence, self._replica.state.since_checkpoint

    def close(self) -> None:
        """Write what is left to the data file and let go of the files."""
        name = self._replica.journal_path.name
        try:
            self.checkpoint(wait=True)
        except (OSError, Error) as error:
            log.warning("%s was not worked into its data file: %s", name, error)
        try:
            with self._replica.lock.alone():
                self._replica.journal = None
                self._replica.lock.close()
        except Busy:
            log.warning("%s is still written to", name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other thread is in the middle of anything, and hold them off."""
        # A child that is forked in a checkpoint would inherit its lock, and keep it.
        with self._checkpoints.in_process.hold(TIMEOUT_MAX):
            with self._replica.lock.alone(TIMEOUT_MAX):
                yield

    def start_in_child(self) -> None:
        """Start anew after a fork: the threads are gone, and a file that is locked too."""
        self._replica.lock.close()
        self._replica.state.documents.start()
        self._writer.queue.start()
