"""The resource of the instances of scripts that are running: the platform's own words.

Runner contract, section 11.
"""

from falcon import HTTP_204, Response

from app.api import bodies, parameters
from app.api.entity_tags import refuse_conditions, send
from app.api.request_context import Request
from app.runs import Runs


class SvcscriptRuntimes:
    """Answers requests for instances of scripts."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def on_get(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        send(request, response, bodies.encode(self._runs.runtimes()))

    def on_post(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        refuse_conditions(request)
        body = bodies.read(request)
        response.data = bodies.encode(self._runs.start_runtime(body))

    def on_delete_one(self, request: Request, response: Response, run: str) -> None:
        parameters.refuse_any(request)
        refuse_conditions(request)
        self._runs.stop_runtime(run)
        response.status = HTTP_204
