"""ROUTES: every address of the service, its resource, and what each method does there.

A line is read so: the methods after the resource name the role that a sender needs and the
operation, which is the ``operationId`` in the OpenAPI document. The operation's name is the
method, the resource and, if there is one, a suffix: ``get_states_active`` is answered by
``on_get_active`` of the resource ``states``. HEAD is answered wherever GET is, and Falcon
answers OPTIONS, and other methods with 405.

The services API may be served under a prefix too, for clients that were written for such
an address.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from app.access import ADMIN, ANYONE, READER, WRITER, Role

SERVICES_API = ("/services", "/customers", "/metadata", "/server")
"""How the addresses of the services API begin."""

SERVICE_TRAFFIC = ("/services", "/customers")
"""How those begin that maintenance closes. Context-services contract, section 6."""


def begins(path: str, starts: tuple[str, ...]) -> bool:
    """Return whether the first segments of ``path`` are one of ``starts``."""
    return f"{path}/".startswith(tuple(f"{start}/" for start in starts))


class Verb(NamedTuple):
    """What a method does at an address: the role it needs and the operation's name."""

    role: Role
    operation: str


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the name of the resource that answers there, and its methods."""

    template: str
    resource: str
    verbs: Mapping[str, Verb]
    prefix: str = ""

    @property
    def address(self) -> str:
        """The template with the prefix."""
        return self.prefix + self.template

    @property
    def is_of_services_api(self) -> bool:
        """Whether it may be under a prefix, and its errors have the services form."""
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

    def responders(self, resource: object) -> dict[str, Callable[..., Any]]:
        """Return the methods of ``resource`` that answer here, by HTTP method."""
        found = {}
        for method, verb in self.verbs.items():
            name = "on_" + verb.operation.replace(f"_{self.resource}", "", 1)
            found[method] = getattr(resource, name)
            if method == "GET":
                found["HEAD"] = found["GET"]
        return found


def _route(template: str, resource: str, **verbs: tuple[Role, str]) -> Route:
    return Route(
        template, resource, {name: Verb(*verb) for name, verb in verbs.items()}
    )


# fmt: off
ROUTES = (
    # Service tasks: svctasks contract, section 3.
    _route("/rest/v1/service/svctasks", "svctasks",
           GET=(READER, "get_svctasks"), POST=(WRITER, "post_svctasks"),
           LOOKUP=(READER, "lookup_svctasks"), QUERY=(READER, "query_svctasks")),

    # When tasks start: runner contract, section 11. A task has no id "next".
    _route("/rest/v1/service/svctasks/next", "starts", GET=(READER, "get_starts"), QUERY=(READER, "query_starts")),
    _route("/rest/v1/service/svctasks/{id}/next", "starts", GET=(READER, "get_starts_of_task")),

    # Runs and the scripts that they start: runner contract, section 11.
    _route("/rest/v1/service/svcscripts", "svcscripts", GET=(READER, "get_svcscripts")),
    _route("/rest/v1/service/svctasks/{id}/run", "svcruns", POST=(WRITER, "post_svcruns_of_task")),
    _route("/rest/v1/service/svctasks/{id}/runs", "svcruns", GET=(READER, "get_svcruns_of_task")),
    _route("/rest/v1/service/svcruns", "svcruns", GET=(READER, "get_svcruns")),
    _route("/rest/v1/service/svcruns/{run}", "svcruns", GET=(READER, "get_svcruns_one")),
    _route("/rest/v1/service/svcruns/{run}/output", "svcruns", GET=(READER, "get_svcruns_output")),
    _route("/rest/v1/service/svcruns/{run}/stop", "svcruns", POST=(WRITER, "post_svcruns_stop")),
    _route("/rest/v1/service/svcscript_runtimes", "svcscript_runtimes",
           GET=(READER, "get_svcscript_runtimes"), POST=(WRITER, "post_svcscript_runtimes")),
    _route("/rest/v1/service/svcscript_runtimes/{run}", "svcscript_runtimes", DELETE=(WRITER, "delete_svcscript_runtimes_one")),

    # One task; a person who tries one operation after the other removes it last.
    _route("/rest/v1/service/svctasks/{id}", "svctasks", GET=(READER, "get_svctasks_one"),
           PATCH=(WRITER, "patch_svctasks_one"), DELETE=(WRITER, "delete_svctasks_one")),

    # Services: context-services contract, section 2. A literal segment wins over a
    # parameter, so that a service with the id "start" could not be asked for.
    _route("/services/start", "services", POST=(WRITER, "post_services_start")),
    _route("/services/{service_id}", "services", GET=(READER, "get_services_one")),
    _route("/customers/{customer_id}/services/{service_id}", "services", POST=(WRITER, "post_services_association")),
    _route("/customers/{customer_id}/services", "services", GET=(READER, "get_services_of_customer")),
    _route("/services/anonymous/{contact_key}", "services", GET=(READER, "get_services_anonymous")),
    _route("/customers/{customer_id}/services/active", "services", GET=(READER, "get_services_active_of_customer")),
    _route("/services/anonymous/{contact_key}/active", "services", GET=(READER, "get_services_active_anonymous")),
    _route("/customers/{customer_id}/services/completed", "services", GET=(READER, "get_services_completed_of_customer")),
    _route("/services/anonymous/{contact_key}/completed", "services", GET=(READER, "get_services_completed_anonymous")),
    _route("/services/{service_id}/states/start", "states", POST=(WRITER, "post_states_start")),
    _route("/services/{service_id}/states/transition", "states", POST=(WRITER, "post_states_transition")),
    _route("/services/{service_id}/states", "states", GET=(READER, "get_states")),
    _route("/services/{service_id}/states/active", "states", GET=(READER, "get_states_active")),
    _route("/services/{service_id}/states/completed", "states", GET=(READER, "get_states_completed")),
    _route("/services/{service_id}/states/{state_id}", "states", GET=(READER, "get_states_one")),
    _route("/services/{service_id}/states/{state_id}/end", "states", POST=(WRITER, "post_states_end")),
    _route("/services/{service_id}/tasks/start", "tasks", POST=(WRITER, "post_tasks_start")),
    _route("/services/{service_id}/tasks", "tasks", GET=(READER, "get_tasks")),
    _route("/services/{service_id}/tasks/active", "tasks", GET=(READER, "get_tasks_active")),
    _route("/services/{service_id}/tasks/completed", "tasks", GET=(READER, "get_tasks_completed")),
    _route("/services/{service_id}/tasks/{task_id}", "tasks", GET=(READER, "get_tasks_one")),
    _route("/services/{service_id}/tasks/{task_id}/end", "tasks", POST=(WRITER, "post_tasks_end")),
    _route("/services/{service_id}/end", "services", POST=(WRITER, "post_services_end")),

    # Extensions: context-services contract, section 2.
    _route("/metadata/services/extensions", "service_schemas", GET=(READER, "get_service_schemas"), POST=(ADMIN, "post_service_schemas")),
    _route("/services/{service_id}/extensions/{name}", "service_values", PUT=(WRITER, "put_service_values")),
    _route("/services/{service_id}/extensions/{name}/by/unique", "service_values", PUT=(WRITER, "put_service_values_record")),
    _route("/services/{service_id}/extensions/{name}/delete/by/unique", "service_values", PUT=(WRITER, "put_service_values_removal")),
    _route("/metadata/services/extensions/{name}", "service_schemas", GET=(READER, "get_service_schemas_one"), DELETE=(ADMIN, "delete_service_schemas_one")),
    _route("/metadata/states/extensions", "state_schemas", GET=(READER, "get_state_schemas"), POST=(ADMIN, "post_state_schemas")),
    _route("/services/{service_id}/states/{state_id}/extensions/{name}", "state_values", PUT=(WRITER, "put_state_values")),
    _route("/services/{service_id}/states/{state_id}/extensions/{name}/by/unique", "state_values", PUT=(WRITER, "put_state_values_record")),
    _route("/services/{service_id}/states/{state_id}/extensions/{name}/delete/by/unique", "state_values", PUT=(WRITER, "put_state_values_removal")),
    _route("/metadata/states/extensions/{name}", "state_schemas", GET=(READER, "get_state_schemas_one"), DELETE=(ADMIN, "delete_state_schemas_one")),
    _route("/metadata/tasks/extensions", "task_schemas", GET=(READER, "get_task_schemas"), POST=(ADMIN, "post_task_schemas")),
    _route("/services/{service_id}/tasks/{task_id}/extensions/{name}", "task_values", PUT=(WRITER, "put_task_values")),
    _route("/services/{service_id}/tasks/{task_id}/extensions/{name}/by/unique", "task_values", PUT=(WRITER, "put_task_values_record")),
    _route("/services/{service_id}/tasks/{task_id}/extensions/{name}/delete/by/unique", "task_values", PUT=(WRITER, "put_task_values_removal")),
    _route("/metadata/tasks/extensions/{name}", "task_schemas", GET=(READER, "get_task_schemas_one"), DELETE=(ADMIN, "delete_task_schemas_one")),

    # Business attributes: context-services contract, section 6.
    _route("/metadata/business-attributes", "business_attributes", GET=(READER, "get_business_attributes")),
    _route("/metadata/business-attributes/{name}", "business_attributes", GET=(READER, "get_business_attributes_one")),

    # The server itself.
    _route("/server/status", "status", GET=(ADMIN, "get_status")),
    _route("/server/mode", "mode", POST=(ADMIN, "post_mode")),
    _route("/health", "health", GET=(ANYONE, "get_health")),
    _route("/metrics", "metrics", GET=(ADMIN, "get_metrics")),
    _route("/whoami", "whoami", GET=(READER, "get_whoami")),
    _route("/openapi.json", "openapi", GET=(READER, "get_openapi")),

    # The entry points, and the pages for people.
    _route("/", "entrance", GET=(READER, "get_entrance")),
    _route("/docs", "documentation", GET=(READER, "get_documentation")),
    _route("/docs/{file}", "documentation", GET=(READER, "get_documentation_file")),
    _route("/console", "console", GET=(READER, "get_console")),
    _route("/console/{file}", "console", GET=(READER, "get_console_file")),
)
# fmt: on

ADDRESSES: Mapping[str, str] = {
    verb.operation: route.template for route in ROUTES for verb in route.verbs.values()
}
"""The template of each operation's address, without a prefix."""


def routes(prefix: str) -> tuple[Route, ...]:
    """Return all routes, those of the services API also under ``prefix``, if any."""
    if not prefix:
        return ROUTES
    services_api = (route for route in ROUTES if route.is_of_services_api)
    return (*ROUTES, *(replace(route, prefix=prefix) for route in services_api))
