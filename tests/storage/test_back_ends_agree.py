"""All back ends find the same documents, in one order, by any query over any documents."""

import postgres
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notes import FIELDS as NOTE_FIELDS
from notes import NOTES
from query_draws import DOCUMENTS, FILTERS, NOTE_FILTERS, NOTES_DRAWN, ORDERS

from app.errors import Invalid
from app.query import Query, grammar
from app.schemas.svctask import FIELDS
from app.storage.files.store import FileStore
from app.storage.memory import MemoryStore
from app.tables import svctasks_collection

ANY_TASK = svctasks_collection("50e54938780c")


def asked(filter_, order, fields, offset, limit):
    """Return the query of a filter and an order, or none if one is not valid."""
    try:
        condition = None if filter_ is None else grammar.condition(filter_, fields)
        orders = grammar.ordering(order, fields) if order else ()
    except Invalid:
        return None
    return Query(condition, orders, offset, limit)


def found(store, table, query):
    page = store.find(table, query)
    return [record.key for record in page.records], page.total


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Stores of each back end, with the tables of tasks and notes."""
    known = [ANY_TASK, NOTES]
    folder = tmp_path_factory.mktemp("agree")
    made = [
        MemoryStore(known),
        FileStore(folder, known, lambda descriptor: None),
        postgres.Tables(known).open(),
    ]
    yield made
    for store in made:
        store.close()


CHEAP = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def agree(stores, table, documents, queries):
    for store in stores:
        store.load(table, documents, clear=True)
    for query in queries:
        if query is not None:
            answers = [found(store, table, query) for store in stores]
            assert answers[1:] == answers[:-1], (query, documents)


@CHEAP
@given(
    st.lists(DOCUMENTS, min_size=1, max_size=8),
    st.lists(
        st.tuples(
            st.none() | FILTERS,
            ORDERS,
            st.just(FIELDS),
            st.integers(0, 3),
            st.none() | st.integers(0, 9),
        ),
        min_size=8,
        max_size=12,
    ),
)
def test_back_ends_agree_on_any_query_over_any_tasks(stores, tasks, drawn):
    documents = [{**task, "id": f"{n}"} for n, task in enumerate(tasks)]
    agree(stores, "svctasks", documents, [asked(*each) for each in drawn])


@CHEAP
@given(
    st.lists(NOTES_DRAWN, min_size=1, max_size=8),
    st.lists(
        st.tuples(
            st.none() | NOTE_FILTERS,
            st.lists(
                st.dictionaries(
                    st.sampled_from(["id", "name", "n", "on", "day", "any"]),
                    st.sampled_from(["asc", "desc"]),
                    min_size=1,
                    max_size=1,
                ),
                max_size=2,
            ),
            st.just(NOTE_FIELDS),
            st.just(0),
            st.none(),
        ),
        min_size=8,
        max_size=12,
    ),
)
def test_back_ends_agree_on_values_of_any_type_in_declared_fields(stores, notes, drawn):
    documents = [{**each, "id": f"{n}"} for n, each in enumerate(notes)]
    agree(stores, "notes", documents, [asked(*each) for each in drawn])
