"""Fixtures that all tests share: the application over real files in a fresh folder."""

import app  # isort: skip  # names the LOOKUP verb before Falcon is first imported

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import hypothesis
import pytest
from documented import Documented
from shared import SAMPLES, Clock, T, sample, sample_text
from webtest import TestApp

from app.bootstrap import Service, limits, open_service
from app.settings import Settings
from app.storage import Store
from app.storage.memory import Memory, MemoryStore
from app.tables import collections

assert app.__version__

# Else each process that a test starts would compile the whole application anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Shells let what they start in the background ignore it, and so would servers and runners.
signal.signal(signal.SIGINT, signal.default_int_handler)


# A busy machine takes long, also to draw what is tested.
hypothesis.settings.register_profile(
    "patient",
    hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")


LONG = (
    "test_schemathesis",
    "test_docs_browser",
    "test_console_views",
    "test_model",
    "test_services_model",
)
"""The modules with the longest tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that none is left for one process in the end."""
    items.sort(key=lambda item: item.path.stem not in LONG)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the tests themselves, which live to the end."""
    gc.freeze()


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


BACK_END = os.environ.get("SVCTASKS_TEST_STORE", "files")
"""On what the API is tested: files, memory or postgresql."""

assert BACK_END in ("files", "memory", "postgresql"), BACK_END


@pytest.fixture(autouse=True)
def _files(request: pytest.FixtureRequest) -> None:
    """Leave out what opens or edits data files where there are none."""
    if BACK_END != "files" and request.node.get_closest_marker("files"):
        pytest.skip("there are no data files")


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    """Let the tables in PostgreSQL be used by the next test, if there are any."""
    yield
    if "postgres" in sys.modules:
        sys.modules["postgres"].release_all()


@pytest.fixture
def another_store(settings: Settings) -> Callable[..., Store | None]:
    """The function to a store over the same tables; to none where there are files.

    Its limits are those of the settings that it is given, if any.
    """
    memory, known = Memory(), collections(settings)

    def open_(given: Settings = settings) -> Store | None:
        if BACK_END == "files":
            return None
        if BACK_END == "memory":
            return MemoryStore(known, memory, limits(given))
        from postgres import tables

        return tables(settings.data, known).open(limits(given))

    return open_


@pytest.fixture
def service(
    settings: Settings,
    clock: Clock,
    log: StringIO,
    another_store: Callable[..., Store | None],
) -> Iterator[Service]:
    """The whole service; each reply must be as the OpenAPI document says."""
    service = open_service(settings, clock, log, store=another_store())
    documented = Documented(settings.services_prefix)
    service.application.add_middleware(documented)
    yield service
    service.close()
    assert not documented.faults


@pytest.fixture
def store(service: Service) -> Store:
    return service.store


@pytest.fixture
def api(service: Service) -> TestApp:
    """The API over an empty store."""
    return TestApp(service.application)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    subprocess.run(mount, check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
