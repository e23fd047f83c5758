"""A table's data file: plain TinyDB JSON, one document a line.

TinyDB opens the file, a person edits it, and a change of one document is a change of one
line. It is only ever replaced whole: written beside itself, flushed to disk, renamed, and
the folder flushed, so that no crash leaves half of it. Its last line is a table of its
own, the marker: it says which version the file is, and an edit of which version.

A person may also write a plain array of documents, numbered from 1: an edit like any
other, which the next checkpoint turns into TinyDB JSON.

**Caveats.** A person's editor may write in place: what is read while it does is half a
file, which is refused like any other broken edit and read again when it changes.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from tinydb.storages import Storage

from app import jsontext
from app.errors import Invalid
from app.storage.files.descriptors import Descriptor, Sync, adopt, content_of, draft
from app.storage.files.entries import LARGEST
from app.storage.files.versions import Checkpoint

CHUNK = 1000
"""How many documents are written at a time."""

STRETCH = 4 << 20
"""After so many bytes of a draft, and the rest of a chunk, they are flushed. One flush of a
large file at its end would hold up that of a journal meanwhile: 13 to 20 ms for 40 MB."""

MAX_DIGITS = len(str(LARGEST))
"""How long the number of a document may be."""


MARKER = "_checkpoint"
"""The name of the table that says which version a data file is."""


class Identity(NamedTuple):
    """What distinguishes one state of a file from another."""

    inode: int
    mtime: int
    size: int


def identity(path: Path | str) -> Identity | None:
    """Return the identity of the file at ``path``; None if there is none."""
    try:
        return identified(os.stat(path))
    except FileNotFoundError:
        return None


def identified(found: os.stat_result) -> Identity:
    """Return the identity of the file that ``found`` describes."""
    # Some file systems have times that JSON has no integers for, and dates no years.
    time = found.st_mtime_ns
    if not -(2**63) <= time < 2**63:
        time = 2**63 - 1 if time > 0 else -(2**63)
    return Identity(found.st_ino, time, found.st_size)


class Drafted(NamedTuple):
    """A new data file: its identity, and the digest of its bytes."""

    identity: Identity
    digest: str


class Content(NamedTuple):
    """What a person wrote: documents by their TinyDB numbers, and the marker, if any."""

    documents: dict[int, Any]
    checkpoint: Checkpoint | None = None


def digest(content: bytes) -> str:
    """Return the digest of the bytes of a data file."""
    return blake2b(content, digest_size=16).hexdigest()


class DataFile(Storage):
    """One table in a TinyDB JSON file; documents go by their TinyDB numbers.

    One that ``is_private`` only its owner may read. The ``name`` has no folder: it is fit
    for messages.
    """

    def __init__(
        self, path: Path, table: str, sync: Sync, is_private: bool = False
    ) -> None:
        self.path = path.resolve()
        self.name = self.path.name
        self._modes = 0o600 if is_private else 0o777
        self._table = table
        self._sync = sync

    def beside(self, ending: str) -> Path:
        """Return the path of the table's file with this ``ending``."""
        return self.path.with_name(f"{self.name}.{ending}")

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return the tables of the file, as TinyDB wants them; raises Invalid."""
        content = content_of(self.path)
        if content is None:
            return None
        documents = parse(content, self.name, self._table).documents
        return {
            self._table: {
                str(number): document for number, document in documents.items()
            }
        }

    def write(self, data: Mapping[str, Mapping[Any, Any]]) -> None:
        """Replace the file by the table in ``data``."""
        numbered = data.get(self._table, {}).items()
        self.replace(
            (int(number), orjson.dumps(document)) for number, document in numbered
        )

    def opened(self) -> Descriptor | None:
        """Return the open file, which stays what it is when it is replaced."""
        try:
            return Descriptor(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None

    def replace(
        self,
        documents: Iterable[tuple[int, bytes]],
        checkpoint: Checkpoint | None = None,
    ) -> Drafted:
        """Replace the file by one that holds ``documents``, in JSON, durably."""
        path = self.beside("draft")
        drafted = self.draft(path, documents, checkpoint)
        self.adopt(path)
        return drafted

    def draft(
        self,
        path: Path,
        documents: Iterable[tuple[int, bytes]],
        checkpoint: Checkpoint | None = None,
    ) -> Drafted:
        """Write ``documents`` and the marker to a file at ``path``, durably."""
        content = blake2b(digest_size=16)
        with draft(path) as descriptor:
            self._give_away(descriptor.number)
            with open(descriptor.number, "wb", closefd=False) as file:
                unflushed = 0
                for part in _lines(self._table, iter(documents), checkpoint):
                    content.update(part)
                    unflushed += file.write(part)
                    if unflushed >= STRETCH:
                        file.flush()
                        self._sync(descriptor.number)
                        unflushed = 0
            self._sync(descriptor.number)
            found = identified(os.fstat(descriptor.number))
            return Drafted(found, content.hexdigest())

    def _give_away(self, descriptor: int) -> None:
        """Give an open file the owner and the mode of the data file, as far as allowed."""
        try:
            former = self.path.stat()
        except FileNotFoundError:
            return
        for owner in (former.st_uid, -1):
            try:
                os.fchown(descriptor, owner, former.st_gid)
                break
            except PermissionError:
                continue
        os.fchmod(descriptor, former.st_mode & self._modes)

    def adopt(self, path: Path) -> None:
        """Put the file at ``path`` in the place of the data file."""
        adopt(path, self.path, self._sync)


def lines(content: bytes, name: str, table: str) -> Iterator[tuple[int, bytes]]:
    """Return the documents in ``content``, which the service wrote, in their order.

    Each is JSON in a line of its own, with its number; they are not looked into. Raises
    Invalid.
    """
    first, *inner = content.split(b"\n")
    if first != _first_line(table) or not _is_end(inner[-2:]):
        raise Invalid(f"{name} is damaged: it does not begin or end as it should")
    for line in inner[:-2]:
        number, _, document = line.rstrip(b",").partition(b": ")
        digits = number.strip(b'"')
        is_number = digits.isdigit() and len(digits) <= MAX_DIGITS
        if not is_number or document[-1:] != b"}":
            raise Invalid(f"{name} is damaged: it has a line that is no document")
        yield int(digits), document


def _is_end(last: list[bytes]) -> bool:
    if len(last) != 2 or last[1]:
        return False
    return last[0] == b"}}" or last[0].startswith(_START_OF_MARKER)


def _first_line(table: str) -> bytes:
    return b"{%b: {" % orjson.dumps(table)


def parse(content: bytes, name: str, table: str) -> Content:
    """Return what is in ``content``, which a person wrote.

    It is TinyDB JSON, in the table or in TinyDB's default one, or an array. Raises
    Invalid.
    """
    # The tables and the numbers nest the documents two levels deeper, an array one.
    levels = 1 if jsontext.is_array(content) else 2
    tables = jsontext.read(content, name, jsontext.MAX_DEPTH + levels)
    if isinstance(tables, list):
        return Content(dict(enumerate(tables, 1)))
    marker = tables.pop(MARKER, None) if isinstance(tables, dict) else None
    if not is_tinydb(tables):
        if number := _large_number(tables):
            raise Invalid(
                f"{name} holds a document of the number {number}; {LARGEST} is the largest"
            )
        shape = f'{{"{table}": {{"1": {{…}}, "2": {{…}}}}}}'
        raise Invalid(
            f"{name} is neither an array of documents nor TinyDB JSON, which looks like "
            f"{shape}"
        )
    filled = {table: documents for table, documents in tables.items() if documents}
    if unknown := filled.keys() - {table, "_default"}:
        raise Invalid(
            f'{name} holds a table "{min(unknown)}"; its documents belong into "{table}"'
        )
    if len(filled) > 1:
        raise Invalid(f'{name} holds documents both in "_default" and in "{table}"')
    documents: dict[str, Any] = next(iter(filled.values()), {})
    numbered = {int(key): document for key, document in documents.items()}
    return Content(numbered, _checkpoint(marker))


def _checkpoint(marker: Any) -> Checkpoint | None:
    """Return what the marker says; None if that is nothing, whatever became of it."""
    match marker:
        case {"1": {"number": int(number), "time": str(time)}}:
            return Checkpoint(number, time)
    return None


def is_tinydb(value: Any) -> bool:
    """Return whether a JSON value has the shape of a TinyDB file."""
    return isinstance(value, dict) and all(
        isinstance(documents, dict) and all(_is_number(key) for key in documents)
        for documents in value.values()
    )


def _is_number(key: str) -> bool:
    plain = key.isascii() and key.isdigit() and (key == "0" or key[0] != "0")
    return plain and len(key) <= MAX_DIGITS and int(key) <= LARGEST


def _large_number(tables: Any) -> str:
    """Return the digits of a number that is too large, if there is one."""
    if isinstance(tables, dict):
        for documents in tables.values():
            for key in documents if isinstance(documents, dict) else ():
                is_plain = key.isascii() and key.isdigit() and key[0] != "0"
                if is_plain and not _is_number(key):
                    return key if len(key) <= 2 * MAX_DIGITS else f"{key[:MAX_DIGITS]}…"
    return ""


def _lines(
    table: str, documents: Iterator[tuple[int, bytes]], checkpoint: Checkpoint | None
) -> Iterator[bytes]:
    separator = b"\n"
    yield _first_line(table)
    while part := list(islice(documents, CHUNK)):
        yield separator + b",\n".join(b'"%d": %b' % numbered for numbered in part)
        separator = b",\n"
    if checkpoint is None:
        yield b"\n}}\n"
    else:
        marker = orjson.dumps(checkpoint._asdict())
        yield b"\n%b%b}}\n" % (_START_OF_MARKER, marker)


_START_OF_MARKER = b'},"%b": {"1": ' % MARKER.encode()
