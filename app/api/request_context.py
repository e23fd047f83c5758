"""What the middleware keeps with a request, for its responder and for the access log."""

import falcon
from falcon import HTTPContentTooLarge

from app.access import Role
from app.jsontext import Bounds


class RequestContext:
    """The parts of a request that are read or generated once.

    Nothing has a default, which each request would pay for.
    """

    __slots__ = ("id", "begin", "by", "role", "prefix", "body", "bounds")

    id: str
    """Its id in the log and in X-Request-Id: AccessLog."""
    begin: float
    """When it came, by ``time.perf_counter``: AccessLog."""
    by: str
    """The name of the sender's token; empty without one: AccessLog, Authentication."""
    role: Role
    """What its sender may do: Authentication."""
    prefix: str
    """The prefix in its address, where the services API answers: ServicesApi."""
    body: bytes | HTTPContentTooLarge
    """Its content, or what is wrong with it; absent for a GET without: WholeBodies."""
    bounds: Bounds
    """What JSON in its body may have; absent where the body is: WholeBodies."""


class Request(falcon.Request):
    """Falcon's request with a typed context."""

    __slots__ = ()

    context_type = RequestContext
    context: RequestContext  # type: ignore[assignment]
