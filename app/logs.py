"""Log lines: readable on a terminal, JSON elsewhere, one line each."""

import logging
import os
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson

Line = Callable[[float, str, str, dict[str, Any]], str]
"""Makes a line of a time in seconds since 1970, a level, a message and members."""


def json_line(time: float, level: str, message: str, members: dict[str, Any]) -> str:
    """Return a line for a program to read."""
    line = {
        "time": _moment(time),
        "level": level,
        "process": os.getpid(),
        "message": message,
        **members,
    }
    return orjson.dumps(line).decode()


def text_line(time: float, level: str, message: str, members: dict[str, Any]) -> str:
    """Return a line for a person to read."""
    told = " ".join(f"{value}" for value in members.values())
    return f"{_moment(time)} {level:7} {message} {told}".rstrip()


def form(stream: TextIO) -> Line:
    """Return the form that suits the readers of ``stream``."""
    return text_line if stream.isatty() else json_line


def configure(stream: TextIO) -> None:
    """Send what the service logs to ``stream``."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(form(stream)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _Formatter(logging.Formatter):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def format(self, record: logging.LogRecord) -> str:
        members = {}
        if record.exc_info and record.exc_info[0] is not None:
            members["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        message = record.getMessage()
        return self._line(record.created, record.levelname, message, members)


def _moment(time: float) -> str:
    seconds = int(time)
    return f"{_second(seconds)}.{int((time - seconds) * 1000):03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
