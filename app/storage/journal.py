"""The journal of one table: what was written since its data file was made.

It holds JSON lines. Each begins with a checksum of the rest and carries a sequence
number, one more than the line before. The first is the header: the sequence number that
the data file contains, the identity of that file, and the next TinyDB number, which
outlives the documents so that no number is given twice. An entry holds the whole new
state of each document it touched, and the keys of those it removed: one entry is one
atomic write, and reading it twice does no harm.

Writers append under the table's lock and flush without it (``GroupCommit``). Readers need
no lock: they take whole, sound lines and leave the rest for later.

**Caveats.** A write is lost with its line if a disk corrupts what it has confirmed; the
damaged line is set aside, the sound ones around it are kept.
"""

import errno
import os
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from app.errors import Invalid, Unavailable
from app.storage.descriptors import Descriptor, Sync, flush_folder

FORMAT = 1
"""The number of this form of journal; a folder with a higher one is refused."""

_CHECKSUM = len(b'{"crc":"00000000",')


class Line(NamedTuple):
    """One sound line: its entry and its bytes."""

    entry: dict[str, Any]
    raw: bytes


def encode(entry: dict[str, Any]) -> bytes:
    """Return the line for ``entry``, which has at least one member."""
    members = orjson.dumps(entry, default=list)[1:]
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members)


def decode(raw: bytes) -> Line | None:
    """Return the line that ``raw`` is; None if it is damaged."""
    members = raw[_CHECKSUM:].removesuffix(b"\n")
    if raw[:_CHECKSUM] != b'{"crc":"%08x",' % zlib.crc32(members):
        return None
    return Line(orjson.loads(b"{" + members), raw)


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

    def tail(self) -> list[Line]:
        """Return the sound lines after ``offset`` and move it behind them."""
        lines = []
        for raw in self._rest().splitlines(keepends=True):
            if not raw.endswith(b"\n") or (line := decode(raw)) is None:
                break
            lines.append(line)
            self.offset += len(raw)
        return lines

    def salvage(self) -> tuple[list[Line], bytes]:
        """Return the sound lines after ``offset``, and the damaged ones between them."""
        lines, damaged = [], b""
        for raw in self._rest().splitlines(keepends=True):
            line = decode(raw) if raw.endswith(b"\n") else None
            if line is None:
                damaged += raw
            else:
                lines.append(line)
        return lines, damaged

    def append(self, raw: bytes) -> None:
        """Write a line at the end, whole or not at all; raises OSError."""
        try:
            if os.write(self.descriptor.number, raw) != len(raw):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self.descriptor.number, self.offset)
            raise
        self.offset += len(raw)

    def _rest(self) -> bytes:
        # A read of a file returns at most 2 GiB at a time.
        parts, position = [], self.offset
        while part := os.pread(self.descriptor.number, 1 << 30, position):
            parts.append(part)
            position += len(part)
        return b"".join(parts)


def open_journal(path: Path) -> Journal | None:
    """Open the journal at ``path``, for reading only if need be; None if there is none."""
    try:
        return Journal(path)
    except FileNotFoundError:
        return None
    except OSError:
        return Journal(path, writable=False)


def create(path: Path, lines: Iterable[bytes], sync: Sync) -> Journal:
    """Put a journal of ``lines``, the header first, in the place of the one at ``path``."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = Descriptor(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    content = memoryview(b"".join(lines))
    while content:
        content = content[os.write(descriptor.number, content) :]
    sync(descriptor.number)
    os.replace(draft, path)
    flush_folder(path.parent, sync)
    return Journal(path)


def check_format(header: dict[str, Any], name: str) -> None:
    """Raise Invalid when a newer version wrote the journal with this ``header``."""
    if header.get("format", 0) > FORMAT:
        raise Invalid(
            f"{name} has format {header['format']}, made by a newer version; "
            f"this version reads up to {FORMAT}"
        )


class GroupCommit:
    """Makes appended entries durable: one thread flushes for all that wait.

    A flush that fails may have lost what it was to write, and the next one would not say
    so: from then on every wait raises Unavailable until the store is opened anew.
    """

    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self._condition = threading.Condition()
        self._flushing = False
        self._flushed = 0
        self._written: tuple[Descriptor, int] | None = None
        self._failure: str | None = None

    def check(self) -> None:
        """Raise Unavailable if a flush has failed."""
        if self._failure is not None:
            raise Unavailable(
                f"the journal could not be flushed to disk ({self._failure}); "
                "nothing is written until the service is restarted"
            )

    def wrote(self, descriptor: Descriptor, sequence: int) -> None:
        """Note that all entries up to ``sequence`` are in the file or durable."""
        self._written = descriptor, sequence

    def wait(self, sequence: int) -> None:
        """Return when the entry ``sequence`` is durable; raises Unavailable."""
        with self._condition:
            while self._flushing and self._flushed < sequence:
                self._condition.wait()
            if self._flushed >= sequence:
                return
            self.check()
            assert self._written is not None
            descriptor, target = self._written
            self._flushing = True
        failure = None
        try:
            self._sync(descriptor.number)
        except OSError as error:
            failure = error.strerror or str(error)
        with self._condition:
            self._flushing = False
            if failure is None:
                self._flushed = max(self._flushed, target)
            else:
                self._failure = failure
            self._condition.notify_all()
        self.check()
