"""Fixtures that all tests share: the application over real files in a fresh folder."""

import app  # isort: skip  # names the LOOKUP verb before Falcon is first imported

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from app.bootstrap import create_app, open_store
from app.settings import Settings
from app.storage.tables import FileStore

assert app.__version__

T = "/rest/v1/service/svctasks"
"""The collection of service tasks."""

SAMPLES = Path(__file__).parent / "samples"


class Clock:
    """A clock that stands still until it is told to move on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Move on by the arguments of a timedelta."""
        self.now += timedelta(**by)


def sample(name: str) -> Any:
    """Return the JSON value of a sample of the platform's documents."""
    return json.loads((SAMPLES / name).read_bytes())


def sample_text(name: str) -> str:
    """Return a sample as it is printed in the platform's documents."""
    return (SAMPLES / name).read_text().removesuffix("\n")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment(data=tmp_path / "data", node="50e54938780c")


@pytest.fixture
def store(settings: Settings) -> Iterator[FileStore]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def api(store: FileStore, settings: Settings, clock: Clock) -> TestApp:
    """The API over an empty store."""
    return TestApp(create_app(store, settings, clock))
