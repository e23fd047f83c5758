"""Writers that are killed at any moment: what they were told is done, is done.

``SVCTASKS_KILL_ROUNDS=200 pytest tests/storage/test_kill.py`` runs longer.
"""

import os
import random
import signal

import pytest
from notes import album_ids, held, new_album, note, open_notes, open_table

from app.errors import Conflict, NotFound
from app.query import Query

ROUNDS = int(os.environ.get("SVCTASKS_KILL_ROUNDS", "10"))
WRITERS = 2
LENGTH = 200
"""How long the text of a document is, so that one may be cut in the middle."""


def text(n):
    return f"{n % 10}" * LENGTH


def write_forever(folder, name, number, pipe):
    """Write and tell in ``pipe`` what was acknowledged: a line for each write."""
    store = open_notes(folder, os.fdatasync)
    chance = random.Random(f"{name}-{number}")
    own = []
    tell(pipe, "ready")
    for n in range(10**9):
        act = chance.random()
        if act < 0.5 or not own:
            key = f"{number}-{name}-{n}"
            store.insert("notes", note(key, n, text=text(n)))
            own.append(key)
            tell(pipe, f"put {key} {n}")
        elif act < 0.8:
            key = chance.choice(own)
            tell(pipe, f"try {key} {n}")
            store.update("notes", key, lambda d, _, n=n: {**d, "n": n, "text": text(n)})
            tell(pipe, f"put {key} {n}")
        elif act < 0.9:
            key = own.pop(chance.randrange(len(own)))
            tell(pipe, f"try {key} gone")
            store.remove("notes", key)
            tell(pipe, f"gone {key} -")
        elif act < 0.93:
            store.update("notes", "shared", counted)
            tell(pipe, "count shared -")
        elif act < 0.97:
            album = store.add("albums", new_album()).document
            for sequence, id_ in album_ids(album):
                tell(pipe, f"id {sequence} {id_}")
            if chance.random() < 0.7:
                store.remove("albums", album["album_id"])
        else:
            store.table(chance.choice(["notes", "albums"])).checkpoint()


def counted(document, _):
    n = document["n"] + 1
    return {**document, "n": n, "text": text(n)}


def tell(pipe, line):
    os.write(pipe, f"{line}\n".encode())


class Writer:
    """A process that writes until it is killed."""

    def __init__(self, folder, name, number):
        self.reader, pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.reader)
                write_forever(folder, name, number, pipe)
            finally:
                os._exit(1)
        os.close(pipe)
        self.told = b""
        self.read_until(1)

    def read_until(self, count):
        """Read until the writer has told of ``count`` things."""
        while self.told.count(b"\n") < count and (
            part := os.read(self.reader, 1 << 16)
        ):
            self.told += part

    def killed(self):
        """Kill the writer and return what it told."""
        os.kill(self.pid, signal.SIGKILL)
        while part := os.read(self.reader, 1 << 16):
            self.told += part
        os.close(self.reader)
        _, status = os.waitpid(self.pid, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, "the writer failed by itself"
        *lines, rest = self.told.decode().split("\n")
        return [line.split() for line in lines[1:]]


def follow(told, expected, open_ended):
    """Take in what a writer told: what must be there, and what may have happened."""
    increments = 0
    for word, key, value in told:
        open_ended.clear()
        match word:
            case "put":
                expected[key] = int(value)
            case "gone":
                expected.pop(key, None)
            case "try":
                open_ended[key] = None if value == "gone" else int(value)
            case "count":
                increments += 1
    return increments


@pytest.mark.parametrize("together", [True, False], ids=["all at once", "one by one"])
def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path, together):
    """Each round goes on in the files of the last one; some writers come later."""
    chance = random.Random(together)
    store = open_notes(tmp_path)
    store.insert("notes", note("shared", 0, text=text(0)))
    store.close()
    expected, count, given = {}, 0, []
    for number in range(ROUNDS):
        writers = [Writer(tmp_path, f"w{n}", number) for n in range(WRITERS)]
        told = []
        for writer in writers:
            writer.read_until(chance.randrange(1, 120))
            if not together:
                told.append(writer.killed())
        if together:
            for writer in writers:
                os.kill(writer.pid, signal.SIGKILL)
            told = [writer.killed() for writer in writers]
        given += [line for lines in told for line in lines if line[0] == "id"]
        maybe = {}
        for lines in told:
            open_ended = {}
            count += follow(lines, expected, open_ended)
            maybe |= open_ended
        count = check(tmp_path, number, expected, maybe, count)
    assert len(set(map(tuple, given))) == len(given) > ROUNDS, "an id was given twice"


def check(folder, number, expected, maybe, count):
    """Compare what is stored with what was told; return the count of increments."""
    table = open_table(folder)
    found = dict(held(table))
    assert len({record.number for record in table.documents}) == len(found)
    for key, document in found.items():
        assert document == note(key, document["n"], text=text(document["n"])), key
    shared = found.pop("shared")["n"]
    assert count <= shared <= count + WRITERS
    for key in found.keys() | expected.keys():
        allowed = {expected.get(key)}
        if key in maybe:
            allowed.add(maybe[key])
        elif key not in expected and key.startswith(f"{number}-"):
            # The last insert of a writer, which it had no time to tell of.
            allowed.add(found[key]["n"])
        n = found[key]["n"] if key in found else None
        assert n in allowed, (key, n, allowed)
    expected.clear()
    expected.update({key: document["n"] for key, document in found.items()})
    return shared


def test_store_that_was_killed_is_opened_and_written_by_the_next(tmp_path):
    Writer(tmp_path, "w", 0).killed()
    store = open_notes(tmp_path)
    before = store.find("notes", Query()).total
    store.insert("notes", note("a"))
    with pytest.raises(Conflict):
        store.insert("notes", note("a"))
    with pytest.raises(NotFound):
        store.get("notes", "b")
    assert store.find("notes", Query()).total == before + 1
    store.close()
