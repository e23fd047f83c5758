"""How a command ends where it fails: with a message for people and the exit code 1."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import click

from app.errors import Error, Invalid, NotFound, Unavailable, cut
from app.logs import visible

P = ParamSpec("P")


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Let ``command`` end with a message and exit code 1 where it raises an Error."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Error as error:
            click.echo(f"svctasks: {visible(_sentence(error))}", err=True)
            if isinstance(error, Invalid) and error.message not in _further(error):
                for line in _further(error):
                    click.echo(f"  {visible(line)}", err=True)
            sys.exit(1)
        except BrokenPipeError:
            # The reader of the output has closed it.
            sys.exit(1)
        except OSError as error:
            reason = error.strerror or str(error)
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"svctasks: {visible(where)}{reason}", err=True)
            sys.exit(1)

    return run


@contextmanager
def about_task(id_: str) -> Iterator[None]:
    """Name the task that is not there; raises NotFound."""
    try:
        yield
    except NotFound:
        raise NotFound(f'there is no task with the id "{cut(id_)}"') from None


def _sentence(error: Error) -> str:
    if isinstance(error, Unavailable) and error.place is not None:
        return f"{error.place}: {error.message}"
    return error.message


def _further(error: Invalid) -> list[str]:
    """Return the faults that the message of ``error`` does not name itself."""
    lines = [
        f"{place}: {'; '.join(messages)}"
        for place, messages in error.faults.items()
        if place not in error.message
    ]
    if error.faults.more:
        lines.append(f"and {error.faults.more:,} more")
    return lines
