"""The environment variables that settings are read from."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from environs import Env, EnvValidationError

from app.errors import Invalid

PORT = "a whole number from 1 to 65535"
"""What a port must be."""

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
"""What a variable must be, by the environs method that reads it."""

_NEAR = 0.75
"""From this likeness on, of 1, a variable is taken for a misspelt setting."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings; a value is of the kind that the default is of."""

    name: str
    default: str | int | float | Path
    meaning: str

    @property
    def variable(self) -> str:
        """The environment variable that it is read from."""
        return "PORT" if self.name == "port" else f"SVCTASKS_{self.name.upper()}"

    @property
    def kind(self) -> str:
        """The name of the environs method that reads it."""
        return "path" if isinstance(self.default, Path) else type(self.default).__name__


def misspelt(settings: Iterable[Setting]) -> Iterator[tuple[str, str]]:
    """Return each variable that is almost one of a setting, and the one that is.

    Others are not ours to judge: Kubernetes sets SVCTASKS_SERVICE_HOST and, to an address
    with ://, SVCTASKS_PORT in all containers beside a service of that name.
    """
    known = {
        setting.variable.removeprefix("SVCTASKS_"): setting.variable
        for setting in settings
    }
    for variable, value in os.environ.items():
        match = re.fullmatch("SVCTASKS?_?(.+)", variable.upper())
        if match is None or variable in known.values() or "://" in value:
            continue
        for near in get_close_matches(match[1], known, 1, _NEAR):
            yield variable, known[near]


def read(settings: Sequence[Setting]) -> dict[str, Any]:
    """Return the values of ``settings`` by name; raises Invalid."""
    env = Env(eager=False)
    values = {
        setting.name: (
            getattr(env, setting.kind)(setting.variable)
            if os.environ.get(setting.variable)
            else setting.default
        )
        for setting in settings
    }
    try:
        env.seal()
    except EnvValidationError as error:
        wanted = {row.variable: _KINDS.get(row.kind) for row in settings}
        wanted["PORT"] = PORT
        faults = {
            name: [f'must be {wanted[name]}, not "{os.environ[name]}"']
            for name in error.error_messages
        }
        raise Invalid(sentence(faults), faults) from None
    return values


def sentence(faults: Mapping[str, Sequence[str]]) -> str:
    """Return what is wrong with settings, by their names, as one text."""
    return "; ".join(f"{name} {' '.join(texts)}" for name, texts in faults.items())
