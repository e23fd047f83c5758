"""What the middleware keeps with a request, for the responder and for the access log."""

import falcon
from falcon import HTTPContentTooLarge


class RequestContext:
    """The parts of a request that are read or generated once.

    ``id`` is its id in the log and in X-Request-Id, ``begin`` the time of
    ``time.perf_counter`` when it came, ``prefix`` that of the services API in its address.
    ``body`` is its content, or the error that reading it has led to.
    """

    __slots__ = ("id", "begin", "prefix", "body")

    id: str
    begin: float
    prefix: str
    body: bytes | HTTPContentTooLarge

    def __init__(self) -> None:
        self.id = ""
        self.begin = 0.0
        self.prefix = ""
        self.body = b""


class Request(falcon.Request):
    """Falcon's request with a typed context."""

    __slots__ = ()

    context_type = RequestContext
    context: RequestContext  # type: ignore[assignment]
