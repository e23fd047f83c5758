"""The command line: one function a command."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click

from app import __version__, bootstrap, jsontext, server
from app.errors import Error, Invalid
from app.interchange import entities
from app.settings import SETTINGS, Settings

P = ParamSpec("P")


@click.group()
@click.version_option(__version__, prog_name="svctasks")
def main() -> None:
    """Service tasks in plain JSON files, served over HTTP."""


def _explained(command: Callable[P, None]) -> Callable[P, None]:
    """Let ``command`` end with a message and exit code 1 where it raises an Error."""

    @wraps(command)
    def explained(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Error as error:
            click.echo(f"svctasks: {error.message}", err=True)
            if isinstance(error, Invalid) and error.message == "nothing was imported":
                for place, messages in error.faults.items():
                    click.echo(f"  {place}: {'; '.join(messages)}", err=True)
            sys.exit(1)

    return explained


def _option(name: str, **details: Any) -> Callable[[Any], Any]:
    """Return the click option for the setting ``name``."""
    setting = next(each for each in SETTINGS if each.name == name)
    default = f"{setting.variable}, or {setting.default}"
    meaning = f"{setting.meaning[0].upper()}{setting.meaning[1:]}. [default: {default}]"
    return click.option(f"--{name}", help=meaning, **details)


_data = _option("data", type=click.Path(path_type=Path), metavar="DIR")


@main.command()
@_data
@_option("bind", metavar="HOST:PORT")
@_option("workers", type=int, metavar="N")
@_option("threads", type=int, metavar="N")
@_explained
def serve(**given: Any) -> None:
    """Serve the API over HTTP until SIGTERM or Ctrl-C.

    Example: svctasks serve --data /var/lib/svctasks --bind 127.0.0.1:8000
    """
    server.serve(Settings.from_environment(**given))


@main.command("import")
@click.argument("collection", type=click.Choice(["svctasks"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_data
@_explained
def import_(collection: str, file: Path, data: Path | None) -> None:
    """Add the service tasks in FILE, all or none; ids and times are kept.

    FILE holds what the API returns, an array or one object, or TinyDB JSON.

    Example: svctasks import svctasks tasks.json
    """
    settings = Settings.from_environment(data=data)
    tasks = entities(jsontext.read(file.read_bytes(), file.name), collection, file.name)
    store = bootstrap.open_store(settings)
    try:
        count = bootstrap.svctasks_over(store, settings).load(tasks)
    finally:
        store.close()
    click.echo(f"{count} imported")
