"""How commands end where they fail: with a message for people and the exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from app.errors import Error, Invalid, NotFound, Unavailable, cut
from app.logs import visible
from app.streams import discard, replace_closed


class Commands(click.Group):
    """Commands that end with a message where they, or their output, fail."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that ``args``, or the command line, name."""
        replace_closed()
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                sys.stdout.flush()
        except OSError as error:
            ended = error.__context__
            # The rest of the buffer must not fail again when Python ends.
            discard(sys.stdout)
            was_explained = isinstance(ended, SystemExit) and ended.code
            if not was_explained and not isinstance(error, BrokenPipeError):
                message = f"svctasks: the output cannot be written: {error.strerror}"
                click.echo(message, err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end with a message where it raises an Error or OSError."""
        try:
            return super().invoke(ctx)
        except Error as error:
            click.echo(f"svctasks: {visible(_sentence(error))}", err=True)
            if isinstance(error, Invalid) and error.message not in _further(error):
                for line in _further(error):
                    click.echo(f"  {visible(line)}", err=True)
        except BrokenPipeError:
            # The reader of the output has closed it.
            pass
        except OSError as error:
            reason = error.strerror or str(error)
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"svctasks: {visible(where)}{reason}", err=True)
        sys.exit(1)


@contextmanager
def about_task(id_: str | None) -> Iterator[None]:
    """Name the task that is not there, if it is about one; raises NotFound."""
    try:
        yield
    except NotFound:
        raise NotFound(f'there is no task with the id "{cut(id_ or "")}"') from None


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
