"""Service scripts: what the field ``svcscriptcode`` of a task names.

They come with a data file, which people write, and are read only: no request can change
them, or read a command, an address or a secret. A value that is a secret may be taken from
the environment of the runner, by ``{"env": NAME}`` in its place. No message repeats a
value. Runner contract, section 6.
"""

import base64
import re
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, validate, validates_schema

from app.errors import Faults
from app.query.values import INTEGER, OBJECT, TEXT, ValueType, plain_key, type_name
from app.schemas.base import Enumeration, List, Schema, Value, refuse
from app.schemas.value_types import BOOLEAN

NAME = "svcscripts"

OF_COMMANDS = ("env", "cwd", "gracesec")
"""The members that go with a command only."""

OF_CALLS = ("method", "headers", "secret")
"""The members that go with an address only."""

RESERVED = "SVCTASKS_"
"""How the variables begin that each run gets; a script cannot set one."""

RESERVED_HEADERS = (
    "connection",
    "content-length",
    "idempotency-key",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
)
"""The headers that a call has of its own."""

SECRET = "whsec_"  # nosec B105
"""How a secret begins, as Standard Webhooks have it; the rest is base64."""

MOST_SECONDS = 366 * 24 * 3600

_NOT_EMPTY = validate.Length(1, error="must not be empty")
_TOKEN = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VARIABLE = re.compile("[^=\0]+")


def _parse_text(value: Any) -> Any:
    """Return a text, or an object that names a variable."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.keys() == {"env"}:
        name = value["env"]
        if isinstance(name, str) and _VARIABLE.fullmatch(name):
            return {"env": name}
    other = "another object" if isinstance(value, dict) else type_name(value)
    raise ValueError(f'must be a string, or {{"env": "NAME"}}, not {other}')


_TEXT_OR_VARIABLE = ValueType("string or variable", _parse_text, plain_key)


def _seconds(least: int) -> Value:
    error = f"must be from {least} to {MOST_SECONDS}"
    return Value(INTEGER, validate=validate.Range(least, MOST_SECONDS, error=error))


def _check_no_zero(text: str) -> None:
    if "\0" in text:
        raise ValidationError("must have no NUL in it")


def _check_folder(path: str) -> None:
    _check_no_zero(path)
    if not path.startswith("/"):
        raise ValidationError("must begin with /")


def _check_address(address: str) -> None:
    """Raise ValidationError unless a call can be made to ``address``."""
    right = "must be an address such as https://host.example/path"
    is_plain = address.isascii() and address.isprintable()
    if not is_plain or " " in address or "\\" in address:
        raise ValidationError(f"{right}, in ASCII, without spaces and backslashes")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValidationError(right) from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ValidationError(right)
    if parts.username is not None or parts.password is not None:
        raise ValidationError("must have no user or password: headers are the place")
    if parts.fragment:
        raise ValidationError("must have no fragment (#)")


def secret_bytes(secret: str) -> bytes:
    """Return the key that a secret means; raises ValueError. Standard Webhooks."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(SECRET) or not 24 <= len(key) <= 64:
        raise ValueError(
            f'must be "{SECRET}" and the base64 of 24 to 64 random bytes, such as '
            "openssl rand -base64 32 prints"
        )
    return key


def header_fault(value: str) -> str:
    """Return what is wrong with the value of a header, if anything."""
    if not value.isascii() or not all(c == "\t" or c.isprintable() for c in value):
        return "must be of printable ASCII characters"
    return ""


class SvcscriptSchema(Schema):
    """A service script as a data file has it."""

    noun = "a script"
    code = Value(TEXT, required=True, validate=_NOT_EMPTY)
    name = Value(TEXT)
    command = List(
        Value(TEXT, validate=_check_no_zero),
        validate=_NOT_EMPTY,
    )
    url = Value(TEXT, validate=_check_address)
    method = Enumeration("DELETE", "GET", "PATCH", "POST", "PUT")
    headers = Value(OBJECT)
    env = Value(OBJECT)
    cwd = Value(TEXT, validate=_check_folder)
    timeoutsec = _seconds(0)
    gracesec = _seconds(0)
    retries = Value(
        INTEGER, validate=validate.Range(0, 1000, error="must be from 0 to 1000")
    )
    retrysec = _seconds(1)
    catchup = Enumeration("latest", "all")
    latesec = _seconds(0)
    spreadsec = _seconds(0)
    most = Value(INTEGER, validate=validate.Range(1, error="must be 1 or more"))
    idempotent = Value(BOOLEAN)
    onfail = Value(TEXT)
    secret = Value(_TEXT_OR_VARIABLE)

    @validates_schema
    def check_kind(self, script: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError unless it is either a command or a call."""
        faults = Faults()
        has_command, has_url = "command" in script, "url" in script
        if has_command and has_url:
            faults["url"] = ["must not be there beside command"]
        elif has_command or has_url:
            others, needed = (
                (OF_CALLS, "url") if has_command else (OF_COMMANDS, "command")
            )
            for name in others:
                if name in script:
                    faults[name] = [f"goes with {needed} only"]
        else:
            faults["command"] = ["is required, or else url"]
        if script.get("command") and not script["command"][0]:
            faults["command.0"] = ["must name a program"]
        refuse(faults)

    @validates_schema(skip_on_field_errors=False)
    def check_values(self, script: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError if a variable, a header or the secret cannot be."""
        faults = Faults()
        for name, value in script.get("env", {}).items():
            fault = _fault_of_name(name) or _fault_of_text(value)
            if not fault and isinstance(value, str) and "\0" in value:
                fault = "must have no NUL in it"
            if fault:
                faults[f"env.{name}"] = [fault]
        names: set[str] = set()
        for name, value in script.get("headers", {}).items():
            fault = _fault_of_header(name, names) or _fault_of_text(value)
            if not fault and isinstance(value, str):
                fault = header_fault(value)
            if fault:
                faults[f"headers.{name}"] = [fault]
            names.add(name.lower())
        if "url" in script and isinstance(secret := script.get("secret"), str):
            try:
                secret_bytes(secret)
            except ValueError as error:
                faults["secret"] = [str(error)]
        refuse(faults)


def _fault_of_name(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        return "must be a name of a variable, not empty and without ="
    if name.startswith(RESERVED):
        return f"must not begin with {RESERVED}: those are set for each run"
    return ""


def _fault_of_header(name: str, others: set[str]) -> str:
    if not _TOKEN.fullmatch(name):
        return "must be a name of a header, of letters, digits and -"
    if name.lower() in RESERVED_HEADERS:
        return "is a header that each call has already"
    return "is there twice" if name.lower() in others else ""


def _fault_of_text(value: Any) -> str:
    try:
        _parse_text(value)
    except ValueError as error:
        return str(error)
    return ""


loaded = SvcscriptSchema().loaded
