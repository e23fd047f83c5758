"""The files of the commands ``import``, ``export``, ``backup`` and ``restore``."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from app import __version__, jsontext
from app.errors import Faults, Invalid
from app.storage import Collection, Document, Key, Store

FORMAT = 1
"""The number of this form of backup; a file with a higher one is refused."""

MANIFEST = "backup.json"


class Restored(NamedTuple):
    """The number of restored documents, and the tables that the backup lacks."""

    total: int
    untouched: list[str]


def entities(content: bytes, table: str, name: str) -> list[tuple[str, Any]]:
    """Return the entities in the content of a file, each with the name of its place.

    It is an array of them, one of them, or TinyDB JSON. ``name`` is that of the file, for
    messages. Raises Invalid.
    """
    # An entity is as deep as it may be, inside an array or the two levels of TinyDB.
    levels = 1 if jsontext.is_array(content) else 2
    value = jsontext.read(content, name, jsontext.MAX_DEPTH + levels)
    match value:
        case list():
            return [(f"item {n}", entity) for n, entity in enumerate(value, 1)]
        case {"name": str()} | {"service_id": int()}:
            return [("the object", jsontext.read(content, name))]
        case dict() if (documents := _of_tinydb(value, table, name)) is not None:
            return [(f"document {n}", document) for n, document in documents.items()]
    raise Invalid(
        f"{name} holds no {table}; it must be an array of them, one of them, or TinyDB "
        f'JSON such as {{"{table}": {{"1": {{…}}}}}}'
    )


def _of_tinydb(value: dict[str, Any], table: str, name: str) -> dict[str, Any] | None:
    """Return the documents of ``table``, or of TinyDB's default one if that has none.

    Other tables are left alone: they hold something else. Raises Invalid if both have
    documents.
    """
    tables = [value[member] for member in (table, "_default") if member in value]
    filled = [found for found in tables if found]
    if len(filled) > 1:
        raise Invalid(f'{name} holds documents both in "_default" and in "{table}"')
    documents = filled[0] if filled else {}
    if not tables or not isinstance(documents, dict):
        return None
    return documents if all(key.isdigit() for key in documents) else None


def load(
    store: Store,
    table: str,
    key: str,
    given: Iterable[tuple[str, Any]],
    complete: Callable[[Any], Document],
    replace: bool = False,
    skip: Callable[[str, str], None] | None = None,
) -> int:
    """Add the entities ``given`` to a table and return how many; all or none.

    Each comes with the name of its place, for messages; ``complete`` makes a complete
    document of it, and ``key`` is the member that identifies one. With
    ``replace``, those that exist are replaced. Invalid ones are handed to ``skip``, place
    and reason, if it is given. Raises Invalid, Conflict and Unavailable.
    """
    made = ((place, partial(complete, raw)) for place, raw in given)
    documents = _all_made(made, key, "nothing was imported", skip)
    if replace:
        store.load(table, documents)
    else:
        store.insert(table, *documents)
    return len(documents)


def stored(store: Store, table: str) -> Iterator[Document]:
    """Return all documents that are in a table now, in its order."""
    return (record.document for record in store.scan(table))


def write_array(documents: Iterable[Document], file: IO[bytes]) -> int:
    """Write ``documents`` as a JSON array, one a line, and return how many."""
    count = 0
    for document in documents:
        file.write((b",\n" if count else b"[\n") + orjson.dumps(document))
        count += 1
    file.write(b"\n]\n" if count else b"[]\n")
    return count


def back_up(store: Store, collections: Iterable[Collection], file: IO[bytes]) -> int:
    """Write all tables as a .tar.gz, and return how many documents.

    Each table is as it was at one moment. Raises Unavailable and OSError.
    """
    tables = {table.name: stored(store, table.name) for table in collections}
    total = 0
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        manifest = {"format": FORMAT, "version": __version__}
        _add(archive, MANIFEST, orjson.dumps(manifest))
        for name, documents in tables.items():
            content = io.BytesIO()
            total += write_array(documents, content)
            _add(archive, f"{name}.json", content.getvalue())
    return total


def restore(store: Store, collections: Iterable[Collection], path: Path) -> Restored:
    """Replace the tables that a backup has by those; the others are left alone.

    A backup of an older version lacks the tables that came later. Everything is checked
    before anything is replaced; each table is replaced in one step. Raises Invalid,
    Unavailable and OSError.
    """
    members = _members(path)
    _check_manifest(members, path.name)
    tables: dict[str, list[Document]] = {}
    untouched = []
    for collection in collections:
        if f"{collection.name}.json" in members:
            tables[collection.name] = _completed(members, collection, path.name)
        else:
            untouched.append(collection.name)
    for name, restored in tables.items():
        store.load(name, restored, clear=True)
    return Restored(sum(map(len, tables.values())), untouched)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _members(path: Path) -> dict[str, bytes]:
    """Return the files in a backup by name; raises Invalid."""
    try:
        # Unpacked to the end, where the checksum is: tarfile stops before it.
        content = io.BytesIO(gzip.decompress(path.read_bytes()))
        with tarfile.open(fileobj=content, mode="r:") as archive:
            return {
                member.name: file.read()
                for member in archive
                if member.isreg() and (file := archive.extractfile(member))
            }
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Invalid(f"{path.name} is not a backup: {error}") from None


def _check_manifest(members: Mapping[str, bytes], name: str) -> None:
    if MANIFEST not in members:
        raise Invalid(f"{name} is not a backup: it has no {MANIFEST}")
    match jsontext.read(members[MANIFEST], MANIFEST):
        case {"format": int(number), "version": str(version)}:
            if number > FORMAT:
                raise Invalid(f"{name} was made by a newer version, {version}")
        case _:
            raise Invalid(f"{name} is not a backup: {MANIFEST} has no format")


def _completed(
    members: Mapping[str, bytes], collection: Collection, name: str
) -> list[Document]:
    """Return the documents of one table in a backup; raises Invalid."""
    member = f"{collection.name}.json"
    # A document of a backup is as deep as it may be, inside the array.
    raws = jsontext.read(members[member], member, jsontext.MAX_DEPTH + 1)
    if not isinstance(raws, list):
        raise Invalid(f"{name} is not a backup: {member} is not an array")
    made = (
        (f"{member}, item {number}", partial(collection.complete, raw, number, ""))
        for number, raw in enumerate(raws, 1)
    )
    refusal = f"{name} holds documents that break a rule"
    return _all_made(made, collection.key, refusal)


def _all_made(
    given: Iterable[tuple[str, Callable[[], Document]]],
    key: str,
    refusal: str,
    skip: Callable[[str, str], None] | None = None,
) -> list[Document]:
    """Return the documents that are made at each place, without those that are skipped.

    Each has another member ``key``. Raises Invalid, with ``refusal`` and all faults.
    """
    documents: dict[Key, Document] = {}
    faults = Faults()
    for place, make in given:
        try:
            document = make()
            if document[key] in documents:
                raise Invalid(f"{key}: {document[key]} is in the file twice")
            documents[document[key]] = document
        except Invalid as error:
            if skip is None:
                faults[place] = [error.message]
            else:
                skip(place, error.message)
    if faults:
        raise Invalid(refusal, faults)
    return list(documents.values())
