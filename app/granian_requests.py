"""Requests from Granian's core, and the bodies and replies that are still on their way.

The core offers a request by ASGI: the body is received in parts by futures, and a body that
was cut or malformed ends in a disconnect. No event loop runs: the threads of the core call
back, and a request becomes a WSGI call when all of it has arrived.
"""

import io
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from app.api import bodies
from app.errors import Invalid
from app.granian_heads import Environ, Heads
from app.limits import late
from app.pacing import HAS_LEFT, IS_STOPPING
from app.rests import Rests
from app.settings import Settings

log = logging.getLogger(__name__)

Headers = Iterable[tuple[str, str]]

PIECE = 1 << 16
"""Bytes of a reply that are sent at once, and that any body may have."""

PIECES = 10_000
"""Pieces in which a body may come."""

MEMORY = 64 << 20
"""Bytes of bodies that are coming in, and of replies not taken yet, in a worker."""


class Requests:
    """The requests of one worker; the core uses it as event loop and as callback.

    ``server`` is the address that the worker listens on.
    """

    def __init__(self, application: Any, settings: Settings, server: Any) -> None:
        self._application = application
        self._most = settings.max_body
        self._seconds = settings.request_timeout
        self._memory = max(MEMORY, 4 * self._most)
        self._stopping = False
        always = {
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": settings.scheme,
            IS_STOPPING: lambda: self._stopping,
        }
        self._heads = Heads(server, always, settings)
        self._receiving: dict[_Body, None] = {}
        self._received = 0
        self._counting = threading.Lock()
        self._sending: dict[_Reply, None] = {}
        self._unsent = 0
        self._working: dict[Any, float] = {}
        self._clients: dict[Any, _Client] = {}
        self._rests = Rests(settings.threads, threading.Event())

    @property
    def is_busy(self) -> bool:
        """Whether a request with a connected client is running, or a reply being read."""
        return bool(self._sending) or not all(map(self._has_left, list(self._working)))

    @property
    def working(self) -> Sequence[float]:
        """When the running requests began, in monotonic seconds."""
        return list(self._working.values())

    # The event loop, as the core calls it

    def call_soon(self, call: Any, future: Any, context: object = None) -> None:
        """Record that ``future`` was done before a callback was added to it."""
        call.__self__.done = future

    def call_soon_threadsafe(
        self, call: Any, future: Any, context: object = None
    ) -> None:
        """Run the callback of ``future``."""
        call(future)

    # Called by the worker

    def begin(self, watcher: Any) -> None:
        """Answer a request of the core, or wait for its body."""
        try:
            protocol = watcher.proto
            environ, fault = self._heads.read(watcher.scope)
            if fault is not None:
                _refuse(protocol, fault.status, fault.message)
                return
            length = int(environ.get("CONTENT_LENGTH", 0))
            if "HTTP_TRANSFER_ENCODING" in environ:
                length = self._most + 1
            elif not 0 < length <= self._most:
                self.answer(protocol, environ)
                return
            body = _Body(protocol, environ, self.deadline(), self, length)
            self._receiving[body] = None
            body.wait(protocol.receive())
        except Exception:
            # The core would ignore the exception.
            log.exception("a request failed")
            watcher.done()

    def answer(self, protocol: Any, environ: Environ) -> None:
        """Call the application, and send what it replies; then the thread may rest."""
        self._working[protocol] = began = time.monotonic()
        head: dict[str, Any] = {"type": "http.response.start"}

        def start(status: str, headers: Headers, exc_info: object = None) -> None:
            head["status"] = int(status[:3])
            # They are ASCII. To encode to the default takes half the time.
            head["headers"] = [
                (name.encode(), value.encode()) for name, value in headers
            ]

        try:
            environ[HAS_LEFT] = partial(self._has_left, protocol)
            content = b"".join(self._application(environ, start))
            protocol.send(head)
            if (size := len(content)) > PIECE:
                rest = memoryview(content)
                self._send(_Reply(protocol, self.deadline(), size, self, rest))
            else:
                protocol.send({"type": "http.response.body", "body": content})
        except Exception:
            # The application answers its own errors.
            log.exception("cannot answer %s", ascii(environ["RAW_URI"])[:100])
            _refuse(protocol, 500, "The service failed to answer")
        finally:
            del self._working[protocol]
            if self._clients:
                self._clients.pop(protocol, None)
        self._rests.after(time.monotonic() - began, len(self._working))

    def stop(self) -> None:
        """Record for the application that the worker stops; no thread rests any more."""
        self._stopping = True
        self._rests.end()

    def _has_left(self, protocol: Any) -> bool:
        client = self._clients.get(protocol)
        if client is None:
            client = self._clients[protocol] = _Client(protocol)
            client.wait(protocol.receive())
        return client.has_left

    def end_waits(self, patience: float) -> None:
        """Give up overdue bodies and replies; give others at most ``patience`` seconds."""
        now = time.monotonic()
        for body in list(self._receiving):
            body.deadline = min(body.deadline, now + patience)
            if body.deadline <= now and self._leave(body):
                body.give_up()
                _refuse(body.protocol, 408, late(self._seconds))
        for reply in list(self._sending):
            reply.deadline = min(reply.deadline, now + patience)
            if reply.deadline <= now:
                self._drop(reply)

    def deadline(self) -> float:
        """Return the deadline of a wait that begins now, in monotonic seconds."""
        return time.monotonic() + self._seconds

    # Called by replies

    def _send(self, reply: "_Reply") -> None:
        self._sending[reply] = None
        with self._counting:
            self._unsent += reply.size
        while self._unsent > self._memory and len(self._sending) > 1:
            # The client that has been reading for longest.
            self._drop(next(iter(list(self._sending))))
        reply.wait(reply.send())

    def sent(self, reply: "_Reply") -> None:
        """Forget a reply."""
        try:
            del self._sending[reply]
        except KeyError:
            return
        with self._counting:
            self._unsent -= reply.size

    def _drop(self, reply: "_Reply") -> None:
        """Let the core close the connection, by dropping what it waits for."""
        self.sent(reply)
        reply.give_up()

    # Called by bodies

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
            body.environ["wsgi.input"] = content
            self.answer(body.protocol, body.environ)

    def _leave(self, body: "_Body") -> bool:
        """Forget ``body``; return whether it was still known."""
        try:
            del self._receiving[body]
        except KeyError:
            return False
        if body.kept:
            with self._counting:
                self._received -= body.kept
        return True


@dataclass(slots=True, eq=False, repr=False)
class _Waiting:
    """A chain of waits for futures of the core, one after another."""

    protocol: Any
    done: Any = field(default=None, init=False)
    _future: Any = field(default=None, init=False)

    def wait(self, future: Any) -> None:
        """Continue when ``future`` is done, and when the futures that follow are."""
        while future is not None:
            self._future = future
            future.add_done_callback(self._go_on)
            # Else another thread continues, or has done so already.
            if self.done is not future:
                return
            future = self._take(future)

    def give_up(self) -> None:
        """Stop waiting."""
        future, self._future = self._future, None
        if future is not None:
            future.cancel()
            # It has called back, and keeps its callback: each would keep the other.
            self.done = None

    def _go_on(self, future: Any) -> None:
        # The future references its callback: Python would never collect the cycle.
        self._future = None
        self.wait(self._take(future))

    def _take(self, future: Any) -> Any:
        """Process the result of ``future``; return the next one, if any."""
        raise NotImplementedError


@dataclass(slots=True, eq=False, repr=False)
class _Body(_Waiting):
    """The part of a request body that has arrived.

    The body ends after ``_length`` bytes, or before. It has no ``repr``, which could show
    a token.
    """

    environ: Environ
    deadline: float
    _requests: Requests
    _length: int
    size: int = 0
    kept: int = 0
    _parts: list[bytes] = field(default_factory=list)

    def _take(self, future: Any) -> Any:
        if future.cancelled():
            return None
        message = future.result()
        if message["type"] == "http.disconnect":
            self._fail("the body is malformed, or ends before its end")
            return None
        part = message["body"]
        self._parts.append(part)
        self.size += len(part)
        if self.size >= self._length or not message["more_body"]:
            self._requests.end(self, io.BytesIO(b"".join(self._parts)))
            return None
        if len(self._parts) > PIECES:
            self._fail(f"the body comes in more than {PIECES} pieces")
            return None
        self.kept += len(part)
        return self.protocol.receive() if self._requests.keep(self, len(part)) else None

    def _fail(self, message: str) -> None:
        self._requests.end(self, bodies.Broken(Invalid(message)))


@dataclass(slots=True, eq=False, repr=False)
class _Reply(_Waiting):
    """The part of a large reply that the client has not taken."""

    deadline: float
    size: int
    _requests: Requests
    _rest: memoryview

    def send(self) -> Any:
        """Send until the core takes no more; return a future if more is to follow."""
        while self._rest:
            piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
            message = {"body": bytes(piece), "more_body": bool(self._rest)}
            future = self.protocol.send({"type": "http.response.body", **message})
            if hasattr(future, "add_done_callback"):
                self.deadline = self._requests.deadline()
                return future
        self._requests.sent(self)
        return None

    def _take(self, future: Any) -> Any:
        return None if future.cancelled() else self.send()


@dataclass(slots=True, eq=False, repr=False)
class _Client(_Waiting):
    """The client of a running request."""

    has_left: bool = False

    def _take(self, future: Any) -> Any:
        if future.result()["type"] != "http.disconnect":
            return self.protocol.receive()
        self.has_left = True
        return None


def _refuse(protocol: Any, status: int, message: str) -> None:
    """Refuse a request without calling the application."""
    log.warning("refused a request: %s", message)
    content = bodies.encode(bodies.error_body(status, message))
    headers = [
        (b"content-type", bodies.JSON.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    head = {"status": status, "headers": headers}
    protocol.send({"type": "http.response.start", **head})
    protocol.send({"type": "http.response.body", "body": content})
