"""The highest ids of each sequence in a table, so that none is given twice.

Marks outlive the documents: they are in the header of the journal and in each entry
that touches a document with ids, so that a write needs no second flush. Documents that
came in no entry may have higher ids: those of a data file that a person wrote or edited,
or whose journal is gone. They are looked through once, when the next id is asked for.

**Caveats.** An id that a person wrote into the data file and took out again by hand may
be given, if no id was asked for and no write touched the document between the two. Who
removes the journal while no process runs removes the marks: ids count on from those in
the documents that are left.
"""

from collections.abc import Iterable, Sequence

from app.storage import LAST_ID, IdsOf, Key, checked_id, no_ids
from app.storage.files.entries import Entry, Header
from app.storage.files.records import Record, Records


class HighWaterMarks:
    """The highest id of each sequence that was given or found.

    They ``are_complete`` when no document of the table has a higher one up to ``LAST_ID``.
    """

    __slots__ = ("highest", "are_complete")

    def __init__(self, highest: Iterable[tuple[str, int]] = ()) -> None:
        self.highest = dict(highest)
        self.are_complete = False

    def begin(self, header: Header) -> None:
        """Apply the first line of a journal, which may be from before there were any."""
        self.note(header)
        self.are_complete |= header.get("covering", False)

    def note(self, entry: Entry | Header) -> None:
        """Apply a line of the journal."""
        self.raise_to(entry.get("ids", {}).items())

    def raise_to(self, ids: Iterable[tuple[str, int]]) -> None:
        for sequence, id_ in ids:
            if self.highest.get(sequence, 0) < id_ <= LAST_ID:
                self.highest[sequence] = id_

    def complete(self, documents: Records, ids_of: IdsOf) -> None:
        """Look through all documents, unless that was done before."""
        if not self.are_complete:
            for record in documents:
                self.raise_to(ids_of(record.document))
            self.are_complete = True


class NewIds:
    """The ids that one write gives; they are given once its entry is in the journal."""

    def __init__(
        self, marks: HighWaterMarks, documents: Records, ids_of: IdsOf
    ) -> None:
        self._before = marks
        self._after = HighWaterMarks()
        self._documents = documents
        self._ids_of = ids_of

    def next_id(self, sequence: str) -> int:
        """Return the id that comes next in ``sequence``; raises Unavailable."""
        self._before.complete(self._documents, self._ids_of)
        self._after.raise_to(self._before.highest.items())
        id_ = checked_id(sequence, self._after.highest.get(sequence, 0) + 1)
        self._after.highest[sequence] = id_
        return id_

    def marks(self, put: Sequence[Record], gone: Sequence[Key]) -> dict[str, int]:
        """Return the marks after this write, which puts and removes these documents.

        Those that it replaces or removes count too: perhaps nobody looked them through.
        """
        if self._ids_of is no_ids and not self._after.highest:
            return {}
        former: list[Record] = []
        if not self._before.are_complete:
            keys = [*gone, *(record.key for record in put)]
            former = [record for key in keys if (record := self._documents.get(key))]
        self._after.raise_to(self._before.highest.items())
        for record in (*put, *former):
            self._after.raise_to(self._ids_of(record.document))
        return self._after.highest
