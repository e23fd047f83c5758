"""Log lines: readable on a terminal, JSON elsewhere, one line each but for tracebacks.

Much of what is logged was chosen by clients. So no line has a character that a terminal
acts on, and each has its length at most. No line has a token.
"""

import json
import logging
import os
import re
import traceback
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from app.datetimes import of_seconds
from app.errors import Error
from app.token_text import hidden

MAX_TEXT = 8000
"""Characters that a text in a line may have; of a longer one the ends are kept."""

TRACEBACK = "traceback"
"""The member that may have several lines for a person to read."""

_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Control characters, overrides of the direction, and others that are not seen."""

Line = Callable[[float, str, str, dict[str, Any]], str]
"""Returns the line for a time in seconds since 1970, a level, a message and members."""


def visible(text: str) -> str:
    r"""Return ``text`` with escapes, such as \x1b, for what a terminal would act on."""
    if text.isascii() and text.isprintable():
        return text
    return _ACTIVE.sub(lambda found: ascii(found[0])[1:-1], text)


def _bounded(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        value, end = hidden(value), MAX_TEXT // 2
        return f"{value[:end]} … {value[-end:]}"
    return value


def json_line(time: float, level: str, message: str, members: dict[str, Any]) -> str:
    """Return a line for a program to read."""
    line = {
        "time": of_seconds(time),
        "level": level,
        "process": os.getpid(),
        "message": message,
        **members,
    }
    try:
        text = orjson.dumps(line).decode()
    except TypeError:
        # A file name may hold half a surrogate pair, which has no UTF-8.
        text = json.dumps(line, separators=(",", ":"))
    if len(text) > MAX_TEXT:
        bounded = {name: _bounded(value) for name, value in line.items()}
        text = json.dumps(bounded, separators=(",", ":"))
    text = hidden(text)
    # What JSON does not demand to escape is inside of texts, and may be escaped there.
    is_harmless = text.isascii() and "\x7f" not in text
    return text if is_harmless else _ACTIVE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n:n + 2].hex()}" for n in range(0, len(units), 2))


def text_line(time: float, level: str, message: str, members: dict[str, Any]) -> str:
    """Return a line for a person to read."""
    members = dict(members)
    trace = str(_bounded(members.pop(TRACEBACK, ""))).splitlines()
    parts = [of_seconds(time), f"{level:7}", message, *members.values()]
    line = hidden(" ".join(visible(str(_bounded(part))) for part in parts))
    # Indented, so that no line of it can be taken for one of the log.
    return "\n    ".join([line.rstrip(), *map(visible, map(hidden, trace))])


def form(stream: "_Stream") -> Line:
    """Return the form that suits the readers of ``stream``."""
    return text_line if stream.isatty() else json_line


def configure(stream: "_Stream") -> None:
    """Send what the service logs to ``stream``."""
    handler = _Handler(stream.write, form(stream))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class Failures:
    """Failures of repeated attempts, logged to ``log`` when they change.

    Each has the name of what failed. One that lasts is logged once, and its end is too.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lasting: dict[str, str] = {}

    def note(self, name: str, error: Exception) -> None:
        """Log that ``name`` failed, with a traceback unless the message says it all."""
        text = f"{name}: {str(error) or type(error).__name__}"
        if self._lasting.get(name) != text:
            self._lasting[name] = text
            is_foreseen = isinstance(error, OSError | Error)
            self._log.warning("%s", text, exc_info=None if is_foreseen else error)

    def end(self, name: str) -> None:
        """Log that ``name`` succeeded, if it had failed before."""
        if self._lasting.pop(name, None) is not None:
            self._log.info("%s: all is well again", name)


class _Stream(Protocol):
    def isatty(self) -> bool: ...

    def write(self, text: str, /) -> object: ...


class _Handler(logging.Handler):
    def __init__(self, write: Callable[[str], object], line: Line) -> None:
        super().__init__()
        self._write = write
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        members = {}
        if record.exc_info and record.exc_info[0] is not None:
            members[TRACEBACK] = "".join(traceback.format_exception(*record.exc_info))
        message = record.getMessage()
        return self._line(record.created, record.levelname, message, members)
