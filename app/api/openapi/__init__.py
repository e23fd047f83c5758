"""The description of all addresses in the form of OpenAPI 3.1, made of ROUTES.

LOOKUP and QUERY are under ``x-oai-additionalOperations``, the registered extension for
methods that 3.1 has no place for.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from app import __version__
from app.access import ANYONE, READER, Role
from app.api.bodies import FORM
from app.api.middleware import OVERRIDES, READING
from app.api.openapi.descriptions import ABOUT, DESCRIPTIONS, MEMBERS, TAGS
from app.api.openapi.examples import EXAMPLES, LOOKUP_FAILED
from app.api.openapi.operations import CONDITIONS, OPERATIONS, Operation
from app.api.openapi.parameters import HEADERS, OF_PATH, PARAMETERS
from app.api.openapi.replies import REPLIES
from app.api.openapi.schemas import AMENDMENTS, OF_FIELDS, OTHERS
from app.api.routes import ROUTES, Route, Verb
from app.jsonschema import SHARED, JsonSchema, ref
from app.schemas.description import body

JSON = "application/json"
FURTHER = "x-oai-additionalOperations"

RESOURCES = {
    "service tasks": ("svctasks", "starts"),
    "runs": ("svcruns", "svcscripts", "svcscript_runtimes"),
    "services": ("services", "states", "tasks"),
    "extensions": (
        "service_values",
        "state_values",
        "task_values",
        "service_schemas",
        "state_schemas",
        "task_schemas",
    ),
    "business attributes": ("business_attributes",),
    "server": ("status", "mode", "health", "metrics", "whoami"),
    "documentation": ("entrance", "openapi", "documentation", "console"),
}
"""The resources whose operations each tag groups."""

ERRORS = {
    400: "Something in the request is wrong; the message says what.",
    401: "There is no valid token with the request, and it needs one.",
    403: "The role of the token may not do this, nor may a page of another origin, or the "
    "server runs read-only.",
    404: "There is no such thing.",
    405: "This method is not supported at this address.",
    409: "There is one with this id already, or what it is about does not admit this now.",
    412: "It is not in a state that If-Match and If-None-Match admit.",
    413: "The body is too large, or the document would be.",
    415: "The body is neither JSON nor a form with JSON in `data`, or it is compressed.",
    416: "There is nothing in this range; Content-Range says how many bytes there are.",
    421: "The header Host names a host that the server does not answer for.",
    429: "Too many requests without a valid token came from this address.",
    500: "The service failed; its log says why.",
    503: "The store is not available, or the server is in maintenance.",
    507: "The table would have too many documents, or too many bytes.",
}

OF_ERRORS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    416: ("Accept-Ranges", "Content-Range"),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
"""The headers of replies with errors."""

TOO_LONG = {
    414: "The address is longer than the server takes; the web server itself says so.",
    431: "The headers are too long or too many; the web server itself says so.",
}
"""What is refused before it comes to this service, and so in no form of its own."""

SCHEMES: Mapping[str, dict[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token: svctasks token create NAME --role ROLE",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The name of a token, and the token as the password.",
    },
}
"""How a token is sent."""

FORMS = ("Error", "ServicesError")
"""The schemas of errors: elsewhere, and in the services API."""


def document(prefix: str, root: str = "") -> dict[str, Any]:
    """Return the document; the services API is under ``prefix`` too, if any.

    ``root`` is the path that all is served under, or empty.
    """
    servers = [{"url": root or "/"}]
    paths = {route.template: _item(route) for route in ROUTES}
    if prefix:
        for route in ROUTES:
            if route.is_of_services_api:
                paths[route.template]["servers"] = [*servers, {"url": root + prefix}]
    responses = {
        f"{form}{status}": _error(form, status) for form in FORMS for status in ERRORS
    }
    for status, description in TOO_LONG.items():
        responses[f"TooLong{status}"] = {"description": description}
    return {
        "openapi": "3.1.0",
        "info": {"title": "svctasks", "version": __version__, "description": ABOUT},
        "servers": servers,
        "security": _security(READER),
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": responses,
            "securitySchemes": SCHEMES,
        },
    }


def _security(role: Role) -> list[dict[str, list[str]]]:
    """Return how a token with ``role`` may be sent; nothing else is needed."""
    return [{scheme: [role]} for scheme in SCHEMES]


def _schemas() -> dict[str, JsonSchema]:
    schemas: dict[str, JsonSchema] = {}
    for name, of_fields in OF_FIELDS.items():
        described, amendment = body(of_fields), AMENDMENTS.get(name, {})
        properties = described["properties"] | amendment.get("properties", {})
        schemas[name] = {**described, **amendment, "properties": properties}
        if "unevaluatedProperties" in amendment:
            del schemas[name]["additionalProperties"]
    schemas |= {**SHARED, **OTHERS, **REPLIES}
    for of, schema in schemas.items():
        for name, member in schema.get("properties", {}).items():
            description = MEMBERS.get(f"{of}.{name}") or MEMBERS.get(name)
            if description:
                schema["properties"][name] = {**member, "description": description}
    return schemas


def _item(route: Route) -> dict[str, Any]:
    """Return the operations of ``route`` by method, in lower case or as an extension."""
    item: dict[str, Any] = {}
    for method, verb in route.verbs.items():
        described = _operation(route, method, verb)
        if method in OVERRIDES:
            item.setdefault(FURTHER, {})[method] = described
        else:
            item[method.lower()] = described
    return item


def _operation(route: Route, method: str, verb: Verb) -> dict[str, Any]:
    name = verb.operation
    operation = OPERATIONS[name]
    form = FORMS[route.is_of_services_api]
    of_path = [
        OF_PATH.get((route.resource, parameter), f"path.{parameter}")
        for parameter in re.findall(r"\{(\w+)\}", route.template)
    ]
    parameters = [*of_path, *operation.parameters]
    replies = {
        str(status): _reply(operation, status, schema)
        for status, schema in operation.replies.items()
    }
    errors = {
        str(status): {"$ref": f"#/components/responses/{form}{status}"}
        for status in _refusals(route, method, verb)
    }
    in_address = ("path", "query")
    is_free = any(PARAMETERS[name]["in"] in in_address for name in parameters)
    errors |= {
        str(status): {"$ref": f"#/components/responses/TooLong{status}"}
        for status in ((414, 431) if is_free else (431,))
    }
    described = {
        "operationId": name,
        "summary": operation.summary,
        "description": DESCRIPTIONS[name],
        "tags": [tag for tag, of in RESOURCES.items() if route.resource in of],
        "parameters": [
            {"$ref": f"#/components/parameters/{name}"}
            for name in (*parameters, "X-Request-Id")
        ],
        "responses": dict(sorted({**errors, **replies}.items())),
        # Without a token, an open operation discloses less.
        "security": (
            [{}, *_security(READER)] if verb.role == ANYONE else _security(verb.role)
        ),
    }
    if operation.body:
        described["requestBody"] = _body(operation)
    return described


def _refusals(route: Route, method: str, verb: Verb) -> set[int]:
    """Return the statuses with which an operation can be refused."""
    operation, writes = OPERATIONS[verb.operation], method not in READING
    # Bad parameters or host, a failure, no store.
    found = {400, 421, 500, 503, *operation.errors}
    if "{" in route.template:
        found.add(404)
    if writes or CONDITIONS[0] in operation.parameters:
        found.add(412)
    if operation.body:
        found |= {413, 415, 507} if writes else {413, 415}
    if verb.role != ANYONE:
        # Every token may read.
        found |= {401, 429} if verb.role == READER else {401, 403, 429}
    if _is_taken(route, method):
        found.add(405)
    return found.difference(operation.never)


def _is_taken(route: Route, method: str) -> bool:
    """Return whether some of the addresses are those of a route without ``method``.

    A literal segment wins over a parameter, so a service with the id ``start`` is
    unreachable.
    """
    return any(
        method not in other.verbs and _goes_before(other.template, route.template)
        for other in ROUTES
    )


def _goes_before(first: str, second: str) -> bool:
    pairs = list(zip(first.split("/"), second.split("/"), strict=False))
    unlike = [(one, other) for one, other in pairs if one != other]
    return (
        first.count("/") == second.count("/")
        and all("{" in one + other for one, other in unlike)
        and any("{" not in one for one, _ in unlike[:1])
    )


def _body(operation: Operation) -> dict[str, Any]:
    form = {
        "type": "object",
        "properties": {"data": ref(operation.body)},
        "required": ["data"] if operation.needs_body else [],
        "additionalProperties": False,
    }
    return {
        "required": operation.needs_body,
        "content": {
            JSON: _media(operation.body),
            FORM: {"schema": form, "encoding": {"data": {"contentType": JSON}}},
        },
    }


def _reply(operation: Operation, status: int, schema: str) -> dict[str, Any]:
    is_redirect = status == HTTPStatus.TEMPORARY_REDIRECT
    names = ("Location",) if is_redirect else operation.headers
    reply = {
        "description": HTTPStatus(status).phrase,
        "headers": _headers(*names),
    }
    if schema:
        reply["content"] = {
            media_type: _media(schema) for media_type in operation.media_types
        }
    return reply


def _error(form: str, status: int) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": ref(form)}
    if (form, status) == ("Error", 404):
        media["examples"] = {"lookup": {"value": LOOKUP_FAILED}}
    return {
        "description": ERRORS[status],
        "headers": _headers(*OF_ERRORS.get(status, ())),
        "content": {JSON: media},
    }


def _headers(*names: str) -> Mapping[str, Any]:
    return {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in (*names, "X-Request-Id")
    }


def _media(schema: str) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": ref(schema)}
    if schema in EXAMPLES:
        media["examples"] = {
            name: {"value": example} for name, example in EXAMPLES[schema].items()
        }
    return media
