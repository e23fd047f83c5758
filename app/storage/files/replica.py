"""One table shared by any number of threads and processes, none of which loses a write.

Each process holds the documents in memory. A read takes in what others wrote, if anything
was written since the last look; a write appends one line to the journal, under a lock,
and returns when that is flushed to disk. Two ``stat`` results show all that others can
have done, writes as well as edits; the number in the lock file shows writes alone, but
costs no system call. So no write is ever missed, and an edit only for a moment, by a table
that is asked all the time.

A data file that differs from what the service wrote was edited by a person. One process
merges it onto the documents of now (``merging``), under the lock, and writes what comes of
it as an entry of the journal: applied to the documents from before, and to those in the
edited file, it makes the same. If the edit is broken, the documents from before are served
on, and kept in a file beside it for processes that start; nothing overwrites it.

**Caveats.** Local disks and POSIX only. Each process holds a copy of all documents.
"""

import logging
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.errors import Invalid, Unavailable
from app.storage import Collection
from app.storage.files.datafile import DataFile, Identity, identity, is_as_seen
from app.storage.files.descriptors import Sync
from app.storage.files.documents import Documents
from app.storage.files.edits import Edits
from app.storage.files.entries import LAST, ROOM
from app.storage.files.journal import (
    Appended,
    Commits,
    Journal,
    Line,
    create,
    encode,
    found_at,
    has_read,
    mend,
    read_journal,
    unread,
)
from app.storage.files.lock import BRIEF, PATIENCE, Busy, TableLock
from app.storage.files.merging import Edit
from app.storage.files.records import Decoded
from app.storage.files.restoring import Restorer
from app.storage.files.sequence_lock import Turns
from app.storage.files.state import State
from app.storage.files.versions import Checkpoint

log = logging.getLogger(__name__)


class SharedTable:
    """The documents of one collection in ``folder``."""

    moment = 0.01
    """Seconds for which a look at the files shows what people and crashes did to them."""

    patience = PATIENCE
    """Seconds that a thread waits at most for others that hold the table."""

    def __init__(self, folder: Path, collection: Collection, sync: Sync) -> None:
        """Load the table; raises Invalid for broken files, and Unavailable."""
        self._collection = collection
        path = (folder / f"{collection.name}.json").resolve()
        self._commits = Commits(path.parent, sync)
        self._file = DataFile(path, collection.name, self._commits.flush)
        self._path = self._beside("journal")
        # Asked for at every read: a path in text is quicker to take.
        self._watched = str(self._file.path), str(self._path)
        self._turns = Turns(self._beside("lock"), self.moment)
        self._lock = TableLock(self._beside("lock"), self._turns, self.patience)
        self._edits = Edits(self._file, collection, self._commits.flush)
        self._restorer = Restorer(self._file, self._path, collection, self._edits)
        self._journal: Journal | None = None
        self._seen: Identity | None = None
        self._state = State(collection, Documents(collection, ()))
        try:
            self._load()
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def key(self) -> str:
        """The member of a document that is its key."""
        return self._collection.key

    @property
    def fault(self) -> str | None:
        """What is wrong with an edit by hand, while the former documents are served."""
        return self._edits.fault

    @property
    def documents(self) -> Documents:
        """The documents as of now, with what others wrote; raises Unavailable."""
        if not self._turns.last_look_holds():
            self._look()
        return self._state.documents

    def _look(self) -> None:
        """Take in what there is in the files."""
        look = self._turns.look()
        end = time.monotonic() + self.patience
        try:
            while not self._is_current():
                try:
                    self._take_in()
                    break
                except Busy:
                    # An edit that another takes in may be served later; a write may not,
                    # and one may have come while the edit was waited for.
                    if has_read(self._journal, found_at(self._watched[1])):
                        break
                    if time.monotonic() >= end:
                        raise
        except (OSError, Invalid) as error:
            raise self._unreadable(error) from error
        self._turns.have_seen(look)

    def _unreadable(self, error: OSError | Invalid) -> Unavailable:
        reason = error.message if isinstance(error, Invalid) else error.strerror
        what = f"{self._file.name} cannot be read: {reason}"
        return Unavailable(what, self._file.path.parent)

    def _is_current(self) -> bool:
        data, journal = self._watched
        return is_as_seen(self._seen, data) and has_read(
            self._journal, found_at(journal)
        )

    def _take_in(self) -> None:
        found = found_at(self._watched[1])
        with self._lock.threads.within(
            BRIEF if has_read(self._journal, found) else self.patience
        ):
            self._follow_journal(found_at(self._watched[1]))
            self._state.documents.settle()
            if not self._is_edited():
                return
        # No fold is under way under the full lock: what looks like an edit then is one.
        try:
            with self._lock.within(BRIEF):
                self._catch_up()
        except Busy:
            raise
        except Unavailable:
            with self._lock.threads:
                self._take_edit()

    def _catch_up(self) -> None:
        """Bring the state up to date; the caller holds the lock."""
        found = found_at(self._watched[1])
        if not has_read(self._journal, found):
            self._follow_journal(found)
            if not has_read(self._journal, found):
                self._mend_or_drop()
        # The next edit is merged onto what comes of this one, by all.
        self._note_edit()
        self._take_edit()
        self._note_edit()

    def _mend_or_drop(self) -> None:
        """See to a journal that has more than can be read, or less than was."""
        if (left := unread(self._journal)) > 0:
            self._mend()
            self._load()
        elif left < 0:
            # What is in memory is to be kept, as if the journal had been removed.
            self._path.unlink()
            self._journal = None

    def _follow_journal(self, found: os.stat_result | None) -> None:
        journal, state = self._journal, self._state
        if found is None:
            self._journal = None
            return
        if journal is not None and journal.inode == found.st_ino:
            if state.follow(lines := journal.tail(found.st_size)):
                journal.skip(lines)
            else:
                self._load()
            return
        # A fold replaced the journal: go on in the new one, if it leaves no gap.
        journal, lines = read_journal(self._path)
        header = lines[0].entry if lines else {}
        newer = [line for line in lines if line.entry["seq"] > state.sequence]
        if (
            header.get("epoch") == state.epoch
            and header["seq"] <= state.sequence
            and state.follow(newer)
        ):
            state.rebase(lines)
            self._journal = journal
        else:
            self._load()

    def _load(self) -> None:
        """Read the data file and the journal anew; raises Invalid and OSError."""
        found, journal, lines = self._restorer.read(self._mend)
        state, saved = self._restorer.restore(found, lines, self._state)
        self._journal = journal
        if saved is not None and found.file is not None:
            # Not noted yet: who ran before may know what is in no file, and come first.
            self._merge(self._edits.merge(saved, found.file, lines, state), state)
        else:
            # Readers take no lock: what they are to see comes before the sign of it.
            self._state, self._seen = state, found.identity

    # Edits by hand

    def _is_edited(self) -> bool:
        if is_as_seen(self._seen, self._watched[0]):
            return False
        found = identity(self._file.path)
        if self._state.ahead is None and self._state.has(found):
            self._seen, self._edits.fault = found, None
        return found != self._seen

    def _take_edit(self) -> None:
        """Serve the data file that a person edited, or say what is wrong with it."""
        if not self._is_edited():
            return
        state, found = self._state, self._restorer.find()
        if identity(self._file.path) != found.identity:
            return
        if state.ahead is None and found.file is not None and state.has(*found.file):
            state.note_copy(found.file)
            self._seen, self._edits.fault = found.identity, None
            return
        try:
            saved, edited = self._restorer.checked(found, state)
            _, lines = read_journal(self._path)
            self._edits.check_version(saved, lines, state)
        except Invalid as error:
            self._edits.report(error)
            self._seen = found.identity
            self._keep_served(self._seen)
            return
        is_as_written = self._journal is None and not state.unfolded
        if is_as_written or state.ahead or not self._lock.is_held():
            # There is nothing but what is in the files, or nothing can be written.
            self._load()
            log.info("%s was edited", self._file.name)
            if self._lock.is_held() and self._journal is None:
                # The file is missed from now on, also by those that start.
                self._append({})
            return
        self._edits.fault = None
        now = state.documents.get
        self._merge(self._edits.merge(saved, edited, lines, state, now), state)

    def _merge(self, edit: Edit, state: State) -> None:
        """Serve what an ``edit`` makes of ``state``; it is yet to be noted."""
        state.reserve(edit.entry)
        state.documents.change(map(Decoded, edit.merged.put), edit.merged.gone)
        state.documents.settle()
        state.ahead = edit
        self._state, self._seen = state, edit.entry["edit"]

    def _note_edit(self) -> None:
        """Note the edit that the documents are ahead by, if any, in the journal.

        Raises Unavailable: nothing is written on top of what others cannot know.
        """
        state, edit = self._state, self._state.ahead
        if edit is None or not self._is_to_note():
            return
        self._commits.check_writable(self._path, self._beside("lock"))
        try:
            self._edits.keep(edit)
            if self._journal is None:
                state.unfolded += 1
                self._begin_journal()
            else:
                self._append(edit.entry)
        except OSError as error:
            what = f"the edit of {self._file.name} cannot be noted: {error.strerror}"
            raise Unavailable(what, self._file.path.parent) from error
        state.ahead = None
        if self._edits.fault is not None:
            self._keep_served(self._seen)

    def _is_to_note(self) -> bool:
        """Return whether the edit was not undone; without a journal, it must be there."""
        if is_as_seen(self._seen, self._watched[0]):
            return True
        found = self._restorer.find().file
        return self._journal is not None and not (found and self._state.has(*found))

    def _keep_served(self, found: Identity | None) -> None:
        """Keep a copy of what is served during a broken edit, once for all processes."""
        if found in self._state.broken or not self._lock.is_held():
            return
        try:
            self._edits.keep_served(self._state.numbered())
            self._append({"broken": found})
        except (OSError, Unavailable) as error:
            log.warning("%s: no copy of what is served: %s", self._file.name, error)

    # Writing

    def _catch_up_or_fail(self) -> None:
        try:
            self._catch_up()
        except (OSError, Invalid) as error:
            raise self._unreadable(error) from error

    def _append(self, entry: dict[str, Any]) -> None:
        """Append an entry that changes no document, and take it in."""
        appended = self._append_all([entry])
        self._state.note(appended.entries[0])
        appended.were_taken_in()

    def _append_all(self, entries: Iterable[dict[str, Any]]) -> Appended:
        """Append entries, all or none.

        The caller holds the lock, is up to date, and takes the entries in afterwards.
        Raises Unavailable.
        """
        self._commits.check()
        try:
            journal = self._journal
            if journal is None or self._state.sequence > LAST - ROOM:
                journal = self._begin_journal()
            first = self._state.sequence + 1
            numbered = [{"seq": n, **each} for n, each in enumerate(entries, first)]
            raw = b"".join(map(encode, numbered))
            journal.append(raw)
        except OSError as error:
            reason = error.strerror or "unknown error"
            raise Unavailable(
                f"the journal cannot be written: {reason}", self._file.path.parent
            ) from error
        return Appended(numbered, journal, len(raw))

    def _begin_journal(self) -> Journal:
        state = self._state
        if state.sequence > LAST - ROOM:
            if self._edits.fault is not None:
                raise Unavailable(
                    f"{self._path.name} has used up its numbers; mend the edit"
                )
            state.sequence = 0
        checkpoint = Checkpoint.now(state.sequence)
        # What was in a journal that somebody removed is in memory only.
        if state.unfolded and self._edits.fault is None:
            base = self._file.replace(state.numbered(), checkpoint)
            self._seen = base.identity
            header = state.header(checkpoint, base)
        else:
            header = state.header_on(self._seen, checkpoint)
        # Nobody may go on in it without reading it all.
        header["epoch"] = secrets.token_hex(4)
        journal = self._replace_journal(header, [])
        state.begin(header)
        if self._edits.fault is not None:
            self._keep_served(self._seen)
        return journal

    def _replace_journal(
        self, header: dict[str, Any], lines: Iterable[Line]
    ) -> Journal:
        raw = [encode(header), *(line.raw for line in lines)]
        journal = create(self._path, raw, self._commits.flush)
        journal.offset = journal.size()
        self._journal = journal
        return journal

    def _mend(self) -> None:
        # At once, or not at all: who reads the journal has ``threads`` already.
        with self._lock.within(0):
            aside, flush = self._beside("damaged"), self._commits.flush
            sequence = self._state.sequence
            sound = self._restorer.has_keys
            count = mend(self._path, aside, sequence, flush, sound)
        if count:
            text = "%s: %d damaged bytes were set aside in %s"
            log.warning(text, self._path.name, count, aside.name)

    def before_fork(self) -> None:
        """Wait until no thread is in the middle of anything, and hold them off."""
        self._lock.before_fork()

    def after_fork_in_parent(self) -> None:
        """Let the threads go on."""
        self._lock.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Start anew: the threads are gone, and locks of the parent mean nothing."""
        self._lock.after_fork_in_child()
        self._state.documents.after_fork()

    def _beside(self, ending: str) -> Path:
        return self._file.path.with_name(f"{self._file.name}.{ending}")
