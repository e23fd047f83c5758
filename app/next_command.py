"""The command that says when tasks start next, and why a task does not."""

import click

from app.command_faults import about_task
from app.command_options import existing_store, moment, where
from app.logs import visible
from app.settings import Settings


@click.command("next")
@click.argument("id", required=False)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=10,
    metavar="N",
    help="How many starts to print at most. [default: 10]",
)
@click.option(
    "--from",
    "begin",
    type=moment,
    metavar="TIME",
    help="Only starts then or later. [default: now]",
)
@click.option("--until", type=moment, metavar="TIME", help="Only starts up to then.")
@where
def next_(
    id: str | None,
    count: int,
    begin: str | None,
    until: str | None,
    settings: Settings,
) -> None:
    """Print when a task starts next, and why not; without ID, all tasks of a day.

    Of each start are printed: the moment, the local time in the zone of the schedules and,
    without ID, the id and the name of the task.

    Example: svctasks next 380daae6-016c-cdd4-606e-50e54938780c --count 3
    """
    from app import bootstrap
    from app.starts import Wanted

    wanted = Wanted(begin, until, count)
    with existing_store(settings) as store:
        starts = bootstrap.starts(store, settings)
        with about_task(id):
            found = starts.of_task(id, wanted) if id else starts.agenda(wanted)
    click.echo(f"zone {found['zone']}, hours: {visible(found['hours'])}")
    for start in found["starts"]:
        cells = [start["start"], start["local"]]
        if id is None:
            cells += [start["svctask"], visible(start["name"])]
            cells += [visible(start["why"])] if "why" in start else []
        click.echo("  ".join(cells))
    if why := found.get("why"):
        click.echo(visible(why))
    if found.get("is_more"):
        click.echo(f"and more; these are {count}")
