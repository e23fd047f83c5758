"""The resources of the states and of the tasks of services.

Operations and replies: context-services contract, sections 1 to 3.
"""

from functools import partial, partialmethod

from falcon import Response

from app import lifecycle, services
from app.api import bodies, parameters
from app.api.entity_tags import conditions, of_resource, of_revision
from app.api.parameters import Reader
from app.api.request_context import Request
from app.api.service_parameters import (
    number,
    owner,
    repeated_id,
    selection,
    selection_in,
    types_of_list,
)
from app.api.service_replies import answer, answer_created
from app.api.views import View
from app.schemas.service import SERVICES, STATES, Level
from app.schemas.value_types import TYPE


class StatesAndTasks:
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
        reader.read(STATES.id, partial(repeated_id, ended.id_))
        reader.finish()
        body, states = bodies.read_any(request), conditions(request, of_views=True)
        self._services.complete(ended, body, states)

    def on_get_one(self, request: Request, response: Response, **ids: str) -> None:
        known = parameters.OF_STATE if self._level is STATES else parameters.OF_TASK
        selected = selection_in(request.query_string, known)
        view = View(selected, self._services)
        whose = owner(self._level, ids)
        document = self._services.get(whose.service_id)
        resource = lifecycle.owner(document, self._level, whose.id_)

        def encode() -> bytes:
            return bodies.encode(view.inside(self._level, document, resource))

        # Tasks that are shown with a state are no part of it.
        is_alone = view.form is not None and not selected.arrays
        answer(request, response, of_resource(resource), is_alone, encode)

    def _list(
        self, part: str, request: Request, response: Response, service_id: str
    ) -> None:
        """List a part of those in a service; with "", all."""
        level = self._level
        known = parameters.OF_STATES if level is STATES else parameters.OF_TASKS
        reader = Reader(parameters.of_address(request), known)
        types = types_of_list(reader, f"{level.noun}_types", level, self._services)
        state_id = reader.read("state_id")
        selected = selection(reader)
        reader.finish()
        view = View(selected, self._services)
        record = self._services.record(number(SERVICES, service_id))
        document = record.document

        def encode() -> bytes:
            return bodies.encode(
                [
                    view.inside(level, document, resource)
                    for resource in lifecycle.nested(document, level, part)
                    if (
                        types is None
                        or TYPE.comparison_key(resource[level.type]) in types
                    )
                    and (state_id is None or resource.get("state_id") == state_id)
                ]
            )

        state = of_revision(record.revision)
        answer(request, response, state, view.form is not None, encode)

    on_get = partialmethod(_list, "")
    on_get_active = partialmethod(_list, "active")
    on_get_completed = partialmethod(_list, "completed")

    def _created(
        self, request: Request, response: Response, service: int, id_: int
    ) -> None:
        path = f"/services/{service}/{self._level.name}/{id_}"
        answer_created(request, response, {self._level.id: id_}, path)
