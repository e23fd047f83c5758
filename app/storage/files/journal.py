r"""The journal of one table: what was written since its data file was made.

It holds JSON lines. A real one, of a table in which somebody added two tasks, changed one,
removed the other, and then wrote a data file by hand:

>>> journal = b'''\
... {"crc":"39f0aeea","seq":0,"format":3,"epoch":"4396e0f3","checkpoint":[0,""],\
... "base":null,"digest":"","next":2,"ids":{"task":1},"covering":true}
... {"crc":"86fad5d0","seq":1,"gone":[],"was":[null],"ids":{"task":1},\
... "sizes":[[1,23]],"put":[{"id":1,"name":"clean"}]}
... {"crc":"85c876a2","seq":2,"gone":[],"was":[null],"ids":{"task":2},\
... "sizes":[[2,24]],"put":[{"id":2,"name":"report"}]}
... {"crc":"2401a1b5","seq":3,"gone":[],"was":[1182949879058504798],"ids":{"task":2},\
... "sizes":[[1,26]],"put":[{"id":1,"name":"clean up"}]}
... {"crc":"a722e07a","seq":4,"gone":[2],"was":[6232679692528468038],"ids":{"task":2},\
... "sizes":[],"put":[]}
... {"crc":"22f2891d","seq":5,"gone":[],"was":[7351123580365245402],\
... "edit":[2179403,1795865663580494157,29],\
... "digest":"a90b84abc20b360aaead08d1dacf81cf","anew":false,"ids":{"task":2},\
... "sizes":[[1,27]],"put":[{"id":1,"name":"clean all"}]}
... '''
>>> header, *entries = [decode(line).entry for line in journal.splitlines(True)]
>>> for entry in entries:
...     print(entry["seq"], entry["put"], entry["gone"])
1 [(1, b'{"id":1,"name":"clean"}')] []
2 [(2, b'{"id":2,"name":"report"}')] []
3 [(1, b'{"id":1,"name":"clean up"}')] []
4 [] [2]
5 [(1, b'{"id":1,"name":"clean all"}')] []

Each line begins with a checksum of the rest and carries a sequence number, one more than
the line before. The first is the header; what its members and those of an entry mean is
said in ``entries``. One entry is one atomic write, and applying it twice does no harm. Its
documents come last, after the numbers and sizes of their bytes: they are cut out, not
decoded, when the entry is applied. A line whose bytes changed is none:

>>> decode(journal.splitlines(True)[1].replace(b"clean", b"clear"))

Writers append under the table's lock and flush without it (``commits``). Readers need
no lock: they apply whole, sound lines and leave the rest for later.

**Caveats.** A write is lost with its line if a disk corrupts what it has confirmed; the
damaged line is set aside, the sound ones around it are kept.
"""

import errno
import os
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson

from app.errors import Invalid
from app.storage.files.descriptors import Descriptor, Sync, replace
from app.storage.files.entries import Entry, Header, is_entry
from app.storage.files.salvage import parts

FORMAT = 3
"""The number of this form of journal; a folder with a higher one is refused.

In the first form, ``put`` held pairs of a number and a document. In the second, there was
no digest, no revision from before, and no marker in the data file.
"""

CHUNK = 1 << 20
"""How many bytes of a journal are read at once."""

_CHECKSUM = len(b'{"crc":"00000000",')
_PUT = b',"put":['


class Line(NamedTuple):
    """One sound line: its entry and its bytes.

    The member ``put`` of an entry holds documents, as pairs of a number and JSON.
    """

    entry: Entry
    raw: bytes

    @property
    def header(self) -> Header:
        """The entry of the first line."""
        return cast(Header, self.entry)


def encode(entry: Mapping[str, Any]) -> bytes:
    """Return the line for ``entry``, which has at least one member besides ``put``."""
    put = entry.get("put")
    if put is None:
        members = orjson.dumps(entry, default=list)[1:]
    else:
        sizes = [(number, len(document)) for number, document in put]
        head = {**entry, "sizes": sizes}
        del head["put"]
        start = orjson.dumps(head, default=list)[1:-1]
        documents = b",".join([document for _, document in put])
        members = b"%b%b%b]}" % (start, _PUT, documents)
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members)


def decode(raw: bytes) -> Line | None:
    """Return the line that ``raw`` is; None if it is damaged."""
    members = raw[_CHECKSUM:].removesuffix(b"\n")
    if raw[:_CHECKSUM] != b'{"crc":"%08x",' % zlib.crc32(members):
        return None
    try:
        entry = _entry(members)
    except (ValueError, TypeError):
        return None
    if entry is None or not is_entry(entry):
        return None
    return Line(cast(Entry, entry), raw)


def _entry(members: bytes) -> dict[str, Any] | None:
    """Return the entry of a line; None if its sizes are wrong.

    Raises ValueError, which an error of orjson is, and TypeError for what is no entry.
    """
    # Nowhere but here: in a text, a quotation mark has a backslash before it.
    end = members.find(_PUT)
    head = members if end < 0 else b"%b}" % members[:end]
    entry: dict[str, Any] = orjson.loads(b"{" + head)
    if end < 0:
        return entry
    if "sizes" not in entry:
        entry = orjson.loads(b"{" + members)
        entry["put"] = [
            (number, orjson.dumps(document)) for number, document in entry["put"]
        ]
        return entry
    place = end + len(_PUT)
    entry["put"] = put = []
    for number, size in entry.pop("sizes"):
        if type(size) is not int or size < 2:
            return None
        put.append((number, members[place : place + size]))
        place += size + 1
    return entry if members[place - bool(put) :] == b"]}" else None


class Journal:
    """An open journal file, and how far it has been read."""

    def __init__(self, path: Path, writable: bool = True) -> None:
        """Open the file at ``path``; raises OSError."""
        mode = os.O_RDWR | os.O_APPEND if writable else os.O_RDONLY
        self.path = path
        self.descriptor = Descriptor(path, mode)
        self.inode = os.fstat(self.descriptor.number).st_ino
        self.offset = 0

    def size(self) -> int:
        """Return the length of the file in bytes."""
        return os.fstat(self.descriptor.number).st_size

    def lines(self, end: int) -> Iterator[Line]:
        """Return the sound lines after ``offset`` that are there before ``end``.

        One by one: a whole journal may be large.
        """
        for raw in self._raw_lines(end):
            if not raw.endswith(b"\n") or (line := decode(raw)) is None:
                break
            yield line

    def _raw_lines(self, end: int) -> Iterator[bytes]:
        position, rest = self.offset, b""
        while position < end:
            # At least as much as the line has so far: a long one is not copied too often.
            size = min(end - position, max(CHUNK, len(rest)))
            part = os.pread(self.descriptor.number, size, position)
            if not part:
                break
            position += len(part)
            # No return ends a line: what is read and what is salvaged must be the same.
            *lines, rest = (rest + part).split(b"\n")
            yield from (line + b"\n" for line in lines)
        if rest:
            yield rest

    def skip(self, lines: Iterable[Line]) -> None:
        """Move ``offset`` behind ``lines``, those after it, which have been taken in."""
        self.offset += sum(len(line.raw) for line in lines)

    def salvage(self) -> tuple[list[Line], bytes]:
        """Return the sound lines after ``offset``, and the damaged bytes between them."""
        lines, damaged = [], []
        for text in self._raw_lines(self.size()):
            for raw, found in parts(text.removesuffix(b"\n")):
                if found and (line := decode(found + b"\n")):
                    lines.append(line)
                else:
                    damaged.append(raw)
        return lines, b"\n".join(damaged)

    def append(self, raw: bytes) -> None:
        """Write lines at the end, whole or not at all; raises OSError.

        ``offset`` stays where it is: what was written is still to be taken in.
        """
        try:
            if os.write(self.descriptor.number, raw) != len(raw):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self.descriptor.number, self.offset)
            raise


class Appended(NamedTuple):
    """Entries in a journal, as they are numbered, and how many bytes they are.

    Until ``were_applied()`` is called, readers see a journal that is longer than what has
    been applied.
    """

    entries: list[Entry]
    journal: Journal
    size: int

    def were_applied(self) -> None:
        """Record that the documents have them."""
        self.journal.offset += self.size


def unread(journal: Journal | None) -> int:
    """Return how many bytes could not be read; less than none if some are gone."""
    return 0 if journal is None else journal.size() - journal.offset


def open_journal(path: Path) -> Journal | None:
    """Open the journal at ``path``, for reading only if need be; None if there is none."""
    try:
        return Journal(path)
    except FileNotFoundError:
        return None
    except OSError:
        return Journal(path, writable=False)


def read_journal(path: Path) -> tuple[Journal | None, list[Line]]:
    """Open the journal at ``path`` and return it with its sound lines.

    Raises Invalid when a newer version made it.
    """
    journal = open_journal(path)
    if journal is None:
        return None, []
    lines = list(journal.lines(journal.size()))
    journal.skip(lines)
    if lines and lines[0].header.get("format", FORMAT) > FORMAT:
        raise Invalid(
            f"{path.name} has format {lines[0].header['format']}, made by a newer "
            f"version; this version reads up to {FORMAT}"
        )
    return journal, lines


def create(path: Path, lines: Iterable[bytes], sync: Sync) -> Journal:
    """Put a journal of ``lines``, the header first, in the place of the one at ``path``."""
    replace(path, lines, sync)
    return Journal(path)


def is_whole(journal: Journal, lines: list[Line]) -> bool:
    """Return whether ``lines``, which were read of ``journal``, are all that it holds.

    One whose header has an older form is to be mended too.
    """
    is_read = journal.offset == journal.size()
    return is_read and _has_header(lines) and lines[0].header.get("format") == FORMAT


def mend(
    path: Path, aside: Path, sequence: int, sync: Sync, is_sound: Callable[[Line], bool]
) -> int:
    """Move what is damaged in the journal at ``path`` to the file ``aside``.

    So are lines that are not ``is_sound``. The caller holds the lock. A journal without a
    header gets one that follows on ``sequence``, one of an older form the header of the
    new. Returns the number of damaged bytes.
    """
    journal, lines = read_journal(path)
    if journal is None or is_whole(journal, lines) and all(map(is_sound, lines)):
        return 0
    sound, damaged = journal.salvage()
    lines += sound
    unsound = b"".join(line.raw for line in lines if not is_sound(line))
    damaged = b"\n".join(filter(None, (damaged, unsound.removesuffix(b"\n"))))
    if damaged:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with open(os.open(aside, flags, 0o600), "ab") as file:
            file.write(damaged + b"\n")
    lines = with_header(list(filter(is_sound, lines)), sequence)
    # The numbers of damaged lines may be given again, so nobody may go on from where it
    # was: a new epoch makes every process read anew.
    new = {"format": FORMAT, "epoch": secrets.token_hex(4)}
    header = {**lines[0].entry, **new}
    create(path, [encode(header), *(line.raw for line in lines[1:])], sync)
    return len(damaged)


def with_header(lines: list[Line], sequence: int) -> list[Line]:
    """Return ``lines``, with a header if they have none, after ``sequence`` if empty."""
    if _has_header(lines):
        return lines
    before = max(0, lines[0].entry["seq"] - 1) if lines else sequence
    header: Header = {
        "seq": before,
        "format": FORMAT,
        "epoch": "",
        "base": None,
        "next": 1,
    }
    return [header_line(header), *lines]


def header_line(header: Header) -> Line:
    """Return the line of ``header``, without its bytes."""
    return Line(cast(Entry, header), b"")


def _has_header(lines: list[Line]) -> bool:
    return bool(lines) and "epoch" in lines[0].entry
