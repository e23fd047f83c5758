"""What can go wrong, said without HTTP.

An error is raised where it is known and translated once, in ``app.api.problems``.
"""

from collections.abc import Mapping, Sequence

Faults = Mapping[str, Sequence[str]]


class Error(Exception):
    """A request that could not be done; ``message`` is fit for its sender."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(Error):
    """There is no such document."""


class Conflict(Error):
    """A document with that key exists already."""


class Stale(Error):
    """The document is no longer in the revision that the sender knows."""


class Denied(Error):
    """The sender may not do this here."""


class Unavailable(Error):
    """The store cannot be read or written now."""


class Maintenance(Error):
    """The service is being looked after and takes no service traffic meanwhile."""


class Invalid(Error):
    """The input breaks a rule; ``faults`` maps each field to all that is wrong with it."""

    def __init__(self, message: str, faults: Faults | None = None) -> None:
        super().__init__(message)
        self.faults: Faults = faults or {}
