"""ROUTES: every address of the service and its verbs, as data.

``HEAD`` goes with ``GET``; Falcon answers ``OPTIONS``, and other verbs with 405. The
services API stands at the root and may stand under a prefix too, for clients that were
written for such an address.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
    verbs: dict[str, str]
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


HEALTH = "/health"
METRICS = "/metrics"
STATUS = "/server/status"


def _services() -> Iterator[Route]:
    """Return the addresses of services. Context-services contract, section 2."""
    one, customer = "/services/{service_id}", "/customers/{customer_id}/services"
    anonymous = "/services/anonymous/{contact_key}"
    yield Route("/services/start", "services", "start", {"POST": "start a service"})
    yield Route(one, "services", "one", {"GET": "get a service"})
    yield Route(one + "/end", "services", "end", {"POST": "complete a service"})
    yield Route(
        *(customer + "/{service_id}", "services", "association"),
        {"POST": "make a service that of a customer"},
    )
    for part in ("", "active", "completed"):
        ending, prefix = (f"/{part}", f"{part}_") if part else ("", "")
        what = f"{part} services" if part else "services"
        yield Route(
            *(customer + ending, "services", f"{prefix}of_customer"),
            {"GET": f"list the {what} of a customer"},
        )
        yield Route(
            *(anonymous + ending, "services", f"{prefix}anonymous"),
            {"GET": f"list the anonymous {what} of a contact key"},
        )
    for level in ("state", "task"):
        several = f"{one}/{level}s"
        this = f"{several}/{{{level}_id}}"
        yield Route(
            *(several + "/start", f"{level}s", "start"), {"POST": f"start a {level}"}
        )
        if level == "state":
            yield Route(
                *(several + "/transition", "states", "transition"),
                {"POST": "end a state and start the next"},
            )
        for part in ("", "active", "completed"):
            ending, suffix = (f"/{part}", part) if part else ("", None)
            what = f"{part} {level}s" if part else f"{level}s"
            yield Route(
                *(several + ending, f"{level}s", suffix),
                {"GET": f"list the {what} of a service"},
            )
        yield Route(this, f"{level}s", "one", {"GET": f"get a {level}"})
        yield Route(this + "/end", f"{level}s", "end", {"POST": f"complete a {level}"})


def _extensions() -> Iterator[Route]:
    """Return the addresses of extensions. Context-services contract, section 2."""
    one = "/services/{service_id}"
    owners = {
        "service": one,
        "state": one + "/states/{state_id}",
        "task": one + "/tasks/{task_id}",
    }
    for level, owner in owners.items():
        value = owner + "/extensions/{name}"
        resource = f"{level}_values"
        yield Route(value, resource, None, {"PUT": f"write an extension of a {level}"})
        yield Route(
            *(value + "/by/unique", resource, "record"),
            {"PUT": f"write a record of an extension of a {level}"},
        )
        yield Route(
            *(value + "/delete/by/unique", resource, "removal"),
            {"PUT": f"delete a record of an extension of a {level}"},
        )
    for level in owners:
        schemas = f"/metadata/{level}s/extensions"
        resource = f"{level}_schemas"
        yield Route(
            *(schemas, resource, None),
            {
                "GET": f"list the extension schemas of {level}s",
                "POST": f"create an extension schema of {level}s",
            },
        )
        yield Route(
            *(schemas + "/{name}", resource, "one"),
            {
                "GET": f"get an extension schema of {level}s",
                "DELETE": f"delete an extension schema of {level}s and its values",
            },
        )


ROUTES = (
    Route(
        *(SVCTASKS, "svctasks", None),
        {
            "GET": "list service tasks",
            "POST": "create a service task",
            "LOOKUP": "look up the ids of a key",
            "QUERY": "list service tasks, the parameters in the body",
        },
    ),
    Route(
        *(SVCTASKS + "/{id_}", "svctasks", "one"),
        {
            "GET": "get a service task",
            "PATCH": "change a service task",
            "DELETE": "delete a service task",
        },
    ),
    *_services(),
    *_extensions(),
    Route(
        *("/metadata/business-attributes", "business_attributes", None),
        {"GET": "list business attributes"},
    ),
    Route(
        *("/metadata/business-attributes/{name}", "business_attributes", "one"),
        {"GET": "get a business attribute"},
    ),
    Route(STATUS, "status", None, {"GET": "tell how the server does"}),
    Route(
        *("/server/mode", "mode", None),
        {"POST": "put the server into production or maintenance"},
    ),
    Route(HEALTH, "health", None, {"GET": "tell whether the service can work"}),
    Route(METRICS, "metrics", None, {"GET": "figures for Prometheus"}),
)


def routes(prefix: str) -> tuple[Route, ...]:
    """Return all routes, those of the services API also under ``prefix``, if any."""
    if not prefix:
        return ROUTES
    further = (each for each in ROUTES if each.is_of_services_api)
    return (*ROUTES, *(replace(each, prefix=prefix) for each in further))
