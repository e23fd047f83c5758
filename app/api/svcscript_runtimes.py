"""The resource of the instances of scripts that are running: the platform's own words.

Runner contract, section 11.
"""

from falcon import HTTP_204, Response

from app.api import bodies, parameters
from app.api.request_context import Request
from app.api.request_limits import RequestLimits
from app.api.svcruns import send_page
from app.pacing import Pacing
from app.runs import Runs
from app.schemas.svcrun import RUNTIME_FIELDS


class SvcscriptRuntimes:
    """Answers requests for instances of scripts; lists at the pace of ``pacing``."""

    def __init__(self, runs: Runs, pacing: Pacing, limits: RequestLimits) -> None:
        self._runs = runs
        self._pacing = pacing
        self._limits = limits

    def on_get(self, request: Request, response: Response) -> None:
        given, listing = parameters.listing_in(request, RUNTIME_FIELDS, self._limits)
        with self._pacing.query(request.env) as pace:
            page = self._runs.runtimes(listing.query)
            send_page(request, response, given, listing, page, pace)

    def on_post(self, request: Request, response: Response) -> None:
        parameters.refuse_any_and_conditions(request)
        body = bodies.read(request)
        response.data = bodies.encode(self._runs.start_runtime(body))

    def on_delete_one(self, request: Request, response: Response, run: str) -> None:
        parameters.refuse_any_and_conditions(request)
        self._runs.stop_runtime(run)
        response.status = HTTP_204
