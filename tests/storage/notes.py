"""A small collection of notes, and the processes, faults and looks of storage tests."""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from app.errors import Invalid
from app.query import Fields, Order, Query, grammar
from app.query.values import ANY, DATE, INTBOOL, INTEGER, NAMES, OBJECT, TEXT
from app.storage import Collection
from app.storage.journal import decode
from app.storage.tables import FileStore, JournalTable

FIELDS = Fields(
    kinds={
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


def unflushed(descriptor):
    """Flush nothing, in tests in which nobody pulls the plug."""


def open_notes(folder, sync=unflushed):
    """Return a store of notes, with its keeper."""
    return FileStore(folder, [NOTES], sync)


def open_table(folder, sync=unflushed):
    """Return the table of notes alone: what another process that sleeps now has."""
    return JournalTable(Path(folder), NOTES, sync)


def note(id_, n=0, **more):
    return {"id": id_, "name": f"the note {id_}", "n": n, "made": "", **more}


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


def data(folder):
    return Path(folder) / "notes.json"


def journal(folder):
    return Path(folder) / "notes.json.journal"


def entries(folder):
    """Return the lines of the journal, without their documents' checksums."""
    raw = journal(folder).read_bytes().splitlines(keepends=True)
    return [decode(line).entry for line in raw]


def edit(folder, change):
    """Edit the data file as an editor does: write a new one, put it in its place."""
    path = data(folder)
    content = json.loads(path.read_text()) if path.exists() else {"notes": {}}
    change(content["notes"])
    save(folder, json.dumps(content, indent=2))


def save(folder, text):
    """Save ``text`` as the data file, in a new file."""
    draft = Path(folder) / "editor.tmp"
    draft.write_text(text)
    draft.rename(data(folder))


def until(look, seconds=30):
    """Look until there is something, and return it."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"nothing after {seconds} seconds"
        time.sleep(0.005)
    return seen


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
