"""gunicorn, embedded: worker processes with threads, each with a socket of its own.

With ``reuse_port`` the kernel spreads connections over the workers; without it one worker
may take every kept-alive connection. The kernel would then also let a second server share
the port unnoticed, so the port is tried before.
"""

import logging
import socket
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from app import __version__
from app.api.routes import SVCTASKS
from app.bootstrap import create_app, open_store
from app.errors import Unavailable
from app.settings import Settings
from app.storage import Store

GRACE = 30
"""Seconds that requests in flight have when the server stops."""

LOG_FORMAT = "%(asctime)s [%(process)d] %(levelname)s %(message)s"


def options(settings: Settings) -> dict[str, Any]:
    """Return the gunicorn settings that the service runs with."""
    return {
        "bind": settings.address,
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": "gthread",
        "reuse_port": True,
        "keepalive": 75,
        "graceful_timeout": GRACE,
        "limit_request_line": 8190,
        "control_socket_disable": True,
        "loglevel": "warning",
        "proc_name": "svctasks",
    }


class Server(BaseApplication):
    """The service under gunicorn, until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: Store | None = None
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        hooks = {"post_worker_init": self._announce, "worker_exit": self._close}
        for name, value in {**options(self._settings), **hooks}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Open the store and return the application, in each worker."""
        self._store = open_store(self._settings)
        return create_app(self._store, self._settings)

    def _announce(self, worker: Worker) -> None:
        # Workers have a socket each: the service listens when the first of them does.
        if worker.age > 1:
            return
        address = f"http://{self._settings.address}{SVCTASKS}"
        print(f"svctasks {__version__} listens on {address}", flush=True)

    def _close(self, arbiter: Arbiter, worker: Worker) -> None:
        if self._store is not None:
            self._store.close()


def serve(settings: Settings) -> None:
    """Serve until told to stop; raises Invalid and Unavailable if that cannot start."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    _check_port(settings.address)
    store = open_store(settings)
    store.close()
    Server(settings).run()


def _check_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unavailable(f"cannot listen on {address}: {reason}") from error
