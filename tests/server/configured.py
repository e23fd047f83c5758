"""The real server with settings of gunicorn that users cannot change.

Run: python configured.py FIGURES NAME=SECONDS... --data DIR. While the file FIGURES/held
exists, no flush to disk ends that a request waits for; then FIGURES/waiting exists.
"""

import os
import sys
import threading
import time
from functools import partial
from pathlib import Path

from app import launch
from app.bootstrap import open_service
from app.settings import Settings

FIGURES, GIVEN, DATA = Path(sys.argv[1]), sys.argv[2:-2], Path(sys.argv[-1])


def flush(descriptor: int) -> None:
    # The keeper of the master is not what is tried.
    is_keeper = threading.current_thread().name == "keeper"
    while not is_keeper and (FIGURES / "held").exists():
        (FIGURES / "waiting").touch()
        time.sleep(0.1)
    os.fdatasync(descriptor)


class Configured(launch.Server):
    def load_config(self) -> None:
        super().load_config()
        for name, seconds in (each.split("=") for each in GIVEN):
            self.cfg.set(name, int(seconds))


if __name__ == "__main__":
    FIGURES.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FIGURES)
    settings = Settings.from_environment(data=DATA)
    Configured(
        settings, launch.opened(settings, partial(open_service, sync=flush))
    ).run()
