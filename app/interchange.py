"""The files that go in and out by the command line: imports, exports, backups."""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from app import __version__, jsontext
from app.errors import Invalid
from app.query import Query
from app.storage import Collection, Document, Store

FORMAT = 1
"""The number of this form of backup; a file with a higher one is refused."""

MANIFEST = "backup.json"


def entities(value: Any, table: str, name: str) -> Iterator[tuple[str, Any]]:
    """Return the entities in a JSON value, each with the name of its place.

    The value is an array of them, one of them, or TinyDB JSON. ``name`` is that of the
    file, for messages. Raises Invalid.
    """
    match value:
        case list():
            return ((f"item {n}", each) for n, each in enumerate(value, 1))
        case {"name": str()}:
            return iter([("the object", value)])
        case dict() if (documents := _of_tinydb(value, table)) is not None:
            return ((f"document {n}", each) for n, each in documents.items())
    raise Invalid(
        f"{name} holds no {table}; it must be an array of them, one of them, or TinyDB "
        f'JSON such as {{"{table}": {{"1": {{…}}}}}}'
    )


def _of_tinydb(value: dict[str, Any], table: str) -> dict[str, Any] | None:
    documents = value.get(table, value.get("_default"))
    if len(value) != 1 or not isinstance(documents, dict):
        return None
    return documents if all(key.isdigit() for key in documents) else None


def write_array(documents: Iterable[Document], file: BinaryIO) -> int:
    """Write ``documents`` as a JSON array, one a line, and return how many."""
    count = 0
    for document in documents:
        file.write((b",\n" if count else b"[\n") + orjson.dumps(document))
        count += 1
    file.write(b"\n]\n" if count else b"[]\n")
    return count


def back_up(store: Store, collections: Iterable[Collection], path: Path) -> int:
    """Write all tables to a new .tar.gz at ``path``, and return how many documents.

    Each table is as it was at one moment. Raises Unavailable and OSError.
    """
    draft = path.with_name(f"{path.name}.new")
    total = 0
    try:
        with tarfile.open(draft, "x:gz") as archive:
            manifest = {"format": FORMAT, "version": __version__}
            _add(archive, MANIFEST, orjson.dumps(manifest))
            for each in collections:
                content = io.BytesIO()
                records = store.find(each.name, Query()).records
                total += write_array((one.document for one in records), content)
                _add(archive, f"{each.name}.json", content.getvalue())
        draft.chmod(0o600)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return total


def restore(store: Store, collections: Iterable[Collection], path: Path) -> int:
    """Replace all tables by those of a backup, and return how many documents.

    Everything is checked before anything is replaced; each table is replaced in one
    step. Raises Invalid, Unavailable and OSError.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            manifest = _read(archive, MANIFEST, path.name)
            tables = {
                each.name: _documents(archive, each, path.name) for each in collections
            }
    except (tarfile.TarError, EOFError) as error:
        raise Invalid(f"{path.name} is not a backup: {error}") from None
    if manifest.get("format", 0) > FORMAT:
        raise Invalid(f"{path.name} was made by a newer version, {manifest['version']}")
    for name, documents in tables.items():
        store.load(name, documents, clear=True)
    return sum(map(len, tables.values()))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _read(archive: tarfile.TarFile, member: str, name: str) -> Any:
    try:
        file = archive.extractfile(member)
    except KeyError:
        file = None
    if file is None:
        raise Invalid(f"{name} is not a backup: it has no {member}")
    # A document of a backup is as deep as it may be, inside the array.
    return jsontext.read(file.read(), member, jsontext.MAX_DEPTH + 1)


def _documents(
    archive: tarfile.TarFile, collection: Collection, name: str
) -> list[Document]:
    documents: list[Document] = []
    faults: dict[str, list[str]] = {}
    raws = _read(archive, f"{collection.name}.json", name)
    for number, raw in enumerate(raws, 1):
        try:
            documents.append(collection.complete(raw, number, ""))
        except Invalid as error:
            faults[f"{collection.name}.json, item {number}"] = [error.message]
    if faults:
        raise Invalid(f"{name} holds documents that break a rule", faults)
    return documents
