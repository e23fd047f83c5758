"""What ``svctasks check`` says of scripts, of the tasks that start them, and of hours."""

import json

import pytest
from real import id_of, made, write_scripts
from running import svctasks

pytestmark = pytest.mark.files

SCRIPTS = {"clean": {"command": ["true"]}, "hook": {"url": "http://127.0.0.1:1/"}}


def owned(folder, scripts, tasks=()):
    """Make a data folder whose scripts only their owner can read."""
    made(folder, SCRIPTS, tasks)
    write_scripts(folder, scripts)
    (folder / "svcscripts.json").chmod(0o600)
    return folder


def printed(folder, code=0, **env):
    result = svctasks("check", data=folder, **env)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stderr.splitlines() + result.stdout.splitlines()


def test_scripts_whose_programs_are_there_are_well(tmp_path):
    folder = owned(tmp_path / "d", SCRIPTS, [{"svcscriptcode": "clean"}])
    assert printed(folder) == ["all is well"]


def test_programs_and_scripts_that_are_not_there_are_named(tmp_path):
    (tmp_path / "tool").write_text("not executable")
    scripts = {
        "a": {"command": ["no-such-program", "hidden"]},
        "b": {"command": [str(tmp_path / "tool")]},
        "c": {"command": ["true"], "cwd": "/no/such/folder", "onfail": "alarm"},
    }
    assert printed(owned(tmp_path / "d", scripts), 1) == [
        'svcscripts.json: script "a": command: no-such-program is no program in PATH',
        f'svcscripts.json: script "b": command: {tmp_path}/tool is no program',
        'svcscripts.json: script "c": cwd: /no/such/folder is no folder',
        'svcscripts.json: script "c": onfail: "alarm" is not in svcscripts.json',
    ]


def test_programs_that_are_not_there_are_named_where_others_can_read_the_file(tmp_path):
    folder = owned(tmp_path / "d", {"a": {"command": ["no-such-program"]}})
    (folder / "svcscripts.json").chmod(0o644)
    assert printed(folder, 1) == [
        'svcscripts.json: script "a": command: no-such-program is no program in PATH',
        "svcscripts.json is not its owner's only: its mode is 644, not 600",
    ]


def test_codes_that_enabled_tasks_name_are_compared_with_those_there_are(tmp_path):
    tasks = [
        {"svcscriptcode": "cleen"},
        {"svcscriptcode": "cleen"},
        {"svcscriptcode": "later", "isenabled": 0},
    ]
    assert printed(owned(tmp_path / "d", SCRIPTS, tasks), 1) == [
        'svctasks.json: svcscriptcode "cleen" is not in svcscripts.json (did you mean '
        f'"clean"?); 2 enabled tasks name it, such as {id_of(0)}'
    ]


def test_tasks_that_never_start_are_noted_and_no_fault(tmp_path):
    tasks = [
        {"svcscriptcode": "clean", "dtstop": "2020-01-01T00:00:00Z"},
        {"svcscriptcode": "clean", "intervalsec": 0},
        {"svcscriptcode": "clean", "schedule": "individual"},
    ]
    folder = owned(tmp_path / "d", SCRIPTS, tasks)
    *notes, last = printed(folder)
    assert last == "all is well"
    assert notes[0] == (
        f'note: svctasks.json: {id_of(0)}, "task 0", never starts: dtstop has passed'
    )
    assert notes[1].endswith("never starts: intervalsec is 0")
    assert "never starts: the schedule permits no slot before" in notes[2]
    many = [tasks[1]] * 30
    notes = printed(owned(tmp_path / "e", SCRIPTS, many))
    assert notes[-2:] == [
        "note: svctasks.json: 10 more tasks never start",
        "all is well",
    ]


def test_hours_of_no_site_are_noted(tmp_path):
    folder = owned(tmp_path / "d", SCRIPTS)
    hours = [{"name": name, "week": []} for name in ("default", "A", "B")]
    table = {str(number): each for number, each in enumerate(hours, 1)}
    (folder / "workhours.json").write_text(json.dumps({"workhours": table}))
    assert printed(folder, SVCTASKS_SITE="A", SVCTASKS_SITES="A,C") == [
        'note: workhours.json: "B" is the name of no site, and so of no use',
        "all is well",
    ]


def test_a_fault_of_form_is_named_alone(tmp_path):
    scripts = {"a": {"command": ["no-such-program"], "retry": 1}}
    [fault] = printed(owned(tmp_path / "d", scripts), 1)
    assert fault.startswith(
        "svcscripts.json: document 1 (code a), field retry: is not a member"
    )
