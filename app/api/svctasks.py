"""The resource of service tasks: the collection, and one of them (suffix ``one``).

Verbs and replies: svctasks contract, sections 3 to 5. Entity tags: RFC 9110, section 13.
"""

from falcon import HTTP_204, HTTPError, Response

from app import svctasks
from app.api import bodies, parameters
from app.api.entity_tags import conditions, is_answered, of_revision, of_revisions
from app.api.parameters import Listing
from app.api.renderings import Renderings
from app.api.request_context import Request
from app.api.request_limits import RequestLimits
from app.errors import Invalid
from app.pacing import Pacing, paced
from app.schemas.svctask import FIELDS
from app.storage import Document, Page, Record


class Svctasks:
    """Answers requests for service tasks; lists at the pace that ``pacing`` gives them."""

    def __init__(
        self, tasks: svctasks.Svctasks, pacing: Pacing, limits: RequestLimits
    ) -> None:
        self._svctasks = tasks
        self._pacing = pacing
        self._limits = limits
        self._renderings = Renderings()

    def on_get(self, request: Request, response: Response) -> None:
        given, listing = parameters.listing_in(request, FIELDS, self._limits)
        page = self._list(request, response, listing)
        parameters.set_page_headers(request, response, given, page.total, page.is_least)

    def on_query(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        given = parameters.of_body(bodies.read(request))
        listing = parameters.listing(given, FIELDS, self._limits)
        page = self._list(request, response, listing)
        # Without pages: the parameters are in no address that a link could name.
        parameters.set_page_headers(request, response, {}, page.total, page.is_least)

    def on_post(self, request: Request, response: Response) -> None:
        parameters.refuse_any_and_conditions(request)
        body = bodies.read(request)
        _show(response, self._svctasks.create(body))

    def on_lookup(self, request: Request, response: Response) -> None:
        parameters.refuse_any(request)
        key = bodies.read_key(request)
        response.data = bodies.encode(self._svctasks.look_up(key))

    def on_get_one(self, request: Request, response: Response, id: str) -> None:
        given = parameters.of_address(request)
        show = parameters.showing(given, FIELDS) if given else None
        record = self._svctasks.get(id)
        if not is_answered(request, response, of_revision(record.revision)):

            def render(task: Document) -> bytes:
                return bodies.encode_shown(show(task) if show else task, record)

            form = "one", show
            response.data = next(self._renderings.of([record], form, render))

    def on_patch_one(self, request: Request, response: Response, id: str) -> None:
        parameters.refuse_any(request)
        try:
            body = bodies.read(request)
            record = self._svctasks.change(id, body, conditions(request))
        except (Invalid, HTTPError):
            self._conditions_first(request, id)
            raise
        _show(response, record)

    def on_delete_one(self, request: Request, response: Response, id: str) -> None:
        parameters.refuse_any(request)
        try:
            self._svctasks.remove(id, conditions(request))
        except Invalid:
            self._conditions_first(request, id)
            raise
        response.status = HTTP_204

    def _conditions_first(self, request: Request, id_: str) -> None:
        """Raise NotFound and Stale where they hold, whatever is wrong with the body.

        Conditions come before the body: RFC 9110, section 13.2.1. A write whose body is
        right checks them itself.
        """
        self._svctasks.get(id_)
        self._svctasks.expect(id_, conditions(request))

    def _list(self, request: Request, response: Response, listing: Listing) -> Page:
        show = listing.show
        with self._pacing.query(request.env) as pace:
            page = self._svctasks.find(listing.query, pace)
            if not is_answered(request, response, of_revisions(page)):
                response.data = bodies.join(
                    self._renderings.of(
                        paced(page.records, pace),
                        show,
                        lambda task: bodies.encode_item(show(task)),
                    )
                )
        return page


def _show(response: Response, record: Record) -> None:
    response.set_header("ETag", f'"{of_revision(record.revision)}"')
    response.data = bodies.encode_shown(record.document, record)
