"""The composition root: settings, store, use cases, resources, application.

The only module that knows which back end there is.
"""

import os
from datetime import UTC, datetime
from typing import Any

import falcon

from app.api.application import create_application
from app.query import Order
from app.query.values import DATE, ID, INTBOOL, INTEGER, TEXT
from app.schemas import svctask
from app.settings import Settings
from app.storage import Collection, Store
from app.storage.tables import FileStore
from app.svctasks import Clock, Svctasks, new_id


def _now() -> datetime:
    return datetime.now(UTC)


def open_store(settings: Settings) -> FileStore:
    """Open the tables in the data folder; raises Invalid and Unavailable."""
    sync = os.fdatasync if settings.fsync == "always" else _leave_unflushed
    return FileStore(settings.data, [svctasks_collection(settings.node)], sync)


def create_app(
    store: Store, settings: Settings, clock: Clock = _now
) -> falcon.App[Any, Any]:
    """Return the WSGI application over ``store``."""
    tasks = svctasks_over(store, settings, clock)
    return create_application(tasks, settings.max_body)


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
