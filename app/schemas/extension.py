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
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, validate

from app.errors import Faults, Invalid, NotFound, cut
from app.query.values import ANY, ARRAY, INTEGER, TEXT, Kind, plain_key, type_name
from app.schemas.faults import MAX_SUGGESTIONS, checked, include, unknown
from app.schemas.fields import Enumeration, Valued, copied, members
from app.schemas.scalars import BOOLEAN, STRING, TYPES

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

    name = Valued(
        TEXT,
        required=True,
        validate=validate.Length(1, 64, error="must be a text of 1 to 64 characters"),
    )
    type = Enumeration(*TYPES, required=True)
    length = Valued(INTEGER, validate=validate.Range(min=1, error="must be 1 or more"))
    default = Valued(ANY)
    mandatory = Valued(BOOLEAN)
    unique = Valued(BOOLEAN)
    encrypt = Valued(
        BOOLEAN,
        validate=validate.Equal(
            False, error="must be false or absent: values are not encrypted here"
        ),
    )


class DefinitionSchema(Schema):
    """An extension schema as a client may send it."""

    name = Valued(
        TEXT,
        required=True,
        validate=_check_name,
        metadata={"pattern": f"^{_NAME.pattern}$"},
    )
    type = Enumeration("single-valued", MULTI, required=True)
    attributes = Valued(
        ARRAY,
        required=True,
        validate=validate.Length(
            1, MAX_ATTRIBUTES, error=f"must have from 1 to {MAX_ATTRIBUTES} attributes"
        ),
    )
    unique = Valued(ARRAY)


class StoredSchema(DefinitionSchema):
    """An extension schema as a data file has it."""

    id = Valued(TEXT)
    level = Enumeration(*LEVELS, required=True)
    deleting = Valued(BOOLEAN)


_ATTRIBUTE, _CLIENT, _STORED = AttributeSchema(), DefinitionSchema(), StoredSchema()


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
    given, faults = _read(_CLIENT, body)
    name = given.get("name", "")
    if name.lower() in {each.lower() for each in reserved}:
        fault = f'must not be "{name}": that is a member of the resource or its events'
        faults["name"] = [fault]
    return _document(level, checked(given, faults))


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document of a definition that a data file has.

    Nothing in it depends on the ``number`` and ``moment`` of the file. Raises Invalid
    with all faults.
    """
    given, faults = _read(_STORED, raw)
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
    return {
        "id": key(level, given["name"]),
        "level": level,
        "name": given["name"],
        "type": given["type"],
        "attributes": given["attributes"],
        "unique": given["unique"],
    }


def _read(schema: Schema, raw: Any) -> tuple[dict[str, Any], Faults]:
    if not isinstance(raw, dict):
        raise Invalid("an extension schema must be a JSON object")
    given, faults = members(schema, raw)
    attributes, of_attributes = _attributes(given.get("attributes", ()))
    faults.include(of_attributes, "attributes.")
    given["attributes"] = attributes
    given["unique"], of_unique = _unique(given.get("unique"), attributes)
    faults.include(of_unique)
    faults.include(unknown(raw, schema.fields, "a member of an extension schema"))
    return given, faults


def _attributes(raws: Sequence[Any]) -> tuple[list[dict[str, Any]], Faults]:
    attributes: list[dict[str, Any]] = []
    faults = Faults()
    places: dict[str, int] = {}
    told = 0
    for index, raw in enumerate(raws):
        if not isinstance(raw, dict):
            faults[str(index)] = [f"must be an object, not {type_name(raw)}"]
            continue
        given, found = _attribute(raw)
        strange = unknown(
            raw, _ATTRIBUTE.fields, "a member of an attribute", MAX_SUGGESTIONS - told
        )
        told += strange.total
        if "name" in given and places.setdefault(given["name"], index) != index:
            found["name"] = [f"is the name of attribute {places[given['name']]} too"]
        faults.include(found, f"{index}.")
        faults.include(strange, f"{index}.")
        attributes.append(given)
    return attributes, faults


def _attribute(raw: Mapping[str, Any]) -> tuple[dict[str, Any], Faults]:
    given, faults = members(_ATTRIBUTE, raw)
    if "type" not in given:
        return given, faults
    if "length" in given and given["type"] != STRING.name:
        faults["length"] = ["must be absent: only strings have a length"]
        del given["length"]
    if "default" in given:
        try:
            given["default"] = _field(given).deserialize(given["default"])
        except ValidationError as error:
            include(faults, "default", error)
    return given, faults


def _unique(
    listed: list[Any] | None, attributes: Iterable[Mapping[str, Any]]
) -> tuple[list[str], Faults]:
    """Return the names of the composite key: those listed, or else those flagged."""
    names = [each["name"] for each in attributes if "name" in each]
    flagged = [e["name"] for e in attributes if "name" in e and e.get("unique")]
    if listed is None:
        return flagged, Faults()
    texts = (name for name in listed if isinstance(name, str))
    strange = unknown(texts, names, "the name of an attribute")
    faults = Faults()
    places: dict[str, int] = {}
    for index, name in enumerate(listed):
        if not isinstance(name, str):
            faults[f"unique.{index}"] = [f"must be a string, not {type_name(name)}"]
        elif places.setdefault(name, index) != index:
            faults[f"unique.{index}"] = [f"is the same as unique.{places[name]}"]
        elif name in strange:
            faults[f"unique.{index}"] = strange[name]
    if flagged and not faults and set(listed) != set(flagged):
        flags = ", ".join(f'"{name}"' for name in flagged)
        faults["unique"] = [f"must be absent or name what is flagged unique: {flags}"]
    return list(listed), faults


def _field(attribute: Mapping[str, Any], required: bool = False) -> Valued:
    checks = []
    if length := attribute.get("length"):
        fault = f"may have {length} characters at most"
        checks.append(validate.Length(max=length, error=fault))
    return Valued(
        TYPES[attribute["type"]],
        data_key=attribute.get("name"),
        required=required,
        validate=checks,
    )


class Values:
    """What fits one definition: whole values, and records that are told by their key.

    ``name`` is that of the extension, ``unique`` the composite key. All faults of a value
    have paths that begin with the name.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        attributes: list[Mapping[str, Any]] = definition["attributes"]
        self.name: str = definition["name"]
        self.is_multi: bool = definition["type"] == MULTI
        self.unique: tuple[str, ...] = tuple(definition["unique"])
        self._kinds = {each["name"]: TYPES[each["type"]] for each in attributes}
        self._defaults = {e["name"]: e["default"] for e in attributes if "default" in e}
        self._size = len(json.dumps(dict.fromkeys(self._kinds) | self._defaults))
        mandatory = {each["name"] for each in attributes if each.get("mandatory")}
        self._whole = _compiled(attributes, mandatory - self._defaults.keys())
        self._partial = _compiled(attributes, self.unique)

    def whole(self, raw: Any) -> Any:
        """Return a complete new value: a record, or an array of them if it is multi.

        Values are converted to their types and defaults filled in. Raises Invalid with
        all faults.
        """
        if self.is_multi:
            return self._records(raw)
        record, faults = self._filled(self._object(raw))
        return checked(record, self._placed(faults))

    def record(self, raw: Any) -> dict[str, Any]:
        """Return a record that has the key, and any other attributes that are given.

        Raises Invalid with all faults, or because records of this extension have no key.
        """
        if not self.unique:
            raise Invalid(
                f"{self.name} has no unique attributes by which to tell a record; "
                "write the whole value"
            )
        # A record may lack a part of the key: null names it.
        others = self._object(raw)
        absent = {name for name in self.unique if others.get(name, self) is None}
        others = {name: each for name, each in others.items() if name not in absent}
        given, faults = self._read(self._partial, others)
        for name in absent.intersection(faults):
            del faults[name]
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
            raise Invalid(f"{self.name}: {fault}", {self.name: [fault]})
        records: list[dict[str, Any]] = []
        faults, twins = Faults(), Faults()
        places: dict[Any, int] = {}
        told = 0
        for index, item in enumerate(raw):
            if not isinstance(item, dict):
                faults[str(index)] = [f"must be an object, not {type_name(item)}"]
                continue
            record, found = self._filled(item, MAX_SUGGESTIONS - told)
            if found:
                faults.include(found, f"{index}.")
                told += found.total
            if self.unique and not found.keys() & self.unique:
                place = places.setdefault(self._key(record), index)
                if place != index:
                    # Described as long as it is kept: a record may be long.
                    what = "" if twins.more else self._described(record)
                    twins.add(str(index), f"has the same {what} as item {place}")
            records.append(record)
        faults.include(twins)
        return checked(records, self._placed(faults))

    def _filled(
        self, raw: Mapping[str, Any], suggestions: int = MAX_SUGGESTIONS
    ) -> tuple[dict[str, Any], Faults]:
        given, faults = self._read(self._whole, raw, suggestions)
        filled = self._defaults | given
        return {name: filled[name] for name in self._kinds if name in filled}, faults

    def _read(
        self, schema: Schema, raw: Mapping[str, Any], suggestions: int = MAX_SUGGESTIONS
    ) -> tuple[dict[str, Any], Faults]:
        given, faults = members(schema, raw)
        if not raw.keys() <= self._kinds.keys():
            what = f"an attribute of {self.name}"
            faults.include(unknown(raw, self._kinds, what, suggestions))
        return given, faults

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
        return Invalid(f"{self.name}: {fault}", {self.name: [fault]})

    def _found(
        self, value: Any, record: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], int]:
        """Return a copy of the records of ``value``, and the place of the one meant."""
        # What a file came with may have the other shape: it may be older than the schema.
        listed = value if isinstance(value, list) else [value] if value else []
        records: list[dict[str, Any]] = copied(listed)
        wanted = self._key(record)
        for index, each in enumerate(records):
            if self._key(each) == wanted:
                return records, index
        raise NotFound(
            f"there is no record of {self.name} with {self._described(record)}"
        )

    def _key(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            _comparable(self._kinds[name], record.get(name)) for name in self.unique
        )

    def _described(self, record: Mapping[str, Any]) -> str:
        return " and ".join(f"{n} {_short(record.get(n))}" for n in self.unique)


def _compiled(
    attributes: Iterable[Mapping[str, Any]], required: Collection[str]
) -> Schema:
    # The fields stand under names of ours: an attribute may be called "load" or "a b".
    fields: dict[str, Any] = {
        f"attribute_{number}": _field(attribute, attribute["name"] in required)
        for number, attribute in enumerate(attributes)
    }
    return Schema.from_dict(fields)()


def _comparable(kind: Kind, value: Any) -> Any:
    # Again for values that came with a file: they are as a person wrote them.
    try:
        return plain_key(kind.read(value))
    except ValueError:
        return plain_key(value)


def _short(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False))
