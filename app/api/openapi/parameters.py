"""The parameters of addresses, queries and headers, and the headers of replies, by name."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from app.api.openapi.schemas import (
    MASK_OF_LIST,
    MASK_OF_ONE,
    MASK_OF_RUNS,
    MASK_OF_RUNTIMES,
)
from app.api.query_parameters import LIMIT_OF_AGENDA, TABLE, QueryParameter
from app.jsonschema import MOST, NOT_EMPTY, TEXTUAL, JsonSchema, integer, ref

Parameter = dict[str, Any]

_TAG = '(W/)?"[!#-~]*"'
_TAGS_OR_ANY: JsonSchema = {
    "type": "string",
    "pattern": rf"^(\*|{_TAG}( *, *{_TAG})*)$",
}


def _parameter(
    place: str, name: str, description: str, schema: JsonSchema, **more: Any
) -> Parameter:
    what = {"name": name, "in": place, "description": description}
    return {**what, "schema": schema, **more}


_query, _header_sent = partial(_parameter, "query"), partial(_parameter, "header")


def _json(name: str, description: str, schema: JsonSchema, example: Any) -> Parameter:
    """Return a parameter with JSON in it.

    OpenAPI has ``content`` for that too, which generators of clients do not know. The
    example is part of the description: Swagger UI would send it unasked.
    """
    text = {**TEXTUAL, "contentMediaType": "application/json", "contentSchema": schema}
    return _query(name, f"{description} Such as `{json.dumps(example)}`.", text)


def _separated(
    name: str, description: str, schema: JsonSchema, **more: Any
) -> Parameter:
    """Return a parameter of several values with commas between."""
    return _query(name, description, schema, style="form", explode=False, **more)


def _of_address(
    name: str, description: str, schema: JsonSchema, example: Any
) -> Parameter:
    further = {"required": True, "example": example}
    return _parameter("path", name, description, schema, **further)


def _of_table(name: str, row: QueryParameter) -> Parameter:
    describe = _separated if row.is_separated else _query
    example = {} if row.example is None else {"example": row.example}
    return describe(name, row.description, row.schema, **example)


PARAMETERS: Mapping[str, Parameter] = {
    "filter": _json(
        "filter",
        "All members must match.",
        ref("Filter"),
        example={"isenabled": 1, "name": {"$startswith": "Daily"}},
    ),
    "mask": _separated("mask", "The fields to show.", MASK_OF_LIST),
    "mask-of-one": _separated(
        "mask", "The fields to show, keys of the client's own too.", MASK_OF_ONE
    ),
    "order": _json(
        "order",
        "By which fields to sort; a bare name will do. What is equal is in the order of "
        "creation, or in the reverse if the last field descends.",
        ref("Ordering"),
        example=["name", {"ext.lwt": "desc"}],
    ),
    "filter-of-runs": _json(
        "filter",
        "All members must match.",
        ref("RunFilter"),
        example={"state": {"$in": ["failed", "timedout"]}, "code": "cleardata"},
    ),
    "mask-of-runs": _separated("mask", "The fields to show.", MASK_OF_RUNS),
    "order-of-runs": _json(
        "order",
        "By which fields to sort; a bare name will do. Without it, the newest slots come "
        "first.",
        ref("RunOrdering"),
        example=[{"duration": "desc"}],
    ),
    "filter-of-runtimes": _json(
        "filter",
        "All members must match.",
        ref("RuntimeFilter"),
        example={"code": "cleardata"},
    ),
    "mask-of-runtimes": _separated("mask", "The fields to show.", MASK_OF_RUNTIMES),
    "order-of-runtimes": _json(
        "order",
        "By which fields to sort; a bare name will do. Without it, the newest come first.",
        ref("RuntimeOrdering"),
        example=["code"],
    ),
    **{name: _of_table(name, row) for name, row in TABLE.items()},
    "limit-of-agenda": _of_table("limit", LIMIT_OF_AGENDA),
    "state_id-of-address": _query(
        "state_id", "The id of the state again, as in the address.", integer(0, MOST)
    ),
    "If-Match": _header_sent(
        "If-Match", "The ETag that it must have still, or *.", _TAGS_OR_ANY
    ),
    "If-None-Match": _header_sent(
        "If-None-Match", "The ETag of what is known already: then 304.", TEXTUAL
    ),
    "If-None-Match-of-write": _header_sent(
        "If-None-Match", "The ETag that it must not have, or *.", _TAGS_OR_ANY
    ),
    "Range": _header_sent(
        "Range",
        "The bytes to send, such as bytes=1000- for those from the thousandth on, and "
        "bytes=-1000 for the last thousand. Anything but one range of bytes is ignored.",
        TEXTUAL,
    ),
    "If-Range": _header_sent(
        "If-Range", "The ETag that it must have still; else the whole is sent.", TEXTUAL
    ),
    "X-Request-Id": _header_sent(
        "X-Request-Id",
        "What the reply and the log call this request: 1 to 128 of letters, digits and "
        ". _ : / + = -. Anything else is replaced by a new one.",
        TEXTUAL,
    ),
    "path.id": _of_address(
        "id",
        "The id of a task.",
        ref("SvctaskId"),
        "380daae6-016c-cdd4-606e-50e54938780c",
    ),
    "path.run": _of_address(
        "run",
        "The id of a run.",
        ref("SvctaskId"),
        "3f1c5a52-6a0e-41d7-9d0c-3c5f1e7a9b20",
    ),
    "path.service_id": _of_address(
        "service_id", "The id of a service.", integer(0, MOST), 3005
    ),
    "path.state_id": _of_address(
        "state_id", "The id of a state in it.", integer(0, MOST), 4000
    ),
    "path.task_id": _of_address(
        "task_id", "The id of a task in it.", integer(0, MOST), 2000
    ),
    "path.customer_id": _of_address(
        "customer_id", "The id of a customer; it has no slash.", NOT_EMPTY, "C-17"
    ),
    "path.contact_key": _of_address(
        "contact_key", "The key of a contact; it has no slash.", NOT_EMPTY, "bob"
    ),
    "path.name": _of_address(
        "name", "The name of an extension, in any case.", NOT_EMPTY, "callbacks"
    ),
    "path.attribute": _of_address(
        "name", "The name of a business attribute.", NOT_EMPTY, "Outcome"
    ),
    "path.file": _of_address("file", "The name of a file.", NOT_EMPTY, "page.js"),
}

OF_PATH = {("business_attributes", "name"): "path.attribute"}
"""The parameters of paths that mean another thing at the addresses of a resource."""


def _header(
    description: str, schema: JsonSchema, required: bool = True
) -> dict[str, Any]:
    return {"description": description, "schema": schema, "required": required}


HEADERS: Mapping[str, dict[str, Any]] = {
    "Accept-Ranges": _header(
        "The unit of ranges that can be asked for.", {"const": "bytes"}, required=False
    ),
    "Allow": _header("The methods that there are at this address.", TEXTUAL),
    "Content-Range": _header(
        "Which bytes these are, and how many there are in all. RFC 9110.",
        {
            "type": "string",
            "pattern": r"^bytes ([0-9]+-[0-9]+/[0-9]+|\*/[0-9]+)$",
        },
        required=False,
    ),
    "Content-Security-Policy": _header("What the page may load.", TEXTUAL),
    "ETag": _header(
        "What changes whenever the reply does.",
        {"type": "string", "pattern": '^"[0-9a-f]{16}(-[0-9a-f]{16})?"$'},
    ),
    "Link": _header(
        "The next and the previous page, where there are such. RFC 8288.",
        TEXTUAL,
        required=False,
    ),
    "Location": _header(
        "The address of what the reply is about.",
        {"type": "string", "format": "uri-reference"},
    ),
    "Retry-After": _header(
        "Seconds after which it may succeed; not in maintenance, whose end is not known.",
        integer(1),
        False,
    ),
    "WWW-Authenticate": _header("How a token can be sent. RFC 9110.", TEXTUAL),
    "X-Request-Id": _header(
        "What the log calls this request.",
        {"type": "string", "pattern": "^[0-9A-Za-z._:/+=-]{1,128}$"},
    ),
    "X-Total-Count": _header("How many match, on all pages.", integer(0)),
    "X-Total-Count-Is": _header(
        "There where more than 10,000 match, and more than the pages up to this one have, "
        "and a database has counted no others: X-Total-Count is the least then.",
        {"const": "at-least"},
        required=False,
    ),
}
"""The headers of replies."""
