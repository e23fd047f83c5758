"""Requests that come in through Granian's core, and what of them is still under way.

The core offers a request by ASGI: what has come of the body is received by futures, and a
body that was cut or malformed ends in a disconnect. Here no event loop runs: the threads of
the core call back themselves, and a request becomes a WSGI call once all of it has come.
"""

import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from app.errors import Invalid
from app.settings import Settings

log = logging.getLogger(__name__)

PIECE = 1 << 16
"""Bytes that any body may have, however much is coming in besides."""

PIECES = 10_000
"""Pieces in which a body may come."""

MEMORY = 64 << 20
"""Bytes of bodies that are coming in, in a worker."""

Environ = dict[str, Any]


class Requests:
    """The requests of one worker; to the core, an event loop and who calls it.

    ``server`` is the address that the worker listens on.
    """

    def __init__(self, application: Any, settings: Settings, server: Any) -> None:
        self._application = application
        self._most = settings.max_body
        self._seconds = settings.request_timeout
        self._memory = max(MEMORY, 4 * self._most)
        self._prefix = os.environ.get("SCRIPT_NAME", "").rstrip("/")
        self._receiving: dict[_Body, None] = {}
        self._received = 0
        self._counting = threading.Lock()
        self._working: dict[Any, None] = {}
        self.progress = time.monotonic()
        self._environ: Environ = {
            "SCRIPT_NAME": self._prefix,
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }

    @property
    def working(self) -> int:
        """How many requests are being answered."""
        return len(self._working)

    # What the core asks of an event loop

    def call_soon(self, call: Any, future: Any, context: object = None) -> None:
        """Note that ``future`` was done before anybody waited for it."""
        call.__self__.done = future

    def call_soon_threadsafe(
        self, call: Any, future: Any, context: object = None
    ) -> None:
        """Go on where ``future`` was waited for."""
        call(future)

    # What the worker does

    def begin(self, watcher: Any) -> None:
        """Answer a request of the core, or wait for its body."""
        try:
            self._begin(watcher.proto, watcher.scope)
        except Exception:
            # The core would not see it.
            log.exception("a request failed")
            watcher.done()

    def _begin(self, protocol: Any, scope: Any) -> None:
        environ, fault = self._environ_of(scope)
        if fault:
            _refuse(protocol, 400, fault)
            return
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if "HTTP_TRANSFER_ENCODING" in environ:
            length = self._most + 1
        elif not 0 < length <= self._most:
            self.answer(protocol, environ, io.BytesIO())
            return
        body = _Body(self, protocol, environ, length, time.monotonic() + self._seconds)
        self._receiving[body] = None
        body.receive()

    def _environ_of(self, scope: Any) -> tuple[Environ, str]:
        """Return the environment of a request, and what is wrong with its head if any."""
        environ = self._environ.copy()
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

    def answer(self, protocol: Any, environ: Environ, body: Any) -> None:
        """Call the application, and send what it replies."""
        self._working[protocol] = None
        try:
            environ["wsgi.input"] = body
            response = _Response()
            parts = self._application(environ, response.start)
            content = b"".join(parts)
            head = {"status": response.status, "headers": response.headers}
            protocol.send({"type": "http.response.start", **head})
            protocol.send({"type": "http.response.body", "body": content})
        except Exception:
            # The application answers its own errors.
            log.exception("cannot answer %s", ascii(environ["RAW_URI"])[:100])
            _refuse(protocol, 500, "The service failed to answer")
        finally:
            self._working.pop(protocol, None)
            self.progress = time.monotonic()

    def end_waits(self, patience: float) -> None:
        """Wait no more for bodies that had their time, for others ``patience`` seconds."""
        now = time.monotonic()
        for body in list(self._receiving):
            body.deadline = min(body.deadline, now + patience)
            if body.deadline <= now and self._leave(body):
                body.give_up()
                message = f"The body did not arrive within {self._seconds:g} seconds"
                _refuse(body.protocol, 408, message)

    def look_who_left(self) -> None:
        """From now on, count no request as being answered whose client has left."""
        for protocol in list(self._working):
            _Client(self._working, protocol).watch()

    # What a body does

    def keep(self, body: "_Body", size: int) -> bool:
        """Return whether ``size`` more bytes of ``body`` may be kept."""
        with self._counting:
            self._received += size
            enough = self._received <= self._memory
        if not enough and body.size > PIECE and self._leave(body):
            message = "Too much is coming in at once; try again later"
            _refuse(body.protocol, 503, message)
            return False
        return True

    def end(self, body: "_Body", content: Any) -> None:
        """Answer the request of ``body``, unless that has been refused."""
        if self._leave(body):
            self.answer(body.protocol, body.environ, content)

    def _leave(self, body: "_Body") -> bool:
        """Let go of ``body``; return whether nobody did so before."""
        try:
            del self._receiving[body]
        except KeyError:
            return False
        if body.kept:
            with self._counting:
                self._received -= body.kept
        return True


class _Response:
    """What the application says of its reply."""

    __slots__ = ("status", "headers")

    def start(
        self, status: str, headers: Iterable[tuple[str, str]], exc_info: object = None
    ) -> None:
        self.status = int(status[:3])
        self.headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]


class _Waiting:
    """Who waits for messages of the core."""

    __slots__ = ("protocol", "done", "future")

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.done: Any = None

    def receive(self) -> None:
        """Take what has come, until there is no more of it, or wait."""
        while True:
            future = self.future = self.protocol.receive()
            future.add_done_callback(self._go_on)
            # Else a thread goes on, or is going on already.
            if self.done is not future or self._take(future):
                return

    def _go_on(self, future: Any) -> None:
        if not self._take(future):
            self.receive()

    def _take(self, future: Any) -> bool:
        """Take a message; return whether none is waited for after it."""
        raise NotImplementedError


class _Body(_Waiting):
    """The body of a request, as far as it has come.

    It ends after ``length`` bytes, or before.
    """

    __slots__ = (
        "environ",
        "deadline",
        "size",
        "kept",
        "_requests",
        "_length",
        "_parts",
    )

    def __init__(
        self,
        requests: Requests,
        protocol: Any,
        environ: Environ,
        length: int,
        deadline: float,
    ) -> None:
        super().__init__(protocol)
        self.environ = environ
        self.deadline = deadline
        self.size = 0
        self.kept = 0
        self._requests = requests
        self._length = length
        self._parts: list[bytes] = []

    def give_up(self) -> None:
        self.future.cancel()

    def _take(self, future: Any) -> bool:
        if future.cancelled():
            return True
        message = future.result()
        if message["type"] == "http.disconnect":
            self._fail("the body is malformed, or ends before its end")
            return True
        part = message["body"]
        self._parts.append(part)
        self.size += len(part)
        if self.size >= self._length or not message["more_body"]:
            self._requests.end(self, io.BytesIO(b"".join(self._parts)))
            return True
        if len(self._parts) > PIECES:
            self._fail(f"the body comes in more than {PIECES} pieces")
            return True
        self.kept += len(part)
        return not self._requests.keep(self, len(part))

    def _fail(self, message: str) -> None:
        self._requests.end(self, _Broken(Invalid(message)))


class _Client(_Waiting):
    """The client of a request that is being answered."""

    __slots__ = ("_working",)

    def __init__(self, working: dict[Any, None], protocol: Any) -> None:
        super().__init__(protocol)
        self._working = working

    def watch(self) -> None:
        self.receive()

    def _take(self, future: Any) -> bool:
        if future.result()["type"] != "http.disconnect":
            return False
        self._working.pop(self.protocol, None)
        return True


class _Broken:
    """The body of a request that did not come as it should."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> NoReturn:
        raise self._error


def _refuse(protocol: Any, status: int, message: str) -> None:
    """Answer what the application is not asked."""
    log.warning("refused a request: %s", message)
    error = {"error_code": 1000 + status, "error_message": message}
    content = json.dumps(error, indent=2).encode()
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    head = {"status": status, "headers": headers}
    protocol.send({"type": "http.response.start", **head})
    protocol.send({"type": "http.response.body", "body": content})


@lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    """Return what WSGI calls a header; nothing where that is ambiguous."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
