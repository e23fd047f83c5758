"""The store contract: what queries find, and in which order."""

from dataclasses import replace

import pytest
from notes import (
    ALBUM_ID,
    ARTIST,
    RATED,
    album,
    note,
    query,
)

from app.errors import Overdue
from app.query import Comparison, Every, Field, Negation, Order, Query
from app.query.values import INTEGER, PRESENCE

MIXED = [
    note("absent"),
    note("null", day=None, any=None),
    note("empty", day="", any=""),
    note("text", day="2026-01-02T00:00:00Z", any="b"),
    note("later", day="2026-01-02T00:00:00.5Z", any="a"),
    note("one", day="2025-01-02T00:00:00Z", any=1),
    note("half", any=0.5),
    note("true", any=True),
    note("false", any=False),
    note("list", any=[1, "a"]),
    note("object", any={"a": 1}),
]


def keys(page):
    return [record.key for record in page.records]


class Finding:
    """Queries: filters, orders and pages."""

    def find(self, store, *arguments, **members):
        return keys(store.find("notes", query(*arguments, **members)))

    def test_documents_stand_in_the_order_of_the_table(self, store):
        store.insert("notes", note("c", 1), note("b", 2), note("a", 2), note("d", 0))
        assert self.find(store) == ["d", "c", "a", "b"]

    def test_order_of_the_query_comes_first_and_ties_stand_as_in_the_table(self, store):
        given = [("a", 3, "x"), ("b", 1, "y"), ("c", 2, "x"), ("d", 1, "x")]
        store.insert("notes", *(note(i, n) | {"name": name} for i, n, name in given))
        assert self.find(store, order=["name"]) == ["d", "c", "a", "b"]
        assert self.find(store, order=[{"name": "desc"}]) == ["b", "a", "c", "d"]
        by_both = [{"name": "desc"}, {"n": "desc"}]
        assert self.find(store, order=by_both) == ["b", "a", "c", "d"]

    def test_order_that_descends_mirrors_the_one_that_ascends(self, store):
        store.insert("albums", *(album(id_, n=0) for id_ in (5, 9, 1, 7)))
        by_n = Order(Field(("n",), INTEGER)), Order(Field(("n",), INTEGER), True)
        found = [keys(store.find("albums", Query(order=(each,)))) for each in by_n]
        assert found == [[5, 9, 1, 7], [7, 1, 9, 5]]
        newest = Query(order=(by_n[1],), limit=1)
        assert keys(store.find("albums", newest)) == [7]
        where = Comparison(Field(("n",), INTEGER), "$gte", 0)
        page = store.find("albums", Query(where, (by_n[1],), offset=1, limit=2))
        assert (keys(page), page.total) == ([1, 9], 4)

    def test_documents_are_in_the_order_in_which_they_were_added(
        self, store, other, tmp_path
    ):
        """Whichever worker adds them, whatever is changed, and when all is opened anew."""
        store.insert("albums", album(5), album(9))
        other.insert("albums", album(1), album(7))
        store.update("albums", 9, lambda d, _: {**d, "artist": "x"})
        other.remove("albums", 1)
        store.insert("albums", album(1))
        other.load("albums", [album(3), album(5, artist="y"), album(2)])
        expected = [5, 9, 7, 1, 3, 2]
        for worker in (store, other):
            assert keys(worker.find("albums", Query())) == expected
            some = Comparison(ALBUM_ID, "$in", frozenset({1, 2, 7}))
            assert keys(worker.find("albums", Query(some))) == [7, 1, 2]
        store.close()
        again = self.open(tmp_path)
        assert keys(again.find("albums", Query())) == expected
        again.close()

    def test_documents_that_replace_all_others_are_in_the_order_given(
        self, store, other
    ):
        store.insert("albums", album(1), album(2), album(3))
        store.load("albums", [album(4), album(3), album(1)], clear=True)
        for worker in (store, other):
            assert keys(worker.find("albums", Query())) == [4, 3, 1]

    def test_text_stands_in_the_order_of_its_characters(self, store):
        names = ["a", "B", "é", "z", "Z", "10", "9", "", "_", "😀", "\uffff", "a b"]
        store.insert("notes", *(note(f"k{name}") | {"name": name} for name in names))
        ordered = self.find(store, order=["name"])
        assert ordered == [f"k{name}" for name in sorted(names)]

    @pytest.mark.parametrize("where", [None, {}, {"name": "x"}, {"n": {"$gte": 0}}])
    def test_page_is_a_part_of_the_list_and_total_counts_it_all(self, store, where):
        store.insert("notes", *(note(f"{n}", n) | {"name": "x"} for n in range(7)))
        for offset, limit in [
            (0, 3),
            (3, 3),
            (6, 3),
            (7, 3),
            (99, 3),
            (2, 0),
            (2, None),
        ]:
            asked = query(where, order=[{"n": "desc"}], offset=offset, limit=limit)
            page = store.find("notes", asked)
            end = None if limit is None else offset + limit
            assert keys(page) == list("6543210")[offset:end], (offset, limit)
            assert page.total == 7

    @pytest.mark.parametrize("counted", [None, 0, 3, 6, 7])
    @pytest.mark.parametrize("where", [None, {"name": "x"}, {"n": {"$gte": 0}}])
    def test_matches_are_counted_as_far_as_is_asked_and_to_the_end_of_the_page(
        self, store, where, counted
    ):
        store.insert("notes", *(note(f"{n}", n) | {"name": "x"} for n in range(7)))
        for offset, limit in [(0, 3), (3, 3), (4, 3), (99, 3), (2, 0), (0, None)]:
            asked = replace(query(where, (), offset, limit), counted=counted)
            page = store.find("notes", asked)
            end = 7 if limit is None else offset + limit
            if page.is_least:
                assert counted is not None and where is not None
                assert max(counted, end) < page.total <= 7
            else:
                assert page.total == 7
            assert len(page.records) == len(range(7)[offset:end])

    @pytest.mark.parametrize(
        "asked",
        [
            query(),
            query(order=["name"]),
            query({"name": "x"}),
            query({"tags": {"$contains": "a"}}),
        ],
    )
    def test_find_ends_when_its_pace_does(self, store, asked):
        store.insert("notes", *(note(f"{number}") for number in range(100)))

        def end(ahead=0, holding=False):
            raise Overdue("enough")

        with pytest.raises(Overdue):
            store.find("notes", asked, end)
        assert store.find("notes", query()).total == 100
        assert store.insert("notes", note("x"))
        assert store.find("notes", asked).total in (0, 101)

    @pytest.mark.parametrize(
        "where, found",
        [
            ({"any": None}, "absent null"),
            ({"any": {"$ne": None}}, "empty text later one half true false list object"),
            ({"any": {"$exists": False}}, "absent"),
            ({"any": {"$exists": True, "$eq": None}}, "null"),
            ({"any": 1}, "one list"),
            ({"any": 1.0}, "one list"),
            ({"any": True}, "true"),
            ({"any": {"$in": [1, "a", None]}}, "absent null later one list"),
            ({"any": {"$gt": 0}}, "one half list"),
            ({"any": {"$gte": ""}}, "empty text later list"),
            ({"any": {"$lt": "b"}}, "empty later list"),
            ({"any": {"$gt": 0, "$lt": 1}}, "half"),
            ({"any": [1]}, "list"),
            ({"any": {"$contains": "a"}}, "later list"),
            ({"$not": {"any": {"$gt": 0}}}, "absent null empty text later true false"
             " object"),
            ({"day": ""}, "empty"),
            ({"day": "2026-01-02T01:00:00+01:00"}, "text"),
            ({"day": "2026-01-02T00:00:00.500Z"}, "later"),
            ({"day": {"$lt": "2026-01-02T00:00:00Z"}}, "empty one"),
            ({"day": {"$gt": "2026-01-02T00:00:00Z"}}, "later"),
            ({"id": {"$in": ["one", "null", "nobody"]}}, "null one"),
            ({"id": "one", "any": 1}, "one"),
            ({"id": "one", "any": 2}, ""),
            ({"$or": [{"id": "one"}, {"any": True}]}, "one true"),
            ({"name": {"$startswith": "the note t"}}, "text true"),
            ({"n": 0, "any": {"$in": []}}, ""),
        ],
    )  # fmt: skip
    def test_filter_finds_absent_null_and_mixed_values(self, store, where, found):
        store.insert("notes", *MIXED)
        page = store.find("notes", query(where))
        assert set(keys(page)) == set(found.split())
        assert page.total == len(found.split())

    @pytest.mark.parametrize(
        "operator, found",
        [
            ("$eq", ""),
            ("$in", ""),
            ("$gt", "b"),
            ("$gte", "b"),
            ("$lt", "a"),
            ("$lte", "a"),
            ("$contains", ""),
            ("$startswith", ""),
        ],
    )
    def test_filter_may_have_a_nul_that_is_in_no_document(self, store, operator, found):
        store.insert("notes", note("a") | {"name": "a"}, note("b") | {"name": "aa"})
        operand = ["a\0"] if operator == "$in" else "a\0"
        assert self.find(store, {"name": {operator: operand}}) == list(found)

    def test_member_is_found_by_its_presence(self, store):
        store.insert("albums", album(0), album(1, rating=5), album(2, rating=None))
        store.insert("albums", album(3, artist="x"), album(4, artist="x", rating=0))
        there, absent = Comparison(RATED, "$eq", True), Comparison(RATED, "$eq", False)
        artist = Comparison(ARTIST, "$eq", "x")
        for where, found in [
            (there, [1, 2, 4]),
            (absent, [0, 3]),
            (Comparison(RATED, "$in", frozenset({True, False})), [0, 1, 2, 3, 4]),
            (Negation(there), [0, 3]),
            (Every((artist, absent)), [3]),
            (Comparison(Field(ALBUM_ID.path, PRESENCE), "$eq", True), [0, 1, 2, 3, 4]),
            (Every((Negation(artist), absent)), [0]),
        ]:
            assert keys(store.find("albums", Query(where))) == found
        store.update("albums", 0, lambda d, _: {**d, "rating": 1})
        assert keys(store.find("albums", Query(absent))) == [3]

    def test_what_is_not_of_the_fields_type_is_the_least(self, store):
        store.insert("notes", *MIXED)
        ordered = self.find(store, order=["day"])
        assert ordered[-3:] == ["one", "text", "later"]
        assert sorted(ordered[:-3]) == ordered[:-3]
        assert self.find(store, order=[{"day": "desc"}])[:3] == ["later", "text", "one"]

    def test_find_sees_each_write(self, store):
        """Lists and indexes that were made by an earlier find follow the writes."""
        store.insert("notes", note("a", 1), note("b", 1))
        assert self.find(store, {"n": 1}) == ["a", "b"]
        store.update("notes", "a", lambda document, _: {**document, "n": 2})
        assert self.find(store, {"n": 1}) == ["b"]
        assert self.find(store, {"n": {"$in": [1, 2]}}) == ["b", "a"]
        store.remove("notes", "b")
        assert self.find(store, {"n": 1}) == []
        assert self.find(store, order=[{"n": "desc"}]) == ["a"]

    def test_text_is_sorted_by_its_first_200_characters_and_ties_by_insertion(
        self, store
    ):
        long = "x" * 199
        names = ["z", long + "bc", long + "ba", long + "a", long, long + "b"]
        store.insert("albums", *(album(n, artist=name) for n, name in enumerate(names)))
        by_artist = Order(ARTIST)
        found = keys(store.find("albums", Query(order=(by_artist,))))
        assert found == [4, 3, 1, 2, 5, 0]
        mirrored = Query(order=(Order(ARTIST, True),))
        assert keys(store.find("albums", mirrored)) == found[::-1]

    @pytest.mark.parametrize("operator", ["$gt", "$gte", "$lt", "$lte"])
    def test_long_texts_are_compared_to_their_ends(self, store, operator):
        long = "x" * 199
        names = [long + end for end in ("", "a", "b", "ba", "bb", "bc", "c")]
        store.insert("albums", *(album(n, artist=name) for n, name in enumerate(names)))
        store.insert("albums", *(album(n, artist=f"{n}") for n in range(10, 60)))
        holds = {
            "$gt": str.__gt__,
            "$gte": str.__ge__,
            "$lt": str.__lt__,
            "$lte": str.__le__,
        }
        for operand in names:
            where = Every(
                (Comparison(ARTIST, operator, operand), Comparison(ARTIST, "$gt", "w"))
            )
            for order in ((), (Order(ARTIST),)):
                page = store.find("albums", Query(where, order))
                expected = [
                    n for n, name in enumerate(names) if holds[operator](name, operand)
                ]
                assert sorted(keys(page)) == expected
