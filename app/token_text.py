"""The text of a token: ``svct_``, 32 random bytes in base62, and a checksum of these.

It is the form of GitHub's: programs that search for secrets recognize it, and so does this
one, to keep tokens out of logs and replies.
"""

import re
import secrets
import string
import zlib

PREFIX = "svct_"

BYTES = 32
"""How many random bytes a token has."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase

_DIGITS, _OF_CHECKSUM = 43, 6
"""Digits in base62 of the random bytes, and of the checksum."""

_SECRET = re.compile(f"{PREFIX}[0-9A-Za-z]+")


def new() -> str:
    """Return a new token."""
    number = int.from_bytes(secrets.token_bytes(BYTES))
    text = _base62(number, _DIGITS)
    return f"{PREFIX}{text}{_checksum(text)}"


def is_whole(token: str) -> bool:
    """Return whether a text has the form of a token, with the right checksum."""
    text, checksum = token[len(PREFIX) : -_OF_CHECKSUM], token[-_OF_CHECKSUM:]
    return (
        token.startswith(PREFIX)
        and len(text) == _DIGITS
        and text.isascii()
        and checksum == _checksum(text)
    )


def hidden(text: str) -> str:
    """Return ``text`` without what tokens in it consist of, parts of them too."""
    return _SECRET.sub(f"{PREFIX}…", text) if PREFIX in text else text


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _OF_CHECKSUM)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text
