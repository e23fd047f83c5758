"""The replies of services, their states and their tasks, with status and entity tag.

Context-services contract, sections 1 and 2.
"""

from collections.abc import Callable
from typing import Any

from falcon import HTTP_201, Response

from app.api import bodies
from app.api.entity_tags import is_answered, of_content
from app.api.middleware import location
from app.api.request_context import Request


def answer(
    request: Request,
    response: Response,
    state: str,
    is_settled: bool,
    encode: Callable[[], bytes],
) -> None:
    """Send what ``encode`` returns, or 304; raises Stale.

    The tag is the ``state`` of what is shown, followed by that of the bytes unless the
    state alone determines them (``is_settled``).
    """
    if is_settled:
        if not is_answered(request, response, state):
            response.data = encode()
        return
    content = encode()
    if not is_answered(request, response, f"{state}-{of_content(content)}"):
        response.data = content


def answer_created(
    request: Request, response: Response, body: dict[str, Any], path: str
) -> None:
    """Send ``body``, which names what was created at ``path``, with 201."""
    response.status = HTTP_201
    response.set_header("Location", location(request, path))
    response.data = bodies.encode(body)
