"""The real server over a disk and a clock that fail on demand.

Run: python faulty.py FAULTS --data DIR. While the file FAULTS/flush exists, no flush to
disk succeeds; the file FAULTS/clock holds the seconds by which the clock is late.
"""

import errno
import os
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from app import launch
from app.bootstrap import open_service
from app.settings import Settings

FAULTS = Path(sys.argv[1])


def flush(descriptor: int) -> None:
    if (FAULTS / "flush").exists():
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    os.fdatasync(descriptor)


def clock() -> datetime:
    late = FAULTS / "clock"
    seconds = int(late.read_text()) if late.exists() else 0
    return datetime.now(UTC) - timedelta(seconds=seconds)


if __name__ == "__main__":
    settings = Settings.from_environment(data=Path(sys.argv[3]))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FAULTS)
    launch.serve(settings, partial(open_service, clock=clock, sync=flush))
