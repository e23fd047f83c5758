"""Granian instead of gunicorn: HTTP is spoken outside Python, by a thread of each worker.

The service is opened once and then forked, as under gunicorn. Other than there,

* a worker that ends twice within five seconds ends the server, with exit code 1;
* what is no HTTP, or too long for Granian, is answered with an empty 4xx: a request line
  may have 64 KiB, all headers together 400 KiB, and there may be 99 of them.
"""

import multiprocessing
import multiprocessing.util
import os
import signal
import socket
import threading
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from app import server
from app.bootstrap import Service, open_service
from app.settings import Settings

KEEP_ALIVE = 75_000
"""Milliseconds that a connection may wait for the next request, or for all of its head."""

LOGGING = {
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "propagate": False},
    }
}
"""Lets what Granian logs go where the service logs."""


def options(settings: Settings) -> dict[str, Any]:
    """Return the Granian settings that the service runs with."""
    host, _, port = settings.address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    # Granian takes no names.
    found = socket.getaddrinfo(host.strip("[]"), port, family, socket.SOCK_STREAM)
    return {
        "address": found[0][4][0],
        "port": int(port),
        "interface": Interfaces.WSGI,
        "http": HTTPModes.http1,
        "websockets": False,
        "workers": settings.workers,
        "blocking_threads": settings.threads,
        # It counts connections, those that wait too, and lets others stand in line.
        "backpressure": server.connections(),
        "http1_settings": HTTP1Settings(header_read_timeout=KEEP_ALIVE),
        "respawn_failed_workers": True,
        "respawn_interval": 1.0,
        "workers_kill_timeout": server.GRACE,
        # Its warnings are advice on workers and threads.
        "log_level": LogLevels.error,
        "log_dictconfig": LOGGING,
    }


class Server(MPServer):
    """The service under Granian, until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings, service: Service) -> None:
        super().__init__("app", **options(settings))
        self._settings = settings
        self._service = service

    def run(self) -> None:
        """Serve until told to stop."""
        # The workers get the open service as it is.
        multiprocessing.set_start_method("fork", force=True)
        try:
            self.serve(target_loader=self._load, wrap_loader=False)
        finally:
            self._service.close()
            server.clear_figures()

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        """Start the workers, and say so when one of them listens."""
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        while not self.main_loop_interrupt.wait(0.01):
            try:
                socket.create_connection((self.bind_addr, self.bind_port)).close()
            except OSError:
                continue
            server.announce(self._settings)
            return

    def shutdown(self, exit_code: int = 0) -> None:
        """Stop the workers, and wait for them."""
        stopped = threading.Event()
        threading.Thread(target=self._tell_again, args=(stopped,), daemon=True).start()
        try:
            super().shutdown(exit_code)  # type: ignore[no-untyped-call]
        finally:
            stopped.set()

    def _tell_again(self, stopped: threading.Event) -> None:
        # A worker does not hear what it is told before it serves.
        while not stopped.wait(0.5):
            for worker in list(self.wrks):
                worker.terminate()  # type: ignore[no-untyped-call]

    def _load(self) -> Any:
        """Return the application, in each worker."""
        # The processes of multiprocessing do not do what atexit was told to do.
        multiprocessing.util.Finalize(None, self._service.close, exitpriority=0)
        threading.Thread(target=_end_with_master, daemon=True).start()
        return self._service.application


def _end_with_master() -> None:
    """Stop this worker when its master is gone, which nobody else would do."""
    master = multiprocessing.parent_process()
    assert master is not None
    master.join()
    os.kill(os.getpid(), signal.SIGTERM)


def serve(settings: Settings, open_: server.Opener = open_service) -> None:
    """Serve until told to stop; raises Invalid and Unavailable if that cannot start.

    ``open_`` opens the service.
    """
    Server(settings, server.opened(settings, open_)).run()
