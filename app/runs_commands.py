"""The commands for runs: print the last ones, and run a task here and now."""

import sys

import click

from app.command_faults import about_task
from app.command_options import existing_store, where
from app.logs import visible
from app.schemas.svcrun import STATES, WANTED
from app.settings import Settings
from app.storage import Document


@click.command()
@click.argument("id", required=False)
@click.option(
    "--state",
    type=click.Choice([WANTED, *STATES]),
    multiple=True,
    help="Only runs in this state; may be given again for others.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=20,
    metavar="N",
    help="How many runs to print at most. [default: 20]",
)
@where
def runs(
    id: str | None, state: tuple[str, ...], count: int, settings: Settings
) -> None:
    """Print the last runs, active and ended, the newest first; with ID, those of a task.

    Of each are printed: when it was started, or its slot if it never was, its state, id
    and script, the name of its task, and why it ended so, or its last line.

    Example: svctasks runs --state failed --state timedout
    """
    from app import bootstrap
    from app.query import Comparison, Query
    from app.schemas.svcrun import FIELDS

    wanted = Comparison(FIELDS.one("state"), "$in", frozenset(state)) if state else None
    query = Query(where=wanted, limit=count)
    with existing_store(settings) as store:
        use_cases = bootstrap.use_cases(store, settings).runs
        with about_task(id):
            page = use_cases.page_of(id, query) if id else use_cases.page(query)
    for run in page.runs:
        cells = [run.get("started", run["slot"]), f"{run['state']:9}", run["id"]]
        cells += [
            run["code"],
            run["name"],
            run.get("reason") or run.get("lastline", ""),
        ]
        click.echo("  ".join(visible(cell) for cell in cells).rstrip())
    if page.total > len(page.runs):
        click.echo(f"and {page.total - len(page.runs):,} more")


@click.command()
@click.argument("id")
@where
def run(id: str, settings: Settings) -> None:
    """Run a task here and now: its output and its exit code are those of the script.

    Also a task that is disabled, and out of hours. No server and no runner is needed; one
    that is there sees the run as any other. With overlap 0 it is refused while a run of
    the task is active. Ctrl-C stops the run; a second one kills it.

    Example: svctasks run 380daae6-016c-cdd4-606e-50e54938780c
    """
    from app.manual_run import ManualRun

    with existing_store(settings) as store:
        record = ManualRun(settings, store, sys.stdout.buffer).run(id)
    if reason := record.get("reason"):
        said = f"run {record['id']} {record['state']}: {reason}"
        click.echo(f"svctasks: {visible(said)}", err=True)
    sys.exit(exit_code(record))


def exit_code(record: Document) -> int:
    """Return the exit code that says how a run has ended, as a shell does."""
    if record["state"] == "succeeded":
        return 0
    if "signal" in record:
        return 128 + int(record["signal"])
    return int(record.get("exitcode", 0)) or 1
