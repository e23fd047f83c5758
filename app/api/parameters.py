"""The query parameters: which exist, and how those of service tasks are read.

``filter, mask, offset, limit, order, flat`` come as text in the address or, with the
method QUERY, as members of a JSON body; both are read into the same values. In both APIs a
parameter without a value counts as absent, and ``_``, by which browsers get around caches,
is ignored. svctasks contract, section 4; for the names of the others context-services
contract, section 2.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import dumps
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from falcon import Response

from app import jsontext
from app.api.entity_tags import MATCH, NONE_MATCH
from app.api.query_parameters import SEPARATED, TABLE
from app.api.request_context import Request
from app.api.request_limits import RequestLimits
from app.errors import Invalid, Stale, cut
from app.jsontext import Bounds
from app.query import Condition, Field, Fields, Order, Query, suggestion
from app.query.grammar import condition, ordering
from app.query.projection import Projection, flat, mask, projection, whole
from app.schemas.service import ASKED_FOR

OF_LIST = ("filter", "mask", "offset", "limit", "order", "flat")
OF_ONE = ("mask", "flat")
OF_STARTS = ("from", "until", "count")
OF_AGENDA = ("from", "until", "limit")

TASK_ARRAYS = ("active_tasks", "completed_tasks")

OF_SERVICE = (*ASKED_FOR, "extensions")
# fmt: off
OF_SERVICES = (
    "started_from", "started_to", "completed_from", "completed_to", "service_types",
    *OF_SERVICE, "offset", "limit",
)
# fmt: on
OF_STATE = (*TASK_ARRAYS, "extensions")
OF_STATES = ("state_types", *OF_STATE)
OF_TASK = ("extensions",)
OF_TASKS = ("state_id", "task_types", "extensions")

COUNTED = 10_000
"""Matches of a list that are counted, if they go on behind the end of the page."""

MAX_UNKNOWN = 32
"""How many unknown parameters a message names."""

MAX_GIVEN = 100
"""How many parameters an address may have."""

MAX_SHOWN = 200
"""How many characters a spelling that is meant has at most, to be shown."""

MAX_LINKED = 8000
"""Characters that the address of a page may have: gunicorn takes 8190 with all around."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a request for a list asks for: which items, and how they are shown."""

    query: Query
    show: Projection


def of_address(request: Request) -> dict[str, str]:
    """Return the parameters in the address; raises Invalid."""
    return decoded(request.query_string) if request.query_string else {}


def decoded(query_string: str) -> dict[str, str]:
    """Return the parameters in a query string as WSGI has it; raises Invalid."""
    try:
        pairs = parse_qsl(
            # WSGI hands on the bytes of the address as if they were Latin-1.
            query_string.encode("latin-1").decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_GIVEN,
        )
    except UnicodeError:
        raise Invalid("the address has parameters that cannot be decoded") from None
    except ValueError:
        raise Invalid(f"the address has more than {MAX_GIVEN} parameters") from None
    pairs = [pair for pair in pairs if _counts(*pair)]
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        _refuse_repeated(pairs)
    return parameters


def _counts(name: str, value: Any) -> bool:
    return value != "" and name != "_"


def _refuse_repeated(pairs: Sequence[tuple[str, str]]) -> None:
    """Raise Invalid, naming the parameters that are repeated."""
    counted = Counter(name for name, _ in pairs)
    faults = {}
    for name in [name for name, count in counted.items() if count > 1]:
        values = [value for other, value in pairs if other == name]
        base = name.removesuffix("[]")
        joined = {
            "filter": "; join the conditions in one",
            "order": _spelled("order", dumps(values, separators=(",", ":"))),
        }
        if base in SEPARATED:
            joined[base] = _spelled(base, ",".join(values))
        fault = f"is given {counted[name]} times{joined.get(base, '; give it once')}"
        faults[cut(name)] = [fault]
    raise Invalid.of(faults)


def _spelled(name: str, value: str) -> str:
    """Return how a parameter is spelled, for a message, if that is not too long."""
    return f"; write {name}={value}" if len(value) <= MAX_SHOWN else ""


def listing_in(
    request: Request, fields: Fields, limits: RequestLimits
) -> tuple[Mapping[str, str], Listing]:
    """Return the parameters in the address and what they ask of a list; raises Invalid.

    What the latest addresses ask is remembered: clients send the same ones again.
    """
    return _remembered(request.query_string, fields, limits)


@lru_cache(maxsize=256)
def _remembered(
    query_string: str, fields: Fields, limits: RequestLimits
) -> tuple[Mapping[str, str], Listing]:
    given = decoded(query_string)
    found = listing(given, fields, limits)
    if found.query.limit is not None:
        given.setdefault("limit", str(found.query.limit))
    return given, found


def refuse_any(request: Request) -> None:
    """Raise Invalid if there is a parameter in the address."""
    if given := of_address(request):
        Reader(given, ()).finish()


def refuse_any_and_conditions(request: Request) -> None:
    """Raise Invalid if there is a parameter, and Stale if there are conditions.

    A write must not ignore its conditions, where nothing has a tag.
    """
    refuse_any(request)
    if MATCH in request.env or NONE_MATCH in request.env:
        raise Stale(
            "nothing that has an entity tag is changed here; "
            "leave If-Match and If-None-Match out"
        )


def of_body(body: Any) -> dict[str, Any]:
    """Return the parameters in the body of a QUERY; raises Invalid."""
    if not isinstance(body, dict):
        raise Invalid(f"the body must be an object with any of {', '.join(OF_LIST)}")
    return {name: value for name, value in body.items() if _counts(name, value)}


def listing(
    parameters: Mapping[str, Any], fields: Fields, limits: RequestLimits
) -> Listing:
    """Return what ``parameters`` ask of a list; raises Invalid with all faults."""
    reader = Reader(parameters, OF_LIST)

    def read_filter(value: Any) -> Condition:
        return condition(_filter(value, limits.json), fields, limits.filter)

    def read_order(value: Any) -> tuple[Order, ...]:
        return ordering(_order(value, limits.json), fields)

    query = Query(
        where=reader.read("filter", read_filter),
        order=reader.read("order", read_order) or (),
        offset=reader.read("offset"),
        limit=reader.read_limit(limits.items),
        counted=COUNTED,
    )
    show = _projection(reader, fields, on_list=True)
    reader.finish()
    return Listing(query, show)


def showing(parameters: Mapping[str, Any], fields: Fields) -> Projection:
    """Return how ``parameters`` show one document; raises Invalid with all faults."""
    reader = Reader(parameters, OF_ONE)
    show = _projection(reader, fields, on_list=False)
    reader.finish()
    return show


def set_page_headers(
    request: Request,
    response: Response,
    parameters: Mapping[str, str],
    total: int,
    is_least: bool = False,
) -> None:
    """Set the headers for the number of all matches and the neighbouring pages."""
    response.set_header("X-Total-Count", str(total))
    if is_least:
        response.set_header("X-Total-Count-Is", "at-least")
    if "limit" in parameters and (pages := _links(request, parameters, total)):
        response.set_header("Link", pages)


def _links(request: Request, parameters: Mapping[str, str], total: int) -> str | None:
    """Return the header Link, unless nobody could ask for the addresses in it. RFC 8288."""
    limit, offset = int(parameters.get("limit", 0)), int(parameters.get("offset", 0))
    pages = {}
    if limit and offset + limit < total:
        pages["next"] = offset + limit
    if limit and offset:
        pages["prev"] = max(0, offset - limit)
    path = quote(request.root_path + request.path)
    before, after = _around_offset(tuple(parameters.items()))
    if len(path) + len(before) + len(after) > MAX_LINKED:
        return None
    return ", ".join(
        f'<{path}?{before}{page}{after}>; rel="{relation}"'
        for relation, page in pages.items()
    )


@lru_cache(maxsize=256)
def _around_offset(parameters: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """Return the parts before and after the offset in the query of a page."""
    # No value has an equals sign in its encoded form.
    text = urlencode({**dict(parameters), "offset": ""})
    before, name, after = text.partition("offset=")
    return before + name, after


class Reader:
    """Reads parameters one by one and gathers what is wrong with them.

    All but the ``known`` are wrong.
    """

    def __init__(self, parameters: Mapping[str, Any], known: Sequence[str]) -> None:
        names = f"there may be {', '.join(known)}" if known else "there may be none"
        unknown = [name for name in parameters if name not in known]
        if len(unknown) > MAX_UNKNOWN:
            raise Invalid(f"more than {MAX_UNKNOWN} unknown parameters; {names}")
        self._parameters = parameters
        self._faults = {
            cut(name): [
                f"there is no such parameter here{_meant(name, parameters[name], known)}; "
                f"{names}"
            ]
            for name in unknown
        }

    def read(self, name: str, parse: Callable[[Any], Any] | None = None) -> Any:
        """Return the value of a parameter, or its default.

        ``parse``, if given, goes before that of the table; it raises Invalid or ValueError.
        """
        row = TABLE.get(name)
        default = row.default if row else None
        if name not in self._parameters or name in self._faults:
            return default
        try:
            return (parse or TABLE[name].parse)(self._parameters[name])
        except Invalid as error:
            self._faults[name] = list(error.faults.get(name, [error.message]))
        except ValueError as error:
            self._faults[name] = [str(error)]
        return default

    def read_limit(self, most: int) -> int | None:
        """Return how many items a reply may have: ``most`` at most, unless that is 0."""
        limit: int | None = self.read("limit")
        if most and limit is not None and limit > most:
            self._faults["limit"] = [f"must be {most} at most (SVCTASKS_MAX_LIMIT)"]
        return limit if limit is not None or not most else most

    def finish(self) -> None:
        """Raise Invalid with all the faults, if there are any."""
        if self._faults:
            raise Invalid.of(self._faults)


_IN_BRACKETS = re.compile(r"([a-z_]+)((?:\[[^\[\]]*\])+)")


def _meant(name: str, value: Any, known: Sequence[str]) -> str:
    """Return what an unknown parameter seems to mean, such as ``filter[name]``."""
    match = _IN_BRACKETS.fullmatch(name) if len(name) <= MAX_SHOWN else None
    if match is None or match[1] not in known or not isinstance(value, str):
        return suggestion(name, known)
    keys = match[2][1:-1].split("][")
    if match[1] in ("filter", "order") and any(keys):
        meant: Any = value
        for key in reversed(keys):
            meant = {key: meant} if key else [meant]
        value = dumps(meant, ensure_ascii=False, separators=(",", ":"))
    return _spelled(match[1], value)


def _projection(reader: Reader, fields: Fields, on_list: bool) -> Projection:
    named = reader.read("mask", lambda value: mask(value, fields, on_list))
    return _shape(named, reader.read("flat"), fields, on_list)


@lru_cache(maxsize=256)
def _shape(
    named: tuple[Field, ...] | None, is_flat: bool, fields: Fields, on_list: bool
) -> Projection:
    """Return the projection: the same object for the same parameters."""
    show = projection(named or whole(fields, on_list), fields)
    return (lambda document: flat(show(document))) if is_flat else show


def _filter(value: Any, bounds: Bounds) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return jsontext.read(value, "its text", bounds=bounds)
    except Invalid as error:
        raise Invalid(f'{error.message}; it is such as {{"name":"x"}}') from None


def _order(value: Any, bounds: Bounds) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{", '"'):
        return jsontext.read(value, "its text", bounds=bounds)
    return value
