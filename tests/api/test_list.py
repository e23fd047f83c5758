"""GET of the collection: filter, mask, offset, limit, order, flat, and the headers."""

import json
import re
from urllib.parse import unquote

import pytest
from calls import ID, JSON, OTHER_ID, address, create, names, one, raw, refused, send
from shared import T

LISTED = (
    "id name isenabled svcscriptcode sitemode isregular overlap intervalsec dtstart "
    "dtstop schedule ext"
).split()

TASKS = [
    {"name": "alpha", "isenabled": 1, "intervalsec": 10, "sites": "A, B", "ext": {}},
    {
        "name": "Beta",
        "svcscriptcode": "x",
        "intervalsec": 60,
        "sites": ["B", " C "],
        "dtstart": "2019-02-20T08:00:00Z",
        "periods": [{"dow": 1, "timestart": 0, "timestop": 60, "note": "n"}],
        "opts": {"title": "t", "mine": {"deep": [1, {"a": 1, "b": 2}]}},
        "ext": {"k": 1, "tags": ["Red", "green"], "same": True},
    },
    {
        "name": "gamma",
        "isenabled": 1,
        "isregular": 1,
        "dtstart": "2019-02-20T08:00:00.5Z",
        "ext": {"k": True, "tags": [], "same": "1", "text": "Stra\u00dfe", "n": None},
    },
    {"name": "delta", "schedule": "work", "ext": {"k": 1.5, "n": 2**64 - 1, "same": 1}},
]


@pytest.fixture
def tasks(api, clock):
    """Four tasks, a second apart."""
    made = []
    for body in TASKS:
        made.append(create(api, body))
        clock.move(seconds=1)
    return made


def test_list_is_an_empty_array_when_there_are_no_tasks(api):
    reply = api.get(T)
    assert (reply.text, reply.headers["X-Total-Count"]) == ("[]", "0")
    assert reply.headers["Content-Type"] == JSON


def test_item_has_exactly_the_thirteen_fields(api, tasks):
    for item, task in zip(api.get(T).json, tasks, strict=True):
        assert list(item) == LISTED
        ext = {"ct": task["ext"]["ct"], "lwt": task["ext"]["lwt"]}
        assert item == {**{name: task[name] for name in LISTED}, "ext": ext}


def test_list_is_in_the_order_in_which_tasks_were_added(api, clock):
    """Also within a hundredth of a second, and when the clock goes back."""
    create(api, {"id": OTHER_ID, "name": "first, larger id"})
    create(api, {"id": ID, "name": "second, smaller id"})
    clock.move(seconds=-1)
    create(api, {"id": ID.replace("3", "f"), "name": "third"})
    added = ["first, larger id", "second, smaller id", "third"]
    assert names(api) == added
    for order in ("isenabled", "schedule", '["isregular","overlap"]'):
        assert names(api, order=order) == added


def test_desc_mirrors_asc_and_the_newest_of_one_moment_comes_first(api):
    for name in "cabd":
        create(api, {"name": name})
    assert names(api, order="ext.ct") == list("cabd")
    assert names(api, order='{"ext.ct":"desc"}') == list("dbac")
    assert names(api, order='{"ext.ct":"desc"}', limit="1") == ["d"]
    assert names(api, order='["isenabled",{"ext.lwt":"desc"}]') == list("dbac")
    assert names(api, order='[{"isenabled":"desc"},"ext.lwt"]') == list("cabd")
    for where in ({}, {"isenabled": 0}, {"intervalsec": {"$lt": 5}}):
        given = {"filter": where, "order": '{"isenabled":"desc"}'}
        assert names(api, **given) == list("dbac")
        assert names(api, **given, offset="1", limit="2") == list("ba")


@pytest.mark.parametrize(
    "filter_, found",
    [
        # Equality on scalars
        ({}, "alpha Beta gamma delta"),
        ({"name": "Beta"}, "Beta"),
        ({"name": "beta"}, ""),
        ({"name": "gamma", "isenabled": 1}, "gamma"),
        ({"name": "gamma", "isenabled": 0}, ""),
        ({"isenabled": "true"}, "alpha gamma"),
        ({"isenabled": True}, "alpha gamma"),
        ({"isenabled": "1"}, "alpha gamma"),
        ({"isenabled": False}, "Beta delta"),
        ({"intervalsec": "60"}, "Beta"),
        ({"dtstart": "2019-02-20T10:00:00.00+02:00"}, "Beta"),
        ({"dtstart": "2019-02-20T08:00:00.50Z"}, "gamma"),
        ({"dtstart": ""}, "alpha delta"),
        ({"dtstart": None}, "alpha delta"),
        ({"ext.ct": "2026-01-02T03:04:06.67Z"}, "Beta"),
        ({"id": "x"}, ""),
        ({"schedule": "never"}, ""),
        # Arrays include, names are trimmed
        ({"sites": "B"}, "alpha Beta"),
        ({"sites": ["C", "B"]}, "Beta"),
        ({"sites": "B,A"}, "alpha"),
        ({"sites": []}, "alpha Beta gamma delta"),
        ({"sites": ""}, "gamma delta"),
        ({"sites": ["D"]}, ""),
        ({"periods": []}, "alpha Beta gamma delta"),
        ({"periods": [{"dow": 1}]}, "Beta"),
        ({"periods": [{"dow": 1, "note": "n"}]}, "Beta"),
        ({"periods": [{"dow": 2}]}, ""),
        ({"periods": [{"dow": True}]}, ""),
        ({"ext.tags": ["green"]}, "Beta"),
        ({"ext.tags": []}, "Beta gamma"),
        # Sub-fields of objects
        ({"opts": {"title": "t"}}, "Beta"),
        ({"opts.title": "t"}, "Beta"),
        ({"opts": {}}, "alpha Beta gamma delta"),
        ({"opts": {"mine": {"deep": [{"a": 1}]}}}, "Beta"),
        ({"opts.mine.deep": [{"b": 2}, 1]}, "Beta"),
        ({"opts.mine": {"deep": {"$contains": 1}}}, "Beta"),
        ({"ext": {"k": 1, "ct": {"$gt": "2026-01-01T00:00:00Z"}}}, "Beta"),
        # 1, 1.0, true and "1" in a client's own fields
        ({"ext.k": 1}, "Beta"),
        ({"ext.k": 1.0}, "Beta"),
        ({"ext.k": True}, "gamma"),
        ({"ext.k": "1"}, ""),
        ({"ext.same": "1"}, "gamma"),
        ({"ext.k": None}, "alpha"),
        ({"ext.n": None}, "alpha Beta gamma"),
        ({"ext.n": 2**64 - 1}, "delta"),
        ({"ext.n": float(2**64)}, ""),
        ({"ext.k": {"$in": [True, 1.5]}}, "gamma delta"),
        ({"ext.k": {"$in": [[1], {"a": 1}, None]}}, "alpha"),
        # Operators in a value's place
        ({"name": {"$eq": "Beta"}}, "Beta"),
        ({"name": {"$ne": "Beta"}}, "alpha gamma delta"),
        ({"ext.k": {"$ne": 1}}, "alpha gamma delta"),
        ({"intervalsec": {"$gt": 10}}, "Beta"),
        ({"intervalsec": {"$gte": "10"}}, "alpha Beta"),
        ({"intervalsec": {"$lt": 60, "$gt": 0}}, "alpha"),
        ({"intervalsec": {"$lte": 10}}, "alpha gamma delta"),
        ({"dtstart": {"$gt": "2019-02-20T08:00:00Z"}}, "gamma"),
        ({"dtstart": {"$gte": "2019-02-20T09:00:00+01:00"}}, "Beta gamma"),
        ({"dtstart": {"$lt": "2019-02-20T08:00:00.1Z"}}, "alpha Beta delta"),
        ({"name": {"$gt": "Z"}}, "alpha gamma delta"),
        ({"ext.k": {"$gt": 0}}, "Beta delta"),
        ({"ext.k": {"$gt": ""}}, ""),
        ({"name": {"$in": ["alpha", "delta", "alpha"]}}, "alpha delta"),
        ({"name": {"$in": []}}, ""),
        ({"isenabled": {"$in": ["true", 1]}}, "alpha gamma"),
        ({"sites": {"$in": ["A", ["C"]]}}, "alpha Beta"),
        ({"name": {"$nin": ["alpha", "delta"]}}, "Beta gamma"),
        ({"name": {"$nin": []}}, "alpha Beta gamma delta"),
        ({"ext.n": {"$exists": True}}, "gamma delta"),
        ({"ext.n": {"$exists": False}}, "alpha Beta"),
        ({"name": {"$exists": True}}, "alpha Beta gamma delta"),
        ({"name": {"$contains": "TA"}}, "Beta delta"),
        ({"name": {"$contains": ""}}, "alpha Beta gamma delta"),
        ({"ext.text": {"$contains": "STRASSE"}}, "gamma"),
        ({"ext.tags": {"$contains": "Red"}}, "Beta"),
        ({"ext.tags": {"$contains": "Re"}}, ""),
        ({"sites": {"$contains": "C"}}, "Beta"),
        ({"periods": {"$contains": {"dow": 1}}}, "Beta"),
        ({"id": {"$endswith": "-50E54938780C"}}, "alpha Beta gamma delta"),
        ({"name": {"$startswith": "B"}}, "Beta"),
        ({"name": {"$startswith": "b"}}, ""),
        ({"name": {"$endswith": "ta"}}, "Beta delta"),
        ({"name": {"$contains": ".*"}}, ""),
        ({"ext.tags": "Red"}, "Beta"),
        ({"ext.tags": {"$in": ["Red", "blue"]}}, "Beta"),
        ({"ext.tags": {"$startswith": "g"}}, "Beta"),
        ({"ext.tags": {"$ne": "Red"}}, "alpha gamma delta"),
        ({"ext.tags": {"$all": ["Red", "green"]}}, "Beta"),
        ({"opts.mine.deep.a": 1}, "Beta"),
        ({"opts.mine.deep.b": {"$gt": 1}}, "Beta"),
        ({"name": {"$not": {"$contains": "ta"}}}, "alpha gamma"),
        ({"sites": {"$all": ["B", "C"]}}, "Beta"),
        # The platform's own form
        (["==", ["property", "name"], "Beta"], "Beta"),
        (["!=", ["property", "isenabled"], 1], "Beta delta"),
        ([">", ["property", "intervalsec"], 10], "Beta"),
        (["in", ["property", "name"], ["alpha", "delta"]], "alpha delta"),
        (["and", [">=", ["property", "intervalsec"], 10], {"isenabled": 1}], "alpha"),
        (["or", ["==", ["property", "name"], "x"], {"name": "delta"}], "delta"),
        (["not", ["<", ["property", "ext.k"], 2]], "alpha gamma"),
        # Combiners in a key's place
        ({"$nor": [{"name": "alpha"}, {"isregular": 1}]}, "Beta delta"),
        ({"$and": [{"isenabled": 1}, {"isregular": 1}]}, "gamma"),
        ({"$and": [{}]}, "alpha Beta gamma delta"),
        ({"$or": [{"name": "alpha"}, {"name": "delta"}]}, "alpha delta"),
        ({"$or": [{"name": "x"}], "name": "alpha"}, ""),
        ({"$not": {"isenabled": 1}}, "Beta delta"),
        ({"$not": {}}, ""),
        ({"$not": {"$or": [{"name": "alpha"}, {"$not": {"isenabled": 1}}]}}, "gamma"),
    ],
)
def test_filter_finds(api, tasks, filter_, found):
    reply = api.get(address(filter=filter_))
    assert [task["name"] for task in reply.json] == found.split()
    assert reply.headers["X-Total-Count"] == str(len(found.split()))


def test_filter_finds_an_id_in_upper_case(api, tasks):
    filter_ = {"id": tasks[1]["id"].upper()}
    assert names(api, filter=filter_) == ["Beta"]


def nested(depth, value):
    for _ in range(depth):
        value = {"$not": value}
    return value


@pytest.mark.parametrize(
    "filter_",
    [
        "name",
        "[]",
        "1",
        "null",
        '"name"',
        "{",
        '{"name":"a","name":"b"}',
        '{"name":NaN}',
        '{"name":"\\u0000"}',
        '{"name":"\\ud800"}',
        '{"ext.k":1e999}',
        '{"ext.k":' + "9" * 400 + "}",
        "[" * 5000,
        '{"a":' * 5000,
        {"nosuch": 1},
        {"": 1},
        {"Name": "n"},
        {"name.x": 1},
        {"periods.dow": 1},
        {"ext.": 1},
        {"ext..k": 1},
        {".ext": 1},
        {"ext." + "a." * 100 + "a": 1},
        {"ext." + "a" * 4000: {"$no": 1}},
        {"name": 1},
        {"name": None},
        {"name": []},
        {"name": {}},
        {"name": {"first": "n"}},
        {"isenabled": 2},
        {"isenabled": 1.5},
        {"isenabled": None},
        {"intervalsec": True},
        {"intervalsec": "1.0"},
        {"intervalsec": 2**64 - 1},
        {"dtstart": "yesterday"},
        {"dtstart": "0001-01-01T00:00:00+01:00"},
        {"dtstart": 0},
        {"sites": 1},
        {"sites": [1]},
        {"periods": {"dow": 1}},
        {"opts": "t"},
        {"ext": []},
        {"opts.title": 1},
        {"$where": "1"},
        {"name": {"$regex": "(a+)+$"}},
        {"name": {"$and": []}},
        {"name": {"$eq": "a", "x": 1}},
        {"ext": {"$exists": 1}},
        {"ext.k": {"a": {"$bad": 1}}},
        {"ext.k": [{"$gt": 1}]},
        {"ext.k": {"$eq": {"$gt": 1}}},
        {"$and": []},
        {"$or": {}},
        {"$or": [1]},
        {"$not": []},
        {"name": {"$in": "a"}},
        {"name": {"$in": [1]}},
        {"name": {"$in": None}},
        {"name": {"$gt": 1}},
        {"ext.k": {"$gt": None}},
        {"ext.k": {"$gt": True}},
        {"ext.k": {"$gt": []}},
        {"sites": {"$gt": "A"}},
        {"name": {"$exists": 1}},
        {"intervalsec": {"$contains": "1"}},
        {"name": {"$contains": 1}},
        {"ext.k": {"$startswith": 1}},
        {"periods": {"$startswith": "x"}},
        nested(16, {"name": "n"}),
        {"$or": [{"name": "n"}] * 257},
        {"ext.k": {"$in": [0] * 1001}},
    ],
)
def test_filter_that_breaks_a_rule_is_refused(api, filter_):
    error = refused(send(api, "GET", address(filter=filter_)), 400)
    assert list(error["errors"]) == ["filter"]


def test_all_faults_of_a_filter_are_told(api):
    filter_ = {"nosuch": 1, "name": 1, "isenabled": {"$is": 1}, "$or": []}
    error = refused(send(api, "GET", address(filter=filter_)), 400)
    assert len(error["errors"]["filter"]) == 4


def test_filter_of_raw_utf8_bytes_in_the_address_finds(api):
    """curl sends what is typed, WSGI hands it on as Latin-1."""
    create(api, {"name": "\u017b\u00f3\u0142w"})
    query = '{"name":"\u017b\u00f3\u0142w"}'.encode().decode("latin-1")
    create(api, {"name": "n"})
    reply = raw(api, QUERY_STRING=f"filter={query}")
    assert [task["name"] for task in reply.json] == ["\u017b\u00f3\u0142w"]


@pytest.mark.parametrize("query", ["%ff", "mask=%ED%A0%80", "mask=\xff", "\xff=1"])
def test_parameters_that_are_not_utf8_are_refused(api, query):
    refused(raw(api, QUERY_STRING=query), 400)


@pytest.mark.parametrize(
    "mask, shown",
    [
        ("id", ["id"]),
        ("name,id", ["id", "name"]),
        (" name , id ", ["id", "name"]),
        ("id,id", ["id"]),
        ("ext.ct", ["ext.ct"]),
        ("ext.lwt,ext.ct", ["ext.ct", "ext.lwt"]),
        ("ext", ["ext.ct", "ext.lwt"]),
        ("ext,ext.ct,schedule", ["schedule", "ext.ct", "ext.lwt"]),
    ],
)
def test_mask_shows_exactly_the_named_fields_of_a_list(api, tasks, mask, shown):
    for item in api.get(address(mask=mask, flat="1")).json:
        assert list(item) == shown
    for item in api.get(address(mask=mask)).json:
        assert list(item) == list(dict.fromkeys(name.split(".")[0] for name in shown))


@pytest.mark.parametrize(
    "mask",
    [",", "id,", ",id", "id,,name", "nosuch", "ID", "sites", "periods", "opts"]
    + ["opts.title", "ext.k", "ext.", "ext.ct.x", "name;id", '["id"]', "*", "id\0"]
    + [",".join(["id"] * 257)],
)
def test_mask_of_another_name_is_refused_on_a_list(api, mask):
    error = refused(send(api, "GET", address(mask=mask)), 400)
    assert list(error["errors"]) == ["mask"]


def test_refused_mask_tells_the_available_names(api):
    error = refused(send(api, "GET", address(mask="sites,nane")), 400)
    assert len(error["errors"]["mask"]) == 2
    assert "isenabled, svcscriptcode" in error["error_message"]
    assert 'did you mean "name"' in error["error_message"]


@pytest.mark.parametrize(
    "page, found",
    [
        ({"offset": "0"}, "alpha Beta gamma delta"),
        ({"offset": "1", "limit": "1"}, "Beta"),
        ({"offset": "3", "limit": "5"}, "delta"),
        ({"offset": "4"}, ""),
        ({"offset": str(2**63 - 1), "limit": str(2**63 - 1)}, ""),
        ({"limit": "0"}, ""),
        ({"limit": "-0"}, ""),
        ({"limit": "002"}, "alpha Beta"),
        ({"offset": "2"}, "gamma delta"),
    ],
)
def test_offset_and_limit_cut_the_list_but_not_the_total(api, tasks, page, found):
    reply = api.get(address(**page))
    assert [task["name"] for task in reply.json] == found.split()
    assert reply.headers["X-Total-Count"] == "4"


@pytest.mark.parametrize("parameter", ["offset", "limit"])
@pytest.mark.parametrize(
    "value",
    ["-1", "1.0", "+1", " 1", "1e1", "x", "null", "true", "0x1", "1_0", "\u0663"]
    + ["\uff11", "9" * 19, "9" * 5000, "1,2", "[1]", "1\n"],
)
def test_offset_and_limit_of_another_value_are_refused(api, parameter, value):
    parameters = {parameter: value}
    error = refused(send(api, "GET", address(**parameters)), 400)
    assert list(error["errors"]) == [parameter]


def links(reply):
    found = re.findall('<([^>]*)>; rel="([a-z]+)"', reply.headers.get("Link", ""))
    return {relation: unquote(target) for target, relation in found}


def test_link_leads_through_all_pages(api, tasks):
    reply = api.get(address(limit="1", order='["name"]', mask="name", filter={}))
    seen = [reply.json]
    while following := links(reply).get("next"):
        reply = api.get(following)
        seen.append(reply.json)
    assert [item["name"] for [item] in seen] == ["Beta", "alpha", "delta", "gamma"]
    while previous := links(reply).get("prev"):
        reply = api.get(previous)
        assert reply.json == seen[len(seen) - 2]
        seen.pop()
    assert len(seen) == 1


@pytest.mark.parametrize(
    "page, relations",
    [
        ({}, {}),
        ({"offset": "1"}, {}),
        ({"limit": "0"}, {}),
        ({"limit": "0", "offset": "2"}, {}),
        ({"limit": "4"}, {}),
        ({"limit": "3"}, {"next": f"{T}?limit=3&offset=3"}),
        ({"limit": "3", "offset": "1"}, {"prev": f"{T}?limit=3&offset=0"}),
        (
            {"limit": "1", "offset": "1"},
            {"next": f"{T}?limit=1&offset=2", "prev": f"{T}?limit=1&offset=0"},
        ),
    ],
)
def test_link_names_the_next_and_the_previous_page(api, tasks, page, relations):
    assert links(api.get(address(**page))) == relations


def test_link_keeps_the_other_parameters(api, tasks):
    filter_ = '{"name":{"$contains":"\u00e9>,\\"&"}}'
    create(api, {"name": 'A\u00c9>,"&'})
    create(api, {"name": '\u00e9>,"&b'})
    reply = api.get(address(filter=filter_, limit="1"))
    assert len(api.get(reply.headers["Link"].partition(">")[0][1:]).json) == 1


@pytest.mark.parametrize(
    "order, found",
    [
        ("name", "Beta alpha delta gamma"),
        ('"name"', "Beta alpha delta gamma"),
        ('{"name":"asc"}', "Beta alpha delta gamma"),
        ('{"name":"desc"}', "gamma delta alpha Beta"),
        ('["name"]', "Beta alpha delta gamma"),
        (' [ "name" ] ', "Beta alpha delta gamma"),
        ("[]", "alpha Beta gamma delta"),
        ('["isenabled",{"name":"desc"}]', "delta Beta gamma alpha"),
        ('[{"isenabled":"desc"},"intervalsec"]', "gamma alpha delta Beta"),
        ('["dtstart"]', "alpha delta Beta gamma"),
        ('[{"dtstart":"desc"}]', "gamma Beta delta alpha"),
        ('[{"ext.lwt":"desc"}]', "delta gamma Beta alpha"),
        ('[{"ext.ct":"desc"}]', "delta gamma Beta alpha"),
        ('[{"isregular":"desc"}]', "gamma delta Beta alpha"),
    ],
)
def test_order_sorts_the_list(api, tasks, order, found):
    assert names(api, order=order) == found.split()


def test_order_goes_before_offset_and_limit(api, tasks):
    assert names(api, order="name", offset="1", limit="2") == ["alpha", "delta"]


@pytest.mark.parametrize(
    "order",
    [" ", "{}", "[1]", "[null]", "[[]]", '[""]', "nosuch", "sites", "periods"]
    + ["ext", "opts.title", "ext.k", "-name", "name,id", "name desc", '["name"', "["]
    + ['{"name":"up"}', '{"name":1}', '{"name":["asc"]}', '{"name":"asc","id":"asc"}']
    + ['{"name":null}', '["name","name"]', '["name",{"name":"desc"}]', "[" * 5000]
    + ['{"name":"ASC"}', json.dumps(["id"] * 14), "name\0"],
)
def test_order_of_another_form_is_refused(api, order):
    error = refused(send(api, "GET", address(order=order)), 400)
    assert list(error["errors"]) == ["order"]


@pytest.mark.parametrize("flat", ["true", "1", "false", "0", "", "TRUE", "False"])
def test_flat_dots_the_composite_members(api, tasks, flat):
    item = api.get(address(flat=flat)).json[0]
    if flat in ("true", "1", "TRUE"):
        assert list(item) == [*LISTED[:-1], "ext.ct", "ext.lwt"]
    else:
        assert list(item) == LISTED


@pytest.mark.parametrize("flat", ["maybe", "yes", "2", " 1", "null", "1.0"])
def test_flat_of_another_value_is_refused(api, flat):
    error = refused(send(api, "GET", address(flat=flat)), 400)
    assert list(error["errors"]) == ["flat"]


@pytest.mark.parametrize("name", ["nosuch", "", "Limit", "limit ", "data", "\u017b"])
def test_unknown_parameter_is_refused_with_its_name(api, name):
    parameters = {name: "1"}
    error = refused(send(api, "GET", address(**parameters)), 400)
    assert list(error["errors"]) == [name]


@pytest.mark.parametrize(
    "query, name, fault",
    [
        ("limit=1&limit=1", "limit", "is given 2 times; give it once"),
        ("mask=id&mask=name", "mask", "is given 2 times; write mask=id,name"),
        ("order=id&order=name", "order", 'write order=["id","name"]'),
        ("order[]=id&order[]=name", "order[]", 'write order=["id","name"]'),
        ("filter={}&filter={}&filter={}", "filter", "3 times; join the conditions"),
        ("x=1&x=2", "x", "is given 2 times; give it once"),
    ],
)
def test_repeated_parameter_is_refused_with_its_name(api, query, name, fault):
    error = refused(send(api, "GET", f"{T}?{query}"), 400)
    assert list(error["errors"]) == [name]
    assert fault in error["error_message"]


@pytest.mark.parametrize(
    "query, meant",
    [
        ("filter[name]=x", 'write filter={"name":"x"}'),
        ("filter[ext.a][$in][]=x", 'write filter={"ext.a":{"$in":["x"]}}'),
        ("filter[]=x", "write filter=x"),
        ("order[]=name", "write order=name"),
        ("order[name]=desc", 'write order={"name":"desc"}'),
        ("mask[]=id", "write mask=id"),
        ("filtr=x", 'did you mean "filter"?'),
        ("order=-name", '"-name" is spelled {"name":"desc"}'),
        ("order=name%20desc", '"name desc" is spelled {"name":"desc"}'),
        ("filter=name", 'it is such as {"name":"x"}'),
        ("mask=sites", '"sites" is a field of one entity only, not of lists'),
        ("mask=ext.owner", '"ext.owner" is a field of one entity only, not of lists'),
        ("flat=yes", 'must be true or false, not "yes"'),
    ],
)
def test_message_shows_the_right_spelling(api, query, meant):
    assert meant in refused(send(api, "GET", f"{T}?{query}"), 400)["error_message"]


def test_parameters_without_a_value_and_the_cache_breaker_are_ignored(api, tasks):
    path = f"{T}?filter=&mask=&offset=&limit=&order=&flat=&x=&limit&_=1&_=2&limit=1"
    reply = api.get(path)
    assert [task["name"] for task in reply.json] == ["alpha"]
    assert links(reply) == {"next": f"{T}?limit=1&offset=1"}
    assert api.get(f"{one(tasks[0])}?mask=&flat=&_=1").json == tasks[0]
    empty = {"filter": "", "mask": "", "limit": "", "flat": "", "_": 1}
    assert len(send(api, "QUERY", T, empty).json) == 4


@pytest.mark.parametrize("name", ["x" * 5000, "filter[" + "x" * 5000 + "]"])
def test_message_is_short_when_the_parameter_is_long(api, name):
    parameters = {name: "y"}
    assert len(refused(send(api, "GET", address(**parameters)), 400)["errors"]) == 1
    assert len(send(api, "GET", address(**parameters)).text) < 2000


def test_all_faults_of_the_parameters_are_told(api):
    faulty = dict.fromkeys(("filter", "mask", "offset", "limit", "order", "flat"), "?")
    error = refused(send(api, "GET", address(nosuch="1", **faulty)), 400)
    assert set(error["errors"]) == {"nosuch", *faulty}


def test_a_thousand_parameters_are_refused(api):
    refused(send(api, "GET", T + "?" + "&".join(f"a{n}=1" for n in range(1000))), 400)
    error = refused(
        send(api, "GET", T + "?" + "&".join(f"{n}=1" for n in range(90))), 400
    )
    assert len(error["error_message"]) < 1000


def test_separators_without_parameters_are_tolerated(api, tasks):
    assert len(api.get(f"{T}?").json) == len(api.get(f"{T}?&&").json) == 4


def test_etag_of_a_list_changes_with_what_is_shown(api, tasks, clock):
    before = api.get(T).headers["ETag"]
    assert api.get(T).headers["ETag"] == before
    send(api, "PATCH", one(tasks[0]), {"name": "new"})
    after = api.get(T).headers["ETag"]
    assert after != before
    assert api.get(f"{T}?limit=4").headers["ETag"] == after
    assert api.get(f"{T}?limit=3").headers["ETag"] != after


def test_etag_of_an_empty_page_changes_with_the_total(api):
    before = api.get(f"{T}?limit=0").headers["ETag"]
    create(api, {"name": "n"})
    assert api.get(f"{T}?limit=0").headers["ETag"] != before


def test_known_list_is_304_with_its_headers_and_no_body(api, tasks):
    tag = api.get(T).headers["ETag"]
    reply = send(api, "GET", T, If_None_Match=tag)
    assert (reply.status_int, reply.body) == (304, b"")
    assert reply.headers["ETag"] == tag
    assert send(api, "GET", T, If_None_Match='"x"').status_int == 200


def test_head_of_a_list_is_get_without_a_body(api, tasks):
    path, named = f"{T}?limit=1", {"X-Request-Id": "one"}
    get, head = api.get(path, headers=named), api.head(path, headers=named)
    assert (head.status, head.body) == (get.status, b"")
    assert dict(head.headers) == dict(get.headers)
