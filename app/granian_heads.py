"""Heads of requests, converted from the form of Granian's core to that of WSGI."""

import os
import sys
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from app.limits import long_head, long_line
from app.settings import Settings

Environ = dict[str, Any]


REST_OF_LINE = len("  HTTP/1.1")
"""Bytes of the first line besides method, path and query."""

REST_OF_FIELD = len(": \r\n")
"""Bytes of a header besides name and value."""


class Fault(NamedTuple):
    """Why a head is refused."""

    status: int
    message: str


class Heads:
    """Reads the heads of requests to ``server``, an address.

    Each environment has ``always`` in it. ``SCRIPT_NAME`` in that of the process is the
    prefix of all addresses.
    """

    def __init__(self, server: Any, always: Environ, settings: Settings) -> None:
        self._longest_line = settings.max_address
        self._longest = settings.max_head
        self._prefix = os.environ.get("SCRIPT_NAME", "").rstrip("/")
        # A copy of a dictionary that has all members need not grow.
        of_request = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "RAW_URI")
        of_client = ("REMOTE_ADDR", "REMOTE_PORT")
        self._always: Environ = {
            **dict.fromkeys(of_request + of_client),
            **always,
            "SCRIPT_NAME": self._prefix,
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }

    def read(self, scope: Any) -> tuple[Environ, Fault | None]:
        """Return the environment of a request, and what is wrong with its head if any."""
        environ = self._always.copy()
        raw: bytes = scope["raw_path"]
        path = address = raw.decode("latin-1")
        if "%" in address:
            path = unquote_to_bytes(raw).decode("latin-1")
        if query := scope["query_string"].decode("latin-1"):
            address = f"{address}?{query}"
        if self._prefix and f"{path}/".startswith(f"{self._prefix}/"):
            path = path[len(self._prefix) :]
        environ["REQUEST_METHOD"] = method = scope["method"]
        size = len(method) + len(address) + REST_OF_LINE
        if size > self._longest_line:
            return environ, Fault(414, long_line(self._longest_line))
        environ["PATH_INFO"] = path
        environ["QUERY_STRING"] = query
        environ["RAW_URI"] = address
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"]
        for name, value in scope["headers"]:
            size += len(name) + len(value) + REST_OF_FIELD
            key = _key(name)
            if key in environ:
                if key == "HTTP_HOST":
                    message = "a request must have one Host header, not several"
                    return environ, Fault(400, message)
                environ[key] += "," + value.decode("latin-1")
            elif key:
                environ[key] = value.decode("latin-1")
        if not environ["HTTP_HOST"]:
            if scope["http_version"] != "1":
                return environ, Fault(400, "a request must have a Host header")
            del environ["HTTP_HOST"]
        if coding := environ.get("HTTP_TRANSFER_ENCODING"):
            if coding.strip().lower() != "chunked":
                return environ, Fault(400, "Transfer-Encoding may be chunked only")
        if size > self._longest:
            return environ, Fault(431, long_head(self._longest))
        return environ, None


@lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    """Return what WSGI calls a header; nothing where that is ambiguous."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
