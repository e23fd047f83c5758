"""What a process knows of one table: its documents and the place in the journal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.datetimes import file_time
from app.errors import Invalid
from app.storage import Collection, Key
from app.storage.files.changes import Changed, Span
from app.storage.files.datafile import Drafted, Identity
from app.storage.files.documents import Documents
from app.storage.files.entries import LAST, Entry, Header
from app.storage.files.ids import HighWaterMarks
from app.storage.files.journal import FORMAT, Line
from app.storage.files.merging import Edit
from app.storage.files.records import Decoded, Record, key_in, records_in
from app.storage.files.versions import Checkpoint

Files = dict[Identity | None, str]
"""Data files, each with the digest of its bytes, or "" if that was not noted."""


@dataclass(slots=True)
class State:
    """The documents after the journal entry ``sequence``.

    ``epoch`` names the line of journals that the sequence numbers belong to. ``known`` are
    the data files that the service itself wrote, ``merged`` those that a person wrote and
    that are in the documents, and ``broken`` those that cannot be. ``checkpoint`` is the
    version that the journal began with; a person wrote it if there is a ``moment``, with
    which its documents were completed. ``since_checkpoint`` counts the entries that the
    data file lacks, ``marks`` are the highest ids. The documents may be ``ahead`` of the
    journal by an edit that is not noted there.
    """

    collection: Collection
    documents: Documents
    next_number: int = 1
    sequence: int = 0
    epoch: str = ""
    known: Files = field(default_factory=lambda: {None: ""})
    merged: Files = field(default_factory=dict)
    broken: Files = field(default_factory=dict)
    checkpoint: Checkpoint = Checkpoint(0, "")
    moment: str = ""
    since_checkpoint: int = 0
    marks: HighWaterMarks = field(default_factory=HighWaterMarks)
    ahead: Edit | None = None
    recent: Span = field(default_factory=Span)

    @classmethod
    def of(
        cls,
        collection: Collection,
        records: Sequence[Record],
        lines: Sequence[Line],
        found: Identity | None,
        marks: HighWaterMarks,
    ) -> "State":
        """Return the state after a journal of ``lines``, the header first, if any.

        ``records`` are those in the data file ``found``, ``marks`` those known before.
        """
        state = cls(collection, Documents(collection, records), marks=marks)
        state.count(record.number for record in records)
        if lines:
            state.begin(lines[0].header)
            # The header counts the documents in its own data file only.
            marks.are_complete &= found in state.known
        state.apply([line.entry for line in lines[1:]])
        return state

    @classmethod
    def without_documents(
        cls, collection: Collection, lines: Sequence[Line]
    ) -> "State":
        """Return what a journal of ``lines`` says about data files."""
        state = cls(collection, Documents(collection, ()))
        state.rebase(lines)
        return state

    def begin(self, header: Header) -> None:
        """Apply the first line of a journal."""
        self.sequence = header["seq"]
        self.epoch = header["epoch"]
        self.next_number = max(self.next_number, header["next"])
        self.checkpoint = Checkpoint(*header.get("checkpoint", (header["seq"], "")))
        self.moment = header.get("moment", "")
        base = {_identity(header["base"]): header.get("digest", "")}
        # Perhaps nobody noted which file it was that a person had edited.
        is_lost = header.get("edited", False)
        self.known = {} if self.moment or is_lost else base
        self.merged = base if self.moment and not is_lost else {}
        self.broken = {}
        self.since_checkpoint = 0
        self.marks.begin(header)
        self.recent.begin(self.epoch, self.sequence)

    def apply(self, entries: Iterable[Entry]) -> None:
        """Apply later lines of the journal."""
        puts = []
        for entry in entries:
            put = records_in(entry, self.collection.key)
            self.reserve(entry)
            puts.append((entry, list(map(Decoded, put))))
        self.apply_records(puts)

    def apply_records(self, puts: Sequence[tuple[Entry, Sequence[Decoded]]]) -> None:
        """Apply later lines, reserved before, each with the records that it puts."""
        new: dict[Key, Decoded | None] = {}
        for entry, put in puts:
            new |= dict.fromkeys(entry.get("gone", ()))
            new |= {decoded.record.key: decoded for decoded in put}
            # What is added after it under such a key is the last one then.
            if entry.get("gone"):
                self.documents.change(new)
                new = {}
        # In one step for many: each has its price. Who finds a change finds its documents.
        if new:
            self.documents.change(new)
        for entry, put in puts:
            self._pass(entry, [decoded.record.key for decoded in put])

    def reserve(self, entry: Entry) -> None:
        """Give no number and no id of ``entry`` again."""
        self.next_number = max(self.next_number, entry.get("next", 0))
        self.count([number for number, _ in entry.get("put", ())])
        if "ids" in entry:
            self.marks.note(entry)

    def count(self, numbers: Iterable[int]) -> None:
        """Give none of ``numbers`` again. Those above LAST are never given."""
        for number in numbers:
            if self.next_number <= number <= LAST:
                self.next_number = number + 1

    def note(self, entry: Entry) -> None:
        """Apply all of a line but its documents."""
        self.reserve(entry)
        put = entry.get("put", ())
        self._pass(
            entry, [key_in(document, self.collection.key) for _, document in put]
        )

    def _pass(self, entry: Entry, put: list[Key]) -> None:
        self.since_checkpoint += "put" in entry
        digest = entry.get("digest", "")
        if entry.get("anew"):
            # It says what to make of the edited file, and of none from before.
            self.known, self.merged = {}, {}
            self.recent.forget(entry["seq"])
        self.recent.note(Changed(entry["seq"], [*put, *entry.get("gone", ())]))
        if "fold" in entry:
            self.known.setdefault(_identity(entry["fold"]), digest)
        # In the former format, "edit" named an edit whose documents were not noted.
        if "edit" in entry and "put" in entry:
            self.merged[_identity(entry["edit"])] = digest
        elif "edit" in entry or "broken" in entry:
            self.broken[_identity(entry.get("broken", entry.get("edit")))] = digest
        self.sequence = entry["seq"]

    def rebase(self, lines: Sequence[Line]) -> None:
        """Go on in a new journal of ``lines``, whose documents are known already."""
        if lines:
            self.begin(lines[0].header)
        for line in lines[1:]:
            self.note(line.entry)

    def follow(self, lines: Iterable[Line]) -> bool:
        """Apply the lines that come next, all or, if one is missing or unsound, none.

        Returns whether they were applied. None can be that makes an edit of unknown former
        documents, nor any from an edit that who wrote the line did not have.
        """
        entries = [line.entry for line in lines]
        for number, entry in enumerate(entries, self.sequence + 1):
            if entry["seq"] != number or entry.get("anew") or self.ahead is not None:
                return False
        try:
            self.apply(entries)
        except Invalid:
            # One has a document without a key: it is to be set aside.
            return False
        return True

    def has(self, found: Identity | None, digest: str = "") -> bool:
        """Return whether the documents have what is in the data file ``found``.

        A copy of such a file is known by the ``digest`` of its bytes.
        """
        return self.is_own(found, digest) or _is_in(self.merged, found, digest)

    def is_own(self, found: Identity | None, digest: str) -> bool:
        """Return whether the service wrote the data file ``found``, or what it copies."""
        return _is_in(self.known, found, digest)

    def note_copy(self, copy: Drafted) -> None:
        """Take it that the documents have what is in a data file that was copied."""
        files = self.known if self.is_own(*copy) else self.merged
        files[copy.identity] = copy.digest

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Return all documents as they are now, in JSON, each under its own number."""
        # Copied at once, and looked at later: writers do not wait for that.
        records = list(self.documents)
        return ((record.number, record.encoded) for record in records)

    def header(self, checkpoint: Checkpoint, base: Drafted | None) -> Header:
        """Return the first line of a journal that goes on from here.

        It follows the ``checkpoint``, with the data file ``base``.
        """
        return {
            "seq": self.sequence,
            "format": FORMAT,
            "epoch": self.epoch,
            "checkpoint": checkpoint,
            "base": base and base.identity,
            "digest": base.digest if base else "",
            "next": self.next_number,
            "ids": dict(self.marks.highest),
            "covering": self.marks.are_complete,
        }

    def header_on(self, found: Identity | None, checkpoint: Checkpoint) -> Header:
        """Return the first line of a journal on the data file ``found``, as it is.

        If a person wrote that, it is the version ``checkpoint``.
        """
        if found is None or found in self.known:
            base = Drafted(found, self.known[found]) if found else None
            return self.header(self.checkpoint, base)
        header = self.header(checkpoint, Drafted(found, self.merged.get(found, "")))
        header["moment"] = file_time(found.mtime)
        header["edited"] = found not in self.merged
        return header


def _is_in(files: Files, found: Identity | None, digest: str) -> bool:
    return found in files or (digest != "" and digest in files.values())


def _identity(value: Sequence[int] | None) -> Identity | None:
    return None if value is None else Identity(*value)
