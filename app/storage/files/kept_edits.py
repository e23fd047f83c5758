"""What an edit by hand leaves in files and in the log.

The documents that it replaced are kept in a file with a number, of which the last ten are
kept. While an edit is broken, all documents from before it are kept in another file, so
that a process that starts meanwhile has them too.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from app import datetimes
from app.datetimes import moment
from app.errors import Invalid
from app.storage import Collection, Key
from app.storage.files.datafile import DataFile, Drafted
from app.storage.files.descriptors import Sync, adopt, content_of
from app.storage.files.entries import Entry
from app.storage.files.ids import NewIds
from app.storage.files.journal import Line
from app.storage.files.loading import Saved
from app.storage.files.merging import Base, Edit, Merged, Merger, Now
from app.storage.files.records import Record
from app.storage.files.state import State
from app.storage.files.versions import (
    CONTENT_BYTES,
    Checkpoint,
    Step,
    Versions,
    steps_in,
)

log = logging.getLogger(__name__)

COPIES = 10
"""How many files of what edits replaced are kept."""

NAMED = 10
"""How many documents a line of log names."""


class KeptEdits:
    """What is kept of the edits of a data file; ``sync`` flushes it."""

    def __init__(self, file: DataFile, collection: Collection, sync: Sync) -> None:
        self._file = file
        self._collection = collection
        self._sync = sync
        self._served = file.beside("served")
        self._versions = Versions(file.beside("versions"), collection.key, sync)

    def check_version(self, saved: Saved, lines: Sequence[Line], state: State) -> None:
        """Check that the version that an edit comes from is still known, if it was ever.

        Raises Invalid. Compared with another version, the edit would remove what was added
        since, and undo what was changed.
        """
        present, named = self._steps(lines, state), saved.checkpoint
        earlier = self._versions.before(present[0])
        if named is None or not earlier:
            return
        oldest = earlier[-1]
        is_known = named in earlier or any(step.since == named for step in present)
        is_older = named.number < oldest.number or named.time < oldest.time
        if is_older and not is_known:
            raise Invalid(
                f"{self._file.name} comes from its version of {named.time}, and those "
                f"before {oldest.time} are not kept any more: open the file anew and "
                'repeat the edit; without the last line, "_checkpoint", it is compared '
                "with the versions that are kept"
            )

    def merge(
        self,
        saved: Saved,
        edited: Drafted,
        lines: Sequence[Line],
        state: State,
        now: Now | None = None,
    ) -> Edit:
        """Return what the data file ``edited``, which has what was ``saved``, changes.

        That is in the state after the journal of ``lines``; ``now`` returns its documents,
        None if they are but those in the edited file and in the journal.
        """
        present = self._steps(lines, state)
        steps = self._versions.history(present, saved.checkpoint)
        edits = self._versions.edits()
        merger = Merger(saved, steps, edits, self._collection, now)
        base = merger.base()
        documents = state.documents if now else ()
        merged = merger.merge(base, documents, state.next_number)
        ids = NewIds(state.marks, state.documents, self._collection.ids)
        entry: Entry = {
            "put": [(record.number, record.encoded) for record in merged.put],
            "gone": merged.gone,
            "was": merged.was,
            "time": moment(datetimes.now()),
            "edit": edited.identity,
            "digest": edited.digest,
            # The other processes may have documents that were in the former file only.
            "anew": now is None,
            "ids": ids.marks(merged.put, merged.gone),
        }
        return Edit(base, merged, entry)

    def keep(self, edit: Edit) -> None:
        """Keep what an edit replaces, and say what it does; raises OSError."""
        base, merged = edit.base, edit.merged
        if merged.edited:
            self._versions.add_edit(base.checkpoint, merged.edited)
        copy = self.keep_replaced(merged.replaced) if merged.replaced else None
        self._log(base, merged, copy)

    def keep_version(
        self, lines: Callable[[], Iterable[Line]], state: State, until: Checkpoint
    ) -> None:
        """Keep what ``lines`` wrote since the data file of ``state``; raises OSError."""
        key, since = self._collection.key, state.checkpoint
        # Of documents that are too large to be kept, none need be in memory.
        step = steps_in(lines, since, key, state.moment, CONTENT_BYTES)[-1]
        step.until = until
        self._versions.add(step)

    def _steps(self, lines: Sequence[Line], state: State) -> list[Step]:
        key, since = self._collection.key, state.checkpoint
        return steps_in(lambda: lines, since, key, state.moment)

    def served(self) -> bytes | None:
        """Return the documents from before a broken edit, as a data file, if kept."""
        return content_of(self._served)

    def keep_served(self, documents: Iterable[tuple[int, bytes]]) -> None:
        """Keep the documents that are served while an edit is broken; raises OSError."""
        self._keep(self._served, documents)

    def keep_replaced(self, replaced: Iterable[Record]) -> Path:
        """Keep documents that an edit replaces, and return the file; raises OSError."""
        kept = self._copies()
        number = max(kept, default=0) + 1
        path = self._file.beside(f"before.{number}")
        self._keep(path, ((record.number, record.encoded) for record in replaced))
        for old in sorted(kept, reverse=True)[COPIES - 1 :]:
            kept[old].unlink(missing_ok=True)
        return path

    def _log(self, base: Base, merged: Merged, copy: Path | None) -> None:
        """Say what an edit changed, and what it replaced."""
        name = self._file.name
        changed = len(merged.replaced) - merged.removed
        text = "%s was edited: %d documents added, %d changed, %d removed%s"
        where = f"; what was replaced is in {copy.name}" if copy else ""
        log.info(text, name, merged.added, changed, merged.removed, where)
        if not merged.edited and (merged.put or merged.gone):
            text = (
                "%s was saved as it was on %s, and what was written since stays; to go "
                "back to an older file as a whole, remove %s before"
            )
            log.warning(text, name, base.checkpoint.time, self._versions.path.name)
        if not base.is_named:
            text = "%s does not say which version it comes from: taken for that of %s"
            log.warning(text, name, base.checkpoint.time or "the journal")
        if merged.disputed:
            text = "%s: the edit replaced what was written since it was opened: %s%s"
            log.warning(text, name, _named(merged.disputed), where)
        if merged.lost:
            text = (
                "%s: what was written since the edit was opened is in no file, so that "
                "these are as they were then: %s"
            )
            log.warning(text, name, _named(merged.lost))

    def _copies(self) -> dict[int, Path]:
        start = f"{self._file.name}.before."
        found = self._file.path.parent.glob(f"{start}*")
        numbers = ((path.name.removeprefix(start), path) for path in found)
        return {int(number): path for number, path in numbers if number.isdecimal()}

    def _keep(self, path: Path, documents: Iterable[tuple[int, bytes]]) -> None:
        draft = path.with_name(f"{path.name}.new")
        self._file.draft(draft, documents)
        adopt(draft, path, self._sync)


def _named(keys: list[Key]) -> str:
    shown = ", ".join(map(str, keys[:NAMED]))
    more = len(keys) - NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown
