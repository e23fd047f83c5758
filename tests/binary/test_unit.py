"""systemd takes the units, and that of the server is a hardened one."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from readme import ROOT
from running import SVCTASKS, svctasks
from shared import DATA

EXPOSURE = 10
"""Tenths of the exposure of the server's unit, rounded up; 100 is the most."""

DEPLOY = ROOT / "app" / "deploy"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze"
)


@pytest.fixture
def units(tmp_path):
    """The folder of the units, copied, and with an executable that exists."""
    for path in (*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")):
        text = path.read_text().replace("/usr/local/bin/svctasks", sys.executable)
        (tmp_path / path.name).write_text(text)
    return tmp_path


def analyze(*arguments):
    """Return the exit code of systemd-analyze, and what it printed."""
    result = subprocess.run(
        ["systemd-analyze", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return result.returncode, result.stdout


@needs_systemd
def test_the_units_are_ones_that_systemd_takes(units):
    assert len([*units.iterdir()]) == 4
    for unit in units.iterdir():
        assert analyze("verify", unit) == (0, ""), unit.name


@needs_systemd
def test_the_unit_of_the_server_is_hardened(units):
    unit = units / "svctasks.service"
    code, printed = analyze(
        "security", "--offline=true", f"--threshold={EXPOSURE}", unit
    )
    assert code == 0, printed


def members(name):
    """Return what a unit sets, by name; the last counts."""
    lines = (DEPLOY / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_the_unit_of_the_runner_shares_the_data_and_forbids_scripts_little():
    server, runner = members("svctasks.service"), members("svctasks-runner.service")
    for name in ("DynamicUser", "StateDirectory", "StateDirectoryMode", "UMask"):
        assert runner[name] == server[name]
    assert runner["User"] == server["User"] == "svctasks"
    assert runner["KillMode"] == "mixed"
    for name in runner:
        assert not name.startswith(("IPAddress", "SystemCall", "Restrict", "Memory"))
    assert not {"ProtectProc", "ProcSubset", "PrivateUsers"} & runner.keys()


def commands(unit, state):
    """Return the commands of ``unit`` as systemd has them run, with data in ``state``."""
    signs = {"%S": str(state), "%%": "%", "$$": "$"}
    signs["/usr/local/bin/svctasks"] = str(SVCTASKS)
    for line in unit.read_text().splitlines():
        name, _, command = line.partition("=")
        if name in ("ExecStart", "ExecStartPost"):
            for sign, meaning in signs.items():
                command = command.replace(sign, meaning)
            yield command


def test_the_unit_of_backups_makes_one_a_day_and_deletes_old_ones(tmp_path):
    shutil.copytree(DATA, tmp_path / "svctasks")
    backups = tmp_path / "svctasks-backups"
    backups.mkdir()
    for name, days in (("2026-01-01.tar.gz", 20), ("2026-01-02.tar.gz", 5)):
        (backups / name).touch()
        when = time.time() - days * 86400
        os.utime(backups / name, (when, when))
    environment = {**os.environ, "SVCTASKS_DATA": str(tmp_path / "svctasks")}
    for _ in range(2):
        for command in commands(DEPLOY / "svctasks-backup.service", tmp_path):
            subprocess.run(["sh", "-c", command], check=True, env=environment)
    old, new = sorted(path.name for path in backups.iterdir())
    assert old == "2026-01-02.tar.gz"
    restored = svctasks("restore", backups / new, data=tmp_path / "other")
    assert (restored.returncode, restored.stderr) == (0, "")
