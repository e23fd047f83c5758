"""The folder of the metrics that the processes of a server share.

It is in memory where that can be: a worker dies if it counts in a file on a full disk. A
server that is killed leaves it behind, and the next one removes it.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.errors import Unavailable

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder to prometheus-client, in this process and in its children."""

# A folder that is made in it gets a name by chance, and is its maker's alone.
MEMORY = Path("/dev/shm")  # nosec B108

_NAME = re.compile("svctasks-([0-9]+)-.+")


def make(data: Path) -> None:
    """Make the folder, and remove those that servers left; raises Unavailable.

    It is in ``data`` if nothing else can be written. Its lock is held as long as this
    process or a child of it lives.
    """
    for parent in _parents(data):
        try:
            _sweep(parent)
            folder = Path(tempfile.mkdtemp("", f"svctasks-{os.getpid()}-", parent))
            # Never closed: the kernel does that when the last process ends.
            fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)
        except OSError:
            continue
        os.environ[VARIABLE] = str(folder)
        return
    raise Unavailable(
        "no folder can be written: neither /dev/shm, nor /tmp, nor the data"
    )


def remove() -> None:
    """Remove the folder."""
    shutil.rmtree(os.environ[VARIABLE], ignore_errors=True)


def _parents(data: Path) -> Iterator[Path]:
    yield MEMORY
    try:
        yield Path(tempfile.gettempdir())
    except OSError:
        pass
    if not data.exists():
        data.mkdir(mode=0o700, parents=True)
    yield data


def _sweep(parent: Path) -> None:
    """Remove the folders in ``parent`` whose servers are gone."""
    for folder in parent.iterdir():
        match = _NAME.fullmatch(folder.name)
        if not match or _lives(int(match[1])) or folder.is_symlink():
            continue
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            # It is another user's, or already gone.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            # Its workers outlive their master for a moment.
            pass
        finally:
            os.close(descriptor)


def _lives(pid: int) -> bool:
    """Return whether ``pid`` is a process other than this one."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
