"""The environments of commands: clean, but for a few variables and those of the run.

Runner contract, sections 6 and 7.
"""

import os
from collections.abc import Mapping
from typing import Any

from app.errors import Invalid
from app.execution.processes import NODE, RUN
from app.schemas.svcscript import header_fault, secret_bytes
from app.svcscripts import Script, Text

KEPT = {"PATH": os.defpath, "HOME": "/", "LANG": "C.UTF-8"}
"""The variables of the runner that every command gets, and what they are without it."""

OF_RUNS = {
    RUN: "id",
    NODE: "node",
    "SVCTASKS_TASK": "svctask",
    "SVCTASKS_SLOT": "slot",
    "SVCTASKS_ATTEMPT": "attempt",
    "SVCTASKS_SITE": "site",
    "SVCTASKS_CODE": "code",
}
"""The variables of a run, and the members of its record that they have."""

_LIBRARIES = "LD_LIBRARY_PATH"


def restored(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what the loader of the executable adds to it.

    PyInstaller's loader puts its own libraries before those of the system: what a command
    loads would be of another version than it was made for.
    """
    kept = {n: v for n, v in environ.items() if not n.startswith(("_PYI_", "_MEI"))}
    if len(kept) < len(environ):
        kept.pop(_LIBRARIES, None)
        former = kept.pop(f"{_LIBRARIES}_ORIG", "")
        if former:
            kept[_LIBRARIES] = former
    return kept


def of_command(
    script: Script, run: Mapping[str, Any], url: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a command; raises Invalid where a variable is not set.

    ``environ`` is that of the runner, and ``url`` the address of the API.
    """
    variables = {name: environ.get(name, usual) for name, usual in KEPT.items()}
    if "TZ" in environ:
        variables["TZ"] = environ["TZ"]
    for name, member in OF_RUNS.items():
        value = run.get(member)
        variables[name] = "" if value is None else str(value)
    variables["SVCTASKS_URL"] = url
    for name, text in script.env.items():
        variables[name] = _resolved(text, environ)
    return variables


def headers(script: Script, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a call; raises Invalid where one of a variable cannot be."""
    given = {name: _resolved(text, environ) for name, text in script.headers.items()}
    for name, value in given.items():
        if fault := header_fault(value):
            raise Invalid(f"the header {name} {fault}")
    return given


def key(script: Script, environ: Mapping[str, str]) -> bytes | None:
    """Return the key that signs the calls of a script, if any; raises Invalid."""
    if script.secret is None:
        return None
    try:
        return secret_bytes(_resolved(script.secret, environ))
    except ValueError as error:
        raise Invalid(f"the secret {error}") from None


def _resolved(text: Text, environ: Mapping[str, str]) -> str:
    if isinstance(text, str):
        return text
    name = text["env"]
    if name not in environ:
        raise Invalid(
            f"the variable {name} is not set in the environment of the runner"
        )
    return environ[name]
