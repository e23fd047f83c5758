"""The composition root: settings, store, use cases, resources, application.

The only module that knows which back end there is.
"""

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

import falcon

from app import logs
from app.api.application import create_application
from app.api.observation import Observer
from app.api.simulation import Simulation
from app.query import Order
from app.query.values import DATE, ID, INTBOOL, INTEGER, TEXT
from app.schemas import svctask
from app.settings import Settings
from app.storage import Collection, Store
from app.storage.checking import findings
from app.storage.descriptors import Sync
from app.storage.tables import SEQUENCES, FileStore
from app.svctasks import Clock, Svctasks, new_id


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """The whole service: a WSGI application over a store, and who observes it."""

    store: FileStore
    observer: Observer
    application: falcon.App[Any, Any]

    def close(self) -> None:
        """Let go of everything; the journals are folded and the log is complete."""
        self.store.close()
        self.observer.close()


def open_service(
    settings: Settings,
    clock: Clock = _now,
    log: TextIO = sys.stderr,
    sync: Sync = os.fdatasync,
) -> Service:
    """Open the store and build the application; raises Invalid and Unavailable."""
    observer = Observer(logs.form(log), log.write)
    store = open_store(settings, observer.timed(sync))
    application = create_application(
        store,
        svctasks_over(store, settings, clock),
        settings.max_body,
        Simulation(settings.read_only, settings.delay_seconds, settings.fail_rate),
        observer,
    )
    return Service(store, observer, application)


def open_store(settings: Settings, sync: Sync = os.fdatasync) -> FileStore:
    """Open the tables in the data folder; raises Invalid and Unavailable."""
    flush = sync if settings.fsync == "always" else _leave_unflushed
    return FileStore(settings.data, collections(settings), flush)


def check(settings: Settings) -> list[str]:
    """Return what is wrong with the files in the data folder; nothing is changed."""
    return [
        finding
        for each in all_collections(settings)
        for finding in findings(settings.data, each)
    ]


def all_collections(settings: Settings) -> list[Collection]:
    """Return what a store has to know of each of its tables, its own among them."""
    return [*collections(settings), SEQUENCES]


def collections(settings: Settings) -> list[Collection]:
    """Return what a store has to know of each table."""
    return [svctasks_collection(settings.node)]


def svctasks_over(store: Store, settings: Settings, clock: Clock = _now) -> Svctasks:
    """Return the use cases of service tasks over ``store``."""
    return Svctasks(store, clock, settings.node)


def svctasks_collection(node: str) -> Collection:
    """Return what a store has to know of service tasks."""

    def complete(raw: Any, number: int, moment: str) -> dict[str, Any]:
        # An id that a fixture leaves out stays the same however often it is edited.
        default_id = new_id(f"{number % 2**32:08x}", _EPOCH, node)
        return svctask.loaded(raw, default_id, moment)

    fields = svctask.FIELDS
    return Collection(
        name=svctask.NAME,
        key="id",
        order=(Order(fields.order("ext.ct")), Order(fields.order("id"))),
        indexed=tuple(field for field in fields.listed if field.kind in _INDEXED),
        complete=complete,
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INDEXED = (TEXT, ID, INTEGER, INTBOOL, DATE)


def _leave_unflushed(descriptor: int) -> None:
    """Flush nothing: the operating system writes when it sees fit."""
