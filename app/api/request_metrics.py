"""Metrics of requests for Prometheus: their durations, the flushes to disk, the day."""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from falcon import COMBINED_METHODS
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as CounterMetric
from prometheus_client import Gauge, Histogram, Metric, Summary
from prometheus_client.multiprocess import MultiProcessCollector

from app.api.daily_counts import DailyCounts, summed
from app.storage import SUM, TOTAL, Figure

Sync = Callable[[int], None]

METHODS = frozenset(COMBINED_METHODS) - {"WEBSOCKET"}
"""The methods of HTTP, by which requests are counted."""

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

Group = tuple[float, str, str, str]
"""The requests of a day since 1970, to a route, by a method, with a status."""


class _Histogram(Histogram):
    """A histogram that takes many observations at once."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Count ``amounts`` as ``observe`` counts one, with few steps for all."""
        self._sum.inc(sum(amounts))
        for bucket, count in Counter(
            bisect_left(self._upper_bounds, amount) for amount in amounts
        ).items():
            self._buckets[bucket].inc(count)


class RequestMetrics:
    """The metrics of a worker that ``started`` at a time, in seconds since 1970."""

    def __init__(self, started: float) -> None:
        self._registry = CollectorRegistry()
        self._days = DailyCounts(self._registry, started)
        self._of_store: dict[str, CounterMetric | Gauge] = {}
        self._published: dict[str, float] = {}
        self._durations = _Histogram(
            "svctasks_request_seconds",
            "Time from the first look at a request to its reply.",
            ("route", "method", "status"),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._senders = CounterMetric(
            "svctasks_requests_by_token",
            "Requests by the name of the sender's token.",
            ("by",),
            registry=self._registry,
        )
        self._flushes = Summary(
            "svctasks_fsync_seconds",
            "Time of each flush of a file to disk.",
            registry=self._registry,
        )

    def timed(self, sync: Sync) -> Sync:
        """Return ``sync`` with its time counted."""

        def flush(descriptor: int) -> None:
            with self._flushes.time():
                sync(descriptor)

        return flush

    def count(
        self,
        durations: Mapping[Group, Sequence[float]],
        senders: Mapping[str, int],
        last_request: float,
    ) -> None:
        """Count requests by their durations in seconds; the last was at a time.

        ``senders`` has how many came with each token, by its name.
        """
        for (day, route, method, status), amounts in durations.items():
            # Clients cannot fill the table with methods of their own making.
            known = method if method in METHODS else "other"
            self._durations.labels(route, known, status).observe_all(amounts)
            self._days.count(day, status, len(amounts))
        for name, requests in senders.items():
            self._senders.labels(name).inc(requests)
        self._days.publish(last_request)

    def publish(self, figures: Mapping[str, Figure]) -> None:
        """Let all workers see the ``figures`` of the store as this one has them."""
        for name, figure in figures.items():
            if isinstance(figure.value, str):
                continue
            metric = self._of_store.get(name)
            if metric is None:
                metric = self._of_store[name] = self._made(name, figure)
            if isinstance(metric, CounterMetric):
                before = self._published.get(name, 0)
                # What is less than before was counted anew, as after a fork.
                rise = figure.value - (before if before <= figure.value else 0)
                metric.inc(rise)
                self._published[name] = figure.value
            else:
                metric.set(figure.value)

    def _made(self, name: str, figure: Figure) -> CounterMetric | Gauge:
        named = f"svctasks_{name}", figure.meaning
        if figure.across == TOTAL:
            return CounterMetric(*named, registry=self._registry)
        # Those of workers that have ended do not count.
        mode: Literal["livesum", "livemax"]
        mode = "livesum" if figure.across == SUM else "livemax"
        return Gauge(*named, registry=self._registry, multiprocess_mode=mode)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all workers."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self._registry.collect()
        # It would enter itself in a registry; here it is asked directly.
        all_ = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        metrics: Iterable[Metric] = all_.collect()  # type: ignore[no-untyped-call]
        return metrics

    def daily_counts(self, now: float) -> Mapping[str, float]:
        """Return the counts of the day of ``now``, of all workers."""
        return summed(self.collect(), now)
