"""Data files that cannot be replaced: said at the start, by health and in the log."""

import os
import subprocess
from functools import partial

import pytest
from notes import data, held, note, open_table, stored

from app.errors import Unavailable
from app.storage.files.replacing import (
    check_not_mounted,
    check_replaceable,
    is_mounted,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


@pytest.fixture
def mounted(tmp_path):
    """A folder whose data file is mounted itself, as containers do."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    table = open_table(folder)
    table.insert(note("a", 1))
    table.close()
    path = data(folder)
    try:
        subprocess.run(["mount", "--bind", path, path], check=True)
    except subprocess.CalledProcessError:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", path], check=True)


def test_file_that_is_mounted_is_named_with_what_to_mount(mounted):
    path = data(mounted).resolve()
    assert is_mounted(path)
    table = open_table(mounted)
    message = (
        "notes.json cannot be replaced, because it is mounted itself; mount its folder"
    )
    for check in (table.check_writable, partial(check_not_mounted, path)):
        with pytest.raises(Unavailable, match=message):
            check()
    table.insert(note("b", 2))
    size = (mounted / "notes.json.journal").stat().st_size
    for _ in range(3):
        with pytest.raises(Unavailable, match=message):
            table.checkpoint()
    assert (mounted / "notes.json.journal").stat().st_size == size
    assert held(table) == stored(mounted) == {"a": note("a", 1), "b": note("b", 2)}


def test_file_that_is_immutable_is_named(tmp_path):
    table = open_table(tmp_path)
    table.insert(note("a", 1))
    table.checkpoint()
    if subprocess.run(["chattr", "+i", data(tmp_path)], capture_output=True).returncode:
        pytest.skip("there are no attributes here")
    try:
        with pytest.raises(
            Unavailable, match="notes.json cannot be replaced: operation"
        ):
            table.check_writable()
    finally:
        subprocess.run(["chattr", "-i", data(tmp_path)], check=True)
    table.check_writable()


def test_file_that_can_be_replaced_or_is_not_there_is_left_alone(tmp_path):
    check_replaceable(tmp_path / "none")
    path = tmp_path / "file"
    path.write_text("x")
    check_replaceable(path)
    assert path.read_text() == "x"
