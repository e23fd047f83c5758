"""Who follows the changes of a table, from all that is in it on."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from app.errors import TooOld
from app.runner.effects import News
from app.storage import Record, Store

T = TypeVar("T")

PIECE = 1_000
"""How many changes are read in one piece."""


class Follower(Generic[T]):
    """Follows one table; what was read stays until it is taken.

    So nothing is lost where one of several tables cannot be read. What is read of a record
    is what ``of`` makes of it.
    """

    def __init__(self, store: Store, table: str, of: Callable[[Record], T]) -> None:
        self._store = store
        self._table = table
        self._of = of
        self._position: str | None = None
        self._version: Hashable = None
        self._known: set[str] = set()
        self._news: dict[str, T | None] = {}

    def read(self) -> None:
        """Read what has changed since the last time; raises Unavailable."""
        if self._position is None:
            # A table that was never written has no position, but a version.
            if self._store.version(self._table) != self._version:
                self._read_all()
            return
        try:
            while True:
                feed = self._store.changes(self._table, self._position, PIECE)
                for change in feed.changes:
                    record = change.record
                    self._note(
                        str(change.key), None if record is None else self._of(record)
                    )
                self._position = feed.position
                if len(feed.changes) < PIECE:
                    return
        except TooOld:
            self._read_all()

    def take(self) -> News[T]:
        """Return all that was read, once."""
        news, self._news = self._news, {}
        return list(news.items())

    def _note(self, key: str, found: T | None) -> None:
        self._news[key] = found
        if found is None:
            self._known.discard(key)
        else:
            self._known.add(key)

    def _read_all(self) -> None:
        version = self._store.version(self._table)
        try:
            position = self._store.changes(self._table, None, 1).position
        except TooOld:
            position = None
        records = self._store.scan(self._table)
        found = {str(record.key): self._of(record) for record in records}
        for key in self._known - found.keys():
            self._note(key, None)
        for key, each in found.items():
            self._note(key, each)
        self._position, self._version = position, version
