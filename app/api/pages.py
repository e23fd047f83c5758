"""Pages for people: the console, and the OpenAPI document shown by Swagger UI.

A page has a folder beside this module, with ``page.html`` and the files that it loads.
Those of others are in ``vendor``, as their packages have them; ``vendor/vendor.json`` says
which packages, with licences and checksums. Each file is read when it is first asked for,
from a folder, an archive or an executable.

The addresses in a page are relative, so that it works behind a proxy that serves it under
a path of its own.

Swagger UI shows any method that OpenAPI 3.2 has a place for. The document is 3.1, which
most tools read, and has the further methods in an extension; the page's script moves them
to where 3.2 has them.
"""

import re
from base64 import b64encode
from hashlib import sha256
from importlib import resources

from falcon import HTTPPermanentRedirect, Response

from app.api.entity_tags import is_answered, of_content
from app.api.request_context import Request
from app.errors import NotFound

HTML = "text/html; charset=utf-8"

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
}
"""The types of the files that pages load, by the end of their names."""

POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; connect-src 'self'; "
    "img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What a browser may load: only what this server sends, and ``scripts`` in the page."""

OF_DOCS = ("swagger-ui-bundle.js", "swagger-ui.css")
"""The files of others that the page at ``/docs`` loads."""

OF_CONSOLE = ("preact.mjs", "hooks.mjs", "htm.mjs")
"""The files of others that the console loads."""

# What a script makes of text then cannot become markup. Swagger UI does not work so.
TRUSTED = "; require-trusted-types-for 'script'"


class Page:
    """Answers with the page of a ``folder``, and with its files (suffix ``file``).

    ``vendored`` are those of others; ``further`` is added to the policy.
    """

    def __init__(
        self, folder: str, vendored: tuple[str, ...], further: str = ""
    ) -> None:
        here = resources.files("app") / "api"
        self._places = {name: here / "vendor" / name for name in vendored}
        for place in (here / folder).iterdir():
            if _end(place.name) in (*TYPES, "html"):
                self._places[place.name] = place
        self._folder = folder
        self._further = further
        self._files: dict[str, _File] = {}

    def on_get(self, request: Request, response: Response) -> None:
        if request.env["PATH_INFO"].endswith("/"):
            # From there, the relative addresses would lead to other places.
            raise HTTPPermanentRedirect(f"../{self._folder}")
        page = self._send(request, response, "page.html", HTML)
        policy = POLICY.format(scripts=page.scripts) + self._further
        response.set_header("Content-Security-Policy", policy)

    def on_get_file(self, request: Request, response: Response, file: str) -> None:
        if file not in self._places or _end(file) not in TYPES:
            raise NotFound("Not found")
        self._send(request, response, file, TYPES[_end(file)])

    def _send(
        self, request: Request, response: Response, name: str, media_type: str
    ) -> "_File":
        if name not in self._files:
            self._files[name] = _File(self._places[name].read_bytes())
        file = self._files[name]
        if not is_answered(request, response, file.tag):
            response.content_type = media_type
            response.data = file.content
        return file


def _end(name: str) -> str:
    return name.rpartition(".")[2]


class _File:
    """The content of a file, with its entity tag."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.tag = of_content(content)

    @property
    def scripts(self) -> str:
        """The sources of the scripts in a page, each after a space.

        A browser takes an import map only from the page itself.
        """
        scripts = re.findall(
            b'<script type="importmap">(.*?)</script>', self.content, re.S
        )
        digests = (b64encode(sha256(script).digest()).decode() for script in scripts)
        return "".join(f" 'sha256-{digest}'" for digest in digests)
