"""The memory of this process, in KB, by the names that the status has for it.

Used is what is resident now, allocated is the most that was resident, and free is the
difference: what Python gave back to the system, and may request again. The maximum is the
memory of the machine, or a lower limit of the process or of its control group (v2).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

GROUPS = Path("/sys/fs/cgroup")


def memory() -> dict[str, int]:
    """Return the four figures; nothing where the system has no ``/proc``."""
    figures = dict(line.split(":", 1) for line in _lines(Path("/proc/self/status")))
    if not figures:
        return {}
    used, allocated = (int(figures[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return {
        "max_memory": min(_limits()) // 1024,
        "allocated_memory": allocated,
        "used_memory": used,
        "free_memory": allocated - used,
    }


def _limits() -> Iterator[int]:
    """Return the limits of the memory of this process, in bytes."""
    yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit, _ = getrlimit(RLIMIT_AS)
    if limit != RLIM_INFINITY:
        yield limit
    for line in _lines(Path("/proc/self/cgroup")):
        if line.startswith("0::/"):
            group = GROUPS / line.removeprefix("0::/")
            for folder in (group, *group.parents):
                if folder.is_relative_to(GROUPS):
                    limits = _lines(folder / "memory.max")
                    yield from (int(text) for text in limits if text.isdecimal())


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
