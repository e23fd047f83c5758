"""Where lines may be in a damaged part of a journal, found in linear time.

Where the byte between two lines is damaged, the next line begins in the middle. A document
of a client may have objects that look like a line, even with a right checksum. Such an
object comes after a bracket, a comma or a colon; there, a line is accepted only behind
another one that is sound.
"""

import re
import zlib
from collections.abc import Iterator

_HEAD = re.compile(rb'\{"crc":"([0-9a-f]{8})",')
_BEGIN = re.compile(rb'\{"crc":"')
_WITHIN = b"[,:"


def parts(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Divide ``text``, which has no line end in it.

    Yields each part and, if it is a line by its checksum, the line without its end, else
    nothing.
    """
    places = [match.start() for match in _BEGIN.finditer(text, 1)]
    places.append(len(text))
    begin, next_ = 0, 0
    while begin < len(text):
        while places[next_] <= begin:
            next_ += 1
        end, size = _end(text, begin, places, next_)
        yield text[begin:end], text[begin : begin + size]
        begin = end


def _end(text: bytes, begin: int, places: list[int], next_: int) -> tuple[int, int]:
    """Return where the part from ``begin`` on ends, and the size of the line in it, or 0.

    ``places``, from number ``next_`` on, are those at which another may begin.
    """
    head = _HEAD.match(text, begin)
    wanted = int(head[1], 16) if head else None
    checksum, done = 0, head.end() if head else begin
    for number in range(next_, len(places)):
        place = places[number]
        if wanted is not None:
            # The end of the line is damaged, or missing.
            for end in (place - 1, place):
                checksum, done = zlib.crc32(text[done:end], checksum), max(done, end)
                if checksum == wanted and end == done:
                    return place, end - begin
        if place == len(text) or text[place - 1] not in _WITHIN:
            return place, 0
    return len(text), 0
