"""Checkpoints: the journal is worked into the data file, and a new journal begins.

The order of the steps makes every crash safe. A checkpoint drafts the new data file, keeps
what differs from the former one, for edits of that, and flushes both while writers go on;
then, under the lock, it notes the draft's identity in the journal and flushes that, renames
the draft to the data file, and puts a new journal, with what was written meanwhile, in the
place of the old one. Whichever data file a crash leaves, the journal names it; entries that
it holds already change nothing when applied again.

**Caveats.** A data file that a person saves in the very instant in which a checkpoint
replaces it is lost.
"""

import fcntl

from app.errors import Busy
from app.storage.files.appending import Appender
from app.storage.files.catching_up import CatchingUp
from app.storage.files.changes import KeptChanges
from app.storage.files.datafile import identity
from app.storage.files.entries import Entry
from app.storage.files.journal import Journal, header_line, open_journal
from app.storage.files.lock import ThreadLock, lock_file
from app.storage.files.replacing import check_replaceable
from app.storage.files.replica import Replica
from app.storage.files.versions import Checkpoint

JOURNAL_BYTES = 8 << 20
"""A journal of this size is worked in, or one of half the size of its data file.

Each checkpoint holds writers up. With 1 MB, where large services are written all the time,
several a second cost 20 % of the writes and made the p99 half as long again. 16 MB were no
better, and 8 MB take half a second to read again after a crash.
"""

QUIET = 1.0
"""Seconds without a write after which one is written; more for a large data file."""

QUIET_BYTES = 10_000_000
"""For each so many bytes of it, ``QUIET`` seconds: now and then a write is no reason to
write all anew each time."""


class Checkpoints:
    """Writes the checkpoints of ``replica``: its data file, as it is now.

    Who holds ``in_process`` keeps out those of this process.
    """

    def __init__(
        self,
        replica: Replica,
        appender: Appender,
        catching_up: CatchingUp,
        changes: KeptChanges,
    ) -> None:
        self._replica = replica
        self._appender = appender
        self._catching_up = catching_up
        self._changes = changes
        self.in_process = ThreadLock(replica.lock.patience)

    def is_due(self, quiet: float) -> bool:
        """Return whether to write one now, after so many seconds without a write."""
        replica = self._replica
        if not replica.state.since_checkpoint:
            return False
        size = replica.seen.size if replica.seen else 0
        journal_size = replica.journal.offset if replica.journal else 0
        if journal_size > max(JOURNAL_BYTES, size // 2):
            return True
        # A data file that nobody edits need not be up to date.
        is_quiet = quiet >= QUIET * max(1, size / QUIET_BYTES)
        return replica.collection.is_edited and is_quiet

    def write(self, wait: bool = False) -> None:
        """Bring the data file up to date and begin a new journal.

        If another process is about it, leave it to that one or, with ``wait``, see after
        it whether there is anything left. Raises Unavailable, if that takes it too long
        too, and OSError.
        """
        with self.in_process.hold():
            self._write(wait)

    def _write(self, wait: bool) -> None:
        replica = self._replica
        self._catching_up.look()
        while replica.state.since_checkpoint and replica.fault is None:
            journal = open_journal(replica.journal_path)
            if journal is None:
                # Somebody removed it.
                with replica.lock.hold():
                    self._catching_up.apply_under_lock()
                    if replica.journal is None:
                        self._appender.begin()
                continue
            # It keeps out other checkpoints of this very journal, and dies with it.
            try:
                patience = replica.lock.patience if wait else 0
                lock_file(journal.descriptor.number, patience)
            except Busy:
                if wait:
                    raise
                return
            try:
                if self._work_in(journal):
                    return
            finally:
                # Somebody may hold on to the file, such as the traceback of an error.
                fcntl.flock(journal.descriptor.number, fcntl.LOCK_UN)

    def _work_in(self, journal: Journal) -> bool:
        """Work ``journal`` into the data file; return False if it is replaced already."""
        replica, file, inode = self._replica, self._replica.file, journal.inode
        check_replaceable(file.path)
        with replica.lock.hold():
            replica.commits.check()
            self._catching_up.apply_under_lock()
            if replica.journal is None or replica.journal.inode != inode:
                return False
            state, base = replica.state, replica.seen
            snapshot, end = state.numbered(), replica.journal.offset
            changes = state.recent.copy()
            checkpoint = Checkpoint.now(state.sequence)
            header = state.header(checkpoint, None)
        draft = file.beside("draft")
        drafted = file.draft(draft, snapshot, checkpoint)
        replica.kept.keep_version(lambda: journal.lines(end), state, checkpoint)
        self._changes.keep(changes, journal.lines(end))
        # Kept open until writers may go on: to free its blocks takes longer than the rest.
        former = file.opened()
        with replica.lock.hold():
            self._catching_up.apply_under_lock()
            # Mended or made anew meanwhile, the journal may have other entries.
            if replica.journal is None or replica.journal.inode != inode:
                return False
            if replica.seen != base or replica.fault is not None:
                return True
            if identity(draft) != drafted.identity:
                return True
            entry: Entry = {"fold": drafted.identity, "digest": drafted.digest}
            self._appender.append({**entry, "at": checkpoint})
            replica.commits.flush(replica.journal.descriptor.number)
            file.adopt(draft)
            replica.seen = drafted.identity
            # Not by its object, which has read on: what was written since the snapshot.
            rest = Journal(replica.journal_path)
            rest.offset = end
            lines = list(rest.lines(rest.size()))
            header["next"] = replica.state.next_number
            header |= {"base": drafted.identity, "digest": drafted.digest}
            self._appender.replace(header, lines)
            replica.state.rebase([header_line(header), *lines])
        del former
        return True
