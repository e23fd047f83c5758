"""The executor of each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.execution import Executor

URL = "http://127.0.0.1:8000"

ENVIRON = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TZ": "Europe/Berlin",
    "SVCTASKS_DATA": "/secret/place",
    "API_KEY": "abc",
    "LD_LIBRARY_PATH": "/usr/lib/of-the-system",
}


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[Executor]:
    """An executor; nothing that it started is left after the test."""
    executor = Executor(tmp_path, URL, ENVIRON)
    yield executor
    executor.close()
