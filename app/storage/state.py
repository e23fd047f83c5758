"""What a process knows of one table: its documents and the place in the journal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from app.storage import Collection
from app.storage.datafile import Identity
from app.storage.entries import LAST
from app.storage.indexes import Documents
from app.storage.journal import FORMAT, Line
from app.storage.marks import Marks
from app.storage.records import Decoded, Record, key_in


@dataclass(slots=True)
class State:
    """The documents after the journal entry ``sequence``.

    ``epoch`` names the line of journals that the sequence numbers belong to. ``known`` are
    the data files that the service itself wrote, ``noticed`` the edits whose former state
    was set aside, and ``unfolded`` counts the entries that the data file lacks. ``edited``
    tells that a person edited the data file since the service wrote it: then the
    documents come from none of the files in ``known``. ``marks`` are the highest ids.
    """

    collection: Collection
    documents: Documents
    next_number: int = 1
    sequence: int = 0
    epoch: str = ""
    known: set[Identity | None] = field(default_factory=set)
    noticed: set[Identity | None] = field(default_factory=set)
    unfolded: int = 0
    edited: bool = False
    marks: Marks = field(default_factory=Marks)

    @classmethod
    def of(
        cls,
        collection: Collection,
        records: Sequence[Record],
        lines: Sequence[Line],
        found: Identity | None,
        marks: Marks,
    ) -> "State":
        """Return the state after a journal of ``lines``, the header first, if any.

        ``records`` are those in the data file ``found``, ``marks`` those known before.
        """
        state = cls(collection, Documents(collection, records), marks=marks)
        state.count(record.number for record in records)
        if lines:
            state.begin(lines[0].entry)
            # The header tells of the documents in its own data file only.
            marks.covering &= found in state.known
        else:
            state.known = {None}
        for line in lines[1:]:
            state.apply(line.entry)
        state.edited = found not in state.known
        state.separate()
        return state

    def begin(self, header: dict[str, Any]) -> None:
        """Take in the first line of a journal."""
        self.sequence = header["seq"]
        self.epoch = header["epoch"]
        self.next_number = max(self.next_number, header["next"])
        self.known = {_identity(header["base"])}
        self.noticed = set()
        self.unfolded = 0
        self.edited = header.get("edited", False)
        self.marks.begin(header)

    def apply(self, entry: dict[str, Any]) -> None:
        """Take in a later line of the journal."""
        key = self.collection.key
        put = [
            Decoded(Record(number, key_in(document, key), document))
            for number, document in entry.get("put", ())
        ]
        self.reserve(entry)
        self.take(entry, put)

    def take(self, entry: dict[str, Any], put: Sequence[Decoded]) -> None:
        """Take in a later line, reserved before, which puts these records."""
        if "put" in entry:
            # Who told what is touched may have had another document than is here.
            told = None if self.edited else entry.get("touched")
            touched = None if told is None else frozenset(map(tuple, told))
            self.documents.change(put, entry.get("gone", ()), touched)
        self._pass(entry)

    def reserve(self, entry: dict[str, Any]) -> None:
        """Give no number and no id of ``entry`` again."""
        self.next_number = max(self.next_number, entry.get("next", 0))
        self.count(number for number, _ in entry.get("put", ()))
        self.marks.note(entry)

    def count(self, numbers: Iterable[int]) -> None:
        """Give none of ``numbers`` again. Those above LAST are never given."""
        for number in numbers:
            if self.next_number <= number <= LAST:
                self.next_number = number + 1

    def note(self, entry: dict[str, Any]) -> None:
        """Take in all of a line but its documents."""
        self.reserve(entry)
        self._pass(entry)

    def _pass(self, entry: dict[str, Any]) -> None:
        self.unfolded += "put" in entry
        if "fold" in entry and (fold := _identity(entry["fold"])) not in self.known:
            # Not so in the journal that this fold began: its data file has the edit.
            self.edited |= entry.get("edited", False)
            self.known.add(fold)
        if "edit" in entry:
            self.edited = True
            self.noticed.add(_identity(entry["edit"]))
        self.sequence = entry["seq"]

    def rebase(self, lines: Sequence[Line]) -> None:
        """Go on in a new journal of ``lines``, whose documents are known already."""
        self.begin(lines[0].entry)
        for line in lines[1:]:
            self.note(line.entry)

    def follow(self, lines: Iterable[Line]) -> bool:
        """Apply the lines that come next; tell whether none is missing between."""
        for line in lines:
            if line.entry["seq"] != self.sequence + 1:
                return False
            self.apply(line.entry)
        return True

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Return all documents as they are now, in JSON, each under a number of its own."""
        self.separate()
        # Copied at once, and looked at later: writers do not wait for that.
        records = list(self.documents)
        return ((record.number, record.encoded) for record in records)

    def separate(self) -> None:
        """Give each document a TinyDB number of its own.

        A person may have given a document the number of one in the journal, and two
        processes may then have given it different new ones.
        """
        if not self.edited:
            return
        taken: set[int] = set()
        # The last ones come from the journal, and keep what TinyDB's callers know.
        for record in reversed(list(self.documents)):
            if record.number in taken:
                moved = Record(self.next_number, record.key, record.content)
                self.documents.change([Decoded(moved)], [])
                self.next_number += 1
            taken.add(record.number)

    def epoch_after(self, edited: Identity | None) -> str:
        """Return the epoch that begins when the data file ``edited`` is folded."""
        named = f"{self.epoch} {edited}".encode()
        return blake2b(named, digest_size=4).hexdigest()

    def header(self, base: Identity | None) -> dict[str, Any]:
        """Return the first line of a journal that goes on from here."""
        return {
            "seq": self.sequence,
            "format": FORMAT,
            "epoch": self.epoch,
            "base": base,
            "edited": self.edited,
            "next": self.next_number,
            "ids": dict(self.marks.highest),
            "covering": self.marks.covering,
        }


def _identity(value: list[int] | None) -> Identity | None:
    return None if value is None else Identity(*value)
