"""The composition root: settings, store, use cases, resources, application.

The only module that knows which back end there is.
"""

import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import falcon

from app import hosts, logs
from app.api.access_log import AccessLog
from app.api.application import UseCases, create_application
from app.business_attributes import BusinessAttributes
from app.datetimes import Clock, now
from app.errors import Invalid, Unavailable
from app.extensions import Extensions
from app.hours import zone
from app.log_stream import LogStream
from app.modes import Modes
from app.pacing import Pacing
from app.run_checks import Checked, checked
from app.runner import sites
from app.runner.sites import IsOurs
from app.runners import Runners
from app.runs import Runs
from app.services import Services
from app.settings import Settings
from app.starts import Starts
from app.storage import Collection, Limits, Store
from app.storage.files.descriptors import Sync
from app.storage.files.fsck import exposures, findings
from app.storage.files.store import FileStore
from app.svcscripts import Svcscripts
from app.svctasks import Svctasks
from app.tables import collections
from app.tokens import Tokens
from app.workhours import WorkhoursTable

if TYPE_CHECKING:
    from app.storage.postgresql.store import PostgresStore

log = logging.getLogger(__name__)


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
    # Long queries have half of the threads: a quarter runs, and a quarter waits.
    most = max(1, settings.threads // 4)
    pacing = Pacing(settings.query_timeout, most, settings.max_scan)
    application = create_application(
        store, does, tokens, access_log, pacing, settings, seconds
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
            clock,
            Svcscripts(store),
            outputs(settings, store),
            settings.site,
        ),
        svcscripts=Svcscripts(store),
        runners=Runners(store, clock),
        business_attributes=attributes,
        modes=Modes(store),
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
    known, is_ours = at_site(store, settings)
    return Starts(store, clock, known, settings.site, is_ours)


def at_site(store: Store, settings: Settings) -> tuple[WorkhoursTable, IsOurs]:
    """Return the working hours at the site of the service, and what knows its tasks."""
    known = WorkhoursTable(store, settings.site, zone(settings.timezone))
    names = hosts.listed(settings.sites)
    return known, sites.at(settings.site, names, is_shared=bool(settings.database))


def open_store(
    settings: Settings,
    sync: Sync = os.fdatasync,
    may_be_stale: bool = False,
    tables: Sequence[Collection] = (),
) -> Store:
    """Open the tables in the data folder or the database; raises Invalid, Unavailable.

    Where it ``may_be_stale``, tasks and services are read from a replica, if there is one.
    Of the files only those of ``tables`` are opened, if any are given.
    """
    if settings.database:
        database = open_database(settings, may_be_stale)
        database.check()
        return database
    # Else the operating system writes when it sees fit.
    flush = sync if settings.fsync == "always" else lambda descriptor: None
    known = tables or collections(settings)
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


def check(settings: Settings) -> list[str]:
    """Return what is wrong with the files in the data folder; nothing is changed."""
    if settings.database:
        with closing(open_database(settings)) as database:
            database.check()
            return list(database.findings())
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
