"""Marks of processes, by which one process knows later if another one is gone.

A mark has what the kernel gives to no second process: the boot, the namespace of process
ids, the id in it, and the moment of the start; and the machine, since several may have one
host name. Linux only.
"""

import os
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_MACHINE = Path("/etc/machine-id")


class Place(NamedTuple):
    """Where a process is: its machine, the boot, the namespace; each "" if not known."""

    machine: str
    boot: str
    namespace: str

    @classmethod
    def of_this_process(cls) -> "Place":
        """Return the place of this process."""
        return cls(_machine(), _boot(), _namespace())


def own() -> str:
    """Return the mark of this process."""
    pid, here = os.getpid(), Place.of_this_process()
    parts = here.boot, here.namespace, str(pid), _started(pid), here.machine
    return "/".join(parts)


def is_gone(mark: str, here: Place | None = None) -> bool:
    """Return whether a process with the host name of this machine is gone for certain.

    One of this machine is if the boot is another one. Without a boot or a machine that is
    known to be this one it may be elsewhere, and so it may in another namespace.
    """
    here = here or Place.of_this_process()
    boot, namespace, number, started, machine, *_ = [*mark.split("/"), "", "", "", ""]
    is_this_machine = bool(machine) and machine == here.machine
    if boot != here.boot and boot and here.boot:
        return is_this_machine
    # The boot is hidden under ProcSubset=pid of systemd.
    is_this_boot = bool(boot) and boot == here.boot
    if not number.isdecimal() or not (is_this_boot or is_this_machine):
        return False
    if not namespace or namespace != here.namespace:
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OverflowError, PermissionError):
        return False
    found = _started(int(number))
    return bool(found) and found != started


def _machine() -> str:
    """Return what only this machine has: a digest, since its id is not for others."""
    try:
        id_ = _MACHINE.read_bytes().strip()
    except OSError:
        return ""
    if len(id_) != 32:
        # It has none yet, as in an image.
        return ""
    return blake2b(id_, digest_size=8, person=b"svctasks").hexdigest()


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
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
