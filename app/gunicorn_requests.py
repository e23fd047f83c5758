"""Requests as their bytes arrive: no thread waits for the rest of one.

gunicorn's parser reads a head when it is complete, and decides how the body is framed.
A body is read here: as long as ``Content-Length`` says, or in chunks (RFC 9112, section
7.1), whose lines end with CRLF and have a bounded length.
"""

import io
import re
from collections.abc import Generator
from copy import copy
from typing import Any

from gunicorn.config import Config
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidHeader,
    InvalidHTTPVersion,
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from app.api import bodies
from app.errors import Invalid
from app.limits import long_head, long_line
from app.settings import Settings

LINE = 8190
"""Bytes that a line before a chunk or all trailers may have."""

CODING = "TRANSFER-ENCODING"
"""What gunicorn calls the header."""

STATUS: dict[type[Exception], int] = {
    LimitRequestLine: 414,
    LimitRequestHeaders: 431,
    ExpectationFailed: 417,
    UnsupportedTransferCoding: 501,
}
"""The status of a head that gunicorn cannot read; of any other fault it is 400."""

_BARE = re.compile(rb"(?:^|[^\r])\n")

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")

_SECRET = re.compile("[0-9A-Za-z_=]{40,}")
"""What may be a token, or one with its name as Basic has them."""

_EXPECTED = "_expected_100_continue"
"""The attribute of a Request that lets gunicorn send "100 Continue" (it has no other)."""

_Body = Generator[None, None, bytes]


class Incoming:
    """The requests of one connection, within the limits of ``settings``."""

    def __init__(self, cfg: Config, client: Any, settings: Settings) -> None:
        self._cfg = cfg
        self._client = client
        self._settings = settings
        self._most = settings.max_body
        self._buffer = bytearray()
        self._searched = 0
        self._number = 0
        self._request: Request | None = None
        self._body: _Body | None = None

    def __len__(self) -> int:
        """Return how many bytes are kept."""
        return len(self._buffer)

    @property
    def has_begun(self) -> bool:
        """Whether a part of a request has arrived."""
        return bool(self._buffer) or self._request is not None

    def clear(self) -> None:
        """Let go of all that is kept; nothing may be added afterwards."""
        self._buffer.clear()
        self._request = self._body = None

    def take_expectation(self) -> bool:
        """Return, once, whether the client waits for "100 Continue"."""
        request = self._request
        if request is None or not getattr(request, _EXPECTED):
            return False
        setattr(request, _EXPECTED, False)
        return not self._buffer

    def add(self, data: bytes) -> Request | None:
        """Add bytes; return the next request if it is complete. Raises ParseException.

        Reading the body of one that is malformed raises Invalid.
        """
        self._buffer += data
        if self._request is None:
            self._request = self._head()
            if self._request is None:
                return None
            self._body = self._framed(self._request)
        assert self._body is not None
        try:
            next(self._body)
        except StopIteration as ended:
            return self._whole(io.BytesIO(ended.value))
        except Exception as error:
            return self._broken(error)
        return None

    def end(self, error: Exception) -> Request | None:
        """Return the unfinished request; reading its body raises ``error``."""
        return None if self._request is None else self._broken(error)

    def _head(self) -> Request | None:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0 or end + 4 > self._settings.max_head:
            self._check_part()
            self._searched = len(buffer)
            return None
        head = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        self._searched = 0
        self._number += 1
        try:
            # The stubs declare no other source than a socket.
            request = Request(
                self._cfg, IterUnreader([head]), self._client, self._number
            )
        except NoMoreData:
            raise InvalidRequestLine("no request line") from None
        assert request.version is not None
        if request.version > (1, 1):
            # gunicorn would answer in that version, which nobody knows.
            raise InvalidHTTPVersion(request.version)
        if request.version != (1, 0) and "HOST" not in dict(request.headers):
            raise InvalidHeader("HOST is required")
        return request

    def _check_part(self) -> None:
        """Raise ParseException if the bytes so far cannot become a head."""
        buffer = self._buffer
        if _BARE.search(buffer, max(0, self._searched - 1)):
            raise InvalidRequestLine("a line ends with a bare line feed")
        line = self._settings.max_address
        if len(buffer) > line and buffer.find(b"\r\n", 2, line + 4) < 0:
            raise LimitRequestLine(len(buffer), line)
        if len(buffer) > self._settings.max_head:
            raise LimitRequestHeaders("the head is too long")

    def _framed(self, request: Request) -> _Body:
        assert request.body is not None
        reader = request.body.reader
        if not isinstance(reader, ChunkedReader):
            assert isinstance(reader, LengthReader)
            return self._sized(reader.length)
        # gunicorn takes others before it, and leaves it to us to decode them.
        codings = [text for name, text in request.headers if name == CODING]
        if [text.strip().lower() for text in codings] != ["chunked"]:
            raise UnsupportedTransferCoding(", ".join(codings))

        return self._in_chunks(request)

    def _sized(self, length: int) -> _Body:
        if length > self._most:
            raise bodies.too_large(self._most)
        buffer = self._buffer
        while len(buffer) < length:
            yield
        content = bytes(buffer[:length])
        del buffer[:length]
        return content

    def _in_chunks(self, request: Request) -> _Body:
        """Remove a body in chunks and return it; yield for more bytes.

        Raises Invalid, and HTTPContentTooLarge.
        """
        buffer, content = self._buffer, bytearray()
        while size := (yield from self._size()):
            if len(content) + size > self._most:
                raise bodies.too_large(self._most)
            while len(buffer) < size + 2:
                yield
            if buffer[size : size + 2] != b"\r\n":
                raise Invalid(f"the body is malformed: no line end after {size} bytes")
            content += buffer[:size]
            del buffer[: size + 2]
        trailers = bytearray()
        while (line := (yield from self._line())) != b"\r\n":
            trailers += line
            if not line.endswith(b"\r\n") or len(trailers) > LINE:
                raise Invalid("the body is malformed: its trailers are too long or cut")
        if trailers:
            try:
                request.parse_headers(bytes(trailers[:-2]), from_trailer=True)
            except ParseException as error:
                raise Invalid(f"the body is malformed: {shortened(error)}") from None
        return bytes(content)

    def _size(self) -> Generator[None, None, int]:
        line = yield from self._line()
        if (match := _SIZE.fullmatch(line)) is None:
            raise Invalid(
                "the body is malformed: a chunk must begin with its size in hex digits, "
                f"not {shortened(line)}"
            )
        return int(match[1], 16)

    def _line(self) -> Generator[None, None, bytes]:
        """Remove and return a line, with its end, which a line too long lacks."""
        buffer, searched = self._buffer, 0
        while (end := buffer.find(b"\n", searched)) < 0 and len(buffer) <= LINE:
            searched = len(buffer)
            yield
        if end < 0:
            end = LINE
        line = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        return line[: LINE + 2]

    def _whole(self, body: Any) -> Request:
        request, self._request, self._body = self._request, None, None
        assert request is not None
        request.body = body
        setattr(request, _EXPECTED, False)
        return request

    def _broken(self, error: Exception) -> Request:
        # It is unknown where the next request begins.
        self._buffer.clear()
        request = self._whole(bodies.Broken(error))
        request.force_close()
        return request


def refusal(error: ParseException, settings: Settings) -> str:
    """Return the message about a head that cannot be read; it names the limit, if any."""
    if isinstance(error, LimitRequestLine):
        return long_line(settings.max_address)
    if isinstance(error, LimitRequestHeaders):
        return long_head(settings.max_head)
    if isinstance(error, UnsupportedTransferCoding):
        return "Transfer-Encoding may be chunked only"
    # A header that lacks its colon may be that of a token.
    return shortened(_SECRET.sub("…", str(error)))


def shortened(what: object) -> str:
    """Return ``what`` as text of bounded length, without control characters."""
    text = what if isinstance(what, str) else str(what)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= 100 else f"{text[:100]}…"


def plain(cfg: Config) -> Config:
    """Return a copy of ``cfg`` that has its settings as attributes.

    gunicorn's own looks each of them up by a function, twenty for each request.
    """
    copied = copy(cfg)
    vars(copied).update({name: each.get() for name, each in cfg.settings.items()})
    return copied
