"""What happens to every request before its responder, and to its reply after that."""

from collections.abc import Iterable
from typing import Any

from falcon import Response

from app import modes
from app.api.bodies import JSON
from app.api.request_context import Request
from app.api.routes import Route
from app.errors import Invalid, Maintenance, cut

OVERRIDES = ("LOOKUP", "QUERY")
"""The methods that a POST can be sent for."""

READING = frozenset(("GET", "HEAD", "OPTIONS", "LOOKUP", "QUERY"))
"""The methods that write nothing."""

HEADERS = (
    ("Cache-Control", "no-cache"),
    ("Content-Type", JSON),
    ("X-Content-Type-Options", "nosniff"),
)
"""The headers of every reply, unless a responder sets others."""


class Headers:
    """Sets the headers that all replies have."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._allowed = {route.address: ", ".join(route.allowed) for route in routes}

    def process_request(self, request: Request, response: Response) -> None:
        """Set the headers of every reply."""
        response.set_headers(HEADERS)

    def process_response(
        self, request: Request, response: Response, resource: object, succeeded: bool
    ) -> None:
        """Remove the type of a reply without a body; set all methods for OPTIONS.

        A client that sees a type tries to read a body. Context-services contract,
        section 1.
        """
        if response.data is None:
            response.delete_header("Content-Type")
            if request.method == "OPTIONS":
                # Falcon leaves OPTIONS itself out.
                response.set_header("Allow", self._allowed[request.uri_template or ""])


class MethodOverride:
    """Replaces POST by a method that a proxy on the way would not pass on."""

    def process_request(self, request: Request, response: Response) -> None:
        """Take the method from X-HTTP-Method-Override; raises Invalid."""
        override = request.env.get("HTTP_X_HTTP_METHOD_OVERRIDE")
        if override is None or request.method != "POST":
            return
        if override.strip().upper() not in OVERRIDES:
            raise Invalid(
                f'X-HTTP-Method-Override may be {" or ".join(OVERRIDES)}, '
                f'not "{cut(override)}"'
            )
        request.method = override.strip().upper()


class ServicesApi:
    """Keeps the prefix of a request to the services API; refuses it in maintenance.

    Requests to other addresses cost one look-up in a dictionary.
    """

    def __init__(self, routes: Iterable[Route], server_modes: modes.Modes) -> None:
        self._routes = {
            route.address: route for route in routes if route.is_of_services_api
        }
        self._modes = server_modes

    def process_resource(
        self, request: Request, response: Response, resource: object, params: Any
    ) -> None:
        """Keep the prefix of the request; raises Invalid and Maintenance."""
        route = self._routes.get(request.uri_template or "")
        if route is None:
            return
        _check_segments(request)
        request.context.prefix = route.prefix
        if route.is_service_traffic and self._modes.current() == modes.MAINTENANCE:
            raise Maintenance(
                "the server is in maintenance; services can be used again in production"
            )


def _check_segments(request: Request) -> None:
    """Raise Invalid if a name in the address is not the one that was sent.

    WSGI has the decoded path, in which an encoded slash separates segments, and Falcon
    replaces what is not UTF-8.
    """
    if has_slash_in_name(request):
        raise Invalid(SLASH_IN_NAME)
    if "\ufffd" in request.path:
        try:
            request.env["PATH_INFO"].encode("latin-1").decode("utf-8")
        except UnicodeError:
            raise Invalid("the address is not UTF-8") from None


SLASH_IN_NAME = "a name in the address has a slash, which cannot be asked for"


def has_slash_in_name(request: Request) -> bool:
    """Return whether a slash was sent encoded in the path."""
    # Not all servers have the address as it was sent.
    sent: str = request.env.get("RAW_URI", "")
    return "%2" in sent and "%2f" in sent.partition("?")[0].lower()


def location(request: Request, path: str) -> str:
    """Return the address of ``path``, under the prefix that ``request`` came under."""
    return request.root_path + request.context.prefix + path
