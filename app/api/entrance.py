"""The resource at ``/``: where to begin, as JSON or, for a browser, as a page."""

from collections.abc import Mapping
from html import escape
from importlib import resources

from falcon import Response

from app import __version__
from app.api import bodies
from app.api.entity_tags import send
from app.api.request_context import Request
from app.api.routes import ADDRESSES, SERVICES_API, begins

JSON_TYPE, HTML_TYPE = "application/json", "text/html"

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may load for the page: nothing."""

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
}
"""The members of the JSON, and the operation whose address each has."""

LINKS = {
    "docs": "the API, to read and to try",
    "service_tasks": "the service tasks",
    "extension_schemas": "the extension schemas of services",
    "business_attributes": "the business attributes",
    "health": "whether the service can work",
    "server_status": "how the server does",
    "metrics": "figures for Prometheus",
    "openapi": "the description of the API, for programs",
}
"""The entry points that the page links to, those that a browser can get, with a text."""


class Entrance:
    """Answers with the addresses to begin with.

    ``prefix`` is that of the services API, or empty.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._page = (resources.files("app") / "api/docs/entrance.html").read_text()

    def on_get(self, request: Request, response: Response) -> None:
        body = {"name": "svctasks", "version": __version__}
        for name, operation in ENTRY_POINTS.items():
            address = ADDRESSES[operation]
            prefix = self._prefix if begins(address, SERVICES_API) else ""
            body[name] = request.root_path + prefix + address
        response.set_header("Vary", "Accept")
        if request.client_prefers((JSON_TYPE, HTML_TYPE)) == HTML_TYPE:
            response.content_type = f"{HTML_TYPE}; charset=utf-8"
            send(request, response, self._with_links(body))
        else:
            send(request, response, bodies.encode(body))
        response.set_header("Content-Security-Policy", POLICY)

    def _with_links(self, body: Mapping[str, str]) -> bytes:
        """Return the page with a link to each entry point."""
        links = "".join(
            f'<li><a href="{escape(body[name])}">{escape(body[name])}</a>: {text}</li>\n'
            for name, text in LINKS.items()
        )
        return self._page.format(version=escape(body["version"]), links=links).encode()
