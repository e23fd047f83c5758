"""Versions of tables, and what changed in them, in the order of the commits.

A transaction gets its number before it ends, so that a later one may end first: only what
comes before every transaction that is still open is handed out, else a reader would skip
what is committed behind its position.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from psycopg import Connection
from psycopg.rows import TupleRow

from app.errors import TooOld
from app.storage import Author, Change, Feed, PastChange
from app.storage.postgresql.columns import Columns
from app.storage.postgresql.records import stored

VERSION = """
SELECT coalesce(sum(changes), 0)::bigint FROM stripes WHERE collection = %s"""

HISTORY = """
SELECT key, is_removal, time, author, request FROM changes WHERE collection = %s
ORDER BY xid, id"""

DOCUMENTS = "SELECT collection, sum(documents)::bigint FROM stripes GROUP BY collection"

SIZES = """
SELECT name, pg_total_relation_size(to_regclass(quote_ident(name)))
FROM unnest(%s::text[]) AS name"""

COUNTS = """
SELECT coalesce(sum(documents), 0)::bigint, (SELECT count(*) FROM {})
FROM stripes WHERE collection = %s"""

_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"

_SINCE = """
SELECT c.xid::text, c.id, c.key, t.document,
    (SELECT (f.xid, f.id) > (%(xid)s::xid8, %(id)s::bigint) FROM forgotten AS f
     WHERE f.collection = %(table)s)
FROM (VALUES (true)) AS one (row) LEFT JOIN (
    SELECT xid, id, key, row_key FROM changes
    WHERE collection = %(table)s AND (xid, id) > (%(xid)s::xid8, %(id)s::bigint)
    AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, id LIMIT %(limit)s::bigint
) AS c ON true LEFT JOIN {table} AS t USING (row_key) ORDER BY c.xid, c.id"""


def changes(
    connection: "Connection[TupleRow]", columns: Columns, since: str | None, limit: int
) -> Feed:
    """Return what changed in a table after the position ``since``; raises TooOld."""
    if since is None:
        row = connection.execute(_NOW).fetchone()
        assert row is not None
        return Feed([], f"{row[0]}:0")
    table, position = columns.collection.name, since
    xid, _, id_ = since.partition(":")
    rows = connection.execute(
        _SINCE.format(table=columns.table),
        {"table": table, "xid": xid, "id": id_, "limit": limit},
    ).fetchall()
    if rows[0][4]:
        raise TooOld("what changed since then is no longer known")
    found = []
    for xid, id_, key, document, _ in rows:
        if xid is not None:
            now = None if document is None else stored(document, columns.collection.key)
            found.append(Change(orjson.loads(key), now))
            position = f"{xid}:{id_}"
    return Feed(found, position)


def history(rows: Sequence[tuple[Any, ...]]) -> Iterator[PastChange]:
    """Return the changes in ``rows``."""
    for key, is_removal, time, name, request in rows:
        yield PastChange(orjson.loads(key), is_removal, time, Author(name, request))
