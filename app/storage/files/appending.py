"""Appending to the journal of a table, and beginning a new one.

All of it is done by who holds the lock of the table and is up to date.
"""

import logging
import secrets
from collections.abc import Iterable

from app.errors import Unavailable
from app.storage.files.datafile import Identity
from app.storage.files.entries import LAST, ROOM, Entry, Header
from app.storage.files.journal import Appended, Journal, Line, create, encode
from app.storage.files.replica import Replica
from app.storage.files.versions import Checkpoint

log = logging.getLogger(__name__)


class Appender:
    """Appends to the journal of ``replica``, whose lock the caller holds."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def append(self, entry: Entry) -> None:
        """Append an entry that changes no document, and apply it; raises Unavailable."""
        appended = self.append_all([entry])
        self._replica.state.note(appended.entries[0])
        appended.were_applied()

    def append_all(self, entries: Iterable[Entry]) -> Appended:
        """Append entries, all or none, which the caller applies; raises Unavailable."""
        replica = self._replica
        replica.commits.check()
        try:
            journal = replica.journal
            if journal is None or replica.state.sequence > LAST - ROOM:
                journal = self.begin()
            first = replica.state.sequence + 1
            numbered: list[Entry] = [
                {"seq": number, **entry} for number, entry in enumerate(entries, first)
            ]
            raw = b"".join(map(encode, numbered))
            journal.append(raw)
        except OSError as error:
            reason = error.strerror or "unknown error"
            what = f"the journal cannot be written: {reason}"
            raise Unavailable(what, replica.file.path.parent) from error
        return Appended(numbered, journal, len(raw))

    def begin(self) -> Journal:
        """Begin a journal where there is none, or its numbers are used up.

        Raises Unavailable and OSError.
        """
        replica, state = self._replica, self._replica.state
        if state.sequence > LAST - ROOM:
            if replica.fault is not None:
                name = replica.journal_path.name
                raise Unavailable(f"{name} has used up its numbers; mend the edit")
            state.sequence = 0
        checkpoint = Checkpoint.now(state.sequence)
        # What was in a journal that somebody removed is in memory only.
        if state.since_checkpoint and replica.fault is None:
            base = replica.file.replace(state.numbered(), checkpoint)
            replica.seen = base.identity
            header = state.header(checkpoint, base)
        else:
            header = state.header_on(replica.seen, checkpoint)
        # Nobody may go on in it without reading it all.
        header["epoch"] = secrets.token_hex(4)
        journal = self.replace(header, [])
        state.begin(header)
        if replica.fault is not None:
            self.keep_served(replica.seen)
        return journal

    def replace(self, header: Header, lines: Iterable[Line]) -> Journal:
        """Put a journal of ``header`` and ``lines`` in the place of the one that is there.

        Raises OSError.
        """
        raw = [encode(header), *(line.raw for line in lines)]
        journal = create(self._replica.journal_path, raw, self._replica.commits.flush)
        journal.offset = journal.size()
        self._replica.journal = journal
        return journal

    def keep_served(self, broken: Identity | None) -> None:
        """Keep a copy of what is served while the data file is ``broken``.

        Once for all processes, by one that holds the lock. If that cannot be done, the log
        says so.
        """
        state = self._replica.state
        if broken in state.broken or not self._replica.lock.is_held():
            return
        try:
            self._replica.kept.keep_served(state.numbered())
            self.append({"broken": broken})
        except (OSError, Unavailable) as error:
            name = self._replica.file.name
            log.warning("%s: no copy of what is served: %s", name, error)
