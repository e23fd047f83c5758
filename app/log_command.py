"""The command that says who changed what, as far as the store keeps it."""

from collections.abc import Iterator
from heapq import merge

import click

from app import datetimes
from app.command_options import existing_store, moment, where
from app.logs import visible
from app.settings import Settings
from app.tables import collections


@click.command()
@click.option("--table", metavar="NAME", help="Only changes of this table.")
@click.option("--key", help="Only changes of the document under this key.")
@click.option("--since", type=moment, metavar="TIME", help="Only changes from then on.")
@where
def log(
    table: str | None, key: str | None, since: str | None, settings: Settings
) -> None:
    """Print who put or removed what, the oldest change first.

    At least the last 10,000 changes of each table are known; those of svcruns, clocks and
    runners are printed only where --table names one. Of each are printed: its time, table,
    what was done, the key of the document, the name of the token, if there was one, and
    the id of the request, which the log of the server has too.

    Example: svctasks log --table svctasks --since 2026-01-31
    """
    known = collections(settings)
    names = [collection.name for collection in known]
    # What only machines write, many times a minute, is printed where it is asked for.
    usual = [collection.name for collection in known if collection.is_edited]
    if table is not None and table not in names:
        raise click.UsageError(
            f'--table must be one of {", ".join(names)}, not "{visible(table)}"'
        )
    with existing_store(settings) as store:

        def changes(name: str) -> Iterator[tuple[str, str]]:
            for past in store.history(name):
                if key is not None and str(past.key) != key:
                    continue
                time = datetimes.comparison_key(past.time) if past.time else ""
                if since is not None and time < datetimes.comparison_key(since):
                    continue
                done = "removed" if past.is_removal else "put"
                by, request = past.author
                cells = past.time or "before", name, done, visible(str(past.key))
                more = f"by {by}" if by else "", f"request {request}" if request else ""
                yield past.time, "  ".join(filter(None, (*cells, *more)))

        for _, line in merge(*map(changes, usual if table is None else [table])):
            click.echo(line)
