"""The composition root: settings, store, use cases, resources, application.

The only module that knows which back end there is.
"""

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import falcon

from app import hosts, lifecycle, logs, modes
from app.api.access_log import AccessLog
from app.api.application import UseCases, create_application
from app.api.authentication import Access
from app.api.browsers import Browsers
from app.api.failed_attempts import FailedAttempts
from app.api.proxies import Proxies
from app.api.request_limits import RequestLimits
from app.api.simulation import Simulation
from app.business_attributes import BusinessAttributes
from app.datetimes import EPOCH, Clock, now
from app.errors import Invalid, Unavailable
from app.extensions import Extensions
from app.hosts import Hosts
from app.hours import zone
from app.log_stream import LogStream
from app.pacing import Pacing
from app.query import Field, Order
from app.query.values import DATE, ID, INTBOOL, INTEGER, TEXT
from app.run_checks import Checked, checked
from app.runner import sites
from app.runner.svcruns import Svcruns
from app.runners import Runners
from app.runs import Runs
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
from app.services import Services
from app.settings import Settings
from app.starts import Starts
from app.storage import Collection, Limits, Store
from app.storage.files.descriptors import Sync
from app.storage.files.fsck import exposures, findings
from app.storage.files.store import FileStore
from app.svcscripts import Svcscripts
from app.svctasks import Svctasks, new_id
from app.tokens import Tokens
from app.workhours import WorkhoursTable

if TYPE_CHECKING:
    from app.storage.postgresql.store import PostgresStore

log = logging.getLogger(__name__)

Complete = Callable[[Any, int, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Service:
    """The whole service: a WSGI application over a store, and its access log."""

    store: Store
    access_log: AccessLog
    application: falcon.App[Any, Any]
    log: TextIO | LogStream
    tokens: Tokens

    def close(self) -> None:
        """Close everything; all checkpoints are written and the log is complete."""
        self.tokens.close()
        self.store.close()
        self.access_log.close()
        self.log.flush()


def open_service(
    settings: Settings,
    clock: Clock | None = None,
    log: TextIO | LogStream | None = None,
    sync: Sync = os.fdatasync,
    store: Store | None = None,
) -> Service:
    """Build the application over ``store``, or over the data files.

    Raises Invalid and Unavailable.
    """
    if log is None:
        log = LogStream(sys.stderr)
    seconds = time.time if clock is None else lambda: clock().timestamp()
    access_log = AccessLog(logs.form(log), log.write, seconds)
    if store is None:
        store = open_store(settings, access_log.timed(sync), may_be_stale=True)
        if isinstance(store, FileStore) and not settings.read_only:
            store.check_mounts()
    access_log.watch(store.figures)
    does = use_cases(store, settings, clock or now)
    if not settings.read_only:
        _finish_deletions(does.services.extensions)
    tokens = Tokens(store, seconds, is_use_noted=not settings.read_only)
    _check_any_origin(settings, tokens)
    application = create_application(
        store,
        does,
        Access(
            tokens,
            FailedAttempts(seconds),
            is_open=settings.is_local,
            is_read_only=settings.read_only,
        ),
        Browsers(
            Hosts(settings.bound, hosts.listed(settings.hosts)),
            hosts.listed(settings.cors_origins),
            tokens.has_tokens,
        ),
        RequestLimits.of(settings),
        settings.services_prefix,
        Simulation(settings.delay_seconds, settings.fail_rate),
        Proxies(settings.trusted_networks),
        access_log,
        # Long queries have half of the threads: a quarter runs, and a quarter waits.
        Pacing(
            settings.query_timeout, max(1, settings.threads // 4), settings.max_scan
        ),
    )
    return Service(store, access_log, application, log, tokens)


def _check_any_origin(settings: Settings, tokens: Tokens) -> None:
    """Raise Invalid if any origin is permitted to a service that is not open to all."""
    if hosts.ANY not in hosts.listed(settings.cors_origins):
        return
    has_tokens = tokens.has_tokens()
    if has_tokens or not settings.is_local:
        why = "there are tokens" if has_tokens else "others can come in"
        raise Invalid(
            f"the origin {hosts.ANY} is allowed only without tokens on loopback, but "
            f"{why}; name the origins by --cors-origin (SVCTASKS_CORS_ORIGINS)"
        )


def _finish_deletions(extensions: Extensions) -> None:
    try:
        extensions.finish()
    except Unavailable as error:
        # No reply shows these values meanwhile.
        log.warning("deleted extensions keep their values: %s", error.message)


def use_cases(store: Store, settings: Settings, clock: Clock = now) -> UseCases:
    """Return the use cases over the tables in ``store``."""
    attributes = BusinessAttributes(store, settings.map_names)
    return UseCases(
        svctasks=Svctasks(store, clock, settings.node),
        services=Services(store, clock, Extensions(store), attributes),
        starts=starts(store, settings, clock),
        runs=Runs(
            store,
            Svcruns(store, clock),
            Svcscripts(store),
            outputs(settings, store),
            settings.site,
        ),
        svcscripts=Svcscripts(store),
        runners=Runners(store, clock),
        business_attributes=attributes,
        modes=modes.Modes(store),
    )


def outputs(settings: Settings, store: Store) -> Path:
    """Return the folder of what the runs in ``store`` print.

    Several databases may have theirs in one data folder, and each removes its own.
    """
    if not settings.database:
        return settings.outputs
    from app.storage.postgresql.store import PostgresStore

    assert isinstance(store, PostgresStore)
    return settings.outputs / store.identity()


def starts(store: Store, settings: Settings, clock: Clock = now) -> Starts:
    """Return the use cases of the starts of tasks."""
    known = WorkhoursTable(store, settings.site, zone(settings.timezone))
    names = hosts.listed(settings.sites)
    is_ours = sites.at(settings.site, names, is_shared=bool(settings.database))
    return Starts(store, clock, known, settings.site, is_ours)


def open_store(
    settings: Settings, sync: Sync = os.fdatasync, may_be_stale: bool = False
) -> Store:
    """Open the tables in the data folder or the database; raises Invalid, Unavailable.

    Where it ``may_be_stale``, tasks and services are read from a replica, if there is one.
    """
    if settings.database:
        database = open_database(settings, may_be_stale)
        database.check()
        return database
    flush = sync if settings.fsync == "always" else _leave_unflushed
    known = collections(settings)
    return FileStore(settings.data, known, flush, limits(settings))


def limits(settings: Settings) -> Limits:
    """Return how large documents and tables may grow."""
    return Limits(settings.max_document, settings.max_documents, settings.max_table)


def open_database(settings: Settings, may_be_stale: bool = False) -> "PostgresStore":
    """Return the store in the database, whatever tables are there; raises Unavailable."""
    try:
        # It is an extra, and takes time to import.
        from app.storage.postgresql.store import PostgresStore
    except ImportError:
        raise Unavailable(
            "psycopg is not installed; it comes with pip install 'svctasks[postgresql]'"
        ) from None
    replica = None
    if may_be_stale and settings.store_read:
        replica = settings.store_read, settings.store_read_lag
    return PostgresStore(
        settings.database,
        collections(settings),
        limits(settings),
        # A thread that reads a table to its end may need a second one.
        settings.threads + 2,
        settings.query_timeout,
        replica=replica,
    )


def open_tokens(settings: Settings) -> Store:
    """Open the table of tokens alone, which a command needs; raises as ``open_store``."""
    if settings.database:
        return open_store(settings)
    flush = os.fdatasync if settings.fsync == "always" else _leave_unflushed
    return FileStore(settings.data, [TOKENS], flush, Limits(settings.max_document))


def check(settings: Settings) -> list[str]:
    """Return what is wrong with the files in the data folder; nothing is changed."""
    if settings.database:
        database = open_database(settings)
        try:
            database.check()
            return list(database.findings())
        finally:
            database.close()
    return [
        finding
        for collection in collections(settings)
        for finding in findings(settings.data, collection)
    ]


def check_modes(settings: Settings) -> list[str]:
    """Return which files in the data folder others may read that must not."""
    return [
        finding
        for collection in collections(settings)
        for finding in exposures(settings.data, collection)
    ]


def check_runs(store: Store, settings: Settings) -> Checked:
    """Return what is wrong, and odd, in what runners go by."""
    sites = [settings.site, *hosts.listed(settings.sites)]
    place = "table {}" if settings.database else "{}.json"
    return checked(store, starts(store, settings), sites, place)


def collections(settings: Settings) -> list[Collection]:
    """Return the collections, which describe each table to a store."""
    return [
        svctasks_collection(settings.node),
        EXTENSIONS,
        SERVICES,
        leased_collection(business_attribute.NAME, business_attribute.loaded),
        named_collection(workhours.NAME, workhours.loaded),
        leased_collection(modes.TABLE, modes.loaded),
        TOKENS,
        SVCSCRIPTS,
        SVCRUNS,
        CLOCKS,
        RUNNERS,
        COUNTS,
    ]


def lasting_collections(settings: Settings) -> list[Collection]:
    """Return the collections that a copy has: runners are of the moment."""
    return [each for each in collections(settings) if each != RUNNERS]


def kept_collections(settings: Settings) -> list[Collection]:
    """Return the collections that a backup may have.

    What runners are about belongs to the moment, and to the machines that they are on.
    """
    others = (CLOCKS, RUNNERS, COUNTS)
    return [each for each in collections(settings) if each not in others]


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

EXTENSIONS = Collection(
    name=extension.NAME,
    key="id",
    order=(Order(Field(("id",), TEXT)),),
    indexed=(),
    complete=extension.loaded,
    is_leased=True,
)


SVCSCRIPTS = Collection(
    name=svcscript.NAME,
    key="code",
    order=(Order(Field(("code",), TEXT)),),
    indexed=(),
    complete=svcscript.loaded,
    is_private=True,
)


def named_collection(name: str, complete: Complete) -> Collection:
    """Return the collection of a table whose key is ``name``."""
    order = (Order(Field(("name",), TEXT)),)
    return Collection(name, "name", order, (), complete)


def leased_collection(name: str, complete: Complete) -> Collection:
    """Return the collection of a table by ``name`` that each request goes by."""
    return replace(named_collection(name, complete), is_leased=True)


TOKENS = replace(leased_collection(token.NAME, token.loaded), is_private=True)

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

_INDEXED = (TEXT, ID, INTEGER, INTBOOL, DATE)


def _leave_unflushed(descriptor: int) -> None:
    """Flush nothing: the operating system writes when it sees fit."""
