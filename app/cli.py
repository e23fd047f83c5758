"""The command line: one function a command."""

import os
import signal
import sys
from contextlib import closing, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from app import __version__, figures, outputs
from app.check_command import check
from app.command_faults import Commands
from app.command_options import existing_store, of_setting, path, where
from app.database_commands import copy, migrate
from app.demo import folder as demo_folder
from app.errors import Conflict, Invalid, Unavailable
from app.log_command import log
from app.logs import visible
from app.next_command import next_
from app.outputs import STANDARD
from app.runner_command import runner
from app.runs_commands import run, runs
from app.settings import SETTINGS, Settings
from app.streams import read_input
from app.tables import SVCSCRIPTS, TOKENS, collections, kept_collections
from app.token_commands import token
from app.variables import misspelt

PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal that this process gets when its parent ends."""

# The composition root is imported by each command for itself: prometheus-client decides,
# when it is first imported, whether it counts for one process or for several.

COLLECTIONS = click.Choice(
    ["svctasks", "extensions", "services", "business_attributes", "workhours"]
)


@click.group(
    cls=Commands,
    context_settings={"max_content_width": 88, "help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="svctasks")
@click.pass_context
def main(context: click.Context) -> None:
    """Service tasks and services in plain JSON files, served over HTTP.

    Each command has a help text of its own: svctasks COMMAND --help.

    Example: svctasks serve --demo
    """
    _end_with_outer_process()
    for variable, meant in misspelt(SETTINGS):
        said = f"{visible(variable)} is not a setting (did you mean {meant}?)"
        click.echo(f"svctasks: {said}; it is ignored", err=True)
    from app.storage import Author, author

    author.set(Author(f"command {context.invoked_subcommand}"))


@main.command()
@of_setting("data", type=path, metavar="DIR")
@of_setting("store", metavar="STORE")
@click.option(
    "--demo",
    is_flag=True,
    help="Serve the samples, in a fresh folder that is removed at the end.",
)
@of_setting("store_read", metavar="STORE")
@of_setting("bind", metavar="HOST:PORT")
@of_setting("port", type=int, metavar="N")
@of_setting("tls_cert", metavar="FILE")
@of_setting("tls_key", metavar="FILE")
@of_setting("behind_proxy", is_flag=True, default=None)
@of_setting("trusted_proxies", metavar="ADDRESS")
@of_setting("insecure", is_flag=True, default=None)
@of_setting("hosts", metavar="NAME")
@of_setting("cors_origins", metavar="ORIGIN")
@of_setting("server", metavar="NAME")
@of_setting("workers", type=int, metavar="N")
@of_setting("threads", type=int, metavar="N")
@of_setting("runner", is_flag=True, default=None)
@of_setting("read_only", is_flag=True, default=None)
@of_setting("delay", metavar="TIME")
@of_setting("fail_rate", type=float, metavar="PART")
def serve(demo: bool, data: Path | None, **given: Any) -> None:
    """Serve the API over HTTP until SIGTERM or Ctrl-C.

    Example: svctasks serve --data /var/lib/svctasks --bind 127.0.0.1:8000
    """
    if demo and (data or given["store"]):
        raise click.UsageError(
            "--demo makes a folder of its own: leave out --data and --store"
        )
    with demo_folder() if demo else nullcontext(data) as folder:
        settings = Settings.from_environment(data=folder, **given)
        if demo and not settings.is_local:
            raise Invalid(
                "--demo is for programs of this machine: leave out --bind and "
                "--behind-proxy, or serve a folder of your own by --data"
            )
        if settings.server == "granian" and find_spec("granian") is None:
            lack = "not installed; it comes with pip install 'svctasks[granian]'"
            if getattr(sys, "frozen", False):
                lack = "not in the executable: leave out the server"
            raise Unavailable(f"Granian is {lack}")
        figures.make(settings.data)
        from app import launch

        launch.serve(settings)


@main.command("import")
@click.argument("collection", type=COLLECTIONS)
@click.argument(
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
)
@click.option("--replace", is_flag=True, help="Replace those whose ids exist already.")
@click.option(
    "--skip-invalid", is_flag=True, help="Import the valid ones; name others."
)
@where
def import_(
    collection: str, file: Path, replace: bool, skip_invalid: bool, settings: Settings
) -> None:
    """Add what FILE has for a table, all or none; ids and times are kept.

    FILE, or the standard input if that is -, holds what the API returns, an array or one
    object, or TinyDB JSON. A service is complete with all its states, tasks and extension
    values; these must fit the extension schemas there are, and may come before their
    schema.

    Example: svctasks import svctasks tasks.json
    """
    from app import bootstrap, import_export

    def skip(place: str, reason: str) -> None:
        click.echo(f"skipped {place}: {visible(reason)}", err=True)

    if str(file) == "-":
        content, name = read_input(), "the standard input"
    else:
        content, name = file.read_bytes(), file.name
    given = import_export.entities(content, collection, name)
    with closing(bootstrap.open_store(settings)) as store:
        does = bootstrap.use_cases(store, settings)
        [known] = [of for of in collections(settings) if of.name == collection]
        complete = {
            "svctasks": does.svctasks.complete_document,
            "services": does.services.complete_document,
        }.get(collection, lambda raw: known.complete(raw, 0, ""))
        is_hidden = not sys.stderr.isatty()
        with click.progressbar(
            given, len(given), "checking", file=sys.stderr, hidden=is_hidden
        ) as shown:
            count = import_export.load(
                store,
                collection,
                known.key,
                shown,
                complete,
                replace,
                skip if skip_invalid else None,
            )
    click.echo(f"{count} imported")


@main.command()
@click.argument("collection", type=COLLECTIONS)
@click.argument("file", type=path, default=STANDARD)
@where
def export(collection: str, file: Path, settings: Settings) -> None:
    """Write a table to FILE, or to the standard output.

    It is an array of complete ones, which import takes. A FILE that exists is replaced.

    Example: svctasks export svctasks tasks.json
    """
    from app import import_export

    with existing_store(settings) as store:
        _spare_data_files(file, settings)
        documents = import_export.stored(store, collection)
        with outputs.written(file) as opened:
            count = import_export.write_array(documents, opened)
    _say_of(file, f"{count} exported")


main.add_command(check)


@main.command()
@click.argument("file", type=path)
@click.option("--replace", is_flag=True, help="Replace FILE if it exists already.")
@click.option(
    "--with-tokens", is_flag=True, help="Back up the digests of the tokens too."
)
@click.option(
    "--with-scripts", is_flag=True, help="Back up the scripts too, with their secrets."
)
@where
def backup(
    file: Path, replace: bool, with_tokens: bool, with_scripts: bool, settings: Settings
) -> None:
    """Write all data to a new FILE, a .tar.gz; the server may go on meanwhile.

    FILE is - for the standard output. Tokens and scripts are left out, unless
    --with-tokens and --with-scripts are given.

    Example: svctasks backup svctasks-2026-11-22.tar.gz
    """
    from app import import_export

    if outputs.is_standard(file) and os.isatty(1):
        raise Invalid("a backup is nothing for a terminal to show; name a file")
    with existing_store(settings) as store:
        _spare_data_files(file, settings)
        try:
            output = outputs.written(file, fresh=not replace)
        except Conflict as error:
            raise Conflict(f"{error.message}; --replace replaces it") from None
        with output as opened:
            wanted = {
                TOKENS.name: with_tokens,
                SVCSCRIPTS.name: with_scripts,
            }
            tables = [
                table
                for table in kept_collections(settings)
                if wanted.get(table.name, True)
            ]
            count = import_export.back_up(store, tables, opened)
    _say_of(file, f"{count} documents backed up")


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--with-scripts", is_flag=True, help="Restore the scripts too: what tasks start."
)
@where
def restore(file: Path, with_scripts: bool, settings: Settings) -> None:
    """Replace all data by what FILE, a backup, holds; the server may go on meanwhile.

    The backup is checked as a whole before anything is replaced. Tables that a backup of
    an older version does not have are left as they are, and so are the scripts, unless
    --with-scripts is given: who can write them can start any program.

    Example: svctasks restore svctasks-2026-11-22.tar.gz
    """
    from app import bootstrap, import_export

    tables = [
        table
        for table in kept_collections(settings)
        if with_scripts or table != SVCSCRIPTS
    ]
    with closing(bootstrap.open_store(settings)) as store:
        total, left = import_export.restore(store, tables, file)
    for table in left:
        # Few backups have the tokens.
        if table != TOKENS.name:
            click.echo(f"{table}: not in this backup, left as it is", err=True)
    click.echo(f"{total} documents restored")


for command in (migrate, copy, token, log, next_, runner, runs, run):
    main.add_command(command)


@main.command()
def routes() -> None:
    """Print the addresses that the service answers, and their methods.

    Example: svctasks routes
    """
    from app.api import routes
    from app.api.openapi.operations import OPERATIONS

    rows = [
        (method, route.address, OPERATIONS[verb.operation].summary)
        for route in routes.routes(Settings.from_environment().services_prefix)
        for method, verb in route.verbs.items()
    ]
    width = max(len(address) for _, address, _ in rows)
    for method, address, summary in rows:
        click.echo(f"{method:7} {address:{width}}  {summary}")


@main.command("openapi")
def openapi_() -> None:
    """Print the OpenAPI document that /openapi.json serves.

    Example: svctasks openapi > openapi.json
    """
    from app.api import bodies, openapi

    prefix = Settings.from_environment().services_prefix
    click.echo(bodies.encode(openapi.document(prefix)))


@main.command("settings")
def settings_() -> None:
    """Print the settings as they are now, with the variables that set them.

    Example: SVCTASKS_WORKERS=4 svctasks settings
    """
    for setting, value in Settings.from_environment().rows():
        click.echo(f"{setting.variable}={value}")
        click.echo(f"    {setting.meaning}")


for command in (*main.commands.values(), *token.commands.values()):
    # Else click would cut the help off at the width of the terminal.
    command.short_help = (command.help or "").partition("\n")[0]


def _end_with_outer_process() -> None:
    """Let the kernel end a command whose outer process, of the executable, is killed.

    That process unpacks the executable, starts this one and hands signals on to it.
    """
    if sys.platform == "linux" and getattr(sys, "frozen", False):
        # Only here: a Python of one's own may have been built without it.
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _say_of(file: Path, message: str) -> None:
    """Print what was done, unless the standard output has the content of ``file``."""
    if not outputs.is_standard(file):
        click.echo(message)


def _spare_data_files(file: Path, settings: Settings) -> None:
    """Raise Invalid if ``file`` is one that the service itself keeps."""
    folder, name = os.path.split(os.path.realpath(file))
    table, _, rest = name.partition(".")
    tables = {known.name for known in collections(settings)}
    own = table in tables and rest.split(".")[0] == "json"
    if own and folder == os.path.realpath(settings.data):
        raise Invalid(f"{file} is a file of the data folder itself; choose another")
