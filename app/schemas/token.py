"""A token as the table keeps it: never the token itself, only its SHA-256.

A token is 32 random bytes: nobody can guess one, so that its digest needs no slow hash.
"""

from typing import Any

from marshmallow import validate

from app.access import OF_TOKENS
from app.query.values import TEXT
from app.schemas.base import Enumeration, Schema, Value
from app.schemas.value_types import INSTANT, TYPES

NAME = "tokens"

_NAME = validate.Regexp(
    "[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\Z",
    error="must be 1 to 64 letters, digits and . _ -, a letter or digit first",
)
_DIGEST = validate.Regexp(
    "[0-9a-f]{64}\\Z", error="must be a SHA-256: 64 hex digits in lower case"
)


class TokenSchema(Schema):
    """A token: who it is, what it may do, and until when; it may have no end."""

    noun = "a token"
    name = Value(TEXT, required=True, validate=_NAME)
    role = Enumeration(*OF_TOKENS, required=True)
    sha256 = Value(TEXT, required=True, validate=_DIGEST)
    created = Value(INSTANT)
    expires = Value(INSTANT)
    last_used = Value(TYPES["date"])


_TOKEN = TokenSchema()


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document of a token; raises Invalid with all faults.

    One without ``created`` gets ``moment``, the time of its file.
    """
    return {"created": moment, **_TOKEN.load(raw)}
