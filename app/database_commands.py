"""The commands about the store itself: make its tables, copy it to another one."""

import sys
from contextlib import closing
from functools import partial
from typing import Any

import click

from app.command_options import existing_store, of_setting
from app.errors import Invalid
from app.settings import Settings
from app.tables import lasting_collections


@click.command()
@of_setting("store", metavar="STORE")
def migrate(store: str | None) -> None:
    """Make the tables in a database, or upgrade them to this version.

    It is done as a whole or not at all, and nothing is done where all is as it should be.
    Stop all instances before, and make a backup by pg_dump.

    Example: svctasks migrate --store postgresql://svctasks@db.example/svctasks
    """
    from app import bootstrap

    settings = Settings.from_environment(store=store)
    if not settings.database:
        raise Invalid(
            "files need no migration: name a database by --store (SVCTASKS_STORE)"
        )
    with closing(bootstrap.open_database(settings)) as database:
        was_needed = database.migrate()
    click.echo("the tables are made" if was_needed else "nothing is to be done")


@click.command()
@click.option("--from", "source", required=True, metavar="STORE", help="Copy this one.")
@click.option(
    "--to", "target", required=True, metavar="STORE", help="Copy to that one."
)
def copy(source: str, target: str) -> None:
    """Copy all tables from one store to another: file:DIR or postgresql://….

    Ids, revisions, order and times stay, and so do the entity tags that clients have. A
    copy that was interrupted goes on where it was. At the end both are compared, by the
    number of documents and a digest of each table. Nothing may write meanwhile. What runs
    have printed on this machine goes along; that of a database is in SVCTASKS_DATA.

    Example: svctasks copy --from file:data --to postgresql://svctasks@db.example/svctasks
    """
    from app import bootstrap, copying
    from app.execution import run_outputs

    settings = Settings.from_environment(store=source)
    wanted = Settings.from_environment(store=target)
    hidden = not sys.stderr.isatty()
    bar: Any = partial(click.progressbar, file=sys.stderr, hidden=hidden)
    with (
        existing_store(settings) as old,
        closing(bootstrap.open_store(wanted)) as new,
    ):
        for table in lasting_collections(settings):
            count = copying.copy_table(old, new, table.name, bar)
            click.echo(f"{table.name}: {count} documents")
        folder = bootstrap.outputs(wanted, new)
        if count := run_outputs.copy_all(bootstrap.outputs(settings, old), folder):
            click.echo(f"outputs of runs: {count} files in {folder}")
    click.echo("all is copied, and the same")
