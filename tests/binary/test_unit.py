"""The unit of the README is one that systemd takes, and a hardened one."""

import shutil
import subprocess
import sys

import pytest
from readme import block

EXPOSURE = 10
"""Tenths of the exposure of the README's unit, rounded up; 100 is the most."""


@pytest.fixture
def unit(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    path = tmp_path / "svctasks.service"
    # It must exist: any executable will do.
    path.write_text(
        block("ini", "[Service]").replace("/usr/local/bin/svctasks", sys.executable)
    )
    return path


def analyze(*arguments):
    """Return the exit code of systemd-analyze, and what it printed."""
    result = subprocess.run(
        ["systemd-analyze", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return result.returncode, result.stdout


def test_the_unit_is_one_that_systemd_takes(unit):
    assert analyze("verify", unit) == (0, "")


def test_the_unit_is_hardened(unit):
    code, printed = analyze(
        "security", "--offline=true", f"--threshold={EXPOSURE}", unit
    )
    assert code == 0, printed
