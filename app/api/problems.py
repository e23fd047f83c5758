"""Errors on their way out: the one table from error to status, and their form.

svctasks contract, section 6: ``error_code`` is 1000 + the HTTP status.
"""

import logging
from typing import Any

import falcon
from falcon import Request, Response

from app import errors
from app.api.bodies import encode

log = logging.getLogger(__name__)

STATUS = {
    errors.Invalid: 400,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.Unavailable: 503,
}

MESSAGES = {
    400: "Bad request",
    404: "Not found",
    405: "This method is not supported here; see the header Allow",
}
"""What is said where Falcon found the fault, in the words of this service."""


def register(application: falcon.App[Any, Any]) -> None:
    """Let ``application`` answer every error in the contract's form."""
    application.add_error_handler(Exception, _answer_unforeseen)
    application.add_error_handler(falcon.HTTPError, _answer_http_error)
    application.add_error_handler(errors.Error, _answer_error)


def _answer(
    response: Response, status: int, message: str, faults: errors.Faults | None = None
) -> None:
    body: dict[str, Any] = {"error_code": 1000 + status, "error_message": message}
    if faults:
        body["errors"] = faults
    response.status = falcon.code_to_http_status(status)
    response.data = encode(body)


def _answer_error(
    request: Request, response: Response, error: errors.Error, params: Any
) -> None:
    status = next(STATUS[each] for each in type(error).__mro__ if each in STATUS)
    if status == 503:
        log.error("%s %s: %s", request.method, request.path, error.message)
    faults = error.faults if isinstance(error, errors.Invalid) else None
    _answer(response, status, error.message, faults)


def _answer_http_error(
    request: Request, response: Response, error: falcon.HTTPError, params: Any
) -> None:
    status = error.status_code
    if error.headers is not None:
        response.set_headers(error.headers)
    message = error.description or MESSAGES.get(status) or error.title
    _answer(response, status, message or "")


def _answer_unforeseen(
    request: Request, response: Response, error: Exception, params: Any
) -> None:
    log.error("%s %s", request.method, request.path, exc_info=error)
    _answer(response, 500, "The service failed to answer; its log says why")
