"""Which documents were written from one checkpoint of a data file to the next.

An edit by hand comes from the version of the data file that a person opened, which may be
older than the present one. With the file of the versions, what was written since is known:
for each document the revision that it had before and, unless that was too much, what was
put there. So an edit can be merged, by running processes as well as at a start.

It has lines like those of the journal, and is only ever added to, until it is begun anew
with the newest of them. Its loss, or that of a line, harms no document: an edit of a
version that is not known is compared with those that are.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from app.datetimes import instant, now
from app.errors import Invalid
from app.storage import Key
from app.storage.files.descriptors import Sync, replace
from app.storage.files.journal import Line, decode, encode
from app.storage.files.records import Record, records_in

FEWEST = 10
"""How many of the last versions are kept in any case."""

BYTES = 4 << 20
"""How many bytes of lines are kept beyond those, before the file is begun anew."""

CONTENT_BYTES = 1 << 20
"""The most bytes of documents that are kept of one version; of more, revisions only."""

UNKNOWN = -1
"""In place of a revision that a journal of an older version does not have."""


class Checkpoint(NamedTuple):
    """What a data file says of itself: the number of its last entry, and when that was.

    The time distinguishes two of one number, after a journal was removed.
    """

    number: int
    time: str

    @classmethod
    def now(cls, number: int) -> "Checkpoint":
        """Return the version of now that has the entry ``number``, and none after it."""
        return cls(number, instant(now()))


@dataclass(slots=True)
class Step:
    """What was written after the version ``since``, up to ``until`` or, if None, to now.

    ``former`` has the revision that each document had before, None if there was none.
    ``latter`` has the documents afterwards, as far as they are known, and ``size`` is that
    of their JSON in bytes. A step that ``is_large`` has none of them. Documents that a
    person wrote were completed with ``moment``.
    """

    since: Checkpoint
    until: Checkpoint | None = None
    moment: str = ""
    former: dict[Key, int | None] = field(default_factory=dict)
    latter: dict[Key, Record | None] = field(default_factory=dict)
    size: int = 0
    is_large: bool = False

    def take(self, entry: Mapping[str, Any], key: str) -> None:
        """Take in an entry of a journal or of versions; ``key`` is the member of it."""
        put, gone = records_in(entry, key), entry.get("gone", ())
        keys = entry.get("keys") or [*(record.key for record in put), *gone]
        was = entry.get("was", ())
        for key_, revision in zip_longest(keys, was[: len(keys)], fillvalue=UNKNOWN):
            self.former.setdefault(key_, revision)
        if not self.is_large:
            latter = {**dict.fromkeys(gone), **{record.key: record for record in put}}
            formers = map(self.latter.get, latter)
            self.size += sum(record.size for record in latter.values() if record)
            self.size -= sum(former.size for former in formers if former)
            self.latter |= latter

    def entry(self) -> dict[str, Any]:
        """Return the line of versions for this step, whose end is known."""
        head = {"until": self.until, "moment": self.moment}
        gone = [key for key, record in self.latter.items() if record is None]
        put = [record for record in self.latter.values() if record is not None]
        if self.is_large or self.size > CONTENT_BYTES:
            keys, was = list(self.former), list(self.former.values())
            return {**head, "keys": keys, "was": was}
        keys = [*(record.key for record in put), *gone]
        documents = [(record.number, record.encoded) for record in put]
        was = [self.former[key] for key in keys]
        return {**head, "put": documents, "gone": gone, "was": was}


def steps_in(
    lines: Callable[[], Iterable[Line]],
    checkpoint: Checkpoint,
    key: str,
    moment: str,
    most: int | None = None,
) -> list[Step]:
    """Return what the lines of a journal after ``checkpoint`` put and removed.

    It is in several steps if there are data files that were written, and not yet followed
    by a journal of their own. ``lines`` gives the lines anew at each call. Steps with more
    than ``most`` bytes of documents have the revisions only.
    """
    steps = [Step(checkpoint, moment=moment)]
    for line in lines():
        if "fold" in line.entry and "at" in line.entry:
            steps[-1].until = Checkpoint(*line.entry["at"])
            steps.append(Step(steps[-1].until))
    for line in lines():
        if "put" in line.entry:
            step = next(
                step
                for step in reversed(steps)
                if line.entry["seq"] > step.since.number or step is steps[0]
            )
            step.take(line.entry, key)
            if most is not None and step.size > most:
                step.latter, step.is_large = {}, True
    return steps


Edited = dict[Key, int | None]
"""What an edit changed: the revisions that it gave documents, None for those it removed."""


class Versions:
    """The file of the versions at ``path``; ``key`` is the member that holds the key."""

    def __init__(self, path: Path, key: str, sync: Sync) -> None:
        self.path = path
        self._key = key
        self._sync = sync

    def add(self, step: Step) -> None:
        """Keep what was written in a step; raises OSError."""
        self._append(step.since, step.entry())

    def add_edit(self, since: Checkpoint, edited: Edited) -> None:
        """Keep what an edit changed in the version ``since``; raises OSError."""
        keys, was = list(edited), list(edited.values())
        self._append(since, {"edited": True, "keys": keys, "was": was})

    def edits(self) -> dict[Checkpoint, list[Edited]]:
        """Return what edits changed in each version, the first edit first."""
        edits: dict[Checkpoint, list[Edited]] = {}
        for entry in self._entries():
            if "edited" in entry:
                edited = dict(zip(entry.get("keys", ()), entry.get("was", ())))
                edits.setdefault(_since(entry), []).append(edited)
        return edits

    def before(self, first: Step) -> list[Checkpoint]:
        """Return the versions that are known before the step ``first``, the last first."""
        since = {
            Checkpoint(*entry["until"]): _since(entry)
            for entry in self._entries()
            if "until" in entry
        }
        known, checkpoint = list[Checkpoint](), first.since
        while checkpoint in since:
            checkpoint = since.pop(checkpoint)
            known.append(checkpoint)
        return known

    def history(
        self, present: Sequence[Step], named: Checkpoint | None = None
    ) -> list[Step]:
        """Return the steps that lead to those that are ``present``, and these.

        From the version ``named`` on, if it is one of those before.
        """
        first = present[0]
        known = (
            [] if any(step.since == named for step in present) else self.before(first)
        )
        if named in known:
            known = known[: known.index(named) + 1]
        wanted = [first.since, *known[:-1]] if known else []
        ending: dict[Checkpoint, Mapping[str, Any]] = {}
        for entry in self._entries():
            if "until" in entry and (until := Checkpoint(*entry["until"])) in wanted:
                ending[until] = entry
        steps = [first]
        for until in wanted:
            # Another process may have begun the file anew in the meantime.
            if (ended := ending.get(until)) is None:
                break
            step = Step(_since(ended), until, ended.get("moment", ""))
            try:
                step.take(ended, self._key)
            except Invalid:
                break
            steps.append(step)
        return [*steps[:0:-1], *present]

    def _entries(self) -> Iterator[Mapping[str, Any]]:
        return (line.entry for line in self._lines())

    def _lines(self) -> Iterator[Line]:
        """Return the sound lines one by one: they may be 8 MB."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for raw in file:
                # A crash may have left half of a line.
                line = decode(raw)
                if line is not None and "time" in line.entry:
                    yield line

    def _append(self, since: Checkpoint, entry: dict[str, Any]) -> None:
        raw = encode({"seq": since.number, "time": since.time, **entry})
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        with open(os.open(self.path, flags, 0o600), "r+b", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            is_torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"
            file.write(b"\n" * bool(is_torn) + raw)
            self._sync(file.fileno())
        if size > 2 * BYTES:
            kept = newest(list(self._lines()))
            replace(self.path, (line.raw for line in kept), self._sync)


def newest(lines: Sequence[Line]) -> list[Line]:
    """Return the last lines: ``FEWEST`` versions at least, others up to ``BYTES``."""
    kept: list[Line] = []
    size = count = 0
    for line in reversed(lines):
        size += len(line.raw)
        if count >= FEWEST and size > BYTES:
            break
        kept.append(line)
        count += "until" in line.entry
    return kept[::-1]


def _since(entry: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(entry["seq"], entry["time"])
