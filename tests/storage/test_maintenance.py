"""The keeper: what fails in the background is logged once, and so is its end."""

import logging

import pytest
from notes import NOTES
from shared import until

from app.errors import Unavailable
from app.storage.files.maintenance import Keeper


class Table:
    """A table that is always due, and cannot be checkpointed or read as long as told."""

    collection = NOTES

    def __init__(self):
        self.rounds = 0
        self.since_checkpoint = 1
        self.of_checkpoint = self.of_look = None

    def mend(self):
        self.rounds += 1
        if self.of_look:
            raise self.of_look

    def progress(self):
        return 7, self.since_checkpoint

    def is_checkpoint_due(self, quiet):
        # Now and then it is not, which does not end a failure.
        return self.since_checkpoint > 0 and self.rounds % 2 == 0

    def checkpoint(self):
        if self.of_checkpoint:
            raise self.of_checkpoint
        self.since_checkpoint = 0


@pytest.fixture
def table():
    table = Table()
    keeper = Keeper([table])
    keeper.start()
    yield table
    keeper.stop()


def told(table, caplog):
    """Return what is logged in some rounds from now on, with its traceback if any."""
    rounds = table.rounds
    caplog.clear()
    until(lambda: table.rounds > rounds + 2)
    return [(each.getMessage(), bool(each.exc_info)) for each in caplog.records]


def test_failure_is_logged_when_it_begins_changes_and_ends(table, caplog):
    caplog.set_level(logging.INFO)
    table.of_checkpoint = OSError(28, "No space left on device")
    table.since_checkpoint = 2
    full = "checkpoint of notes: [Errno 28] No space left on device"
    assert told(table, caplog) == [(full, False)]
    assert told(table, caplog) == []
    table.of_look = Unavailable("notes.json cannot be read")
    assert told(table, caplog) == [("notes: notes.json cannot be read", False)]
    table.of_checkpoint = ZeroDivisionError()
    assert told(table, caplog) == [("checkpoint of notes: ZeroDivisionError", True)]
    table.of_look = None
    assert told(table, caplog) == [("notes: all is well again", False)]
    table.of_checkpoint = None
    assert told(table, caplog) == [("checkpoint of notes: all is well again", False)]
    assert told(table, caplog) == []
