"""Loading, and what the garbage collector does meanwhile."""

import gc
import weakref

from app.storage.loading import collector_off


class Cycle:
    """What only the garbage collector can free, as an error with its traceback is."""

    def __init__(self):
        self.itself = self


def test_garbage_is_not_kept_for_good():
    alive = Cycle()
    garbage = [weakref.ref(Cycle()), weakref.ref(alive)]
    with collector_off():
        garbage.append(weakref.ref(Cycle()))
    del alive
    gc.collect()
    assert [each() for each in garbage] == [None, None, None]
    assert gc.isenabled()
