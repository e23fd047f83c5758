"""Service scripts: what a run of a task starts, a command or a call by HTTP.

No request changes them: they come from an edit of their data file. Runner contract,
section 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from app.errors import NotFound, cut
from app.query import suggestion
from app.schemas import svcscript
from app.storage import Document, Store, document_in

TABLE = svcscript.NAME

Text = str | Mapping[str, str]
"""A text, or ``{"env": NAME}``: the value of a variable of the runner."""

OF_CALLS = {"timeoutsec": 30}
"""The defaults of calls that are not those of commands."""


@dataclass(frozen=True, slots=True, repr=False)
class Script:
    """A script with the defaults of what its document leaves out.

    It has a ``command`` or a ``url``. Times are in seconds; a ``timeoutsec`` of 0 is
    none. It has no ``repr``, which could show a secret.
    """

    code: str
    name: str = ""
    command: tuple[str, ...] = ()
    url: str = ""
    method: str = "POST"
    headers: Mapping[str, Text] = field(default_factory=dict)
    env: Mapping[str, Text] = field(default_factory=dict)
    cwd: str = "/"
    timeoutsec: float = 3600
    gracesec: float = 10
    retries: int = 0
    retrysec: float = 30
    catchup: str = "latest"
    latesec: float | None = None
    spreadsec: float = 0
    most: int | None = None
    idempotent: bool = False
    onfail: str = ""
    secret: Text | None = None

    @classmethod
    def of(cls, document: Document) -> Self:
        """Return the script of a document of the table."""
        given: dict[str, Any] = dict(document)
        if "url" in given:
            given = OF_CALLS | given
        else:
            given["command"] = tuple(given["command"])
        return cls(**given)

    @property
    def kind(self) -> str:
        """What it is: a command, or a url."""
        return "command" if self.command else "url"

    def shown(self) -> dict[str, Any]:
        """Return what anybody may know of it: no command, address or secret."""
        return {
            "code": self.code,
            "name": self.name,
            "kind": self.kind,
            "timeoutsec": self.timeoutsec,
        }


class Svcscripts:
    """The scripts of the table, as it is now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, code: str) -> Script:
        """Return the script with a code; raises NotFound, its text for people.

        The text follows the name of a field, and names the nearest code.
        """
        if (found := self.find(code)) is not None:
            return found
        nearest = suggestion(code, (script.code for script in self.all()))
        raise NotFound(f"{cut(code)} is not in {TABLE}.json{nearest}")

    def find(self, code: str) -> Script | None:
        """Return the script with a code, if there is one."""
        document = document_in(self._store, TABLE, code)
        return None if document is None else Script.of(document)

    def all(self) -> list[Script]:
        """Return all scripts, in the order of their codes."""
        return [Script.of(record.document) for record in self._store.scan(TABLE)]
