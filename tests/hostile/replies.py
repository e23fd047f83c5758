"""What has to hold of every reply, and of every line of the log, whatever was sent."""

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from readme import ROOT

LEAKS = [b"Traceback", b"site-packages", b'File "', b"\\n  File"] + [
    str(place).encode()
    for place in {ROOT, Path(sys.prefix), Path(sys.base_prefix) / "lib", Path.home()}
    if len(str(place)) > 5
]
"""What no reply and no line of the log may show."""

SHORT = 64_000
"""Bytes that the reply to a bad request may have."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) [ -~]*")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)")


class Answer(NamedTuple):
    """A reply as it was received; the names of its headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def answers(received: bytes, is_reset: bool = False) -> list[Answer]:
    """Return the replies that came on one connection, all of them whole.

    Where the connection ``is_reset``, the last one may be cut. Raises AssertionError where
    it is something else.
    """
    found = []
    while received:
        begin, end, rest = received.partition(b"\r\n\r\n")
        if is_reset and not end:
            break
        assert end, f"a reply is cut: {received[:200]!r}"
        first, *lines = begin.split(b"\r\n")
        status = _STATUS.fullmatch(first)
        assert status, f"no status line: {first!r}"
        headers = {}
        for line in lines:
            match = _FIELD.fullmatch(line)
            assert match, f"no header: {line!r}"
            headers[match[1].decode().lower()] = match[2].decode("latin-1")
        if status[1] == b"100":
            received = rest
            continue
        size = int(headers.get("content-length", 0))
        if headers.get("transfer-encoding") == "chunked":
            body, rest = _of_chunks(rest)
        elif rest.startswith(b"HTTP/1.") or not rest:
            # That of HEAD.
            body = b""
        else:
            body, rest = rest[:size], rest[size:]
            if is_reset and len(body) < size:
                break
            assert len(body) == size, "a body is cut"
        found.append(Answer(int(status[1]), headers, body))
        received = rest
    return found


def _of_chunks(rest: bytes) -> tuple[bytes, bytes]:
    parts = []
    while True:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        part, rest = rest[:count], rest[count + 2 :]
        if not count:
            return b"".join(parts), rest
        parts.append(part)


def check(answer: Answer, places: list[bytes]) -> None:
    """Check a reply; ``places`` are paths that it may not show.

    Raises AssertionError.
    """
    status, headers, body = answer
    for place in (*LEAKS, *places):
        assert place not in body, f"{status} shows {place!r}: {body[:300]!r}"
        shown = [name for name, value in headers.items() if place.decode() in value]
        assert not shown, f"{shown} show {place!r}"
    for name in ("location", "link"):
        value = headers.get(name, "").lstrip("<")
        assert "://" not in value and not value.startswith("//"), f"{name}: {value}"
    if status < 400:
        return
    assert len(body) < SHORT, f"{status} with {len(body)} bytes"
    is_usual = _is_maintenance(answer) or b'"no runner is alive; ' in body
    assert status < 500 or status == 501 or is_usual, answer
    if not body:
        # That of HEAD, or of the core of Granian.
        return
    assert headers.get("content-type", "").startswith("application/json"), answer
    error = json.loads(body)
    if "error_code" in error:
        assert error["error_code"] == 1000 + status, error
        assert error["error_message"], error
    else:
        assert error["http_code"] == status and error["code"], error
        assert error["description"] and error["http_uri"], error


def _is_maintenance(answer: Answer) -> bool:
    """Return whether a reply is that of maintenance, which HEAD gets without its body."""
    is_named = b'"MAINTENANCE"' in answer.body or not answer.body
    return answer.status == 503 and is_named and "retry-after" not in answer.headers


def check_log(text: str, places: list[bytes]) -> None:
    """Check the lines of a log; raises AssertionError."""
    for line in text.splitlines():
        entry: dict[str, Any] = json.loads(line)
        assert entry["level"] in ("INFO", "WARNING"), line
        assert len(line) < 16_000, line[:500]
        assert "traceback" not in entry, line
        for place in (*LEAKS, *places):
            assert place.decode() not in line, line
