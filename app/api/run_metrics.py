"""The metrics of runs and runners, which are the same whichever worker is asked.

Runner contract, section 13.
"""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from app.runner.run_counts import Rows, buckets
from app.runners import Runners, RunnersState

COUNTERS = (
    ("runs", "runs", "Runs that have ended.", ("code", "state")),
    ("missed", "slots_missed", "Slots that were missed.", ("code", "reason")),
    ("skipped", "slots_skipped", "Slots skipped by overlap 0.", ("code",)),
    ("set_back", "clock_set_back", "Clocks of tasks that were ahead of the time.", ()),
)
"""The names in the counts of runners, and as metrics; what they mean; their labels."""


def of_runs(runners: Runners) -> Iterator[Metric]:
    """Return the metrics of runs and runners as they are now."""
    yield from _gauges(runners.state())
    rows = runners.counts()
    for counted, name, meaning, labels in COUNTERS:
        family = CounterMetricFamily(f"svctasks_{name}", meaning, labels=labels)
        for (of, *values), number in rows.items():
            if of == counted:
                family.add_metric(values, number)
        yield family
    seconds = HistogramMetricFamily(
        "svctasks_run_seconds", "Time from start to end of runs.", labels=["code"]
    )
    for code in sorted({row[1] for row in rows if row[0] == "seconds"}):
        _add(seconds, [code], rows, "seconds", code)
    yield seconds
    delays = HistogramMetricFamily(
        "svctasks_start_delay_seconds",
        "Time from slots to the claims of their starts.",
    )
    _add(delays, [], rows, "delay", "")
    yield delays


def _gauges(state: RunnersState) -> Iterator[Metric]:
    for name, meaning, value in (
        ("runs_active", "Runs that have started and not ended.", state.active),
        ("slots_open", "Tasks with a start due that there is no room for.", state.open),
        ("runners_alive", "Runners that have looked lately.", state.alive),
        (
            "runner_look_timestamp_seconds",
            "The moment up to which a runner has looked at the tasks; 0 if none has.",
            (state.looked or 0) / 1000,
        ),
    ):
        yield GaugeMetricFamily(f"svctasks_{name}", meaning, value)


def _add(
    family: HistogramMetricFamily, labels: list[str], rows: Rows, name: str, code: str
) -> None:
    found = list(buckets(rows, name, code))
    family.add_metric(labels, found, rows.get((f"{name}_sum", code), 0))
