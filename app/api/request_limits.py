"""The limits of requests that the API checks; servers check those of heads and clients."""

from typing import NamedTuple

from app import jsontext
from app.query import grammar
from app.settings import Settings


class RequestLimits(NamedTuple):
    """How many bytes a body may have, what JSON and filters may, and a reply.

    A reply has ``items`` tasks or services at most; 0 is any number.
    """

    body: int
    json: jsontext.Bounds
    filter: grammar.Bounds
    items: int

    @classmethod
    def of(cls, settings: Settings) -> "RequestLimits":
        """Return the limits that ``settings`` set."""
        return cls(
            body=settings.max_body,
            json=jsontext.Bounds(settings.max_depth, settings.max_members),
            filter=grammar.Bounds(
                conditions=settings.max_filter,
                values=settings.max_filter_values,
                depth=settings.max_filter_depth,
            ),
            items=settings.max_limit,
        )
