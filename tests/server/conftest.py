"""Fixtures of the tests that run the real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Server


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(data: Path) -> Iterator[Server]:
    """A server with two workers over an empty folder."""
    server = Server(data)
    yield server
    server.kill()
