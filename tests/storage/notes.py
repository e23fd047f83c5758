"""Two small collections, and the processes, edits and looks of storage tests.

Notes go by strings of their own, and are listed by ``n`` and key. Albums go by numbers
that the table gives, to them and to the songs in them, and are listed as they were added.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import postgres

from app.errors import Invalid
from app.query import Field, Fields, Order, Query, grammar
from app.query.values import (
    ANY,
    DATE,
    INTBOOL,
    INTEGER,
    NAMES,
    OBJECT,
    PRESENCE,
    TEXT,
)
from app.storage import Collection
from app.storage.files.journal import decode
from app.storage.files.records import Record
from app.storage.files.store import FileStore
from app.storage.files.table import JournalTable
from app.storage.files.tinydb_table import TinyTable
from app.storage.files.writing import Changes
from app.storage.memory import Memory, MemoryStore

FIELDS = Fields(
    types={
        "id": TEXT,
        "name": TEXT,
        "n": INTEGER,
        "on": INTBOOL,
        "day": DATE,
        "tags": NAMES,
        "any": ANY,
        "more": OBJECT,
        "more.made": DATE,
    },
    listed=("id", "name", "n", "on", "day", "tags", "any", "more.made"),
    open_objects=("more",),
)


def complete(raw, number, moment):
    """Return the note that a person means; it needs a name."""
    if not isinstance(raw, dict):
        raise Invalid("a note must be an object")
    if not isinstance(raw.get("name"), str):
        raise Invalid("name: is missing", {"name": ["is missing"]})
    return {"id": f"note-{number}", "made": moment, **raw}


NOTES = Collection(
    name="notes",
    key="id",
    order=(Order(FIELDS.order("n")), Order(FIELDS.order("id"))),
    indexed=tuple(FIELDS.order(name) for name in ("name", "n", "on", "day")),
    complete=complete,
)

ALBUM_ID = Field(("album_id",), INTEGER)
ARTIST = Field(("artist",), TEXT)
RATED = Field(("rating",), PRESENCE)


def complete_album(raw, number, moment):
    """Return the album that a person means; its id is its place in the file."""
    album = {"album_id": number, "artist": "", "songs": [], **raw}
    if type(album["album_id"]) is not int:
        raise Invalid("album_id: must be an integer")
    return album


def album_ids(album):
    """Return the ids in an album, which the table gives."""
    yield "album", album["album_id"]
    for song in album["songs"]:
        yield "song", song["song_id"]


ALBUMS = Collection(
    name="albums",
    key="album_id",
    order=(),
    indexed=(ARTIST, RATED),
    complete=complete_album,
    ids=album_ids,
)


def unflushed(descriptor):
    """Flush nothing, in tests in which nobody pulls the plug."""


def open_notes(folder, sync=unflushed):
    """Return a store of notes and albums, with its keeper."""
    return FileStore(folder, [NOTES, ALBUMS], sync)


_MEMORIES = {}


def open_in_memory(folder):
    """Return a store of notes and albums in the memory that goes by ``folder``."""
    return MemoryStore([NOTES, ALBUMS], _MEMORIES.setdefault(folder, Memory()))


def open_in_postgres(folder):
    """Return a store of notes and albums in the tables that go by ``folder``."""
    # More than any test has threads.
    return postgres.tables(folder, [NOTES, ALBUMS]).open(most=40)


class OpenTable(TinyTable):
    """A table with the operations of TinyDB and with those of the store."""

    def __init__(self, table):
        super().__init__(table)
        self._store_table = table

    def __getattr__(self, name):
        return getattr(self._store_table, name)


def open_table(folder, sync=unflushed, collection=NOTES, moment=0, **patience):
    """Return one table alone: what another process that sleeps now has.

    It looks at the files each time that it is asked, or every ``moment`` seconds.
    """
    return OpenTable(JournalTable(Path(folder), collection, sync, moment, **patience))


def note(id_, n=0, **more):
    return {"id": id_, "name": f"the note {id_}", "n": n, "made": "", **more}


def album(id_, songs=(), artist="", **more):
    songs = [{"song_id": song} for song in songs]
    return {"album_id": id_, "artist": artist, "songs": songs, **more}


def new_album(songs=1, artist="", **more):
    """Return what makes an album of so many songs with the ids that it is given."""

    def make(next_id):
        return album(
            next_id("album"), [next_id("song") for _ in range(songs)], artist, **more
        )

    return make


def add_album(table, songs=1):
    """Add an album through a ``table`` alone, and return it."""

    def plan(documents, next_id):
        document = new_album(songs)(next_id)
        record = Record(table.next_number(), document["album_id"], document)
        return Changes([record], [])

    return table.write(plan).put[0].document


def remove_album(table, id_):
    table.write(lambda documents, _: Changes([], [id_]))


def with_song(document, next_id):
    """Return an album with one song more: a change for ``update``."""
    songs = [*document["songs"], {"song_id": next_id("song")}]
    return {**document, "songs": songs}


def query(where=None, order=(), offset=0, limit=None):
    """Return the query that a filter and an order of the HTTP API make."""
    condition = None if where is None else grammar.condition(where, FIELDS)
    orders = grammar.ordering(list(order), FIELDS) if order else ()
    return Query(condition, orders, offset, limit)


def held(table):
    """Return what ``table`` holds: the documents by their keys."""
    return {record.key: record.document for record in table.documents}


def stored(folder):
    """Return what a process that starts now finds in ``folder``."""
    return held(open_table(folder))


def data(folder, name="notes"):
    return Path(folder) / f"{name}.json"


def journal(folder, name="notes"):
    return Path(folder) / f"{name}.json.journal"


def entries(folder, name="notes"):
    """Return the lines of the journal, without their documents' checksums."""
    raw = journal(folder, name).read_bytes().splitlines(keepends=True)
    return [decode(line).entry for line in raw]


def edit(folder, change, name="notes"):
    """Edit the data file as an editor does: write a new one, put it in its place."""
    path = data(folder, name)
    content = json.loads(path.read_text()) if path.exists() else {name: {}}
    change(content[name])
    save(folder, json.dumps(content, indent=2), name)


def save(folder, text, name="notes"):
    """Save ``text`` as the data file, in a new file."""
    draft = Path(folder) / "editor.tmp"
    draft.write_text(text)
    draft.rename(data(folder, name))


class Child:
    """A forked process that runs ``act`` and hands back its result as JSON."""

    def __init__(self, act):
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reader)
            code = 1
            try:
                os.write(writer, json.dumps(act()).encode())
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(writer)
        self.reader = reader

    def result(self):
        """Wait for the end and return what ``act`` did; fails if it failed."""
        with open(self.reader, "rb") as pipe:
            found = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        assert status == 0, f"the child ended with {os.waitstatus_to_exitcode(status)}"
        return json.loads(found)

    def code(self):
        """Wait for the end and return the exit code."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.reader)
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.code()
