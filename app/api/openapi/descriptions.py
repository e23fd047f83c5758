"""What each operation and each group of operations does, in words."""

from collections.abc import Iterator, Mapping

TAGS: Mapping[str, str] = {
    "service tasks": (
        "Deferred jobs that start a service script, once or repeatedly. A task is a JSON "
        "object with fifteen fields; `ext` and `opts` take further members of your own."
    ),
    "services": (
        "Commitments to customers, such as an order. A service is started, goes through "
        "states, has tasks, and is completed. What has started and is not completed is "
        "active. Completing a service or a state leaves what is in it as it is."
    ),
    "extensions": (
        "Data of your own on services, states and tasks. Create the schema first, then "
        "write values; replies show those that the parameter `extensions` names."
    ),
    "business attributes": (
        "Named sets of values that fields such as `service_type` may be limited to. They "
        "are read from `business_attributes.json`."
    ),
    "server": "The state, the mode, the health and the metrics of the server.",
    "documentation": "The entry points, this document, and the page that shows it.",
}
"""By the name of the tag, in the order of the page."""

_SVCTASKS: Mapping[str, str] = {
    "get_svctasks": (
        '`filter` is a JSON object, such as `{"isenabled": 1, "ext.owner": "ops"}`; all '
        "of its members must match. In place of a value there may be operators in the "
        'spelling of MongoDB, such as `{"name": {"$startswith": "Daily"}}`; the schema '
        "Filter has them all. `order` is a JSON array, such as "
        '`["name", {"ext.lwt": "desc"}]`; without it, tasks are in the order of their '
        "creation. The reply to a request with `limit` has a `Link` to the next page and "
        "to the previous one, and every reply has the number of matches as "
        "`X-Total-Count`."
    ),
    "post_svctasks": (
        "Only `name` is required. Replies with the complete task. An `id` that exists is "
        "refused with 409."
    ),
    "lookup_svctasks": (
        "The body is a JSON string, the value of the key field; the only key field is "
        "`id`. Replies with an array of ids, or with 404 if there is none."
    ),
    "query_svctasks": (
        "Does the same as GET, with the parameters as members of a JSON object in the "
        "body, where a filter is a plain JSON object."
    ),
    "get_svctasks_one": (
        "`mask` may name any field, and members of `ext` and `opts` with a dot between."
    ),
    "patch_svctasks_one": (
        "Fields that are absent keep their values. `ext` and `opts` are merged member by "
        "member, and null removes a member; null resets any other field but `name` to its "
        "default; arrays are replaced. A change that changes nothing leaves `ext.lwt` "
        "alone."
    ),
    "delete_svctasks_one": "Replies with 204, and with 404 if there is no such task.",
}

_SERVICES: Mapping[str, str] = {
    "post_services_start": (
        "`service_type` is required, and `customer_id` or `contact_key`. Without "
        "`customer_id` the service is anonymous. Extension values are members that are "
        "named after their extension."
    ),
    "get_services_one": (
        "The states, the tasks and the extension values are shown when they are asked for."
    ),
    "post_services_end": (
        "The body may be empty. What is completed already is refused with 400."
    ),
    "post_services_association": (
        "From then on the service is in the list of this customer, and no longer in that "
        "of another one, nor among the anonymous services of its contact key."
    ),
    "get_services_of_customer": "By start, then by id.",
    "get_services_active_of_customer": "Those that are not completed.",
    "get_services_completed_of_customer": "Those that are completed.",
    "get_services_anonymous": (
        "By start, then by id; those that are associated with a customer are not among "
        "them."
    ),
    "get_services_active_anonymous": "Those that are not completed.",
    "get_services_completed_anonymous": "Those that are completed.",
    "post_states_start": (
        "`state_type` is required. A service that is completed cannot get a new state."
    ),
    "post_states_transition": (
        "Completes the state `from` and starts the state `to`, in one step and with the "
        "same timestamp. `previous_state_id` of the new state is that of the old one."
    ),
    "get_states": "By start, then by id.",
    "get_states_active": "Those that are not completed.",
    "get_states_completed": "Those that are completed.",
    "get_states_one": "A state of another service is not found.",
    "post_states_end": (
        "The body may be empty. Tasks of the state that are active remain active."
    ),
    "post_tasks_start": (
        "`task_type` is required. With `state_id` the task belongs to a state of this "
        "service, which may be completed; without it, to the service itself."
    ),
    "get_tasks": "Those of states too, by start, then by id.",
    "get_tasks_active": "Those that are not completed.",
    "get_tasks_completed": "Those that are completed.",
    "get_tasks_one": "A task of another service is not found.",
    "post_tasks_end": "The body may be empty.",
}

_OTHERS: Mapping[str, str] = {
    "get_business_attributes": "With `cv-attribute`, those that limit this field.",
    "get_business_attributes_one": "By its name.",
    "get_status": (
        "The mode, the time of the start and of the last request, the requests and errors "
        "of this day of UTC, and the memory in KB."
    ),
    "post_mode": (
        "In maintenance, every request below `/services` and `/customers` is answered with "
        "503. The mode holds for all workers and after a restart."
    ),
    "get_health": (
        "200 when requests can be answered and writes can be stored, else 503 with the "
        "reason; and the state of each table."
    ),
    "get_metrics": "In the text format of Prometheus, for all workers.",
    "get_openapi": "Every operation of this service, in the format of OpenAPI 3.1.",
    "get_entrance": "The addresses to begin with.",
    "get_documentation": "Swagger UI, with this document.",
    "get_documentation_file": "A script, a style sheet or an icon of the page.",
}


def _extensions() -> Iterator[tuple[str, str]]:
    for noun in ("service", "state", "task"):
        yield f"put_{noun}_values", (
            "An object if the extension is single-valued, an array of objects if it is "
            "multi-valued. It replaces the former value."
        )
        yield f"put_{noun}_values_record", (
            "The unique attributes in the body select the record; the others replace "
            "those of the record. There must be such a record."
        )
        yield f"put_{noun}_values_removal", (
            "The unique attributes in the body select the record."
        )
        yield f"get_{noun}_schemas", f"All extension schemas of {noun}s."
        yield f"post_{noun}_schemas", (
            f"Names are the same in any case, and unique among those of {noun}s."
        )
        yield f"get_{noun}_schemas_one", "By its name, in any case."
        yield f"delete_{noun}_schemas_one", f"Its values go from all {noun}s too."


OPERATIONS: Mapping[str, str] = {
    **_SVCTASKS,
    **_SERVICES,
    **dict(_extensions()),
    **_OTHERS,
}
"""By the id of the operation."""
