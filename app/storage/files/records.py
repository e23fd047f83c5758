"""One document in memory."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol

import orjson

from app.errors import Invalid, Unavailable
from app.storage import Document, Key, revision_of


def encoded(document: Document) -> bytes:
    """Return ``document`` as JSON without white space, to be kept."""
    # orjson leaves kilobytes of room behind what it returns; a copy has none.
    return bytes(memoryview(orjson.dumps(document)))


def key_in(document: bytes, name: str) -> Key:
    """Return the member ``name`` of a document in JSON, the first one if that can be.

    Raises Invalid for what is no document that has such a key.
    """
    found = _first_member(name).match(document)
    if found is None:
        return _key_anywhere_in(document, name)
    text, digits = found.groups()
    try:
        return int(digits) if text is None else str(text, "utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"its {name} is not UTF-8") from None


def _key_anywhere_in(document: bytes, name: str) -> Key:
    try:
        value = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"it is not JSON: {error}") from None
    match value.get(name) if isinstance(value, dict) else None:
        case bool():
            pass
        case str() | int() as key:
            return key
    raise Invalid(f"it has no {name}")


@lru_cache
def _first_member(name: str) -> re.Pattern[bytes]:
    """Return the pattern of a document that begins with its key."""
    return re.compile(rb'\{%b:(?:"([^"\\]*)"|([0-9]{1,19}))[,}]' % orjson.dumps(name))


class Record:
    """A document with its key and its TinyDB number.

    Its ``content`` is the document, or its JSON as the service wrote it: that takes a
    fraction of the memory, and is decoded each time that the document is asked for.
    """

    __slots__ = ("number", "key", "content", "position", "_revision")

    position: Any
    """The position of the record in the order of the table: sort keys, the last its own;
    known once it is sorted."""

    def __init__(self, number: int, key: Key, content: Document | bytes) -> None:
        self.number = number
        self.key = key
        self.content = content
        self._revision: int | None = None

    @property
    def document(self) -> Document:
        """The document; raises Unavailable if what the disk gave back is no JSON."""
        content = self.content
        if not isinstance(content, bytes):
            return content
        try:
            document: Document = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            reason = f"the stored document {self.key} is damaged: {error}"
            raise Unavailable(reason) from None
        return document

    @property
    def encoded(self) -> bytes:
        """The document as JSON without white space."""
        content = self.content
        return content if isinstance(content, bytes) else encoded(content)

    @property
    def size(self) -> int:
        content = self.content
        return len(content if isinstance(content, bytes) else encoded(content))

    def packed(self) -> "Record":
        """Return this record with its document in JSON."""
        return Record(self.number, self.key, self.encoded)

    @property
    def revision(self) -> int:
        """A digest of the document: alike in every worker and after every restart."""
        if self._revision is None:
            self._revision = revision_of(self.encoded)
        return self._revision

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self.key == other.key and self.revision == other.revision

    def __hash__(self) -> int:
        return hash((self.key, self.revision))


def records_in(entry: Mapping[str, Any], name: str) -> list[Record]:
    """Return the records that an entry of a journal puts; raises Invalid as ``key_in``."""
    return [
        Record(number, key_in(document, name), document)
        for number, document in entry.get("put", ())
    ]


class Decoded:
    """A record whose document is decoded once, if at all, for all who look into it."""

    __slots__ = ("record", "_document")

    def __init__(self, record: Record, document: Document | None = None) -> None:
        self.record = record
        self._document = document

    @property
    def document(self) -> Document:
        """The document; raises Unavailable as that of the record does."""
        if self._document is None:
            self._document = self.record.document
        return self._document


class Records(Protocol):
    """Records to look through, and to look up by their keys."""

    def __iter__(self) -> Iterator[Record]: ...

    def get(self, key: Key) -> Record | None: ...
