"""A small disk that is filled, while processes write on it."""

from pathlib import Path

import pytest


def fill(disk: Path) -> None:
    """Take all room that there is now; who holds a former file may let go of it later."""
    with (disk / "ballast").open("ab", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 4096)
