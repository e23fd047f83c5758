"""An edit by hand, merged three ways onto the documents of now.

What a person changed is what differs from the version of the data file that their edit
came from; all else stays as it is now. Where both changed a document, the edit wins, and
what it replaced is kept (``edits``).

The version is the one that the marker in the edited file names. Two edits of one version
may be two saves of one editor: the later one then has a document as the earlier one wrote
it, and comes from that. Where there is no marker, or one that is not known, it is the
version from which the fewest documents differ, if one is as only that version had it; else
the newest, and the file is meant as it is. An array, or ``{}``, says nothing of the
version that it came from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.errors import Invalid
from app.storage import Collection, Key
from app.storage.files.entries import LAST, Entry
from app.storage.files.loading import Saved
from app.storage.files.records import Record
from app.storage.files.versions import UNKNOWN, Checkpoint, Edited, Step

Now = Callable[[Key], Record | None]


@dataclass(slots=True)
class Base:
    """The version that an edit came from; the edit named it if it ``is_named``.

    ``former`` are the revisions there of the documents that were written since, and
    ``latter`` what became of them, as far as that is known.
    """

    checkpoint: Checkpoint
    is_named: bool
    former: dict[Key, int | None] = field(default_factory=dict)
    latter: dict[Key, Record | None] = field(default_factory=dict)

    @classmethod
    def of(cls, steps: Sequence[Step], is_named: bool = False) -> "Base":
        """Return the version that ``steps`` lead from."""
        base = cls(steps[0].since, is_named)
        for step in steps:
            for key, revision in step.former.items():
                base.former.setdefault(key, revision)
                base.latter.pop(key, None)
            base.latter |= step.latter
        return base


@dataclass(slots=True)
class Merged:
    """What an edit makes of the documents of now.

    ``put`` and ``gone`` make the merged documents of those of now as well as of those in
    the edited file; ``was`` are the revisions of now. ``replaced`` are documents of now
    that the edit replaced or removed; others had changed those under the keys ``disputed``
    too. Those under ``lost`` were written since the version the edit came from, and what
    was written is in no file. ``edited`` are the revisions that the edit gave to what
    differs from that version.
    """

    put: list[Record] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)
    was: list[int | None] = field(default_factory=list)
    replaced: list[Record] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    disputed: list[Key] = field(default_factory=list)
    lost: list[Key] = field(default_factory=list)
    edited: Edited = field(default_factory=dict)


class Edit(NamedTuple):
    """An edit that was merged: where it came from, what it makes, its journal entry."""

    base: Base
    merged: Merged
    entry: Entry


class Merger:
    """Merges the edited file ``saved``, which comes from a version before one of ``steps``.

    ``edits`` are what earlier edits changed in each version. ``now`` returns a document as
    it is now. Without it, that is what was written in the steps, and else what is in the
    edited file.
    """

    def __init__(
        self,
        saved: Saved,
        steps: Sequence[Step],
        edits: Mapping[Checkpoint, list[Edited]],
        collection: Collection,
        now: Now | None = None,
    ) -> None:
        self._saved = saved
        self._records = {record.key: record for record in saved.records}
        self._steps = steps
        self._edits = edits
        self._collection = collection
        self._written = Base.of(steps)
        self._has_all = now is not None
        self._now = now or self._written_or_saved
        self._moments = {step.moment for step in steps if step.moment}
        self._others_of: dict[Key, set[int]] = {}

    def base(self) -> Base:
        """Return the version that the edit came from."""
        base = self._named() or Base.of(self._steps[self._closest() :])
        base.former |= self._continued(base.checkpoint)
        return base

    def merge(self, base: Base, present: Iterable[Record], next_number: int) -> Merged:
        """Return what the edit makes of the documents ``present``; it came from ``base``.

        New documents have their own numbers, or ones from ``next_number`` on.
        """
        merged = Merged()
        keys = dict.fromkeys(record.key for record in present)
        for known in (self._records, base.former, self._written.former):
            keys |= dict.fromkeys(known)
        results = [(key, self._result(key, base, merged)) for key in keys]
        # Those that are there already keep the numbers that TinyDB's callers know.
        results.sort(key=lambda result: self._now(result[0]) is None)
        taken: set[int] = set()
        for key, result in results:
            now, saved = self._now(key), self._records.get(key)
            if result is None:
                merged.gone += [key] if now or saved else []
                continue
            number = (now or result).number
            if number in taken:
                number, next_number = next_number, next_number + 1
            taken.add(number)
            if next_number <= number <= LAST:
                next_number = number + 1
            record = Record(number, key, result.content)
            if not (now and saved and _alike(record, now) and _alike(record, saved)):
                merged.put.append(record)
        for key in (*(record.key for record in merged.put), *merged.gone):
            former = self._now(key)
            merged.was.append(former.revision if former else None)
        return merged

    def _result(self, key: Key, base: Base, merged: Merged) -> Record | None:
        """Return the merged document under ``key``, and note what becomes of it."""
        now, saved = self._now(key), self._records.get(key)
        is_same = saved is now if now is None else self._is_at(key, now.revision)
        is_untouched = is_same
        if key in base.former:
            revision = base.former[key]
            is_untouched = revision == UNKNOWN or self._is_at(key, revision)
        if is_untouched:
            if self._is_lost(key):
                merged.lost.append(key)
            return now
        merged.edited[key] = None if saved is None else saved.revision
        if not is_same:
            merged.added += now is None
            merged.removed += saved is None
            merged.replaced += [now] if now else []
            merged.disputed += [key] if key in base.former else []
        return saved

    def _named(self) -> Base | None:
        for number, step in enumerate(self._steps):
            if step.since == self._saved.checkpoint:
                return Base.of(self._steps[number:], is_named=True)
        return None

    def _closest(self) -> int:
        """Return the number of the step that follows the closest version."""
        newest = best = len(self._steps) - 1
        differ = {key: not self._is_as_now(key) for key in self._written.former}
        not_newest: set[Key] = set()
        older: set[Key] = set()
        count = fewest = sum(differ.values())
        for number in range(newest, -1, -1):
            for key, revision in self._steps[number].former.items():
                differs = revision != UNKNOWN and not self._is_at(key, revision)
                count += differs - differ[key]
                differ[key] = differs
                is_older = key in not_newest and key in self._records and not differs
                (older.add if is_older else older.discard)(key)
            if number == newest:
                fewest = count
                not_newest = {key for key, differs in differ.items() if differs}
            elif older:
                edited = self._continued(self._steps[number].since)
                others = count - sum(differ.get(key, False) for key in edited)
                others += sum(not self._is_at(*pair) for pair in edited.items())
                # In doubt, what was written since stays.
                if others < fewest or (best == newest and others == fewest):
                    best, fewest = number, others
        return best

    def _continued(self, checkpoint: Checkpoint) -> Edited:
        """Return what the edit of a version changed that this one goes on from, if any."""
        for edited in reversed(self._edits.get(checkpoint, [])):
            put = {
                key: revision
                for key, revision in edited.items()
                if revision is not None
            }
            if put and any(self._is_at(*pair) for pair in put.items()):
                return edited
            if not put and not edited.keys() & self._records.keys():
                return edited
        return {}

    def _is_as_now(self, key: Key) -> bool:
        now = self._now(key)
        return self._is_at(key, None if now is None else now.revision)

    def _is_lost(self, key: Key) -> bool:
        written = self._written
        known = self._has_all or key not in written.former or key in written.latter
        return not known

    def _is_at(self, key: Key, revision: int | None) -> bool:
        """Return whether the edited file has a document in the state of this revision."""
        record = self._records.get(key)
        if record is None or revision is None:
            return record is None and revision is None
        return record.revision == revision or revision in self._others(record)

    def _others(self, record: Record) -> set[int]:
        """Return the revisions that a document may have had for what it says.

        A tool may have put its members into another order, or a person had left out what
        is completed by the time of the file.
        """
        if record.key not in self._others_of:
            others = set()
            if now := self._now(record.key):
                document = _in_order_of(now.document, record.document)
                others.add(Record(0, record.key, document).revision)
            raw = self._saved.documents[record.number]
            for moment in self._moments:
                try:
                    document = self._collection.complete(raw, record.number, moment)
                except Invalid:
                    continue
                others.add(Record(0, record.key, document).revision)
            self._others_of[record.key] = others
        return self._others_of[record.key]

    def _written_or_saved(self, key: Key) -> Record | None:
        return self._written.latter.get(key, self._records.get(key))


def _alike(one: Record, other: Record) -> bool:
    return one.number == other.number and one.encoded == other.encoded


def _in_order_of(model: Any, value: Any) -> Any:
    """Return ``value`` with the members of objects in the order that ``model`` has them."""
    if isinstance(model, dict) and isinstance(value, dict):
        names = [*(name for name in model if name in value), *value]
        return {name: _in_order_of(model.get(name), value[name]) for name in names}
    if isinstance(model, list) and isinstance(value, list):
        models = model + [None] * len(value)
        return [_in_order_of(*pair) for pair in zip(models, value)]
    return value
