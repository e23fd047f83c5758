"""Records of a table as they are at one moment, looked up a few at a time.

To look up all of them at once would hold up every other thread for their number of cache
misses: 8 ms for 100,000. A view looks up some, goes on when these are used, and is given
what was under a key before a change of it.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from weakref import WeakSet

from app.pacing import FEW
from app.storage import Key
from app.storage.files.records import Record


class Views:
    """The views of ``records``, which change only while somebody holds ``lock``."""

    def __init__(self, records: Mapping[Key, Record], lock: threading.Lock) -> None:
        self._records = records
        self._lock = lock
        self._in_use: WeakSet[_View] = WeakSet()

    # The caller of these holds the lock

    def records(self, keys: Iterator[Key], count: int) -> Iterable[Record]:
        """Return the records under ``count`` keys as they are now.

        They are to be read without the lock, and once, unless they are in a list.
        """
        if count <= FEW:
            return list(map(self._records.__getitem__, keys))
        view = _View(self._records, self._lock, keys)
        self._in_use.add(view)
        return view

    def keep(self, former: Mapping[Key, Record | None]) -> None:
        """Keep what is under keys that are about to change, for the views in use."""
        if len(self._in_use):
            for view in self._in_use:
                for key, record in former.items():
                    view.former.setdefault(key, record)


class _View:
    """The records under ``keys``, of which ``former`` are no longer in ``records``."""

    def __init__(
        self, records: Mapping[Key, Record], lock: threading.Lock, keys: Iterator[Key]
    ) -> None:
        self._records = records
        self._lock = lock
        self._keys = keys
        self.former: dict[Key, Record | None] = {}

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(iter(self._next, []))

    def _next(self) -> list[Record]:
        with self._lock:
            keys = islice(self._keys, FEW)
            if not self.former:
                return list(map(self._records.__getitem__, keys))
            return [self.former.get(key) or self._records[key] for key in keys]
