"""What the tests of several folders share: the samples, the address, a clock."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.api.pages import OF_CONSOLE, OF_DOCS

T = "/rest/v1/service/svctasks"
"""The collection of service tasks."""

SAMPLES = Path(__file__).parent / "samples"

DATA = SAMPLES / "data"
"""A data folder with two tasks, a service and the schemas of its extensions, to copy."""

ASKED = (
    "active_states=true&completed_states=true&active_tasks=true&completed_tasks=true"
    "&extensions=ClientInfo,relatedOffers"
)
"""What the request for the sample of a service asks for."""


PATIENCE = 600
"""Seconds to wait for what must happen; only what hangs takes so long, on any machine."""


class Clock:
    """A clock that stands still until it is told to move on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Move on by the arguments of a timedelta."""
        self.now += timedelta(**by)


RUNNER = {
    "id": "r1",
    "host": "vm1",
    "process": "1",
    "site": "",
    "beat": 1,
    "looked": 1767323045000,
    "active": 0,
    "open": 0,
    "is_stopped": 0,
}
"""The record of a runner that looked less than a second before ``Clock`` was made."""


def files_of_page(name: str) -> list[str]:
    """Return the names of the files that the page ``docs`` or ``console`` loads."""
    folder = Path(__file__).parent.parent / "app" / "api" / name
    own = [
        path.name for path in folder.iterdir() if path.suffix in (".mjs", ".js", ".css")
    ]
    return [*(OF_DOCS if name == "docs" else OF_CONSOLE), *own]


def sample(name: str) -> Any:
    """Return the JSON value of a sample of the platform's documents."""
    return json.loads((SAMPLES / name).read_bytes())


def sample_text(name: str) -> str:
    """Return a sample as it is printed in the platform's documents."""
    return (SAMPLES / name).read_text().removesuffix("\n")


def until(look: Callable[[], Any], enough: Callable[[Any], bool] = bool) -> Any:
    """Look until it is ``enough``, and return what was seen then."""
    end = time.monotonic() + PATIENCE
    while not enough(seen := look()):
        assert time.monotonic() < end, f"still {seen!r} after {PATIENCE} seconds"
        time.sleep(0.01)
    return seen
