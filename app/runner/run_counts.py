"""Counts of what runners have done, for metrics: one document, which all runners add to.

So a server shows what the runners of all processes and machines have done, and a runner
that ends takes nothing with it. Each adds what it has counted since its last beat; one
that is killed loses that. A row of the document is the name of a metric, its labels and a
number. Runner contract, section 13.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Any

from app.datetimes import milliseconds_of
from app.errors import NotFound, Unavailable
from app.schemas import svcrun, svcscript
from app.storage import Document, Store, document_in

ID = "runs"
"""The key of the document."""

SECONDS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 14400)
"""The upper bounds of the buckets of how long runs take."""

DELAYS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600)
"""The upper bounds of the buckets of how late starts are."""

NO_SCRIPT = "svcscriptcode is not in svcscripts.json"
"""The reason of all slots whose script is not there, whatever its code is."""

Rows = dict[tuple[str, ...], float]


class RunCounts:
    """The counts of one runner that are not in the document of ``store`` yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: Counter[tuple[str, ...]] = Counter()

    def note_record(self, record: Document, before: Document | None) -> None:
        """Count a record that is new in the history, or counts more than ``before``."""
        code = self._label(record["code"])
        state = record["state"]
        more = record.get("count", 1) - (before.get("count", 1) if before else 0)
        if state == "missed":
            reason = record["reason"]
            is_unknown = reason.startswith("svcscriptcode ")
            self._rows["missed", code, NO_SCRIPT if is_unknown else reason] += more
        elif state == "skipped":
            self._rows["skipped", code] += more
        else:
            self._rows["runs", code, state] += more
            if "duration" in record:
                self._observe("seconds", code, SECONDS, record["duration"] / 1000)

    def note_start(self, run: Document, task: Document | None) -> None:
        """Count how late a claim is after its slot, where a start was due at the slot."""
        is_due = task and (task["isregular"] or task["schedule"] == "all")
        if is_due and run["cause"] in ("schedule", "late"):
            late = milliseconds_of(run["started"]) - milliseconds_of(run["slot"])
            self._observe("delay", "", DELAYS, max(0, late) / 1000)

    def note_set_back(self) -> None:
        """Count a clock of which the time had been wrong."""
        self._rows["set_back",] += 1

    def publish(self) -> None:
        """Add what was counted to the document; what cannot be written waits."""
        if not self._rows:
            return
        rows, self._rows = self._rows, Counter()
        try:
            while True:
                try:
                    self._store.update(
                        svcrun.COUNTS, ID, lambda old, _: _document(rows, old)
                    )
                    return
                except NotFound:
                    self._store.load(svcrun.COUNTS, [_document(Counter(), None)])
        except Unavailable:
            self._rows += rows

    def _observe(
        self, name: str, code: str, bounds: tuple[float, ...], amount: float
    ) -> None:
        place = bisect_left(bounds, amount)
        bound = str(bounds[place]) if place < len(bounds) else "+Inf"
        self._rows[name, code, bound] += 1
        self._rows[f"{name}_sum", code] += amount  # type: ignore[assignment]

    def _label(self, code: str) -> str:
        """Return the code of a script; of one that is not there nothing.

        Clients could make any number of others.
        """
        return code if document_in(self._store, svcscript.NAME, code) else ""


def rows(store: Store) -> Rows:
    """Return all that runners have counted, by the name of the metric and its labels."""
    return _rows_of(document_in(store, svcrun.COUNTS, ID))


def buckets(rows: Rows, name: str, code: str) -> Iterator[tuple[str, float]]:
    """Return the buckets of a metric, each with the number up to its upper bound."""
    bounds = SECONDS if name == "seconds" else DELAYS
    total = 0.0
    for bound in (*map(str, bounds), "+Inf"):
        total += rows.get((name, code, bound), 0)
        yield bound, total


def _rows_of(document: Document | None) -> Rows:
    if document is None:
        return {}
    return {tuple(labels): number for *labels, number in document["rows"]}


def _document(more: Counter[tuple[str, ...]], old: Document | None) -> dict[str, Any]:
    known = _rows_of(old)
    for row, number in more.items():
        known[row] = known.get(row, 0) + number
    return {"id": ID, "rows": [[*row, number] for row, number in known.items()]}
