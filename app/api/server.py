"""The resources about the server itself: health, status, mode and metrics."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import falcon
from falcon import Response
from prometheus_client import CONTENT_TYPE_LATEST, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily

from app import __version__, modes
from app.access import READER, allows
from app.api import bodies, daily_counts, parameters
from app.api.access_log import AccessLog
from app.api.entity_tags import send
from app.api.memory import memory
from app.api.middleware import location
from app.api.request_context import Request
from app.api.routes import ADDRESSES
from app.api.run_metrics import of_runs
from app.datetimes import of_milliseconds, of_seconds
from app.errors import Unavailable
from app.runners import Runners
from app.storage import Figure, Store

NOT_KEPT = ("Cache-Control", "no-store")
"""The header of replies that are of one moment."""


class Health:
    """Answers whether the service can do its work.

    Senders without a role learn no more than that.
    """

    def __init__(self, store: Store, runners: Runners) -> None:
        self._store = store
        self._runners = runners

    def on_get(self, request: Request, response: Response) -> None:
        response.set_header(*NOT_KEPT)
        fault, details = None, {}
        try:
            # What cannot be read cannot be written either, and need not be tried twice.
            if is_reader := allows(request.context.role, READER):
                details = self._details()
            self._store.ping()
        except Unavailable as error:
            fault = error.message
            response.status = falcon.HTTP_503
        body: dict[str, Any] = {"status": "ok" if fault is None else "unavailable"}
        if is_reader:
            body["version"] = __version__
            if fault is not None:
                body |= {"error_code": 1503, "error_message": fault}
            if figures := self._store.figures():
                body[self._store.name] = {n: f.value for n, f in figures.items()}
            body |= details
        response.data = bodies.encode(body)

    def _details(self) -> dict[str, Any]:
        """Return the state of the tables and of the runners; raises Unavailable."""
        tables = {
            table: {
                "documents": status.documents,
                self._store.name: {n: f.value for n, f in status.figures.items()},
            }
            for table, status in self._store.status().items()
        }
        state = self._runners.state()
        looked = None if state.looked is None else of_milliseconds(state.looked)
        return {"tables": tables, "runner": {**asdict(state), "looked": looked}}


class Status:
    """Answers with the state of the server. Context-services contract, section 2."""

    def __init__(self, server_modes: modes.Modes, access_log: AccessLog) -> None:
        self._modes = server_modes
        self._access_log = access_log

    def on_get(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        response.set_header(*NOT_KEPT)
        counts = self._access_log.daily_counts()
        body: dict[str, Any] = {
            "version": __version__,
            "system_time": of_seconds(counts["now"]),
            "mode": self._modes.current(),
            "started": of_seconds(counts["started"]),
        }
        if counts["last_request"]:
            body["last_request"] = of_seconds(counts["last_request"])
        body |= {
            "request_today": int(counts["requests"]),
            "client_errors_today": int(counts["client_errors"]),
            "server_errors_today": int(counts["server_errors"]),
        }
        response.data = bodies.encode({**body, **memory()})


class Mode:
    """Puts the server into a mode."""

    def __init__(self, server_modes: modes.Modes) -> None:
        self._modes = server_modes

    def on_post(self, request: Request, response: Response) -> None:
        parameters.refuse_any_and_conditions(request)
        changed = self._modes.change(bodies.read(request))
        response.set_header("Location", location(request, ADDRESSES["get_status"]))
        response.data = bodies.encode({"server changed": changed})


class WhoAmI:
    """Answers with the sender's role and the name of its token, empty without one."""

    def on_get(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        response.set_header(*NOT_KEPT)
        sender = {"name": request.context.by, "role": request.context.role}
        response.data = bodies.encode(sender)


class Metrics:
    """Metrics of all workers, in the text form of Prometheus."""

    def __init__(self, store: Store, access_log: AccessLog, runners: Runners) -> None:
        self._store = store
        self._access_log = access_log
        self._runners = runners

    def on_get(self, request: Request, response: Response) -> None:
        response.set_header(*NOT_KEPT)
        response.content_type = CONTENT_TYPE_LATEST
        response.data = generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """Return all metrics; Prometheus' client calls it."""
        for metric in self._access_log.metrics():
            # The status is made of these; here, figures of one day would mislead.
            if metric.name != daily_counts.NAME:
                yield metric
        yield from _of_tables(self._store)
        yield from of_runs(self._runners)


class OpenApi:
    """Describes all addresses; the services API is under ``prefix`` too, if any."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def on_get(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        send(request, response, _described(self._prefix, request.root_path))


@lru_cache(maxsize=4)
def _described(prefix: str, root: str) -> bytes:
    # Most workers are never asked: they need not spend time on it when they start.
    from app.api import openapi

    return bodies.encode(openapi.document(prefix, root))


def _of_tables(store: Store) -> Iterable[Metric]:
    """Return the state of each table, which is alike in all workers."""
    families: dict[str, GaugeMetricFamily] = {}
    for table, status in store.status().items():
        documents = Figure(status.documents, "Documents in the table.")
        for name, figure in {"documents": documents, **status.figures}.items():
            if isinstance(figure.value, str):
                continue
            if name not in families:
                families[name] = GaugeMetricFamily(
                    f"svctasks_{name}", figure.meaning, labels=["table"]
                )
            families[name].add_metric([table], figure.value)
    return families.values()
