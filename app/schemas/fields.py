"""marshmallow fields over the kinds of values.

marshmallow's own fields guess (a string "yes" is a boolean, 1.0 an integer); the rules
here are those of ``app.query.values``, so that bodies and filters agree. A null is
handed on where a field has a default, for the schema's user knows what it means there.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.errors import Faults
from app.query.values import ARRAY, INTEGER, OBJECT, TEXT, Kind, type_name
from app.schemas.faults import Wrong, include

WHITE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What ``str.strip`` takes away. Regular expressions differ in what white space is."""

NOT_BLANK = f"[^{WHITE}]"
"""The pattern of texts that are not of white space only."""


def copied(value: Any) -> Any:
    """Return a JSON value that shares no array or object with ``value``."""
    if isinstance(value, dict):
        return {name: copied(member) for name, member in value.items()}
    if isinstance(value, list):
        return [copied(member) for member in value]
    return value


def members(
    schema: Schema, raw: Mapping[str, Any], partial: bool = False, nulls: bool = False
) -> tuple[dict[str, Any], Faults]:
    """Return the valid members of ``raw`` that ``schema`` declares, and the faults.

    If it is ``partial``, none is required. A null means that there is no such member, but
    where ``nulls`` are handed on. The fields are asked one by one, for
    ``Schema.load`` takes three times as long where few of many are there, and makes
    objects of names with a dot.
    """
    given: dict[str, Any] = {}
    faults = Faults()
    for name, each in schema.load_fields.items():
        key = each.data_key or name
        if key not in raw:
            if each.required and not partial:
                faults[key] = ["is required"]
            continue
        value = raw[key]
        if value is None and not nulls and not each.required:
            continue
        try:
            given[key] = each.deserialize(value, key, raw)
        except ValidationError as error:
            include(faults, key, error)
    return given, faults


class Valued(fields.Field[Any]):
    """A value of a kind, in its stored form."""

    default_error_messages = {"required": "is required", "null": "must not be null"}
    members: Mapping[str, Kind] = {}

    def __init__(self, kind: Kind, **settings: Any) -> None:
        settings.setdefault("allow_none", not settings.get("required"))
        super().__init__(**settings)
        self.kind = kind

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return _read(self.kind, value)


class Enumeration(Valued):
    """One of a few words."""

    def __init__(self, *words: str, **settings: Any) -> None:
        allowed = ", ".join(f'"{word}"' for word in words)
        known = validate.OneOf(words, error=f"must be one of {allowed}")
        super().__init__(TEXT, validate=known, **settings)


class OpenObject(Valued):
    """An object with members of declared kinds, and any others of the client's own.

    A null for a declared member is its empty value. Of an object whose members are
    ``owned`` by the server, what a client sends for them is dropped.
    """

    def __init__(self, members: Mapping[str, Kind], owned: bool = False) -> None:
        super().__init__(OBJECT)
        self.members = members
        self.owned = owned

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        given = _read(OBJECT, value)
        found: dict[str, Any] = {}
        faults: dict[str, list[str]] = {}
        for name, member in given.items():
            if name not in self.members:
                found[name] = copied(member)
            elif not self.owned:
                try:
                    found[name] = (
                        "" if member is None else _read(self.members[name], member)
                    )
                except ValidationError as error:
                    faults[name] = list(error.messages)
        if faults:
            raise Wrong(Faults(faults))
        return found


class Periods(Valued):
    """The times of a week at which a task may start.

    An item is ``{"dow": 1..7, "timestart": 0..1440, "timestop": 0..1440}``, in minutes;
    unknown keys are kept. svctasks contract, section 2.
    """

    def __init__(self) -> None:
        super().__init__(ARRAY)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        faults = Faults()
        items = enumerate(_read(ARRAY, value))
        periods = [_period(item, str(index), faults) for index, item in items]
        if faults:
            raise Wrong(faults)
        return periods


PERIOD_BOUNDS = {"dow": (1, 7), "timestart": (0, 1440), "timestop": (0, 1440)}
"""The members that each period has, with the least and the most that they may be."""


def _period(item: Any, place: str, faults: Faults) -> dict[str, Any]:
    """Return a period; what is wrong with it is added to ``faults``."""
    if not isinstance(item, dict):
        faults[place] = [f"must be an object, not {type_name(item)}"]
        return {}
    period: dict[str, Any] = copied(item)
    before = faults.total
    for name, (least, most) in PERIOD_BOUNDS.items():
        if fault := _stored(period, name, least, most):
            faults[f"{place}.{name}"] = [fault]
    if faults.total == before and period["timestart"] >= period["timestop"]:
        faults[f"{place}.timestop"] = ["must be greater than timestart"]
    return period


def _stored(period: dict[str, Any], name: str, least: int, most: int) -> str:
    """Put the number that a member means in its place; return what is wrong with it."""
    if name not in period:
        return "is required"
    try:
        number = period[name] = INTEGER.read(period[name])
    except ValueError as error:
        return str(error)
    return "" if least <= number <= most else f"must be from {least} to {most}"


def _read(kind: Kind, value: Any) -> Any:
    try:
        return kind.read(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None
