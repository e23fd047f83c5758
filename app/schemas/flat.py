"""Flat bodies: dotted members in place of objects, as a flat reply has them.

``{"opts.title": "x"}`` is read as ``{"opts": {"title": "x"}}``, so that what was read with
``flat=true`` can be sent back. svctasks contract, section 1.
"""

from collections.abc import Collection
from typing import Any

from app import jsontext
from app.errors import Faults
from app.schemas.base import copied


def nested(
    body: dict[str, Any], objects: Collection[str]
) -> tuple[dict[str, Any], Faults]:
    """Return ``body`` with dotted members of ``objects`` inside of them, and the faults.

    Members may come in both forms, but none of them twice. Raises Invalid where the
    result would be nested too deeply.
    """
    faults = Faults()
    dotted = {
        name: value
        for name, value in body.items()
        if "." in name and name.partition(".")[0] in objects
    }
    if not dotted:
        return body, faults
    result = {n: value for n, value in body.items() if n not in dotted}
    result |= {name: copied(result[name]) for name in objects if name in result}
    for name, value in dotted.items():
        if not _put(result, name.split(".", jsontext.MAX_DEPTH), value):
            faults[name] = ["is there twice, or inside of what is no object"]
    jsontext.check_depth(result)
    return result, faults


def _put(members: dict[str, Any], path: list[str], value: Any) -> bool:
    """Put ``value`` where ``path`` leads; return whether that place was free."""
    for name in path[:-1]:
        inner = members.setdefault(name, {})
        if not isinstance(inner, dict):
            return False
        members = inner
    if path[-1] in members:
        return False
    members[path[-1]] = copied(value)
    return True
