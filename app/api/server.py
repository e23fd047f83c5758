"""The resources about the server itself: its health, and figures for Prometheus."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import falcon
from falcon import Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Metric,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app import __version__
from app.api import bodies
from app.api.observation import Observer
from app.errors import Unavailable
from app.storage import Store


class Health:
    """Tells whether the service can do its work."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, request: Request, response: Response) -> None:
        body: dict[str, Any] = {"status": "ok", "version": __version__}
        try:
            self._store.ping()
        except Unavailable as error:
            body |= {"status": "unavailable", "error_code": 1503}
            body["error_message"] = error.message
            response.status = falcon.HTTP_503
        body["tables"] = {
            name: asdict(status) for name, status in self._store.status().items()
        }
        response.data = bodies.encode(body)

    on_head = on_get


class Metrics:
    """Figures of all workers, in the text form of Prometheus."""

    def __init__(self, store: Store, observer: Observer) -> None:
        self._tables = _Tables(store)
        self._observer = observer

    def on_get(self, request: Request, response: Response) -> None:
        self._observer.read()
        figures = self._observer.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            figures = CollectorRegistry()
            MultiProcessCollector(figures)  # type: ignore[no-untyped-call]
        tables = CollectorRegistry()
        tables.register(self._tables)
        response.content_type = CONTENT_TYPE_LATEST
        response.data = generate_latest(figures) + generate_latest(tables)

    on_head = on_get


class _Tables(Collector):
    """The state of each table, which is alike in all workers."""

    FIGURES = {
        "documents": "Documents in the table.",
        "journal_bytes": "Size of the journal.",
        "unfolded_entries": "Writes that the data file lacks.",
        "last_fold_timestamp_seconds": "When the data file was last brought up to date.",
        "edit_broken": "1 while an edit of the data file by hand cannot be served.",
    }

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        status = self._store.status()
        for name, meaning in self.FIGURES.items():
            family = GaugeMetricFamily(f"svctasks_{name}", meaning, labels=["table"])
            for table, figures in status.items():
                family.add_metric([table], float(getattr(figures, name)))
            yield family
