"""OPERATIONS: what each operation takes, replies and refuses, by its name in ROUTES.

Parameters, headers and bodies are given by name; the modules beside this one say once what
each name means.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.api.parameters import (
    OF_LIST,
    OF_SERVICE,
    OF_SERVICES,
    OF_STARTS,
    OF_STATE,
    OF_STATES,
    OF_TASK,
    OF_TASKS,
)

CONDITIONS = ("If-Match", "If-None-Match")
CONDITIONS_OF_WRITE = ("If-Match", "If-None-Match-of-write")


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method does at an address.

    ``parameters`` are those of the query and the headers of the request; ``replies`` has
    the schema of each reply by status, empty if it has no body; ``headers`` are those of
    these replies. ``errors`` are the statuses of errors besides those that its address,
    method, role and body bring about, of which it has none that are ``never``.
    """

    summary: str
    replies: Mapping[int, str]
    body: str = ""
    needs_body: bool = True
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    never: tuple[int, ...] = ()
    media_types: tuple[str, ...] = ("application/json",)


def _get(
    summary: str,
    reply: str,
    parameters: tuple[str, ...] = (),
    headers: tuple[str, ...] = ("ETag",),
    media_types: tuple[str, ...] = ("application/json",),
    never: tuple[int, ...] = (),
) -> Operation:
    return Operation(
        summary,
        {200: reply, 304: ""},
        parameters=(*parameters, *CONDITIONS),
        headers=headers,
        never=never,
        media_types=media_types,
    )


def _list(
    summary: str, reply: str, parameters: tuple[str, ...], never: tuple[int, ...] = ()
) -> Operation:
    headers = ("ETag", "X-Total-Count", "X-Total-Count-Is", "Link")
    return _get(summary, reply, parameters, headers, never=never)


def _page(summary: str) -> Operation:
    headers = ("ETag", "Content-Security-Policy")
    return _get(summary, "Page", (), headers, ("text/html",))


def _file(summary: str) -> Operation:
    return _get(summary, "File", media_types=("text/javascript", "text/css"))


def _create(
    summary: str, reply: str, body: str, parameters: tuple[str, ...] = ()
) -> Operation:
    return Operation(
        summary, {201: reply}, body, parameters=parameters, headers=("Location",)
    )


def _change(
    summary: str, body: str, status: int = 200, needs_body: bool = True
) -> Operation:
    return Operation(
        summary,
        {status: ""},
        body,
        needs_body=needs_body,
        parameters=CONDITIONS_OF_WRITE,
    )


def _delete(summary: str) -> Operation:
    return Operation(summary, {204: ""}, parameters=CONDITIONS_OF_WRITE)


def _list_of(kind: str, summary: str, reply: str) -> Operation:
    first = (f"filter-of-{kind}", f"mask-of-{kind}", "offset", "limit")
    return _list(summary, reply, (*first, f"order-of-{kind}", "flat"))


def _parts() -> Iterator[tuple[str, Operation]]:
    """Return the lists in services, and of them: all, the active, the completed."""
    for part in ("", "active", "completed"):
        name, which = (f"_{part}", f"{part} ") if part else ("", "")
        for whose, summary in (
            ("of_customer", f"list the {which}services of a customer"),
            ("anonymous", f"list the anonymous {which}services of a contact key"),
        ):
            # A customer of whom nothing is known has none.
            yield f"get_services{name}_{whose}", _list(
                summary, "ServiceList", OF_SERVICES, never=(404,)
            )
        for noun, known in (("state", OF_STATES), ("task", OF_TASKS)):
            yield f"get_{noun}s{name}", _get(
                f"list the {which}{noun}s of a service", f"{noun.title()}List", known
            )


def _extensions() -> Iterator[tuple[str, Operation]]:
    for noun in ("service", "state", "task"):
        schemas, values = f"{noun}_schemas", f"{noun}_values"
        yield f"get_{schemas}", _get(
            f"list the extension schemas of {noun}s", "DefinitionList"
        )
        yield f"post_{schemas}", _create(
            f"create an extension schema of {noun}s", "DefinitionName", "NewDefinition"
        )
        yield f"put_{values}", _change(
            f"write an extension of a {noun}",
            "Value",
            # The documents answer the write of a task's value with another status.
            200 if noun == "task" else 204,
        )
        yield f"put_{values}_record", _change(
            f"write a record of an extension of a {noun}", "Record", 204
        )
        yield f"put_{values}_removal", _change(
            f"delete a record of an extension of a {noun}", "Record", 204
        )
        yield f"get_{schemas}_one", _get(
            f"get an extension schema of {noun}s", "Definition"
        )
        yield f"delete_{schemas}_one", _delete(
            f"delete an extension schema of {noun}s and its values"
        )


OPERATIONS: Mapping[str, Operation] = {
    "get_svctasks": _list("list service tasks", "SvctaskList", OF_LIST),
    "post_svctasks": Operation(
        "create a service task",
        {200: "Svctask"},
        "NewSvctask",
        headers=("ETag",),
        errors=(409,),
    ),
    "lookup_svctasks": Operation(
        "look up the ids of a key", {200: "Ids"}, "Key", errors=(404,)
    ),
    "query_svctasks": Operation(
        "list service tasks, the parameters in the body",
        {200: "SvctaskList", 304: ""},
        "Listing",
        parameters=CONDITIONS,
        headers=("ETag", "X-Total-Count", "X-Total-Count-Is"),
    ),
    "get_svctasks_one": _get(
        "get a service task", "SvctaskView", ("mask-of-one", "flat")
    ),
    "patch_svctasks_one": Operation(
        "change a service task",
        {200: "Svctask"},
        "SvctaskChange",
        parameters=CONDITIONS_OF_WRITE,
        headers=("ETag",),
    ),
    "delete_svctasks_one": _delete("delete a service task"),
    "get_starts": Operation(
        "list the next starts of all service tasks",
        {200: "Agenda"},
        parameters=("from", "until", "limit-of-agenda"),
    ),
    "query_starts": Operation(
        "list the starts that a service task would have",
        {200: "Starts"},
        "NewSvctask",
        parameters=OF_STARTS,
    ),
    "get_starts_of_task": Operation(
        "list the next starts of a service task",
        {200: "Starts"},
        parameters=OF_STARTS,
    ),
    "get_svcscripts": _get("list the service scripts", "SvcscriptList"),
    "post_svcruns_of_task": Operation(
        "run a service task now",
        {200: "Svcrun"},
        "RunRequest",
        needs_body=False,
        errors=(409,),
    ),
    "get_svcruns_of_task": _list_of(
        "runs", "list the runs of a service task", "SvcrunList"
    ),
    "get_svcruns": _list_of("runs", "list the runs of all service tasks", "SvcrunList"),
    "get_svcruns_one": _get("get a run", "SvcrunView", ("mask-of-runs", "flat")),
    "get_svcruns_output": Operation(
        "get the output of a run",
        {200: "Output", 206: "Output", 304: ""},
        parameters=(*CONDITIONS, "Range", "If-Range"),
        headers=("ETag", "Accept-Ranges", "Content-Range"),
        errors=(416,),
        media_types=("text/plain",),
    ),
    "post_svcruns_stop": Operation("stop a run", {200: "Svcrun"}, errors=(409,)),
    "get_svcscript_runtimes": _list_of(
        "runtimes", "list the running instances of scripts", "RuntimeList"
    ),
    "post_svcscript_runtimes": Operation(
        "start an instance of a script",
        {200: "Runtime"},
        "RuntimeRequest",
        errors=(409,),
    ),
    "delete_svcscript_runtimes_one": Operation(
        "stop an instance of a script", {204: ""}
    ),
    "post_services_start": _create("start a service", "ServiceId", "ServiceStart"),
    "get_services_one": _get("get a service", "Service", OF_SERVICE),
    "post_services_association": _change(
        "make a service that of a customer", "Association", needs_body=False
    ),
    "post_services_end": _change("complete a service", "ServiceEnd", needs_body=False),
    "post_states_start": _create(
        "start a state", "StateId", "StateStart", CONDITIONS_OF_WRITE
    ),
    "post_states_transition": _create(
        "end a state and start the next", "StateId", "Transition", CONDITIONS_OF_WRITE
    ),
    "get_states_one": _get("get a state", "State", OF_STATE),
    "post_states_end": Operation(
        "complete a state",
        {200: ""},
        "StateEnd",
        needs_body=False,
        parameters=("state_id-of-address", *CONDITIONS_OF_WRITE),
    ),
    "post_tasks_start": _create(
        "start a task", "TaskId", "TaskStart", CONDITIONS_OF_WRITE
    ),
    "get_tasks_one": _get("get a task", "Task", OF_TASK),
    "post_tasks_end": _change("complete a task", "TaskEnd", needs_body=False),
    "get_business_attributes": _get(
        "list business attributes", "BusinessAttributeList", ("cv-attribute",)
    ),
    "get_business_attributes_one": _get(
        "get a business attribute", "BusinessAttribute"
    ),
    "get_status": Operation("get the status of the server", {200: "Status"}),
    "post_mode": Operation(
        "put the server into production or maintenance",
        {200: "ModeChanged"},
        "Mode",
        headers=("Location",),
    ),
    "get_health": Operation(
        "check whether the service can work",
        {200: "Health", 503: "Health"},
        never=(400, 503),
    ),
    "get_metrics": Operation(
        "figures for Prometheus",
        {200: "Figures"},
        never=(400,),
        media_types=("text/plain",),
    ),
    "get_openapi": _get("describe all this in the form of OpenAPI", "OpenApi"),
    "get_whoami": Operation("show whose token is sent", {200: "Sender"}),
    "get_entrance": Operation(
        "name the entry points",
        {200: "EntryPoints", 304: "", 307: ""},
        parameters=CONDITIONS,
        headers=("ETag",),
    ),
    "get_documentation": _page("show all this in a browser"),
    "get_documentation_file": _file("get a file that the page loads"),
    "get_console": _page("show the console in a browser"),
    "get_console_file": _file("get a file that the console loads"),
    **dict(_parts()),
    **dict(_extensions()),
}
