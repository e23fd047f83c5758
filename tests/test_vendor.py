"""What is vendored is what its package has, with its licence."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile

import pytest
from readme import ROOT

VENDOR = ROOT / "app/api/vendor"

PACKAGES = json.loads((VENDOR / "vendor.json").read_bytes())

FILES = {
    name: file["sha256"] for each in PACKAGES for name, file in each["files"].items()
}


def test_each_vendored_file_is_named_with_its_checksum():
    found = {path.name: path.read_bytes() for path in VENDOR.iterdir()}
    del found["vendor.json"]
    assert {
        name: hashlib.sha256(content).hexdigest() for name, content in found.items()
    } == FILES


@pytest.mark.parametrize("package", PACKAGES, ids=lambda each: each["package"])
def test_each_vendored_package_comes_with_its_licence(package):
    assert package["licence"] in ("MIT", "Apache-2.0")
    assert f"{package['package']}.LICENSE" in package["files"]


@pytest.mark.registry
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
@pytest.mark.parametrize("package", PACKAGES, ids=lambda each: each["package"])
def test_vendored_files_are_those_of_the_registry(package, tmp_path):
    wanted = f"{package['package']}@{package['version']}"
    packing = ["npm", "pack", "--silent", wanted]
    packed = subprocess.run(
        packing, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    archive = tmp_path / packed.stdout.strip()
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == package["integrity"]
    with tarfile.open(archive) as opened:
        for name, file in package["files"].items():
            member = opened.extractfile(f"package/{file['path']}")
            assert member is not None
            assert member.read() == (VENDOR / name).read_bytes(), name
