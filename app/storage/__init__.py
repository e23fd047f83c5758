"""The store contract: what every back end promises, in words and types.

* A store holds tables; a table maps keys, all strings or all integers, to documents, which
  are plain JSON objects that hold their key in a member of their own. Each record has a
  revision, an integer that is another one whenever the document is; it is compared for
  equality only. It is ``revision_of`` the document, on every back end: who copies a table
  to another one keeps the revisions. Records are equal if key and revision are; table, key
  and revision together name what is made of a document for ever.
* Documents come back verbatim: with their members in the order in which they were, and
  1 never as 1.0 or true.
* A write is atomic and durable when its call returns; one that raises changed nothing,
  except after Unavailable: then it may or may not have happened.
* A read may show a write before that call returns, and so before it is on disk: what was
  read, but never acknowledged, may be gone after a power loss.
* ``update`` is an atomic read-modify-write: ``change`` maps the old document to the new
  one, under the same key, and may be called more than once. When it returns the document
  it was given, nothing is written. With ``revisions`` it raises Stale if the record is in
  none of them. ``update_each`` does so with one document after
  the other of those that are there when it begins.
* ``add`` and ``update`` hand on a function that gives ids: integers for each sequence of
  the table, from 1 to 2**62 - 1, which rise within one worker, perhaps with gaps. An id
  that is in a document (``Collection.ids``), or was, is never given: not by another worker,
  not after a restart, whatever became of the document. One that was given for a write that
  did not happen may be given again.
* A store may have ``Limits``: ``insert``, ``add`` and ``update`` raise TooLarge for a
  document beyond that of documents, unless it is smaller than it was, and TableFull for a
  write by which a table would grow beyond its own. What comes from files, by ``load`` or by
  hand, may be larger. What counts is what is there at that moment, of any worker, so that
  writes at the same time do not exceed them together.
* ``find`` returns the records that a Query asks for, and how many match it in all. Where
  more match a condition than have to be ``counted``, it may return any number of them
  beyond that and beyond the end of the page, and says that this is the least.
  Documents that the order of the query leaves equal are in the order of the table; where
  the last field of the query's order descends, in the reverse: that of the mirrored query.
* The order of a table is that of ``Collection.order``, and in it the order in which the
  documents were added, in every worker and after every restart. ``insert`` and ``load``
  add documents in the order in which they are given; ``load`` with ``clear`` adds all.
* A write within a write, of any table, is an error. A read within ``change`` or ``make``
  sees at least what had been written when the write got hold of its table; of that table
  it may miss what is being written with it, so that ``change`` goes by what it is given.
  ``update_each`` comes after each write that began before it; others may come between
  the documents that it changes, and those that it changed stay so if it fails.
* Each write is kept with its ``author``, and when it was made, for ``history``.
* Documents that a store hands out are shared: never change one, build another.
* A store knows no HTTP and no presentation: masks and flat forms are made in ``app.api``.
"""

from collections.abc import (
    Callable,
    Container,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, TypeVar

from app.errors import NotFound, Stale, TableFull, TooLarge, Unavailable, cut
from app.pacing import Pace, unhurried
from app.query import Field, Order, Query

Document = Mapping[str, Any]

Key = str | int
"""What a document is found by: the member of it that its collection names."""

NextId = Callable[[str], int]
"""Gives the next id of a sequence, within one write."""

Update = Callable[[Document, NextId], Document]
"""Returns a document to put in the place of the one that it is given."""

Revisions = Container[int] | None
"""Those of which one is expected of a document; None for any."""

IdsOf = Callable[[Document], Iterable[tuple[str, int]]]
"""Returns the ids in a document, each with the name of its sequence."""


LAST_ID = 2**62 - 1
"""The highest id that is given."""

RETAINED = 10_000
"""How many changes of a table can be asked for at least; each is that of one document."""


class Author(NamedTuple):
    """Who writes: the name of a token, or words in its place, and the id of the request.

    Both are empty where nobody is known.
    """

    name: str = ""
    request: str = ""


author: ContextVar[Author] = ContextVar("author", default=Author())
"""Who makes the writes of this thread, from now on."""


class Record(Protocol):
    """A document in a store, under its key, in one revision."""

    @property
    def key(self) -> Key: ...

    @property
    def document(self) -> Document: ...

    @property
    def revision(self) -> int: ...

    @property
    def size(self) -> int:
        """How many bytes the document has as JSON without white space."""


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Page:
    """The records from ``offset`` to ``limit`` of a query, and the matches in all.

    If ``is_least``, these are as many as ``total`` at least.
    """

    records: Sequence[Record]
    total: int
    is_least: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A document that changed: the record under its key now, or None if it is gone."""

    key: Key
    record: Record | None


@dataclass(frozen=True, slots=True)
class Feed:
    """What changed, and the position after that, to ask on from."""

    changes: Sequence[Change]
    position: str


@dataclass(frozen=True, slots=True)
class PastChange:
    """A document that was put or, if ``is_removal``, removed; by whom, and when.

    The ``time`` is a date-time of RFC 3339.
    """

    key: Key
    is_removal: bool
    time: str
    author: Author


SUM = "sum"
MOST = "most"
TOTAL = "total"
"""How a figure of all workers is made of theirs: ``TOTAL`` is a sum that only rises."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that only one back end has: a number, or a text for people.

    Each worker has one of its own, of which ``across`` makes that of all.
    """

    value: float | str
    meaning: str
    across: str = SUM


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one table, for those who look after it.

    ``documents`` is how many there are, or nearly: nothing is counted for this. The
    ``figures`` are the back end's own, by their names.
    """

    documents: int
    figures: Mapping[str, Figure] = field(default_factory=dict)


class Extent(NamedTuple):
    """How many documents there are, and how many bytes they have as JSON together."""

    documents: int
    size: int


class Limits(NamedTuple):
    """How many bytes a ``document`` may have; how many documents and bytes a table.

    0 is any number.
    """

    document: int = 0
    documents: int = 0
    size: int = 0

    def check_document(self, new: Record, old: Record | None = None) -> None:
        """Raise TooLarge if a document that grows is beyond the limit."""
        if new.size > self.document > 0 and (old is None or new.size > old.size):
            raise TooLarge(
                f"{cut(str(new.key))} would have {new.size} bytes as JSON; "
                f"it may have {self.document} at most (SVCTASKS_MAX_DOCUMENT)"
            )

    def check_table(self, table: str, before: Extent, after: Extent) -> None:
        """Raise TableFull if a write makes ``table`` grow beyond a limit."""
        if before.documents < after.documents > self.documents > 0:
            raise TableFull(
                f"the table {table} would have {after.documents} documents; it may have "
                f"{self.documents} at most (SVCTASKS_MAX_DOCUMENTS)"
            )
        if before.size < after.size > self.size > 0:
            raise TableFull(
                f"the table {table} would have {after.size} bytes as JSON; it may have "
                f"{self.size} at most (SVCTASKS_MAX_TABLE)"
            )


def revision_of(content: bytes) -> int:
    """Return the revision of a document, given as JSON without white space."""
    return int.from_bytes(blake2b(content, digest_size=8).digest()) >> 1


def expected(record: R | None, revisions: Revisions = None) -> R:
    """Return ``record``, if it is there in one of ``revisions``; raises NotFound, Stale."""
    if record is None:
        raise NotFound("Not found")
    if revisions is not None and record.revision not in revisions:
        raise Stale("the document is not in the state that is expected; get it again")
    return record


def checked_id(sequence: str, id_: int) -> int:
    """Return a new id of ``sequence``; raises Unavailable for one after the last."""
    if id_ > LAST_ID:
        raise Unavailable(f"there is no further {sequence}: {LAST_ID} has been given")
    return id_


def no_ids(document: Document) -> Iterable[tuple[str, int]]:
    """Return nothing: the table gives no ids in a document."""
    return ()


@dataclass(frozen=True, slots=True)
class Collection:
    """What a store has to know of a table.

    ``key`` is the member that holds the key. ``order`` is the order of the documents
    where nothing else is asked for, ascending; what it leaves equal, all if it is empty, is
    in the order in which it was added. ``indexed`` are the fields in which equal values
    are looked up rather than searched for. ``complete`` makes a complete document of one
    that a person wrote, given its number and the time of its file (RFC 3339) for what it
    leaves out; it raises Invalid. ``ids`` returns the ids in a document that the table
    has to give. A table that only machines write, not ``is_edited``, need not be ready
    for people to read and to edit at any time. Nobody else may read the files of one that
    ``is_private``, whatever an editor makes of their modes. Queries ask for the members in
    ``searched``, None for any; ``open`` names those that have members of clients in them.
    What is read of one that ``may_be_stale`` may be a little old, where that is set up.
    One that ``is_leased`` is small and seldom written: each request asks for its version.
    An update of one that ``is_serial`` has the whole table: no other goes on meanwhile.
    """

    name: str
    key: str
    order: tuple[Order, ...]
    indexed: tuple[Field, ...]
    complete: Callable[[Any, int, str], dict[str, Any]]
    ids: IdsOf = no_ids
    is_edited: bool = True
    is_private: bool = False
    searched: frozenset[str] | None = None
    open: tuple[str, ...] = ()
    may_be_stale: bool = False
    is_leased: bool = False
    is_serial: bool = False


class Store(Protocol):
    """Tables of documents; see the promises above."""

    @property
    def name(self) -> str:
        """The name of the back end: its figures go under it."""

    def get(self, table: str, key: Key) -> Record:
        """Return the record under ``key``; raises NotFound."""

    def find(self, table: str, query: Query, pace: Pace = unhurried) -> Page:
        """Return the page of records that ``query`` asks for.

        ``pace`` is called every few documents; what it raises ends the search.
        """

    def scan(self, table: str) -> Iterator[Record]:
        """Return all records as they are at one moment, in the order of the table."""

    def version(self, table: str) -> Hashable:
        """Return a value that is another one after each change of the table.

        It costs next to nothing. Values are compared for equality, and with those of this
        very store only. Who keeps what they derive from a table asks before they read it.
        """

    def changes(self, table: str, since: str | None, limit: int) -> Feed:
        """Return up to ``limit`` changes after the position ``since``, the oldest first.

        Without a position there are none, and the position is that of now. One of another
        worker, or from before a restart, is as good. Raises TooOld for a position from
        before the last ``RETAINED`` changes, and where a back end cannot say what changed
        since, as of a table that was never written: who follows it then reads it anew.
        """

    def history(self, table: str) -> Iterator[PastChange]:
        """Return the last changes, as many as ``changes`` knows or more, oldest first."""

    def insert(self, table: str, *documents: Document) -> Sequence[Record]:
        """Add documents, all or none; raises Conflict when a key exists."""

    def add(self, table: str, make: Callable[[NextId], Document]) -> Record:
        """Add the document that ``make`` makes with new ids; raises Conflict."""

    def load(
        self, table: str, documents: Sequence[Document], clear: bool = False
    ) -> None:
        """Add or replace documents, all or none; with ``clear``, remove all others."""

    def update(
        self, table: str, key: Key, change: Update, revisions: Revisions = None
    ) -> Record:
        """Replace a document by what ``change`` makes of it; raises NotFound, Stale."""

    def update_each(self, table: str, change: Callable[[Document], Document]) -> int:
        """Replace each document by what ``change`` makes of it; some, if that raises.

        Returns how many it changed.
        """

    def remove(self, table: str, key: Key, revisions: Revisions = None) -> None:
        """Remove a record; raises NotFound, Stale."""

    def ping(self) -> None:
        """Raise Unavailable when the store cannot be written now."""

    def status(self) -> Mapping[str, Status]:
        """Return the state of each table, as far as it can be known."""

    def figures(self) -> Mapping[str, Figure]:
        """Return what this worker knows of the back end as a whole; it asks nobody."""

    def close(self) -> None:
        """Let go of every resource; what was written is on disk."""


def document_in(store: Store, table: str, key: Key) -> Document | None:
    """Return the document under ``key``; None if there is none."""
    try:
        return store.get(table, key).document
    except NotFound:
        return None
