"""Fixtures of the tests that run the real server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import launched
from console import SCRIPTS, Console
from playwright.sync_api import Browser
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a runner and scripts, for the tests of the console in a module."""
    data = tmp_path_factory.mktemp("console") / "data"
    data.mkdir()
    scripts = {str(number): each for number, each in enumerate(SCRIPTS, 1)}
    (data / "svcscripts.json").write_text(json.dumps({"svcscripts": scripts}))
    server = Server(data, "--runner")
    yield server
    server.kill()


@pytest.fixture
def console(browser: Browser, served: Server) -> Iterator[Console]:
    """The console of that server in a page of its own."""
    console = Console(browser, f"http://127.0.0.1:{served.port}")
    yield console
    console.close()


@pytest.fixture
def task(served: Server) -> Callable[..., Any]:
    """The function that makes a task of that server and returns it."""

    def make(**fields: Any) -> Any:
        reply = served.request("POST", body={"name": "a task", **fields})
        assert reply.status == 200, reply.text
        return reply.json

    return make


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
