"""The resource of services.

Operations and replies: context-services contract, sections 1 to 3.
"""

from collections.abc import Sequence
from functools import partialmethod

from falcon import Response

from app import services
from app.api import bodies, parameters
from app.api.entity_tags import conditions, of_revision, of_revisions
from app.api.parameters import Reader
from app.api.renderings import Renderings
from app.api.request_context import Request
from app.api.service_parameters import (
    ACTIVE,
    ANONYMOUS,
    CONTACT,
    CUSTOMER,
    DONE,
    conditions_of_list,
    number,
    selection,
    selection_in,
)
from app.api.service_replies import answer, answer_created
from app.api.views import View
from app.pacing import Pacing, paced
from app.query import Comparison, Condition, Every, Query
from app.schemas.service import SERVICES
from app.services import Owner


class Services:
    """Answers requests for services; lists at the pace that ``pacing`` gives them.

    A list has ``most`` services at most; 0 is any number.
    """

    def __init__(self, use_cases: services.Services, pacing: Pacing, most: int) -> None:
        self._services = use_cases
        self._pacing = pacing
        self._most = most
        self._renderings = Renderings()

    def on_post_start(self, request: Request, response: Response) -> None:
        parameters.refuse_any_and_conditions(request)
        service_id = self._services.start(bodies.read(request))
        body, path = {SERVICES.id: service_id}, f"/services/{service_id}"
        answer_created(request, response, body, path)

    def on_post_association(
        self, request: Request, response: Response, customer_id: str, service_id: str
    ) -> None:
        parameters.refuse_any(request)
        body = bodies.read_any(request)
        service = number(SERVICES, service_id)
        known = conditions(request, of_views=True)
        self._services.associate(customer_id, service, body, known)

    def on_post_end(
        self, request: Request, response: Response, service_id: str
    ) -> None:
        parameters.refuse_any(request)
        owner = Owner(number(SERVICES, service_id))
        known = conditions(request, of_views=True)
        self._services.complete(owner, bodies.read_any(request), known)

    def on_get_one(self, request: Request, response: Response, service_id: str) -> None:
        selected = selection_in(request.query_string, parameters.OF_SERVICE)
        view = View(selected, self._services)
        record = self._services.record(number(SERVICES, service_id))

        def encode() -> bytes:
            form = view.form and ("one", view.form)
            return next(
                self._renderings.of(
                    [record],
                    form,
                    lambda document: bodies.encode(view.shown(SERVICES, document)),
                )
            )

        state = of_revision(record.revision)
        answer(request, response, state, view.form is not None, encode)

    def _list(
        self,
        part: Sequence[Condition],
        request: Request,
        response: Response,
        **whose: str,
    ) -> None:
        """List the services in a part of those of a customer, or of a contact key."""
        given = parameters.of_address(request)
        reader = Reader(given, parameters.OF_SERVICES)
        where: list[Condition]
        if "customer_id" in whose:
            where = [Comparison(CUSTOMER, "$eq", whose["customer_id"])]
        else:
            where = [Comparison(CONTACT, "$eq", whose["contact_key"]), ANONYMOUS]
        where += [*part, *conditions_of_list(reader, self._services)]
        offset = reader.read("offset")
        limit = reader.read_limit(self._most)
        selected = selection(reader)
        reader.finish()
        view = View(selected, self._services)
        query = Query(Every(tuple(where)), (), offset, limit, parameters.COUNTED)
        with self._pacing.query(request.env) as pace:
            page = self._services.find(query, pace)

            def encode() -> bytes:
                return bodies.join(
                    self._renderings.of(
                        paced(page.records, pace),
                        view.form,
                        lambda each: bodies.encode_item(view.shown(SERVICES, each)),
                    )
                )

            state = of_revisions(page)
            answer(request, response, state, view.form is not None, encode)
        if limit is not None:
            given.setdefault("limit", str(limit))
        parameters.set_page_headers(request, response, given, page.total, page.is_least)

    on_get_of_customer = on_get_anonymous = partialmethod(_list, ())
    on_get_active_of_customer = on_get_active_anonymous = partialmethod(
        _list, (ACTIVE,)
    )
    on_get_completed_of_customer = on_get_completed_anonymous = partialmethod(
        _list, (DONE,)
    )
