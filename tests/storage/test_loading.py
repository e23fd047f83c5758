"""Loading: the keys of documents, and what the garbage collector does meanwhile."""

import gc
import weakref

import pytest

from app.errors import Invalid
from app.storage.files.loading import collector_off
from app.storage.files.records import key_in


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


@pytest.mark.parametrize(
    "document, key",
    [
        (b'{"id":"a"}', "a"),
        (b'{"id":7,"n":1}', 7),
        (b'{"id":"\xc3\xa9"}', "\u00e9"),
        (b'{"id":"\\u00e9"}', "\u00e9"),
        (b'{"n":1,"id":-7}', -7),
    ],
)
def test_key_is_found_wherever_it_is(document, key):
    assert key_in(document, "id") == key


@pytest.mark.parametrize(
    "document, message",
    [
        (b'{"id":"\x95"}', "its id is not UTF-8"),
        (b'{"id":"a"', "it is not JSON: "),
        (b'{"n":1}', "it has no id"),
        (b"[]", "it has no id"),
        (b'{"id":true}', "it has no id"),
        (b'{"id":[1]}', "it has no id"),
        (b'{"id":1.5}', "it has no id"),
        (b'{"id":' + b"9" * 5000 + b"}", "it is not JSON|it has no id"),
    ],
)
def test_document_without_a_key_is_refused(document, message):
    with pytest.raises(Invalid, match=message):
        key_in(document, "id")
