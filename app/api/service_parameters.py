"""What addresses and query parameters say of services: ids, selections, conditions.

Context-services contract, section 2.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial

from app import services
from app.api.parameters import Reader, decoded
from app.api.views import Selection
from app.errors import NotFound
from app.query import Comparison, Condition
from app.query.values import DATE, INTEGER
from app.schemas.extension import folded
from app.schemas.service import (
    ASKED_FOR,
    COMPLETED,
    FIELDS,
    IDENTIFIED,
    SERVICE_TYPE,
    SERVICES,
    Level,
)
from app.schemas.value_types import TYPE
from app.services import Owner

CUSTOMER, CONTACT = FIELDS.one("customer_id"), FIELDS.one("contact_key")
STARTED_AT = FIELDS.one("started.timestamp")
COMPLETED_AT = FIELDS.one("completed.timestamp")
ACTIVE = Comparison(COMPLETED, "$eq", False)
DONE = Comparison(COMPLETED, "$eq", True)
ANONYMOUS = Comparison(IDENTIFIED, "$eq", False)

_NUMBER = re.compile("[0-9]{1,19}")


def number(level: Level, text: str) -> int:
    """Return the id that ``text`` in an address is; raises NotFound."""
    if _NUMBER.fullmatch(text):
        return int(text)
    raise NotFound(f'there is no {level.noun} "{text}"; its id is a number')


def owner(level: Level, ids: Mapping[str, str]) -> Owner:
    """Return whom the ids of an address name; raises NotFound."""
    service_id = number(SERVICES, ids[SERVICES.id])
    return Owner(service_id, level, number(level, ids[level.id]))


def selection(reader: Reader) -> Selection:
    """Return what the parameters select to be shown; ``reader`` keeps the faults."""
    arrays = [name for name in ASKED_FOR if reader.read(name)]
    names = [folded(name) for name in reader.read("extensions")]
    return Selection(frozenset(arrays), frozenset(names))


@lru_cache(maxsize=256)
def selection_in(query_string: str, known: tuple[str, ...]) -> Selection:
    """Return what an address with the ``known`` parameters selects; raises Invalid."""
    reader = Reader(decoded(query_string), known)
    selected = selection(reader)
    reader.finish()
    return selected


def conditions_of_list(
    reader: Reader, use_cases: services.Services
) -> Iterator[Condition]:
    """Return the conditions that the parameters of a list of services express."""
    for field, first, last in (
        (STARTED_AT, "started_from", "started_to"),
        (COMPLETED_AT, "completed_from", "completed_to"),
    ):
        for name, operator in ((first, "$gte"), (last, "$lt")):
            if (instant := reader.read(name)) is not None:
                yield Comparison(field, operator, DATE.comparison_key(instant))
    types = types_of_list(reader, "service_types", SERVICES, use_cases)
    if types is not None:
        yield Comparison(SERVICE_TYPE, "$in", types)


def types_of_list(
    reader: Reader, name: str, level: Level, use_cases: services.Services
) -> frozenset[str] | None:
    """Return the keys of the types that a list is narrowed to; None for any."""
    types = reader.read(name)
    if types is None:
        return None
    spellings = partial(use_cases.attributes.spellings, level.name, level.type)
    return frozenset(
        TYPE.comparison_key(stored) for type_ in types for stored in spellings(type_)
    )


def repeated_id(id_: int, text: str) -> None:
    """Raise ValueError unless ``text`` is the id that the address has."""
    if INTEGER.parse(text) != id_:
        raise ValueError(f"must be {id_}, that of the address, or absent")
