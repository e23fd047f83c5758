"""Compiles a query to one statement, which returns its page and how many match it."""

from collections.abc import Iterator
from typing import Any

from app.query import Order, Query
from app.storage.postgresql.columns import Columns, terms
from app.storage.postgresql.conditions import Conditions
from app.storage.postgresql.parameters import Parameters

MOST = 2**62
"""Beyond this, a number of documents is any number."""

COUNTED = "SELECT coalesce(sum(documents), 0)::bigint FROM stripes WHERE collection = "


def statement(columns: Columns, query: Query) -> tuple[str, dict[str, Any]]:
    """Return the statement of ``query`` and its parameters.

    Its rows are the total and a document; a page without documents is a row with none.
    """
    parameters = Parameters()
    where = ""
    if query.where is not None:
        where = f" WHERE {Conditions(columns, parameters).compiled(query.where)}"
        total = f"SELECT count(*) FROM {columns.table}{where}"
    else:
        total = COUNTED + parameters.add(columns.collection.name, "text")
    page = (
        f"SELECT document FROM {columns.table}{where} ORDER BY {order(columns, query)}"
    )
    if query.limit is not None:
        page += f" LIMIT {parameters.add(min(query.limit, MOST), 'bigint')}"
    if query.offset:
        page += f" OFFSET {parameters.add(min(query.offset, MOST), 'bigint')}"
    text = (
        f"SELECT counted.total, page.document FROM ({total}) AS counted (total) "
        f"LEFT JOIN LATERAL ({page}) AS page ON true"
    )
    return text, parameters.values


def order(columns: Columns, query: Query) -> str:
    """Return how the documents of ``query`` are sorted; the last column is unique."""
    is_mirrored = bool(query.order) and query.order[-1].descending
    sorting: dict[str, bool] = {}
    for by in query.order:
        for name in _columns(columns, by):
            sorting.setdefault(name, by.descending)
    for by in columns.collection.order:
        for name in _columns(columns, by):
            sorting.setdefault(name, by.descending ^ is_mirrored)
    sorting["position"] = is_mirrored
    return ", ".join(
        f"{name} DESC" if descending else name for name, descending in sorting.items()
    )


def _columns(columns: Columns, by: Order) -> Iterator[str]:
    return (columns.sorted_by(by.field, term) for term in terms(by.field))
