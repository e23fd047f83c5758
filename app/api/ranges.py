"""Ranges of bytes: the part of a reply that a client asks for. RFC 9110, section 14.

One range of a GET is heeded. Several, those in another unit, and what is malformed are
ignored, as the RFC permits, and the whole is sent.
"""

import re

from app.api.request_context import Request

_RANGE = re.compile(
    r"[ \t]*bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE
)


def wanted(request: Request, tag: str, size: int) -> range | None:
    """Return the places of the bytes that a request asks for; None for the whole.

    The whole has ``size`` bytes and the strong ``tag``. Where none of them is asked for,
    the range is empty.
    """
    match = _RANGE.fullmatch(request.env.get("HTTP_RANGE", ""))
    # A date, as a weak tag, is that of no reply here.
    is_meant = request.env.get("HTTP_IF_RANGE", f'"{tag}"').strip() == f'"{tag}"'
    if match is None or not is_meant or request.method != "GET":
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    if first is None:
        return None if last is None else range(max(0, size - last), size)
    if last is None:
        return range(first, size)
    return range(first, min(last + 1, size)) if first <= last else None
