"""The resource of business attributes: all of them, and one (suffix ``one``)."""

from falcon import Response

from app import business_attributes
from app.api import bodies, parameters
from app.api.entity_tags import send
from app.api.request_context import Request


class BusinessAttributes:
    """Answers requests for business attributes. Context-services contract, section 6."""

    def __init__(self, attributes: business_attributes.BusinessAttributes) -> None:
        self._attributes = attributes

    def on_get(self, request: Request, response: Response) -> None:
        given = parameters.of_address(request)
        reader = parameters.Reader(given, ("cv-attribute",))
        place = reader.read("cv-attribute")
        reader.finish()
        send(request, response, bodies.encode(self._attributes.all(place)))

    def on_get_one(self, request: Request, response: Response, name: str) -> None:
        parameters.refuse_any(request)
        send(request, response, bodies.encode(self._attributes.get(name)))
