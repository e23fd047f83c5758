"""What a task takes in the memory of a worker beyond its JSON.

A process is measured before and after it opens a table of tasks, and after queries: what
makes an index and orders of it takes memory. Run: python tests/bench/memory.py --help
"""

import gc
import multiprocessing
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import click
from folders import checkpoint, write
from parts import TASKS
from serving import private_bytes

from app import bootstrap
from app.query import Query
from app.query.grammar import condition, ordering
from app.schemas.svctask import FIELDS
from app.settings import Settings
from app.storage.files.store import FileStore

TABLE = "svctasks"

LIST = Query(condition({"schedule": "work"}, FIELDS), ordering(["name"], FIELDS))
"""What is kept for it: an index, and the order of those that it finds, a quarter."""

ORDERS = [ordering(order, FIELDS) for order in (["name"], [{"intervalsec": "desc"}])]
"""Of all tasks."""


@click.command()
@click.option("--size", default=100_000, help="How many tasks there are.")
def main(size: int) -> None:
    """Tell how many bytes a task takes."""
    tell(size)


def tell(size: int) -> None:
    """Show how many bytes a task takes in a process with ``size`` of them."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        for table, documents in TASKS.tables(size).items():
            write(folder, table, documents)
        checkpoint(folder)
        # A process that did nothing else: what others left free would be used first.
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_measure, args=(folder, size, theirs))
        process.start()
        # The end of the child is the end of the pipe then.
        theirs.close()
        json, loaded, listed, sorted_ = ours.recv()
        process.join()
    click.echo(
        f"memory of each of {size:,} tasks: {json} bytes of JSON, {loaded} beyond it, "
        f"{listed} after a list with filter and sort, {sorted_} after two more sorts"
    )


def _measure(folder: Path, size: int, connection: Connection) -> None:
    # With no tasks first: what a process needs for itself is there then.
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        empty = _opened(Path(name))
        _list(empty)
        _sort(empty)
    found = [_memory()]
    store = _opened(folder)
    found.append(_memory())
    _list(store)
    found.append(_memory())
    _sort(store)
    found.append(_memory())
    json = sum(len(each.encoded) for each in store.find(TABLE, Query()).records)
    beyond = (each - found[0] - json for each in found[1:])
    connection.send([each // size for each in (json, *beyond)])


def _opened(folder: Path) -> FileStore:
    return bootstrap.open_store(Settings.from_environment(data=folder))


def _list(store: FileStore) -> None:
    store.find(TABLE, LIST)


def _sort(store: FileStore) -> None:
    for order in ORDERS:
        store.find(TABLE, Query(order=order))


def _memory() -> int:
    gc.collect()
    return private_bytes("self")


if __name__ == "__main__":
    main()
