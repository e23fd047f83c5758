"""Hostile inputs find no 5xx, no crash, no hang, no change and no path of the machine.

A few of each family are tried in each run of the tests, always the same. A million are
tried by the campaign, which prints its seed, and goes on where it was stopped:

    python -m pytest -q -s -m hostile

SVCTASKS_HOSTILE_SEED chooses another seed than one by chance, SVCTASKS_HOSTILE_INPUTS
another number. What it found is in build/hostile.json. SVCTASKS_HOSTILE_BATCH, such as
"requests:3000:500", tries one batch again.
"""

import json
import os
import secrets

import pytest
from campaign import Campaign
from families import FAMILIES
from readme import ROOT

PROGRESS = ROOT / "build" / "hostile.json"

FEW = 4000
"""How many inputs are tried in each run of the tests."""

pytestmark = pytest.mark.files

each_family = pytest.mark.parametrize("name", FAMILIES)


@each_family
def test_a_few_hostile_inputs_find_nothing(name, tmp_path):
    inputs, faults = Campaign(1, FEW).run(name, tmp_path)
    assert inputs and not faults, "\n\n".join(faults)


@pytest.fixture(scope="module")
def campaign():
    """The campaign that is under way, or a new one."""
    given = os.environ.get("SVCTASKS_HOSTILE_SEED")
    total = int(os.environ.get("SVCTASKS_HOSTILE_INPUTS", 1_000_000))
    seed = secrets.randbelow(2**32) if given is None else int(given)
    if given is None and PROGRESS.exists():
        kept = json.loads(PROGRESS.read_text())
        if kept["total"] == total and not kept.get("is_done"):
            seed = kept["seed"]
    print(f"\nseed {seed}")
    return Campaign(seed, total, PROGRESS)


@pytest.mark.hostile
@each_family
def test_a_million_hostile_inputs_find_nothing(name, campaign, tmp_path):
    if batch := os.environ.get("SVCTASKS_HOSTILE_BATCH"):
        only, first, count = batch.split(":")
        if only != name:
            pytest.skip("another batch is asked for")
        faults = campaign.batch(name, tmp_path, int(first), int(count))
    else:
        _, faults = campaign.run(name, tmp_path)
    assert not faults, "\n\n".join(faults)
