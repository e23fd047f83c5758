"""Fixtures that all tests share: the application over real files in a fresh folder."""

import app  # isort: skip  # names the LOOKUP verb before Falcon is first imported

from collections.abc import Iterator
from pathlib import Path

import pytest
from shared import SAMPLES, Clock, T, sample, sample_text
from webtest import TestApp

from app.bootstrap import create_app, open_store
from app.settings import Settings
from app.storage.tables import FileStore

assert app.__version__

__all__ = ["SAMPLES", "Clock", "T", "sample", "sample_text"]


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
