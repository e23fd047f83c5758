"""TinyDB's own operations on a table, each of them an atomic entry of the journal."""

from collections.abc import Callable
from typing import Any

import orjson
from tinydb.table import Table

from app.datetimes import instant, now
from app.errors import Conflict
from app.storage import Document, NextId
from app.storage.files.loading import completed
from app.storage.files.records import Records
from app.storage.files.table import JournalTable
from app.storage.files.writing import Changes


class TinyTable(Table):
    """``table`` as TinyDB has it.

    TinyDB builds all of its operations on the three methods below.
    """

    def __init__(self, table: JournalTable) -> None:
        super().__init__(table.file, table.collection.name, cache_size=0)
        self._table = table

    def _read_table(self) -> dict[str, Any]:
        documents = self._table.documents
        return {str(record.number): _copy(record.document) for record in documents}

    def _update_table(self, updater: Callable[[dict[int, Any]], None]) -> None:
        collection, moment = self._table.collection, instant(now())

        def plan(documents: Records, _: NextId) -> Changes:
            records = {record.number: record for record in documents}
            table = {
                number: _copy(record.document) for number, record in records.items()
            }
            updater(table)
            made = {
                number: completed(number, document, moment, collection, documents)
                for number, document in table.items()
            }
            put = [
                record
                for number, record in made.items()
                if number not in records
                or record.content is not records[number].content
            ]
            gone = [
                record.key
                for number, record in records.items()
                if number not in made or made[number].key != record.key
            ]
            if len({record.key for record in made.values()}) < len(made):
                raise Conflict(f"two documents have the same {collection.key}")
            return Changes(put, gone)

        self._table.write(plan)

    def _get_next_id(self) -> int:
        return self._table.give_number()


def _copy(document: Document) -> Any:
    return orjson.loads(orjson.dumps(document))
