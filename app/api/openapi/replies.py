"""The schemas of replies, by the names that ROUTES uses.

They are made of the marshmallow schemas too: a reply has what was stored of a body.
"""

from collections.abc import Mapping

from app import modes
from app.access import OF_TOKENS
from app.api.entrance import ENTRY_POINTS
from app.api.openapi.filters import objects
from app.api.problems import CODES
from app.jsonschema import (
    NOT_EMPTY,
    TEXTUAL,
    JsonSchema,
    array,
    closed,
    integer,
    nullable,
    ref,
)
from app.schemas.business_attribute import BusinessAttributeSchema, ValueSchema
from app.schemas.description import reply, shown_object
from app.schemas.extension import AttributeSchema, DefinitionSchema
from app.schemas.service import LEVEL_OF, EventSchema
from app.schemas.stored_service import ServiceSchema, StateSchema, TaskSchema
from app.schemas.svcrun import STATES, WANTED, SvcrunSchema
from app.schemas.svctask import FIELDS, PeriodSchema, SvctaskSchema

_COUNT = integer(0)
_FAULTS: JsonSchema = {
    "type": "object",
    "additionalProperties": array(NOT_EMPTY, minItems=1),
    "minProperties": 1,
}


def _svctasks() -> dict[str, JsonSchema]:
    """Return the forms of a task: complete, masked or flat, and in a list."""
    complete = reply(SvctaskSchema(), SvctaskSchema().fields)
    parts = dict(complete["properties"])
    for field in objects(FIELDS):
        parts[field.name] = {**parts[field.name], "required": []}
    dotted = {
        field.name: field.type.shown for field in FIELDS.declared if field.path[1:]
    }
    inside = "|".join(field.name for field in objects(FIELDS))
    listed = {}
    for field in FIELDS.listed:
        name, *inner = field.path
        listed[field.name] = field.type.shown if inner else parts[name]
        if inner:
            listed.setdefault(name, {**parts[name], "additionalProperties": False})
    return {
        "Svctask": complete,
        "SvctaskView": {
            **complete,
            "properties": parts | dotted,
            "patternProperties": {rf"^({inside})\.": {}},
            "required": [],
        },
        "SvctaskItem": {**complete, "properties": listed, "required": []},
        "SvctaskList": array(ref("SvctaskItem")),
        "ShownPeriod": shown_object(PeriodSchema()),
        "Ids": array(ref("SvctaskId")),
    }


def _starts() -> dict[str, JsonSchema]:
    moment = ref("ShownMoment")
    local: JsonSchema = {
        "type": "string",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}[+-][0-9:.]+$",
    }
    start = {"slot": moment, "start": moment, "local": local}
    task = {"svctask": ref("SvctaskId"), "name": TEXTUAL}
    of_site = {"zone": NOT_EMPTY, "hours": NOT_EMPTY}
    return {
        "Start": closed(**start),
        "Starts": closed(3, **of_site, starts=array(ref("Start")), why=NOT_EMPTY),
        "StartOfTask": closed(len(start) + len(task), **start, **task, why=NOT_EMPTY),
        "Agenda": closed(
            4,
            **of_site,
            starts=array(ref("StartOfTask")),
            is_more={"type": "boolean"},
            why=NOT_EMPTY,
        ),
    }


def _svcruns() -> dict[str, JsonSchema]:
    """Return the forms of a run, masked or not, and what is shown of scripts."""
    moment = ref("ShownMoment")
    run = reply(
        SvcrunSchema(),
        ("id", "svctask", "name", "code", "site", "cause", "slot", "state"),
        slot=moment,
        started=moment,
        ended=moment,
        until=moment,
        state={"enum": [WANTED, *STATES]},
    )
    runtime = closed(
        id=ref("SvctaskId"),
        site=TEXTUAL,
        node=TEXTUAL,
        domain={"const": ""},
        type={"const": "svc"},
        code=TEXTUAL,
    )
    return {
        "Svcrun": run,
        "SvcrunView": {**run, "required": []},
        "SvcrunList": array(ref("SvcrunView")),
        "Output": TEXTUAL,
        "Svcscript": closed(
            code=NOT_EMPTY,
            name=TEXTUAL,
            kind={"enum": ["command", "url"]},
            timeoutsec={"type": "number", "minimum": 0},
            used=_COUNT,
        ),
        "Runtime": runtime,
        "RuntimeView": {**runtime, "required": []},
        "RuntimeList": array(ref("RuntimeView")),
        "SvcscriptList": array(ref("Svcscript")),
    }


def _services() -> dict[str, JsonSchema]:
    """Return services, states and tasks with all that can be asked for."""
    event = {"started": ref("Event"), "completed": ref("Event")}
    arrays = {name: array(ref(level.noun.title())) for name, level in LEVEL_OF.items()}
    of_state = {n: array_ for n, array_ in arrays.items() if n.endswith("tasks")}
    resources = {
        "Service": reply(
            ServiceSchema(),
            ("service_id", "service_type", "started"),
            **event,
            **arrays,
        ),
        "State": reply(
            StateSchema(),
            ("state_id", "state_type", "service_id", "started"),
            **event,
            **of_state,
        ),
        "Task": reply(
            TaskSchema(), ("task_id", "task_type", "service_id", "started"), **event
        ),
    }
    for resource in resources.values():
        resource["additionalProperties"] = ref("ShownValue")
    return {
        **resources,
        "Event": reply(EventSchema(), ("timestamp",)),
        "ShownValue": {"anyOf": [{"type": "object"}, array({"type": "object"})]},
        **{f"{name}List": array(ref(name)) for name in resources},
        "ServiceId": closed(service_id=_COUNT),
        "StateId": closed(state_id=_COUNT),
        "TaskId": closed(task_id=_COUNT),
    }


def _metadata() -> dict[str, JsonSchema]:
    return {
        "Definition": reply(
            DefinitionSchema(),
            ("name", "type", "attributes"),
            attributes=array(ref("Attribute"), minItems=1),
            unique=array(TEXTUAL, minItems=1),
        ),
        "Attribute": reply(AttributeSchema(), ("name", "type")),
        "DefinitionList": array(ref("Definition")),
        "DefinitionName": closed(name=TEXTUAL),
        "BusinessAttribute": reply(
            BusinessAttributeSchema(),
            ("name", "cv_attributes", "values"),
            cv_attributes=array(TEXTUAL),
            values=array(ref("BusinessValue")),
        ),
        "BusinessValue": reply(ValueSchema(), ("name", "dbid")),
        "BusinessAttributeList": array(ref("BusinessAttribute")),
    }


def _server() -> dict[str, JsonSchema]:
    mode: JsonSchema = {"enum": [modes.PRODUCTION, modes.MAINTENANCE]}
    moment = ref("ShownMoment")
    mode_changed = {"server changed": mode}
    return {
        "Status": closed(
            4,
            version=TEXTUAL,
            system_time=moment,
            mode=mode,
            started=moment,
            last_request=moment,
            request_today=_COUNT,
            client_errors_today=_COUNT,
            server_errors_today=_COUNT,
            max_memory=_COUNT,
            allocated_memory=_COUNT,
            used_memory=_COUNT,
            free_memory=_COUNT,
        ),
        "ModeChanged": closed(**mode_changed),
        "Sender": closed(name=TEXTUAL, role={"enum": list(OF_TOKENS)}),
        "Health": closed(
            1,
            status={"enum": ["ok", "unavailable"]},
            version=TEXTUAL,
            tables={"type": "object", "additionalProperties": ref("Table")},
            runner=closed(
                alive=_COUNT,
                looked=nullable(moment),
                active=_COUNT,
                open=_COUNT,
                faults=array(NOT_EMPTY),
            ),
            error_code={"enum": [1503]},
            error_message=NOT_EMPTY,
            postgresql={"type": "object", "additionalProperties": {"type": "number"}},
        ),
        # Beside them, the back end has its own figures, under its name.
        "Table": {
            "type": "object",
            "properties": {"documents": _COUNT},
            "required": ["documents"],
            "additionalProperties": {
                "type": "object",
                "additionalProperties": {"type": ["number", "string"]},
            },
        },
        "Figures": TEXTUAL,
        "OpenApi": {"type": "object", "required": ["openapi", "info", "paths"]},
        "EntryPoints": closed(
            **dict.fromkeys(("name", "version", *ENTRY_POINTS), NOT_EMPTY)
        ),
        "Page": TEXTUAL,
        "File": TEXTUAL,
    }


REPLIES: Mapping[str, JsonSchema] = {
    **_svctasks(),
    **_starts(),
    **_svcruns(),
    **_services(),
    **_metadata(),
    **_server(),
    "Error": closed(
        2,
        error_code=integer(1400, 1599),
        error_message=NOT_EMPTY,
        errors=_FAULTS,
    ),
    "ServicesError": closed(
        5,
        http_method=NOT_EMPTY,
        http_uri=NOT_EMPTY,
        http_code=integer(400, 599),
        code={
            "enum": [
                "BAD_REQUEST",
                *dict.fromkeys(CODES.values()),
                "MAINTENANCE",
                "INTERNAL",
            ]
        },
        description=NOT_EMPTY,
        errors=_FAULTS,
    ),
}
