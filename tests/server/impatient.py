"""The real server that gives a silent worker two seconds, and a stuck one four.

Run: python impatient.py FIGURES --data DIR. While the file FIGURES/stuck exists, no flush
to disk ends that a request waits for.
"""

import os
import sys
import threading
import time
from functools import partial
from pathlib import Path

from app import server
from app.bootstrap import open_service
from app.settings import Settings

FIGURES = Path(sys.argv[1])


def flush(descriptor: int) -> None:
    # The keeper of the master is not what is tried.
    is_keeper = threading.current_thread().name == "keeper"
    while not is_keeper and (FIGURES / "stuck").exists():
        time.sleep(0.1)
    os.fdatasync(descriptor)


class Impatient(server.Server):
    def load_config(self) -> None:
        super().load_config()
        self.cfg.set("timeout", 2)


if __name__ == "__main__":
    FIGURES.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FIGURES)
    settings = Settings.from_environment(data=Path(sys.argv[3]), workers=1, threads=2)
    Impatient(
        settings, server.opened(settings, partial(open_service, sync=flush))
    ).run()
