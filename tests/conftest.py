"""Fixtures that all tests share: the application over real files in a fresh folder."""

import app  # isort: skip  # names the LOOKUP verb before Falcon is first imported

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from documented import Documented
from shared import SAMPLES, Clock, T, sample, sample_text
from webtest import TestApp

from app.bootstrap import Service, open_service
from app.settings import Settings
from app.storage.files.store import FileStore

assert app.__version__

__all__ = ["SAMPLES", "Clock", "T", "sample", "sample_text"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment(data=tmp_path / "data", node="50e54938780c")


@pytest.fixture
def log() -> StringIO:
    """What the service logs."""
    return StringIO()


@pytest.fixture
def service(settings: Settings, clock: Clock, log: StringIO) -> Iterator[Service]:
    """The whole service; each reply must be as the OpenAPI document says."""
    service = open_service(settings, clock, log)
    documented = Documented(settings.services_prefix)
    service.application.add_middleware(documented)
    yield service
    service.close()
    assert not documented.faults


@pytest.fixture
def store(service: Service) -> FileStore:
    return service.store


@pytest.fixture
def api(service: Service) -> TestApp:
    """The API over an empty store."""
    return TestApp(service.application)
