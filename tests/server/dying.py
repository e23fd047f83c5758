"""The real server that is killed in the middle of a request.

Run: python dying.py FAULTS --data DIR. The file FAULTS/flushes holds how many flushes to
disk requests may wait for; at the next one the master and all workers are gone.
"""

import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from app import launch
from app.bootstrap import open_service
from app.settings import Settings

FAULTS = Path(sys.argv[1])


def flush(descriptor: int) -> None:
    left = FAULTS / "flushes"
    # The keeper writes checkpoints at a time of its own: each run would be another one.
    if left.exists() and threading.current_thread().name != "keeper":
        if (count := int(left.read_text())) == 0:
            os.killpg(0, signal.SIGKILL)
        left.write_text(f"{count - 1}")
    os.fdatasync(descriptor)


if __name__ == "__main__":
    settings = Settings.from_environment(data=Path(sys.argv[3]))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FAULTS)
    launch.serve(settings, partial(open_service, sync=flush))
