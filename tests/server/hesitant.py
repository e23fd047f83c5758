"""The real server whose workers take their time to start, but for the first.

Run: python hesitant.py FIGURES --data DIR. FIGURES is the folder of its figures. Beside it
each worker leaves a file "PID.begun", and "PID.ended" unless it is killed.
"""

import atexit
import os
import sys
import time
from pathlib import Path

from app import launch
from app.settings import Settings

FIGURES = Path(sys.argv[1])


def hesitate() -> None:
    is_first = not any(FIGURES.parent.glob("*.begun"))
    atexit.register(FIGURES.with_name(f"{os.getpid()}.ended").touch)
    FIGURES.with_name(f"{os.getpid()}.begun").touch()
    if not is_first:
        time.sleep(2)


if __name__ == "__main__":
    FIGURES.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FIGURES)
    os.register_at_fork(after_in_child=hesitate)
    launch.serve(Settings.from_environment(data=Path(sys.argv[3])))
