"""Measure the agenda of the next hour: the requests of one worker, one after the other.

The first request decodes every task; the second knows their schedules; before the third a
task has changed.
"""

import app  # isort: skip  # names the LOOKUP verb before Falcon is first imported

import argparse
import gc
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks import task, task_id
from webtest import TestApp

from app.bootstrap import open_service, open_store
from app.settings import Settings

T = "/rest/v1/service/svctasks"
DAYS = [{"dow": day, "timestart": 60, "timestop": 1380} for day in range(1, 8)]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

assert app.__version__


def measure(count: int, folder: Path) -> None:
    """Print how long each agenda of ``count`` enabled tasks takes, and its starts."""
    settings = Settings.from_environment(data=folder, fsync="never")
    settings = replace(settings, timezone="Europe/Berlin")
    documents = [
        task(number) | {"isenabled": 1, "periods": DAYS} for number in range(count)
    ]
    store = open_store(settings)
    store.load("svctasks", documents)
    store.close()
    service = open_service(settings, lambda: NOW, StringIO())
    gc.freeze()  # as the server does
    api = TestApp(service.application)
    api.get(f"{T}?limit=1")
    until = f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    for name in ("first", "again", "after a change"):
        if name == "after a change":
            api.patch_json(f"{T}/{task_id(1)}", {"intervalsec": 1234})
        begin, work = time.perf_counter(), time.process_time()
        reply = api.get(f"{T}/next?until={until}&limit=1000")
        seconds = time.perf_counter() - begin
        cpu = time.process_time() - work
        starts = len(reply.json["starts"])
        print(f"{name}: {seconds:.2f} s ({cpu:.2f} s of CPU), {starts} starts")
    service.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    given = parser.parse_args()
    with TemporaryDirectory() as made:
        measure(given.tasks, Path(made) / "data")
