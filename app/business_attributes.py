"""Business attributes: the values that type-like fields may have, where any are mapped.

No request changes them: they come from an import or an edit of their data file. An
attribute names its fields in ``cv_attributes``; a field that several attributes name takes
the values of all of them. The id of a value is stored. Context-services contract,
section 6.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.derived import Derived
from app.schemas import business_attribute
from app.storage import Document, Store

TABLE = business_attribute.NAME

_DIGITS = re.compile("-?[0-9]{1,20}")

MAX_NAMED = 20
"""How many of the valid values a message names."""

Place = tuple[str, str]
"""A level and one of its fields, such as ``("services", "service_type")``."""


class Values:
    """The values of one field, by name and by id."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def add(self, name: str, id_: int) -> None:
        """Add a value; of two with the same name or id, the first counts."""
        self._ids.setdefault(name, id_)
        self._names.setdefault(id_, name)

    def id_of(self, value: Any) -> int:
        """Return the id that ``value`` is, in digits too, or the id of the value so named.

        Raises ValueError.
        """
        if isinstance(value, str) and value in self._ids:
            return self._ids[value]
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if type(value) is int and value in self._names:
            return value
        if not self._names:
            raise ValueError("can have no value: its business attribute has none")
        named = [f"{id_} ({name})" for id_, name in self._names.items()]
        more = len(named) - MAX_NAMED
        if more > 0:
            named[MAX_NAMED:] = [f"{more} more"]
        raise ValueError(f"must be one of {', '.join(named)}")

    def name_of(self, value: Any) -> Any:
        """Return the name of the value with the id ``value``, or else ``value``."""
        return self._names.get(value, value) if type(value) is int else value

    def known_id(self, value: Any) -> Any:
        """Return the id of the value with the name ``value``, or else ``value``."""
        return self._ids.get(value, value) if isinstance(value, str) else value


class BusinessAttributes:
    """The attributes, and their mapping of values in requests and replies.

    With ``map_names``, replies have the names of values.
    """

    def __init__(self, store: Store, map_names: bool) -> None:
        self._store = store
        self._map_names = map_names
        self._values = Derived(store, TABLE, self._by_place)

    def all(self, place: Place | None = None) -> list[Document]:
        """Return the attributes by name, or just those that are mapped to ``place``."""
        return [
            record.document
            for record in self._store.scan(TABLE)
            if place is None or place in _places(record.document)
        ]

    def get(self, name: str) -> Document:
        """Return an attribute; raises NotFound."""
        return self._store.get(TABLE, name).document

    def mapped(self, level: str, field: str, value: Any) -> Any:
        """Return the stored form of a value from a request.

        Raises ValueError, with a text that follows the field's name, if the field is
        mapped and has no such value.
        """
        values = self._values.current().get((level, field))
        return value if values is None else values.id_of(value)

    def known(self, level: str, field: str, value: Any) -> Any:
        """Return the stored form of ``value``, or itself if the field has no such value."""
        try:
            return self.mapped(level, field, value)
        except ValueError:
            return value

    def spellings(self, level: str, field: str, value: Any) -> set[Any]:
        """Return all stored forms of ``value``, from before the mapping or after."""
        id_ = self.known(level, field, value)
        values = self._values.current().get((level, field))
        return {value, id_} if values is None else {value, id_, values.name_of(id_)}

    @property
    def are_mapped(self) -> bool:
        """Whether replies may show values other than the stored ones."""
        return bool(self._values.current())

    def shown(self, level: str, field: str, value: Any) -> Any:
        """Return the value in replies for a stored one, even one older than the mapping."""
        values = self._values.current().get((level, field))
        if values is None:
            return value
        return values.name_of(value) if self._map_names else values.known_id(value)

    def _by_place(self) -> Mapping[Place, Values]:
        places: dict[Place, Values] = {}
        for document in self.all():
            for place in _places(document):
                values = places.setdefault(place, Values())
                for value in document["values"]:
                    values.add(value["name"], value["dbid"])
        return places


def _places(document: Document) -> set[Place]:
    return set(map(business_attribute.field_of, document["cv_attributes"]))
