"""The counts of the day: when the server started, its requests and errors since midnight.

Each worker has its counts in a gauge of its own. prometheus-client shares gauges by files,
so that any worker can sum up those of all, of dead ones too. The days are no labels, which
would become more and more: a worker publishes its latest day beside its counts, and counts
anew when a day begins, in UTC. What it counted on another day is left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge, Metric

NAME = "svctasks_daily_counts"

DAY = 24 * 60 * 60

_ERRORS = {"4": "client_errors", "5": "server_errors"}
"""The count of an error, by the first digit of its status."""


class DailyCounts:
    """The counts of this worker; times are in seconds since 1970."""

    def __init__(self, registry: CollectorRegistry, started: float) -> None:
        self._gauge = Gauge(
            NAME,
            "The counts of the day.",
            ("count",),
            registry=registry,
            multiprocess_mode="all",
        )
        self._counts = {"started": started, "last_request": 0.0}
        self._begin(0.0)
        self.publish(0.0)

    def count(self, day: float, status: str, requests: int) -> None:
        """Count the requests of a day since 1970 that were answered with ``status``."""
        if day != self._counts["day"]:
            self._begin(day)
        self._counts["requests"] += requests
        if (name := _ERRORS.get(status[0])) is not None:
            self._counts[name] += requests

    def publish(self, last_request: float) -> None:
        """Let all workers see what was counted, up to the last request."""
        self._counts["last_request"] = last_request
        for name, count in self._counts.items():
            self._gauge.labels(name).set(count)

    def _begin(self, day: float) -> None:
        counts = {"requests": 0.0, "client_errors": 0.0, "server_errors": 0.0}
        # The day is published after its counts: others never take old ones for new.
        self._counts |= {**counts, "day": day}


def summed(metrics: Iterable[Metric], now: float) -> Mapping[str, float]:
    """Return the counts of all workers together, of the day of ``now``, and ``now``.

    A time that is not known is 0.
    """
    by_worker: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for metric in metrics:
        for sample in metric.samples if metric.name == NAME else ():
            counts = by_worker[sample.labels.get("pid", "")]
            counts[sample.labels["count"]] = sample.value
    workers = list(by_worker.values())
    today = [counts for counts in workers if counts["day"] == now // DAY]
    starts = [counts["started"] for counts in workers if counts["started"]]
    return {
        "now": now,
        "started": min(starts, default=0),
        "last_request": max((counts["last_request"] for counts in workers), default=0),
        **{
            name: sum(counts[name] for counts in today)
            for name in ("requests", "client_errors", "server_errors")
        },
    }
