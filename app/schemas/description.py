"""Schemas and fields in JSON Schema: what is accepted in bodies, and what replies show."""

from collections.abc import Iterable

from marshmallow import INCLUDE, Schema, fields, validate

from app.jsonschema import JsonSchema, array, integer, nullable, ref, shared, whole
from app.query.values import ANY
from app.schemas.base import List, Nested, Value

COUNT = shared("Count", whole(0))
POSITIVE = shared("Positive", whole(1))


def body(schema: Schema) -> JsonSchema:
    """Return the schema of the objects that ``schema`` accepts."""
    required = [] if schema.partial else [n for n, f in _members(schema) if f.required]
    properties = {}
    for name, field in _members(schema):
        properties[name], default = accepted(field), field.load_default
        # An empty text means that there is none, or that one is generated.
        if not schema.partial and isinstance(default, int | str) and default != "":
            properties[name] = {**properties[name], "default": default}
    described = {
        "type": "object",
        "properties": properties,
        "additionalProperties": ANY.accepted if schema.unknown == INCLUDE else False,
    }
    return described | ({"required": sorted(required)} if required else {})


def reply(
    schema: Schema, required: Iterable[str], /, **parts: JsonSchema
) -> JsonSchema:
    """Return the schema of what a reply shows of an object; ``parts`` say what is in it.

    All fields of ``schema`` are there, under the names that clients see.
    """
    own = {n: shown(field) for n, field in _members(schema) if n not in parts}
    return {
        "type": "object",
        "properties": {n: parts.get(n) or own[n] for n, _ in _members(schema)} | parts,
        "required": list(required),
        "additionalProperties": False,
    }


def shown_object(schema: Schema) -> JsonSchema:
    """Return the schema of what a reply shows of a complete object."""
    others: JsonSchema = (
        {"additionalProperties": {}} if schema.unknown == INCLUDE else {}
    )
    return reply(schema, schema.fields) | others


def accepted(field: fields.Field[object]) -> JsonSchema:
    """Return the schema of what a body may have for ``field``."""
    if field.dump_only:
        return {"readOnly": True}
    match field:
        case Nested():
            name = field.members.component
            schema = ref(name) if name else body(field.members)
        case List():
            schema = array(accepted(field.inner))
        case Value():
            schema = field.value_type.accepted
    schema = _narrowed(schema, field)
    return nullable(schema) if field.allow_none else schema


def shown(field: fields.Field[object]) -> JsonSchema:
    """Return the schema of what a reply has for ``field``."""
    match field:
        case Nested():
            name = field.members.component
            schema = ref(f"Shown{name}") if name else shown_object(field.members)
        case List():
            schema = array(shown(field.inner))
        case Value():
            schema = field.value_type.shown
    return _narrowed(schema, field)


def _members(schema: Schema) -> list[tuple[str, fields.Field[object]]]:
    return [(field.data_key or name, field) for name, field in schema.fields.items()]


def _narrowed(schema: JsonSchema, field: fields.Field[object]) -> JsonSchema:
    """Return what the validators of ``field`` leave of ``schema``."""
    for check in field.validators:
        match check:
            case validate.OneOf():
                schema = {"enum": list(check.choices)}
            case validate.Equal():
                text = {"const": str(check.comparable).lower()}
                value = {"type": "boolean", "not": {"const": not check.comparable}}
                schema = {"anyOf": [value, text]} if "$ref" in schema else value
            case validate.Range() if "$ref" in schema and check.max is None:
                schema = COUNT if check.min == 0 else POSITIVE
            case validate.Range():
                bounds = [
                    bound for bound in (check.min, check.max) if bound is not None
                ]
                schema = (whole if "$ref" in schema else integer)(*bounds)
            case validate.Length() if "type" in schema:
                schema = schema | _length(
                    check, "Items" if schema["type"] == "array" else "Length"
                )
    pattern = field.metadata.get("pattern")
    return {**schema, "pattern": pattern} if pattern else schema


def _length(bounds: validate.Length, of: str) -> JsonSchema:
    limits = {f"min{of}": bounds.min, f"max{of}": bounds.max}
    return {name: limit for name, limit in limits.items() if limit is not None}
