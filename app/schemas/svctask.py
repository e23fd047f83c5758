"""The service task: its fifteen fields, and the documents made of what a client sends.

The schema says which values are valid; the functions say what becomes of them: the
defaults, what the server owns, and how a change is merged. They are pure: ids and
moments are handed in. Documents are never changed in place, and a result shares no
array or object with what it was made of. svctasks contract, sections 1 to 3.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, validate

from app.errors import Faults, Invalid
from app.query import Fields
from app.query.values import ANY, DATE, ID, INTBOOL, INTEGER, NAMES, TEXT, Kind
from app.schemas import flat
from app.schemas.faults import checked, unknown
from app.schemas.fields import (
    NOT_BLANK,
    Enumeration,
    OpenObject,
    Periods,
    Valued,
    members,
)

NAME = "svctasks"


def _check_name(name: str) -> None:
    if not name.strip():
        raise ValidationError("must not be empty")


class SvctaskSchema(Schema):
    """A service task as a client may send it."""

    id = Valued(ID)
    name = Valued(
        TEXT, required=True, validate=_check_name, metadata={"pattern": NOT_BLANK}
    )
    isenabled = Valued(INTBOOL)
    svcscriptcode = Valued(TEXT)
    sitemode = Enumeration("all", "any", "sites", "anyofsites", "firstsite")
    sites = Valued(NAMES)
    isregular = Valued(INTBOOL)
    overlap = Valued(INTBOOL)
    intervalsec = Valued(
        INTEGER, validate=validate.Range(min=0, error="must be 0 or more")
    )
    dtstart = Valued(DATE)
    dtstop = Valued(DATE)
    schedule = Enumeration("all", "work", "non-work", "individual")
    periods = Periods()
    opts = OpenObject({"title": TEXT, "comment": TEXT})
    ext = OpenObject({"ct": DATE, "lwt": DATE}, owned=True)


class StoredSchema(SvctaskSchema):
    """A service task as a data file or an import has it."""

    ext = OpenObject({"ct": DATE, "lwt": DATE})


_CLIENT = SvctaskSchema()
_STORED = StoredSchema()


def _kinds() -> Iterator[tuple[str, Kind]]:
    for name, field in _CLIENT.fields.items():
        assert isinstance(field, Valued)
        yield name, field.kind
        for member, kind in field.members.items():
            yield f"{name}.{member}", kind


_OPEN = ("opts", "ext")

FIELDS = Fields(
    kinds=dict(_kinds()),
    listed=(
        "id",
        "name",
        "isenabled",
        "svcscriptcode",
        "sitemode",
        "isregular",
        "overlap",
        "intervalsec",
        "dtstart",
        "dtstop",
        "schedule",
        "ext.lwt",
        "ext.ct",
    ),
    open_objects=_OPEN,
)
"""The fields of a task and of the items of a list; svctasks contract, section 4."""


_NAMES = tuple(field.name for field in FIELDS.declared)


def new(body: Any, id_: Callable[[], str], now: str) -> dict[str, Any]:
    """Return the complete document of a new task.

    ``id_`` makes an id if ``body`` has none. Raises Invalid with all faults.
    """
    given = checked(*_read(_CLIENT, body))
    document = _completed(given)
    document["id"] = given.get("id") or id_()
    document["ext"] = {"ct": now, "lwt": now, **document["ext"]}
    return document


def loaded(raw: Any, default_id: str, moment: str) -> dict[str, Any]:
    """Return the complete document that a data file or an import means.

    What it has of ``id``, ``ext.ct`` and ``ext.lwt`` is kept; ``moment`` is the default
    of ``ext.ct``, and that of ``ext.lwt``. Raises Invalid with all faults.
    """
    given = checked(*_read(_STORED, raw))
    document = _completed(given)
    document["id"] = given.get("id") or default_id
    ext = {"ct": "", "lwt": "", **document["ext"]}
    ext["ct"] = ext["ct"] or moment
    ext["lwt"] = ext["lwt"] or ext["ct"]
    document["ext"] = ext
    return document


def changes(body: Any, id_: str) -> dict[str, Any]:
    """Return the fields that a PATCH of the task ``id_`` sets; None resets or removes.

    Raises Invalid with all faults; svctasks contract, section 3.
    """
    given, faults = _read(_CLIENT, body, partial=True)
    if given.pop("id", id_.lower()) != id_.lower():
        faults["id"] = [f'must be the id of the path, "{id_.lower()}", or absent']
    return checked(given, faults)


def changed(
    document: Mapping[str, Any], changes: Mapping[str, Any], now: str
) -> Mapping[str, Any]:
    """Return ``document`` after ``changes``; itself, if they change nothing."""
    defaults = _defaults()
    different = {}
    for name, value in changes.items():
        before = document[name]
        if name in ("opts", "ext"):
            after = _merged(name, before, value)
        else:
            after = defaults[name] if value is None else value
        if ANY.key(after) != ANY.key(before):
            different[name] = after
    if not different:
        return document
    result = {**document, **different}
    return {**result, "ext": {**result["ext"], "lwt": now}}


def _merged(name: str, before: dict[str, Any], value: Any) -> dict[str, Any]:
    if value is None:
        owned = {"ct": before["ct"], "lwt": before["lwt"]} if name == "ext" else {}
        return {**_defaults()[name], **owned}
    kept = {n: v for n, v in before.items() if n not in value or value[n] is not None}
    return kept | {n: v for n, v in value.items() if v is not None}


def _defaults() -> dict[str, Any]:
    """Return a new document in the contract's order, for the caller to complete."""
    return {
        "id": "",
        "name": "",
        "isenabled": 0,
        "svcscriptcode": "",
        "sitemode": "all",
        "sites": "",
        "isregular": 0,
        "overlap": 1,
        "intervalsec": 0,
        "dtstart": "",
        "dtstop": "",
        "schedule": "all",
        "periods": [],
        "opts": {"title": "", "comment": ""},
        "ext": {},
    }


def _completed(given: Mapping[str, Any]) -> dict[str, Any]:
    document = _defaults()
    opts = document["opts"]
    document.update({n: value for n, value in given.items() if value is not None})
    document["opts"] = {**opts, **document["opts"]}
    return document


def _read(
    schema: Schema, body: Any, partial: bool = False
) -> tuple[dict[str, Any], Faults]:
    """Return the valid fields of ``body``, and all that is wrong with the others."""
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object with the fields of a task")
    if body.keys() <= schema.fields.keys():
        return members(schema, body, partial, nulls=True)
    body, twice = flat.nested(body, _OPEN)
    given, faults = members(schema, body, partial, nulls=True)
    faults.include(twice)
    faults.include(unknown(body, _NAMES, "a field of a task"))
    return given, faults
