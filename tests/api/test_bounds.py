"""Replies to bad requests are short, however much is wrong and however long it is."""

import json

import pytest
from calls import ID, T, create, one, refused, send, untouched

MEGABYTE = 2**20 - 100

MOST = 100
"""How many faults a reply names."""

SHORT = 64_000
"""Bytes that a reply to any bad body may have here."""

LONG = "n" * MEGABYTE


MANY = 40_000
"""How many items a body has at most: so many members may they have, two each."""


def filled(item, before="[", after="]"):
    """Return a body that repeats ``item``, numbered at "#", up to a megabyte."""
    items, size = [], 0
    while size < MEGABYTE - 50 and len(items) < MANY:
        items.append(item.replace("#", str(len(items))))
        size += len(items[-1]) + 1
    return (before + ",".join(items) + after).encode(), len(items)


BODIES = {
    "periods": filled("{}", '{"name":"x","periods":[', "]}"),
    "unknown members": filled('"m#":1', '{"name":"x",', "}"),
    "bad periods": filled('{"dow":9#}', '{"name":"x","periods":[', "]}"),
}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("kind", BODIES)
def test_reply_names_a_hundred_faults_and_the_number_of_all(api, kind, method):
    task = create(api, {"name": "n"})
    body, items = BODIES[kind]
    with untouched(api):
        reply = send(api, method, T if method == "POST" else one(task), body)
    error = refused(reply, 400)
    assert sum(map(len, error["errors"].values())) == MOST
    rest = items * (1 if kind == "unknown members" else 3) - 8
    assert f"; and {rest:,} more" in error["error_message"]
    assert len(reply.body) < SHORT


@pytest.mark.parametrize(
    "body",
    [
        {LONG: 1},
        {"name": "n", "ext": {}, LONG[:500_000]: 1, LONG[:500_001]: 2},
        {"name": "n", "sitemode": LONG},
        {"name": "n", "id": LONG},
        {"name": "n", "dtstart": LONG},
        {"name": "n", "intervalsec": "9" * MEGABYTE},
        {"name": "n", f"opts.{LONG}": 1, "ext.a": 1, "ext.a.b": 1},
        {"name": "n", "\x01" * (MEGABYTE // 6): 1},
        {"name": "n", "periods": [{"dow": LONG}]},
        LONG,
        f"{{{LONG}}}".encode(),
        f'{{"{LONG[:500_000]}":1,"{LONG[:500_000]}":1}}'.encode(),
    ],
)
def test_message_repeats_the_start_of_what_is_long(api, body):
    for method, path in (("POST", T), ("PATCH", f"{T}/{ID}"), ("QUERY", T)):
        reply = send(api, method, path, body)
        refused(reply, 404 if method == "PATCH" else 400)
        assert len(reply.body) < SHORT


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {LONG: 1}},
        {"filter": {"name": {f"${LONG}": 1}}},
        {"filter": {f"${LONG}": 1}},
        {"filter": {f"{n}{LONG[:4000]}": 1 for n in range(200)}},
        {"order": LONG},
        {"order": {"name": LONG}},
        {"mask": [f"{n}{LONG[:4000]}" for n in range(200)]},
        {"mask": LONG},
        dict.fromkeys(("offset", "limit", "flat"), LONG[:300_000]),
        {f"{n}{LONG[:4000]}": 1 for n in range(20)},
        {"filter": {"ext.a": [f"{n}" * 100 for n in range(2000)]}},
        {"filter": {f"ext.{'a.' * 400_000}b": 1}},
    ],
)
def test_message_about_a_query_is_short(api, body):
    reply = send(api, "QUERY", T, body)
    refused(reply, 400)
    assert len(reply.body) < SHORT


@pytest.mark.parametrize(
    "method, headers, status",
    [
        ("POST", {"X_HTTP_Method_Override": LONG}, 400),
        ("POST", {"Content_Type": LONG}, 415),
        ("POST", {"Content_Encoding": LONG}, 415),
        ("PATCH", {"If_Match": LONG}, 400),
        (LONG[:1000], {}, 405),
    ],
)
@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_message_about_a_header_is_short(api, method, headers, status):
    task = create(api, {"name": "n"})
    content_type = headers.pop("Content_Type", "application/json")
    path = one(task) if method == "PATCH" else T
    reply = send(api, method, path, b"{}", content_type, **headers)
    refused(reply, status)
    assert len(reply.body) < 2000


def test_lookup_of_a_long_key_has_a_short_reply(api):
    for key in (LONG, int("9" * 18), [LONG], {LONG: 1}):
        assert len(send(api, "LOOKUP", T, key).body) < 2000
    assert len(send(api, "LOOKUP", T, LONG.encode()).body) < 2000


def test_reply_to_a_long_address_is_short(api):
    for path in (
        f"{T}/{LONG}",
        f"{T}?{LONG}=1",
        f"{T}?mask={LONG}",
        f"/services/{LONG}",
    ):
        reply = send(api, "GET", path)
        assert reply.status_int in (400, 404)
        assert len(reply.body) < 20_000


def test_link_to_a_page_is_left_out_where_its_address_would_be_too_long(api):
    for _ in range(3):
        create(api, {"name": "n"})
    path = f'{T}?limit=1&offset=1&filter={{"name":{{"$ne":"%s"}}}}'
    short = send(api, "GET", path % ("x" * 100))
    assert short.headers["Link"].count("rel=") == 2
    long = send(api, "GET", path % ("{" * 9000))
    assert long.status_int == 200 and "Link" not in long.headers
    assert long.headers["X-Total-Count"] == "3"


def test_deep_task_is_shown_without_white_space_when_it_is_large(api):
    """Indented, each of the many values would have a hundred spaces before it."""
    deep = "[" * 60 + ",".join("1" * 90_000) + "]" * 60
    body = f'{{"name":"n","ext":{{"k":{deep}}}}}'.encode()
    made = send(api, "POST", T, body)
    assert made.status_int == 200
    assert len(made.body) < 2 * len(body)
    got = api.get(one(made.json))
    assert got.body == made.body
    changed = send(api, "PATCH", one(made.json), {"name": "m"})
    assert len(changed.body) < 2 * len(body)
    assert json.loads(changed.body)["ext"]["k"] == made.json["ext"]["k"]


def test_flat_form_is_refused_where_its_names_would_be_too_long(api):
    inner = ",".join(f'"{n}":1' for n in range(3000))
    names = [
        c * 1000 for c in "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabc"
    ]
    nested = (
        "".join(f'{{"{name}":' for name in names) + f"{{{inner}}}" + "}" * len(names)
    )
    task = send(api, "POST", T, f'{{"name":"n","ext":{nested}}}'.encode()).json
    error = refused(send(api, "GET", f"{one(task)}?flat=true"), 400)
    assert list(error["errors"]) == ["flat"]
    assert api.get(f"{one(task)}?flat=true&mask=id,name").json["name"] == "n"


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_log_line_of_a_request_is_short_and_does_not_act_on_a_terminal(
    api, service, log
):
    send(api, "GET", f"{T}/%1b%5b2J%9b%0a%C2%9b%E2%80%AE{LONG}")
    send(api, "M" * 5000, T)
    service.access_log.flush()
    lines = log.getvalue().splitlines()
    assert len(lines) == 2
    assert all(len(line) < 3000 and line.isprintable() for line in lines)
    assert json.loads(lines[0])["path"].startswith(f"{T}/\x1b[2J")
