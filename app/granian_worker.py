"""Granian's core in place of gunicorn's worker: HTTP is parsed outside Python.

gunicorn's master starts, watches and stops the workers. Granian's own master is
not used: it ends when a worker fails twice within seconds, notices none that is stuck, and
does not answer what is in flight when it stops. Nor is Granian's WSGI: it hands on a body
that was cut as if it had ended, and a thread waits for each body.

What is no HTTP, or too long for the core, is answered with an empty 4xx.

For a new certificate a second core begins, on the same socket. The first one keeps its
connections until there is a third.
"""

import logging
import os
import select
import socket
import time
from collections.abc import Sequence

from gunicorn.workers import base

from app.certificates import Certificate, InUse
from app.granian_core import Core
from app.granian_requests import Requests
from app.server_times import LINGER, STUCK
from app.settings import Settings

FILES = 32
"""Files that a core opens when it begins."""


class Worker(base.Worker):
    """A worker in which Granian's core accepts connections and calls the application."""

    def run(self) -> None:
        """Serve until the master stops this worker."""
        # Else it logs each start and stop.
        logging.getLogger("_granian").setLevel(logging.ERROR)
        settings: Settings = self.app.settings  # type: ignore[attr-defined]
        listener: socket.socket = self.sockets[0]
        self._milliseconds = round(settings.request_timeout * 1000)
        # The kernel disconnects clients that do not read; connections inherit the option.
        listener.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._milliseconds
        )
        self._requests = Requests(self.wsgi, settings, listener.getsockname())
        self._longest = STUCK * self.cfg.timeout + settings.delay_seconds
        certificate = self._certificate
        cores = [self._begin(listener.detach(), certificate)]
        while self.alive and os.getppid() == self.ppid:
            self._look(settings.request_timeout)
            if select.select(self.PIPE[:1], (), (), 1.0)[0]:
                os.read(self.PIPE[0], 4096)
            cores[-1].look_for_room()
            if self._certificate is not certificate and cores[-1].makes_room(FILES):
                certificate = self._certificate
                cores.append(self._begin(cores[-1].give_up_socket(), certificate))
                for core in cores[:-2]:
                    core.stop()
                del cores[:-2]
        self._requests.stop()
        for core in cores:
            core.stop()
        self._wait(cores)

    @property
    def _certificate(self) -> Certificate | None:
        certificates: InUse | None = self.app.certificates  # type: ignore[attr-defined]
        return None if certificates is None else certificates.current()

    def _begin(self, listener: int, certificate: Certificate | None) -> Core:
        return Core(self._requests, listener, certificate, self.cfg, self._milliseconds)

    def _wait(self, cores: Sequence[Core]) -> None:
        """Wait for the running requests, and a moment for clients to send or to read."""
        quiet = now = time.monotonic()
        end = now + self.cfg.graceful_timeout
        while now < min(end, quiet + 2 * LINGER) and not all(
            core.ended.wait(0.05) for core in cores
        ):
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
