"""The part of a document that a reply shows: ``mask`` and ``flat``.

A mask says which fields, never in which order: replies keep the contract's, whatever
order a store gives back. A projection is compiled once and applied to each document of
a list. svctasks contract, section 4.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.errors import Invalid
from app.query import Document, Field, Fields
from app.query.values import ABSENT, type_name

MAX_NAMES = 256
"""How many names a mask may have."""

MAX_FLAT = 1 << 22
"""Characters that all names of a flat form may have together: each repeats those of the
objects around it, and 140 KB of nested names would be 200 MB."""

Projection = Callable[[Document], dict[str, Any]]
_Pick = Callable[[Any], Any]
_Branch = dict[str, "_Branch | None"]


def mask(value: Any, fields: Fields, on_list: bool) -> tuple[Field, ...]:
    """Return the fields that a mask names: comma-separated text, or an array of names.

    Raises Invalid.
    """
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list):
        fault = (
            f"must be names with commas between, or an array, not {type_name(value)}"
        )
        raise Invalid.of({"mask": [fault]})
    if len(names) > MAX_NAMES:
        raise Invalid.of({"mask": [f"has {len(names)} names, more than {MAX_NAMES}"]})
    found: dict[Field, None] = {}
    faults: dict[str, None] = {}
    for name in names or [""]:
        try:
            found.update(dict.fromkeys(_named(name, fields, on_list)))
        except Invalid as fault:
            faults[fault.message] = None
    if faults:
        raise Invalid.of({"mask": list(faults)})
    return tuple(found)


def _named(name: Any, fields: Fields, on_list: bool) -> tuple[Field, ...]:
    if not isinstance(name, str):
        raise Invalid(f"a name must be a string, not {type_name(name)}")
    if not name.strip():
        raise Invalid("an empty name; name the fields, such as id,name")
    return fields.masked(name.strip(), on_list)


def whole(fields: Fields, on_list: bool) -> tuple[Field, ...]:
    """Return what is shown without a mask."""
    if on_list:
        return fields.listed
    return tuple(field for field in fields.declared if len(field.path) == 1)


def projection(named: Iterable[Field], fields: Fields) -> Projection:
    """Return the function from a complete document to a new dict of the named fields.

    Declared members come in their declared order, the client's own in the document's;
    what a document does not have is left out.
    """
    branches = _tree(named, fields)
    first: dict[str, list[str]] = {name: [] for name in branches}
    for field in fields.declared:
        if len(field.path) == 2 and field.path[0] in first:
            first[field.path[0]].append(field.path[1])
    plan = [(name, _pick(branch, first[name])) for name, branch in branches.items()]

    def project(document: Document) -> dict[str, Any]:
        reply = {}
        for name, pick in plan:
            value = document.get(name, ABSENT)
            if pick is not None:
                value = pick(value)
            if value is not ABSENT:
                reply[name] = value
        return reply

    return project


def _tree(named: Iterable[Field], fields: Fields) -> _Branch:
    """Return the named fields as nested dicts in the order of replies; None means all."""
    place = {field.path: n for n, field in enumerate(fields.declared)}
    tree: _Branch = {}
    for path in sorted({f.path for f in named}, key=lambda path: place[path[:1]]):
        _graft(tree, path)
    return tree


def _graft(tree: _Branch, path: tuple[str, ...]) -> None:
    branch = tree
    for name in path[:-1]:
        inner = branch.setdefault(name, {})
        if inner is None:
            return
        branch = inner
    branch[path[-1]] = None


def _pick(branch: "_Branch | None", first: Sequence[str]) -> _Pick | None:
    if branch is not None:
        return _members(branch, first)
    if not first:
        return None
    return lambda value: _arranged(value, first)


def _arranged(value: Any, first: Sequence[str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: value[name] for name in _names(value, first)}


def _members(branch: _Branch, first: Sequence[str]) -> _Pick:
    picks = {name: _pick(inner, ()) for name, inner in branch.items()}

    def members(value: Any) -> Any:
        picked = {}
        for name in _names(value, first):
            if name in picks:
                pick = picks[name]
                member = pick(value[name]) if pick else value[name]
                if member is not ABSENT:
                    picked[name] = member
        return picked or ABSENT

    return members


def _names(value: Any, first: Sequence[str]) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [n for n in first if n in value] + [n for n in value if n not in first]


def flat(document: Document) -> dict[str, Any]:
    """Return ``document`` with dotted members in place of its objects, at any depth.

    Arrays and empty objects stay. Where two members get the same dotted name, because a
    client's key has a dot itself, the later one is shown. Raises Invalid where the names
    would be too long.
    """
    reply: dict[str, Any] = {}
    if _flatten(document, "", reply, MAX_FLAT) < 0:
        fault = f"the names would have more than {MAX_FLAT:,} characters; leave it out"
        raise Invalid.of({"flat": [fault]})
    return reply


def _flatten(members: Document, prefix: str, reply: dict[str, Any], room: int) -> int:
    """Add the members to ``reply``; return what is left of the room for names."""
    for name, value in members.items():
        if value and isinstance(value, dict):
            room = _flatten(value, f"{prefix}{name}.", reply, room)
        else:
            reply[prefix + name] = value
            room -= len(prefix) + len(name)
        if room < 0:
            break
    return room
