"""Extensions: the schemas that clients define, and the values that fit them.

A definition is stored under its level and lower-case name, for names are the same in any
case. A definition is compiled to ``Values``, which say what becomes of a value that a
client sends. All is pure: documents and values are never changed in place, and a result
shares no array or object with what it was made of. Context-services contract, section 4.

The composite key of the records of one value is ``unique`` of the definition. A record
that lacks a part of the key has null there: two of them are as equal as two others.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from marshmallow import ValidationError, validate, validates_schema

from app.errors import Faults, Invalid, NotFound, checked, cut
from app.query.values import ANY, INTEGER, TEXT, ValueType, plain_key, type_name
from app.schemas.base import (
    Enumeration,
    List,
    Nested,
    Schema,
    Value,
    copied,
    hints,
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

MAX_FILLED = 1 << 24
"""Bytes that the records of a value may have if all have all attributes and defaults."""

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,25}")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValidationError(
            'must be a letter and at most 25 letters, digits or "_" after it'
        )


class AttributeSchema(Schema):
    """An attribute of an extension's records."""

    component = "NewAttribute"
    error_messages = {"unknown": "is not a member of an attribute"}
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
                default = _field(attribute).deserialize(attribute["default"])
                attribute["default"] = default
            except ValidationError as error:
                include(faults, "default", error)
        refuse(faults)


class DefinitionSchema(Schema):
    """An extension schema as a client may send it."""

    error_messages = {
        "type": "an extension schema must be a JSON object",
        "unknown": "is not a member of an extension schema",
    }
    name = Value(
        TEXT,
        required=True,
        validate=_check_name,
        metadata={"pattern": f"^{_NAME.pattern}$"},
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
    names = ("name", "type", "attributes", *(("unique",) if document["unique"] else ()))
    result: dict[str, Any] = copied({name: document[name] for name in names})
    return result


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


def _field(attribute: Mapping[str, Any], **settings: Any) -> Value:
    if length := attribute.get("length"):
        fault = f"may have {length} characters at most"
        settings["validate"] = validate.Length(max=length, error=fault)
    return Value(TYPES[attribute["type"]], data_key=attribute.get("name"), **settings)


class Values:
    """What fits one definition: whole values, and records that are found by their key.

    ``name`` is that of the extension, ``unique`` the composite key. All faults of a value
    have paths that begin with the name.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        attributes: list[Mapping[str, Any]] = definition["attributes"]
        self.name: str = definition["name"]
        self.is_multi: bool = definition["type"] == MULTI
        self.unique: tuple[str, ...] = tuple(definition["unique"])
        self._types = {a["name"]: TYPES[a["type"]] for a in attributes}
        self._schema = _compiled(self.name, attributes)
        filled = dict.fromkeys(self._types) | self._schema.parsed({})[0]
        self._size = len(json.dumps(filled))

    def whole(self, raw: Any) -> Any:
        """Return a complete new value: a record, or an array of them if it is multi.

        Values are converted to their types and defaults filled in. Raises Invalid with
        all faults.
        """
        if self.is_multi:
            return self._records(raw)
        record, faults = self._schema.parsed(self._object(raw))
        return checked(record, self._placed(faults))

    def record(self, raw: Any) -> dict[str, Any]:
        """Return a record that has the key, and any other attributes that are given.

        Raises Invalid with all faults, or because records of this extension have no key.
        """
        if not self.unique:
            raise Invalid(
                f"{self.name} has no unique attributes, so no record can be selected; "
                "write the whole value"
            )
        # A record may lack a part of the key: null names it.
        sent = self._object(raw)
        faults = Faults({n: ["is required"] for n in self.unique if n not in sent})
        others = {
            name: value
            for name, value in sent.items()
            if value is not None or name not in self._types
        }
        given, found = self._schema.parsed(others, partial=True)
        faults.include(found)
        return checked(given, self._placed(faults))

    def amended(self, value: Any, record: Mapping[str, Any]) -> Any:
        """Return ``value`` with the attributes of ``record`` in the record of that key.

        Raises NotFound if there is none.
        """
        records, index = self._found(value, record)
        records[index] |= record
        return records if isinstance(value, list) else records[0]

    def without(self, value: Any, record: Mapping[str, Any]) -> Any:
        """Return ``value`` without the record that has the key of ``record``.

        It is None if there is no value any more. Raises NotFound if there is none.
        """
        records, index = self._found(value, record)
        del records[index]
        return records if isinstance(value, list) else None

    def _records(self, raw: Any) -> list[dict[str, Any]]:
        if not isinstance(raw, list):
            raise self._misshapen("an array of objects", raw)
        if len(raw) > (most := MAX_FILLED // self._size):
            fault = f"has {len(raw)} records; {most} are the most with these attributes"
            raise Invalid.of({self.name: [fault]})
        records: list[dict[str, Any]] = []
        faults, twins = Faults(), Faults()
        places: dict[Any, int] = {}
        left = hints()
        for index, item in enumerate(raw):
            if not isinstance(item, dict):
                faults[str(index)] = [f"must be an object, not {type_name(item)}"]
                continue
            record, found = self._schema.parsed(item, left=left)
            if found:
                faults.include(found, f"{index}.")
            if self.unique and not found.keys() & self.unique:
                place = places.setdefault(self._key(record), index)
                if place != index:
                    # Described as long as it is kept: a record may be long.
                    what = "" if twins.more else self._described(record)
                    twins.add(str(index), f"has the same {what} as item {place}")
            records.append(record)
        faults.include(twins)
        return checked(records, self._placed(faults))

    def _placed(self, faults: Faults) -> Faults:
        """Return the faults of a value with the name of the extension before each."""
        placed = Faults()
        placed.include(faults, f"{self.name}.")
        return placed

    def _object(self, raw: Any) -> dict[str, Any]:
        if isinstance(raw, dict):
            return raw
        raise self._misshapen("an object", raw)

    def _misshapen(self, right: str, raw: Any) -> Invalid:
        fault = f"must be {right}, not {type_name(raw)}"
        return Invalid.of({self.name: [fault]})

    def _found(
        self, value: Any, record: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], int]:
        """Return a copy of the records of ``value``, and the place of the one meant."""
        # What a file came with may have the other shape: it may be older than the schema.
        listed = value if isinstance(value, list) else [value] if value else []
        records: list[dict[str, Any]] = copied(listed)
        wanted = self._key(record)
        for index, found in enumerate(records):
            if self._key(found) == wanted:
                return records, index
        raise NotFound(
            f"there is no record of {self.name} with {self._described(record)}"
        )

    def _key(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            _comparable(self._types[name], record.get(name)) for name in self.unique
        )

    def _described(self, record: Mapping[str, Any]) -> str:
        return " and ".join(f"{n} {_short(record.get(n))}" for n in self.unique)


def _compiled(name: str, attributes: Iterable[Mapping[str, Any]]) -> Schema:
    # The fields have names of ours: an attribute may be called "load" or "a b".
    members: dict[str, Any] = {}
    for number, attribute in enumerate(attributes):
        settings: dict[str, Any] = {"required": bool(attribute.get("mandatory"))}
        if "default" in attribute:
            settings = {"load_default": attribute["default"]}
        members[f"attribute_{number}"] = _field(attribute, **settings)
    schema = Schema.from_dict(members)()
    assert isinstance(schema, Schema)
    schema.error_messages["unknown"] = f"is not an attribute of {name}"
    return schema


def _comparable(value_type: ValueType, value: Any) -> Any:
    # Again for values that came with a file: they are as a person wrote them.
    try:
        return plain_key(value_type.parse(value))
    except ValueError:
        return plain_key(value)


def _short(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False))
