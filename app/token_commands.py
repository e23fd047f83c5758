"""The commands about tokens: create, list, revoke.

They work while the server runs, and without one. A token is never an argument: arguments
can be seen by all users of the machine.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import click

from app.access import OF_TOKENS
from app.command_options import require_folder, where
from app.logs import visible
from app.settings import Settings

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

_LIFETIME = re.compile("([1-9][0-9]{0,4})([hdw])")


def _lifetime(text: str) -> timedelta:
    """Return how long a token is valid."""
    if (match := _LIFETIME.fullmatch(text)) is None:
        raise click.BadParameter(f'must be such as 12h, 30d or 8w, not "{text}"')
    return int(match[1]) * _UNITS[match[2]]


@click.group()
def token() -> None:
    """Create, list and revoke the tokens that requests need.

    As soon as there is a token, each request needs one.

    Example: svctasks token create ci --role writer --expires 30d
    """


@token.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(OF_TOKENS),
    required=True,
    help="What it may do: read; write tasks and services too; or everything.",
)
@click.option(
    "--expires",
    type=_lifetime,
    metavar="TIME",
    help="How long it is valid, such as 12h, 30d or 8w. [default: until it is revoked]",
)
@where
def create(name: str, role: str, expires: timedelta | None, settings: Settings) -> None:
    """Create a token and print it, this once only.

    NAME is what logs and lists call it. Only its SHA-256 is kept.

    Example: svctasks token create ci --role writer --expires 30d
    """
    with _tokens(settings) as tokens:
        was_open = not tokens.has_tokens()
        secret = tokens.create(name, role, expires)
    click.echo(secret)
    if was_open:
        click.echo(
            "This is the first token: from now on each request needs one.", err=True
        )
    if sys.stdout.isatty():
        click.echo("Keep it: it is not shown again.", err=True)


@token.command("list")
@where
def list_(settings: Settings) -> None:
    """List the tokens: name, role, created, expires, last used.

    Example: svctasks token list
    """
    with _tokens(settings, must_exist=True) as tokens:
        rows = [
            (
                known.name,
                known.role,
                known.created[:10],
                _expiry(known.expires, tokens.is_valid(known)),
                known.last_used or "never",
            )
            for known in tokens.all()
        ]
    if not rows:
        click.echo("There is no token.", err=True)
        return
    table = [("NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@token.command()
@click.argument("name")
@where
def revoke(name: str, settings: Settings) -> None:
    """Revoke a token: the next request with it is refused.

    Example: svctasks token revoke ci
    """
    with _tokens(settings, must_exist=True) as tokens:
        tokens.revoke(name)
        is_last = not tokens.has_tokens()
    click.echo(f"{visible(name)} revoked")
    if is_last:
        click.echo(
            "That was the last token. A server on loopback, unless behind a proxy, is now "
            "open to all programs of this machine; any other refuses all requests.",
            err=True,
        )


def _expiry(expires: str, is_valid: bool) -> str:
    if not expires:
        return "never"
    moment = f"{expires[:16]}Z"
    return moment if is_valid else f"{moment} (expired)"


@contextmanager
def _tokens(settings: Settings, must_exist: bool = False) -> Iterator[Any]:
    """Open the tokens of a data folder, alone: other tables may be large."""
    from app import bootstrap
    from app.tables import TOKENS
    from app.tokens import Tokens

    if must_exist:
        require_folder(settings)
    with closing(bootstrap.open_store(settings, tables=[TOKENS])) as store:
        yield Tokens(store)
