"""When a table is folded."""

import pytest
from notes import note, open_notes


@pytest.mark.parametrize(
    ("megabytes", "early", "late"), [(0, 0.9, 1.0), (12, 1.1, 1.3)]
)
def test_large_table_is_folded_after_a_longer_silence(tmp_path, megabytes, early, late):
    filled = open_notes(tmp_path)
    for number in range(megabytes):
        filled.insert("notes", note(f"large-{number}", more={"text": "x" * 10**6}))
    filled.close()
    store = open_notes(tmp_path)
    table = store.table("notes")
    assert not table.is_due(100.0), "nothing was written"
    store.insert("notes", note("a"))
    assert not table.is_due(early)
    assert table.is_due(late)
    store.close()
