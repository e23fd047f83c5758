"""How the day of the server goes: when it started, its requests and errors since midnight.

Each worker has these figures in a gauge of its own. prometheus-client shares gauges by
files, so that any worker can tell those of all, of dead ones too. The days are no labels,
which would become more and more: a worker names its latest day beside its counts, and
counts anew when a day begins, in UTC. What it counted on another day is left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge, Metric

NAME = "svctasks_tally"

DAY = 24 * 60 * 60

_KINDS = {"4": "client_errors", "5": "server_errors"}


class Tally:
    """The figures of this worker; times are in seconds since 1970."""

    def __init__(self, registry: CollectorRegistry, started: float) -> None:
        self._gauge = Gauge(
            NAME,
            "What the server tells of its day.",
            ("figure",),
            registry=registry,
            multiprocess_mode="all",
        )
        self._figures = {"started": started, "last_request": 0.0}
        self._begin(0.0)
        self.publish(0.0)

    def count(self, day: float, status: str, requests: int) -> None:
        """Count the requests of a day since 1970 that were answered with ``status``."""
        if day != self._figures["day"]:
            self._begin(day)
        self._figures["requests"] += requests
        if (kind := _KINDS.get(status[0])) is not None:
            self._figures[kind] += requests

    def publish(self, last_request: float) -> None:
        """Let all workers see what was counted, up to the last request."""
        self._figures["last_request"] = last_request
        for name, figure in self._figures.items():
            self._gauge.labels(name).set(figure)

    def _begin(self, day: float) -> None:
        counts = {"requests": 0.0, "client_errors": 0.0, "server_errors": 0.0}
        # The day is published after its counts: others never take old ones for new.
        self._figures |= {**counts, "day": day}


def summed(metrics: Iterable[Metric], now: float) -> Mapping[str, float]:
    """Return the figures of all workers together, with ``now``, whose day they are of.

    A time that is not known is 0.
    """
    workers: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for metric in metrics:
        for sample in metric.samples if metric.name == NAME else ():
            figures = workers[sample.labels.get("pid", "")]
            figures[sample.labels["figure"]] = sample.value
    all_ = list(workers.values())
    today = [each for each in all_ if each["day"] == now // DAY]
    return {
        "now": now,
        "started": min(
            (each["started"] for each in all_ if each["started"]), default=0
        ),
        "last_request": max((each["last_request"] for each in all_), default=0),
        **{
            name: sum(each[name] for each in today)
            for name in ("requests", "client_errors", "server_errors")
        },
    }
