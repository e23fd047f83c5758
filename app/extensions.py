"""The use cases of extension schemas: create, get, list and delete them.

A deletion takes three atomic steps: the schema is marked, and from then on no reader sees
it; its values are removed from all services; the schema is removed. After a crash between
them the mark is still there, and ``finish`` continues from it, at the next start of a
worker and before a schema is created. No value can be added meanwhile: a write of one reads
the schemas inside of the atomic step that stores it. Context-services contract, section 4.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app import lifecycle
from app.derived import Derived
from app.errors import Conflict, Invalid, NotFound, Stale
from app.schemas import extension, service
from app.schemas.extension_values import Values
from app.schemas.service import LEVELS, Level
from app.storage import Document, Record, Store

TABLE = extension.NAME


class Extensions:
    """What can be done with extension schemas."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = Derived(store, TABLE, lambda: _Known(self._all()))

    def create(self, level: Level, body: Any) -> str:
        """Add the schema in ``body`` and return its name; raises Invalid."""
        document = extension.new(body, level.name, level.reserved)
        self.finish()
        try:
            self._store.insert(TABLE, document)
        except Conflict:
            name = document["name"]
            reason = f"there is an extension schema {name} for {level.name} already"
            raise Invalid.of({"name": [reason]}) from None
        return str(document["name"])

    def all(self, level: Level) -> list[dict[str, Any]]:
        """Return the schemas of a level, as replies show them, by name."""
        return [
            extension.shown(record.document)
            for record in self._all()
            if record.document["level"] == level.name and _is_alive(record.document)
        ]

    def record(self, level: Level, name: str) -> Record:
        """Return the record of the schema ``name``; raises NotFound."""
        try:
            record = self._store.get(TABLE, extension.key(level.name, name))
        except NotFound:
            raise _missing(level, name) from None
        _alive(record.document, level, name)
        return record

    def values(self, level: Level) -> Mapping[str, Values]:
        """Return the rules of values by lower-case name.

        It is the same object as long as no schema is created or deleted.
        """
        return self._known.current().values[level.name]

    def values_of(self, level: Level, name: str) -> Values:
        """Return the rules of the extension ``name``, in any case; raises NotFound."""
        try:
            return self.values(level)[extension.folded(name)]
        except KeyError:
            raise _missing(level, name) from None

    def deleting(self) -> Mapping[str, Collection[str]]:
        """Return the lower-case names whose values are being deleted, by level.

        They are not shown.
        """
        return self._known.current().deleting

    def remove(
        self, level: Level, name: str, revisions: Container[int] | None = None
    ) -> None:
        """Delete the schema ``name``, if it is in one of ``revisions``, and its values.

        Raises NotFound and Stale.
        """
        if revisions is not None:
            # A schema that is being deleted does not exist, whatever its revision.
            self.record(level, name)
        key = extension.key(level.name, name)

        def mark(document: Document, _: object) -> Document:
            return {**_alive(document, level, name), "deleting": True}

        try:
            record = self._store.update(TABLE, key, mark, revisions)
        except NotFound:
            raise _missing(level, name) from None
        self._finish(record)

    def finish(self) -> None:
        """Finish the deletions that were interrupted."""
        for record in self._all():
            if not _is_alive(record.document):
                self._finish(record)

    def _finish(self, record: Record) -> None:
        level, name = LEVELS[record.document["level"]], record.document["name"]

        def stripped(document: Document) -> Document:
            if extension.folded(name) in self.values(level):
                return document
            return lifecycle.without_values(document, level, name)

        # Another process may finish it too, and a client may have created a schema with
        # this name since: that schema and its values stay.
        self._store.update_each(service.NAME, stripped)
        with suppress(NotFound, Stale):
            self._store.remove(TABLE, record.key, {record.revision})

    def _all(self) -> Sequence[Record]:
        return list(self._store.scan(TABLE))


class _Known:
    """The rules of the schemas in ``records``, by level."""

    def __init__(self, records: Sequence[Record]) -> None:
        values: dict[str, dict[str, Values]] = {name: {} for name in LEVELS}
        deleting: dict[str, set[str]] = {name: set() for name in LEVELS}
        for document in (record.document for record in records):
            level, name = document["level"], extension.folded(document["name"])
            if _is_alive(document):
                values[level][name] = Values(document)
            else:
                deleting[level].add(name)
        self.values: Mapping[str, Mapping[str, Values]] = values
        self.deleting: Mapping[str, Collection[str]] = deleting


def _is_alive(document: Document) -> bool:
    return not document.get("deleting", False)


def _alive(document: Document, level: Level, name: str) -> Document:
    if not _is_alive(document):
        raise _missing(level, name)
    return document


def _missing(level: Level, name: str) -> NotFound:
    return NotFound(f'there is no extension schema "{name}" for {level.name}')
