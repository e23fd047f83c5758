"""How long a fold keeps a writer waiting: the longest writes while a table is folded.

A write waits for the disk too, and for other threads; the longest writes without folds
stand beside, to tell the one from the other. Run: python tests/bench/folds.py --help
"""

import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import tasks
from folders import fold, write
from parts import TASKS

from app import bootstrap
from app.settings import Settings
from app.storage.files.store import FileStore

TABLE = "svctasks"

SHOWN = 5
"""How many of the longest writes are shown."""


class Writer(threading.Thread):
    """Changes one task after the other, and notes how long each write takes."""

    def __init__(self, store: FileStore, size: int) -> None:
        super().__init__()
        self._store, self._size = store, size
        self.stop = False
        self.milliseconds: list[float] = []

    def run(self) -> None:
        while not self.stop:
            key = tasks.task_id(len(self.milliseconds) % self._size)
            begin = time.perf_counter()
            self._store.update(TABLE, key, self._changed)
            self.milliseconds.append((time.perf_counter() - begin) * 1000)

    def _changed(self, document: Any, _: object) -> Any:
        return {**document, "opts": {"title": str(len(self.milliseconds))}}


@click.command()
@click.option("--size", default=100_000, help="How many tasks there are.")
@click.option("--writers", default=1, help="How many threads write.")
@click.option("--folds", default=10, help="How often the table is folded.")
def main(size: int, writers: int, folds: int) -> None:
    """Write for a while without folds, then while the table is folded again and again."""
    tell(size, writers, folds)


def tell(size: int, writers: int, folds: int) -> None:
    """Show how long writes take with and without ``folds``, in ``writers`` threads."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        for table, documents in TASKS.tables(size).items():
            write(folder, table, documents)
        fold(folder)
        store = bootstrap.open_store(Settings.from_environment(data=folder))
        longest(store, size, writers, "without folds", [0.5] * folds, is_folded=False)
        longest(store, size, writers, "with folds", [0.5] * folds, is_folded=True)
        store.close()


def longest(
    store: FileStore,
    size: int,
    count: int,
    told: str,
    pauses: Iterable[float],
    is_folded: bool,
) -> None:
    """Show the longest writes while there is a fold after each of ``pauses``."""
    writers = [Writer(store, size) for _ in range(count)]
    for writer in writers:
        writer.start()
    for seconds in pauses:
        time.sleep(seconds)
        if is_folded:
            store.table(TABLE).fold()
    for writer in writers:
        writer.stop = True
        writer.join()
    taken = sorted(each for writer in writers for each in writer.milliseconds)
    shown = ", ".join(f"{each:.1f}" for each in taken[-SHOWN:])
    median = taken[len(taken) // 2]
    click.echo(
        f"{told}: {len(taken):,} writes, median {median:.2f} ms, longest {shown} ms"
    )


if __name__ == "__main__":
    main()
