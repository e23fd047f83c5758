"""The resource at ``/``: where to begin; it leads a browser to the console."""

from falcon import HTTPTemporaryRedirect, Response

from app import __version__
from app.api import bodies
from app.api.entity_tags import send
from app.api.request_context import Request
from app.api.routes import ADDRESSES, SERVICES_API, begins

JSON_TYPE, HTML_TYPE = "application/json", "text/html"

ENTRY_POINTS = {
    "service_tasks": "get_svctasks",
    "service_start": "post_services_start",
    "extension_schemas": "get_service_schemas",
    "business_attributes": "get_business_attributes",
    "server_status": "get_status",
    "health": "get_health",
    "metrics": "get_metrics",
    "openapi": "get_openapi",
    "docs": "get_documentation",
    "console": "get_console",
}
"""The members of the JSON, and the operation whose address each has."""


class Entrance:
    """Answers with the addresses to begin with.

    ``prefix`` is that of the services API, or empty.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def on_get(self, request: Request, response: Response) -> None:
        response.set_header("Vary", "Accept")
        if request.client_prefers((JSON_TYPE, HTML_TYPE)) == HTML_TYPE:
            raise HTTPTemporaryRedirect(request.root_path + ADDRESSES["get_console"])
        body = {"name": "svctasks", "version": __version__}
        for name, operation in ENTRY_POINTS.items():
            address = ADDRESSES[operation]
            prefix = self._prefix if begins(address, SERVICES_API) else ""
            body[name] = request.root_path + prefix + address
        send(request, response, bodies.encode(body))
