"""Who sends a request, and whether the role of the sender permits it.

While there is no token, a service that only this machine can reach is open to all; any
other is closed. As soon as there is a token, each request needs one, even to an address
that does not exist; only ``/health`` is open, and says without a token whether the service
works and no more. A token is sent as ``Authorization: Bearer``, or by Basic with its name;
a token in an address is ignored, since addresses are logged.

A reply to a request with a token is marked as private, so that no cache gives it to others.
RFC 9111, section 3.5, requires that of caches anyway, but not all comply.
"""

from base64 import b64decode
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NamedTuple, NoReturn

from falcon import Response

from app.access import ADMIN, ANYONE, Role, allows, refusal
from app.api.browsers import is_preflight
from app.api.failed_attempts import FailedAttempts
from app.api.middleware import READING
from app.api.request_context import Request
from app.api.routes import Route, begins
from app.errors import Denied, TooManyFailures, Unauthenticated, Unavailable
from app.storage import Author, author
from app.token_text import is_whole
from app.tokens import Known, Token, Tokens

BEARER = 'Bearer realm="svctasks"'
BASIC = 'Basic realm="svctasks", charset="UTF-8"'

PAGES = ("/docs", "/console", "/")
"""The addresses of pages, for which a browser asks its user for a name and a token.

It does so only if Basic is the first scheme that is offered. The last leads to a page.
"""

PRIVATE = ("Cache-Control", "private, no-cache")

MISSING = (
    'a token is needed, as "Authorization: Bearer TOKEN", or as Basic with the name of the '
    "token and the token"
)


class Authentication:
    """Falcon middleware: recognizes the sender, and refuses what its role may not do.

    With ``is_open``, all is allowed to the programs of this machine while there is no
    token. With ``is_read_only``, nobody may do what writes.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        tokens: Tokens,
        failed: FailedAttempts,
        is_open: bool,
        is_read_only: bool,
    ) -> None:
        self._tokens = tokens
        self._failed = failed
        self._is_open = is_open
        self._is_read_only = is_read_only
        self._needed: dict[str, dict[str, Role]] = {}
        for route in routes:
            verbs = {method: verb.role for method, verb in route.verbs.items()}
            if "GET" in verbs:
                verbs["HEAD"] = verbs["GET"]
            self._needed[route.address] = verbs
        self._open = {
            address
            for address, verbs in self._needed.items()
            if all(role == ANYONE for role in verbs.values())
        }

    def process_request(self, request: Request, response: Response) -> None:
        """Keep the sender's role and name with the request.

        Raises Unauthenticated, TooManyFailures and Unavailable.
        """
        context = request.context
        context.role = ANYONE
        try:
            known = self._tokens.known()
        except Unavailable:
            if request.path in self._open:
                return
            raise
        if not known.by_digest:
            if self._is_open and _is_of_this_machine(request):
                context.role = ADMIN
                return
        elif (authorization := request.env.get("HTTP_AUTHORIZATION")) is not None:
            token = known.seen.get(authorization) or _recognized(known, authorization)
            if token is not None and self._tokens.admits(token):
                context.role, context.by = token.role, token.name
                response.set_header(*PRIVATE)
                return
        if request.path not in self._open and not is_preflight(request):
            self._refuse(request, response, known)

    def process_resource(
        self, request: Request, response: Response, resource: object, params: Any
    ) -> None:
        """Check the role, and record the sender as the author of writes; raises Denied."""
        method = request.method
        needed = self._needed[request.uri_template or ""].get(method, ANYONE)
        if not allows(request.context.role, needed):
            raise Denied(refusal(request.context.role, needed))
        if method not in READING:
            if self._is_read_only:
                raise Denied("the server runs read-only")
            author.set(Author(request.context.by, request.context.id))

    def _refuse(self, request: Request, response: Response, known: Known) -> NoReturn:
        wait = self._failed.count(request.remote_addr)
        if wait:
            response.set_header("Retry-After", str(wait))
            raise TooManyFailures(
                "too many requests without a valid token came from this address; try "
                f"again in {wait} seconds. One with a valid token is answered at once"
            )
        offered = (BASIC, BEARER) if begins(request.path, PAGES) else (BEARER, BASIC)
        response.set_header("WWW-Authenticate", ", ".join(offered))
        raise Unauthenticated(_reason(request, known))


def _is_of_this_machine(request: Request) -> bool:
    """Return whether a program of this machine sends this on its own behalf.

    A proxy that the server does not know forwards requests from anywhere.
    """
    if "HTTP_X_FORWARDED_FOR" in request.env or "HTTP_FORWARDED" in request.env:
        return False
    return _is_here(request.remote_addr)


@lru_cache(maxsize=64)
def _is_here(address: str) -> bool:
    """Return whether a client is on this machine; one on a Unix socket has no address.

    A WSGI server other than that of ``serve`` may listen where that would not.
    """
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False


class Credentials(NamedTuple):
    """A token that was sent, and by Basic a name."""

    token: str
    name: str | None = None


def _credentials(authorization: str) -> Credentials | None:
    """Return what a header has; None if its scheme is neither Bearer nor Basic."""
    scheme, _, credentials = authorization.partition(" ")
    credentials = credentials.strip()
    match scheme.lower():
        case "bearer":
            return Credentials(credentials)
        case "basic":
            try:
                decoded = b64decode(credentials, validate=True).decode()
            except ValueError:
                return Credentials("")
            name, _, token = decoded.partition(":")
            return Credentials(token, name)
    return None


def _recognized(known: Known, authorization: str) -> Token | None:
    """Return what is known of the token in a header, under its name if there is one."""
    sent = _credentials(authorization)
    token = known.recognized(sent.token) if sent else None
    if token is None or (sent and sent.name not in (None, token.name)):
        return None
    known.remember(authorization, token)
    return token


def _reason(request: Request, known: Known) -> str:
    """Return what is wrong, and what would be right; never what was sent."""
    if not known.by_digest:
        return "nobody may use this service until it has a token: svctasks token create"
    authorization = request.env.get("HTTP_AUTHORIZATION")
    if authorization is None:
        is_in_address = "access_token=" in request.query_string
        return (
            f"a token in an address is not read; {MISSING}"
            if is_in_address
            else MISSING
        )
    sent = _credentials(authorization)
    if sent is None:
        return f"this Authorization is neither Bearer nor Basic; {MISSING}"
    if (token := _recognized(known, authorization)) is not None:
        return f'the token "{token.name}" has expired'
    if not is_whole(sent.token):
        return "this is no whole token: one begins with svct_ and ends in a checksum"
    return "no such token is known here: it was revoked, or has another name"
