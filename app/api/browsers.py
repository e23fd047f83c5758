"""Protection from the pages of other sites, in browsers that reach this service.

A page of any site can send a form, or a request that needs no permission, to a service on
the browser's own machine. Programs send neither ``Origin`` nor ``Sec-Fetch-Site``, so that
for programs only the host is checked. Access contract, section 2.

Methods other than GET, HEAD and POST, and headers such as X-HTTP-Method-Override, need the
permission that CORS gives, so that no page of another site can send LOOKUP or QUERY either.
"""

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any

from falcon import CORSMiddleware, Response

from app.api.middleware import READING
from app.api.request_context import Request
from app.errors import Denied, Misdirected, cut
from app.hosts import ANY, Hosts, name_in, own_origin

# fmt: off
EXPOSED = (
    "ETag", "X-Total-Count", "X-Total-Count-Is", "Link", "Location", "X-Request-Id",
)
# fmt: on
"""The headers that the pages of a permitted origin may read, besides the usual ones."""

MAX_SEEN = 64
"""How many values of the header Host are cached."""

OWN_SITES = (None, "same-origin", "none")
"""The values of Sec-Fetch-Site if no page of another origin is involved."""


class Browsers:
    """Falcon middleware that refuses other hosts, and writes of pages of other origins.

    It comes after all that changes the method, the host or the scheme of a request. If any
    origin is permitted, its pages may write only while ``has_tokens`` returns False.
    """

    def __init__(
        self, hosts: Hosts, origins: Collection[str], has_tokens: Callable[[], bool]
    ) -> None:
        self._include = lru_cache(MAX_SEEN)(hosts.include)
        self._origins = frozenset(origins)
        self._has_tokens = has_tokens

    @property
    def permissions(self) -> Sequence[Any]:
        """The Falcon middleware for CORS; none if no other origin is permitted.

        It comes before all that sets ``Allow``, and permits no cookies and passwords.
        """
        if not self._origins:
            return ()
        if ANY in self._origins:
            return (CORSMiddleware(expose_headers=EXPOSED),)
        return (CORSMiddleware(self._origins, EXPOSED), _VaryByOrigin())

    def process_request(self, request: Request, response: Response) -> None:
        """Raise Misdirected, Denied and Unavailable.

        A request of HTTP/1.0 may have no host; browsers always send one.
        """
        environ = request.env
        host = environ.get("HTTP_HOST")
        if host is not None and not self._include(host):
            raise Misdirected(_misdirected(host))
        if "HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_SITE" in environ:
            if request.method not in READING:
                self._check_writer(request, host)

    def _check_writer(self, request: Request, host: str | None) -> None:
        origin = request.env.get("HTTP_ORIGIN")
        site = request.env.get("HTTP_SEC_FETCH_SITE")
        if origin in self._origins:
            return
        # With tokens, a browser adds one that it was given for /docs to any form.
        if ANY in self._origins and not self._has_tokens():
            return
        own = own_origin(request.scheme, host) if host else None
        if origin in (None, own) and site in OWN_SITES:
            return
        if origin in (None, own, "null"):
            what = "Origin: null" if origin == "null" else f"Sec-Fetch-Site: {site}"
            raise Denied(f"a page of another site may not write here ({cut(what)})")
        shown = cut(origin or "")
        raise Denied(
            f'a page of "{shown}" may not write here, at "{cut(own or "no host")}"; if it '
            f"should, start the server with --cors-origin {shown}"
        )


def _misdirected(host: str) -> str:
    name = name_in(host)
    if not name:
        return f'the header Host is "{cut(host)}", which is no host'
    return (
        f'this server does not answer for the host "{cut(host)}"; if it should, start it '
        f"with --host {cut(name)}"
    )


class _VaryByOrigin:
    """Falcon middleware that keeps caches from giving one origin the reply to another."""

    def process_response(
        self, request: Request, response: Response, resource: object, succeeded: bool
    ) -> None:
        """Add Origin to Vary."""
        response.append_header("Vary", "Origin")


def is_preflight(request: Request) -> bool:
    """Return whether this is a preflight request of CORS, which never has a token.

    https://fetch.spec.whatwg.org/#cors-preflight-request
    """
    environ = request.env
    return (
        request.method == "OPTIONS"
        and "HTTP_ORIGIN" in environ
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )
