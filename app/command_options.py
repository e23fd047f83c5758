"""What several commands have: options, made of the table of settings, and a store."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import wraps
from pathlib import Path
from typing import Any

import click

from app import datetimes
from app.errors import NotFound
from app.logs import visible
from app.settings import REPEATED, SETTINGS, Settings, option
from app.storage import Store


def path(text: str) -> Path:
    """Return a path to write to; an empty one, of a variable that is not set, is none."""
    if not text:
        raise click.BadParameter("a path must not be empty")
    return Path(text)


def moment(text: str) -> str:
    """Return the date-time, or the beginning of the day, that ``text`` is."""
    for value in (text, f"{text}T00:00:00Z"):
        try:
            return datetimes.parse(value)
        except ValueError:
            continue
    raise click.BadParameter(
        f'must be such as 2026-01-31 or 2026-01-31T08:00:00Z, not "{visible(text)}"'
    )


def of_setting(name: str, **details: Any) -> Callable[[Any], Any]:
    """Return the click option for the setting ``name``."""
    setting = next(setting for setting in SETTINGS if setting.name == name)
    usual = "none" if setting.default == "" else setting.default
    default = f"{setting.variable}, or {usual}"
    meaning = f"{setting.meaning[0].upper()}{setting.meaning[1:]}. [default: {default}]"
    if name in REPEATED:
        details |= {"multiple": True, "callback": _joined}
    return click.option(option(name), name, help=meaning.replace("`", ""), **details)


def _joined(context: object, parameter: object, parts: tuple[str, ...]) -> str | None:
    """Return what a repeated option has, in the form of its variable."""
    return ",".join(parts) if parts else None


_data = of_setting("data", type=path, metavar="DIR")
_store = of_setting("store", metavar="STORE")

_NAMES = frozenset(setting.name for setting in SETTINGS)


def where(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --data and --store, and hand it the ``settings``.

    They are those of all its options that are of settings, and of the environment.
    """

    @wraps(command)
    def placed(**given: Any) -> None:
        options = {name: given.pop(name) for name in _NAMES.intersection(given)}
        command(settings=Settings.from_environment(**options), **given)

    options: Callable[..., None] = _data(_store(placed))
    return options


def require_folder(settings: Settings) -> None:
    """Raise NotFound if there is no data folder, where files have the tables."""
    if not settings.database and not settings.data.is_dir():
        raise NotFound(f"there is no data folder {settings.data}")


def existing_store(settings: Settings) -> AbstractContextManager[Store]:
    """Open the store of a folder that must exist; raises NotFound as well."""
    from app import bootstrap

    require_folder(settings)
    return closing(bootstrap.open_store(settings))
