"""The access log: a line for each request, its metrics, and an id in the reply.

A request only appends an entry. A thread of the worker turns the entries of every moment
into lines, which it writes together, and into metrics: no client waits for the formatting
or for a slow reader of the log. A worker that is killed loses the lines and the metrics of
that moment. Flushes of files are counted at once: to queue them too gave 0.98 to 1.1 of the
changes a second, and mostly no difference.
"""

import logging
import os
import random
import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping

from falcon import Response
from prometheus_client import Metric

from app.api.daily_counts import DAY
from app.api.request_context import Request
from app.api.request_metrics import Group, RequestMetrics, Sync
from app.errors import cut
from app.logs import Failures, Line
from app.storage import Figure
from app.token_text import PREFIX

log = logging.getLogger(__name__)

INTERVAL = 0.1
"""Seconds between two looks at the entries."""

MAX_ENTRIES = 100_000
"""How many entries are kept for a log that nobody reads; older ones are dropped."""

MAX_PATH = 2000
"""Characters of a path that an entry keeps."""

_ID = re.compile(f"(?!.*{PREFIX})[0-9A-Za-z._:/+=-]{{1,128}}")
"""Which ids of senders are kept: none with a token in it, which the log would show."""


Entry = tuple[float, str, str, str, str, str, float, str, str]
"""One request: its time (seconds since 1970), client, method, path, route, status, duration
in seconds, id, and the name of the sender's token, if any."""


def new_id() -> str:
    """Return an id of 16 hex digits; not a secret, so it need not cost a system call."""
    return f"{random.getrandbits(64):016x}"  # nosec B311


class AccessLog:
    """Falcon middleware that logs and counts every request, and the thread that writes.

    ``now`` returns the time in seconds since 1970.
    """

    def __init__(
        self, line: Line, write: Callable[[str], object], now: Callable[[], float]
    ) -> None:
        self._line = line
        self._write = write
        self._now = now
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._metrics = RequestMetrics(now())
        self._figures: Callable[[], Mapping[str, Figure]] = dict
        self._stopping = threading.Event()
        self._flushing = threading.Lock()
        self._thread = threading.Thread()
        self._process = 0

    def process_request(self, request: Request, response: Response) -> None:
        """Give the request an id: that of its sender, if it is a valid one."""
        given = request.env.get("HTTP_X_REQUEST_ID", "")
        request.context.id = given if given and _ID.fullmatch(given) else new_id()
        request.context.begin = time.perf_counter()
        request.context.by = ""

    def process_response(
        self, request: Request, response: Response, resource: object, succeeded: bool
    ) -> None:
        """Append an entry on how the request ended."""
        response.set_header("X-Request-Id", request.context.id)
        seconds = time.perf_counter() - request.context.begin
        self._entries.append(
            (
                self._now(),
                request.env.get("REMOTE_ADDR", ""),
                cut(request.method),
                cut(request.path, MAX_PATH),
                request.uri_template or "none",
                str(response.status)[:3],
                seconds,
                request.context.id,
                request.context.by,
            )
        )
        # A thread does not live on in a child process.
        if self._process != os.getpid():
            self._start()

    def timed(self, sync: Sync) -> Sync:
        """Return ``sync`` with its time counted in the metrics."""
        return self._metrics.timed(sync)

    def watch(self, figures: Callable[[], Mapping[str, Figure]]) -> None:
        """Have the metrics of all workers show what ``figures`` returns in each."""
        self._figures = figures

    def flush(self) -> None:
        """Turn all entries into lines and metrics."""
        lines = []
        durations = defaultdict[Group, list[float]](list)
        senders = Counter[str]()
        with self._flushing:
            entries = [self._entries.popleft() for _ in range(len(self._entries))]
            if not entries:
                return
            for entry in entries:
                moment, client, method, path, route, status, seconds, id_, by = entry
                durations[moment // DAY, route, method, status].append(seconds)
                members = {
                    "client": client,
                    "method": method,
                    "path": path,
                    "status": int(status),
                    "ms": round(seconds * 1000, 2),
                    "request_id": id_,
                }
                if by:
                    members["by"] = by
                    senders[by] += 1
                lines.append(self._line(moment, "INFO", "request", members))
            self._metrics.count(durations, senders, entries[-1][0])
            self._metrics.publish(self._figures())
        try:
            self._write("\n".join(lines) + "\n")
        except OSError:
            # Nobody reads the log any more, so there is nowhere to report that.
            pass

    def metrics(self) -> Iterable[Metric]:
        """Return the metrics of all workers, with all requests of this one until now."""
        self.flush()
        with self._flushing:
            self._metrics.publish(self._figures())
        return self._metrics.collect()

    def daily_counts(self) -> Mapping[str, float]:
        """Return the counts of this day, of all workers."""
        self.flush()
        return self._metrics.daily_counts(self._now())

    def close(self) -> None:
        """Write what is left and stop."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()

    def _start(self) -> None:
        with self._flushing:
            if not self._thread.is_alive() and not self._stopping.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="access log", daemon=True
                )
                self._thread.start()
                self._process = os.getpid()

    def _run(self) -> None:
        failures = Failures(log)
        try:
            while not self._stopping.wait(INTERVAL):
                if not self._entries:
                    continue
                try:
                    self.flush()
                except Exception as error:
                    failures.note("access log and metrics", error)
                else:
                    failures.end("access log and metrics")
        finally:
            # Whatever ended it, the next request starts another.
            self._process = 0
