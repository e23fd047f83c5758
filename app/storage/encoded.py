"""The record of back ends that have documents as JSON, and decode one that is asked for."""

from typing import Self

import orjson

from app.storage import Document, Key, revision_of


class Record:
    """A document under its key, as JSON without white space."""

    __slots__ = ("key", "content", "_document", "_revision")

    def __init__(
        self, key: Key, content: bytes, document: Document | None = None
    ) -> None:
        self.key = key
        self.content = content
        self._document = document
        self._revision: int | None = None

    @classmethod
    def of(cls, key: Key, document: Document) -> Self:
        """Return the record of a document that is to be written."""
        # The document is read back, so that later changes of it change nothing here.
        return cls(key, orjson.dumps(document))

    @property
    def document(self) -> Document:
        if self._document is None:
            self._document = orjson.loads(self.content)
        return self._document

    @property
    def revision(self) -> int:
        if self._revision is None:
            self._revision = revision_of(self.content)
        return self._revision

    @property
    def size(self) -> int:
        return len(self.content)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self.key == other.key and self.revision == other.revision

    def __hash__(self) -> int:
        return hash((self.key, self.revision))

    def __repr__(self) -> str:
        return f"Record({self.key!r}, {self.content!r})"
