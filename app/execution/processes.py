"""The processes of runs: how they are found, and how they get a signal.

All that a run starts inherits its variables ``SVCTASKS_RUN`` and ``SVCTASKS_NODE``, even in
a session of its own, where a signal to the process group would not get; so it is found
after a crash of the runner as well, whatever became of process ids. The id of a run alone
is not enough: it is made of task, site and slot, and a copy of the data folder, whose
runner is on the same host, has the same tasks. What has a cleared environment is found as
long as it is in the session of the run, or a child of what is found. Runner contract,
sections 5 and 9.

**Caveats.** Linux only. A process that clears its environment, begins a session of its own
and loses its parent is not found, and neither is one of another user, as after setuid: only
a cgroup would do.
"""

import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

RUN, NODE = "SVCTASKS_RUN", "SVCTASKS_NODE"
"""The variables of the processes of a run: its id, and the host and runner that have it."""

_PROC = Path("/proc")

_PF_KTHREAD = 0x00200000
_TICKS = os.sysconf("SC_CLK_TCK")

_YOUNG = 5
"""For how many seconds a process without an environment is looked at again."""

_TRIES = 5
_MOMENT = 0.002


class Mark(NamedTuple):
    """What the processes of a run are known by: the members ``id`` and ``node`` of it."""

    run: str
    node: str


_NONE = Mark("", "")


class _Status(NamedTuple):
    parent: int
    session: int
    is_of_kernel: bool
    started: int


def of_runs(leaders: Mapping[Mark, int]) -> dict[Mark, set[int]]:
    """Return the living processes of those runs that have any, in one look at all.

    ``leaders`` has the process id of the main process of each run, which nobody has
    waited for yet; 0 where it is not known. Raises OSError if it cannot be looked.
    """
    by_leader = {pid: mark for mark, pid in leaders.items() if pid}
    children: dict[int, list[int]] = {}
    found: dict[int, Mark] = {}
    unsure = []
    young = _ticks() - _YOUNG * _TICKS
    for pid in _pids():
        status = _status(pid)
        if status is None:
            continue
        children.setdefault(status.parent, []).append(pid)
        mark = by_leader.get(status.session) or _mark_of(pid)
        if mark is None:
            if status.started > young and not status.is_of_kernel:
                unsure.append(pid)
        elif mark in leaders:
            found[pid] = mark
    found |= {pid: mark for pid, mark in _marks_of(unsure) if mark in leaders}
    of_run: dict[Mark, set[int]] = {}
    looked = list(found.items())
    while looked:
        pid, mark = looked.pop()
        of_run.setdefault(mark, set()).add(pid)
        for child in children.get(pid, ()):
            if child not in found:
                found[child] = mark
                looked.append((child, mark))
    return of_run


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes; those that have ended are left out."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            # It is gone, or of another user, as after setuid.
            continue


def _pids() -> Iterator[int]:
    """Return all processes but this one."""
    own = os.getpid()
    with os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdecimal() and int(entry.name) != own:
                yield int(entry.name)


def _status(pid: int) -> _Status | None:
    """Return the status of a process that has not ended. proc_pid_stat(5)."""
    # The name of the program is in parentheses, and may have some in it.
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    if not fields or fields[0] in (b"Z", b"X"):
        return None
    return _Status(
        parent=int(fields[1]),
        session=int(fields[3]),
        is_of_kernel=bool(int(fields[6]) & _PF_KTHREAD),
        started=int(fields[19]),
    )


def _ticks() -> float:
    """Return the time since the start of the machine, in the unit of ``started``."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS


def _marks_of(pids: list[int]) -> Iterator[tuple[int, Mark]]:
    """Return the marks of those that become another program just now.

    A process has no environment for a moment then.
    """
    for _ in range(_TRIES):
        if not pids:
            return
        time.sleep(_MOMENT)
        unsure = []
        for pid in pids:
            mark = _mark_of(pid)
            if mark is None:
                unsure.append(pid)
            else:
                yield pid, mark
        pids = unsure


def _mark_of(pid: int) -> Mark | None:
    """Return the mark in the environment of a process; None if it has no environment."""
    content = _read(pid, "environ")
    if not content:
        return None
    content = b"\0" + content
    run = _value(content, RUN)
    return Mark(run, _value(content, NODE)) if run else _NONE


def _value(environment: bytes, name: str) -> str:
    # Searched, not split: there are many processes, and each run that ends looks at all.
    rest = environment.partition(f"\0{name}=".encode())[2]
    return rest.partition(b"\0")[0].decode(errors="replace")


def _read(pid: int, name: str) -> bytes:
    """Return what a file of a process has; nothing if that has ended or is another's."""
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return b""
    try:
        content = b""
        while piece := os.read(descriptor, 1 << 17):
            content += piece
        return content
    except (PermissionError, ProcessLookupError):
        return b""
    finally:
        os.close(descriptor)
