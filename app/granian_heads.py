"""Heads of requests, converted from the form of Granian's core to that of WSGI."""

import os
import sys
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

Environ = dict[str, Any]


class Heads:
    """Reads the heads of requests to ``server``, an address.

    Each environment has ``always`` in it. ``SCRIPT_NAME`` in that of the process is the
    prefix of all addresses.
    """

    def __init__(self, server: Any, always: Environ) -> None:
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

    def read(self, scope: Any) -> tuple[Environ, str]:
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
        environ["REQUEST_METHOD"] = scope["method"]
        environ["PATH_INFO"] = path
        environ["QUERY_STRING"] = query
        environ["RAW_URI"] = address
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"]
        for name, value in scope["headers"]:
            key = _key(name)
            if key in environ:
                if key == "HTTP_HOST":
                    return environ, "a request must have one Host header, not several"
                environ[key] += "," + value.decode("latin-1")
            elif key:
                environ[key] = value.decode("latin-1")
        if not environ["HTTP_HOST"]:
            if scope["http_version"] != "1":
                return environ, "a request must have a Host header"
            del environ["HTTP_HOST"]
        if coding := environ.get("HTTP_TRANSFER_ENCODING"):
            if coding.strip().lower() != "chunked":
                return environ, "Transfer-Encoding may be chunked only"
        return environ, ""


@lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    """Return what WSGI calls a header; nothing where that is ambiguous."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
