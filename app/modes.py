"""The mode of the server: production, or maintenance, in which services are closed.

It is a document in a table, so that all workers have it at once, and after a restart.
Context-services contract, section 6.
"""

from typing import Any

from app.derived import Derived
from app.errors import Invalid, checked
from app.schemas.base import unknown
from app.storage import Store, document_in

TABLE = "modes"

PRODUCTION = "production"
MAINTENANCE = "maintenance"


class Modes:
    """Which mode the server is in, and the change to the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mode = Derived(store, TABLE, self._read)

    def current(self) -> str:
        """Return the mode; production unless another one was set."""
        return self._mode.current()

    def _read(self) -> str:
        document = document_in(self._store, TABLE, "server")
        return PRODUCTION if document is None else str(document["mode"])

    def change(self, body: Any) -> str:
        """Set the mode that ``body`` names in any case, and return it.

        Raises Invalid and Unavailable.
        """
        mode = _read(body)
        if mode != self.current():
            self._store.load(TABLE, [{"name": "server", "mode": mode}])
        return mode


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document that a data file means; raises Invalid."""
    match raw:
        case {"name": "server", **others}:
            return {"name": "server", "mode": _read(others)}
    raise Invalid('a mode is {"name": "server", "mode": its name}')


def _read(raw: Any) -> str:
    if not isinstance(raw, dict):
        raise Invalid(f'the body must be {{"mode": "{PRODUCTION}"}}, for instance')
    mode = raw.get("mode")
    known = mode.lower() if isinstance(mode, str) else ""
    faults = unknown(raw, ("mode",), 'is not a member here; there is only "mode"')
    if "mode" not in raw:
        faults["mode"] = ["is required"]
    elif known not in (PRODUCTION, MAINTENANCE):
        faults["mode"] = [f'must be "{PRODUCTION}" or "{MAINTENANCE}"']
    return checked(known, faults)
