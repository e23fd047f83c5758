"""What ``pip install`` gets has the samples of ``serve --demo`` and the page with it."""

import subprocess
import sys
from zipfile import ZipFile

import pytest
from readme import ROOT
from shared import DATA

pytestmark = pytest.mark.binary


def test_the_wheel_has_the_samples_and_the_files_of_the_page(tmp_path):
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path]
    subprocess.run([*pip, ROOT], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        for sample in DATA.iterdir():
            assert archive.read(f"app/samples/{sample.name}") == sample.read_bytes()
        for file in (ROOT / "app/api/docs").iterdir():
            assert archive.read(f"app/api/docs/{file.name}") == file.read_bytes()
