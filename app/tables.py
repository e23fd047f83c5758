"""The tables of the service: what a store has to know of each of them."""

from collections.abc import Callable
from typing import Any

from app import lifecycle, modes
from app.datetimes import EPOCH
from app.query import Field, Order
from app.query.values import DATE, ID, INTBOOL, INTEGER, TEXT
from app.schemas import (
    business_attribute,
    extension,
    service,
    stored_service,
    svcrun,
    svcscript,
    svctask,
    token,
    workhours,
)
from app.settings import Settings
from app.storage import Collection
from app.svctasks import new_id

Complete = Callable[[Any, int, str], dict[str, Any]]

_INDEXED = (TEXT, ID, INTEGER, INTBOOL, DATE)


def svctasks_collection(node: str) -> Collection:
    """Return the collection of service tasks."""

    def complete(raw: Any, number: int, moment: str) -> dict[str, Any]:
        # An id that a fixture leaves out stays the same however often it is edited.
        default_id = new_id(f"{number % 2**32:08x}", EPOCH, node)
        return svctask.loaded(raw, default_id, moment)

    fields = svctask.FIELDS
    return Collection(
        name=svctask.NAME,
        key="id",
        order=(),
        indexed=tuple(field for field in fields.listed if field.type in _INDEXED),
        complete=complete,
        open=("opts", "ext"),
        may_be_stale=True,
    )


SERVICES = Collection(
    name=service.NAME,
    key="service_id",
    order=(
        Order(service.FIELDS.order("started.timestamp")),
        Order(service.FIELDS.order("service_id")),
    ),
    indexed=(
        service.FIELDS.one("customer_id"),
        service.FIELDS.one("contact_key"),
        service.COMPLETED,
    ),
    complete=stored_service.loaded,
    ids=lifecycle.ids,
    may_be_stale=True,
    # Not its states, tasks and extension values, which are nearly all of it.
    searched=frozenset(
        {
            "service_id",
            "service_type",
            "customer_id",
            "contact_key",
            "started",
            "completed",
        }
    ),
)


def _by_key(name: str, key: str, complete: Complete, **further: Any) -> Collection:
    """Return the collection of a table in the order of its keys."""
    return Collection(name, key, (Order(Field((key,), TEXT)),), (), complete, **further)


EXTENSIONS = _by_key(extension.NAME, "id", extension.loaded, is_leased=True)

ATTRIBUTES = _by_key(
    business_attribute.NAME, "name", business_attribute.loaded, is_leased=True
)

WORKHOURS = _by_key(workhours.NAME, "name", workhours.loaded)

MODES = _by_key(modes.TABLE, "name", modes.loaded, is_leased=True)

TOKENS = _by_key(token.NAME, "name", token.loaded, is_leased=True, is_private=True)

SVCSCRIPTS = _by_key(svcscript.NAME, "code", svcscript.loaded, is_private=True)

SVCRUNS = Collection(
    name=svcrun.NAME,
    key="id",
    order=(),
    indexed=tuple(svcrun.FIELDS.one(name) for name in ("svctask", "code", "state")),
    complete=svcrun.loaded,
    is_edited=False,
)

CLOCKS = Collection(
    name=svcrun.CLOCKS,
    key="id",
    order=(),
    indexed=(svcrun.IS_BUSY,),
    complete=svcrun.loaded_clock,
    is_edited=False,
    # Of a script no more runs are claimed at once than it may have.
    is_serial=True,
)

RUNNERS = Collection(
    svcrun.RUNNERS, "id", (), (), svcrun.loaded_runner, is_edited=False
)

COUNTS = Collection(svcrun.COUNTS, "id", (), (), svcrun.loaded_counts, is_edited=False)


def collections(settings: Settings) -> list[Collection]:
    """Return the collections, which describe each table to a store."""
    return [
        svctasks_collection(settings.node),
        EXTENSIONS,
        SERVICES,
        ATTRIBUTES,
        WORKHOURS,
        MODES,
        TOKENS,
        SVCSCRIPTS,
        SVCRUNS,
        CLOCKS,
        RUNNERS,
        COUNTS,
    ]


def lasting_collections(settings: Settings) -> list[Collection]:
    """Return the collections that a copy has: runners are of the moment."""
    return [table for table in collections(settings) if table != RUNNERS]


def kept_collections(settings: Settings) -> list[Collection]:
    """Return the collections that a backup may have.

    What runners are about belongs to the moment, and to the machines that they are on.
    """
    others = (CLOCKS, RUNNERS, COUNTS)
    return [table for table in collections(settings) if table not in others]
