"""The resource of starts: those of one task, stored or not, and the agenda of all.

Runner contract, section 11.
"""

from falcon import Response

from app import starts
from app.api import bodies, parameters
from app.api.query_parameters import LIMIT_OF_AGENDA
from app.api.request_context import Request
from app.pacing import Pacing
from app.starts import Wanted


class Starts:
    """Answers requests for starts; an agenda at the pace that ``pacing`` gives it."""

    def __init__(self, use_cases: starts.Starts, pacing: Pacing) -> None:
        self._starts = use_cases
        self._pacing = pacing

    def on_get(self, request: Request, response: Response) -> None:
        wanted = _wanted_of_all(request)
        with self._pacing.query(request.env) as pace:
            response.data = bodies.encode(self._starts.agenda(wanted, pace))

    def on_query(self, request: Request, response: Response) -> None:
        wanted = _wanted(request)
        body = bodies.read(request)
        response.data = bodies.encode(self._starts.of_body(body, wanted))

    def on_get_of_task(self, request: Request, response: Response, id: str) -> None:
        response.data = bodies.encode(self._starts.of_task(id, _wanted(request)))


def _wanted(request: Request) -> Wanted:
    """Return what the parameters ask of one task; raises Invalid."""
    reader = parameters.Reader(parameters.of_address(request), parameters.OF_STARTS)
    wanted = Wanted(reader.read("from"), reader.read("until"), reader.read("count"))
    reader.finish()
    return wanted


def _wanted_of_all(request: Request) -> Wanted:
    """Return what the parameters ask of the agenda; raises Invalid."""
    reader = parameters.Reader(parameters.of_address(request), parameters.OF_AGENDA)
    limit = reader.read("limit", LIMIT_OF_AGENDA.parse)
    most = LIMIT_OF_AGENDA.default if limit is None else limit
    wanted = Wanted(reader.read("from"), reader.read("until"), most)
    reader.finish()
    return wanted
