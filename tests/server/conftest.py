"""Fixtures of the tests that run the real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Server
from servers import SERVERS, PatientServer

__all__ = ["SERVERS"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(data: Path) -> Iterator[Server]:
    """A server with two workers over an empty folder."""
    server = Server(data)
    yield server
    server.kill()


@pytest.fixture
def each_patient_server(
    data: Path, request: pytest.FixtureRequest
) -> Iterator[PatientServer]:
    """A patient server over an empty folder; of which kind, the test says."""
    server = PatientServer(data, request.param)
    yield server
    server.kill()


@pytest.fixture
def each_server(data: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with two workers over an empty folder; of which kind, the test says.

    As in ``@pytest.mark.parametrize("each_server", SERVERS, indirect=True)``.
    """
    server = Server(data, "--server", request.param)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    """One server, of the kind that the test says, for the tests of a module."""
    server = Server(tmp_path_factory.mktemp("shared"), "--server", request.param)
    yield server
    server.kill()
