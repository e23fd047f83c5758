"""Granian's core in place of gunicorn's worker: HTTP is parsed outside Python.

gunicorn's master starts, watches and stops the workers. Granian's own master is
not used: it ends when a worker fails twice within seconds, notices none that is stuck, and
does not answer what is in flight when it stops. Nor is Granian's WSGI: it hands on a body
that was cut as if it had ended, and a thread waits for each body.

What is no HTTP, or too long for the core, is answered with an empty 4xx.
"""

import logging
import os
import select
import socket
import threading
import time
from typing import Any

from granian import _granian
from granian.http import HTTP1Settings
from gunicorn.workers import base

from app.granian_requests import Requests
from app.server_times import LINGER, STUCK
from app.settings import Settings

_core: Any = _granian
"""As Any: its stubs differ from it."""

HEAD = 1 << 16
"""Bytes that the head of a request may have."""


class Worker(base.Worker):
    """A worker in which Granian's core accepts connections and calls the application."""

    def run(self) -> None:
        """Serve until the master stops this worker."""
        # Else it logs each start and stop.
        logging.getLogger("_granian").setLevel(logging.ERROR)
        settings: Settings = self.app.settings  # type: ignore[attr-defined]
        listener: socket.socket = self.sockets[0]
        wait = round(settings.request_timeout * 1000)
        # The kernel disconnects clients that do not read; connections inherit the option.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wait)
        self._requests = Requests(self.wsgi, settings, listener.getsockname())
        self._longest = STUCK * self.cfg.timeout + settings.delay_seconds
        scheduler = _core.CallbackScheduler(self._requests, None, None, None, None)
        scheduler._schedule_fn = self._requests.begin
        ended = threading.Event()
        signal = _core.WorkerSignal()
        signal.add_cb(ended.set)
        # The core closes the socket when it stops, so that no client can connect.
        holder = _core.SocketHolder(listener.detach(), False, self.cfg.backlog)
        core = _core.ASGIWorker(
            self.age,
            (None, holder),
            None,
            py_threads=self.cfg.threads,
            # A limit of connections; further ones wait in the backlog.
            backpressure=self.cfg.worker_connections,
            http1_opts=HTTP1Settings(header_read_timeout=wait, max_buffer_size=HEAD),
        )
        core.serve_mtr(scheduler, self._requests, signal)
        while self.alive and os.getppid() == self.ppid:
            self._look(settings.request_timeout)
            if select.select(self.PIPE[:1], (), (), 1.0)[0]:
                os.read(self.PIPE[0], 4096)
        self._requests.stop()
        signal.set()
        self._wait(ended)

    def _wait(self, ended: threading.Event) -> None:
        """Wait for the running requests, and a moment for clients to send or to read."""
        quiet = now = time.monotonic()
        end = now + self.cfg.graceful_timeout
        while now < min(end, quiet + 2 * LINGER) and not ended.wait(0.05):
            self._look(LINGER)
            now = time.monotonic()
            if self._requests.is_busy:
                quiet = now

    def _look(self, patience: float) -> None:
        """End overdue waits, and send the master a heartbeat unless a request is stuck."""
        self._requests.end_waits(patience)
        now = time.monotonic()
        if now - min(self._requests.working, default=now) < self._longest:
            self.notify()
