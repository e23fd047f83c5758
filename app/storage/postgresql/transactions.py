"""One write: a transaction on one table, with what has to be noted of it.

Each holds its table from the beginning, with others or alone, so that what it reads
meanwhile is at least as new as that. At its end the changes are noted, and the table's
counts in one of its stripes; a write that makes a table grow near a limit starts again,
alone, so that writes at the same time do not exceed it together.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.rows import TupleRow

from app.datetimes import moment, now
from app.errors import Conflict
from app.storage import (
    LAST_ID,
    RETAINED,
    Extent,
    Key,
    Limits,
    Revisions,
    author,
    expected,
)
from app.storage.encoded import Record
from app.storage.postgresql.columns import Columns
from app.storage.postgresql.ids import Given, Ids
from app.storage.postgresql.records import digest, searched, stored

CHUNK: Final = 1000
"""Documents that one statement writes."""

NEAR: Final = Extent(1000, 64 << 20)
"""So near to a limit, a write that grows is alone: as much may be on its way."""

PRUNED: Final = 2000
"""Changes after which the oldest are forgotten."""

_ROW = "(VALUES (%s::uuid, %s::json, %s::jsonb, 1)) AS u (k, d, s, n)"
_ROWS = "unnest(%s::uuid[], %s::json[], %s::jsonb[]) WITH ORDINALITY AS u (k, d, s, n)"

_CHANGE = "(VALUES (%s::uuid, %s::json, %s::boolean, 1)) AS c (k, j, r, n)"
_CHANGES = """
unnest(%s::uuid[], %s::json[], %s::boolean[]) WITH ORDINALITY AS c (k, j, r, n)"""

_NOTED = """
WITH noted AS (
    INSERT INTO changes
        (collection, row_key, key, is_removal, time, author, request, write)
    SELECT %s, k, j, r, %s, %s, %s, %s FROM {changes} ORDER BY n
    RETURNING id
), counted AS (
    UPDATE stripes
    SET documents = documents + %s, size = size + %s, changes = changes + %s
    WHERE collection = %s
    AND stripe = pg_backend_pid() %% (SELECT count(*) FROM stripes WHERE collection = %s)
){done}
SELECT min(noted.id), max(noted.id), b.documents, b.size, {rows} FROM noted, (
    SELECT coalesce(sum(documents), 0)::bigint, coalesce(sum(size), 0)::bigint
    FROM stripes WHERE collection = %s
) AS b (documents, size) GROUP BY b.documents, b.size"""
"""The last statement of a write: ``done`` is the write itself, if it is of one document.

It returns the numbers of the changes, how large the table was before them, and ``rows``.
"""

_FORGET = """
WITH oldest AS (
    SELECT xid, id FROM changes WHERE collection = %s
    ORDER BY xid DESC, id DESC OFFSET %s LIMIT 1
), marked AS (
    UPDATE forgotten AS f SET xid = o.xid, id = o.id FROM oldest AS o
    WHERE f.collection = %s AND (f.xid, f.id) < (o.xid, o.id)
)
DELETE FROM changes AS c USING oldest AS o
WHERE c.collection = %s AND (c.xid, c.id) <= (o.xid, o.id)"""

_SKIP = """
UPDATE forgotten SET xid = pg_current_xact_id(), id = %s WHERE collection = %s"""


class _Last(NamedTuple):
    """The write of one document, which is done with the notes; the record if it is new."""

    text: str
    values: tuple[Any, ...]
    added: Record | None = None


class NotAlone(Exception):
    """A write has to be done again, with its table for itself."""


class Transaction:
    """The writes to the table of ``columns`` in one transaction."""

    def __init__(
        self,
        connection: "Connection[TupleRow]",
        columns: Columns,
        ids: Ids,
        limits: Limits,
        is_alone: bool,
        begin: str = "",
    ) -> None:
        self._begin = begin
        self.connection = connection
        self._columns = columns
        self._table = columns.table
        self._collection = columns.collection
        self._limits = limits
        self.is_alone = is_alone
        self._changes: list[tuple[Key, bool]] = []
        self._documents = 0
        self._size = 0
        self._others: dict[str, int] = {}
        self._given: Given | None = None
        self._last: _Last | None = None
        self._ids = ids

    def begin(self) -> None:
        """Begin, with the table held; psycopg begins none by itself."""
        mode = "EXCLUSIVE" if self.is_alone else "ROW EXCLUSIVE"
        unlimited = "SET LOCAL statement_timeout = 0; " if self.is_alone else ""
        self.connection.execute(
            f"BEGIN; {self._begin}{unlimited}LOCK TABLE {self._table} IN {mode} MODE"
        )
        if self._columns.gives_ids:
            self._given = self._ids.begin(self.connection, self._collection.name)

    def next_id(self, sequence: str) -> int:
        """Return a new id; raises Unavailable."""
        if self._given is None:
            self._given = self._ids.begin(self.connection, self._collection.name)
        return self._given.next_id(sequence)

    def undo(self) -> None:
        """Give back what is not needed: the write did not happen."""
        if self._given is not None:
            self._given.give_back()

    # What is read

    def held(self, key: Key, revisions: Revisions) -> Record:
        """Return a record, which nobody else changes; raises NotFound and Stale."""
        row = self.connection.execute(
            f"SELECT document FROM {self._table} WHERE row_key = %s FOR UPDATE",
            (digest(key),),
        ).fetchone()
        found = None if row is None else stored(row[0], self._collection.key)
        return expected(found, revisions)

    def held_rows(self, rows: Sequence[UUID]) -> list[Record]:
        """Return the records of some rows, as far as they are still there."""
        found = self.connection.execute(
            f"SELECT document FROM {self._table} WHERE row_key = ANY (%s) "
            "ORDER BY position FOR UPDATE",
            (list(rows),),
        )
        return [stored(content, self._collection.key) for (content,) in found]

    # What is written

    def insert(self, records: Sequence[Record]) -> None:
        """Add records; raises Conflict, at the end if it is one."""
        text = (
            f"INSERT INTO {self._table} (row_key, document, search) SELECT k, d, s "
            "FROM {rows} ORDER BY n ON CONFLICT DO NOTHING RETURNING row_key"
        )
        if len(records) == 1:
            self._last = _Last(
                text.format(rows=_ROW), self._row(records[0]), records[0]
            )
        else:
            for start in range(0, len(records), CHUNK):
                self._insert_all(text, records[start : start + CHUNK])
        for record in records:
            self._note(record, None)

    def _insert_all(self, text: str, records: Sequence[Record]) -> None:
        found = self.connection.execute(
            f"WITH put AS ({text.format(rows=_ROWS)}) SELECT row_key FROM put",
            self._rows(records),
        ).fetchall()
        if len(found) < len(records):
            new = {row[0] for row in found}
            raise self._conflict(
                next(each for each in records if digest(each.key) not in new)
            )

    def _conflict(self, record: Record) -> Conflict:
        return Conflict(f"{self._collection.key} {record.key} exists already")

    def replace(self, pairs: Sequence[tuple[Record, Record]]) -> None:
        """Replace records, each the first of a pair, by the second."""
        text = (
            f"UPDATE {self._table} AS t SET document = u.d, search = u.s "
            "FROM {rows} WHERE t.row_key = u.k RETURNING t.row_key"
        )
        if len(pairs) == 1:
            [[_, new]] = pairs
            self._last = _Last(text.format(rows=_ROW), self._row(new))
        else:
            for start in range(0, len(pairs), CHUNK):
                some = [record for _, record in pairs[start : start + CHUNK]]
                self.connection.execute(text.format(rows=_ROWS), self._rows(some))
        for old, record in pairs:
            self._note(record, old)

    def remove(self, record: Record) -> None:
        """Remove a record, which is held."""
        text = f"DELETE FROM {self._table} WHERE row_key = %s RETURNING row_key"
        self._last = _Last(text, (digest(record.key),))
        self._changes.append((record.key, True))
        self._documents -= 1
        self._size -= record.size

    def load(self, records: Sequence[Record], clear: bool) -> None:
        """Put records, and remove all others if ``clear``; the table is held alone."""
        name = self._collection.key
        if clear:
            found = self.connection.execute(
                f"WITH gone AS (DELETE FROM {self._table} RETURNING *) "
                "SELECT document -> %s::text, octet_length(document::text) "
                "FROM gone ORDER BY position",
                (name,),
            )
        else:
            found = self.connection.execute(
                "SELECT document -> %s::text, octet_length(document::text) "
                f"FROM {self._table} WHERE row_key = ANY (%s)",
                (name, [digest(record.key) for record in records]),
            )
        sizes = {orjson.loads(key): size for key, size in found}
        if clear or not sizes:
            self._copy(records)
        else:
            for start in range(0, len(records), CHUNK):
                self.connection.execute(
                    f"INSERT INTO {self._table} (row_key, document, search) "
                    f"SELECT k, d, s FROM {_ROWS} ORDER BY n ON CONFLICT (row_key) "
                    "DO UPDATE SET document = excluded.document, search = excluded.search",
                    self._rows(records[start : start + CHUNK]),
                )
        for record in records:
            self._note(record, None)
            size = sizes.pop(record.key, None)
            if size is not None:
                self._documents -= 1
                self._size -= size
        if clear:
            self._changes.extend((key, True) for key in sizes)
            self._documents -= len(sizes)
            self._size -= sum(sizes.values())

    def _copy(self, records: Iterable[Record]) -> None:
        """Add records, of which the table has none."""
        text = f"COPY {self._table} (row_key, document, search) FROM STDIN"
        with self.connection.cursor().copy(text) as rows:
            for record in records:
                rows.write_row(self._row(record))

    def _rows(self, records: Iterable[Record]) -> tuple[list[Any], ...]:
        rows = zip(*map(self._row, records), strict=True)
        return tuple(map(list, rows))

    def _row(self, record: Record) -> tuple[UUID, str, str]:
        content = record.content.decode()
        return (
            digest(record.key),
            content,
            searched(record, self._collection.searched),
        )

    def _note(self, record: Record, old: Record | None) -> None:
        self._changes.append((record.key, False))
        self._documents += old is None
        self._size += record.size - (0 if old is None else old.size)
        if not self._columns.gives_ids:
            return
        ids = self._collection.ids
        known = set() if old is None else set(ids(old.document))
        taken = {} if self._given is None else self._given.taken
        for sequence, id_ in ids(record.document):
            if (sequence, id_) in known or id_ > LAST_ID:
                continue
            if id_ not in taken.get(sequence, ()):
                self._others[sequence] = max(id_, self._others.get(sequence, 0))

    # The end

    @property
    def has_changed(self) -> bool:
        """Whether there is anything to be committed."""
        return bool(self._changes)

    def finish(self, token: UUID, is_limited: bool) -> None:
        """Note what was written, before the commit; raises TableFull and NotAlone.

        ``token`` names the write: by it a retry knows whether it was done.
        """
        if self._others:
            self._need_to_be_alone()
            assert self._given is not None
            self._given.void(self.connection, self._others)
        table = self._collection.name
        first, last, before = self._noted(token)
        if is_limited and (self._documents > 0 or self._size > 0):
            self._check_limits(before)
        if last // PRUNED != (first - 1) // PRUNED:
            self.connection.execute(_FORGET, (table, RETAINED, table, table))

    def _noted(self, token: UUID) -> tuple[int, int, Extent]:
        """Do what is left to do, and note it; returns how large the table was before.

        Raises Conflict.
        """
        table = self._collection.name
        changes = self._changes[-RETAINED:]
        noted = [
            (digest(key), orjson.dumps(key).decode(), is_removal)
            for key, is_removal in changes
        ]
        is_one = len(noted) == 1
        by, last = author.get(), self._last
        values = () if last is None else last.values
        row = self.connection.execute(
            _NOTED.format(
                changes=_CHANGE if is_one else _CHANGES,
                done="" if last is None else f", done AS ({last.text})",
                rows="1" if last is None else "(SELECT count(*) FROM done)",
            ),
            (
                table,
                moment(now()),
                by.name,
                by.request,
                token,
                *(noted[0] if is_one else map(list, zip(*noted, strict=True))),
                self._documents,
                self._size,
                len(self._changes),
                table,
                table,
                *values,
                table,
            ),
        ).fetchone()
        assert row is not None
        if last is not None and last.added is not None and not row[4]:
            raise self._conflict(last.added)
        if len(changes) < len(self._changes):
            self.connection.execute(_SKIP, (row[0] - 1, table))
        return row[0], row[1], Extent(row[2], row[3])

    def _check_limits(self, before: Extent) -> None:
        limits = self._limits
        after = Extent(before.documents + self._documents, before.size + self._size)
        near = Extent(after.documents + NEAR.documents, after.size + NEAR.size)
        if near.documents > limits.documents > 0 or near.size > limits.size > 0:
            self._need_to_be_alone()
        limits.check_table(self._collection.name, before, after)

    def _need_to_be_alone(self) -> None:
        if not self.is_alone:
            raise NotAlone
