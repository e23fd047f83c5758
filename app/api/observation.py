"""What happened to each request: a log line, figures for Prometheus, an id in the reply.

A request only leaves a note. A thread of the worker turns the notes of every moment into
lines, written together, and into figures: neither formatting nor a slow reader of the log
is what a client waits for. A worker that is killed loses the lines and the figures of that
moment. Flushes are counted at once: to note them too made 0.98 to 1.1 of the changes a
second, and mostly no difference.
"""

import logging
import os
import random
import re
import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping

from falcon import COMBINED_METHODS, Request, Response
from prometheus_client import CollectorRegistry, Histogram, Metric, Summary
from prometheus_client.multiprocess import MultiProcessCollector

from app.api.tally import DAY, Tally, summed
from app.errors import cut
from app.logs import Failures, Line

log = logging.getLogger(__name__)

Sync = Callable[[int], None]

MOMENT = 0.1
"""Seconds between two looks at the notes."""

MOST = 100_000
"""How many notes are kept for a log that nobody reads; older ones are dropped."""

MAX_PATH = 2000
"""Characters of a path that a note keeps."""

METHODS = frozenset(COMBINED_METHODS) - {"WEBSOCKET"}
"""The methods of HTTP, by which requests are counted."""

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

_ID = re.compile("[0-9A-Za-z._:/+=-]{1,128}")


Note = tuple[float, str, str, str, str, float, str]
"""One request: its time (seconds since 1970), method, path, route, status, duration in
seconds, and id."""


class _Histogram(Histogram):
    """A histogram that takes many observations at once."""

    def observe_all(self, amounts: list[float]) -> None:
        """Count ``amounts`` as ``observe`` would count each, with few steps for all."""
        self._sum.inc(sum(amounts))
        for place, count in Counter(
            bisect_left(self._upper_bounds, amount) for amount in amounts
        ).items():
            self._buckets[place].inc(count)


def new_id() -> str:
    """Return an id of 16 hex digits; not a secret, so it need not cost a system call."""
    return f"{random.getrandbits(64):016x}"


class Observer:
    """Falcon middleware that notes every request, and the thread that reads the notes.

    ``now`` returns the time in seconds since 1970.
    """

    def __init__(
        self, line: Line, write: Callable[[str], object], now: Callable[[], float]
    ) -> None:
        self._line = line
        self._write = write
        self._now = now
        self._notes: deque[Note] = deque(maxlen=MOST)
        self._registry = CollectorRegistry()
        self._tally = Tally(self._registry, now())
        self._durations = _Histogram(
            "svctasks_request_seconds",
            "Time from the first look at a request to its reply.",
            ("route", "method", "status"),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._flushes = Summary(
            "svctasks_fsync_seconds",
            "Time of each flush of a file to disk.",
            registry=self._registry,
        )
        self._stopping = threading.Event()
        self._reading = threading.Lock()
        self._thread = threading.Thread()
        self._process = 0

    def process_request(self, request: Request, response: Response) -> None:
        """Give the request an id, its sender's own if that is fit to be one."""
        given = request.env.get("HTTP_X_REQUEST_ID", "")
        request.context.id = given if given and _ID.fullmatch(given) else new_id()
        request.context.begin = time.perf_counter()

    def process_response(
        self, request: Request, response: Response, resource: object, succeeded: bool
    ) -> None:
        """Note how the request ended."""
        response.set_header("X-Request-Id", request.context.id)
        seconds = time.perf_counter() - request.context.begin
        self._notes.append(
            (
                self._now(),
                cut(request.method),
                cut(request.path, MAX_PATH),
                request.uri_template or "none",
                str(response.status)[:3],
                seconds,
                request.context.id,
            )
        )
        # A thread does not live on in a child process.
        if self._process != os.getpid():
            self._start()

    def timed(self, sync: Sync) -> Sync:
        """Return ``sync`` with its time noted among the figures."""

        def flush(descriptor: int) -> None:
            with self._flushes.time():
                sync(descriptor)

        return flush

    def read(self) -> None:
        """Turn all notes into lines and figures."""
        lines = []
        durations = defaultdict[tuple[float, str, str, str], list[float]](list)
        with self._reading:
            notes = [self._notes.popleft() for _ in range(len(self._notes))]
            if not notes:
                return
            for moment, method, path, route, status, seconds, id_ in notes:
                durations[moment // DAY, route, method, status].append(seconds)
                members = {
                    "method": method,
                    "path": path,
                    "status": int(status),
                    "ms": round(seconds * 1000, 2),
                    "request_id": id_,
                }
                lines.append(self._line(moment, "INFO", "request", members))
            for (day, route, method, status), amounts in durations.items():
                self._duration(route, method, status).observe_all(amounts)
                self._tally.count(day, status, len(amounts))
            self._tally.publish(notes[-1][0])
        try:
            self._write("\n".join(lines) + "\n")
        except OSError:
            # Whoever read the log is gone; there is nobody left to tell.
            pass

    def figures(self) -> Iterable[Metric]:
        """Return the figures of all workers, with all that this one noted by now."""
        self.read()
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self._registry.collect()
        # It would enter itself in a registry; here it is asked directly.
        all_ = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        figures: Iterable[Metric] = all_.collect()  # type: ignore[no-untyped-call]
        return figures

    def tally(self) -> Mapping[str, float]:
        """Return how the day goes, for all workers."""
        return summed(self.figures(), self._now())

    def _duration(self, route: str, method: str, status: str) -> _Histogram:
        # Nobody can fill the table with methods and addresses of their own making.
        known = method if method in METHODS else "other"
        return self._durations.labels(route, known, status)

    def close(self) -> None:
        """Read what is left and stop."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.read()

    def _start(self) -> None:
        with self._reading:
            if not self._thread.is_alive() and not self._stopping.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="observer", daemon=True
                )
                self._thread.start()
                self._process = os.getpid()

    def _run(self) -> None:
        failures = Failures(log)
        try:
            while not self._stopping.wait(MOMENT):
                if not self._notes:
                    continue
                try:
                    self.read()
                except Exception as error:
                    failures.note("log and figures", error, is_foreseen=False)
                else:
                    failures.end("log and figures")
        finally:
            # Whatever ended it, the next request starts another.
            self._process = 0
