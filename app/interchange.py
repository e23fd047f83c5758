"""The files that go in and out by the command line: one entity, an array, TinyDB JSON."""

from collections.abc import Iterator
from typing import Any

from app.errors import Invalid


def entities(value: Any, table: str, name: str) -> Iterator[tuple[str, Any]]:
    """Return the entities in a JSON value, each with the name of its place.

    ``name`` is that of the file, for messages. Raises Invalid.
    """
    match value:
        case list():
            return ((f"item {n}", each) for n, each in enumerate(value, 1))
        case {"name": str()}:
            return iter([("the object", value)])
        case dict() if (documents := _of_tinydb(value, table)) is not None:
            return ((f"document {n}", each) for n, each in documents.items())
    raise Invalid(
        f"{name} holds no {table}; it must be an array of them, one of them, or TinyDB "
        f'JSON such as {{"{table}": {{"1": {{…}}}}}}'
    )


def _of_tinydb(value: dict[str, Any], table: str) -> dict[str, Any] | None:
    documents = value.get(table, value.get("_default"))
    if len(value) != 1 or not isinstance(documents, dict):
        return None
    return documents if all(key.isdigit() for key in documents) else None
