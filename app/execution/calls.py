"""Calls by HTTP: one request to the address of a script, and what its answer means.

A call runs in a thread of its own and is cut from another one: the socket is shut down, at
whatever point the call is, so that a time-out holds for the whole of it, however slowly the
answer comes. Redirects are not followed, and proxies of the environment are not used. The
body of the answer is the output of the run. Runner contract, sections 6 and 7.

**Caveats.** What looks up the name of a host cannot be cut: a call ends when that ends.
"""

import base64
import hashlib
import hmac
import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Lock, Thread

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import parse_url

from app import __version__
from app.execution.run_outputs import PIECE, Output

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10
"""How long one address of a host may take to accept a connection."""

RETRYABLE = (408, 425, 429)
"""The statuses below 500 after which a call may be made again."""

MOST_DELAY = 24 * 3600
"""How many seconds ``Retry-After`` can ask for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; ``key`` signs it, if there is one."""

    id: str
    url: str
    method: str
    headers: Mapping[str, str]
    body: bytes
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call: the status of the answer, or why there is none.

    ``reason`` is empty where the call has succeeded. ``retry_after`` is in seconds.
    """

    status: int | None
    reason: str
    is_retryable: bool
    retry_after: float | None = None


class Call:
    """A call that is being made, until it ``is_over``.

    Its thread then calls ``done``, and ends.
    """

    def __init__(
        self, request: Request, output: Output, done: Callable[[], None]
    ) -> None:
        self.is_over = False
        self.answer = Answer(None, "there was no answer", True)
        self._request = request
        self._output = output
        self._done = done
        self._line = _Line()
        self._thread = Thread(target=self._run, name=f"call {request.id}", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """End the call as soon as possible."""
        self._line.cut()

    def join(self) -> None:
        """Wait for the end of the thread, which has called ``done``."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self.answer = self._made()
        except Exception as error:
            # What the address is, is for the log of the operator only.
            log.warning("run %s: the call failed: %s", self._request.id, error)
            self.answer = Answer(None, _reason(error), True)
        finally:
            self._line.close()
            self.is_over = True
            self._done()

    def _made(self) -> Answer:
        request, url = self._request, parse_url(self._request.url)
        body = b"" if request.method == "GET" else request.body
        connection = _connection(url, self._line)
        try:
            connection.request(
                request.method,
                url.request_uri,
                body=body or None,
                headers=_headers(request, body),
                preload_content=False,
                decode_content=False,
            )
            response = connection.getresponse()
            while piece := response.read1(PIECE, decode_content=False):
                self._output.write(piece)
            return _answer(response)
        finally:
            connection.close()


class _Line:
    """The connection of a call, which another thread can cut."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def connected(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first address of ``host`` that takes one.

        Raises OSError.
        """
        failed: OSError = ConnectionError("no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            one = socket.socket(family, kind, protocol)
            try:
                self._hold(one)
                one.settimeout(CONNECT_SECONDS)
                one.connect(address)
            except OSError as error:
                failed = error
                one.close()
                continue
            # From now on it is cut when its time is over.
            one.settimeout(None)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return one
        raise failed

    def cut(self) -> None:
        """End the connection, also one that begins later."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # It has no connection yet, or none any more.
                    pass

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _hold(self, one: socket.socket) -> None:
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError("the call was cut")
            if self._socket is not None:
                self._socket.close()
            # TLS takes the descriptor of the socket away; this one stays.
            self._socket = one.dup()


class _Plain(HTTPConnection):
    line: _Line

    def _new_conn(self) -> socket.socket:
        return self.line.connected(self._dns_host, self.port)


class _Secure(HTTPSConnection):
    line: _Line

    def _new_conn(self) -> socket.socket:
        return self.line.connected(self._dns_host, self.port)


def _connection(url: urllib3.util.Url, line: _Line) -> _Plain | _Secure:
    assert url.host is not None
    host = url.host.strip("[]")
    connection: _Plain | _Secure
    if url.scheme == "https":
        connection = _Secure(host, url.port or 443)
    else:
        connection = _Plain(host, url.port or 80)
    connection.line = line
    return connection


def _headers(request: Request, body: bytes) -> dict[str, str]:
    given = {name.lower() for name in request.headers}
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"svctasks/{__version__}",
        "Accept-Encoding": "identity",
    }
    headers = {n: value for n, value in headers.items() if n.lower() not in given}
    headers |= request.headers
    headers["Idempotency-Key"] = request.id
    headers["Connection"] = "close"
    if request.key is not None:
        moment = int(time.time())
        headers |= {
            "webhook-id": request.id,
            "webhook-timestamp": str(moment),
            "webhook-signature": signature(request.key, request.id, moment, body),
        }
    return headers


def signature(key: bytes, id_: str, moment: int, body: bytes) -> str:
    """Return the signature of a message, as Standard Webhooks have it."""
    signed = b"%s.%d.%s" % (id_.encode(), moment, body)
    digest = hmac.digest(key, signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _answer(response: BaseHTTPResponse) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer(status, "", False)
    reason = f"the answer has the status {status}"
    if 300 <= status < 400:
        return Answer(status, f"{reason}; redirects are not followed", False)
    is_retryable = status >= 500 or status in RETRYABLE
    delay = _delay(response.headers.get("Retry-After", "")) if is_retryable else None
    return Answer(status, reason, is_retryable, delay)


def _delay(text: str) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for. RFC 9110, section 10.2.3."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return float(min(int(text[:9]), MOST_DELAY))
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, moment - time.time()), MOST_DELAY)


def _reason(error: Exception) -> str:
    """Return why there is no answer, without the address."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        if cause in causes:
            break
        causes.append(cause)
    for kind, reason in (
        (socket.gaierror, "the name of the host was not found"),
        (ssl.SSLCertVerificationError, "the certificate of the server is not trusted"),
        (ssl.SSLError, "TLS failed"),
        (TimeoutError, "no connection was accepted in time"),
        (ConnectionRefusedError, "the connection was refused"),
        (ConnectionError, "the connection was lost before the answer was complete"),
        (OSError, "there was no connection"),
        (HTTPError, "the answer was not complete"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return reason
    return "the answer was not HTTP"
