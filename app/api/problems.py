"""Errors as replies: the one table from error to status, and the two forms.

Service tasks: ``error_code`` is 1000 + the HTTP status (svctasks contract, section 6).
The services API names the request too, under its prefix as well, and even if it has no
such address (context-services contract, section 5).
"""

import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

import falcon
from falcon import COMBINED_METHODS, HTTPMethodNotAllowed, Response

from app import errors
from app.api import bodies
from app.api.middleware import SLASH_IN_NAME, has_slash_in_name
from app.api.request_context import Request
from app.api.routes import SERVICES_API, Route, begins
from app.errors import MAX_MESSAGE, cut
from app.token_text import hidden

log = logging.getLogger(__name__)

STATUS = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.Misdirected: 421,
    errors.TooManyFailures: 429,
    errors.Maintenance: 503,
    errors.NoRunner: 503,
    errors.Overdue: 503,
    errors.TableFull: 507,
    errors.Unavailable: 503,
}

RETRY_AFTER = "5"
"""Seconds after which a client may try again what was not available."""

MESSAGES = {
    400: "Bad request",
    404: "Not found",
    405: "This method is not supported here; see the header Allow",
}
"""What is said where Falcon found the fault, in the words of this service."""

MAX_ADDRESS = 8190
"""Characters of its address that a reply repeats: all that gunicorn takes."""

CODES = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    507: "TOO_LARGE",
}
"""What the services form calls a status; others are BAD_REQUEST or INTERNAL."""


def register(
    application: falcon.App[Any, Any], prefix: str, routes: Iterable[Route]
) -> None:
    """Let ``application`` answer every error in the form that its address has.

    ``prefix`` is the further prefix of the services API, or empty.
    """
    answers = _Answers(prefix, routes)
    application.add_error_handler(Exception, answers.to_unforeseen)
    application.add_error_handler(falcon.HTTPError, answers.to_http_error)
    application.add_error_handler(errors.Error, answers.to_error)


class _Answers:
    def __init__(self, prefix: str, routes: Iterable[Route]) -> None:
        self._allowed = {route.address: route.allowed for route in routes}
        under_prefix = (prefix + begin for begin in SERVICES_API)
        self._services_api = (*SERVICES_API, *under_prefix)

    def to_error(
        self, request: Request, response: Response, error: errors.Error, params: Any
    ) -> None:
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        if isinstance(error, errors.Unavailable):
            log.error("%s %s: %s", request.method, request.path, error.message)
        if isinstance(error, errors.Unavailable | errors.NoRunner | errors.Overdue):
            response.set_header("Retry-After", RETRY_AFTER)
        faults = error.faults if isinstance(error, errors.Invalid) else None
        code = "MAINTENANCE" if isinstance(error, errors.Maintenance) else _code(status)
        self._answer(request, response, status, code, error.message, faults)

    def to_http_error(
        self, request: Request, response: Response, error: falcon.HTTPError, params: Any
    ) -> None:
        if request.method not in COMBINED_METHODS and request.uri_template:
            # Falcon calls it a bad request if it does not know the method.
            error = HTTPMethodNotAllowed(self._allowed[request.uri_template])
        if not request.uri_template and has_slash_in_name(request):
            # Decoded, the slash divides a segment, so that no route matches.
            return self.to_error(
                request, response, errors.Invalid(SLASH_IN_NAME), params
            )
        status = error.status_code
        if error.headers is not None:
            response.set_headers(error.headers)
        message = error.description or MESSAGES.get(status) or error.title or ""
        message = cut(message, MAX_MESSAGE)
        self._answer(request, response, status, _code(status), message)

    def to_unforeseen(
        self, request: Request, response: Response, error: Exception, params: Any
    ) -> None:
        log.error("%s %s", request.method, request.path, exc_info=error)
        message = "The service failed to answer; its log says why"
        self._answer(request, response, 500, _code(500), message)

    def _answer(
        self,
        request: Request,
        response: Response,
        status: int,
        code: str,
        message: str,
        faults: errors.Faults | None = None,
    ) -> None:
        body: dict[str, Any]
        if begins(request.path, self._services_api):
            uri = cut(_without_tokens(_address(request)), MAX_ADDRESS)
            body = {"http_method": cut(request.method), "http_uri": uri}
            body |= {"http_code": status, "code": code, "description": message}
        else:
            body = bodies.error_body(status, message)
        if faults:
            body["errors"] = dict(faults)
        # The tag was set for a reply that is not sent.
        response.delete_header("ETag")
        response.content_type = bodies.JSON
        response.status = falcon.code_to_http_status(status)
        # The message, the address and the places of faults repeat what was sent.
        response.data = hidden(bodies.encode(body).decode()).encode()


def _code(status: int) -> str:
    return CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL")


def _address(request: Request) -> str:
    """Return path and query as they were sent."""
    sent: str = request.env.get("RAW_URI", "")
    if sent.startswith("/"):
        return sent
    # Other servers than gunicorn hand on the decoded path only.
    path = request.env.get("SCRIPT_NAME", "") + request.env["PATH_INFO"]
    query = f"?{request.query_string}" if request.query_string else ""
    return quote(path, "/;=,:@~", "latin-1", "replace") + query


def _without_tokens(address: str) -> str:
    decoded = unquote(address)
    shown = hidden(decoded)
    return address if shown == decoded else quote(shown, "/?&;=,:@~")
