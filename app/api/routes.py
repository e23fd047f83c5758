"""ROUTES: every address of the service and its verbs, as data.

``HEAD`` goes with ``GET``; Falcon answers ``OPTIONS``, and other verbs with 405.
"""

from dataclasses import dataclass

SVCTASKS = "/rest/v1/service/svctasks"


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the resource that answers there, and what each verb does."""

    template: str
    resource: str
    suffix: str | None
    verbs: dict[str, str]

    @property
    def allowed(self) -> list[str]:
        """All methods, sorted, for the header Allow."""
        return sorted({*self.verbs, "HEAD", "OPTIONS"})


HEALTH = "/health"
METRICS = "/metrics"

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
    Route(HEALTH, "health", None, {"GET": "tell whether the service can work"}),
    Route(METRICS, "metrics", None, {"GET": "figures for Prometheus"}),
)
