"""The parameters of a statement, and comparison keys as JSON to be among them."""

import json
from typing import Any

from app.query.matching import is_composite
from app.query.values import ARRAY_TAG
from app.storage.postgresql.records import respelled_number


class Parameters:
    """The parameters of a statement, by the names that it has for them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: Any, kind: str) -> str:
        """Return how the statement names ``value``, which has the SQL type ``kind``."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"%({name})s::{kind}"


def json_of(key: Any) -> str:
    """Return the JSON of the value that has the comparison key ``key``."""
    match key:
        case None:
            return "null"
        case str():
            return json.dumps(key)
        case int() | float():
            return respelled_number(key)
        case ("boolean", truth):
            return "true" if truth else "false"
        case (tag, items) if tag == ARRAY_TAG:
            return f"[{','.join(map(json_of, items))}]"
    _, members = key
    pairs = (f"{json.dumps(name)}:{json_of(member)}" for name, member in members)
    return f"{{{','.join(pairs)}}}"


def has_nul(key: Any) -> bool:
    """Return whether a NUL is anywhere in what has the key ``key``; nothing equals it."""
    if isinstance(key, str):
        return "\0" in key
    if not is_composite(key):
        return False
    tag, parts = key
    if tag == ARRAY_TAG:
        return any(map(has_nul, parts))
    return any("\0" in name or has_nul(member) for name, member in parts)


def has_null_member(key: Any) -> bool:
    """Return whether an object in what has the key ``key`` has a null, as an absent has."""
    if not is_composite(key):
        return False
    tag, parts = key
    if tag == ARRAY_TAG:
        return any(map(has_null_member, parts))
    return any(member is None or has_null_member(member) for _, member in parts)
