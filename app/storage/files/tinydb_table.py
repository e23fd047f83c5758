"""A table with TinyDB's own operations, beside those of the store contract."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from tinydb.table import Table

from app.datetimes import instant, now
from app.errors import Conflict
from app.storage import Collection, Document, NextId
from app.storage.files.checkpoint import FoldedTable
from app.storage.files.descriptors import Sync
from app.storage.files.loading import completed
from app.storage.files.records import Records
from app.storage.files.writing import Changes, check_new_number


class JournalTable(FoldedTable, Table):
    """A TinyDB table on a journal: TinyDB's own operations are atomic entries in it.

    TinyDB builds all of them on the three methods below.
    """

    def __init__(self, folder: Path, collection: Collection, sync: Sync) -> None:
        FoldedTable.__init__(self, folder, collection, sync)
        Table.__init__(self, self._file, collection.name, cache_size=0)

    def _read_table(self) -> dict[str, Any]:
        return {str(each.number): _copy(each.document) for each in self.documents}

    def _update_table(self, updater: Callable[[dict[int, Any]], None]) -> None:
        moment = instant(now())

        def plan(documents: Records, _: NextId) -> Changes:
            records = {each.number: each for each in documents}
            table = {number: _copy(each.document) for number, each in records.items()}
            updater(table)
            made = {
                number: completed(number, each, moment, self._collection, documents)
                for number, each in table.items()
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
                raise Conflict(f"two documents have the same {self._collection.key}")
            return Changes(put, gone)

        self.write(plan)

    def _get_next_id(self) -> int:
        with self._lock:
            self._catch_up_or_fail()
            number = self._state.next_number
            check_new_number(number)
            self._append({"next": number + 1})
            return number


def _copy(document: Document) -> Any:
    return orjson.loads(orjson.dumps(document))
