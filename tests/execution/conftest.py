"""The executor of each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from executing import ENVIRON, URL

from app.execution.executor import Executor


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[Executor]:
    """An executor; nothing that it started is left after the test."""
    executor = Executor(tmp_path, URL, ENVIRON)
    yield executor
    executor.close()
