"""All processes have the same documents, in the order of their numbers, in any history.

A person edits the file, puts an older one back, breaks and mends it; processes write,
checkpoint, look, end and start. Not each of them sees each edit.
"""

import json
import random
from itertools import pairwise

import pytest
from notes import (
    ALBUMS,
    add_album,
    data,
    held,
    open_table,
    remove_album,
    save,
)

from app.errors import Error
from app.query import Query

STEPS = 20

SEEDS = list(range(24)) + [168, 218, 382, 664, 699, 774]
"""The last ones found a fault once."""


def numbered(table):
    found, _ = table.documents.find(Query())
    return [(each.number, each.key, each.encoded) for each in found]


class History:
    """What people and two processes do, one after the other, by ``chance``."""

    def __init__(self, chance, folder):
        self.chance = chance
        self.folder = folder
        self.file = data(folder, "albums")
        self.tables = [self.started(), self.started()]
        self.former = []

    def started(self):
        return open_table(self.folder, collection=ALBUMS)

    def step(self):
        """Let something happen; raises Error, as a start on a broken file does."""
        steps = {
            self.add: 8,
            self.remove: 2,
            self.checkpoint: 4,
            self.look: 3,
            self.restart: 2,
            self.keep: 2,
            self.edit: 6,
            self.shuffle: 2,
            self.put_back: 2,
            self.break_: 1,
        }
        table = self.chance.choice(self.tables)
        [act] = self.chance.choices(list(steps), list(steps.values()))
        act(table)

    def add(self, table):
        add_album(table)

    def remove(self, table):
        if present := [each.key for each in table.documents]:
            remove_album(table, self.chance.choice(present))

    def checkpoint(self, table):
        table.checkpoint()

    def look(self, table):
        held(table)

    def keep(self, table):
        """Do what the keeper does about once a second."""
        table.mend()

    def restart(self, table):
        self.tables[self.tables.index(table)] = self.started()

    def edit(self, _):
        """Add a document under a number that may be taken, and perhaps remove another."""
        content = self.opened()
        if content is None:
            return
        documents = content.setdefault("albums", {})
        number = str(self.chance.randrange(1, 12))
        documents[number] = {"album_id": 100 + self.chance.randrange(40)}
        if self.chance.random() < 0.3:
            documents.pop(self.chance.choice(list(documents)))
        self.save(json.dumps(content, indent=2))

    def shuffle(self, _):
        """Make an array of the documents, in another order."""
        content = self.opened()
        if content is not None:
            documents = list(content["albums"].values())
            self.chance.shuffle(documents)
            self.save(json.dumps(documents))

    def put_back(self, _):
        """Put a file from before back, or a copy of it."""
        if self.former:
            former = self.chance.choice(self.former)
            if self.chance.random() < 0.5:
                self.save(former.read_text())
            else:
                self.kept()
                self.former.remove(former)
                former.rename(self.file)

    def break_(self, _):
        self.save("{")

    def opened(self):
        """Return what an editor opens: TinyDB JSON of now or from before."""
        files = [self.file]
        if self.chance.random() < 0.2:
            files = self.former or files
        file = self.chance.choice(files)
        text = file.read_text() if file.exists() else ""
        return json.loads(text) if text.startswith("{") and len(text) > 1 else None

    def save(self, text):
        self.kept()
        save(self.folder, text, "albums")

    def kept(self):
        if self.file.exists() and self.file.read_text() != "{":
            former = self.folder / f"former.{len(list(self.folder.iterdir()))}"
            if not former.exists():
                former.hardlink_to(self.file)
                self.former.append(former)


def assert_agree(tables):
    """Assert that all have the same in one order, after they looked about them."""
    for table in (*tables, *tables):
        table.mend()
    found = [numbered(table) for table in tables]
    assert all(one == other for one, other in pairwise(found)), found
    assert found[0] == sorted(found[0])
    assert len({number for number, *_ in found[0]}) == len(found[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_all_processes_agree_on_documents_and_order_in_any_history(tmp_path, seed):
    history = History(random.Random(seed), tmp_path)
    for _ in range(STEPS):
        try:
            history.step()
        except Error:
            # Two documents of one id, say.
            pass
    try:
        assert_agree(history.tables)
        tables = [*history.tables, history.started()]
    except Error:
        # Nobody who is up to date looked at the file before it was broken.
        return
    assert_agree(tables)
    tables[0].checkpoint()
    assert_agree([*tables, history.started()])
    if tables[0].fault is None and history.file.exists():
        content = history.file.read_text()
        numbers = [line for line in content.splitlines() if line.startswith('"')]
        assert len(numbers) == len(tables[0])
