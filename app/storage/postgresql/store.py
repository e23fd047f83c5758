"""The store on PostgreSQL: each promise of ``app.storage``, by SQL."""

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from app.errors import Conflict, NotFound, Unavailable
from app.pacing import Pace, unhurried
from app.query import Query
from app.storage import (
    MOST,
    Collection,
    Document,
    Feed,
    Figure,
    Key,
    Limits,
    NextId,
    Page,
    PastChange,
    Revisions,
    Status,
    Update,
)
from app.storage.encoded import Record
from app.storage.postgresql import feeds, schema
from app.storage.postgresql.attended import COMMIT_WAIT
from app.storage.postgresql.columns import Columns
from app.storage.postgresql.connections import Connections
from app.storage.postgresql.ids import Ids
from app.storage.postgresql.leases import LEASE, Leases
from app.storage.postgresql.listing import counted_to, is_whole, order, statement
from app.storage.postgresql.records import digest, stored
from app.storage.postgresql.replicas import Replica
from app.storage.postgresql.transactions import CHUNK, Transaction
from app.storage.postgresql.writing import Writer

log = logging.getLogger(__name__)

BLOCK: Final = 100
"""Ids that a process takes at once."""

MANY: Final = 100
"""A write of more documents is alone: it may make a table grow beyond its limits."""

BATCH: Final = 200
"""Documents that are changed in one transaction where all are."""


class PostgresStore:
    """Tables in the database at ``address``.

    What has no docstring does what the contract in ``app.storage`` says. Each process
    has ``most`` connections at most. A read may take ``read_timeout`` seconds, and a commit
    wait ``commit_wait`` for other nodes. What ``may_be_stale`` comes from a ``replica``, if
    there is one: its address, and by how many seconds. Raises Invalid for what is no
    address; nothing is connected before it is needed.
    """

    name = "postgresql"

    def __init__(
        self,
        address: str,
        collections: Iterable[Collection],
        limits: Limits = Limits(),
        most: int = 10,
        read_timeout: float = 10.0,
        block: int = BLOCK,
        replica: tuple[str, float] | None = None,
        lease: float = LEASE,
        commit_wait: float = COMMIT_WAIT,
    ) -> None:
        self._collections = list(collections)
        self._columns = {each.name: Columns(each) for each in self._collections}
        self._connections = Connections(address, most, read_timeout, commit_wait)
        self._leases = Leases(lease)
        ids = Ids(self._connections, block)
        self._writer = Writer(self._connections, ids, limits, self._leases)
        self._limits = limits
        self._loaded: Counter[str] = Counter()
        self.replica = None
        if replica is not None:
            follower = Connections(replica[0], most, read_timeout)
            self.replica = Replica(self._connections, follower, replica[1])

    @property
    def place(self) -> str:
        """Where the database is, for people."""
        return self._connections.place

    def migrate(self) -> bool:
        """Make or upgrade the tables; returns whether that was needed.

        Raises Unavailable.
        """
        with self._connections.translating(), self._connections.connect() as connection:
            return schema.migrate(connection, self._collections)

    def check(self) -> None:
        """Raise Unavailable unless the database has the tables of this version."""
        with self._connections.translating(), self._connections.connect() as connection:
            schema.check(connection, self._collections)

    def identity(self) -> str:
        """Return what no other database has, but one that was restored from this one."""
        [[id_]] = self._read("SELECT id FROM identity", ())
        return str(id_)

    def findings(self) -> Iterator[str]:
        """Return what is wrong with the counts of the tables."""
        for name, columns in self._columns.items():
            [[counted, real]] = self._read(feeds.COUNTS.format(columns.table), (name,))
            if counted != real:
                yield f"table {name}: {counted} documents are counted, {real} are there"

    # What is read

    def get(self, table: str, key: Key) -> Record:
        columns = self._columns[table]
        text = f"SELECT document FROM {columns.table} WHERE row_key = %s"
        rows = self._read_stale(table, text, (digest(key),))
        if not rows:
            raise NotFound("Not found")
        return stored(rows[0][0], columns.collection.key)

    def find(self, table: str, query: Query, pace: Pace = unhurried) -> Page:
        columns = self._columns[table]
        pace()
        rows = self._read_stale(table, *statement(columns, query))
        pace()
        key = columns.collection.key
        records = [stored(content, key) for _, content in rows if content is not None]
        if is_whole(query):
            return Page(records, len(records))
        total, bound = rows[0][0], counted_to(query)
        return Page(records, total, bound is not None and total > bound)

    def scan(self, table: str) -> Iterator[Record]:
        columns = self._columns[table]
        key = columns.collection.key
        text = (
            f"SELECT document FROM {columns.table} ORDER BY {order(columns, Query())}"
        )
        if (joined := self._writer.joined()) is not None:
            for (content,) in joined.execute(text).fetchall():
                yield stored(content, key)
            return
        declared = f"DECLARE scanned NO SCROLL CURSOR FOR {text}"
        connection = self._connections.begun(f"BEGIN READ ONLY; {declared}")
        try:
            is_more = True
            while is_more:
                with self._connections.translating():
                    rows = connection.execute(f"FETCH {CHUNK} FROM scanned").fetchall()
                for (content,) in rows:
                    yield stored(content, key)
                is_more = len(rows) == CHUNK
        finally:
            self._connections.give_back(connection)

    def version(self, table: str) -> Hashable:
        """Return how many changes there were."""

        def read() -> int:
            count: int = self._read(feeds.VERSION, (table,))[0][0]
            return count

        if self._writer.joined() is not None:
            return read()
        if not self._columns[table].collection.is_leased:
            return read()
        return self._leases.version(table, read)

    def changes(self, table: str, since: str | None, limit: int) -> Feed:
        columns = self._columns[table]
        return self._writer.reading(lambda c: feeds.changes(c, columns, since, limit))

    def history(self, table: str) -> Iterator[PastChange]:
        return feeds.history(self._read(feeds.HISTORY, (table,)))

    # What is written

    def insert(self, table: str, *documents: Document) -> Sequence[Record]:
        columns = self._columns[table]
        name = columns.collection.key
        records: dict[Key, Record] = {}
        for document in documents:
            key = document[name]
            if key in records:
                raise Conflict(f"{name} {key} exists already")
            records[key] = Record.of(key, document)
            self._limits.check_document(records[key])
        added = list(records.values())

        def plan(transaction: Transaction) -> Sequence[Record]:
            transaction.insert(added)
            return added

        is_alone = len(added) > MANY or bool(added) and columns.gives_ids
        return self._writer.write(columns, plan, is_alone)

    def add(self, table: str, make: Callable[[NextId], Document]) -> Record:
        name = self._columns[table].collection.key

        def plan(transaction: Transaction) -> Record:
            document = make(transaction.next_id)
            added = Record.of(document[name], document)
            self._limits.check_document(added)
            transaction.insert([added])
            return added

        return self._writer.write(self._columns[table], plan)

    def load(
        self, table: str, documents: Sequence[Document], clear: bool = False
    ) -> None:
        name = self._columns[table].collection.key
        records = {each[name]: Record.of(each[name], each) for each in documents}

        def plan(transaction: Transaction) -> None:
            transaction.load(list(records.values()), clear)

        self._writer.write(self._columns[table], plan, is_alone=True, is_limited=False)
        self._loaded[table] += len(records)

    def update(
        self, table: str, key: Key, change: Update, revisions: Revisions = None
    ) -> Record:

        def plan(transaction: Transaction) -> Record:
            old = transaction.held(key, revisions)
            document = change(old.document, transaction.next_id)
            if document is old.document:
                return old
            new = Record.of(key, document)
            self._limits.check_document(new, old)
            transaction.replace([(old, new)])
            return new

        columns = self._columns[table]
        return self._writer.write(columns, plan, columns.collection.is_serial)

    def update_each(self, table: str, change: Callable[[Document], Document]) -> int:
        """Replace each document by what ``change`` makes of it, some at a time."""
        columns = self._columns[table]
        # It waits for all who write now, and those who come later see what was before.
        rows = self._writer.barrier(columns)
        count = 0
        for start in range(0, len(rows), BATCH):
            plan = partial(_changed, rows[start : start + BATCH], change)
            count += self._writer.write(columns, plan, is_limited=False)
        return count

    def remove(self, table: str, key: Key, revisions: Revisions = None) -> None:

        def plan(transaction: Transaction) -> None:
            transaction.remove(transaction.held(key, revisions))

        self._writer.write(self._columns[table], plan)

    def ping(self) -> None:
        rows = self._read(
            "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool",
            (),
        )
        if rows[0][0]:
            raise Unavailable("the database can only be read now")

    def status(self) -> Mapping[str, Status]:
        """Return the state of each table."""
        counts = dict(self._read(feeds.DOCUMENTS, ()))
        sizes = dict(self._read(feeds.SIZES, (list(self._columns),)))
        return {
            name: Status(
                counts.get(name, 0),
                {"bytes_on_disk": Figure(sizes.get(name, 0), "Bytes with indexes.")},
            )
            for name in self._columns
        }

    def figures(self) -> Mapping[str, Figure]:
        """Return the figures of the connections of this process, and of the replica."""
        version = Figure(schema.VERSION, "Version of the tables.", MOST)
        found = {"schema_version": version, **self._connections.figures()}
        return found if self.replica is None else found | self.replica.figures()

    def close(self) -> None:
        """Close all connections of this process; tables that were filled are tidied."""
        try:
            for table, count in self._loaded.items():
                if count >= CHUNK:
                    self._tidy(table)
        except Unavailable as error:
            log.warning("tables are not tidied after they were filled: %s", error)
        self._connections.close()
        if self.replica is not None:
            self.replica.close()

    def _tidy(self, table: str) -> None:
        """Let the database know what is in a table, and that all see all of it.

        Else it would do so minutes later, and read whole documents to count them.
        """
        with self._connections.translating(), self._connections.connect() as connection:
            if not connection.is_shared:
                connection.execute("SET statement_timeout = 0")
            connection.execute(f"VACUUM (ANALYZE) {self._columns[table].table}")

    def _read_stale(self, table: str, text: str, values: Any) -> list[Any]:
        """Read from the replica, if there is one, what may be a little stale."""
        replica = self.replica
        may_be_stale = self._columns[table].collection.may_be_stale
        if replica is None or not may_be_stale or self._writer.joined() is not None:
            return self._read(text, values)
        return replica.read(lambda c: c.execute(text, values).fetchall())

    def _read(self, text: str, values: Any) -> list[Any]:
        return self._writer.reading(lambda c: c.execute(text, values).fetchall())


def _changed(
    rows: Sequence[UUID],
    change: Callable[[Document], Document],
    transaction: Transaction,
) -> int:
    """Change the documents in ``rows``, and return how many have changed."""
    pairs = []
    for old in transaction.held_rows(rows):
        document = change(old.document)
        if document is not old.document:
            pairs.append((old, Record.of(old.key, document)))
    transaction.replace(pairs)
    return len(pairs)
