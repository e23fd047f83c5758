"""JSON Schema, as far as several parts of the OpenAPI document need it.

What several values share is in ``SHARED``, under the name by which ``ref`` refers to it:
the document has it once. Where there is a choice, schemas are written as the generators of
clients can read them, which know neither enumerations of several types nor constants that
are no texts.
"""

from collections.abc import Iterator
from typing import Any

from app.jsontext import INTEGERS

JsonSchema = dict[str, Any]

LEAST, MOST = -(2**63), 2**63 - 1

SHARED: dict[str, JsonSchema] = {}


def ref(name: str) -> JsonSchema:
    """Return the reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def shared(name: str, schema: JsonSchema) -> JsonSchema:
    """Give ``schema`` a name in the document, and return the reference to it."""
    SHARED[name] = schema
    return ref(name)


def integer(least: int = LEAST, most: int = MOST) -> JsonSchema:
    """Return the schema of an integer."""
    return {"type": "integer", "minimum": least, "maximum": most}


def whole(least: int = LEAST, most: int = MOST) -> JsonSchema:
    """Return the schema of an integer, or of a text of at most 20 digits that spells it.

    A number below 0 may not be as near to 0 as ``least``, unless that is 0 or 1.
    """
    digits = _digits(most)
    if least > 0:
        pattern = f"^(?=.*[1-9])({digits})$"
    elif least == 0:
        pattern = f"^({digits}|-0{{1,20}})$"
    else:
        pattern = f"^({digits}|-({_digits(-least)}))$"
    return {"anyOf": [integer(least, most), {"type": "string", "pattern": pattern}]}


def _digits(most: int) -> str:
    """Return the pattern of at most 20 digits that spell a number up to ``most``."""
    digits = str(most)
    size = len(digits)
    longest = f"0{{0,{20 - size}}}({'|'.join(_up_to(digits))})"
    return f"0{{0,{21 - size}}}[0-9]{{1,{size - 1}}}|{longest}" if size > 1 else longest


def _up_to(digits: str) -> Iterator[str]:
    """Return patterns of the numbers that have as many digits and are not greater."""
    for place, digit in enumerate(digits[:-1]):
        if digit > "0":
            rest = len(digits) - place - 1
            yield f"{digits[:place]}[0-{int(digit) - 1}][0-9]{{{rest}}}"
    yield f"{digits[:-1]}[0-{digits[-1]}]"


def nullable(schema: JsonSchema) -> JsonSchema:
    """Return the schema that admits null too."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: JsonSchema, **further: Any) -> JsonSchema:
    """Return the schema of an array."""
    return {"type": "array", "items": items, **further}


def closed(required: int | None = None, /, **properties: JsonSchema) -> JsonSchema:
    """Return the schema of an object with these members; the first are ``required``."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties)[:required],
        "additionalProperties": False,
    }


NUMBERS: list[JsonSchema] = [
    integer(INTEGERS[0], INTEGERS[-1]),
    {"type": "number", "not": {"type": "integer"}},
]
"""The numbers that can be stored; those of the second schema have a fraction."""

TEXTUAL: JsonSchema = {"type": "string"}
NOT_EMPTY: JsonSchema = {"type": "string", "minLength": 1}
