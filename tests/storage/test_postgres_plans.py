"""No list of the contract reads a whole table where an index has what it asks for."""

import postgres
import psycopg
import pytest

from app.api.parameters import COUNTED
from app.query import Comparison, Every, Order, Query, grammar
from app.query.values import DATE
from app.schemas import service
from app.schemas.service import ARRAYS
from app.schemas.service import FIELDS as SERVICE_FIELDS
from app.schemas.svctask import FIELDS
from app.storage.postgresql.columns import Columns
from app.storage.postgresql.listing import statement
from app.tables import SERVICES, svctasks_collection

TASKS = svctasks_collection("50e54938780c")
MANY = 20_000
TIMES = 8


def task(n):
    return {
        "id": f"{n:08x}-0000-0000-0000-50e54938780c",
        "name": f"task {n}",
        "isenabled": n % 2,
        "svcscriptcode": f"script{n % 500}",
        "sitemode": "all",
        "sites": "",
        "isregular": n % 3 == 0 and 1 or 0,
        "overlap": 1,
        "intervalsec": n % 1000,
        "dtstart": f"2026-01-{n % 28 + 1:02}T00:00:{n % 60:02}Z",
        "dtstop": "",
        "schedule": "all",
        "periods": [],
        "opts": {"title": "", "comment": "", "owner": f"o{n % 400}"},
        "ext": {
            "ct": "2026-01-01T00:00:00Z",
            "lwt": f"2026-01-01T00:{n % 60:02}:{n // 60 % 60:02}.{n % 100:02}Z",
            "owner": {"name": f"n{n % 700}", "n": n},
            "tags": [f"t{n % 900}", f"u{n % 800}"],
        },
    }


def a_service(n):
    moment = f"2026-01-{n % 28 + 1:02}T00:{n // 60 % 60:02}:{n % 60:02}.000Z"
    made = {
        "service_id": n,
        "service_type": 100 + n % 5,
        "contact_key": f"k{n % 900}",
        "started": {"timestamp": moment},
        **{name: [] for name in ARRAYS},
    }
    if n % 2:
        made["customer_id"] = f"c{n % 1000}"
    if n % 20:
        made["completed"] = {"timestamp": moment}
    return made


@pytest.fixture(scope="module")
def tables():
    made = postgres.Tables([TASKS, SERVICES])
    store = made.open(read_timeout=600)
    store.load("svctasks", [task(n) for n in range(MANY)])
    store.load("services", [a_service(n) for n in range(1, MANY)])
    store.close()
    with made.connect() as connection:
        connection.execute("ANALYZE")
        yield connection


def nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def scans(connection, collection, query):
    """Return the ways in which the plans of ``query`` read the table itself.

    From the sixth time on, the plan of a statement may be one for any parameters.
    """
    text, known = statement(Columns(collection), query)
    # A part of a condition may turn out not to be needed.
    parameters = {name: known[name] for name in known if f"%({name})s" in text}
    numbers = {name: f"${n}" for n, name in enumerate(parameters, 1)}
    cursor = psycopg.ClientCursor(connection)
    cursor.execute(f"PREPARE asked AS {text % numbers}")
    given = f"({', '.join(['%s'] * len(parameters))})" if parameters else ""
    found = set()
    for _ in range(TIMES):
        cursor.execute(
            f"EXPLAIN (FORMAT JSON) EXECUTE asked {given}", list(parameters.values())
        )
        [[plans]] = cursor.fetchall()
        found |= {
            node["Node Type"]
            for node in nodes(plans[0]["Plan"])
            if node.get("Relation Name") == collection.name
        }
    cursor.execute("DEALLOCATE asked")
    return found


INDEXED = [field.name for field in TASKS.indexed]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", INDEXED)
def test_page_in_the_order_of_any_indexed_field_reads_an_index(
    tables, name, descending
):
    order = (Order(FIELDS.order(name), descending),)
    found = scans(tables, TASKS, Query(None, order, 40, 20, COUNTED))
    assert found and "Seq Scan" not in found


@pytest.mark.parametrize(
    "filter_",
    [
        {"name": "task 7"},
        {"id": task(7)["id"]},
        {"name": {"$in": ["task 7", "task 9"]}},
        {"name": {"$startswith": "task 77"}},
        {"svcscriptcode": "script7"},
        {"svcscriptcode": "script7", "isenabled": 1},
        {"intervalsec": 7},
        {"intervalsec": {"$in": [7, 9]}},
        {"dtstart": {"$lt": "2025-12-31T00:00:00Z"}},
        {"ext.lwt": {"$gt": "2026-01-01T00:59:59.50Z"}},
        {"ext.owner.name": "n7"},
        {"ext.owner.n": 7},
        {"ext": {"owner": {"name": "n7"}}},
        {"ext.tags": "t7"},
        {"ext.tags": ["t7"]},
        {"ext.tags": {"$all": ["t7", "u7"]}},
        {"ext.owner.name": {"$in": ["n7", "n9"]}},
        {"opts.owner": "o7"},
        {"$and": [{"opts.owner": "o7"}, {"isenabled": 1}]},
    ],
    ids=str,
)
def test_filter_with_few_matches_reads_an_index(tables, filter_):
    where = grammar.condition(filter_, FIELDS)
    found = scans(tables, TASKS, Query(where, (), 0, 20, COUNTED))
    assert found and "Seq Scan" not in found


OVERLAPS = Comparison(FIELDS.one("overlap"), "$eq", 1)
ENABLED = Comparison(FIELDS.one("isenabled"), "$eq", 1)
ACTIVE = Comparison(service.COMPLETED, "$eq", False)


@pytest.mark.parametrize(
    "where",
    [
        None,
        Comparison(SERVICE_FIELDS.one("customer_id"), "$eq", "c7"),
        Every((Comparison(SERVICE_FIELDS.one("contact_key"), "$eq", "k7"), ACTIVE)),
        ACTIVE,
        Comparison(
            SERVICE_FIELDS.one("started.timestamp"),
            "$lt",
            DATE.comparison_key("2025-12-31T00:00:00Z"),
        ),
    ],
    ids=["all", "customer", "contact", "active", "early"],
)
def test_list_of_services_reads_an_index(tables, where):
    found = scans(tables, SERVICES, Query(where, (), 0, 20, COUNTED))
    assert found and "Seq Scan" not in found


@pytest.mark.parametrize(
    "query, total",
    [
        (Query(OVERLAPS, limit=20), MANY),
        (Query(OVERLAPS, limit=20, counted=COUNTED), COUNTED + 1),
        (Query(OVERLAPS, offset=15_000, limit=20, counted=COUNTED), 15_021),
        (Query(ENABLED, limit=20, counted=COUNTED), COUNTED),
        (Query(None, limit=20, counted=COUNTED), MANY),
    ],
)
def test_matches_are_counted_to_ten_thousand_or_to_the_end_of_the_page(
    tables, query, total
):
    rows = tables.execute(*statement(Columns(TASKS), query)).fetchall()
    assert [counted for counted, _ in rows] == [total] * 20
