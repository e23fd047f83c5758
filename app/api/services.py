"""The resources of services, their states and their tasks.

Operations and replies: context-services contract, sections 1 to 3.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

from falcon import HTTP_201, Request, Response

from app import lifecycle, services
from app.api import bodies, parameters
from app.api.entity_tags import (
    conditions,
    is_answered,
    of_content,
    of_resource,
    of_revision,
    of_revisions,
    refuse_conditions,
)
from app.api.middleware import location
from app.api.parameters import Reader
from app.api.views import View, Wish
from app.errors import NotFound
from app.pacing import Pacing, paced
from app.query import Comparison, Condition, Every, Query
from app.query.values import DATE, INTEGER
from app.schemas.extension import folded
from app.schemas.service import (
    ASKED_FOR,
    COMPLETED,
    FIELDS,
    IDENTIFIED,
    SERVICE_TYPE,
    SERVICES,
    STATES,
    Level,
)
from app.schemas.value_types import INSTANT, TYPE
from app.services import Owner

CUSTOMER, CONTACT = FIELDS.one("customer_id"), FIELDS.one("contact_key")
STARTED_AT = FIELDS.one("started.timestamp")
COMPLETED_AT = FIELDS.one("completed.timestamp")
ACTIVE = Comparison(COMPLETED, "$eq", False)
DONE = Comparison(COMPLETED, "$eq", True)


def wish(reader: Reader) -> Wish:
    """Return what the parameters ask to see; a fault is left with ``reader``."""
    arrays = [
        name for name in ASKED_FOR if reader.read(name, parameters.boolean, False)
    ]
    names = [folded(name) for name in reader.read("extensions", _names, ())]
    return Wish(frozenset(arrays), frozenset(names))


@lru_cache(maxsize=256)
def _wish_of_one(query_string: str) -> Wish:
    """Return what an address asks to see of a service; raises Invalid."""
    reader = Reader(parameters.decoded(query_string), parameters.OF_SERVICE)
    asked = wish(reader)
    reader.finish()
    return asked


class Services:
    """Answers requests for services; lists at the pace that ``pacing`` gives them."""

    def __init__(self, use_cases: services.Services, pacing: Pacing) -> None:
        self._services = use_cases
        self._pacing = pacing

    def on_post_start(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        refuse_conditions(request)
        service_id = self._services.start(bodies.read(request))
        _created(request, response, SERVICES, service_id, f"/services/{service_id}")

    def on_post_association(
        self, request: Request, response: Response, customer_id: str, service_id: str
    ) -> None:
        parameters.refuse_any(request)
        body = bodies.read_any(request)
        service, known = number(SERVICES, service_id), conditions(
            request, of_views=True
        )
        self._services.associate(customer_id, service, body, known)

    def on_post_end(
        self, request: Request, response: Response, service_id: str
    ) -> None:
        parameters.refuse_any(request)
        owner = Owner(number(SERVICES, service_id))
        known = conditions(request, of_views=True)
        self._services.complete(owner, bodies.read_any(request), known)

    def on_get_one(self, request: Request, response: Response, service_id: str) -> None:
        view = View(_wish_of_one(request.query_string), self._services)
        record = self._services.record(number(SERVICES, service_id))

        def encode() -> bytes:
            return bodies.kept(
                record,
                view.form and ("one", view.form),
                lambda document: bodies.encode(view.shown(SERVICES, document)),
            )

        state = of_revision(record.revision)
        _answer(request, response, state, view.form is not None, encode)

    def on_get_of_customer(
        self, request: Request, response: Response, customer_id: str
    ) -> None:
        self._list(request, response, [Comparison(CUSTOMER, "$eq", customer_id)])

    def on_get_active_of_customer(
        self, request: Request, response: Response, customer_id: str
    ) -> None:
        mine = Comparison(CUSTOMER, "$eq", customer_id)
        self._list(request, response, [mine, ACTIVE])

    def on_get_completed_of_customer(
        self, request: Request, response: Response, customer_id: str
    ) -> None:
        mine = Comparison(CUSTOMER, "$eq", customer_id)
        self._list(request, response, [mine, DONE])

    def on_get_anonymous(
        self, request: Request, response: Response, contact_key: str
    ) -> None:
        self._list(request, response, _anonymous(contact_key))

    def on_get_active_anonymous(
        self, request: Request, response: Response, contact_key: str
    ) -> None:
        self._list(request, response, [*_anonymous(contact_key), ACTIVE])

    def on_get_completed_anonymous(
        self, request: Request, response: Response, contact_key: str
    ) -> None:
        self._list(request, response, [*_anonymous(contact_key), DONE])

    def _list(
        self, request: Request, response: Response, where: list[Condition]
    ) -> None:
        given = parameters.of_address(request)
        reader = Reader(given, parameters.OF_SERVICES)
        where += _conditions(reader, self._services)
        offset = reader.read("offset", parameters.count, 0)
        limit = reader.read("limit", parameters.count, None)
        asked = wish(reader)
        reader.finish()
        view = View(asked, self._services)
        query = Query(Every(tuple(where)), (), offset, limit)
        with self._pacing.query(request.env) as pace:
            page = self._services.find(query, pace)

            def encode() -> bytes:
                return bodies.join(
                    bodies.kept(
                        record,
                        view.form,
                        lambda each: bodies.encode_item(view.shown(SERVICES, each)),
                    )
                    for record in paced(page.records, pace)
                )

            state = of_revisions(page)
            _answer(request, response, state, view.form is not None, encode)
        parameters.tell_pages(request, response, given, page.total)


class Nested:
    """Answers requests for the states, or for the tasks, of services."""

    def __init__(self, level: Level, use_cases: services.Services) -> None:
        self._level = level
        self._services = use_cases

    def on_post_start(
        self, request: Request, response: Response, service_id: str
    ) -> None:
        parameters.refuse_any(request)
        service = number(SERVICES, service_id)
        body = bodies.read(request)
        known = conditions(request, of_views=True)
        id_ = self._services.start_in(service, self._level, body, known)
        self._created(request, response, service, id_)

    def on_post_transition(
        self, request: Request, response: Response, service_id: str
    ) -> None:
        parameters.refuse_any(request)
        service = number(SERVICES, service_id)
        known = conditions(request, of_views=True)
        id_ = self._services.transit(service, bodies.read(request), known)
        self._created(request, response, service, id_)

    def on_post_end(self, request: Request, response: Response, **ids: str) -> None:
        ended = owner(self._level, ids)
        known = (STATES.id,) if self._level is STATES else ()
        reader = Reader(parameters.of_address(request), known)
        reader.read(STATES.id, partial(_repeated, ended.id_), None)
        reader.finish()
        body, states = bodies.read_any(request), conditions(request, of_views=True)
        self._services.complete(ended, body, states)

    def on_get_one(self, request: Request, response: Response, **ids: str) -> None:
        known = parameters.OF_STATE if self._level is STATES else parameters.OF_TASK
        reader = Reader(parameters.of_address(request), known)
        asked = wish(reader)
        reader.finish()
        view = View(asked, self._services)
        whose = owner(self._level, ids)
        document = self._services.get(whose.service_id)
        resource = lifecycle.owner(document, self._level, whose.id_)

        def encode() -> bytes:
            return bodies.encode(view.inside(self._level, document, resource))

        # Tasks that are shown with a state are no part of it.
        is_alone = view.form is not None and not asked.arrays
        _answer(request, response, of_resource(resource), is_alone, encode)

    def on_get(self, request: Request, response: Response, service_id: str) -> None:
        self._list(request, response, service_id, "")

    def on_get_active(
        self, request: Request, response: Response, service_id: str
    ) -> None:
        self._list(request, response, service_id, "active")

    def on_get_completed(
        self, request: Request, response: Response, service_id: str
    ) -> None:
        self._list(request, response, service_id, "completed")

    def _list(
        self, request: Request, response: Response, service_id: str, part: str
    ) -> None:
        level = self._level
        known = parameters.OF_STATES if level is STATES else parameters.OF_TASKS
        reader = Reader(parameters.of_address(request), known)
        types = _types(reader, f"{level.noun}_types", level, self._services)
        state_id = reader.read("state_id", INTEGER.parse, None)
        asked = wish(reader)
        reader.finish()
        view = View(asked, self._services)
        record = self._services.record(number(SERVICES, service_id))
        document = record.document

        def encode() -> bytes:
            return bodies.encode(
                [
                    view.inside(level, document, each)
                    for each in lifecycle.nested(document, level, part)
                    if (types is None or TYPE.comparison_key(each[level.type]) in types)
                    and (state_id is None or each.get("state_id") == state_id)
                ]
            )

        state = of_revision(record.revision)
        _answer(request, response, state, view.form is not None, encode)

    def _created(
        self, request: Request, response: Response, service: int, id_: int
    ) -> None:
        path = f"/services/{service}/{self._level.name}/{id_}"
        _created(request, response, self._level, id_, path)


def _answer(
    request: Request,
    response: Response,
    state: str,
    is_settled: bool,
    encode: Callable[[], bytes],
) -> None:
    """Send what ``encode`` returns, or 304; raises Stale.

    The tag is the ``state`` of what is shown, and that of the bytes too unless the state
    ``is_settled`` to tell what they are.
    """
    if is_settled:
        if not is_answered(request, response, state):
            response.data = encode()
        return
    content = encode()
    if not is_answered(request, response, f"{state}-{of_content(content)}"):
        response.data = content


def number(level: Level, text: str) -> int:
    """Return the id that ``text`` in an address is; raises NotFound."""
    if _NUMBER.fullmatch(text):
        return int(text)
    raise NotFound(f'there is no {level.noun} "{text}"; its id is a number')


def owner(level: Level, ids: Mapping[str, str]) -> Owner:
    """Return whom the ids of an address name; raises NotFound."""
    service_id = number(SERVICES, ids[SERVICES.id])
    return Owner(service_id, level, number(level, ids[level.id]))


def _created(
    request: Request, response: Response, level: Level, id_: int, path: str
) -> None:
    response.status = HTTP_201
    response.set_header("Location", location(request, path))
    response.data = bodies.encode({level.id: id_})


def _anonymous(contact_key: str) -> list[Condition]:
    return [
        Comparison(CONTACT, "$eq", contact_key),
        Comparison(IDENTIFIED, "$eq", False),
    ]


def _conditions(reader: Reader, use_cases: services.Services) -> Iterator[Condition]:
    """Return the conditions that the parameters of a list are."""
    for field, first, last in (
        (STARTED_AT, "started_from", "started_to"),
        (COMPLETED_AT, "completed_from", "completed_to"),
    ):
        for name, operator in ((first, "$gte"), (last, "$lt")):
            if (moment := reader.read(name, _instant, None)) is not None:
                yield Comparison(field, operator, DATE.comparison_key(moment))
    types = _types(reader, "service_types", SERVICES, use_cases)
    if types is not None:
        yield Comparison(SERVICE_TYPE, "$in", types)


def _types(
    reader: Reader, name: str, level: Level, use_cases: services.Services
) -> frozenset[str] | None:
    """Return the keys of the types that a list is narrowed to; None for any."""
    types = reader.read(name, _names, None)
    if types is None:
        return None
    spellings = partial(use_cases.attributes.spellings, level.name, level.type)
    return frozenset(
        TYPE.comparison_key(stored) for each in types for stored in spellings(each)
    )


def _instant(text: str) -> str:
    """Return the date-time that ``text`` is; raises ValueError."""
    try:
        instant: str = INSTANT.parse(text)
    except ValueError as error:
        if " " in text:
            raise ValueError(f"{error}; a + in an address is written %2B") from None
        raise
    return instant


def _repeated(id_: int, text: str) -> None:
    """Raise ValueError unless ``text`` is the id that the address has."""
    if INTEGER.parse(text) != id_:
        raise ValueError(f"must be {id_}, that of the address, or absent")


def _names(text: str) -> list[str]:
    names = [each.strip() for each in text.split(",")]
    if not all(names):
        raise ValueError("must be names with commas between, none of them empty")
    return names


_NUMBER = re.compile("[0-9]{1,19}")
