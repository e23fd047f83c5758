"""Marks of processes, by which one process knows later if another one is gone.

A mark has what the kernel gives to no second process: the boot, the namespace of process
ids, the id in it, and the moment of the start. Linux only.
"""

import os
from pathlib import Path

_PROC = Path("/proc")


def own() -> str:
    """Return the mark of this process."""
    pid = os.getpid()
    return "/".join((_boot(), _namespace(), str(pid), _started(pid)))


def is_gone(mark: str) -> bool:
    """Return whether a process of this machine is gone for certain.

    One of another boot is; one in another namespace cannot be seen from here.
    """
    boot, _, rest = mark.partition("/")
    namespace, _, rest = rest.partition("/")
    number, _, started = rest.partition("/")
    if not boot or not _boot() or not number.isdecimal():
        return False
    if boot != _boot():
        return True
    if not namespace or namespace != _namespace():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OverflowError, PermissionError):
        return False
    found = _started(int(number))
    return bool(found) and found != started


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        # As under ProcSubset=pid of systemd.
        return ""


def _namespace() -> str:
    try:
        return os.readlink(_PROC / "self/ns/pid")
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process began, or that it has ended, if that can be read."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return ""
    # The name of the program is in parentheses, and may have some in it.
    fields = stat.rpartition(b")")[2].split()
    return "ended" if fields[0] in (b"Z", b"X") else fields[19].decode()
