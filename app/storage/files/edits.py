"""Edits of the data file by hand: how one is found, merged, served and noted.

A data file that differs from what the service wrote was edited by a person. One process
merges it onto the documents of now (``merging``), under the lock, and writes what comes of
it as an entry of the journal: applied to the documents from before, and to those in the
edited file, it makes the same. If the edit is broken, the documents from before are served
on, and kept in a file beside it for processes that start; nothing overwrites it.

Where nothing can be written, each process serves the edit for itself, *ahead* of the
journal; it is noted as soon as one of them can write.
"""

import logging

from app.errors import Invalid, Unavailable
from app.storage.files.appending import Appender
from app.storage.files.datafile import identity
from app.storage.files.journal import read_journal
from app.storage.files.replica import Replica
from app.storage.files.restoring import find

log = logging.getLogger(__name__)


class Edits:
    """The edits that the data file of ``replica`` gets."""

    def __init__(self, replica: Replica, appender: Appender) -> None:
        self._replica = replica
        self._appender = appender

    def take(self) -> None:
        """Serve the data file that a person edited, or say what is wrong with it.

        The caller has ``threads``, and the lock too if it can be had. Raises Invalid and
        OSError.
        """
        replica = self._replica
        if not replica.is_edited():
            return
        state, found = replica.state, find(replica.file)
        if identity(replica.file.path) != found.identity:
            return
        if state.ahead is None and found.file is not None and state.has(*found.file):
            # It has what is served already, or is a copy of such a file.
            state.note_copy(found.file)
            replica.seen, replica.fault = found.identity, None
            return
        try:
            saved, edited = replica.restorer.checked(found, state)
            _, lines = read_journal(replica.journal_path)
            replica.kept.check_version(saved, lines, state)
        except Invalid as error:
            replica.report(error)
            replica.seen = found.identity
            self._appender.keep_served(found.identity)
            return
        is_as_written = replica.journal is None and not state.since_checkpoint
        if is_as_written or state.ahead or not replica.lock.is_held():
            # There is nothing but what is in the files, or nothing can be written.
            replica.load()
            log.info("%s was edited", replica.file.name)
            if replica.lock.is_held() and replica.journal is None:
                # The file is missed from now on, also by those that start.
                self._appender.append({})
            return
        replica.fault = None
        now = state.documents.get
        edit = replica.kept.merge(saved, edited, lines, state, now)
        replica.serve(edit, edited.identity, state)

    def note(self) -> None:
        """Note the edit that the documents are ahead by, if any, in the journal.

        The caller holds the lock. Raises Unavailable: nothing is written on top of what
        others cannot know.
        """
        replica, state = self._replica, self._replica.state
        edit = state.ahead
        if edit is None or not self._is_to_note():
            return
        file = replica.file
        replica.commits.check_writable(replica.journal_path, file.beside("lock"))
        try:
            replica.kept.keep(edit)
            if replica.journal is None:
                state.since_checkpoint += 1
                self._appender.begin()
            else:
                self._appender.append(edit.entry)
        except OSError as error:
            what = f"the edit of {file.name} cannot be noted: {error.strerror}"
            raise Unavailable(what, file.path.parent) from error
        state.ahead = None
        if replica.fault is not None:
            self._appender.keep_served(replica.seen)

    def _is_to_note(self) -> bool:
        """Return whether the edit was not undone; without a journal, it must be there."""
        replica = self._replica
        if replica.has_seen_file():
            return True
        found = find(replica.file).file
        return replica.journal is not None and not (found and replica.state.has(*found))
