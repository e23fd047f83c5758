"""What the middleware keeps with a request, for its responder and for the access log."""

import falcon
from falcon import HTTPContentTooLarge


class RequestContext:
    """The parts of a request that are read or generated once.

    Nothing has a default, which each request would pay for.
    """

    __slots__ = ("id", "begin", "prefix", "body")

    id: str
    """Its id in the log and in X-Request-Id: AccessLog."""
    begin: float
    """When it came, by ``time.perf_counter``: AccessLog."""
    prefix: str
    """The prefix in its address, where the services API answers: ServicesApi."""
    body: bytes | HTTPContentTooLarge
    """Its content, or what is wrong with it; absent for a GET without: WholeBodies."""


class Request(falcon.Request):
    """Falcon's request with a typed context."""

    __slots__ = ()

    context_type = RequestContext
    context: RequestContext  # type: ignore[assignment]
