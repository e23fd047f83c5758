"""GET and HEAD of one task: mask, flat, entity tags."""

import pytest
from calls import ID, JSON, UNKNOWN, address, create, one, refused, send
from shared import T

EXT = {"k": {"a": [1], "b": {"c": None}}, "x.y": 1, "": 2, "e": {}}


@pytest.fixture
def task(api):
    body = {"id": ID, "name": "n", "sites": ["A"], "opts": {"mine": 0}, "ext": EXT}
    return create(api, body)


def test_reply_is_the_complete_entity(api, task):
    reply = api.get(one(task))
    assert reply.json == task
    assert reply.headers["Content-Type"] == JSON


@pytest.mark.parametrize(
    "mask, shown",
    [
        ("name", {"name": "n"}),
        ("sites,id", {"id": ID, "sites": ["A"]}),
        ("opts.title", {"opts": {"title": ""}}),
        ("opts", {"opts": {"title": "", "comment": "", "mine": 0}}),
        ("opts.mine,opts.comment", {"opts": {"comment": "", "mine": 0}}),
        ("ext.k", {"ext": {"k": EXT["k"]}}),
        ("ext.k.b", {"ext": {"k": {"b": {"c": None}}}}),
        ("ext.k.a,ext.k", {"ext": {"k": EXT["k"]}}),
        ("ext.k.b.c,name,name", {"name": "n", "ext": {"k": {"b": {"c": None}}}}),
        ("ext.nosuch", {}),
        ("ext.k.nosuch,id", {"id": ID}),
        ("periods", {"periods": []}),
    ],
)
def test_mask_shows_exactly_the_named_fields_of_one(api, task, mask, shown):
    reply = api.get(address(one(task), mask=mask)).json
    assert reply == shown
    assert list(reply) == list(shown)


def test_mask_of_every_field_is_the_whole(api, task):
    assert api.get(address(one(task), mask=",".join(task))).json == task


@pytest.mark.parametrize(
    "mask",
    ["id,", "nosuch", "name.x", "periods.dow", "sites.0", "ext.", "ext..k", ".ext"]
    + ["Ext.k", "$ext", "ext." + "a." * 100 + "a"],
)
def test_mask_of_another_name_is_refused_on_one(api, task, mask):
    error = refused(send(api, "GET", address(one(task), mask=mask)), 400)
    assert list(error["errors"]) == ["mask"]
    assert len(error["error_message"]) < 1000


def test_flat_dots_objects_at_any_depth_and_leaves_arrays(api, task):
    flat = api.get(address(one(task), flat="true")).json
    assert list(flat.items())[-11:] == [
        ("periods", []),
        ("opts.title", ""),
        ("opts.comment", ""),
        ("opts.mine", 0),
        ("ext.ct", task["ext"]["ct"]),
        ("ext.lwt", task["ext"]["lwt"]),
        ("ext.k.a", [1]),
        ("ext.k.b.c", None),
        ("ext.x.y", 1),
        ("ext.", 2),
        ("ext.e", {}),
    ]


def test_mask_and_flat_go_together(api, task):
    reply = api.get(address(one(task), mask="opts.title,ext.k.b", flat="1"))
    assert reply.json == {"opts.title": "", "ext.k.b.c": None}


@pytest.mark.parametrize("name", ["filter", "offset", "limit", "order", "x"])
def test_parameters_of_the_list_are_refused_on_one(api, task, name):
    parameters = {name: "1", "flat": "?"}
    error = refused(send(api, "GET", address(one(task), **parameters)), 400)
    assert set(error["errors"]) == {name, "flat"}


@pytest.mark.parametrize(
    "id_",
    [
        "00000000-0000-0000-0000-000000000000",
        "x",
        "0",
        "%ff",
        "%00",
        "%C5%BB",
        "..",
        "*",
    ]
    + [
        "%20",
        "null",
        ID + "%20",
        ID + "%0A",
        "{id_}",
        "%F0%9F%98%80" * 100,
        "a" * 9000,
    ],
)
def test_unknown_id_is_404(api, task, id_):
    error = refused(send(api, "GET", f"{T}/{id_}"), 404)
    assert error == {"error_code": 1404, "error_message": "Not found"}


def test_etag_changes_with_the_task_only(api, task):
    tag = api.get(one(task)).headers["ETag"]
    assert api.get(address(one(task), mask="id", flat="1")).headers["ETag"] == tag
    send(api, "PATCH", one(task), {"name": "new"})
    assert api.get(one(task)).headers["ETag"] != tag


@pytest.mark.parametrize(
    "known", ["*", "{}", "W/{}", '"a", {}', ' {} , W/"b"', '"a",{}']
)
def test_known_task_is_304_without_a_body(api, task, known):
    tag = api.get(one(task)).headers["ETag"]
    reply = send(api, "GET", one(task), If_None_Match=known.format(tag))
    assert (reply.status_int, reply.body) == (304, b"")
    assert reply.headers["ETag"] == tag


@pytest.mark.parametrize(
    "known", ["", ",", '"x"', '"*"', 'W/"*"', "\xff", '"', "x" * 9000, '"","*"']
)
def test_task_is_sent_when_its_tag_is_not_known(api, task, known):
    reply = send(api, "GET", one(task), If_None_Match=known)
    assert (reply.status_int, reply.json) == (200, task)


def test_if_none_match_of_an_unknown_id_is_404(api):
    refused(send(api, "GET", UNKNOWN, If_None_Match="*"), 404)


def test_head_of_one_is_get_without_a_body(api, task):
    for path in (one(task), address(one(task), mask="id")):
        named = {"X-Request-Id": "one"}
        get, head = api.get(path, headers=named), api.head(path, headers=named)
        assert (head.status, head.body) == (get.status, b"")
        assert dict(head.headers) == dict(get.headers)


def test_head_of_an_unknown_id_is_404_without_a_body(api):
    reply = send(api, "HEAD", UNKNOWN)
    assert (reply.status_int, reply.body) == (404, b"")
