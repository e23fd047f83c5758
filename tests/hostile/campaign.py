"""A campaign of hostile inputs, which can be stopped and goes on where it was.

An input follows from the seed, the name of its family and its number, and what it does
also from those before it in its batch. So a batch can be tried again alone.
"""

import json
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from families import FAMILIES

HANG = 60
"""Seconds that one input may take; even on a busy machine, it takes milliseconds."""

MOST = 20
"""Faults of one family after which it ends."""


class Hang(Exception):
    """An input takes too long."""


class Campaign:
    """Tries ``total`` inputs of all families by ``seed``.

    How far it is, and what it found, is in the file ``progress``, if that is given.
    """

    def __init__(self, seed: int, total: int, progress: Path | None = None) -> None:
        self._seed = seed
        self._total = total
        self._progress = progress
        self._kept: dict[str, Any] = {"seed": seed, "total": total, "families": {}}
        if progress is not None and progress.exists():
            kept = json.loads(progress.read_text())
            if (kept["seed"], kept["total"]) == (seed, total):
                self._kept = kept

    def run(self, name: str, folder: Path) -> tuple[int, list[str]]:
        """Try what is left of a family; return how many, and the faults that it found."""
        family = FAMILIES[name]
        wanted = max(family.inputs, self._total * family.part // 1000)
        kept = self._kept["families"].setdefault(
            name, {"inputs": 0, "seconds": 0.0, "faults": 0}
        )
        found: list[str] = []
        while kept["inputs"] < wanted and len(found) < MOST:
            begin = time.monotonic()
            count = min(family.size, wanted - kept["inputs"])
            faults = self.batch(name, folder, kept["inputs"], count)
            found += faults
            kept["inputs"] += count
            kept["faults"] += len(faults)
            kept["seconds"] += time.monotonic() - begin
            self._save(name, kept, wanted)
        return kept["inputs"], found

    def batch(self, name: str, folder: Path, first: int, count: int) -> list[str]:
        """Try ``count`` inputs from number ``first`` on; return the faults.

        Those that are raised at one place are of one kind, and returned once.
        """
        family = FAMILIES[name]
        faults: dict[str, str] = {}
        number = first
        try:
            with family.opened(folder) as attempt:
                for number in range(first, first + count, family.inputs):
                    try:
                        with _bounded():
                            attempt(Random(f"{self._seed} {name} {number}"))
                    except Exception as error:
                        told = self._told(name, number, error)
                        faults.setdefault(_place(error), told)
        except Exception as error:
            faults.setdefault("", self._told(name, number, error))
        return list(faults.values())

    def _told(self, name: str, number: int, error: Exception) -> str:
        lines = traceback.format_exception(error)
        return f"seed {self._seed}, {name}, input {number}: {''.join(lines)[-3000:]}"

    def _save(self, name: str, kept: dict[str, Any], wanted: int) -> None:
        if self._progress is None:
            return
        self._progress.parent.mkdir(parents=True, exist_ok=True)
        new = self._progress.with_suffix(".new")
        new.write_text(json.dumps(self._kept, indent=1))
        new.replace(self._progress)
        rate = kept["inputs"] / kept["seconds"]
        print(
            f"{name}: {kept['inputs']:,} of {wanted:,}, {rate:,.0f} a second, "
            f"{kept['faults']} faults",
            flush=True,
        )


def _place(error: BaseException) -> str:
    """Return where an error was raised: those from one place are of one kind."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {frame.filename}:{frame.lineno}"


@contextmanager
def _bounded() -> Iterator[None]:
    def end(*_: object) -> None:
        raise Hang(f"an input takes more than {HANG} seconds")

    before = signal.signal(signal.SIGALRM, end)
    # Again each second: Python ignores what is raised while it destroys an object.
    signal.setitimer(signal.ITIMER_REAL, HANG, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
