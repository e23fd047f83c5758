"""The state of a table, from its data file and its journal."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from app.errors import Invalid, Unavailable
from app.storage import Collection
from app.storage.files.datafile import DataFile, Drafted, Identity, digest, identity
from app.storage.files.descriptors import content_of
from app.storage.files.ids import HighWaterMarks
from app.storage.files.journal import Journal, Line, is_whole, read_journal, with_header
from app.storage.files.kept_edits import KeptEdits
from app.storage.files.loading import Saved, checked, trusted
from app.storage.files.records import Record, key_in
from app.storage.files.state import State

DAMAGE = (
    "is damaged: it has other bytes than were written, but the same time and size; take "
    "it from a backup or, if it is right as it is, touch it to have it taken as an edit"
)


class Found(NamedTuple):
    """A data file as it was found: its bytes, and what it is known by; None if missing."""

    content: bytes
    file: Drafted | None

    @property
    def identity(self) -> Identity | None:
        """Which file it is, whatever its bytes are."""
        return self.file and self.file.identity


def find(file: DataFile) -> Found:
    """Return the data file as it is now."""
    found, content = identity(file.path), content_of(file.path)
    if found is None or content is None:
        return Found(b"", None)
    return Found(content, Drafted(found, digest(content)))


class Restored(NamedTuple):
    """What is in a data file and its journal, and the edit that is yet to be merged.

    Or the ``fault`` of an edit that cannot be: the documents are those from before it.
    """

    state: State
    edit: Saved | None = None
    fault: Invalid | None = None


class Restorer:
    """Restores the state of ``collection`` from ``file`` and the ``journal`` of it.

    ``kept`` has what is kept of edits.
    """

    def __init__(
        self, file: DataFile, journal: Path, collection: Collection, kept: KeptEdits
    ) -> None:
        self._file = file
        self._path = journal
        self._collection = collection
        self._kept = kept

    def read(
        self, mend: Callable[[], None]
    ) -> tuple[Found, Journal | None, list[Line]]:
        """Return the data file, and the journal that belongs to it with its lines.

        ``mend`` mends the journal if that can be. Raises Invalid and OSError.
        """
        while True:
            found = find(self._file)
            journal, lines = read_journal(self._path)
            have_keys = all(map(self.has_keys, lines))
            if journal and not (have_keys and is_whole(journal, lines)):
                try:
                    mend()
                    continue
                except (Unavailable, OSError):
                    sound = filter(self.has_keys, lines + journal.salvage()[0])
                    lines = with_header(list(sound), 0)
            # After a checkpoint meanwhile, the two do not belong together.
            if identity(self._file.path) == found.identity:
                return found, journal, lines

    def restore(self, found: Found, lines: Sequence[Line], former: State) -> Restored:
        """Return what is in the data file ``found`` and a journal of ``lines``.

        ``former`` is what was known before: ids that were given stay given, and documents
        that were checked are not checked again. Raises Invalid.
        """
        history = State.without_documents(self._collection, lines)
        try:
            # A crash in the first checkpoint leaves no file, though the journal names it.
            if found.file is None and None in history.known:
                return Restored(self._state([], lines, found, former))
            if found.file is not None:
                if is_damaged(history, found.file):
                    raise Invalid(f"{self._file.name} {DAMAGE}")
                if history.is_own(*found.file):
                    records = trusted(found.content, self._file, self._collection)
                    state = self._state(records, lines, found, former)
                    state.known[found.identity] = found.file.digest
                    return Restored(state)
            saved, edited = self.checked(found, former)
            is_new = bool(lines) and not history.has(*edited)
            if is_new:
                self._kept.check_version(saved, lines, history)
        except Invalid as error:
            served = self._kept.served() if found.identity in history.broken else None
            if served is None:
                raise
            records = trusted(served, self._file, self._collection)
            state = self._state(records, lines, found, former)
            return Restored(state, fault=error)
        state = self._state(saved.records, lines, found, former)
        if is_new:
            return Restored(state, saved)
        state.merged[edited.identity] = edited.digest
        # It is missed from now on.
        state.known.pop(None, None)
        return Restored(state)

    def checked(self, found: Found, former: State) -> tuple[Saved, Drafted]:
        """Return what is in a data file that a person wrote; raises Invalid."""
        if found.file is None:
            raise Invalid(f"{self._file.name} is missing")
        content, (identity_, _), known = found.content, found.file, former.documents
        saved = checked(content, identity_, self._file, self._collection, known)
        return saved, found.file

    def has_keys(self, line: Line) -> bool:
        """Return whether all documents of an entry can be found."""
        return has_keys(line, self._collection.key)

    def _state(
        self,
        records: Sequence[Record],
        lines: Sequence[Line],
        found: Found,
        former: State,
    ) -> State:
        # What was given stays given, whatever became of the journal.
        marks = HighWaterMarks(former.marks.highest.items())
        return State.of(self._collection, records, lines, found.identity, marks)


def has_keys(line: Line, key: str) -> bool:
    """Return whether all documents of an entry have the member ``key``."""
    try:
        for _, document in line.entry.get("put", ()):
            key_in(document, key)
    except Invalid:
        return False
    return True


def is_damaged(history: State, found: Drafted) -> bool:
    """Return whether the bytes of a data file changed, but not its time and size."""
    return history.known.get(found.identity, "") not in ("", found.digest)
