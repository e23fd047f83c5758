"""How a replica is brought up to date with what others did to the files.

A read applies what others wrote, if anything was written since the last look. Two ``stat``
results show all that others can have done, writes as well as edits; the number in the lock
file shows writes alone, but costs no system call. So no write is ever missed, and an edit
only for a moment, by a table that is asked all the time.
"""

import time

from app.errors import Busy, Invalid, Unavailable
from app.storage.files.edits import Edits
from app.storage.files.lock import BRIEF
from app.storage.files.replica import Replica


class CatchingUp:
    """Brings ``replica`` up to date; a read waits for others with the lock's patience."""

    def __init__(self, replica: Replica, edits: Edits) -> None:
        self._replica = replica
        self._edits = edits
        self._lock = replica.lock
        self._sequence = replica.lock.sequence

    def bring_up_to_date(self) -> None:
        """Look at the files if anything may have been done to them since the last look.

        Raises Unavailable.
        """
        if not self._sequence.last_mark_holds():
            self.look()

    def look(self) -> None:
        """Apply what there is in the files; raises Unavailable."""
        replica, mark = self._replica, self._sequence.mark()
        end = time.monotonic() + self._lock.patience
        try:
            while not (replica.has_seen_file() and replica.has_read_journal()):
                try:
                    self._apply()
                    break
                except Busy:
                    # An edit that another merges may be served later; a write may not,
                    # and one may have come while the edit was waited for.
                    if replica.has_read_journal():
                        break
                    if time.monotonic() >= end:
                        raise
        except (OSError, Invalid) as error:
            raise replica.unreadable(error) from error
        self._sequence.record(mark)

    def _apply(self) -> None:
        replica = self._replica
        patience = BRIEF if replica.has_read_journal() else None
        with self._lock.threads.hold(patience):
            replica.follow_journal()
            replica.state.documents.refresh_indexes()
            if not replica.is_edited():
                return
        # No checkpoint is under way under the full lock: what looks like an edit is one.
        try:
            with self._lock.hold(BRIEF):
                self._apply_under_lock()
        except Busy:
            raise
        except Unavailable:
            with self._lock.threads.hold():
                self._edits.take()

    def apply_under_lock(self) -> None:
        """Apply all that there is; the caller holds the lock. Raises Unavailable."""
        try:
            self._apply_under_lock()
        except (OSError, Invalid) as error:
            raise self._replica.unreadable(error) from error

    def _apply_under_lock(self) -> None:
        replica = self._replica
        if not replica.has_read_journal():
            replica.follow_journal()
            if not replica.has_read_journal():
                replica.mend_journal()
        # The next edit is merged onto what comes of this one, by all.
        self._edits.note()
        self._edits.take()
        self._edits.note()

    def mend(self) -> None:
        """Apply what others wrote, and mend what a crash left half-written.

        Raises Unavailable.
        """
        replica, journal = self._replica, self._replica.journal
        # What others append from now on is left to the next round.
        size = journal.size() if journal is not None else 0
        self.bring_up_to_date()
        replica.state.documents.refresh_indexes()
        is_cut = journal and journal is replica.journal and journal.offset < size
        if is_cut or replica.state.ahead:
            with self._lock.hold():
                self.apply_under_lock()
