"""Marks of processes: which are gone for certain."""

import os
import subprocess
import sys

import pytest

from app import process_marks
from app.process_marks import Place, is_gone

HERE = Place.of_this_process()
OWN = process_marks.own()
BOOT, SPACE, PID, STARTED, MACHINE = OWN.split("/")

HIDDEN = """
import subprocess
from app import process_marks
from app.process_marks import Place
assert Place.of_this_process().boot == ""
own = process_marks.own()
with subprocess.Popen(["true"]) as process:
    process.wait()
ended = own.split("/")
ended[2] = str(process.pid)
print(process_marks.is_gone(own), process_marks.is_gone("/".join(ended)))
"""


def mark(boot=BOOT, space=SPACE, pid=PID, started=STARTED, machine=MACHINE):
    return "/".join((boot, space, pid, started, machine))


def ended_pid():
    """Return the id of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return str(process.pid)


def test_a_process_that_lives_is_not_gone_and_one_that_has_ended_is():
    assert not is_gone(OWN)
    assert is_gone(mark(pid=ended_pid()))


def test_one_whose_id_another_process_has_by_now_is_gone():
    assert is_gone(mark(started="1"))


def test_one_in_another_namespace_is_not_gone_for_certain():
    assert not is_gone(mark(space="pid:[1]", pid=ended_pid()))
    for odd in ("", "r1", "a/b", f"{BOOT}/{SPACE}/x/1"):
        assert not is_gone(odd)


def test_one_of_another_boot_of_the_same_machine_is_gone():
    here = HERE._replace(machine="m1", boot="b2")
    assert is_gone(mark(boot="b1", machine="m1"), here)
    assert not is_gone(mark(boot="b2", machine="m1"), here)


@pytest.mark.parametrize("machines", [("m1", "m2"), ("", "m2"), ("m1", ""), ("", "")])
def test_one_of_another_machine_with_the_same_host_name_is_not_gone_for_certain(
    machines,
):
    """Its boot is another one too, and its process ids mean nothing here."""
    of_mark, of_here = machines
    here = HERE._replace(machine=of_here, boot="b2")
    assert not is_gone(mark(boot="b1", machine=of_mark, pid=ended_pid()), here)


def test_one_of_this_machine_that_has_ended_is_gone_where_the_boot_is_not_known():
    here = HERE._replace(machine="m1", boot="")
    assert is_gone(mark(boot="", machine="m1", pid=ended_pid()), here)
    assert not is_gone(mark(boot="", machine="m1"), here)
    for machine in ("", "m2"):
        other = mark(boot="", machine=machine, pid=ended_pid())
        assert not is_gone(other, here)


def test_one_of_a_runner_before_machines_were_noted_is_known_by_its_boot():
    former = mark(pid=ended_pid()).rpartition("/")[0]
    assert is_gone(former)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount /proc")
def test_one_that_has_ended_is_gone_under_the_procsubset_of_the_unit():
    """Where /proc has processes and nothing else, as in svctasks.service."""
    hidden = 'mount -t proc -o subset=pid proc /proc && exec "$0" -c "$1"'
    command = ["unshare", "--mount", "--fork", "sh", "-c", hidden]
    found = subprocess.run(
        [*command, sys.executable, HIDDEN], capture_output=True, text=True
    )
    if "mount" in found.stderr or "unshare" in found.stderr:
        pytest.skip(f"no mount here: {found.stderr}")
    assert found.stdout == "False True\n", found.stderr
