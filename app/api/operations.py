"""What a verb does at an address, as data: what it takes, replies and refuses.

Parameters, headers and bodies stand here by name; ``app.api.openapi`` says once what each
name means, and makes the public description of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

READING = (400, 500, 503)
"""How what only reads can be refused: bad parameters, a failure, no store."""

WRITING = (*READING, 403)
"""How what writes can be refused: it may be forbidden altogether."""

BODY = (413, 415)
"""How a body can be refused: it is too large, or of a type that is not known."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a verb does at an address.

    ``parameters`` are those of the query and the headers of the request; ``replies`` has
    the body of each reply by status, empty if there is none; ``headers`` are those of
    these replies. ``errors`` are the statuses of the replies in the form of errors.
    """

    summary: str
    replies: Mapping[int, str]
    body: str = ""
    needs_body: bool = True
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = READING
    media_types: tuple[str, ...] = ("application/json",)
