"""Marks of processes: which are gone for certain."""

import subprocess

from app import process_marks

BOOT, SPACE, PID, STARTED = process_marks.own().split("/")


def mark(boot=BOOT, space=SPACE, pid=PID, started=STARTED):
    return "/".join((boot, space, pid, started))


def test_a_process_that_lives_is_not_gone_and_one_that_has_ended_is():
    assert not process_marks.is_gone(process_marks.own())
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert process_marks.is_gone(mark(pid=str(process.pid)))


def test_one_whose_id_another_process_has_by_now_is_gone():
    assert process_marks.is_gone(mark(started="1"))


def test_a_process_of_another_boot_is_gone_and_one_elsewhere_is_not_for_certain():
    assert process_marks.is_gone(mark(boot="another"))
    assert not process_marks.is_gone(mark(space="pid:[1]", pid="999999"))
    assert not process_marks.is_gone(mark(boot="", pid="999999"))
    for odd in ("", "r1", "a/b", f"{BOOT}/{SPACE}/x/1"):
        assert not process_marks.is_gone(odd)
