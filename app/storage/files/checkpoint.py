"""Folding: the journal is worked into the data file, and a new journal begins.

The order of the steps makes every crash safe. A fold drafts the new data file, keeps what
differs from the former one, for edits of that, and flushes both while writers go on;
then, under the lock, it notes the draft's identity in the journal
and flushes that, renames the draft to the data file, and puts a new journal, with what
was written meanwhile, in the place of the old one. Whichever data file a crash leaves,
the journal names it; entries that it holds already change nothing when applied again.

**Caveats.** A data file that a person saves in the very instant in which a fold replaces
it is lost.
"""

import fcntl
import logging
from collections.abc import Iterator
from pathlib import Path
from threading import TIMEOUT_MAX

from app.errors import Error, Unavailable
from app.storage import Collection, Figure, Key, Status
from app.storage.files.changes import KeptChanges, Span, after, position_of
from app.storage.files.datafile import identity
from app.storage.files.descriptors import Sync
from app.storage.files.journal import Journal, Line, open_journal, unread
from app.storage.files.lock import Busy, ThreadLock, lock_file
from app.storage.files.replacing import check_replaceable, is_mounted
from app.storage.files.versions import Checkpoint
from app.storage.files.writing import WritableTable

log = logging.getLogger(__name__)

FOLD_BYTES = 8 << 20
"""A journal of this size is folded, or one of half the size of its data file.

Each fold holds writers up. Where large services are written all the time, one of 1 MB
begins several a second: 0.8 of the writes, and 1.5 times the p99. One of 16 MB was no
better, and 8 MB take half a second to read again after a crash.
"""

QUIET = 1.0
"""Seconds without a write after which a table is folded; more for a large data file."""

QUIET_BYTES = 10_000_000
"""For each so many bytes of it, ``QUIET`` seconds: now and then a write is no reason to
write all anew each time."""


class FoldedTable(WritableTable):
    """A shared table that keeps its data file up to date."""

    def __init__(self, folder: Path, collection: Collection, sync: Sync) -> None:
        super().__init__(folder, collection, sync)
        self._folding = ThreadLock(self.patience)
        self._changes = KeptChanges(self._beside("changes"), self._commits.flush)

    def is_due(self, quiet: float) -> bool:
        """Return whether to fold now, after so many seconds without a write."""
        if not self._state.unfolded:
            return False
        size = self._seen.size if self._seen else 0
        written = self._journal.offset if self._journal else 0
        is_quiet = quiet >= QUIET * max(1, size / QUIET_BYTES)
        return is_quiet or written > max(FOLD_BYTES, size // 2)

    def check_mount(self) -> None:
        """Raise Unavailable if the data file can never be replaced: it is mounted."""
        if is_mounted(self._file.path):
            check_replaceable(self._file.path)

    def check_writable(self) -> None:
        """Raise Unavailable when nothing can be written now."""
        self._commits.check_writable(self._path, self._beside("lock"))
        check_replaceable(self._file.path)

    def mend(self) -> None:
        """Take in what others wrote, and mend what a crash left half-written."""
        self.documents.settle()
        if unread(self._journal) > 0 or self._state.ahead:
            with self._lock:
                self._catch_up_or_fail()

    def version(self) -> int:
        """Return a number that is another one after each change; raises Unavailable."""
        return self.documents.version

    def changes(self, since: str | None, limit: int) -> tuple[list[Key], str]:
        """Return the keys that changed after a position, and the position after them.

        Without one, none, and the position of now. Raises TooOld and Unavailable.
        """
        if not self._turns.last_look_holds():
            self._look()
        span = self._state.recent.span()
        if since is None:
            return [], position_of(span.epoch, span.until)
        return after(self._spans(span), since, limit)

    def _spans(self, known: Span) -> Iterator[Span]:
        yield known
        yield known.after(self._changes.read())

    def progress(self) -> tuple[int, int]:
        """Return the sequence number reached, and how many entries await a fold."""
        return self._state.sequence, self._state.unfolded

    def status(self) -> Status:
        """Return the state of the table, as far as it can be known."""
        try:
            documents = self.documents
        except Unavailable:
            documents = self._state.documents
        journal, base = self._journal, self._seen
        folded = base if base in self._state.known else None
        figures = {
            "journal_bytes": Figure(
                journal.offset if journal else 0, "Size of the journal."
            ),
            "journal_entries": Figure(
                self._state.unfolded, "Writes since the last checkpoint."
            ),
            "last_checkpoint_timestamp_seconds": Figure(
                folded.mtime / 1e9 if folded else 0.0,
                "When the data file was last brought up to date.",
            ),
            "edit_broken": Figure(
                int(bool(self.fault)),
                "1 while an edit of the data file by hand cannot be served.",
            ),
            "fault": Figure(self.fault or "", "What is wrong with that edit."),
        }
        return Status(len(documents), figures)

    def fold(self, wait: bool = False) -> None:
        """Bring the data file up to date and begin a new journal.

        If another process is about it, leave it to that one or, with ``wait``, see after
        it whether there is anything left. Raises Unavailable, if that takes it too long
        too, and OSError.
        """
        with self._folding:
            self._fold_all(wait)

    def _fold_all(self, wait: bool) -> None:
        if not self._is_current():
            self._take_in()
        while self._state.unfolded and self.fault is None:
            journal = open_journal(self._path)
            if journal is None:
                self._restore_journal()
                continue
            # This lock keeps out other folds of this very journal, and dies with it.
            try:
                lock_file(journal.descriptor.number, self.patience if wait else 0)
            except Busy:
                if wait:
                    raise
                return
            try:
                if self._fold(journal):
                    return
            finally:
                # Somebody may hold on to the file, such as the traceback of an error.
                fcntl.flock(journal.descriptor.number, fcntl.LOCK_UN)

    def _restore_journal(self) -> None:
        """Begin a journal anew after somebody removed it."""
        with self._lock:
            self._catch_up_or_fail()
            if self._journal is None:
                self._begin_journal()

    def _fold(self, folded: Journal) -> bool:
        """Fold the journal ``folded``; return False if it is replaced already."""
        inode = folded.inode
        check_replaceable(self._file.path)
        with self._lock:
            self._commits.check()
            self._catch_up_or_fail()
            if self._journal is None or self._journal.inode != inode:
                return False
            state, base = self._state, self._seen
            snapshot, end = state.numbered(), self._journal.offset
            changes = state.recent.span()
            checkpoint = Checkpoint.now(state.sequence)
            header = state.header(checkpoint, None)
        draft = self._beside("fold")
        drafted = self._file.draft(draft, snapshot, checkpoint)
        self._edits.keep_version(lambda: folded.lines(end), state, checkpoint)
        self._changes.keep(changes)
        # Kept open until writers may go on: to free its blocks takes longer than the rest.
        former = self._file.opened()
        with self._lock:
            self._catch_up_or_fail()
            # Mended or made anew meanwhile, the journal may have other entries.
            if self._journal is None or self._journal.inode != inode:
                return False
            if self._seen != base or self.fault is not None:
                return True
            if identity(draft) != drafted.identity:
                return True
            fold = {"fold": drafted.identity, "digest": drafted.digest}
            self._append({**fold, "at": checkpoint})
            self._commits.flush(self._journal.descriptor.number)
            self._file.adopt(draft)
            self._seen = drafted.identity
            # Not by its object, which has read on: what was written since the snapshot.
            journal = Journal(self._path)
            journal.offset = end
            kept = journal.tail(journal.size())
            header["next"] = self._state.next_number
            header |= {"base": drafted.identity, "digest": drafted.digest}
            self._replace_journal(header, kept)
            self._state.rebase([Line(header, b""), *kept])
        del former
        return True

    def close(self) -> None:
        """Fold what is left and let go of the files."""
        try:
            self.fold(wait=True)
        except (OSError, Error) as error:
            log.warning("%s was not folded: %s", self._path.name, error)
        try:
            with self._lock.alone():
                self._journal = None
                self._lock.close()
        except Busy:
            log.warning("%s is still written to", self._path.name)

    def before_fork(self) -> None:
        # A child would inherit the lock of a fold, and keep it.
        self._folding.acquire(TIMEOUT_MAX)
        super().before_fork()

    def after_fork_in_parent(self) -> None:
        super().after_fork_in_parent()
        self._folding.release()

    def after_fork_in_child(self) -> None:
        super().after_fork_in_child()
        self._folding = ThreadLock(self.patience)
