"""What is derived from a table, made anew whenever the table has changed."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from app.storage import Store

T = TypeVar("T")


class Derived(Generic[T]):
    """What ``make`` makes of a table, as the table is now."""

    def __init__(self, store: Store, table: str, make: Callable[[], T]) -> None:
        self._store = store
        self._table = table
        self._make = make
        self._made: tuple[Hashable, T] | None = None

    def current(self) -> T:
        """Return it: the same object until the table changes; raises Unavailable."""
        version, made = self._store.version(self._table), self._made
        if made is None or made[0] != version:
            # It is made after the version was asked for, and so is as new or newer.
            made = self._made = version, self._make()
        return made[1]
