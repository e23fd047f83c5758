"""From the bytes of a data file to the records of a table.

A file that the service wrote is taken as it is. One that a person wrote is checked and
completed, document by document, and every fault is named with its place.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson

from app.datetimes import file_time
from app.errors import Faults, Invalid, cut
from app.storage import Collection, Key
from app.storage.files.datafile import DataFile, Identity, lines, parse
from app.storage.files.records import Record, Records, encoded, key_in
from app.storage.files.versions import Checkpoint

FAULTS_SHOWN = 10
"""How many faults of an edited file a message names."""


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the garbage collector from looking at what is being made, again and again.

    All this is not frozen afterwards (``gc.freeze``): what is garbage then would stay too,
    such as the errors of requests, whose tracebacks refer to all documents.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def trusted(content: bytes, file: DataFile, collection: Collection) -> list[Record]:
    """Return the records in ``content``, which the service wrote; raises Invalid."""
    records = []
    with collector_off():
        for number, document in lines(content, file.name, collection.name):
            try:
                key = key_in(document, collection.key)
            except Invalid as error:
                place = f"{file.name} is damaged: document {number}"
                raise Invalid(f"{place}: {error.message}") from None
            records.append(Record(number, key, document))
    return records


class Saved(NamedTuple):
    """What a person saved: the records that it makes, and what it says, unchanged.

    ``documents`` go by the numbers of the records; ``checkpoint`` is the marker, if any.
    """

    records: list[Record]
    documents: dict[int, Any]
    checkpoint: Checkpoint | None


def checked(
    content: bytes,
    found: Identity,
    file: DataFile,
    collection: Collection,
    former: Records,
) -> Saved:
    """Return what is in ``content``, which a person wrote; raises Invalid.

    ``former`` are documents that were checked before.
    """
    with collector_off():
        documents, checkpoint = parse(content, file.name, collection.name)
        # Documents get it that have no time of their own.
        moment = file_time(found.mtime)
        records = _all_completed(documents, moment, file, collection, former)
    return Saved(records, documents, checkpoint)


def _all_completed(
    documents: dict[int, dict[str, Any]],
    moment: str,
    file: DataFile,
    collection: Collection,
    former: Records,
) -> list[Record]:
    records: dict[Key, Record] = {}
    faults = Faults()
    for number, document in documents.items():
        try:
            record = completed(number, document, moment, collection, former)
        except Invalid as error:
            for fault in _faults(number, document, error, collection):
                faults.add(file.name, fault)
            faults.more += error.faults.more
            continue
        if twin := records.get(record.key):
            faults.add(
                file.name,
                f"documents {twin.number} and {number} have the same "
                f"{collection.key} {record.key}",
            )
        records[record.key] = record
    if faults:
        shown = "; ".join(cut(fault, 200) for fault in faults[file.name][:FAULTS_SHOWN])
        more = faults.total - FAULTS_SHOWN
        tail = f"; and {more:,} more" if more > 0 else ""
        raise Invalid(f"{file.name}: {shown}{tail}", faults)
    return list(records.values())


def completed(
    number: int, document: Any, moment: str, collection: Collection, former: Records
) -> Record:
    """Return the record that a document from outside makes; raises Invalid."""
    key = document.get(collection.key) if isinstance(document, dict) else None
    known = former.get(key) if isinstance(key, str | int) else None
    # What is alike was checked before. Compared as JSON: in Python, 1 equals true.
    if known and known.encoded == orjson.dumps(document):
        return Record(number, known.key, known.content)
    complete = collection.complete(document, number, moment)
    return Record(number, complete[collection.key], encoded(complete))


def _faults(
    number: int, document: Any, error: Invalid, collection: Collection
) -> list[str]:
    place = f"document {number}"
    if isinstance(document, dict) and collection.key in document:
        place += f" ({collection.key} {cut(str(document[collection.key]))})"
    if not error.faults:
        return [f"{place}: {error.message}"]
    return [
        f"{place}, field {field}: {', '.join(messages)}"
        for field, messages in error.faults.items()
    ]
