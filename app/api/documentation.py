"""The resource at ``/docs``: the OpenAPI document shown in a browser, by Swagger UI.

The page and its script are files in ``docs`` beside this module. The files of Swagger UI
come with the package ``flask-swagger-ui``, which follows each of its releases; the code of
that package needs Flask and is never imported. Its loader is asked for the files, which
finds them in a folder, an archive and an executable alike. Each file is read when it is
first asked for.

Swagger UI shows any method that OpenAPI 3.2 has a place for. The document is 3.1, which
most tools read, and has the further methods in an extension; the script moves them to
where 3.2 has them. The addresses in the page are relative, so that it works behind a proxy
that serves it under a path of its own.
"""

from importlib import resources
from importlib.util import find_spec, module_from_spec

from falcon import HTTPPermanentRedirect, Response

from app.api.entity_tags import is_answered, of_content
from app.api.request_context import Request
from app.errors import NotFound, Unavailable

HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"

FILES = {
    "page.js": SCRIPT,
    "swagger-ui-bundle.js": SCRIPT,
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
"""The files that the page loads and their types; all but the first are Swagger UI's."""

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What a browser may load: only what this server sends."""


class Documentation:
    """Answers with the page, and with the files that it loads (suffix ``file``).

    ``package`` has those of Swagger UI.
    """

    def __init__(self, package: str = "flask_swagger_ui") -> None:
        self._package = package
        self._files: dict[str, _File] = {}

    def on_get(self, request: Request, response: Response) -> None:
        if request.env["PATH_INFO"].endswith("/"):
            # From there, the relative addresses would lead to other places.
            raise HTTPPermanentRedirect("../docs")
        self._send(request, response, "page.html", HTML)
        response.set_header("Content-Security-Policy", POLICY)

    def on_get_file(self, request: Request, response: Response, file: str) -> None:
        if file not in FILES:
            raise NotFound("Not found")
        self._send(request, response, file, FILES[file])

    def _send(
        self, request: Request, response: Response, name: str, media_type: str
    ) -> None:
        if name not in self._files:
            self._files[name] = _File(self._read(name))
        file = self._files[name]
        if not is_answered(request, response, file.tag):
            response.content_type = media_type
            response.data = file.content

    def _read(self, name: str) -> bytes:
        if name.startswith("page."):
            return (resources.files("app") / "api/docs" / name).read_bytes()
        spec = find_spec(self._package)
        if spec is None:
            raise Unavailable("this installation lacks the files of Swagger UI")
        return (resources.files(module_from_spec(spec)) / "dist" / name).read_bytes()


class _File:
    """The content of a file, with its entity tag."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.tag = of_content(content)
