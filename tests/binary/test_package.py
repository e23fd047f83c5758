"""What ``pip install`` gets has the samples of ``serve --demo`` and the pages with it."""

import subprocess
import sys
from zipfile import ZipFile

import pytest
from readme import ROOT
from shared import DATA

pytestmark = pytest.mark.binary


def test_the_wheel_has_the_samples_and_the_files_of_the_pages(tmp_path):
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path]
    subprocess.run([*pip, ROOT], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        for sample in DATA.iterdir():
            assert archive.read(f"app/samples/{sample.name}") == sample.read_bytes()
        for folder in ("console", "docs", "vendor"):
            for file in (ROOT / "app/api" / folder).iterdir():
                name = f"app/api/{folder}/{file.name}"
                assert archive.read(name) == file.read_bytes()
