"""Compiles a query to one statement, which returns its page and how many match it."""

from typing import Any

from app.query import Query
from app.storage.postgresql.columns import Columns
from app.storage.postgresql.conditions import Conditions
from app.storage.postgresql.parameters import Parameters

MOST = 2**62
"""Beyond this, a number of documents is any number."""

COUNTED = "SELECT coalesce(sum(documents), 0)::bigint FROM stripes WHERE collection = "


def statement(columns: Columns, query: Query) -> tuple[str, dict[str, Any]]:
    """Return the statement of ``query`` and its parameters.

    Its rows are the total and a document; a page without documents is a row with none. Of
    a query that is whole they are the documents, each with nothing.
    """
    parameters = Parameters()
    where = ""
    if query.where is not None:
        where = f" WHERE {Conditions(columns, parameters).compiled(query.where)}"
    listed = f"FROM {columns.table}{where} ORDER BY {order(columns, query)}"
    if is_whole(query):
        return f"SELECT NULL, document {listed}", parameters.values
    bound = counted_to(query)
    if not where:
        total = COUNTED + parameters.add(columns.collection.name, "text")
    elif bound is None:
        total = f"SELECT count(*) FROM {columns.table}{where}"
    else:
        # Of a parameter a plan would take it that a tenth of the matches are enough.
        some = f"SELECT FROM {columns.table}{where} LIMIT {bound + 1}"
        total = f"SELECT count(*) FROM ({some}) AS counted"
    page = f"SELECT document {listed}"
    if query.limit is not None:
        page += f" LIMIT {parameters.add(min(query.limit, MOST), 'bigint')}"
    if query.offset:
        page += f" OFFSET {parameters.add(min(query.offset, MOST), 'bigint')}"
    text = (
        f"SELECT counted.total, page.document FROM ({total}) AS counted (total) "
        f"LEFT JOIN LATERAL ({page}) AS page ON true"
    )
    return text, parameters.values


def is_whole(query: Query) -> bool:
    """Return whether the page of ``query`` has all that match, so that they are counted."""
    return query.limit is None and not query.offset


def counted_to(query: Query) -> int | None:
    """Return how many matches are counted, but for one more that says there are others.

    None is all of them.
    """
    if query.counted is None or query.where is None or query.limit is None:
        return None
    return max(query.counted, min(query.offset + query.limit, MOST))


def order(columns: Columns, query: Query) -> str:
    """Return how the documents of ``query`` are sorted; the last column is unique."""
    is_mirrored = bool(query.order) and query.order[-1].descending
    sorting: dict[str, bool] = {}
    for by in query.order:
        for name in columns.sorting(by):
            sorting.setdefault(name, by.descending)
    for by in columns.collection.order:
        for name in columns.sorting(by):
            sorting.setdefault(name, by.descending ^ is_mirrored)
    sorting["position"] = is_mirrored
    return ", ".join(
        f"{name} DESC" if descending else name for name, descending in sorting.items()
    )
