"""The runner as a process when its files have faults, or its disk is full."""

import time

import pytest
from full_disk import fill
from real import active, made, opened, runs, shell, until_runs, write_scripts
from shared import until

pytestmark = pytest.mark.files


def test_former_scripts_go_on_while_their_file_is_broken(tmp_path, start):
    folder = made(tmp_path / "d", {"script": shell("echo former")}, [{}])
    runner = start(folder)
    with opened(folder) as store:
        until_runs(store, 1, "succeeded")
        draft = folder / "svcscripts.draft"
        draft.write_text('{"svcscripts": {"1": {"code": "script", "command": []')
        draft.replace(folder / "svcscripts.json")
        until(lambda: "svcscripts.json" in runner.logged())
        count = len(runs(store))
        found = until_runs(store, count + 2, "succeeded")
        assert {run["lastline"] for run in found} == {"former"}
        write_scripts(folder, {"script": shell("echo later")})
        until(lambda: "later" in {run["lastline"] for run in runs(store, "succeeded")})
    assert runner.stop()[0] == 0


def test_on_a_full_disk_nothing_starts_and_no_end_is_lost(tmp_path, small_disk, start):
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    notes.touch()
    text = f"echo $SVCTASKS_RUN >> {notes}; while [ ! -e {gate} ]; do sleep 0.1; done"
    folder = made(small_disk / "d", {"script": shell(text)}, [{"overlap": 0}])
    runner = start(folder)

    def begun():
        return notes.read_text().split()

    until(begun)
    fill(small_disk)
    gate.touch()
    seen = []

    def starts_nothing():
        # What is left of the last blocks takes small writes, and former files go.
        fill(small_disk)
        seen[:], slot = begun(), int(time.time())
        until(lambda: time.time() > slot + 2)
        return begun() == seen

    until(starts_nothing)
    assert "No space left on device" in runner.logged()
    before = begun()
    (small_disk / "ballast").unlink()
    until(lambda: len(begun()) > len(before) + 1)
    assert runner.stop()[0] == 0
    with opened(folder) as store:
        assert active(store) == []
        ended = {run["id"]: run["state"] for run in runs(store)}
    assert len(set(begun())) == len(begun())
    assert {ended[run] for run in begun()} == {"succeeded"}
