"""A fresh folder with the samples of the platform's documents, to try the service on."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

SAMPLES = resources.files("app") / "samples"


@contextmanager
def folder() -> Iterator[Path]:
    """Make a data folder with two tasks and a service; remove it at the end.

    Raises OSError.
    """
    made = Path(tempfile.mkdtemp(prefix="svctasks-demo-"))
    owner = os.getpid()
    try:
        for sample in SAMPLES.iterdir():
            (made / sample.name).write_bytes(sample.read_bytes())
        yield made
    finally:
        # A worker is a fork that passes here too when it ends.
        if os.getpid() == owner:
            shutil.rmtree(made, ignore_errors=True)
