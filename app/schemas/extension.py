"""Extension schemas: the definitions that clients make of extensions.

A definition is stored under its level and lower-case name, for names are the same in any
case. Documents are never changed in place, and a result shares no array or object with
what it was made of. Context-services contract, section 4.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from marshmallow import ValidationError, validate, validates_schema

from app.errors import Faults, checked
from app.query.values import ANY, INTEGER, TEXT
from app.schemas.base import (
    Enumeration,
    List,
    Nested,
    Schema,
    Value,
    copied,
    include,
    refuse,
    unknown,
)
from app.schemas.value_types import BOOLEAN, STRING, TYPES

NAME = "extensions"

LEVELS = ("services", "states", "tasks")

MULTI = "multi-valued"

MAX_ATTRIBUTES = 1000
"""How many attributes an extension may have: each takes some KB of memory."""

_NAME = "[A-Za-z][A-Za-z0-9_]{0,25}"


class AttributeSchema(Schema):
    """An attribute of an extension's records."""

    component = "NewAttribute"
    noun = "an attribute"
    name = Value(
        TEXT,
        required=True,
        validate=validate.Length(1, 64, error="must be a text of 1 to 64 characters"),
    )
    type = Enumeration(*TYPES, required=True)
    length = Value(INTEGER, validate=validate.Range(min=1, error="must be 1 or more"))
    default = Value(ANY)
    mandatory = Value(BOOLEAN)
    unique = Value(BOOLEAN)
    encrypt = Value(
        BOOLEAN,
        validate=validate.Equal(
            False, error="must be false or absent: values are not encrypted here"
        ),
    )

    @validates_schema(skip_on_field_errors=False)
    def check_type(self, attribute: dict[str, Any], **_: Any) -> None:
        """Convert the default; raise ValidationError if it does not fit the type."""
        if "type" not in attribute:
            return
        faults = Faults()
        if "length" in attribute and attribute["type"] != STRING.name:
            faults["length"] = ["must be absent: only strings have a length"]
            del attribute["length"]
        if "default" in attribute:
            try:
                default = field(attribute).deserialize(attribute["default"])
                attribute["default"] = default
            except ValidationError as error:
                include(faults, "default", error)
        refuse(faults)


class DefinitionSchema(Schema):
    """An extension schema as a client may send it."""

    noun = "an extension schema"
    name = Value(
        TEXT,
        required=True,
        validate=validate.Regexp(
            rf"{_NAME}\Z",
            error='must be a letter and at most 25 letters, digits or "_" after it',
        ),
        metadata={"pattern": f"^{_NAME}$"},
    )
    type = Enumeration("single-valued", MULTI, required=True)
    attributes = List(
        Nested(AttributeSchema),
        required=True,
        validate=validate.Length(
            1, MAX_ATTRIBUTES, error=f"must have from 1 to {MAX_ATTRIBUTES} attributes"
        ),
    )
    unique = List(Value(TEXT, error_messages={"null": "must be a string, not null"}))

    @validates_schema(skip_on_field_errors=False)
    def check_names(self, definition: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError unless names are unique, and keys name attributes."""
        attributes = definition.get("attributes", ())
        faults = Faults()
        places: dict[str, int] = {}
        for index, attribute in enumerate(attributes):
            name = attribute.get("name")
            if name is not None and places.setdefault(name, index) != index:
                fault = f"is the name of attribute {places[name]} too"
                faults[f"attributes.{index}.name"] = [fault]
        if (listed := definition.get("unique")) is not None:
            faults.include(_strange_key(listed, attributes, places))
        refuse(faults)


class StoredSchema(DefinitionSchema):
    """An extension schema as a data file has it."""

    id = Value(TEXT)
    level = Enumeration(*LEVELS, required=True)
    deleting = Value(BOOLEAN)


_CLIENT, _STORED = DefinitionSchema(), StoredSchema()


def folded(name: str) -> str:
    """Return what is compared of a name: the letters of ASCII are alike in any case."""
    return name.lower() if name.isascii() else name


def key(level: str, name: str) -> str:
    """Return the key of the definition ``name``, in any case, of a level."""
    return f"{level}.{folded(name)}"


def new(body: Any, level: str, reserved: Collection[str]) -> dict[str, Any]:
    """Return the complete document of a new definition of a level.

    ``reserved`` are the names that it may not have. Raises Invalid with all faults.
    """
    given, faults = _CLIENT.parsed(body)
    name = given.get("name", "")
    if name.lower() in {member.lower() for member in reserved}:
        fault = f'must not be "{name}": that is a member of the resource or its events'
        faults["name"] = [fault]
    return _document(level, checked(given, faults))


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document of a definition that a data file has.

    Nothing in it depends on the ``number`` and ``moment`` of the file. Raises Invalid
    with all faults.
    """
    given, faults = _STORED.parsed(raw)
    if "level" in given and "name" in given:
        id_ = key(given["level"], given["name"])
        if given.get("id", id_) != id_:
            faults["id"] = [f'must be "{id_}" or absent']
    document = _document(checked(given, faults)["level"], given)
    return {**document, "deleting": True} if given.get("deleting") else document


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition as a reply shows it."""
    names = ("name", "type", "attributes", "unique")
    shown: dict[str, Any] = copied({n: document[n] for n in names if document[n]})
    return shown


def _document(level: str, given: Mapping[str, Any]) -> dict[str, Any]:
    flagged = _flagged(given["attributes"])
    return {
        "id": key(level, given["name"]),
        "level": level,
        "name": given["name"],
        "type": given["type"],
        "attributes": given["attributes"],
        "unique": given.get("unique", flagged),
    }


def _flagged(attributes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the attributes that are flagged as unique."""
    return [e["name"] for e in attributes if "name" in e and e.get("unique")]


def _strange_key(
    listed: list[str | None],
    attributes: Iterable[Mapping[str, Any]],
    names: Iterable[str],
) -> Faults:
    """Return the faults of the composite key ``listed``."""
    texts = [name for name in listed if name is not None]
    strange = unknown(texts, names, "is not the name of an attribute")
    faults = Faults()
    places: dict[str, int] = {}
    for index, name in enumerate(listed):
        if name is None:
            continue
        if places.setdefault(name, index) != index:
            faults[f"unique.{index}"] = [f"is the same as unique.{places[name]}"]
        elif name in strange:
            faults[f"unique.{index}"] = strange[name]
    flagged = _flagged(attributes)
    if (
        flagged
        and not faults
        and len(texts) == len(listed)
        and set(texts) != set(flagged)
    ):
        flags = ", ".join(f'"{name}"' for name in flagged)
        faults["unique"] = [f"must be absent or name what is flagged unique: {flags}"]
    return faults


def field(attribute: Mapping[str, Any], **settings: Any) -> Value:
    """Return the field of a record that an attribute describes."""
    if length := attribute.get("length"):
        fault = f"may have {length} characters at most"
        settings["validate"] = validate.Length(max=length, error=fault)
    return Value(TYPES[attribute["type"]], data_key=attribute.get("name"), **settings)
