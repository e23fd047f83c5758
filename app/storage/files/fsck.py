"""What is wrong with the files of a table, found without changing any of them."""

import os
from collections.abc import Iterator
from pathlib import Path

from app import jsontext
from app.errors import Invalid
from app.storage import Collection
from app.storage.files.datafile import DataFile, identity
from app.storage.files.documents import Documents
from app.storage.files.journal import Line, is_whole, read_journal, with_header
from app.storage.files.loading import checked, completed
from app.storage.files.records import key_in
from app.storage.files.restoring import DAMAGE, Found, find, has_keys, is_damaged
from app.storage.files.state import State


def findings(folder: Path, collection: Collection) -> list[str]:
    """Return all that is wrong with the table of ``collection`` in ``folder``.

    Raises OSError where a file cannot be read.
    """
    # Nothing is written, and so nothing flushed.
    file = DataFile(folder / f"{collection.name}.json", collection.name, os.fdatasync)
    path = file.beside("journal")
    size = None
    while True:
        found = find(file)
        try:
            journal, lines = read_journal(path)
        except Invalid as error:
            return [error.message]
        damaged = b""
        if journal is not None and not is_whole(journal, lines):
            sound, damaged = journal.salvage()
            # A line that a server is about to write looks damaged until it is whole.
            if sound and not damaged and size != (size := journal.size()):
                continue
            lines = with_header(lines + sound, 0)
        # A checkpoint may have replaced the files while they were read.
        named = identity(path)
        is_same = (named and named.inode) == (journal and journal.inode)
        if is_same and identity(file.path) == found.identity:
            break
    in_journal = list(_of_journal(path.name, lines, damaged, collection))
    return [*_of_data(file, found, lines, collection), *in_journal]


def exposures(folder: Path, collection: Collection) -> Iterator[str]:
    """Yield which files of a private table others may read, or write."""
    if not collection.is_private:
        return
    for path in sorted(folder.glob(f"{collection.name}.json*")):
        try:
            mode = path.stat().st_mode & 0o777
        except FileNotFoundError:
            # A checkpoint has replaced it meanwhile.
            continue
        if mode & 0o077:
            yield f"{path.name} is not its owner's only: its mode is {mode:o}, not 600"


def _of_data(
    file: DataFile, found: Found, lines: list[Line], collection: Collection
) -> list[str]:
    sound = [line for line in lines if has_keys(line, collection.key)]
    history = State.without_documents(collection, sound)
    if found.file is None:
        return [] if None in history.known else [f"{file.name} is missing"]
    if is_damaged(history, found.file):
        return [f"{file.name} {DAMAGE}"]
    try:
        known = history.documents
        checked(found.content, found.file.identity, file, collection, known)
    except Invalid as error:
        faults = error.faults.get(file.name, [])
        if error.faults.more:
            faults = [*faults, f"and {error.faults.more:,} more"]
        return [f"{file.name}: {fault}" for fault in faults] or [error.message]
    return []


def _of_journal(
    name: str, lines: list[Line], damaged: bytes, collection: Collection
) -> Iterator[str]:
    if damaged:
        yield f"{name}: {len(damaged)} damaged bytes"
    nothing = Documents(collection, ())
    before: int | None = None
    for line in lines:
        entry = line.entry
        if not line.raw:
            yield f"{name}: the first line, its header, is damaged or missing"
        if before is not None and entry["seq"] != before + 1:
            yield f"{name}: entry {before + 1} is missing"
        before = entry["seq"]
        for number, raw in entry.get("put", ()):
            try:
                document = jsontext.read(raw, "it", jsontext.MAX_DEPTH)
                key = key_in(raw, collection.key)
                if completed(number, document, "", collection, nothing).key != key:
                    raise Invalid(f"its {collection.key} is not {key}")
            except Invalid as error:
                yield f"{name}: entry {before}, document {number}: {error.message}"
