"""The pure modules of the console, tested where they run: in JavaScript."""

import shutil
import subprocess
from pathlib import Path

import pytest
from shared import PATIENCE

HERE = Path(__file__).parent

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs node (Debian: apt install nodejs)")
def test_the_pure_modules_do_what_their_tests_say():
    tests = sorted(HERE.glob("*.test.mjs"))
    assert tests
    result = subprocess.run(
        [NODE, "--test", *tests], capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 0, result.stdout
