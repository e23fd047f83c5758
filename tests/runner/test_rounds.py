"""Runners that are killed with -9 at random moments, in rounds.

The long form plays 500 rounds, and prints its seed and what happened:

    python -m pytest -q -s -m rounds tests/runner

SVCTASKS_ROUNDS_SEED chooses another seed than one by chance, SVCTASKS_ROUNDS another number
of rounds.
"""

import os
import secrets

import pytest
from kill_rounds import Rounds

pytestmark = pytest.mark.files


def played(folder, count):
    given = os.environ.get("SVCTASKS_ROUNDS_SEED")
    seed = secrets.randbelow(2**32) if given is None else int(given)
    print(f"\nseed {seed}")
    rounds = Rounds(folder, seed, count)
    rounds.play()
    print(rounds.figures())
    return rounds


def test_no_slot_is_started_twice_or_lost_when_runners_are_killed(tmp_path):
    assert played(tmp_path, 10).faults == []


@pytest.mark.rounds
def test_no_slot_is_started_twice_or_lost_in_many_rounds(tmp_path):
    rounds = played(tmp_path, int(os.environ.get("SVCTASKS_ROUNDS", "500")))
    assert rounds.faults == []
