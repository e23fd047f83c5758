"""The store contract: what every back end promises, in words and types.

* A store holds tables; a table maps string keys to documents, which are plain JSON
  objects that hold their key in a member of their own. Each record has a revision, an
  integer that is another one whenever the document is; it is compared for equality only.
* A write is atomic and durable when its call returns; one that raises changed nothing,
  except after Unavailable: then it may or may not have happened.
* ``update`` is an atomic read-modify-write: ``change`` maps the old document to the new
  one and may be called more than once. When it returns the document it was given, nothing
  is written. With ``revision`` it raises Stale if the record is in another one.
* ``find`` returns the records that a Query asks for, and how many match it in all.
  Documents that the order of the query leaves equal stand in the order of the table.
* Documents that a store hands out are shared: never change one, build another.
* A store knows no HTTP and no presentation: masks and flat forms are made in ``app.api``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.query import Field, Order, Query

Document = Mapping[str, Any]


class Record(Protocol):
    """A document in a store, under its key, in one revision."""

    @property
    def key(self) -> str: ...

    @property
    def document(self) -> Document: ...

    @property
    def revision(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Page:
    """The records from ``offset`` to ``limit`` of a query, and the matches in all."""

    records: Sequence[Record]
    total: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one table, for those who look after it.

    ``journal_bytes`` and ``unfolded_entries`` are what the journal holds beyond the data
    file; ``last_fold_timestamp_seconds`` is when that was written last, in seconds since
    1970, or 0; ``fault`` says what is wrong with an edit by hand.
    """

    documents: int
    journal_bytes: int = 0
    unfolded_entries: int = 0
    last_fold_timestamp_seconds: float = 0.0
    fault: str = ""

    @property
    def edit_broken(self) -> bool:
        """Whether an edit by hand cannot be served."""
        return bool(self.fault)


@dataclass(frozen=True, slots=True)
class Collection:
    """What a store has to know of a table.

    ``key`` is the member that holds the key. ``order`` is the order in which documents
    stand where nothing else is asked for; its last field is the key. ``indexed`` are the
    fields in which equal values are looked up rather than searched for. ``complete`` makes
    a complete document of one that a person wrote, given its number and the time of its
    file (RFC 3339) for what it leaves out; it raises Invalid.
    """

    name: str
    key: str
    order: tuple[Order, ...]
    indexed: tuple[Field, ...]
    complete: Callable[[Any, int, str], dict[str, Any]]


class Store(Protocol):
    """Tables of documents; see the promises above."""

    def get(self, table: str, key: str) -> Record:
        """Return the record under ``key``; raises NotFound."""

    def find(self, table: str, query: Query) -> Page:
        """Return the page of records that ``query`` asks for."""

    def insert(self, table: str, *documents: Document) -> Sequence[Record]:
        """Add documents, all or none; raises Conflict when a key exists."""

    def load(
        self, table: str, documents: Sequence[Document], clear: bool = False
    ) -> None:
        """Add or replace documents, all or none; with ``clear``, remove all others."""

    def update(
        self,
        table: str,
        key: str,
        change: Callable[[Document], Document],
        revision: int | None = None,
    ) -> Record:
        """Replace a document by what ``change`` makes of it; raises NotFound, Stale."""

    def remove(self, table: str, key: str, revision: int | None = None) -> None:
        """Remove a record; raises NotFound, Stale."""

    def next_id(self, sequence: str) -> int:
        """Return 1, 2, 3 … for each ``sequence``, never the same number twice."""

    def ping(self) -> None:
        """Raise Unavailable when the store cannot be written now."""

    def status(self) -> Mapping[str, Status]:
        """Return the state of each table, as far as it can be known."""

    def close(self) -> None:
        """Let go of every resource; what was written is on disk."""
