"""Entity tags of replies, and the conditions of requests on them.

A write checks its conditions in the same atomic step, so they are passed down to it as
``Conditions``; a read checks them itself. No document has a date of its last change that
would be right for edits by hand too, so conditions with dates are ignored.
RFC 9110, sections 8.8.3 and 13.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import orjson
from falcon import HTTP_304, ETag, Response

from app.api.request_context import Request
from app.errors import Invalid, Stale
from app.storage import Page

_TAG = '(W/)?"[!#-~\u0080-\u00ff]*"'

_TAGS = re.compile(rf"\*|[ \t,]*{_TAG}([ \t]*,[ \t,]*{_TAG})*[ \t,]*")

MATCH, NONE_MATCH = "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"
"""The two headers in the environment of WSGI."""


class Conditions:
    """The conditions If-Match and If-None-Match on the target of a write.

    A tag is a state and, with ``of_views``, a hyphen and what else the reply shows. Only
    the states are compared. As a container, this has the revisions in which a record may
    be changed.
    """

    def __init__(self, request: Request, of_views: bool) -> None:
        """Read the headers; raises Invalid."""
        self._expected = expected(request)
        self._known: tuple[str, ...] = ()
        if NONE_MATCH in request.env:
            _check(request, NONE_MATCH, "If-None-Match")
            self._known = tuple(request.if_none_match or ())
        self._is_any_known = is_any(self._known)
        if of_views:
            if self._expected is not None:
                self._expected = [tag.partition("-")[0] for tag in self._expected]
            self._known = tuple(tag.partition("-")[0] for tag in self._known)

    def __contains__(self, revision: object) -> bool:
        assert isinstance(revision, int)
        return self._hold(of_revision(revision))

    def admits(self, resource: Mapping[str, Any]) -> bool:
        """Return whether a part of a document may be changed in its current state."""
        return self._hold(of_resource(resource))

    def _hold(self, state: str) -> bool:
        if self._expected is not None and state not in self._expected:
            return False
        return not self._is_any_known and state not in self._known


def conditions(request: Request, of_views: bool = False) -> Conditions | None:
    """Return the conditions of the request, if it has any; raises Invalid."""
    if MATCH in request.env or NONE_MATCH in request.env:
        return Conditions(request, of_views)
    return None


def of_revision(revision: int) -> str:
    """Return the tag of a record in a revision."""
    return f"{revision:016x}"


def of_revisions(page: Page) -> str:
    """Return the tag of a list."""
    revisions = b"".join([record.revision.to_bytes(8) for record in page.records])
    return blake2b(revisions, digest_size=8, key=b"%d" % page.total).hexdigest()


def of_resource(resource: Mapping[str, Any]) -> str:
    """Return the tag of a part of a document."""
    return of_content(orjson.dumps(resource))


def of_content(content: bytes) -> str:
    """Return the tag of bytes."""
    return blake2b(content, digest_size=8).hexdigest()


def is_answered(request: Request, response: Response, tag: str) -> bool:
    """Set the tag of the reply; return whether the client has that version: 304.

    Raises Stale if If-Match does not admit the tag, and Invalid.
    """
    if MATCH in request.env:
        tags = expected(request)
        if tags is not None and tag not in tags:
            raise Stale("it is not in the state that If-Match names; get it again")
    response.set_header("ETag", f'"{tag}"')
    if is_known(request, tag):
        response.status = HTTP_304
        return True
    return False


def send(request: Request, response: Response, content: bytes) -> None:
    """Send ``content`` with its tag, or 304; raises Stale and Invalid."""
    if not is_answered(request, response, of_content(content)):
        response.data = content


def expected(request: Request) -> list[str] | None:
    """Return the strong tags that If-Match admits; None for any. Raises Invalid."""
    if MATCH not in request.env:
        return None
    _check(request, MATCH, "If-Match")
    tags = request.if_match or ()
    if is_any(tags):
        return None
    return [str(tag) for tag in tags if not getattr(tag, "is_weak", False)]


def _check(request: Request, variable: str, name: str) -> None:
    # Falcon accepts a tag without quotes, which then equals no other.
    if not _TAGS.fullmatch(request.env[variable].strip()):
        raise Invalid(f'{name} must be *, or entity tags such as "0123456789abcdef"')


def is_known(request: Request, tag: str) -> bool:
    """Return whether the client has the version ``tag``, by If-None-Match."""
    given = request.env.get(NONE_MATCH)
    if given is None:
        return False
    if given == f'"{tag}"':
        return True
    known = request.if_none_match or ()
    return is_any(known) or tag in known


def is_any(tags: Iterable[str]) -> bool:
    """Return whether a bare asterisk is among ``tags``; "*" in quotes is a tag."""
    return any(tag == "*" and not isinstance(tag, ETag) for tag in tags)
