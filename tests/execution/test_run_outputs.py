"""The file of an output: what is kept of it, and its last line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.execution.run_outputs import FIRST, MOST, PIECE, Output

PIECES = st.lists(st.text("ab \n\r\té", max_size=12).map(str.encode), max_size=8)


@given(pieces=PIECES)
def test_last_line_is_the_last_that_is_not_blank(tmp_path_factory, pieces):
    output = Output(tmp_path_factory.getbasetemp() / "lines.out")
    for piece in pieces:
        output.write(piece)
    output.close()
    text = b"".join(pieces).decode().replace("\r", "\n")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    assert output.last_line == (lines[-1] if lines else "")


@pytest.mark.parametrize("length", [199, 200, 201, 300_000])
def test_last_line_has_200_characters_at_most(tmp_path, length):
    output = Output(tmp_path / "a.out")
    for place in range(0, length, PIECE // 2):
        output.write("é".encode() * min(PIECE // 2, length - place))
    output.close()
    assert output.last_line == "é" * min(length, 200)


def test_output_up_to_the_limit_is_kept_as_it_is(tmp_path):
    output = Output(tmp_path / "a.out")
    for number in range(MOST // PIECE):
        output.write(bytes([number]) * PIECE)
    assert (tmp_path / "a.out").stat().st_size == MOST
    output.write(b"!")
    output.close()
    content = (tmp_path / "a.out").read_bytes()
    assert content.startswith(bytes(FIRST) + b"\n[")
    assert content.endswith(bytes([15]) * PIECE + b"!")
    assert [path.name for path in tmp_path.iterdir()] == ["a.out"]


def test_full_disk_loses_output_and_says_so():
    output = Output(Path("/dev/full"))
    output.write(b"one\n")
    output.write(b"two\n")
    output.close()
    assert output.fault == "No space left on device"
    assert (output.total, output.last_line) == (8, "two")


def test_link_in_place_of_the_file_is_not_followed(tmp_path):
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "a.out").symlink_to(tmp_path / "kept")
    with pytest.raises(OSError):
        Output(tmp_path / "a.out")
    assert (tmp_path / "kept").read_text() == "kept"
