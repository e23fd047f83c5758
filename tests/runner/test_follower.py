"""Who follows several tables loses nothing where one of them cannot be read."""

import pytest
from world import START, World, task

from app.errors import Unavailable
from app.runner.follower import Follower
from app.runner.stored_runs import StoredRuns


class HalfReadable:
    """A store of which the table of clocks cannot be read while ``is_broken``."""

    def __init__(self, store):
        self._store = store
        self.is_broken = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    def version(self, table):
        self._check(table)
        return self._store.version(table)

    def changes(self, table, since, limit):
        self._check(table)
        return self._store.changes(table, since, limit)

    def _check(self, table):
        if self.is_broken and table == "clocks":
            raise Unavailable("the table cannot be read")


def test_what_was_read_of_one_table_is_kept_where_another_cannot_be_read():
    world = World()
    store = HalfReadable(world.open_store())
    runs = StoredRuns(store)
    followers = [
        Follower(store, name, lambda record: record.document)
        for name in ("svctasks", "clocks", "runners")
    ]
    runs.look(*followers)
    world.put(task(1, START))
    store.is_broken = True
    with pytest.raises(Unavailable):
        runs.look(*followers)
    store.is_broken = False
    (news,) = runs.look(*followers).tasks
    assert news[0] == task(1, START)["id"]
    assert runs.look(*followers).tasks == []
