"""gunicorn's worker with threads, none of which waits for a client.

One loop reads and writes on all connections. A thread gets a request when all of it has
arrived, and leaves the part of the reply that the client does not take at once to the loop.
So slow clients cost memory and connections only, and both are bounded: when they run out,
the connection that has been silent for longest is closed.

gunicorn's own ThreadWorker gives a thread to each connection that has sent a byte, until
its request is read and its reply sent: 8 incomplete heads block it for ever.
"""

import math
import socket
import time
from collections import deque
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from falcon import HTTP_408, HTTPError
from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

from app.certificates import InUse
from app.errors import Invalid
from app.gunicorn_connections import (
    Connection,
    NoTls,
    TlsSocket,
    Wait,
    refusal_reply,
    secured,
)
from app.gunicorn_requests import STATUS, Incoming, plain, refusal, shortened
from app.gunicorn_threads import Threads
from app.gunicorn_waits import Waits
from app.limits import crowded, late
from app.pacing import HAS_LEFT, IS_STOPPING
from app.server_times import LINGER, STUCK
from app.settings import Settings

PIECE = 1 << 16
"""Bytes that are read at once."""

MEMORY = 64 << 20
"""Bytes of unfinished requests and replies that a worker may hold."""

BATCH = 64
"""Connections that are accepted at once."""


class Worker(ThreadWorker):
    """A worker whose threads never wait for a client."""

    def init_process(self) -> None:
        settings: Settings = self.app.settings  # type: ignore[attr-defined]
        self._settings = settings
        self._plain_cfg = plain(self.cfg)
        self._seconds: float = settings.request_timeout
        self._longest = STUCK * self.cfg.timeout + settings.delay_seconds
        self._scheme = settings.scheme
        self._memory = max(MEMORY, 4 * settings.max_body)
        self._idle = Wait(EVENT_READ, self.cfg.keepalive, self._receive)
        self._receiving = Wait(EVENT_READ, self._seconds, self._receive)
        self._sending = Wait(EVENT_WRITE, self._seconds, self._send)
        self._closing = Wait(EVENT_READ, LINGER, self._discard)
        self._busy: set[Connection] = set()
        self._answered: deque[Connection] = deque()
        self._next_sign = 0.0
        self._received = 0
        self._unsent = 0
        super().init_process()

    def get_thread_pool(self) -> Any:
        """Return the threads."""
        return Threads(self.cfg.threads)

    def notify(self) -> None:
        """Send the master a heartbeat, unless a request is stuck."""
        now = time.monotonic()
        if now < self._next_sign:
            return
        self._next_sign = now + 0.5
        oldest = min((connection.begun for connection in self._busy), default=now)
        if now - oldest < self._longest:
            super().notify()

    def run(self) -> None:
        """Serve until the master stops this worker."""
        self._waits = Waits(
            self.poller, (self._closing, self._idle, self._receiving, self._sending)
        )
        woken = self.method_queue.fileno()
        assert woken is not None
        self.poller.register(woken, EVENT_READ, self.method_queue.run_callbacks)
        while self.alive and self.is_parent_alive():
            self._make_turn(1.0)
        self._stop()

    def _stop(self) -> None:
        # Clients that have connected are answered, and no other can connect.
        for listener in self.sockets:
            listener.setblocking(False)
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
        self.set_accept_enabled(False)
        for listener in self.sockets:
            listener.close()
        self.alive = False
        self._waits.shorten(LINGER)
        end = time.monotonic() + self.cfg.graceful_timeout
        while self._waits.first() or any(
            not connection.is_left for connection in self._busy
        ):
            if time.monotonic() > end:
                break
            self._make_turn(0.1, accepting=False)

    def _make_turn(self, seconds: float, accepting: bool = True) -> None:
        self.notify()
        self._note_answers()
        if accepting:
            full = self.nr_conns >= self.worker_connections
            self.set_accept_enabled(not full or self._waits.first() is not None)
        self.wait_for_and_dispatch_events(seconds)
        self._end_waits()

    def _end_waits(self) -> None:
        for connection in self._waits.late():
            if connection.wait is self._receiving:
                message = late(self._seconds)
                error = HTTPError(HTTP_408, description=message)
                self._end(connection, error, 408, message)
            else:
                self._drop(connection)

    # Connections

    def accept(self, listener: socket.socket) -> None:
        """Accept new connections; close the longest silent ones if there is no room."""
        server = listener.getsockname()
        # It may be another one than for the connections before.
        certificates: InUse | None = self.app.certificates  # type: ignore[attr-defined]
        for _ in range(BATCH):
            try:
                accepted, client = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:
                # The process may open no further file.
                self._make_room()
                return
            accepted.setblocking(False)
            connected = secured(accepted, certificates)
            if connected is None:
                continue
            incoming = Incoming(self._plain_cfg, client, self._settings)
            connection = Connection(connected, client, server, incoming)
            self.nr_conns += 1
            has_room = self.nr_conns <= self.worker_connections or self._make_room()
            self._waits.begin(connection, self._receiving)
            if not has_room:
                return

    def _make_room(self) -> bool:
        connection = self._waits.first()
        if connection is None:
            return False
        if connection.wait is self._receiving and connection.incoming.has_begun:
            self._answer(connection, 503, crowded(self.worker_connections))
        self._drop(connection)
        return True

    def _drop(self, connection: Connection) -> None:
        self._waits.end(connection)
        self._waits.unwatch(connection)
        self._count(connection, 0)
        self._unsent -= len(connection.unsent)
        self.nr_conns -= 1
        connection.socket.close()

    def _count(self, connection: Connection, received: int) -> None:
        self._received += received - connection.received
        connection.received = received

    # Requests

    def _receive(self, connection: Connection, _: object) -> None:
        self._note_answers()
        if connection in self._busy:
            # What comes before the reply is looked at after it.
            self._waits.unwatch(connection)
            self._note_answers()
            return
        was_idle = connection.wait is self._idle
        if not was_idle and connection.wait is not self._receiving:
            # It was closed after this event was found.
            return
        try:
            data = connection.socket.recv(PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except NoTls:
            assert isinstance(connection.socket, TlsSocket)
            connection.socket = connection.socket.without_tls()
            self._refuse(
                connection, 400, "here is TLS only: ask for https://, not http://"
            )
            return
        except OSError:
            self._drop(connection)
            return
        if not data:
            error = Invalid("the body is cut: the connection ends before it does")
            self._end(connection, error, 400, "the head is cut")
            return
        if was_idle:
            self._waits.begin(connection, self._receiving)
        self._add(connection, data)

    def _add(self, connection: Connection, data: bytes) -> None:
        incoming = connection.incoming
        try:
            request = incoming.add(data)
        except ParseException as error:
            status = STATUS.get(type(error), 400)
            self._refuse(connection, status, refusal(error, self._settings))
            return
        if request is not None:
            self._count(connection, connection.received + len(data))
            self._give(connection, request)
            return
        self._count(connection, len(incoming))
        if incoming.take_expectation():
            connection.send_now(b"HTTP/1.1 100 Continue\r\n\r\n")
        while self._received > self._memory:
            receiving = self._receiving.deadlines
            largest = next((one for one in receiving if one.received > PIECE), None)
            if largest is None:
                break
            self._refuse(largest, 503, "too much is coming in; try again later")

    def _end(
        self, connection: Connection, error: Exception, status: int, message: str
    ) -> None:
        """Answer a request of which no more will arrive.

        Reading its body raises ``error``; if its head is cut, ``status`` is answered.
        """
        incoming = connection.incoming
        request = incoming.end(error)
        if request is not None:
            self._give(connection, request)
        elif len(incoming):
            self._refuse(connection, status, message)
        else:
            self._drop(connection)

    def _give(self, connection: Connection, request: Request) -> None:
        """Give a request to the threads; its connection is still watched."""
        self._waits.end(connection)
        self._busy.add(connection)
        self.tpool.submit(self._respond, connection, request)

    def _refuse(self, connection: Connection, status: int, message: str) -> None:
        """Refuse a request that the application cannot get, since it is not complete."""
        self._answer(connection, status, message)
        self._close(connection)

    def _answer(self, connection: Connection, status: int, message: str) -> None:
        self.log.warning("refused a request of %s: %s", connection.client[0], message)
        connection.send_now(refusal_reply(status, message))

    # Replies

    def _respond(self, connection: Connection, request: Request) -> None:
        """Answer a request, in a thread; the loop sends what the client does not take."""
        connection.begun = time.monotonic()
        keep = False
        try:
            socket_: Any = connection
            response, environ = wsgi.create(
                request, socket_, connection.client, connection.server, request.cfg
            )
            environ["wsgi.multithread"] = True
            environ["wsgi.url_scheme"] = self._scheme
            environ[HAS_LEFT] = lambda: connection.is_left
            environ[IS_STOPPING] = lambda: not self.alive
            if not self.alive:
                response.force_close()
            start: Any = response.start_response
            body = self.wsgi(environ, start)
            for part in body:
                response.write(part)
            response.close()
            if hasattr(body, "close"):
                body.close()
            keep = not response.should_close()
        except Exception:
            # The application answers its own errors.
            self.log.exception("cannot answer %s", shortened(request.uri))
            connection.parts = [refusal_reply(500, "The service failed to answer")]
        connection.flush()
        connection.keep = connection.keep and keep
        connection.begun = math.inf
        self._answered.append(connection)
        # The loop need not wake for one whose next request will wake it.
        if not (
            connection.react
            and connection.is_done
            and self.alive
            and self.nr_conns < self.worker_connections
        ):
            self.method_queue.defer(self._note_answers)

    def _note_answers(self) -> None:
        """Let the connections go on whose requests have been answered."""
        while self._answered:
            self._note_answer(self._answered.popleft())

    def _note_answer(self, connection: Connection) -> None:
        self._busy.discard(connection)
        self._count(connection, len(connection.incoming))
        if connection.unsent:
            self._unsent += len(connection.unsent)
            self._waits.begin(connection, self._sending)
            sending = self._sending.deadlines
            while self._unsent > self._memory and len(sending) > 1:
                self._drop(next(iter(sending)))
        else:
            self._go_on(connection)

    def _send(self, connection: Connection, _: object) -> None:
        if connection.wait is not self._sending:
            return
        before = len(connection.unsent)
        connection.send_unsent()
        self._unsent -= before - len(connection.unsent)
        if connection.unsent:
            self._waits.begin(connection, self._sending)
        else:
            self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """Wait for the next request, or close the connection."""
        if not connection.keep:
            self._close(connection)
        elif len(connection.incoming):
            self._waits.begin(connection, self._receiving)
            self._add(connection, b"")
        else:
            self._waits.begin(connection, self._idle)

    def _close(self, connection: Connection) -> None:
        """Close a connection; if the client still sends, when it has read the reply.

        The kernel takes back what it has not sent where unread bytes are left: RFC 9112,
        section 9.6.
        """
        connection.incoming.clear()
        self._count(connection, 0)
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)
        else:
            self._waits.begin(connection, self._closing)

    def _discard(self, connection: Connection, _: object) -> None:
        if connection.wait is not self._closing:
            return
        try:
            if connection.socket.recv(PIECE):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._drop(connection)
