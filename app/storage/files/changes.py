"""Which documents changed lately, for those who follow a table.

A process has in memory which keys each entry of the journal put or removed since it read
the journal. What a checkpoint takes out of the journal, it keeps in a file beside it: so
the changes outlive it, and a restart, for as long as the contract promises.

A position is the epoch of the journal, the number of the last entry that was reported as
a whole, and how many keys of the next one were. Of another epoch nothing can be said: it
begins when a journal was removed or mended. An edit by hand that was made while no process
looked is in no entry as what it changed, and ends what can be followed too.

**Caveats.** Without the file, what is older than the journal is lost: ``TooOld``. What an
edit removed while no process looked is not known.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import TooOld
from app.storage import RETAINED, Author, Key, PastChange
from app.storage.files.descriptors import Sync, content_of, replace
from app.storage.files.entries import Entry
from app.storage.files.journal import Line, decode, encode
from app.storage.files.records import key_in


class Changed(NamedTuple):
    """The keys that the journal entry of a ``number`` put or removed."""

    number: int
    keys: Sequence[Key]


BY_HAND = "edit by hand"
"""In place of a name, for what an edit of the data file changed."""


class Past(NamedTuple):
    """The keys that an entry put and, the last ones, ``removed``; when, and by whom.

    It is in files only: it would take memory in each process.
    """

    keys: Sequence[Key]
    removed: int
    time: str
    by: str
    request: str

    @classmethod
    def of(cls, entry: Entry, key: str) -> "Past":
        """Return what an entry of the journal changed; ``key`` is the member of it."""
        gone = entry.get("gone", ())
        put = [key_in(document, key) for _, document in entry.get("put", ())]
        by = BY_HAND if "edit" in entry else entry.get("by", "")
        time, request = entry.get("time", ""), entry.get("request", "")
        return cls([*put, *gone], len(gone), time, by, request)

    def changes(self) -> Iterator[PastChange]:
        """Return each of the changes."""
        put = len(self.keys) - self.removed
        author = Author(self.by, self.request)
        for index, key in enumerate(self.keys):
            yield PastChange(key, index >= put, self.time, author)


@dataclass(slots=True)
class Span:
    """All ``entries`` of an epoch after the one ``since``, up to ``until``.

    They are the last ones: with ``RETAINED`` keys at least, if there were any. All together
    have ``count`` keys.
    """

    epoch: str = ""
    since: int = 0
    until: int = 0
    entries: deque[Changed] = field(default_factory=deque)
    count: int = 0

    def begin(self, epoch: str, number: int) -> None:
        """Begin or go on in a journal whose header has this epoch and number."""
        if epoch != self.epoch or number > self.until:
            self.epoch = epoch
            self.forget(number)

    def forget(self, number: int) -> None:
        """Let nobody go on from before the entry ``number``."""
        self.since = self.until = number
        self.entries.clear()
        self.count = 0

    def note(self, entry: Changed) -> None:
        """Note what an entry put and removed, unless it is known."""
        if entry.number <= self.until:
            return
        self.until = entry.number
        if not entry.keys:
            return
        self.entries.append(entry)
        self.count += len(entry.keys)
        while self.count - len(self.entries[0].keys) >= RETAINED:
            oldest = self.entries.popleft()
            self.since = oldest.number
            self.count -= len(oldest.keys)

    def copy(self) -> "Span":
        """Return what is known now."""
        entries = self.entries.copy()
        return Span(self.epoch, self.since, self.until, entries, self.count)

    def after(self, earlier: "Span | None") -> "Span":
        """Return this span and what is needed of an ``earlier`` one, if it reaches here."""
        if self.count >= RETAINED or earlier is None or earlier.epoch != self.epoch:
            return self
        if not earlier.since <= self.since <= earlier.until:
            return self
        whole = Span(self.epoch, earlier.since, earlier.since)
        for entry in (*earlier.entries, *self.entries):
            whole.note(entry)
        whole.until = self.until
        return whole


class Kept(NamedTuple):
    """What is kept: the last changes that can be followed, and more of who made them."""

    span: Span | None
    past: Sequence[Past]


class KeptChanges:
    """The file at ``path`` of the changes that the journal no longer has.

    ``key`` is the member of a document that is its key.
    """

    def __init__(self, path: Path, key: str, sync: Sync) -> None:
        self._path = path
        self._key = key
        self._sync = sync

    def read(self) -> Kept:
        """Return what is kept: nothing if there is no file, or it is damaged."""
        line = decode(content_of(self._path) or b"")
        match line and line.entry:
            case {
                "epoch": str(epoch),
                "since": int(since),
                "seq": int(until),
                "changes": list(entries),
                "past": list(past),
            } if all(map(_is_changed, entries)) and all(map(_is_past, past)):
                span = Span(epoch, since, since)
                for entry in entries:
                    span.note(Changed(*entry))
                span.until = until
                return Kept(span, [Past(*entry) for entry in past])
        return Kept(None, ())

    def keep(self, span: Span, lines: Iterable[Line]) -> None:
        """Keep ``span``, who made the changes in ``lines``, and what is needed from before.

        These are the lines of the journal that the span ends with. Raises OSError.
        """
        kept = self.read()
        whole = span.after(kept.span)
        entry: dict[str, Any] = {
            "seq": whole.until,
            "epoch": whole.epoch,
            "since": whole.since,
        }
        # For those who ask whether it is a header, which has these members.
        entry |= {"base": None, "next": 0, "changes": whole.entries}
        entry["past"] = _newest(_all_past(kept, lines, self._key))
        replace(self._path, [encode(entry)], self._sync)

    def history(self, lines: Iterable[Line]) -> Iterator[PastChange]:
        """Return what is kept, and then what is in the ``lines`` of the journal."""
        for past in _all_past(self.read(), lines, self._key):
            yield from past.changes()


def _is_changed(value: Any) -> bool:
    match value:
        case [int(), list(keys)]:
            return _are_keys(keys)
    return False


def _is_past(value: Any) -> bool:
    match value:
        case [list(keys), int(removed), str(), str(), str()]:
            return _are_keys(keys) and 0 <= removed <= len(keys)
    return False


def _are_keys(keys: list[Any]) -> bool:
    return all(isinstance(key, str | int) for key in keys)


def _all_past(kept: Kept, lines: Iterable[Line], key: str) -> Iterator[Past]:
    yield from kept.past
    last = -1
    for line in lines:
        if "epoch" in line.entry:
            # The numbers of another epoch are others.
            is_same = kept.span and kept.span.epoch == line.header["epoch"]
            last = kept.span.until if kept.span and is_same else -1
        elif line.entry["seq"] > last and "put" in line.entry:
            yield Past.of(line.entry, key)


def _newest(past: Iterable[Past]) -> Sequence[Past]:
    """Return the last ones, with ``RETAINED`` changes at least."""
    newest, count = deque[Past](), 0
    for entry in past:
        newest.append(entry)
        count += len(entry.keys)
        while count - len(newest[0].keys) >= RETAINED:
            count -= len(newest.popleft().keys)
    return newest


def after(spans: Iterable[Span], position: str, limit: int) -> tuple[list[Key], str]:
    """Return the keys that changed after ``position``, and the position after them.

    ``spans`` are what is known, the newest first. Raises TooOld.
    """
    epoch, number, given = _parts(position)
    for span in spans:
        if span.epoch == epoch and span.since <= number <= span.until:
            return _keys(span, number, given, limit)
    raise TooOld("what changed since then is no longer known; read the table anew")


def _keys(span: Span, number: int, given: int, limit: int) -> tuple[list[Key], str]:
    keys: list[Key] = []
    later = takewhile(lambda entry: entry.number > number, reversed(span.entries))
    for entry in reversed(list(later)):
        left = limit - len(keys)
        if left < len(entry.keys) - given:
            keys += entry.keys[given : given + left]
            return keys, position_of(span.epoch, number, given + left)
        keys += entry.keys[given:]
        number, given = entry.number, 0
    return keys, position_of(span.epoch, max(number, span.until))


def position_of(epoch: str, number: int, given: int = 0) -> str:
    """Return the position after the entry ``number`` and so many keys of the next one."""
    return f"{epoch}.{number}.{given}"


def _parts(position: str) -> tuple[str, int, int]:
    epoch, number, given = position.rsplit(".", 2)
    return epoch, int(number), int(given)
