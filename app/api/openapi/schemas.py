"""The schemas of what clients send, by the names that ROUTES uses.

Most are made of the marshmallow schemas, so that a field that is added there is here too;
``AMENDMENTS`` has what fields do not say: extension values, and which members go together.
"""

from collections.abc import Mapping

from app import modes
from app.api.openapi.filters import filters, objects
from app.api.query_parameters import MAX_OFFSET
from app.jsonschema import (
    NUMBERS,
    TEXTUAL,
    JsonSchema,
    array,
    closed,
    nullable,
    ref,
    whole,
)
from app.jsontext import MAX_DEPTH
from app.query import Fields
from app.query.projection import MAX_NAMES
from app.schemas import svcrun
from app.schemas.base import WHITE, Schema
from app.schemas.extension import AttributeSchema, DefinitionSchema
from app.schemas.service import (
    AssociationSchema,
    EndSchema,
    EventSchema,
    FormerStateSchema,
    NewStateSchema,
    ServiceStartSchema,
    StateEndSchema,
    StateStartSchema,
    TaskEndSchema,
    TaskStartSchema,
    TransitionSchema,
)
from app.schemas.svctask import FIELDS, PeriodSchema, SvctaskSchema

OF_FIELDS: Mapping[str, Schema] = {
    "NewSvctask": SvctaskSchema(),
    "SvctaskChange": SvctaskSchema(partial=True),
    "ServiceStart": ServiceStartSchema(),
    "StateStart": StateStartSchema(),
    "TaskStart": TaskStartSchema(),
    "Association": AssociationSchema(),
    "ServiceEnd": EndSchema(),
    "StateEnd": StateEndSchema(),
    "TaskEnd": TaskEndSchema(),
    "Transition": TransitionSchema(),
    "FormerState": FormerStateSchema(),
    "NewState": NewStateSchema(),
    "NewDefinition": DefinitionSchema(),
    "NewAttribute": AttributeSchema(),
    "Period": PeriodSchema(),
    "RunRequest": svcrun.RunRequestSchema(),
    "RuntimeRequest": svcrun.RuntimeRequestSchema(),
}
"""The marshmallow schemas that bodies are made of."""

# Not ``additionalProperties``: generated TypeScript would want it of declared members too.
_EVENT: JsonSchema = {"unevaluatedProperties": nullable(ref("Value"))}


def _there(name: str) -> JsonSchema:
    return {"required": [name], "properties": {name: {"type": "string"}}}


AMENDMENTS: Mapping[str, JsonSchema] = {
    **{n: _EVENT for n, of in OF_FIELDS.items() if isinstance(of, EventSchema)},
    "SvctaskChange": {"properties": {"id": ref("SvctaskId")}},
    "ServiceStart": {
        **_EVENT,
        "if": _there("customer_id"),
        "else": _there("contact_key"),
    },
    "NewDefinition": {
        "properties": {"unique": nullable(array(TEXTUAL, uniqueItems=True))}
    },
    "NewAttribute": {
        "if": {"properties": {"length": {"type": "null"}}},
        "else": {"properties": {"type": {"const": "string"}}},
    },
}
"""What is put in the place of what marshmallow says, property by property."""


def _listed(fields: Fields) -> list[str]:
    return [field.name for field in fields.listed]


def _mask(fields: Fields) -> JsonSchema:
    """Return the schema of a mask of a list."""
    listed = _listed(fields)
    objects_ = sorted({field.path[0] for field in fields.listed} - {*listed})
    return array({"enum": [*listed, *objects_]}, minItems=1, maxItems=MAX_NAMES)


MASK_OF_LIST = _mask(FIELDS)
MASK_OF_RUNS = _mask(svcrun.FIELDS)
MASK_OF_RUNTIMES = _mask(svcrun.RUNTIME_FIELDS)


def _name_of_one() -> str:
    """Return the pattern of the names that there are in a complete task."""
    declared = "|".join(field.name.replace(".", r"\.") for field in FIELDS.declared)
    inside = "|".join(field.name for field in objects(FIELDS))
    part, last = r"\.[^.,]+", rf"\.[^.,]*[^.,{WHITE}][^.,]*"
    return f"^({declared}|({inside})({part}){{0,{MAX_DEPTH - 2}}}{last})$"


MASK_OF_ONE = array(
    {"type": "string", "pattern": _name_of_one()}, minItems=1, maxItems=MAX_NAMES
)


def _or_empty(schema: JsonSchema) -> JsonSchema:
    """Return the schema of a parameter, which counts as absent if it is empty."""
    return {"anyOf": [schema, {"const": ""}]}


def _in_any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" for letter in word)


def _orderings(fields: Fields, of: str = "") -> dict[str, JsonSchema]:
    """Return the schemas of the order of a list, the whole and a part."""
    listed, name = _listed(fields), f"{of}Order"
    return {
        f"{name}ing": {
            "anyOf": [
                ref(name),
                array(ref(name), uniqueItems=True, maxItems=len(listed)),
            ],
        },
        name: {
            "anyOf": [
                {"enum": listed},
                {
                    "type": "object",
                    "properties": dict.fromkeys(listed, {"enum": ["asc", "desc"]}),
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
            ]
        },
    }


_MODE = "|".join(map(_in_any_case, (modes.PRODUCTION, modes.MAINTENANCE)))

OTHERS: Mapping[str, JsonSchema] = {
    **filters(svcrun.FIELDS, "Run"),
    **filters(svcrun.RUNTIME_FIELDS, "Runtime"),
    **filters(FIELDS),
    **_orderings(FIELDS),
    **_orderings(svcrun.FIELDS, "Run"),
    **_orderings(svcrun.RUNTIME_FIELDS, "Runtime"),
    "Listing": closed(
        0,
        filter=_or_empty(ref("Filter")),
        mask=_or_empty(MASK_OF_LIST),
        offset=_or_empty(whole(0, MAX_OFFSET)),
        limit=_or_empty(whole(0, MAX_OFFSET)),
        order=_or_empty(ref("Ordering")),
        flat=_or_empty(ref("Intbool")),
    ),
    "Key": {"anyOf": [TEXTUAL, *NUMBERS]},
    "Record": {"type": "object", "additionalProperties": ref("Scalar")},
    "Value": {"anyOf": [ref("Record"), array(ref("Record"))]},
    "Mode": closed(mode={"type": "string", "pattern": f"^({_MODE})$"}),
}
"""The schemas of the other bodies."""
