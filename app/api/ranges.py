"""Ranges of bytes: the part of a reply that a client asks for. RFC 9110, section 14.

One range of a GET is heeded. Several, those in another unit, and what is malformed are
ignored, as the RFC permits, and the whole is sent.
"""

import re
from typing import NamedTuple

from app.api.request_context import Request

_RANGE = re.compile(
    r"[ \t]*bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE
)


class Range(NamedTuple):
    """The bytes from ``first`` to ``last``, or the ``last`` ones if ``first`` is None."""

    first: int | None
    last: int | None

    def within(self, size: int) -> range | None:
        """Return the places of the bytes in ``size`` bytes; None if there are none."""
        if self.first is None:
            assert self.last is not None
            part = range(max(0, size - self.last), size)
        elif self.last is None:
            part = range(self.first, size)
        else:
            part = range(self.first, min(self.last + 1, size))
        return part if part else None


def wanted(request: Request, tag: str) -> Range | None:
    """Return the range that a request asks for of what has the strong ``tag``, if any."""
    given = request.env.get("HTTP_RANGE")
    if given is None or request.method != "GET":
        return None
    condition = request.env.get("HTTP_IF_RANGE")
    # A date, as a weak tag, is that of no reply here.
    if condition is not None and condition.strip() != f'"{tag}"':
        return None
    match = _RANGE.fullmatch(given)
    if match is None or not any(match.groups()):
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    if first is not None and last is not None and last < first:
        return None
    return Range(first, last)


def content_range(part: range, size: int) -> str:
    """Return the header Content-Range of a part of ``size`` bytes."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"
