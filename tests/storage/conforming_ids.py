"""The store contract: the ids that documents are given."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from conforming_documents import keys
from notes import album, album_ids, new_album, note, with_song

from app.errors import Conflict, Invalid
from app.query import Query


def ids(documents):
    """Return all ids in ``documents`` as they come."""
    return [each for document in documents for each in album_ids(document)]


def song_ids(document):
    return [song["song_id"] for song in document["songs"]]


def assert_new(documents):
    """Check that no id is in two of the documents, or twice in one."""
    given = ids(documents)
    assert len(set(given)) == len(given), given


def added(store, songs=1):
    """Add an album of so many songs; return its record, and the document it was made of."""
    made = []

    def make(next_id):
        made.append(new_album(songs)(next_id))
        return made[-1]

    return store.add("albums", make), made[-1]


class Ids:
    """Ids that a table gives: new ones, which rise within a worker, perhaps with gaps."""

    def test_added_document_has_the_ids_that_the_store_gave(self, store, other):
        record, made = added(store, 2)
        assert (record.key, record.document) == (made["album_id"], made)
        assert other.get("albums", record.key).document == made
        assert 1 <= made["album_id"]
        first, second = song_ids(made)
        assert 1 <= first < second

    def test_ids_rise_within_a_worker_and_are_new_in_each(self, store, other):
        made = [added(worker, 2)[1] for worker in (store, other) * 3]
        assert_new(made)
        for mine in (made[::2], made[1::2]):
            albums = [each["album_id"] for each in mine]
            songs = [id_ for each in mine for id_ in song_ids(each)]
            assert albums == sorted(albums) and songs == sorted(songs)

    def test_update_gives_ids_too(self, store, other):
        key = added(store, 1)[0].key
        for worker in (store, other, store):
            new = worker.update("albums", key, with_song).document
        assert_new([new, added(store, 1)[1], added(other, 1)[1]])
        songs = song_ids(new)
        assert songs[0] < songs[1] < songs[3]

    def test_id_in_a_document_is_not_given(self, store, other):
        """However it came there, and however near it is to those that were given."""
        key = added(store)[0].key
        written = [album(key + 2, [key + 2, 800]), album(70, [5])]
        store.insert("albums", *written)
        written += [added(worker)[1] for worker in (other, store) * 3]
        written += [album(900, [1000]), album(901, [1001])]
        store.load("albums", written[-2:])
        store.update("albums", 900, lambda d, _: album(900, [1000, 5000]))
        written[-2] = album(900, [1000, 5000])
        written += [added(worker)[1] for worker in (other, store) * 3]
        assert_new(written)

    def test_id_is_positive_beside_documents_whose_ids_are_not(self, store):
        store.insert("albums", album(0, [-5]))
        _, made = added(store)
        assert made["album_id"] >= 1 and song_ids(made)[0] >= 1

    def test_id_is_given_once_though_its_document_was_removed(self, store, other):
        made = [added(worker, 2)[1] for worker in (store, store)]
        other.remove("albums", made[1]["album_id"])
        record, document = added(store)
        made.append(document)
        store.update("albums", record.key, lambda d, _: album(record.key))
        made.append(added(other)[1])
        other.load("albums", [], clear=True)
        made += [added(store)[1], added(other)[1]]
        assert_new(made)

    def test_id_of_an_inserted_document_is_not_given_after_it_was_removed(
        self, store, other
    ):
        store.insert("albums", album(2, [2]))
        other.remove("albums", 2)
        assert_new([album(2, [2]), *(added(other)[1] for _ in range(3))])

    def test_ids_go_on_when_the_store_is_opened_again(self, store, tmp_path):
        made = [added(store, 2)[1] for _ in range(3)]
        store.remove("albums", made[-1]["album_id"])
        store.close()
        for _ in range(2):
            again = self.open(tmp_path)
            record, document = added(again)
            made.append(document)
            again.remove("albums", record.key)
            again.close()
        assert_new(made)

    def test_ids_of_all_sequences_rise_within_one_write(self, store):
        def make(next_id):
            return note(f"{next_id('note')} {next_id('song')} {next_id('note')}")

        made = [store.add("notes", make).key for _ in range(2)]
        (a, b, c), (d, e, f) = [map(int, key.split()) for key in made]
        assert a < c < d < f and b < e

    def test_add_that_fails_changes_nothing(self, store, other):
        made = [added(store)[1]]

        def make(next_id):
            next_id("album")
            raise Invalid("no")

        key = made[0]["album_id"]
        with pytest.raises(Invalid, match="no"):
            store.add("albums", make)
        with pytest.raises(Conflict):
            store.add("albums", lambda next_id: album(key, [next_id("song")]))
        assert keys(store.find("albums", Query())) == [key]
        assert store.get("albums", key).document == made[0]
        made += [added(other)[1], added(store)[1]]
        assert_new(made)

    def test_no_id_is_given_twice_between_threads_and_workers(self, store, other):
        key = added(store, 0)[0].key

        def work(number):
            worker = (store, other)[number % 2]
            if number % 3:
                worker.update("albums", key, with_song)
                return []
            return [added(worker, 2)[1]]

        with ThreadPoolExecutor(4) as pool:
            made = [album for made in pool.map(work, range(90)) for album in made]
        grown = store.get("albums", key).document
        assert len(made) == 30 and len(song_ids(grown)) == 60
        assert_new([*made, grown])
