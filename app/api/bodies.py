"""Bodies: JSON of requests, plain or in a form, and JSON of replies."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import orjson
from falcon import HTTPContentTooLarge, HTTPUnsupportedMediaType, parse_header

from app import jsontext
from app.api.request_context import Request
from app.api.request_limits import RequestLimits
from app.errors import Invalid, cut
from app.storage import Record

JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"

MAX_INDENTED = 1 << 16
"""Bytes, without white space, of the documents that are indented."""

MAX_MEDIA_TYPE = 256
"""How many characters a Content-Type may have."""

_JSON_BEGINS = (b"{", b"[", b'"')

_BARE_KEY = re.compile(rb"[0-9A-Za-z_.:-]{1,64}")
"""A key that lacks its quotes."""


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON, indented like the samples in the documents."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def encode_shown(value: Any, record: Record) -> bytes:
    """Return what is shown of ``record`` as JSON, indented unless that is large.

    In a deep document white space can be sixty times what there is without it.
    """
    return encode(value) if record.size <= MAX_INDENTED else orjson.dumps(value)


def encode_item(value: Any) -> bytes:
    """Return ``value`` as JSON with the indentation of an item, for ``join``."""
    return orjson.dumps([value], option=orjson.OPT_INDENT_2)[2:-2]


def join(items: Iterable[bytes]) -> bytes:
    """Return the array of encoded items, as ``encode`` would return it."""
    text = b",\n".join(items)
    return b"[\n%b\n]" % text if text else b"[]"


def read(request: Request) -> Any:
    """Return the JSON value in the body, or in the parameter ``data`` of a form.

    Raises Invalid, and Falcon's errors for 413 and 415. svctasks contract, section 3.
    """
    found = _content(request)
    if not found and not request.content_type:
        raise Invalid("the body is empty; it must be JSON")
    return _value(request, found)


def read_key(request: Request) -> Any:
    """Return what ``read`` returns; a message says so if only the quotes are missing."""
    try:
        return read(request)
    except Invalid:
        if key := _BARE_KEY.fullmatch(_content(request).strip()):
            raise Invalid(
                f'the key must be a JSON string, in quotes: "{key[0].decode()}"'
                f"{_header_hint(request)}"
            ) from None
        raise


def read_any(request: Request) -> Any:
    """Return what ``read`` returns, or an empty object where there is no body."""
    found = _content(request)
    return _value(request, found) if found else {}


def _value(request: Request, content: bytes) -> Any:
    media_type = _media_type(request.content_type or "")
    if media_type == "application/json":
        return jsontext.read(content, bounds=request.context.bounds)
    if media_type == FORM:
        try:
            data = _form_data(content)
        except Invalid:
            if content.lstrip()[:1] in _JSON_BEGINS:
                reason = f"the body looks like JSON{_header_hint(request)}"
                raise Invalid(reason) from None
            raise
        bounds = request.context.bounds
        return jsontext.read(data, "the form's parameter data", bounds=bounds)
    raise HTTPUnsupportedMediaType(
        description=f"The body must be {JSON}, or {FORM} with the JSON in data; "
        f'its Content-Type is "{cut(request.content_type or "")}"'
    )


def _header_hint(request: Request) -> str:
    """Return a hint for JSON that came as a form: curl sends what -d has as one."""
    if _media_type(request.content_type or "") != FORM:
        return ""
    return (
        ', but it came as a form; send it with the header "Content-Type: '
        'application/json", as curl does with --json in place of -d'
    )


class WholeBodies:
    """Falcon middleware that reads every body before any responder acts on it.

    A body that is cut or malformed changes nothing. RFC 9112, section 8.
    """

    def __init__(self, limits: RequestLimits) -> None:
        self._max_body = limits.body
        self._bounds = limits.json

    def process_resource(
        self, request: Request, response: object, resource: object, params: object
    ) -> None:
        """Read the body, if there is one; raises Invalid.

        One that is too large is refused where it is used.
        """
        # A body in chunks has no length; one of a GET is of no use.
        if request.method not in ("GET", "HEAD") or request.env.get("CONTENT_LENGTH"):
            request.context.bounds = self._bounds
            try:
                request.context.body = _read(request, self._max_body)
            except HTTPContentTooLarge as error:
                request.context.body = error


def _content(request: Request) -> bytes:
    """Return the body that ``WholeBodies`` has read."""
    body = request.context.body
    if isinstance(body, HTTPContentTooLarge):
        raise body
    coding = request.env.get("HTTP_CONTENT_ENCODING")
    if coding and body and coding.strip().lower() != "identity":
        raise HTTPUnsupportedMediaType(
            description=f"A compressed body (Content-Encoding: {cut(coding)}) cannot be "
            "read; send it as it is, without this header"
        )
    return body


def _read(request: Request, limit: int) -> bytes:
    length = request.content_length
    if length is None and request.env.get("wsgi.input_terminated"):
        # A chunked body has no length; the server ends the stream where the body ends.
        found: bytes = request.stream.read(limit + 1)
    elif length is None or length <= limit:
        found = request.bounded_stream.read()
    else:
        found = b""
    if len(found) > limit or (length or 0) > limit:
        raise too_large(limit)
    if length is not None and len(found) < length:
        raise Invalid("the body ends before the length that Content-Length gives")
    return found


def too_large(limit: int) -> HTTPContentTooLarge:
    """Return the error for a body of more than ``limit`` bytes."""
    return HTTPContentTooLarge(
        description=f"The body may have {limit} bytes at most (SVCTASKS_MAX_BODY)"
    )


class Broken:
    """A body that was cut or is malformed; ``error`` is what reading it raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> NoReturn:
        raise self._error


def error_body(status: int, message: str) -> dict[str, Any]:
    """Return the body of an error. svctasks contract, section 6."""
    return {"error_code": 1000 + status, "error_message": message}


def _media_type(header: str) -> str:
    """Return the media type that a Content-Type names; nothing, if it is not in UTF-8."""
    # Falcon takes quadratic time to parse it, and no type of a body is that long.
    return _read_media_type(header) if len(header) <= MAX_MEDIA_TYPE else ""


@lru_cache(maxsize=64)
def _read_media_type(header: str) -> str:
    media_type, parameters = parse_header(header)
    charset = parameters.get("charset", "utf-8").lower()
    return media_type.lower() if charset in ("utf-8", "utf8", "us-ascii") else ""


def _form_data(content: bytes) -> str:
    try:
        pairs = parse_qsl(
            content.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=100,
        )
    except ValueError:
        raise Invalid("the form cannot be decoded; it must be UTF-8") from None
    data = [value for name, value in pairs if name == "data"]
    if len(data) != 1 or len(pairs) != 1:
        raise Invalid("a form must have one parameter, data, which holds the JSON")
    return data[0]
