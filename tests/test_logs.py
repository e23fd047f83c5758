"""Log lines: nothing that a client sends acts on the terminal that shows them."""

import json
import logging
from io import StringIO

import pytest

from app.logs import MAX_TEXT, configure, json_line, text_line, visible

HOSTILE = [
    "\x1b[2J",
    "\x9b2J",
    "\n2026-01-01T00:00:00.000Z ERROR false",
    "\r\b\x7f\x00",
    "\u202etxt.exe",
    "\u2066\u2069\u200f\u061c",
    "\u2028\u2029\x85",
    "\U000e0041",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("line", [json_line, text_line])
def test_what_acts_on_a_terminal_is_escaped(line, text):
    made = line(0.0, "INFO", f"a{text}b", {"path": f"/{text}", "status": 200})
    assert "\n" not in made
    assert all(
        each.isprintable() and each not in "\u2028\u2029\u202e\ud800" for each in made
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_json_line_means_what_was_logged(text):
    made = json_line(0.0, "INFO", text, {"path": f"ż\u3000{text}\U0001f600"})
    assert json.loads(made)["message"] == text
    assert json.loads(made)["path"] == f"ż\u3000{text}\U0001f600"


def test_text_that_is_harmless_is_left_as_it_is():
    for text in ("", "a b", "żółć \U0001f600", "\\x1b"):
        assert visible(text) == text


def test_line_is_short_when_its_texts_are_long():
    for line in (json_line, text_line):
        made = line(0.0, "INFO", "a" * 10**6, {"path": "\x1b" * 10**6, "ms": 1})
        assert len(made) < 10 * MAX_TEXT
        assert "aaa … aaa" in made.replace("\\u2026", "…")


class Terminal(StringIO):
    def isatty(self):
        return True


def test_traceback_has_its_lines_indented_on_a_terminal():
    before = logging.root.handlers[:], logging.root.level
    stream = Terminal()
    try:
        configure(stream)
        try:
            raise ValueError("x\n2026-01-01T00:00:00.000Z ERROR false \x1b")
        except ValueError:
            logging.exception("failed")
    finally:
        logging.root.handlers[:], logging.root.level = before
    first, *others = stream.getvalue().splitlines()
    assert first.endswith("failed")
    assert others and all(line.startswith("    ") for line in others)
    assert "\\x1b" in stream.getvalue()
