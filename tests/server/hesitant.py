"""The real server whose workers take their time to start.

Run: python hesitant.py FIGURES --data DIR. FIGURES is the folder of its figures.
"""

import os
import sys
import time
from functools import partial
from pathlib import Path

from app import server
from app.settings import Settings

if __name__ == "__main__":
    Path(sys.argv[1]).mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
    os.register_at_fork(after_in_child=partial(time.sleep, 0.5))
    server.serve(Settings.from_environment(data=Path(sys.argv[3])))
