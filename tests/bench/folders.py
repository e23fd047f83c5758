"""Data folders for the benchmark, as the service itself makes them."""

import time
from collections.abc import Iterable
from pathlib import Path

import orjson
from parts import Part

from app import bootstrap
from app.query import Query
from app.settings import Settings
from app.tables import collections


def checkpoint(folder: Path) -> float:
    """Let the service write the data files itself, as it does on the first day.

    Returns the seconds that it takes to check those that it did not write.
    """
    begin = time.perf_counter()
    settings = Settings.from_environment(data=folder)
    store = bootstrap.open_store(settings)
    seconds = time.perf_counter() - begin
    for collection in collections(settings):
        some = store.find(collection.name, Query(limit=1)).records
        # A table is written when there is anything new in it.
        store.load(collection.name, [record.document for record in some])
    store.close()
    return round(seconds, 2)


def restore(folder: Path, part: Part, size: int) -> None:
    """Put the data back to what they were before clients wrote."""
    store = bootstrap.open_store(Settings.from_environment(data=folder))
    for name, documents in part.tables(size).items():
        store.load(name, list(documents), clear=True)
    store.close()


def write(folder: Path, table: str, documents: Iterable[dict[str, object]]) -> None:
    """Write ``documents`` to a data file, as the service itself does."""
    lines = (
        b'"%d": %b' % (number, orjson.dumps(each))
        for number, each in enumerate(documents, 1)
    )
    path = folder / f"{table}.json"
    path.write_bytes(b'{"%b": {\n%b\n}}\n' % (table.encode(), b",\n".join(lines)))
