"""The table of query parameters: how each is parsed, what it is for, and its JSON Schema.

``app.api.parameters`` parses by it, and ``app.api.openapi.parameters`` describes by it.
``filter``, ``mask`` and ``order`` are not in it: how they are parsed, and which names they
may have, depends on the fields of what is listed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.jsonschema import JsonSchema, array, integer
from app.query import quoted
from app.query.values import INTBOOL, INTEGER
from app.schemas.base import WHITE
from app.schemas.business_attribute import FIELDS, field_of
from app.schemas.service import ASKED_FOR
from app.schemas.value_types import INSTANT

MAX_OFFSET = 2**63 - 1
"""What the counters of any database can hold."""

MAX_STARTS = 1000
"""How many starts one reply has at most."""


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter; ``parse`` raises Invalid or ValueError.

    One that ``is_separated`` has several values with commas between.
    """

    parse: Callable[[Any], Any]
    description: str
    schema: JsonSchema
    default: Any = None
    example: Any = None
    is_separated: bool = False


def _boolean(value: Any) -> bool:
    try:
        return bool(INTBOOL.parse(value.lower() if isinstance(value, str) else value))
    except ValueError:
        shown = f", not {quoted(value)}" if isinstance(value, str) else ""
        raise ValueError(f"must be true or false{shown}") from None


def _between(least: int, most: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number: int = INTEGER.parse(value)
        if not least <= number <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return number

    return parse


_count = _between(0, MAX_OFFSET)


def _instant(text: str) -> str:
    try:
        instant: str = INSTANT.parse(text)
    except ValueError as error:
        if " " in text:
            raise ValueError(f"{error}; a + in an address is written %2B") from None
        raise
    return instant


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ValueError("must be names with commas between, none of them empty")
    return names


_NAME: JsonSchema = {"type": "string", "pattern": f"^[^,]*[^,{WHITE}][^,]*$"}
_PLACES = [f"{name[0].upper()}{name[1:]}" for name in FIELDS]


def _moments(description: str) -> QueryParameter:
    return QueryParameter(_instant, description, INSTANT.accepted)


def _separated(
    description: str, default: Any = None, example: Any = None
) -> QueryParameter:
    schema = array(_NAME, minItems=1)
    return QueryParameter(_names, description, schema, default, example, True)


_TYPES = "Only those of these types, by id or name."

TABLE: Mapping[str, QueryParameter] = {
    "offset": QueryParameter(
        _count, "How many to leave out.", {**integer(0, MAX_OFFSET), "default": 0}, 0
    ),
    "limit": QueryParameter(
        _count, "How many to show at most; all without it.", integer(0, MAX_OFFSET)
    ),
    "flat": QueryParameter(
        _boolean,
        "Show members of objects as dotted members: 1 or true.",
        {"enum": ["true", "false", "1", "0"], "default": "false"},
        False,
    ),
    # The examples let Swagger UI show the whole life cycle of a service at once.
    **{
        name: QueryParameter(
            _boolean,
            f"Show the {name.replace('_', ' ')}.",
            {"type": "boolean", "default": False},
            False,
            example=True,
        )
        for name in ASKED_FOR
    },
    "extensions": _separated(
        "The extensions to show; unknown ones are ignored.",
        (),
        example=["ClientInfo", "relatedOffers"],
    ),
    "started_from": _moments("Only what started then or later."),
    "started_to": _moments("Only what started before."),
    "completed_from": _moments("Only what ended then or later."),
    "completed_to": _moments("Only what ended before."),
    "service_types": _separated(_TYPES),
    "state_types": _separated(_TYPES),
    "task_types": _separated(_TYPES),
    "state_id": QueryParameter(
        INTEGER.parse, "Only the tasks of this state.", integer()
    ),
    "from": _moments("Only starts then or later; now without it."),
    "until": _moments("Only starts up to then."),
    "count": QueryParameter(
        _between(1, MAX_STARTS),
        "How many starts to show at most.",
        {**integer(1, MAX_STARTS), "default": 10},
        10,
    ),
    "cv-attribute": QueryParameter(
        field_of,
        "Only those that are mapped to this field, in any case.",
        {"enum": _PLACES},
    ),
}
"""The rows by the names of the parameters."""

LIMIT_OF_AGENDA = QueryParameter(
    _between(0, MAX_STARTS),
    "How many starts to show at most.",
    {**integer(0, MAX_STARTS), "default": MAX_STARTS},
    MAX_STARTS,
)
"""The parameter ``limit`` of the agenda, of which a reply never has all there will be."""

SEPARATED = ("mask", *(name for name, row in TABLE.items() if row.is_separated))
"""The parameters of several values with commas between."""
