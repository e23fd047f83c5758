"""One table shared by any number of threads and processes, none of which loses a write.

Each process holds the documents in memory. A read takes in what others wrote, if anything
was written since the last look; a write appends one line to the journal, under a lock,
and returns when that is flushed to disk. Two ``stat`` results tell all that others can
have done, writes as well as edits; the number in the lock file tells of writes alone, but
costs no system call. So no write is ever missed, and an edit only for a moment, by a table
that is asked all the time.

A data file that differs from what the service wrote was edited by a person. It is read,
checked and completed, and the journal is applied on top; if it is broken, the documents
from before are served on, and nothing overwrites it. The state from before an edit is
kept in a file beside it, so that a process that starts meanwhile has it too.

**Caveats.** Local disks and POSIX only. Each process holds a copy of all documents. An
editor that saves what it read long ago drops the writes that were folded since, in the
documents that it holds.
"""

import logging
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.errors import Full, Invalid, Unavailable
from app.storage import Collection
from app.storage.datafile import DataFile, Identity, identity
from app.storage.descriptors import Sync
from app.storage.edits import Edits
from app.storage.entries import LAST
from app.storage.indexes import Documents
from app.storage.journal import (
    Appended,
    Commits,
    Journal,
    Line,
    create,
    encode,
    is_whole,
    mend,
    read_journal,
    with_header,
)
from app.storage.loading import checked, trusted
from app.storage.locks import BRIEF, PATIENCE, Busy, TableLock
from app.storage.marks import Marks
from app.storage.records import Record, key_in
from app.storage.state import State
from app.storage.turns import Turns

log = logging.getLogger(__name__)

ROOM = 1 << 20
"""More than the entries that are written at once: so many before the last number, a
journal is begun anew."""


class SharedTable:
    """The documents of one collection in ``folder``."""

    moment = 0.01
    """Seconds for which a look at the files tells what people and crashes did to them."""

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
        self._edits = Edits(self._file, self._beside("before"), self._commits.flush)
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

    # Reading

    @property
    def documents(self) -> Documents:
        """The documents as of now, with what others wrote; raises Unavailable."""
        if not self._turns.last_look_holds():
            self._look()
        return self._state.documents

    def _look(self) -> None:
        """Take in what there is in the files."""
        look = self._turns.look()
        try:
            if not self._is_current():
                self._take_in()
        except Busy:
            # An edit that somebody else takes in may be served later; a write may not.
            if not self._has_read(self._found()):
                raise
        except (OSError, Invalid) as error:
            raise self._unreadable(error) from error
        self._turns.have_seen(look)

    def _unreadable(self, error: OSError | Invalid) -> Unavailable:
        reason = error.message if isinstance(error, Invalid) else error.strerror
        return Unavailable(f"{self._file.name} cannot be read: {reason}")

    def _is_current(self) -> bool:
        return _is(self._seen, self._watched[0]) and self._has_read(self._found())

    def _take_in(self) -> None:
        found = self._found()
        with self._lock.threads.within(
            BRIEF if self._has_read(found) else self.patience
        ):
            self._follow_journal(self._found())
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
        found = self._found()
        if not self._has_read(found):
            self._follow_journal(found)
            if not self._has_read(found):
                self._mend_or_drop()
        self._take_edit()

    def _mend_or_drop(self) -> None:
        """See to a journal that has more than can be read, or less than was."""
        if (unread := self._unread()) > 0:
            self._mend()
            self._load()
        elif unread < 0:
            # What is in memory is to be kept, as if the journal had been removed.
            self._path.unlink()
            self._journal = None

    def _found(self) -> os.stat_result | None:
        """Return what the journal is now; None if there is none."""
        try:
            return os.stat(self._watched[1])
        except FileNotFoundError:
            return None

    def _has_read(self, found: os.stat_result | None) -> bool:
        """Tell whether the journal ``found`` is the one that was read, and to its end."""
        journal = self._journal
        if journal is None or found is None:
            return journal is None and found is None
        return found.st_size == journal.offset and found.st_ino == journal.inode

    def _unread(self) -> int:
        """Return how many bytes could not be read; less than none if some are gone."""
        journal = self._journal
        return 0 if journal is None else journal.size() - journal.offset

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
            header.get("epoch") in (state.epoch, state.epoch_after(self._seen))
            and header["seq"] <= state.sequence
            and state.follow(newer)
        ):
            state.rebase(lines)
            self._journal = journal
        else:
            self._load()

    # Loading

    def _load(self) -> None:
        """Read the data file and the journal anew; raises Invalid and OSError."""
        while True:
            found = identity(self._file.path)
            content = self._file.content()
            journal, lines = read_journal(self._path)
            if journal and not self._is_sound(journal, lines):
                try:
                    self._mend()
                    continue
                except (Unavailable, OSError):
                    sound = filter(self._has_keys, lines + journal.salvage()[0])
                    lines = with_header(list(sound), 0)
            # If a fold replaced the data file meanwhile, the two do not belong together.
            if identity(self._file.path) == found:
                break
        records = self._records(content, found, lines)
        self._state = self._state_of(records, lines, found)
        self._journal, self._seen = journal, found

    def _is_sound(self, journal: Journal, lines: list[Line]) -> bool:
        return is_whole(journal, lines) and all(map(self._has_keys, lines))

    def _has_keys(self, line: Line) -> bool:
        """Tell whether all documents of an entry can be found."""
        try:
            for _, document in line.entry.get("put", ()):
                key_in(document, self.key)
        except Invalid:
            return False
        return True

    def _records(
        self, content: bytes | None, found: Identity | None, lines: list[Line]
    ) -> list[Record]:
        history = State(self._collection, Documents(self._collection, ()))
        if lines:
            history.rebase(lines)
        self._edits.fault = None
        try:
            if content is None or found is None:
                # A crash in the first fold leaves none, though the journal names it.
                if lines and (history.edited or None not in history.known):
                    raise Invalid(f"{self._file.name} is missing")
                return []
            if found in history.known:
                return trusted(content, self._file, self._collection)
            return self._checked(content, found)
        except Invalid as error:
            before = self._edits.before() if found in history.noticed else None
            if before is None:
                raise
            self._edits.report(error)
            return trusted(before, self._file, self._collection)

    def _checked(self, content: bytes, found: Identity) -> list[Record]:
        former = self._state.documents
        return checked(content, found, self._file, self._collection, former)

    def _state_of(
        self, records: list[Record], lines: list[Line], found: Identity | None
    ) -> State:
        # What was given stays given, whatever became of the journal.
        marks = Marks(self._state.marks.highest.items())
        return State.of(self._collection, records, lines, found, marks)

    # Edits by hand

    def _is_edited(self) -> bool:
        if _is(self._seen, self._watched[0]):
            return False
        found = identity(self._file.path)
        # A file of the service's own is no edit, unless a person put it back.
        if found and found in self._state.known and not self._state.edited:
            self._seen = found
        return found != self._seen

    def _take_edit(self) -> None:
        """Serve the data file that a person edited, or say what is wrong with it."""
        if not self._is_edited():
            return
        found = identity(self._file.path)
        content = self._file.content()
        if identity(self._file.path) != found:
            return
        try:
            if content is None or found is None:
                raise Invalid(f"{self._file.name} is missing")
            records = self._checked(content, found)
        except Invalid as error:
            self._edits.report(error)
            self._seen, self._state.edited = found, True
            self._keep_former_state(self._state, found)
            return
        former = self._state
        _, lines = read_journal(self._path)
        state = self._state_of(records, lines, found)
        state.next_number = max(state.next_number, former.next_number)
        if not lines:
            state.epoch, state.sequence = former.epoch, former.sequence
        # Readers take no lock: what they are to see comes before the sign that it is there.
        self._state, self._seen = state, found
        self._edits.fault = None
        self._keep_former_state(former, found)
        self._edits.log_differences(former.documents, state.documents)

    def _keep_former_state(self, former: State, found: Identity | None) -> None:
        """Keep a copy of the state that an edit replaces, once for all processes."""
        if found in self._state.noticed or not self._lock.is_held():
            return
        try:
            self._edits.keep(former.numbered())
            self._append({"edit": found})
        except (OSError, Unavailable) as error:
            log.warning("%s: no copy of the former state: %s", self._file.name, error)

    # Writing

    def check_writable(self) -> None:
        """Raise Unavailable when nothing can be written now."""
        self._commits.check()
        folder = self._file.path.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Unavailable("the data folder cannot be written")
        for path in (self._path, self._beside("lock")):
            if path.exists() and not os.access(path, os.W_OK):
                raise Unavailable(f"{path.name} cannot be written")
        disk = os.statvfs(folder)
        if disk.f_bavail == 0:
            raise Full("the disk is full")
        # Some file systems count no files at all.
        if disk.f_files and disk.f_favail == 0:
            raise Full("the disk has no room for another file")

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
            raise Unavailable(f"the journal cannot be written: {reason}") from error
        return Appended(numbered, journal, len(raw))

    def _begin_journal(self) -> Journal:
        state = self._state
        # What was in a journal that somebody removed is in memory only.
        if state.unfolded and self._edits.fault is None:
            self._file.replace(state.numbered())
            self._seen = identity(self._file.path)
            state.known, state.unfolded, state.edited = {self._seen}, 0, False
        if state.sequence > LAST - ROOM:
            if self._edits.fault is not None:
                raise Unavailable(
                    f"{self._path.name} has used up its numbers; mend the edit"
                )
            state.sequence = 0
        # Nobody may go on in it without reading it all.
        state.epoch = secrets.token_hex(4)
        base = self._seen if self._seen in state.known else None
        journal = self._replace_journal(state.header(base), [])
        if self._edits.fault is not None:
            state.noticed.clear()
            self._keep_former_state(state, self._seen)
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
            count = mend(self._path, aside, sequence, flush, self._has_keys)
        if count:
            text = "%s: %d damaged bytes were set aside in %s"
            log.warning(text, self._path.name, count, aside.name)

    def mend(self) -> None:
        """Take in what others wrote, and mend what a crash left half-written."""
        if self.documents is not None and self._unread() > 0:
            with self._lock:
                self._catch_up_or_fail()

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


def _is(seen: Identity | None, path: str) -> bool:
    """Tell whether the file at ``path`` is the one that was seen, or still not there."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return seen is None
    return seen == (found.st_ino, found.st_mtime_ns, found.st_size)
