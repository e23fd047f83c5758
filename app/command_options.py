"""The options that several commands have, made of the table of settings."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from app.errors import NotFound
from app.settings import REPEATED, SETTINGS, Settings, option


def path(text: str) -> Path:
    """Return a path to write to; an empty one, of a variable that is not set, is none."""
    if not text:
        raise click.BadParameter("a path must not be empty")
    return Path(text)


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

Where = dict[str, Any]
"""Which of the settings of the store were given, by their names."""


def where(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --data and --store, which it is handed as ``where``."""

    @wraps(command)
    def placed(data: Path | None, store: str | None, **given: Any) -> None:
        command(where={"data": data, "store": store}, **given)

    options: Callable[..., None] = _data(_store(placed))
    return options


def require_folder(settings: Settings) -> None:
    """Raise NotFound if there is no data folder, where files have the tables."""
    if not settings.database and not settings.data.is_dir():
        raise NotFound(f"there is no data folder {settings.data}")
