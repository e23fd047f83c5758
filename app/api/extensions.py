"""The resources of extensions: their schemas, and their values.

Operations and replies: context-services contract, sections 2 and 4.
"""

from functools import partialmethod

from falcon import HTTP_200, HTTP_204, Response

from app import services
from app.api import bodies, parameters
from app.api.entity_tags import conditions, is_answered, of_revision, send
from app.api.request_context import Request
from app.api.service_parameters import owner
from app.api.service_replies import answer_created
from app.extensions import Extensions
from app.schemas import extension
from app.schemas.extension_values import Values
from app.schemas.service import TASKS, Level


class ExtensionValues:
    """Answers requests for extension values of one level."""

    def __init__(self, level: Level, use_cases: services.Services) -> None:
        self._level = level
        self._services = use_cases

    def on_put(
        self, request: Request, response: Response, name: str, **ids: str
    ) -> None:
        self._write(Values.replaced, request, response, name, **ids)
        if self._level is TASKS:
            # The documents answer the write of a task's value with another status.
            response.status = HTTP_200

    def _write(
        self,
        edit: services.Edit,
        request: Request,
        response: Response,
        name: str,
        **ids: str,
    ) -> None:
        parameters.refuse_any(request)
        body = bodies.read(request)
        whose = owner(self._level, ids)
        known = conditions(request, of_views=True)
        self._services.write(whose, name, edit, body, known)
        response.status = HTTP_204

    on_put_record = partialmethod(_write, Values.amended)
    on_put_removal = partialmethod(_write, Values.without)


class ExtensionSchemas:
    """Answers requests for the extension schemas of one level."""

    def __init__(self, level: Level, extensions: Extensions) -> None:
        self._level = level
        self._extensions = extensions

    def on_get(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        send(request, response, bodies.encode(self._extensions.all(self._level)))

    def on_post(self, request: Request, response: Response) -> None:
        parameters.refuse_any_and_conditions(request)
        body = bodies.read(request)
        name = self._extensions.create(self._level, body)
        path = f"/metadata/{self._level.name}/extensions/{name}"
        answer_created(request, response, {"name": name}, path)

    def on_get_one(self, request: Request, response: Response, name: str) -> None:
        parameters.refuse_any(request)
        record = self._extensions.record(self._level, name)
        if not is_answered(request, response, of_revision(record.revision)):
            response.data = bodies.encode(extension.shown(record.document))

    def on_delete_one(self, request: Request, response: Response, name: str) -> None:
        parameters.refuse_any(request)
        self._extensions.remove(self._level, name, conditions(request))
        response.status = HTTP_204
