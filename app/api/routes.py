"""ROUTES: every address of the service and its verbs, as data.

``HEAD`` goes with ``GET``; Falcon answers ``OPTIONS``, and other verbs with 405. The
services API stands at the root and may stand under a prefix too, for clients that were
written for such an address.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.api.operations import BODY, READING, WRITING, Operation
from app.api.parameters import (
    OF_LIST,
    OF_SERVICE,
    OF_SERVICES,
    OF_STATE,
    OF_STATES,
    OF_TASK,
    OF_TASKS,
)

SVCTASKS = "/rest/v1/service/svctasks"

SERVICES_API = ("/services", "/customers", "/metadata", "/server")
"""Where the addresses of the services API begin."""

SERVICE_TRAFFIC = ("/services", "/customers")
"""Those of them that maintenance closes. Context-services contract, section 6."""


def begins(path: str, starts: tuple[str, ...]) -> bool:
    """Tell whether the first segments of ``path`` are one of ``starts``."""
    return f"{path}/".startswith(tuple(f"{each}/" for each in starts))


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the resource that answers there, and what each verb does."""

    template: str
    resource: str
    suffix: str | None
    verbs: dict[str, Operation]
    prefix: str = ""

    @property
    def address(self) -> str:
        """The template with the prefix."""
        return self.prefix + self.template

    @property
    def is_of_services_api(self) -> bool:
        """Whether it may stand under a prefix, and its errors have the services form."""
        return begins(self.template, SERVICES_API)

    @property
    def is_service_traffic(self) -> bool:
        """Whether it is closed in maintenance."""
        return begins(self.template, SERVICE_TRAFFIC)

    @property
    def allowed(self) -> list[str]:
        """All methods, sorted, for the header Allow."""
        head = {"HEAD"} if "GET" in self.verbs else set()
        return sorted({*self.verbs, *head, "OPTIONS"})


DOCS = "/docs"
HEALTH = "/health"
METRICS = "/metrics"
OPENAPI = "/openapi.json"
BUSINESS_ATTRIBUTES = "/metadata/business-attributes"
EXTENSION_SCHEMAS = "/metadata/services/extensions"
START = "/services/start"
STATUS = "/server/status"

_LISTING = (*READING, 412)
_GETTING = (*_LISTING, 404)
_SENDING = (*WRITING, *BODY, 412)
_CHANGING = (*_SENDING, 404)

_CONDITIONS = ("If-Match", "If-None-Match")
_CONDITIONS_OF_WRITE = ("If-Match", "If-None-Match-of-write")

_PAGED = ("X-Total-Count", "Link")


def _svctasks() -> Iterator[Route]:
    """Return the addresses of service tasks. Svctasks contract, section 3."""
    listing = Operation(
        *("list service tasks", {200: "SvctaskList", 304: ""}),
        parameters=(*OF_LIST, *_CONDITIONS),
        headers=("ETag", *_PAGED),
        errors=_LISTING,
    )
    create = Operation(
        *("create a service task", {200: "Svctask"}, "NewSvctask"),
        headers=("ETag",),
        errors=(*_SENDING, 409),
    )
    lookup = Operation(
        *("look up the ids of a key", {200: "Ids"}, "Key"),
        errors=(*READING, 404, *BODY),
    )
    query = Operation(
        "list service tasks, the parameters in the body",
        *({200: "SvctaskList", 304: ""}, "Listing"),
        parameters=_CONDITIONS,
        headers=("ETag", "X-Total-Count"),
        errors=(*_LISTING, *BODY),
    )
    yield Route(
        *(SVCTASKS, "svctasks", None),
        {"GET": listing, "POST": create, "LOOKUP": lookup, "QUERY": query},
    )
    get = Operation(
        *("get a service task", {200: "SvctaskView", 304: ""}),
        parameters=("mask-of-one", "flat", *_CONDITIONS),
        headers=("ETag",),
        errors=_GETTING,
    )
    change = Operation(
        *("change a service task", {200: "Svctask"}, "SvctaskChange"),
        parameters=_CONDITIONS_OF_WRITE,
        headers=("ETag",),
        errors=_CHANGING,
    )
    delete = Operation(
        *("delete a service task", {204: ""}),
        parameters=_CONDITIONS_OF_WRITE,
        errors=(*WRITING, 404, 412),
    )
    yield Route(
        *(SVCTASKS + "/{id_}", "svctasks", "one"),
        {"GET": get, "PATCH": change, "DELETE": delete},
    )


def _services() -> Iterator[Route]:
    """Return the addresses of services. Context-services contract, section 2."""
    one, customer = "/services/{service_id}", "/customers/{customer_id}/services"
    anonymous = "/services/anonymous/{contact_key}"
    start = Operation(
        *("start a service", {201: "ServiceId"}, "ServiceStart"),
        headers=("Location",),
        errors=_SENDING,
    )
    yield Route(START, "services", "start", {"POST": start})
    yield _one(one, "service", OF_SERVICE)
    associate = Operation(
        *("make a service that of a customer", {200: ""}, "Association"),
        needs_body=False,
        parameters=_CONDITIONS_OF_WRITE,
        errors=_CHANGING,
    )
    yield Route(
        *(customer + "/{service_id}", "services", "association"), {"POST": associate}
    )
    for part in ("", "active", "completed"):
        ending, prefix = (f"/{part}", f"{part}_") if part else ("", "")
        what = f"{part} services" if part else "services"
        for place, suffix, of_whom in (
            (customer, "of_customer", f"{what} of a customer"),
            (anonymous, "anonymous", f"anonymous {what} of a contact key"),
        ):
            listing = _listed(of_whom, "Service", OF_SERVICES, _PAGED, _LISTING)
            yield Route(
                *(place + ending, "services", prefix + suffix), {"GET": listing}
            )
    yield from _nested("state", OF_STATE, OF_STATES)
    yield from _nested("task", OF_TASK, OF_TASKS)
    yield Route(one + "/end", "services", "end", {"POST": _ended("service")})


def _nested(
    level: str, of_one: tuple[str, ...], of_list: tuple[str, ...]
) -> Iterator[Route]:
    """Return the addresses of the states, or the tasks, of a service."""
    several, resource = f"/services/{{service_id}}/{level}s", f"{level}s"
    this = f"{several}/{{{level}_id}}"
    start = _started(f"start a {level}", level.title())
    yield Route(several + "/start", resource, "start", {"POST": start})
    if level == "state":
        transit = _started("end a state and start the next", "State", "Transition")
        yield Route(several + "/transition", resource, "transition", {"POST": transit})
    for part in ("", "active", "completed"):
        ending, suffix = (f"/{part}", part) if part else ("", None)
        what = f"{part} {level}s" if part else f"{level}s"
        listing = _listed(f"{what} of a service", level.title(), of_list)
        yield Route(several + ending, resource, suffix, {"GET": listing})
    yield _one(this, level, of_one)
    yield Route(this + "/end", resource, "end", {"POST": _ended(level)})


def _one(address: str, level: str, parameters: tuple[str, ...]) -> Route:
    get = Operation(
        *(f"get a {level}", {200: level.title(), 304: ""}),
        parameters=(*parameters, *_CONDITIONS),
        headers=("ETag",),
        errors=_GETTING,
    )
    return Route(address, f"{level}s", "one", {"GET": get})


def _listed(
    what: str,
    item: str,
    parameters: tuple[str, ...],
    headers: tuple[str, ...] = (),
    errors: tuple[int, ...] = _GETTING,
) -> Operation:
    return Operation(
        *(f"list the {what}", {200: f"{item}List", 304: ""}),
        parameters=(*parameters, *_CONDITIONS),
        headers=("ETag", *headers),
        errors=errors,
    )


def _started(summary: str, noun: str, body: str = "") -> Operation:
    return Operation(
        *(summary, {201: f"{noun}Id"}, body or f"{noun}Start"),
        parameters=_CONDITIONS_OF_WRITE,
        headers=("Location",),
        errors=_CHANGING,
    )


def _ended(level: str) -> Operation:
    of_address = ("state_id-of-address",) if level == "state" else ()
    return Operation(
        f"complete a {level}",
        {200: ""},
        f"{level.title()}End",
        needs_body=False,
        parameters=(*of_address, *_CONDITIONS_OF_WRITE),
        errors=_CHANGING,
    )


def _extensions() -> Iterator[Route]:
    """Return the addresses of extensions. Context-services contract, section 2."""
    one = "/services/{service_id}"
    owners = {
        "service": one,
        "state": one + "/states/{state_id}",
        "task": one + "/tasks/{task_id}",
    }
    for level, owner in owners.items():
        schemas = f"/metadata/{level}s/extensions"
        of_schemas, of_values = f"{level}_schemas", f"{level}_values"
        listing = _metadata(
            f"list the extension schemas of {level}s", "DefinitionList", _LISTING
        )
        create = Operation(
            f"create an extension schema of {level}s",
            *({201: "DefinitionName"}, "NewDefinition"),
            headers=("Location",),
            errors=_SENDING,
        )
        yield Route(schemas, of_schemas, None, {"GET": listing, "POST": create})
        value = owner + "/extensions/{name}"
        # The documents answer the write of a task's value with another status.
        done = {200 if level == "task" else 204: ""}
        for ending, suffix, summary, body, replies in (
            ("", None, f"write an extension of a {level}", "Value", done),
            (
                *("/by/unique", "record"),
                f"write a record of an extension of a {level}",
                *("Record", {204: ""}),
            ),
            (
                *("/delete/by/unique", "removal"),
                f"delete a record of an extension of a {level}",
                *("Record", {204: ""}),
            ),
        ):
            put = Operation(
                *(summary, replies, body),
                parameters=_CONDITIONS_OF_WRITE,
                errors=_CHANGING,
            )
            yield Route(value + ending, of_values, suffix, {"PUT": put})
        get = _metadata(f"get an extension schema of {level}s", "Definition")
        delete = Operation(
            *(f"delete an extension schema of {level}s and its values", {204: ""}),
            parameters=_CONDITIONS_OF_WRITE,
            errors=(*WRITING, 404, 412),
        )
        yield Route(
            *(schemas + "/{name}", of_schemas, "one"), {"GET": get, "DELETE": delete}
        )


def _business_attributes() -> Iterator[Route]:
    """Return the addresses of business attributes. Contract, section 6."""
    several, resource = BUSINESS_ATTRIBUTES, "business_attributes"
    listing = _metadata(
        *("list business attributes", "BusinessAttributeList", _LISTING),
        parameters=("cv-attribute",),
    )
    yield Route(several, resource, None, {"GET": listing})
    get = _metadata("get a business attribute", "BusinessAttribute")
    yield Route(several + "/{name}", resource, "one", {"GET": get})


def _metadata(
    summary: str,
    reply: str,
    errors: tuple[int, ...] = _GETTING,
    parameters: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        *(summary, {200: reply, 304: ""}),
        parameters=(*parameters, *_CONDITIONS),
        headers=("ETag",),
        errors=errors,
    )


def _server() -> Iterator[Route]:
    """Return the addresses that are about the server itself."""
    tell = Operation("tell how the server does", {200: "Status"})
    yield Route(STATUS, "status", None, {"GET": tell})
    change = Operation(
        "put the server into production or maintenance",
        *({200: "ModeChanged"}, "Mode"),
        headers=("Location",),
        errors=_SENDING,
    )
    yield Route("/server/mode", "mode", None, {"POST": change})
    health = Operation(
        "tell whether the service can work",
        {200: "Health", 503: "Health"},
        errors=(500,),
    )
    yield Route(HEALTH, "health", None, {"GET": health})
    figures = Operation(
        "figures for Prometheus",
        {200: "Figures"},
        errors=(500,),
        media_types=("text/plain",),
    )
    yield Route(METRICS, "metrics", None, {"GET": figures})
    describe = _metadata(
        "describe all this in the form of OpenAPI", "OpenApi", _LISTING
    )
    yield Route(OPENAPI, "openapi", None, {"GET": describe})


def _front_door() -> Iterator[Route]:
    """Return the addresses for those who come for the first time."""
    enter = Operation(
        *("name the entry points", {200: "EntryPoints", 304: ""}),
        parameters=_CONDITIONS,
        headers=("ETag", "Content-Security-Policy"),
        errors=_LISTING,
        media_types=("application/json", "text/html"),
    )
    yield Route("/", "entrance", None, {"GET": enter})
    page = Operation(
        *("show all this in a browser", {200: "Page", 304: ""}),
        parameters=_CONDITIONS,
        headers=("ETag", "Content-Security-Policy"),
        errors=_LISTING,
        media_types=("text/html",),
    )
    yield Route(DOCS, "documentation", None, {"GET": page})
    load = Operation(
        *("get a file that the page loads", {200: "File", 304: ""}),
        parameters=_CONDITIONS,
        headers=("ETag",),
        errors=_GETTING,
        media_types=("text/javascript", "text/css", "image/png"),
    )
    yield Route(DOCS + "/{file}", "documentation", "file", {"GET": load})


ROUTES = (
    *_svctasks(),
    *_services(),
    *_extensions(),
    *_business_attributes(),
    *_server(),
    *_front_door(),
)


def routes(prefix: str) -> tuple[Route, ...]:
    """Return all routes, those of the services API also under ``prefix``, if any."""
    if not prefix:
        return ROUTES
    further = (each for each in ROUTES if each.is_of_services_api)
    return (*ROUTES, *(replace(each, prefix=prefix) for each in further))
