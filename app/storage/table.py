"""One table shared by any number of threads and processes, none of which loses a write.

Each process holds the documents in memory. A read compares two ``stat`` results with what
the process knows and takes in what others wrote; a write appends one line to the journal,
under a lock, and returns when that is flushed to disk.

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
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import Invalid, Unavailable
from app.storage import Collection, Document
from app.storage.datafile import DataFile, Identity, identity
from app.storage.descriptors import Sync
from app.storage.indexes import Documents, Record
from app.storage.journal import (
    GroupCommit,
    Journal,
    Line,
    check_format,
    create,
    encode,
    open_journal,
)
from app.storage.loading import checked, trusted
from app.storage.locks import TableLock
from app.storage.state import State

log = logging.getLogger(__name__)


class Changes(NamedTuple):
    """What one write does: records to put, and keys that are gone."""

    put: list[Record]
    gone: list[str]


class SharedTable:
    """The documents of one collection in ``folder``."""

    def __init__(self, folder: Path, collection: Collection, sync: Sync) -> None:
        """Load the table; raises Invalid for broken files, and Unavailable."""
        self._collection = collection
        self._sync = sync
        self._file = DataFile(folder / f"{collection.name}.json", collection.name, sync)
        self._path = self._beside("journal")
        self._lock = TableLock(self._beside("lock"))
        self._commits = GroupCommit(sync)
        self._journal: Journal | None = None
        self._seen: Identity | None = None
        self._state = State(collection, Documents(collection, ()))
        self.fault: str | None = None
        try:
            self._load()
        except OSError as error:
            raise Unavailable(f"{self._file.name}: {error.strerror}") from error

    @property
    def key(self) -> str:
        """The member of a document that is its key."""
        return self._collection.key

    # Reading

    @property
    def documents(self) -> Documents:
        """The documents as of now, with what others wrote; raises Unavailable."""
        try:
            if not self._is_current():
                self._take_in()
        except (OSError, Invalid) as error:
            raise Unavailable(f"{self._file.name} cannot be read: {error}") from error
        return self._state.documents

    def _is_current(self) -> bool:
        journal = self._journal
        if identity(self._file.path) != self._seen:
            return False
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return journal is None
        return (
            journal is not None
            and found.st_size == journal.offset
            and found.st_ino == journal.inode
        )

    def _take_in(self) -> None:
        with self._lock.threads:
            self._follow_journal()
            if not self._is_edited():
                return
        # No fold is under way under the full lock: what looks like an edit then is one.
        try:
            with self._lock:
                self._catch_up()
        except Unavailable:
            with self._lock.threads:
                self._take_edit()

    def _catch_up(self) -> None:
        """Bring the state up to date; the caller holds the lock."""
        self._follow_journal()
        if self._is_torn():
            self._mend()
            self._follow_journal()
        self._take_edit()

    def _is_torn(self) -> bool:
        journal = self._journal
        return journal is not None and journal.offset < journal.size()

    def _follow_journal(self) -> None:
        journal, state = self._journal, self._state
        try:
            inode = os.stat(self._path).st_ino
        except FileNotFoundError:
            self._journal = None
            return
        if journal is not None and journal.inode == inode:
            if not state.follow(journal.tail()):
                self._load()
            return
        # A fold replaced the journal: go on in the new one, if it leaves no gap.
        journal = open_journal(self._path)
        lines = journal.tail() if journal else []
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

    # Loading

    def _load(self) -> None:
        """Read the data file and the journal anew; raises Invalid and OSError."""
        while True:
            found = identity(self._file.path)
            content = self._file.content()
            journal = open_journal(self._path)
            lines = journal.tail() if journal else []
            if journal and journal.offset < journal.size():
                try:
                    self._mend()
                    continue
                except Unavailable:
                    lines += journal.salvage()[0]
            # If a fold replaced the data file meanwhile, the two do not belong together.
            if identity(self._file.path) == found:
                break
        if lines:
            check_format(lines[0].entry, self._path.name)
        records = self._records(content, found, lines)
        self._state = self._state_of(records, lines, found)
        self._journal, self._seen = journal, found

    def _records(
        self, content: bytes | None, found: Identity | None, lines: list[Line]
    ) -> list[Record]:
        history = State(self._collection, Documents(self._collection, ()))
        if lines:
            history.rebase(lines)
        self.fault = None
        try:
            if content is None or found is None:
                if history.known - {None}:
                    raise Invalid(f"{self._file.name} is missing")
                return []
            if found in history.known:
                return trusted(content, self._file, self._collection)
            return self._checked(content, found)
        except Invalid as error:
            if found not in history.noticed:
                raise
            self._report(error)
            before = self._beside("before").read_bytes()
            return trusted(before, self._file, self._collection)

    def _checked(self, content: bytes, found: Identity) -> list[Record]:
        former = self._state.documents
        return checked(content, found, self._file, self._collection, former)

    def _state_of(
        self, records: list[Record], lines: list[Line], found: Identity | None
    ) -> State:
        documents = Documents(self._collection, records)
        state = State(self._collection, documents)
        state.next_number = max((record.number for record in records), default=0) + 1
        if lines:
            state.begin(lines[0].entry)
        else:
            state.epoch = f"{found.inode:x}-{found.mtime:x}" if found else "0"
        for line in lines[1:]:
            state.apply(line.entry)
        # A person may have given a new document the number of one in the journal.
        taken = {pair[0] for line in lines for pair in line.entry.get("put", ())}
        for record in records:
            if record.number in taken and documents.get(record.key) is record:
                number = state.next_number
                documents.put(Record(number, record.key, record.document))
                state.next_number += 1
        return state

    # Edits by hand

    def _is_edited(self) -> bool:
        found = identity(self._file.path)
        if found != self._seen and found is not None and found in self._state.known:
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
        self._seen = found
        try:
            if content is None or found is None:
                raise Invalid(f"{self._file.name} is missing")
            records = self._checked(content, found)
        except Invalid as error:
            self._report(error)
            self._keep_former_state(found)
            return
        self._keep_former_state(found)
        former = self._state
        journal = open_journal(self._path)
        lines = journal.tail() if journal else []
        self._state = self._state_of(records, lines, found)
        self._state.next_number = max(self._state.next_number, former.next_number)
        if not lines:
            self._state.epoch, self._state.sequence = former.epoch, former.sequence
        self.fault = None
        self._log_differences(former.documents, self._state.documents)

    def _report(self, error: Invalid) -> None:
        self.fault = error.message
        log.error("%s; the documents from before the edit are served on", error.message)

    def _keep_former_state(self, found: Identity | None) -> None:
        """Keep a copy of the state that an edit replaces, once for all processes."""
        if found in self._state.noticed:
            return
        try:
            self._file.draft(self._beside("before"), numbered(self._state.documents))
            self._append({"edit": found})
        except (OSError, Unavailable) as error:
            log.warning("%s: no copy of the former state: %s", self._file.name, error)

    def _log_differences(self, old: Documents, new: Documents) -> None:
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

    # Writing

    def write(self, plan: Callable[[Documents], Changes]) -> Changes:
        """Carry out what ``plan`` makes of the documents, atomically and durably.

        Raises what ``plan`` raises, and Unavailable.
        """
        with self._lock:
            self._catch_up_or_fail()
            changes = plan(self._state.documents)
            if not changes.put and not changes.gone:
                return changes
            puts = [(each.number, each.document) for each in changes.put]
            sequence = self._append({"put": puts, "gone": changes.gone})
        self._commits.wait(sequence)
        return changes

    def next_number(self) -> int:
        """Return the number of the next new document, to a ``plan`` that is running."""
        return self._state.next_number

    def check_writable(self) -> None:
        """Raise Unavailable when nothing can be written now."""
        self._commits.check()
        if not os.access(self._file.path.parent, os.W_OK):
            raise Unavailable("the data folder is not writable")

    def _catch_up_or_fail(self) -> None:
        try:
            self._catch_up()
        except (OSError, Invalid) as error:
            raise Unavailable(f"{self._file.name} cannot be read: {error}") from error

    def _append(self, entry: dict[str, Any]) -> int:
        """Append an entry and apply it; the caller holds the lock and is up to date."""
        self._commits.check()
        state = self._state
        entry = {"seq": state.sequence + 1, **entry}
        try:
            journal = self._journal or self._begin_journal()
            journal.append(encode(entry))
        except OSError as error:
            reason = error.strerror or "unknown error"
            raise Unavailable(f"the journal cannot be written: {reason}") from error
        self._commits.wrote(journal.descriptor, entry["seq"])
        state.apply(entry)
        return state.sequence

    def _begin_journal(self) -> Journal:
        state = self._state
        # What was in a journal that somebody removed is in memory only.
        if state.unfolded and self.fault is None:
            self._file.replace(numbered(state.documents))
            self._seen = identity(self._file.path)
            state.known, state.unfolded = {self._seen}, 0
            state.epoch = secrets.token_hex(4)
        base = self._seen if self._seen in state.known else None
        return self._replace_journal(state.header(base), [])

    def _replace_journal(
        self, header: dict[str, Any], lines: Iterable[Line]
    ) -> Journal:
        raw = [encode(header), *(line.raw for line in lines)]
        journal = create(self._path, raw, self._sync)
        journal.offset = journal.size()
        self._journal = journal
        return journal

    def _mend(self) -> None:
        """Set damaged lines of the journal aside, and keep the sound ones."""
        with self._lock:
            journal = open_journal(self._path)
            if journal is None:
                return
            lines = journal.tail()
            sound, damaged = journal.salvage()
            if not damaged:
                return
            lines += sound
            path = self._beside("damaged")
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            with open(os.open(path, flags, 0o600), "ab") as file:
                file.write(damaged + b"\n")
            if not lines or "epoch" not in lines[0].entry:
                first = lines[0].entry["seq"] if lines else self._state.sequence + 1
                empty = State(self._collection, Documents(self._collection, ()))
                lines.insert(0, Line({**empty.header(None), "seq": first - 1}, b""))
            # The numbers of damaged lines may be given again, so nobody may go on from
            # where it was: a new epoch makes every process read anew.
            header = {**lines[0].entry, "epoch": secrets.token_hex(4)}
            self._replace_journal(header, lines[1:])
            self._journal = None
            log.warning(
                "%s: %d damaged bytes were set aside in %s",
                *(self._path.name, len(damaged), path.name),
            )

    def mend(self) -> None:
        """Take in what others wrote, and mend what a crash left half-written."""
        if self.documents is not None and self._is_torn():
            with self._lock:
                self._catch_up_or_fail()

    def before_fork(self) -> None:
        """Wait until no thread is in the middle of anything, and hold them off."""
        self._lock.threads.acquire()

    def after_fork_in_parent(self) -> None:
        """Let the threads go on."""
        self._lock.threads.release()

    def after_fork_in_child(self) -> None:
        """Start anew: the threads are gone, and locks of the parent mean nothing."""
        self._lock.after_fork()
        self._commits = GroupCommit(self._sync)

    def _beside(self, ending: str) -> Path:
        return self._file.path.with_name(f"{self._file.name}.{ending}")


def numbered(records: Iterable[Record]) -> Iterable[tuple[int, Document]]:
    """Return the documents of ``records`` with their TinyDB numbers."""
    return ((record.number, record.document) for record in records)
