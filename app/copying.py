"""A copy of a table from one store to another: resumable, and verified at its end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from hashlib import blake2b
from itertools import islice
from typing import Any, Final, NamedTuple

from app.errors import Conflict, Unavailable
from app.storage import Record, Store

BATCH: Final = 1000
"""Documents that are written at once."""


class Content(NamedTuple):
    """How many documents a table has, and a digest of their keys and revisions."""

    documents: int
    digest: bytes


def content(store: Store, table: str) -> Content:
    """Return what a table has, in its order."""
    digest, count = blake2b(), 0
    for record in store.scan(table):
        digest.update(b"%r %d\n" % (repr(record.key).encode(), record.revision))
        count += 1
    return Content(count, digest.digest())


def copy_table(
    source: Store,
    target: Store,
    table: str,
    bar: Callable[..., AbstractContextManager[Any]],
) -> int:
    """Copy the documents of a table that the target lacks, and return how many it has.

    ``bar`` makes what shows the progress, as ``click.progressbar`` does. Raises
    Conflict if the target has others, and Unavailable if the two differ at the end.
    """
    records = source.scan(table)
    with bar(length=source.status()[table].documents, label=table) as shown:
        there = _passed(records, target, table)
        shown.update(there)
        while batch := list(islice(records, BATCH)):
            target.load(table, [record.document for record in batch])
            shown.update(len(batch))
    copied = content(target, table)
    if copied != content(source, table):
        raise Unavailable(
            f"the table {table} is not the same in both stores; was one written meanwhile?"
        )
    return copied.documents


def _passed(records: Iterator[Record], target: Store, table: str) -> int:
    """Pass over the first ``records``, which the target has; raises Conflict."""
    count = 0
    for there in target.scan(table):
        record = next(records, None)
        if record is None or (record.key, record.revision) != (
            there.key,
            there.revision,
        ):
            raise Conflict(
                f"the table {table} of the target has other documents already; only an "
                "empty one, or one with the beginning of the same, can be copied to"
            )
        count += 1
    return count
