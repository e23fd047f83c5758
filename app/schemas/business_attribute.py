"""Business attributes: named sets of values, and the fields whose values they are.

They come with a data file and are read only. ``cv_attributes`` name the type-like fields
of services, states and tasks that an attribute is mapped to, such as ``Service.type`` or
``Task.media_type``; they are kept as a person wrote them, and ``field_of`` says which
field is meant. Context-services contract, section 6.
"""

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, validate

from app.errors import Faults, Invalid
from app.query.values import ARRAY, INTEGER, TEXT, type_name
from app.schemas.faults import MAX_SUGGESTIONS, checked, unknown
from app.schemas.fields import Valued, members
from app.schemas.scalars import BOOLEAN

NAME = "business_attributes"

_SHARED = ("application_type", "resource_type", "media_type", "disposition")
FIELDS = {
    f"{noun}.{name}": (f"{noun}s", stored)
    for noun in ("service", "state", "task")
    for name, stored in (
        ("type", f"{noun}_type"),
        (f"{noun}_type", f"{noun}_type"),
        *((name, name) for name in _SHARED),
    )
}
"""The level and the stored field that each name of a field means, in lower case."""

_NOT_EMPTY = validate.Length(1, error="must not be empty")


class ValueSchema(Schema):
    """One of the values of a business attribute."""

    name = Valued(TEXT, required=True, validate=_NOT_EMPTY)
    dbid = Valued(INTEGER, required=True)
    display_name = Valued(TEXT)
    description = Valued(TEXT)


class BusinessAttributeSchema(ValueSchema):
    """A business attribute as a data file has it."""

    dbid = Valued(INTEGER)
    map_name = Valued(BOOLEAN)
    cv_attributes = Valued(ARRAY)
    values = Valued(ARRAY)


_ATTRIBUTE, _VALUE = BusinessAttributeSchema(), ValueSchema()


def field_of(cv_attribute: str) -> tuple[str, str]:
    """Return the level and the stored field that ``cv_attribute`` names, in any case.

    ``Service.type`` is ``("services", "service_type")``. Raises Invalid.
    """
    found = FIELDS.get(cv_attribute.lower())
    if found is None:
        fields = ", ".join(("type", *_SHARED))
        raise Invalid(f"must be Service, State or Task, then a dot and one of {fields}")
    return found


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document of a business attribute that a data file has.

    Nothing in it depends on the ``number`` and ``moment`` of the file. Raises Invalid
    with all faults.
    """
    if not isinstance(raw, dict):
        raise Invalid("a business attribute must be a JSON object")
    given, faults = members(_ATTRIBUTE, raw)
    mapped = given.get("cv_attributes", [])
    values, of_values = _values(given.get("values", ()))
    faults.include(_mapped(mapped))
    faults.include(of_values, "values.")
    faults.include(unknown(raw, _ATTRIBUTE.fields, "a member of a business attribute"))
    return checked({**given, "cv_attributes": list(mapped), "values": values}, faults)


def _mapped(cv_attributes: Sequence[Any]) -> Faults:
    faults = Faults()
    for index, each in enumerate(cv_attributes):
        try:
            field_of(TEXT.read(each))
        except Invalid as error:
            faults[f"cv_attributes.{index}"] = [error.message]
        except ValueError as error:
            faults[f"cv_attributes.{index}"] = [str(error)]
    return faults


def _values(raws: Sequence[Any]) -> tuple[list[dict[str, Any]], Faults]:
    values: list[dict[str, Any]] = []
    faults = Faults()
    places: dict[tuple[str, Any], int] = {}
    told = 0
    for index, raw in enumerate(raws):
        if not isinstance(raw, dict):
            faults[str(index)] = [f"must be an object, not {type_name(raw)}"]
            continue
        given, found = members(_VALUE, raw)
        for name in ("name", "dbid"):
            place = places.setdefault((name, given.get(name)), index)
            if name in given and place != index:
                found[name] = [f"is the same as that of value {place}"]
        strange = unknown(
            raw, _VALUE.fields, "a member of a value", MAX_SUGGESTIONS - told
        )
        told += strange.total
        faults.include(found, f"{index}.")
        faults.include(strange, f"{index}.")
        values.append(given)
    return values, faults
