"""Entity tags in the conditions of requests. RFC 9110, section 13."""

from collections.abc import Iterable

from falcon import ETag, Request


def is_known(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match says that the client has what ``tag`` names."""
    if "HTTP_IF_NONE_MATCH" not in request.env:
        return False
    known = request.if_none_match or ()
    return is_any(known) or tag in known


def is_any(tags: Iterable[str]) -> bool:
    """Tell whether a bare asterisk is among ``tags``; "*" in quotes is a tag."""
    return any(tag == "*" and not isinstance(tag, ETag) for tag in tags)
