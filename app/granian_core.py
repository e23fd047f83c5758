"""Granian's core: what accepts connections, speaks TLS, and parses HTTP outside Python.

A core keeps the certificate that it began with, and ends the process if it cannot use it.
"""

import os
import socket
import subprocess  # nosec B404
import sys
import threading
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, NoReturn

from granian import _granian
from granian.http import HTTP1Settings
from gunicorn.config import Config

from app.certificates import Certificate
from app.errors import Invalid
from app.granian_requests import Requests
from app.granian_socket import Listener, has_room

_core: Any = _granian
"""As Any: its stubs differ from it."""

ROOM = 1 << 16
"""Bytes by which a head may be too long for an answer that says so."""

_BETWEEN = b"\0"


class Core:
    """A core that accepts on the socket with the file descriptor ``listener``, its own.

    It waits ``wait`` milliseconds for the head of a request.
    """

    def __init__(
        self,
        requests: Requests,
        listener: int,
        certificate: Certificate | None,
        cfg: Config,
        wait: int,
    ) -> None:
        self._listener = (
            None if certificate is None else Listener(listener, cfg.workers)
        )
        self.ended = threading.Event()
        self._signal = _core.WorkerSignal()
        self._signal.add_cb(self.ended.set)
        scheduler = _core.CallbackScheduler(requests, None, None, None, None)
        scheduler._schedule_fn = requests.begin
        with ExitStack() as stack:
            tls: dict[str, Any] = {}
            if certificate is not None:
                tls = _tls(certificate.chain, certificate.key, stack)
            # The core closes the socket when it stops, so that no client can connect.
            holder = _core.SocketHolder(listener, False, cfg.backlog)
            core = _core.ASGIWorker(
                1,
                (None, holder),
                None,
                py_threads=cfg.threads,
                # A limit of connections; further ones wait in the backlog.
                backpressure=cfg.worker_connections,
                http1_opts=HTTP1Settings(
                    header_read_timeout=wait,
                    max_buffer_size=cfg.limit_request_field_size + ROOM,
                ),
                **tls,
            )
            core.serve_mtr(scheduler, requests, self._signal)

    def look_for_room(self) -> None:
        """Accept nothing while the process may open no further file."""
        if self._listener is not None:
            self._listener.look_for_room()

    def makes_room(self, count: int) -> bool:
        """Accept nothing for now; return whether ``count`` files can be opened then."""
        assert self._listener is not None
        self._listener.take_away()
        return has_room(count)

    def give_up_socket(self) -> int:
        """Accept no more, but keep all connections; return the socket for another core."""
        assert self._listener is not None
        listener, self._listener = self._listener, None
        return listener.give_up()

    def stop(self) -> None:
        """Accept no more, and close each connection as soon as it has its reply."""
        if self._listener is not None:
            self._listener.close()
        self._signal.set()


def check(certificate: Certificate) -> None:
    """Raise Invalid if the core cannot use ``certificate``, for which it ends a process."""
    given = certificate.chain + _BETWEEN + certificate.key
    trial = "from app import granian_core; granian_core.begin_with_given()"
    command = sys.executable, "-c", trial
    # It runs this program with nothing that others choose in the command.
    result = subprocess.run(command, input=given, capture_output=True)  # nosec B603
    if result.returncode:
        raise Invalid(
            "Granian cannot use this certificate and key, though they belong together; "
            "it takes keys of RSA from 2048 bits on, ECDSA on P-256 and P-384, and Ed25519"
        )


def begin_with_given() -> NoReturn:
    """Begin with the certificate and the key of the standard input, and exit."""
    chain, key = sys.stdin.buffer.read().split(_BETWEEN)
    with ExitStack() as stack, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        holder = _core.SocketHolder(listener.detach(), False, 1)
        tls = _tls(chain, key, stack)
        core = _core.ASGIWorker(1, (None, holder), None, **tls)
        loop = SimpleNamespace(call_soon=None, call_soon_threadsafe=None)
        scheduler = _core.CallbackScheduler(loop, None, None, None, None)
        core.serve_mtr(scheduler, loop, _core.WorkerSignal())
        # Past the threads of the core.
        os._exit(0)


def _tls(chain: bytes, key: bytes, stack: ExitStack) -> dict[str, Any]:
    """Return the settings of a core that speaks TLS, with files that ``stack`` closes."""
    return {
        "ssl_enabled": True,
        "ssl_cert": _file(chain, stack),
        "ssl_key": _file(key, stack),
        "ssl_protocol_min": "tls1.2",
    }


def _file(content: bytes, stack: ExitStack) -> str:
    """Return the path of a file in memory, which ``stack`` closes."""
    descriptor = os.memfd_create("svctasks")
    stack.callback(os.close, descriptor)
    os.write(descriptor, content)
    return f"/proc/self/fd/{descriptor}"
