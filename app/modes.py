"""The mode of the server: production, or maintenance, in which no service is touched.

It is a document in a table, so that all workers have it at once, and after a restart.
Context-services contract, section 6.
"""

from typing import Any

from app.errors import Invalid, NotFound
from app.storage import Store

TABLE = "modes"

PRODUCTION = "production"
MAINTENANCE = "maintenance"


class Modes:
    """Which mode the server is in, and the change to the other."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self) -> str:
        """Return the mode; production unless another one was set."""
        try:
            mode: str = self._store.get(TABLE, "server").document["mode"]
        except NotFound:
            return PRODUCTION
        return mode

    def change(self, text: Any) -> str:
        """Set the mode that ``text`` names in any case, and return it.

        Raises Invalid and Unavailable.
        """
        document = loaded({"name": "server", "mode": text})
        if document["mode"] != self.current():
            self._store.load(TABLE, [document])
        mode: str = document["mode"]
        return mode


def loaded(raw: Any, number: int = 0, moment: str = "") -> dict[str, Any]:
    """Return the complete document that a data file means; raises Invalid."""
    match raw:
        case {"name": "server", "mode": mode, **others} if not others:
            known = mode.lower() if isinstance(mode, str) else ""
            if known in (PRODUCTION, MAINTENANCE):
                return {"name": "server", "mode": known}
            fault = f'must be "{PRODUCTION}" or "{MAINTENANCE}"'
            raise Invalid(f"mode: {fault}", {"mode": [fault]})
    raise Invalid('a mode is {"name": "server", "mode": its name}')
