"""How long a checkpoint keeps a writer waiting: the longest writes during checkpoints.

A write waits for the disk too, and for other threads: so the longest writes without
checkpoints are shown as well. Run: python tests/bench/checkpoints.py --help
"""

import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import tasks
from folders import checkpoint, write
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
@click.option("--checkpoints", default=10, help="How often the table is checkpointed.")
def main(size: int, writers: int, checkpoints: int) -> None:
    """Write for a while without checkpoints, then with one after the other."""
    tell(size, writers, checkpoints)


def tell(size: int, writers: int, checkpoints: int) -> None:
    """Show how long writes of ``writers`` threads take without and with ``checkpoints``."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        for table, documents in TASKS.tables(size).items():
            write(folder, table, documents)
        checkpoint(folder)
        store = bootstrap.open_store(Settings.from_environment(data=folder))
        longest(
            store,
            size,
            writers,
            "without checkpoints",
            [0.5] * checkpoints,
            is_checkpointed=False,
        )
        longest(
            store,
            size,
            writers,
            "with checkpoints",
            [0.5] * checkpoints,
            is_checkpointed=True,
        )
        store.close()


def longest(
    store: FileStore,
    size: int,
    count: int,
    told: str,
    pauses: Iterable[float],
    is_checkpointed: bool,
) -> None:
    """Show the longest writes while there is a checkpoint after each of ``pauses``."""
    writers = [Writer(store, size) for _ in range(count)]
    for writer in writers:
        writer.start()
    for seconds in pauses:
        time.sleep(seconds)
        if is_checkpointed:
            store.table(TABLE).checkpoint()
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
