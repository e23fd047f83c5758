"""The command that checks the files of a data folder, and what runners go by."""

import sys

import click

from app.command_options import existing_store, require_folder, where
from app.logs import visible
from app.settings import Settings

GONE_BY = ("svcscripts.json", "workhours.json")
"""The files for which there is more to check than their form."""


@click.command()
@click.option("--repair", is_flag=True, help="Mend journals, and say what was done.")
@where
def check(repair: bool, settings: Settings) -> None:
    """Check every data file and journal; exit with 1 if anything is wrong.

    Names file, document and field. --repair sets damaged lines of a journal aside in a
    file beside it and writes a checkpoint of the rest; a broken data file is for you to
    mend. Of a database, the version of its tables and their counts are checked. Where
    there are scripts, it is wrong too if their programs are not there, or those that
    enabled tasks start; a note says which of these tasks will never start.

    Example: svctasks check --data /var/lib/svctasks
    """
    from app import bootstrap, logs

    require_folder(settings)
    notes: list[str] = []
    found = bootstrap.check(settings)
    if repair and found:
        logs.configure(sys.stderr)
        with existing_store(settings):
            pass
        found = bootstrap.check(settings)
    has_more = any((settings.data / name).exists() for name in GONE_BY)
    if not found and (settings.database or has_more):
        with existing_store(settings) as store:
            found, notes = bootstrap.check_runs(store, settings)
    found += bootstrap.check_modes(settings)
    for finding in found:
        click.echo(visible(finding))
    for note in notes:
        click.echo(visible(f"note: {note}"), err=True)
    if found:
        sys.exit(1)
    click.echo("all is well")
