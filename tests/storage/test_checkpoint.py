"""When a checkpoint of a table is written."""

from dataclasses import replace

import pytest
from notes import NOTES, held, note, open_notes, open_table

from app.storage.files.checkpoints import JOURNAL_BYTES


@pytest.mark.parametrize(
    ("megabytes", "early", "late"), [(0, 0.9, 1.0), (12, 1.1, 1.3)]
)
def test_large_table_is_checkpointed_after_a_longer_silence(
    tmp_path, megabytes, early, late
):
    filled = open_notes(tmp_path)
    for number in range(megabytes):
        filled.insert("notes", note(f"large-{number}", more={"text": "x" * 10**6}))
    filled.close()
    store = open_notes(tmp_path)
    table = store.table("notes")
    assert not table.is_checkpoint_due(100.0), "nothing was written"
    store.insert("notes", note("a"))
    assert not table.is_checkpoint_due(early)
    assert table.is_checkpoint_due(late)
    store.close()


def test_table_that_only_machines_write_is_checkpointed_by_the_size_of_its_journal(
    tmp_path,
):
    collection = replace(NOTES, is_edited=False)
    table = open_table(tmp_path, collection=collection)
    table.insert(note("a"))
    assert not table.is_checkpoint_due(10**6)
    table.insert(note("large", more={"text": "x" * JOURNAL_BYTES}))
    assert table.is_checkpoint_due(0)
    table.close()
    assert held(open_table(tmp_path, collection=collection)).keys() == {"a", "large"}
