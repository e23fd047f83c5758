"""Entity tags in the conditions of requests. RFC 9110, section 13."""

import re
from collections.abc import Iterable

from falcon import ETag, Request

from app.errors import Invalid

_TAG = '(W/)?"[!#-~\u0080-\u00ff]*"'

_IF_MATCH = re.compile(rf"\*|[ \t,]*{_TAG}([ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def expected(request: Request) -> list[str] | None:
    """Return the strong tags that If-Match admits; None for any. Raises Invalid."""
    given = request.env.get("HTTP_IF_MATCH")
    if given is None:
        return None
    # Falcon takes what has no quotes for a tag, which then is in vain compared with others.
    if not _IF_MATCH.fullmatch(given.strip()):
        raise Invalid('If-Match must be *, or entity tags such as "0123456789abcdef"')
    tags = request.if_match or ()
    if is_any(tags):
        return None
    return [str(tag) for tag in tags if not getattr(tag, "is_weak", False)]


def is_known(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match says that the client has what ``tag`` names."""
    given = request.env.get("HTTP_IF_NONE_MATCH")
    if given is None:
        return False
    if given == f'"{tag}"':
        return True
    known = request.if_none_match or ()
    return is_any(known) or tag in known


def is_any(tags: Iterable[str]) -> bool:
    """Tell whether a bare asterisk is among ``tags``; "*" in quotes is a tag."""
    return any(tag == "*" and not isinstance(tag, ETag) for tag in tags)
