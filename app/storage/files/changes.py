"""Which documents changed lately, for those who follow a table.

A process has in memory which keys each entry of the journal put or removed since it read
the journal. What a checkpoint takes out of the journal, it keeps in a file beside it: so
the changes outlive it, and a restart, for as long as the contract promises.

A position is the epoch of the journal, the number of the last entry that was reported as
a whole, and how many keys of the next one were. Of another epoch nothing can be said: it
begins when a journal was removed or mended. An edit by hand that was made while no process
looked is in no entry as what it changed, and ends what can be followed too.

**Caveats.** Without the file, what is older than the journal is lost: ``TooOld``.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.errors import TooOld
from app.storage import RETAINED, Key
from app.storage.files.descriptors import Sync, adopt, draft
from app.storage.files.journal import decode, encode

Entries = Sequence[tuple[int, Sequence[Key]]]
"""The numbers of journal entries, each with the keys that it put or removed."""


@dataclass(frozen=True, slots=True)
class Span:
    """All ``entries`` of an epoch after the one ``since``, up to ``until``."""

    epoch: str
    since: int
    until: int
    entries: Entries

    def after(self, earlier: "Span | None") -> "Span":
        """Return this span and what is needed of an ``earlier`` one, if it reaches here."""
        count = sum(len(keys) for _, keys in self.entries)
        if count >= RETAINED or earlier is None or earlier.epoch != self.epoch:
            return self
        if not earlier.since <= self.since <= earlier.until:
            return self
        recent = Recent(self.epoch, earlier.since)
        for number, keys in earlier.entries:
            if number <= self.since:
                recent.note(number, keys)
        for number, keys in self.entries:
            recent.note(number, keys)
        return Span(self.epoch, recent.since, self.until, list(recent.entries))


@dataclass(slots=True)
class Recent:
    """What a process saw of the journal: ``RETAINED`` keys at least, if there were any."""

    epoch: str | None = None
    since: int = 0
    until: int = 0
    entries: deque[tuple[int, Sequence[Key]]] = field(default_factory=deque)
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

    def note(self, number: int, keys: Sequence[Key]) -> None:
        """Note what an entry put and removed, unless it is known."""
        if number <= self.until:
            return
        self.until = number
        if not keys:
            return
        self.entries.append((number, keys))
        self.count += len(keys)
        while self.count - len(self.entries[0][1]) >= RETAINED:
            self.since, oldest = self.entries.popleft()
            self.count -= len(oldest)

    def span(self) -> Span:
        """Return what is known now."""
        return Span(self.epoch or "", self.since, self.until, list(self.entries))


class KeptChanges:
    """The file at ``path`` of the changes that the journal no longer has."""

    def __init__(self, path: Path, sync: Sync) -> None:
        self._path = path
        self._sync = sync

    def read(self) -> Span | None:
        """Return what is kept; None if there is nothing, or it is damaged."""
        try:
            line = decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        match line and line.entry:
            case {
                "epoch": str(epoch),
                "since": int(since),
                "seq": int(until),
                "changes": list(entries),
            }:
                return Span(epoch, since, until, entries)
        return None

    def keep(self, span: Span) -> None:
        """Keep ``span`` and what is needed of those before it; raises OSError."""
        whole = span.after(self.read())
        entry: dict[str, Any] = {
            "seq": whole.until,
            "epoch": whole.epoch,
            "since": whole.since,
        }
        # For those who ask whether it is a header, which has these members.
        entry |= {"base": None, "next": 0, "changes": whole.entries}
        new = self._path.with_name(f"{self._path.name}.new")
        with draft(new) as descriptor:
            with open(descriptor.number, "wb", closefd=False) as file:
                file.write(encode(entry))
            self._sync(descriptor.number)
        adopt(new, self._path, self._sync)


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
    for later, changed in _later(span, number):
        left = limit - len(keys)
        if left < len(changed) - given:
            keys += changed[given : given + left]
            return keys, position_of(span.epoch, number, given + left)
        keys += changed[given:]
        number, given = later, 0
    return keys, position_of(span.epoch, max(number, span.until))


def _later(span: Span, number: int) -> Iterator[tuple[int, Sequence[Key]]]:
    return (entry for entry in span.entries if entry[0] > number)


def position_of(epoch: str, number: int, given: int = 0) -> str:
    """Return the position after the entry ``number`` and so many keys of the next one."""
    return f"{epoch}.{number}.{given}"


def _parts(position: str) -> tuple[str, int, int]:
    epoch, number, given = position.rsplit(".", 2)
    return epoch, int(number), int(given)
