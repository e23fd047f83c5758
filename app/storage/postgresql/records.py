"""One document in the database: its record, its digest, and what is searched of it."""

import json
import re
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from app.storage import Key
from app.storage.encoded import Record

EXACT = 2.0**53
"""From here on a whole double has no fraction, but more than one spelling."""

NO_TEXT = "\ufffe\uffff\ufffe"
"""What is searched in place of a NUL, which ``jsonb`` cannot hold."""

_ODD = re.compile(rb"[:\[,]-?(?:[0-9]{16,}\.|[0-9.]+[eE]\+?[0-9])|\\u0000")
"""What a document has if one of its values is searched in another spelling.

Ids have digits around an e too, so that a number is known by what is before it.
"""


def stored(content: bytes, name: str) -> Record:
    """Return the record of a document that was read, whose key is its member ``name``."""
    document = orjson.loads(content)
    return Record(document[name], content, document)


def digest(key: Key) -> UUID:
    """Return what a row goes by: of any key, of any length, numbers and texts apart."""
    kind, text = ("t", key) if isinstance(key, str) else ("n", str(key))
    named = f"{kind}{text}".encode("utf-8", "surrogatepass")
    return UUID(bytes=blake2b(named, digest_size=16).digest())


def searched(record: Record, members: frozenset[str] | None) -> str:
    """Return, as JSON for ``jsonb``, the ``members`` of a document; None is all of them.

    There is one spelling of each number, in which equal ones are equal in SQL as well.
    """
    content = record.content
    if members is not None:
        found = {n: v for n, v in record.document.items() if n in members}
        content = orjson.dumps(found)
    if _ODD.search(content):
        return json.dumps(_respelled(orjson.loads(content)), ensure_ascii=False)
    return content.decode()


def respelled_text(text: str) -> str:
    """Return ``text`` as it is searched."""
    return text.replace("\0", NO_TEXT) if "\0" in text else text


def respelled_number(number: int | float) -> str:
    """Return the digits of a number as they are searched."""
    if isinstance(number, float) and abs(number) >= EXACT:
        number = int(number)
    return str(number)


def _respelled(value: Any) -> Any:
    if isinstance(value, str):
        return respelled_text(value)
    if isinstance(value, float):
        return int(value) if abs(value) >= EXACT else value
    if isinstance(value, list):
        return [_respelled(each) for each in value]
    if isinstance(value, dict):
        return {respelled_text(n): _respelled(each) for n, each in value.items()}
    return value
