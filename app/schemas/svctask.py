"""The service task: its fifteen fields, and the documents made of what a client sends.

The schema says which values are valid, and the defaults; the functions add what the server
owns, and merge a change. They are pure: ids and moments are handed in. Documents are never
changed in place, and a result shares no array or object with what it was made of. svctasks
contract, sections 1 to 3.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from marshmallow import INCLUDE, ValidationError, validate, validates_schema

from app.errors import Faults, checked
from app.query import Fields
from app.query.values import ANY, DATE, ID, INTBOOL, INTEGER, NAMES, TEXT, ValueType
from app.schemas import flat
from app.schemas.base import NOT_BLANK, Enumeration, List, Nested, Schema, Value

NAME = "svctasks"


def _check_name(name: str) -> None:
    if not name.strip():
        raise ValidationError("must not be empty")


def bounded(least: int, most: int) -> Value:
    """Return a required integer from ``least`` to ``most``."""
    return Value(
        INTEGER,
        required=True,
        validate=validate.Range(least, most, error=f"must be from {least} to {most}"),
        error_messages={"null": "must be an integer of at most 64 bits"},
    )


class TimesSchema(Schema):
    """Times of a day, in minutes since midnight."""

    noun = "a period"
    timestart = bounded(0, 1440)
    timestop = bounded(0, 1440)

    @validates_schema
    def check_order(self, period: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError unless the period ends after its start."""
        if period["timestart"] >= period["timestop"]:
            raise ValidationError("must be greater than timestart", "timestop")


class PeriodSchema(TimesSchema):
    """Times of a week at which a task may start; 1 is Monday.

    svctasks contract, section 2.
    """

    class Meta:
        fields = ("dow", "timestart", "timestop")
        unknown = INCLUDE

    component = "Period"
    dow = bounded(1, 7)


class OptsSchema(Schema):
    """Title, comment, and members of the client's own."""

    class Meta:
        unknown = INCLUDE

    title = Value(TEXT, load_default="")
    comment = Value(TEXT, load_default="")


class ExtSchema(Schema):
    """What the server owns, and members of the client's own."""

    class Meta:
        unknown = INCLUDE

    ct = Value(DATE, dump_only=True)
    lwt = Value(DATE, dump_only=True)


class StoredExtSchema(ExtSchema):
    """The same as a data file or an import has it."""

    ct = Value(DATE, load_default="")
    lwt = Value(DATE, load_default="")


class SvctaskSchema(Schema):
    """A service task as a client may send it."""

    error_messages = {
        "type": "the body must be a JSON object with the fields of a task",
        "unknown": "is not a field of a task",
    }
    id = Value(ID, load_default="")
    name = Value(
        TEXT, required=True, validate=_check_name, metadata={"pattern": NOT_BLANK}
    )
    isenabled = Value(INTBOOL, load_default=0)
    svcscriptcode = Value(TEXT, load_default="")
    sitemode = Enumeration(
        "all", "any", "sites", "anyofsites", "firstsite", load_default="all"
    )
    sites = Value(NAMES, load_default="")
    isregular = Value(INTBOOL, load_default=0)
    overlap = Value(INTBOOL, load_default=1)
    intervalsec = Value(
        INTEGER,
        load_default=0,
        validate=validate.Range(min=0, error="must be 0 or more"),
    )
    dtstart = Value(DATE, load_default="")
    dtstop = Value(DATE, load_default="")
    schedule = Enumeration("all", "work", "non-work", "individual", load_default="all")
    periods = List(Nested(PeriodSchema), load_default=list)
    opts = Nested(OptsSchema, load_default=lambda: {"title": "", "comment": ""})
    ext = Nested(ExtSchema, load_default=dict)


class StoredSchema(SvctaskSchema):
    """A service task as a data file or an import has it."""

    ext = Nested(StoredExtSchema, load_default=lambda: {"ct": "", "lwt": ""})


_CLIENT = SvctaskSchema()
_STORED = StoredSchema()
_OPEN = ("opts", "ext")


def _types() -> Iterator[tuple[str, ValueType]]:
    for name, field in _CLIENT.fields.items():
        assert isinstance(field, Value | List | Nested)
        yield name, field.value_type
        if isinstance(field, Nested):
            for member, inner in field.members.fields.items():
                assert isinstance(inner, Value)
                yield f"{name}.{member}", inner.value_type


# fmt: off
_LISTED = (
    "id", "name", "isenabled", "svcscriptcode", "sitemode", "isregular", "overlap",
    "intervalsec", "dtstart", "dtstop", "schedule", "ext.lwt", "ext.ct",
)
# fmt: on

FIELDS = Fields(dict(_types()), _LISTED, _OPEN)
"""The fields of a task and of the items of a list; svctasks contract, section 4."""


def new(body: Any, id_: Callable[[], str], now: str) -> dict[str, Any]:
    """Return the complete document of a new task.

    ``id_`` makes an id if ``body`` has none. Raises Invalid with all faults.
    """
    document = checked(*_parsed(_CLIENT, body))
    document["id"] = document["id"] or id_()
    document["ext"] = {"ct": now, "lwt": now, **document["ext"]}
    return document


def loaded(raw: Any, default_id: str, moment: str) -> dict[str, Any]:
    """Return the complete document that a data file or an import means.

    What it has of ``id``, ``ext.ct`` and ``ext.lwt`` is kept; ``moment`` is the default
    of ``ext.ct``, and that of ``ext.lwt``. Raises Invalid with all faults.
    """
    document = checked(*_parsed(_STORED, raw))
    document["id"] = document["id"] or default_id
    ext = document["ext"]
    ext["ct"] = ext["ct"] or moment
    ext["lwt"] = ext["lwt"] or ext["ct"]
    return document


def changes(body: Any, id_: str) -> dict[str, Any]:
    """Return the fields that a PATCH of the task ``id_`` sets; None resets or removes.

    Raises Invalid with all faults; svctasks contract, section 3.
    """
    given, faults = _parsed(_CLIENT, body, partial=True)
    if given.pop("id", id_.lower()) != id_.lower():
        faults["id"] = [f'must be the id of the path, "{id_.lower()}", or absent']
    return checked(given, faults)


def changed(
    document: Mapping[str, Any], changes: Mapping[str, Any], now: str
) -> Mapping[str, Any]:
    """Return ``document`` after ``changes``; itself, if they change nothing."""
    different = {}
    for name, value in changes.items():
        before = document[name]
        if name in _OPEN:
            after = _merged(name, before, value)
        else:
            after = _CLIENT.default_of(name) if value is None else value
        if ANY.comparison_key(after) != ANY.comparison_key(before):
            different[name] = after
    if not different:
        return document
    result = {**document, **different}
    return {**result, "ext": {**result["ext"], "lwt": now}}


def _merged(name: str, before: dict[str, Any], value: Any) -> dict[str, Any]:
    default: dict[str, Any] = _CLIENT.default_of(name)
    if value is None:
        owned = {"ct": before["ct"], "lwt": before["lwt"]} if name == "ext" else {}
        return default | owned
    kept = {n: v for n, v in before.items() if n not in value or value[n] is not None}
    return default | kept | {n: v for n, v in value.items() if v is not None}


def _parsed(
    schema: Schema, body: Any, partial: bool = False
) -> tuple[dict[str, Any], Faults]:
    """Return the valid fields of ``body``, flat or not, and the faults of the others."""
    if not isinstance(body, dict) or body.keys() <= schema.names.keys():
        return schema.parsed(body, partial)
    body, twice = flat.nested(body, _OPEN)
    given, faults = schema.parsed(body, partial)
    faults.include(twice)
    return given, faults
