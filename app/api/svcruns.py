"""The resource of runs: the list of all, that of a task, one, its output, run and stop.

Runner contract, section 11. Ranges of an output: RFC 9110, section 14.
"""

from collections.abc import Mapping

from falcon import HTTP_206, HTTPRangeNotSatisfiable, Response

from app.api import bodies, entity_tags, parameters, ranges
from app.api.parameters import Listing
from app.api.request_context import Request
from app.api.request_limits import RequestLimits
from app.pacing import Pace, Pacing, paced
from app.runs import RunPage, Runs
from app.schemas.svcrun import FIELDS

TEXT = "text/plain; charset=utf-8"


class Svcruns:
    """Answers requests for runs; lists at the pace that ``pacing`` gives them."""

    def __init__(self, runs: Runs, pacing: Pacing, limits: RequestLimits) -> None:
        self._runs = runs
        self._pacing = pacing
        self._limits = limits

    def on_get(self, request: Request, response: Response, id: str = "") -> None:
        given, listing = parameters.listing_in(request, FIELDS, self._limits)
        with self._pacing.query(request.env) as pace:
            if id:
                page = self._runs.page_of(id, listing.query, pace)
            else:
                page = self._runs.page(listing.query, pace)
            send_page(request, response, given, listing, page, pace)

    on_get_of_task = on_get

    def on_post_of_task(self, request: Request, response: Response, id: str) -> None:
        parameters.refuse_any_and_conditions(request)
        body = bodies.read_any(request)
        response.data = bodies.encode(self._runs.want(id, body))

    def on_get_one(self, request: Request, response: Response, run: str) -> None:
        show = parameters.showing(parameters.of_address(request), FIELDS)
        shown = bodies.encode(show(self._runs.get(run)))
        entity_tags.send(request, response, shown)

    def on_get_output(self, request: Request, response: Response, run: str) -> None:
        parameters.refuse_any(request)
        content = self._runs.output(run)
        tag = entity_tags.of_content(content)
        response.content_type = TEXT
        if entity_tags.is_answered(request, response, tag):
            return
        response.set_header("Accept-Ranges", "bytes")
        size = len(content)
        part = ranges.wanted(request, tag, size)
        if part is None:
            response.data = content
        elif part:
            response.status = HTTP_206
            response.content_range = part.start, part.stop - 1, size
            response.data = content[part.start : part.stop]
        else:
            raise HTTPRangeNotSatisfiable(
                size, description=f"The output has {size} bytes; this range has none"
            )

    def on_post_stop(self, request: Request, response: Response, run: str) -> None:
        parameters.refuse_any_and_conditions(request)
        response.data = bodies.encode(self._runs.stop(run))


def send_page(
    request: Request,
    response: Response,
    given: Mapping[str, str],
    listing: Listing,
    page: RunPage,
    pace: Pace,
) -> None:
    """Reply with a page of the list that the parameters ``given`` ask for."""
    content = bodies.join(
        bodies.encode_item(listing.show(run)) for run in paced(page.runs, pace)
    )
    tag = entity_tags.of_content(b"%d\n" % page.total + content)
    if not entity_tags.is_answered(request, response, tag):
        response.data = content
    parameters.set_page_headers(request, response, given, page.total)
