"""The front door: what stands where, and the OpenAPI document shown in a browser.

The page is Swagger UI, whose files the package ``flask-swagger-ui`` ships, which follows
each of its releases. Only the files are used: the package's code needs Flask and is never
imported. They are asked of the loader that would import it, and so are found in a folder,
an archive and a binary alike; each is read when it is first asked for.

Swagger UI shows any method that OpenAPI 3.2 has a place for. The document is 3.1, which
most tools read, and has the further methods in an extension; the page moves them to where
3.2 has them. Its addresses are relative, so that it works behind a proxy that serves it
under a path of its own.
"""

from collections.abc import Mapping
from html import escape
from importlib import resources
from importlib.util import find_spec, module_from_spec

from falcon import HTTPPermanentRedirect, Request, Response

from app import __version__
from app.api import bodies
from app.api.entity_tags import is_answered, of_content, send
from app.api.routes import (
    BUSINESS_ATTRIBUTES,
    DOCS,
    EXTENSION_SCHEMAS,
    HEALTH,
    METRICS,
    OPENAPI,
    START,
    STATUS,
    SVCTASKS,
)
from app.errors import NotFound, Unavailable

JSON_TYPE, HTML_TYPE = "application/json", "text/html"
HTML = f"{HTML_TYPE}; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"

FILES = {
    "page.js": SCRIPT,
    "swagger-ui-bundle.js": SCRIPT,
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
"""What the page loads, and of which type it is; all but the first are Swagger UI's."""

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What a browser may load: only what this server sends. Swagger UI styles in place."""

PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>svctasks</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page">The service is described by <a href="openapi.json">openapi.json</a>.</div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/page.js"></script>
</body>
</html>
"""

ENTRANCE_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

ENTRANCE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>svctasks</title>
</head>
<body>
<h1>svctasks {version}</h1>
<p>Service tasks and services in plain JSON files.</p>
<ul>
{links}</ul>
</body>
</html>
"""
"""What a browser shows of the entry points; programs get them as JSON."""

ENTRY_POINTS = {
    "docs": "the API, to read and to try",
    "service_tasks": "the service tasks",
    "extension_schemas": "the extension schemas of services",
    "business_attributes": "the business attributes",
    "health": "whether the service can work",
    "server_status": "how the server does",
    "metrics": "figures for Prometheus",
    "openapi": "the description of the API, for programs",
}
"""What stands at the addresses that a browser can get."""

PAGE_SCRIPT = b"""\
"use strict";

const FURTHER = "x-oai-additionalOperations";

// OpenAPI 3.2 has a place for every method, which 3.1 lacks.
function withAllMethods(item) {
  const { [FURTHER]: { QUERY, ...others } = {}, ...usual } = item;
  if (QUERY) usual.query = QUERY;
  return { ...usual, additionalOperations: others };
}

const withoutSlash = (address) => address.replace(/[/]$/, "");

// Swagger UI takes a text with contentMediaType for a file, which nobody can type.
function withTypedText(parameter) {
  const { contentMediaType, contentSchema, ...schema } = parameter.schema;
  return { ...parameter, schema };
}

const withValues = (change, named) =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [name, change(value)]));

// The root of the API is where the document is: a proxy may not tell in which folder.
function withWholeAddresses(item, told, root) {
  const whole = ({ url, ...others }) => ({
    ...others,
    url: withoutSlash(root + url.slice(told.length)),
  });
  return item.servers ? { ...item, servers: item.servers.map(whole) } : item;
}

function inFormOf32(api, address) {
  const told = withoutSlash(api.servers[0].url);
  const root = withoutSlash(new URL(".", address).href);
  const inPlace = (item) => withWholeAddresses(withAllMethods(item), told, root);
  const parameters = withValues(withTypedText, api.components.parameters);
  return {
    ...withWholeAddresses(api, told, root),
    openapi: "3.2.0",
    paths: withValues(inPlace, api.paths),
    components: { ...api.components, parameters },
  };
}

// Swagger UI is dark below an element of this class.
function followColorScheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();
}

followColorScheme();

async function show() {
  const reply = await fetch("openapi.json");
  if (!reply.ok) throw new Error(`${reply.url} was answered with ${reply.status}`);
  SwaggerUIBundle({
    spec: inFormOf32(await reply.json(), reply.url),
    dom_id: "#page",
    deepLinking: true,
    validatorUrl: null,
    supportedSubmitMethods: ["get", "put", "post", "patch", "delete", "query", "LOOKUP"],
  });
}

show().catch((error) => {
  document.getElementById("page").textContent = error.message;
});
"""


class Entrance:
    """Names the addresses to begin with, as JSON or to a browser as a page.

    ``prefix`` is where the services API stands besides the root, or empty.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def on_get(self, request: Request, response: Response) -> None:
        root = request.root_path
        services_root = root + self._prefix
        body = {
            "name": "svctasks",
            "version": __version__,
            "service_tasks": root + SVCTASKS,
            "service_start": services_root + START,
            "extension_schemas": services_root + EXTENSION_SCHEMAS,
            "business_attributes": services_root + BUSINESS_ATTRIBUTES,
            "server_status": services_root + STATUS,
            "health": root + HEALTH,
            "metrics": root + METRICS,
            "openapi": root + OPENAPI,
            "docs": root + DOCS,
        }
        response.set_header("Vary", "Accept")
        if request.client_prefers((JSON_TYPE, HTML_TYPE)) == HTML_TYPE:
            response.content_type = HTML
            send(request, response, _entrance(body))
        else:
            send(request, response, bodies.encode(body))
        response.set_header("Content-Security-Policy", ENTRANCE_POLICY)

    on_head = on_get


def _entrance(body: Mapping[str, str]) -> bytes:
    """Return the page that a browser shows of the entry points."""
    links = "".join(
        f'<li><a href="{escape(body[name])}">{escape(body[name])}</a>: {meaning}</li>\n'
        for name, meaning in ENTRY_POINTS.items()
    )
    return ENTRANCE.format(version=escape(body["version"]), links=links).encode()


class Documentation:
    """Answers with the page, and with the files that it loads (suffix ``file``).

    ``package`` ships those of Swagger UI.
    """

    def __init__(self, package: str = "flask_swagger_ui") -> None:
        self._package = package
        self._read = {"page.js": _Content(PAGE_SCRIPT)}
        self._page = _Content(PAGE)

    def on_get(self, request: Request, response: Response) -> None:
        if request.env["PATH_INFO"].endswith("/"):
            # Seen from there, the relative addresses would lead astray.
            raise HTTPPermanentRedirect("../docs")
        _send(request, response, HTML, self._page)
        response.set_header("Content-Security-Policy", POLICY)

    on_head = on_get

    def on_get_file(self, request: Request, response: Response, file: str) -> None:
        if file not in FILES:
            raise NotFound("Not found")
        if file not in self._read:
            self._read[file] = _Content(self._shipped(file))
        _send(request, response, FILES[file], self._read[file])

    on_head_file = on_get_file

    def _shipped(self, name: str) -> bytes:
        spec = find_spec(self._package)
        if spec is None:
            raise Unavailable("this installation lacks the files of Swagger UI")
        return (resources.files(module_from_spec(spec)) / "dist" / name).read_bytes()


class _Content:
    """What is sent, with its entity tag."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.tag = of_content(data)


def _send(
    request: Request, response: Response, media_type: str, content: _Content
) -> None:
    if not is_answered(request, response, content.tag):
        response.content_type = media_type
        response.data = content.data
