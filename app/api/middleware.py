"""What happens to every request before its responder."""

from typing import Any

from falcon import COMBINED_METHODS, HTTPMethodNotAllowed, Request, Response

from app.api.routes import ROUTES
from app.errors import Invalid

OVERRIDES = ("LOOKUP", "QUERY")

_ALLOWED = {route.template: route.allowed for route in ROUTES}


class MethodOverride:
    """Lets a POST stand for a method that a proxy on the way would not pass on."""

    def process_request(self, request: Request, response: Response) -> None:
        """Take the method from X-HTTP-Method-Override; raises Invalid."""
        override = request.env.get("HTTP_X_HTTP_METHOD_OVERRIDE")
        if override is None or request.method != "POST":
            return
        if override.strip().upper() not in OVERRIDES:
            raise Invalid(
                f'X-HTTP-Method-Override may be {" or ".join(OVERRIDES)}, not "{override}"'
            )
        request.method = override.strip().upper()


class KnownMethods:
    """Answers methods that Falcon has never heard of like other unsupported ones."""

    def process_resource(
        self, request: Request, response: Response, resource: object, params: Any
    ) -> None:
        """Raise 405 for a method that is in no standard."""
        if request.method not in COMBINED_METHODS:
            raise HTTPMethodNotAllowed(_ALLOWED[request.uri_template or ""])
