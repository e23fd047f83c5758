"""What this process knows of one table: the documents, and how far it read the files.

Each process holds the documents in memory. A data file and the journal that belongs to it
are read when the process starts; after that, the lines that others append are applied to
what is there. Where that cannot be done, as after the journal was mended, both are read
anew.

=========== ====================================================================
``state``   the documents, and the journal entry that they go up to
``journal`` the open journal, and how far it was read; None if there is none
``seen``    the data file that is served: one that the service wrote, or a person
``fault``   what is wrong with the edit in the data file; None if it is served
=========== ====================================================================

**Caveats.** Each process holds a copy of all documents.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace

from app.errors import Invalid, Unavailable
from app.storage import Collection, Key
from app.storage.files.changes import Span
from app.storage.files.commits import Commits
from app.storage.files.datafile import DataFile, Identity, identity
from app.storage.files.documents import Documents
from app.storage.files.journal import (
    FORMAT,
    Journal,
    Line,
    mend,
    read_journal,
    unread,
)
from app.storage.files.kept_edits import KeptEdits
from app.storage.files.lock import TableLock
from app.storage.files.merging import Edit
from app.storage.files.records import Decoded
from app.storage.files.restoring import Restorer
from app.storage.files.state import State

log = logging.getLogger(__name__)


class Replica:
    """The table of ``collection`` in ``file`` and its journal; ``load`` it first."""

    journal: Journal | None = None
    seen: Identity | None = None
    fault: str | None = None

    def __init__(
        self,
        collection: Collection,
        file: DataFile,
        commits: Commits,
        lock: TableLock,
        kept: KeptEdits,
    ) -> None:
        self.collection = collection
        self.file = file
        self.journal_path = file.beside("journal")
        self.restorer = Restorer(file, self.journal_path, collection, kept)
        self.state = State(collection, Documents(collection, ()))
        self.commits = commits
        self.lock = lock
        self.kept = kept
        # Asked for at every read: a path in text is quicker to take.
        self._paths = str(file.path), str(self.journal_path)

    def has_read_journal(self) -> bool:
        """Return whether the journal that is there now was read to its end."""
        journal = self.journal
        try:
            found = os.stat(self._paths[1])
        except FileNotFoundError:
            return journal is None
        if journal is None:
            return False
        return found.st_size == journal.offset and found.st_ino == journal.inode

    def has_seen_file(self) -> bool:
        """Return whether the data file that is there now is the one that is served."""
        return self.seen == identity(self._paths[0])

    def is_edited(self) -> bool:
        """Return whether the data file has an edit that was not looked at yet."""
        if self.has_seen_file():
            return False
        found = identity(self.file.path)
        if self.state.ahead is None and self.state.has(found):
            self.seen, self.fault = found, None
        return found != self.seen

    def load(self) -> None:
        """Read the data file and the journal anew; raises Invalid and OSError."""
        found, journal, lines = self.restorer.read(self._mend)
        state, saved, fault = self.restorer.restore(found, lines, self.state)
        self.fault = None
        if fault is not None:
            self.report(fault)
        self.journal = journal
        if saved is not None and found.file is not None:
            # Not noted yet: another process may know what is in no file, and come first.
            edit = self.kept.merge(saved, found.file, lines, state)
            self.serve(edit, found.file.identity, state)
        else:
            # Readers take no lock: what they are to see comes before the sign of it.
            self.state, self.seen = state, found.identity

    def follow_journal(self) -> None:
        """Apply what others appended to the journal; raises Invalid and OSError."""
        found, journal, state = identity(self._paths[1]), self.journal, self.state
        if found is None:
            self.journal = None
            return
        if journal is not None and journal.inode == found.inode:
            if state.follow(lines := list(journal.lines(found.size))):
                journal.skip(lines)
            else:
                self.load()
            return
        # A checkpoint replaced the journal, or there was none: go on in the new one, if it
        # leaves no gap.
        is_first = journal is None
        journal, lines = read_journal(self.journal_path)
        is_whole = journal is not None and journal.offset >= found.size
        if is_first and is_whole and lines and self._is_base_of(lines):
            # Not in the state that others read: of a feed they know the old or the new.
            state = replace(state, recent=Span())
            state.begin(lines[0].header)
        newer = [line for line in lines if line.entry["seq"] > state.sequence]
        if (
            lines
            and lines[0].header.get("epoch") == state.epoch
            and lines[0].header["seq"] <= state.sequence
            and state.follow(newer)
        ):
            state.rebase(lines)
            self.state, self.journal = state, journal
        else:
            self.load()

    def _is_base_of(self, lines: Sequence[Line]) -> bool:
        """Return whether a journal of ``lines`` goes on from what is served.

        That is what is in the data file, and the journal says of it what is known here.
        """
        state, header = self.state, lines[0].header
        if self.seen is None or self.fault or state.since_checkpoint or state.ahead:
            return False
        files = state.merged if header.get("moment") else state.known
        return (
            header.get("format") == FORMAT
            and header["base"] == list(self.seen)
            and header.get("digest") == files.get(self.seen, "") != ""
            and not header.get("edited")
            and all(map(self.restorer.has_keys, lines))
        )

    def mend_journal(self) -> None:
        """See to a journal that has more than can be read, or less than was.

        The caller holds the lock. Raises Invalid, OSError and Unavailable.
        """
        if (left := unread(self.journal)) > 0:
            self._mend()
            self.load()
        elif left < 0:
            # What is in memory is to be kept, as if the journal had been removed.
            self.journal_path.unlink()
            self.journal = None

    def serve(self, edit: Edit, edited: Identity, state: State) -> None:
        """Serve what an ``edit`` makes of ``state``; it is yet to be noted."""
        state.reserve(edit.entry)
        new: dict[Key, Decoded | None] = dict.fromkeys(edit.merged.gone)
        new |= {record.key: Decoded(record) for record in edit.merged.put}
        state.documents.change(new)
        state.documents.refresh_indexes()
        state.ahead = edit
        self.state, self.seen = state, edited

    def report(self, error: Invalid) -> None:
        """Say what is wrong with the edit in the data file, which is not served."""
        self.fault = error.message
        log.error("%s; the documents from before the edit are served on", error.message)

    def unreadable(self, error: OSError | Invalid) -> Unavailable:
        """Return the error that says that the files cannot be read."""
        reason = error.message if isinstance(error, Invalid) else error.strerror
        what = f"{self.file.name} cannot be read: {reason}"
        return Unavailable(what, self.file.path.parent)

    def _mend(self) -> None:
        # At once, or not at all: who reads the journal has ``threads`` already.
        with self.lock.hold(0):
            aside, flush = self.file.beside("damaged"), self.commits.flush
            sequence, sound = self.state.sequence, self.restorer.has_keys
            count = mend(self.journal_path, aside, sequence, flush, sound)
        if count:
            text = "%s: %d damaged bytes were set aside in %s"
            log.warning(text, self.journal_path.name, count, aside.name)
