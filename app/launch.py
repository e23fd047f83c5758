"""What both servers share: the start, gunicorn's master, and the stop.

The master opens the store, forks the workers, watches and replaces them. There are two
kinds of worker, each in modules of its own: ``gunicorn_worker`` and ``granian_worker``. A
runner is one more child, if there is to be one.

The master and each worker run the thread of the store's maintenance, started when the store
is opened and again after the fork, and the thread that writes the log, started with the
first line. A worker also runs the threads that answer requests and, from the first request
on, that of the access log.

With ``reuse_port`` each worker has a socket of its own and the kernel spreads connections
over them; without it one worker may take every kept-alive connection. The kernel would then
also let a second server share the port unnoticed, so the port is tried before.
"""

import atexit
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from prometheus_client.multiprocess import mark_process_dead

from app import __version__, exposure, figures, logs
from app.api.routes import ADDRESSES
from app.bootstrap import Service, open_service
from app.certificates import Certificate, InUse
from app.errors import Error, Full, Unavailable
from app.gunicorn_master import Master
from app.limits import FIELDS
from app.log_stream import LogStream
from app.runner_child import RunnerChild
from app.server_times import GRACE, PROGRESS
from app.settings import Settings

log = logging.getLogger(__name__)

SPARE_FILES = 64
"""Open files that a worker needs besides its connections."""

M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
"""Of mallopt(3): how many heaps there are, and from which size on a buffer is in none."""

HELD = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""The signals that stop a worker."""

Opener = Callable[..., Service]


def options(settings: Settings) -> dict[str, Any]:
    """Return the settings of gunicorn."""
    return {
        "bind": settings.address,
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": _worker(settings),
        "reuse_port": True,
        "keepalive": 75,
        "graceful_timeout": GRACE,
        "timeout": PROGRESS,
        # In memory, where a file can be made even if /tmp cannot be written.
        "worker_tmp_dir": os.environ.get(figures.VARIABLE),
        # No client is a proxy whose headers are trusted.
        "forwarded_allow_ips": "",
        "limit_request_line": settings.max_address,
        "limit_request_fields": FIELDS,
        # Only all of them together have a limit.
        "limit_request_field_size": settings.max_head,
        "worker_connections": connections(settings),
        "control_socket_disable": True,
        "loglevel": "warning",
        "logger_class": _Logger,
        "proc_name": "svctasks",
    }


class Server(BaseApplication):
    """The service under gunicorn's master, until SIGTERM or SIGINT.

    It speaks TLS if there are ``certificates``.
    """

    def __init__(
        self, settings: Settings, service: Service, certificates: InUse | None = None
    ) -> None:
        self.settings = settings
        self.certificates = certificates
        self.runner = RunnerChild(self._run_runner) if settings.runner else None
        self._service = service
        self._master = os.getpid()
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        hooks = {
            "post_worker_init": self._begin,
            "worker_exit": self._close,
            "child_exit": _forget_figures,
            "on_exit": self._end,
        }
        for name, value in {**options(self.settings), **hooks}.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until a signal stops the process."""
        _hold_signals_of_new_workers()
        Master(self).run()

    def _run_runner(self) -> bool:
        """Run a runner in this process, a child of the master, as long as that lives."""
        from app.runner_process import RunnerProcess

        try:
            return RunnerProcess(
                self.settings,
                self._service.store,
                is_wanted=lambda: os.getppid() == self._master,
            ).run()
        finally:
            self._service.close()

    def load(self) -> Any:
        """Return the application, in each worker."""
        return self._service.application

    def _begin(self, worker: Worker) -> None:
        # When the terminal is gone, the master stops its workers.
        hangup = (
            signal.SIG_IGN if self.certificates is None else self.certificates.outdate
        )
        signal.signal(signal.SIGHUP, hangup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        # Workers have a socket each: the service listens when the first of them does.
        if worker.age > 1:
            return
        announce(self.settings)

    def _close(self, arbiter: Arbiter, worker: Worker) -> None:
        self._service.close()

    def _end(self, arbiter: Arbiter) -> None:
        self._service.close()
        figures.remove()


class _Logger(Logger):
    """Sends what gunicorn logs to the log of the service."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers = []
        self.error_log.propagate = True


def _forget_figures(arbiter: Arbiter, worker: Worker) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _worker(settings: Settings) -> type[Worker]:
    """Return the class of the workers."""
    if settings.server == "granian":
        # It is an extra.
        from app import granian_worker

        return granian_worker.Worker
    from app import gunicorn_worker

    return gunicorn_worker.Worker


def announce(settings: Settings) -> None:
    """Print the address, that of the page to try it on, and where the data are."""
    where = f"data folder: {settings.data.absolute()}"
    if settings.database:
        where = "the tables are in a database"
    root = f"{settings.scheme}://{settings.address}"
    lines = (
        f"svctasks {__version__} listens on {root}{ADDRESSES['get_svctasks']}",
        f"  open it in a browser: {root}/console",
        f"  {where}",
    )
    try:
        # Past Python's buffer, which would fail again when the process ends.
        os.write(sys.stdout.fileno(), "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        log.warning("the start message cannot be written: %s", error.strerror)


def connections(settings: Settings) -> int:
    """Return how many connections a worker may have."""
    return min(settings.max_connections, _open_files(settings) - SPARE_FILES)


def _open_files(settings: Settings) -> int:
    """Raise the limit of open files as far as is useful, and return it."""
    useful = SPARE_FILES + max(settings.max_connections, settings.threads + 1)
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        useful = min(useful, most)
    if allowed != resource.RLIM_INFINITY and allowed < useful:
        resource.setrlimit(resource.RLIMIT_NOFILE, (useful, most))
    return useful


def serve(settings: Settings, open_: Opener = open_service) -> None:
    """Serve until a signal stops the process; raises Invalid and Unavailable at the start.

    ``open_`` opens the service.
    """
    try:
        certificates = _certificates(settings)
    except Error:
        figures.remove()
        raise
    Server(settings, opened(settings, open_), certificates).run()


def _certificates(settings: Settings) -> InUse | None:
    """Return the certificate to begin with, if there is to be TLS; raises Invalid."""
    if not settings.tls_cert:
        return None
    check: Callable[[Certificate], None] = lambda certificate: None
    if settings.server == "granian":
        # It is an extra.
        from app.granian_core import check
    return InUse(Path(settings.tls_cert), Path(settings.tls_key), check)


def _hold_signals_of_new_workers() -> None:
    """Deliver a signal that a worker gets before it has handlers, once it has them.

    Until then it would handle a signal as its master does: note it, and go on.
    """
    hold, release = (
        partial(signal.pthread_sigmask, how, HELD)
        for how in (signal.SIG_BLOCK, signal.SIG_UNBLOCK)
    )
    os.register_at_fork(before=hold, after_in_parent=release)


def opened(settings: Settings, open_: Opener) -> Service:
    """Open the service before there are workers; raises Invalid and Unavailable.

    It is opened once: the workers are forks of this process, so that none of them reads
    the files again.
    """
    stream = LogStream(sys.stderr)
    logs.configure(stream)
    atexit.register(stream.flush)
    # A client or a reader of the log that disconnects must not end the process.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    _return_freed_memory()
    try:
        _check_files(settings)
        _check_port(settings.address)
        service = _opened(settings, partial(open_, log=stream))
    except Error:
        figures.remove()
        stream.flush()
        raise
    # What is loaded stays: the garbage collector need not look at it ever again, nor
    # make a copy of it for each worker by writing into it.
    gc.freeze()
    return service


def _return_freed_memory() -> None:
    """Let the C library give large buffers back to the system once they are free.

    By default each thread has a heap of its own, which keeps what its largest reply, edit
    or checkpoint took: a worker with 4,000 tasks grew from 30 to 130 MB in two minutes.
    """
    # A Python of one's own may lack ctypes, and another C library has no mallopt.
    with suppress(ImportError, AttributeError):
        import ctypes

        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 18)


def _check_files(settings: Settings) -> None:
    allowed, needed = _open_files(settings), SPARE_FILES + settings.threads + 1
    if allowed < needed:
        raise Unavailable(
            f"a process may open {allowed} files only and needs {needed}; raise ulimit -n"
        )


def _opened(settings: Settings, open_: Opener) -> Service:
    service = open_(settings)
    try:
        exposure.check(settings, service.tokens.has_tokens())
        if not settings.read_only:
            service.store.ping()
    except Full as error:
        # Reads can be served, and writes when there is room.
        log.warning("%s", error.message)
    except Error:
        service.close()
        raise
    return service


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
