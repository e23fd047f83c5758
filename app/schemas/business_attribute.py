"""Business attributes: named sets of values, and the fields whose values they are.

They come with a data file and are read only. ``cv_attributes`` name the type-like fields
of services, states and tasks that an attribute is mapped to, such as ``Service.type`` or
``Task.media_type``; they are kept as a person wrote them, and ``field_of`` says which
field is meant. Context-services contract, section 6.
"""

from typing import Any

from marshmallow import ValidationError, validate, validates_schema

from app.errors import Faults, Invalid
from app.query.values import INTEGER, TEXT
from app.schemas.base import List, Nested, Schema, Value, refuse
from app.schemas.value_types import BOOLEAN

NAME = "business_attributes"

_SHARED = ("application_type", "resource_type", "media_type", "disposition")
FIELDS = {
    f"{noun}.{name}": (f"{noun}s", f"{noun}_type" if name == "type" else name)
    for noun in ("service", "state", "task")
    for name in ("type", f"{noun}_type", *_SHARED)
}
"""The level and the stored field that each name of a field means, in lower case."""

_NOT_EMPTY = validate.Length(1, error="must not be empty")


def _check_field(cv_attribute: str) -> None:
    try:
        field_of(cv_attribute)
    except Invalid as error:
        raise ValidationError(error.message) from None


class ValueSchema(Schema):
    """One of the values of a business attribute."""

    noun = "a value"
    name = Value(TEXT, required=True, validate=_NOT_EMPTY)
    dbid = Value(INTEGER, required=True)
    display_name = Value(TEXT)
    description = Value(TEXT)


class BusinessAttributeSchema(Schema):
    """A business attribute as a data file has it."""

    noun = "a business attribute"
    name = Value(TEXT, required=True, validate=_NOT_EMPTY)
    dbid = Value(INTEGER)
    display_name = Value(TEXT)
    description = Value(TEXT)
    map_name = Value(BOOLEAN)
    cv_attributes = List(
        Value(
            TEXT,
            validate=_check_field,
            error_messages={"null": "must be a string, not null"},
        ),
        load_default=list,
    )
    values = List(Nested(ValueSchema), load_default=list)

    @validates_schema(skip_on_field_errors=False)
    def check_values(self, attribute: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError if two values have one name or one id."""
        faults = Faults()
        places: dict[tuple[str, Any], int] = {}
        for index, value in enumerate(attribute.get("values", ())):
            for name in ("name", "dbid"):
                place = places.setdefault((name, value.get(name)), index)
                if name in value and place != index:
                    fault = f"is the same as that of value {place}"
                    faults[f"values.{index}.{name}"] = [fault]
        refuse(faults)


def field_of(cv_attribute: str) -> tuple[str, str]:
    """Return the level and the stored field that ``cv_attribute`` names, in any case.

    ``Service.type`` is ``("services", "service_type")``. Raises Invalid.
    """
    found = FIELDS.get(cv_attribute.lower())
    if found is None:
        fields = ", ".join(("type", *_SHARED))
        raise Invalid(f"must be Service, State or Task, then a dot and one of {fields}")
    return found


loaded = BusinessAttributeSchema().loaded
