"""Values of extensions: what fits a definition, and records that their key finds.

A definition is compiled to ``Values``, which say what becomes of a value that a client
sends. Values are never changed in place, and a result shares no array or object with what
it was made of. Context-services contract, section 4.

The composite key of the records of one value is ``unique`` of the definition. A record
that lacks a part of the key has null there: two of them are as equal as two others.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.errors import Faults, Invalid, NotFound, checked, cut
from app.query.values import ValueType, plain_key, type_name
from app.schemas.base import Schema, copied, hints
from app.schemas.extension import MULTI, field
from app.schemas.value_types import TYPES

MAX_FILLED = 1 << 24
"""Bytes that the records of a value may have if all have all attributes and defaults."""


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

    def replaced(self, value: Any, raw: Any) -> Any:
        """Return the complete new value in the place of ``value``; raises Invalid."""
        return self.whole(raw)

    def amended(self, value: Any, raw: Any) -> Any:
        """Return ``value`` with the attributes of ``raw`` in the record of that key.

        Raises NotFound if there is none, and what ``record`` does.
        """
        record = self.record(raw)
        records, index = self._found(value, record)
        records[index] |= record
        return records if isinstance(value, list) else records[0]

    def without(self, value: Any, raw: Any) -> Any:
        """Return ``value`` without the record that has the key of ``raw``.

        It is None if there is no value any more. Raises NotFound if there is none, and
        what ``record`` does.
        """
        records, index = self._found(value, self.record(raw))
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
        members[f"attribute_{number}"] = field(attribute, **settings)
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
