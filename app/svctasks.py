"""The use cases of service tasks: create, find, get, change, remove, look up, import."""

from collections.abc import Container
from datetime import datetime
from random import getrandbits
from typing import Any

from app.datetimes import Clock, instant, milliseconds
from app.errors import Conflict, Invalid, NotFound, Stale
from app.pacing import Pace, unhurried
from app.query import Comparison, Query
from app.schemas import svctask
from app.storage import Document, NextId, Page, Record, Store

TABLE = svctask.NAME

_CODE = svctask.FIELDS.one("svcscriptcode")


class Svctasks:
    """What can be done with service tasks; ``node`` ends every generated id."""

    def __init__(self, store: Store, clock: Clock, node: str) -> None:
        self._store = store
        self._clock = clock
        self._node = node

    def create(self, body: Any) -> Record:
        """Add the svctask in ``body``; raises Invalid, Conflict and Unavailable."""
        while True:
            now = self._clock()
            document = svctask.new(body, lambda: self._new_id(now), instant(now))
            try:
                return self._store.insert(TABLE, document)[0]
            except Conflict:
                if isinstance(body, dict) and body.get("id") is not None:
                    raise

    def find(self, query: Query, pace: Pace = unhurried) -> Page:
        """Return the svctasks that ``query`` asks for; raises what ``pace`` does."""
        return self._store.find(TABLE, query, pace)

    def count_of(self, code: str) -> int:
        """Return how many svctasks start the script with this code."""
        of_code = Comparison(_CODE, "$eq", _CODE.type.comparison_key(code))
        return self._store.find(TABLE, Query(of_code, limit=0)).total

    def get(self, id_: str) -> Record:
        """Return the svctask ``id_``; raises NotFound."""
        return self._store.get(TABLE, id_.lower())

    def expect(self, id_: str, revisions: Container[int] | None) -> None:
        """Raise Stale if the svctask is in none of ``revisions``, and NotFound."""
        if revisions is not None and self.get(id_).revision not in revisions:
            raise Stale(
                "the svctask is not in the state that is expected; get it again"
            )

    def change(
        self, id_: str, body: Any, revisions: Container[int] | None = None
    ) -> Record:
        """Change the svctask ``id_`` as ``body`` says, if it is in one of ``revisions``.

        Raises NotFound, Stale, Invalid and Unavailable.
        """
        changes = svctask.changes(body, id_)

        def change(document: Document, _: NextId) -> Document:
            return svctask.changed(document, changes, instant(self._clock()))

        return self._store.update(TABLE, id_.lower(), change, revisions)

    def remove(self, id_: str, revisions: Container[int] | None = None) -> None:
        """Remove the svctask ``id_``, if it is in one of ``revisions``.

        Raises NotFound, Stale and Unavailable.
        """
        self._store.remove(TABLE, id_.lower(), revisions)

    def look_up(self, key: Any) -> list[str]:
        """Return the ids of the svctasks whose key field is ``key``.

        Raises NotFound, and Invalid for what cannot be a key. svctasks contract,
        section 5.
        """
        if isinstance(key, bool) or not isinstance(key, str | int | float):
            raise Invalid(
                'the body must be the key itself, a JSON string such as "380d…"'
            )
        try:
            return [str(self.get(str(key)).key)]
        except NotFound:
            raise NotFound("Lookup failed") from None

    def complete_document(self, raw: Any) -> Document:
        """Return the svctask that an import means, id and times kept; raises Invalid."""
        now = self._clock()
        return svctask.loaded(raw, self._new_id(now), instant(now))

    def _new_id(self, now: datetime) -> str:
        """Return an id in the platform's form. svctasks contract, section 1."""
        # An id is no secret.
        random = f"{getrandbits(32):08x}"  # nosec B311
        return new_id(random, now, self._node)


def new_id(random: str, now: datetime, node: str) -> str:
    """Return the id RRRRRRRR-TTTT-TTTT-TTTT-NNNNNNNNNNNN, T in milliseconds since 1970."""
    time = f"{milliseconds(now) & 0xFFFFFFFFFFFF:012x}"
    return f"{random}-{time[:4]}-{time[4:8]}-{time[8:]}-{node}"
