"""The lock file has exact versions of all that is installed, which satisfy setup.cfg."""

import re
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from readme import ROOT

LINES = (ROOT / ".ci/requirements.lock").read_text().splitlines()

LOCKED = dict(line.split("==") for line in LINES if not line.startswith("#"))

SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg")

EXTRAS = dict(SETUP["options.extras_require"])
# .ci/run installs no Patroni: its test is started by a command of its own.
del EXTRAS["failover"]

DECLARED = {"install_requires": SETUP["options"]["install_requires"], **EXTRAS}


def test_lock_file_has_one_exact_version_of_each_package():
    lines = [line for line in LINES if not line.startswith("#")]
    assert len(LOCKED) == len(lines)
    assert all(re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", line) for line in lines)


@pytest.mark.parametrize("where", DECLARED)
def test_locked_versions_satisfy_what_setup_cfg_says(where):
    for line in DECLARED[where].split("\n"):
        if line:
            requirement = Requirement(line)
            found = LOCKED.get(canonicalize_name(requirement.name), "0")
            assert requirement.specifier.contains(found), f"{line}: {found}"


def test_what_locked_packages_require_is_locked_too():
    """As far as they are installed here."""
    missing = {}
    for name, locked in LOCKED.items():
        try:
            if version(name) != locked:
                continue
        except PackageNotFoundError:
            continue
        for line in requires(name) or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                found = LOCKED.get(canonicalize_name(requirement.name), "0")
                if not requirement.specifier.contains(found, prereleases=True):
                    missing[f"{name}: {requirement}"] = found
    assert missing == {}
