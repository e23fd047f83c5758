"""QUERY of the collection, and POST that stands for QUERY or LOOKUP."""

import json

import pytest
from calls import FORM, ID, JSON, address, create, refused, send, untouched
from shared import T


@pytest.fixture(autouse=True)
def tasks(api, clock):
    for number in range(4):
        create(api, {"name": f"n{number}", "isenabled": number % 2})
        clock.move(seconds=1)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"filter": {"isenabled": 1}},
        {"mask": "name,ext.ct"},
        {"offset": 1, "limit": 2},
        {"limit": 0},
        {"order": [{"name": "desc"}]},
        {"order": {"name": "desc"}},
        {"order": "name"},
        {"flat": True, "mask": "ext"},
        {
            "filter": {"name": {"$ne": "n0"}},
            "mask": "name",
            "offset": 0,
            "limit": 1,
            "order": ["isenabled", {"ext.ct": "desc"}],
            "flat": False,
        },
    ],
)
def test_reply_is_that_of_get_with_the_same_parameters(api, parameters):
    get = api.get(address(**parameters))
    query = send(api, "QUERY", T, parameters)
    assert (query.status_int, query.text) == (200, get.text)
    for header in ("Content-Type", "ETag", "X-Total-Count"):
        assert query.headers[header] == get.headers[header]


def test_values_may_be_texts_as_in_an_address(api):
    texts = {
        "filter": '{"isenabled":"1"}',
        "order": '[{"name":"desc"}]',
        "offset": "0",
        "limit": "9",
        "flat": "true",
        "mask": "name",
    }
    assert send(api, "QUERY", T, texts).json == [{"name": "n3"}, {"name": "n1"}]


def test_mask_may_be_an_array_of_names(api):
    reply = send(api, "QUERY", T, {"mask": ["name"], "limit": 1})
    assert reply.json == [{"name": "n0"}]


def test_body_may_be_a_form(api):
    reply = send(api, "QUERY", T, b"data=%7B%22limit%22%3A1%7D", FORM)
    assert len(reply.json) == 1


def test_reply_has_no_link(api):
    assert "Link" not in send(api, "QUERY", T, {"limit": 1, "offset": 1}).headers


def test_known_reply_is_304(api):
    tag = send(api, "QUERY", T, {}).headers["ETag"]
    assert send(api, "QUERY", T, {}, If_None_Match=tag).status_int == 304


@pytest.mark.parametrize("name", ["filter", "mask", "offset", "limit", "order", "flat"])
@pytest.mark.parametrize("value", [None, 1.5, -1, 2**64 - 1, [[]], [None], "?"])
def test_bad_value_is_refused_with_its_name(api, name, value):
    error = refused(send(api, "QUERY", T, {name: value}), 400)
    assert list(error["errors"]) == [name]


@pytest.mark.parametrize(
    "name, value",
    [("mask", []), ("mask", {}), ("mask", True), ("mask", ["id", 1])]
    + [("mask", ["id,name"]), ("mask", ["id"] * 257), ("filter", []), ("filter", True)]
    + [("offset", True), ("limit", False), ("limit", 1.5), ("limit", []), ("flat", 2)]
    + [("flat", 1.5), ("flat", []), ("order", {}), ("order", False)],
)
def test_value_of_another_type_is_refused(api, name, value):
    error = refused(send(api, "QUERY", T, {name: value}), 400)
    assert list(error["errors"]) == [name]


def test_all_faults_are_told_at_once(api):
    faulty = dict.fromkeys(("filter", "mask", "offset", "limit", "order", "flat", "x"))
    error = refused(send(api, "QUERY", T, faulty), 400)
    assert set(error["errors"]) == set(faulty)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"limit=1"', b"1", b"{", b"\xff"]
)
def test_body_that_is_no_object_is_refused(api, body):
    refused(send(api, "QUERY", T, body), 400)


def test_thousands_of_unknown_parameters_get_a_short_answer(api):
    body = {f"a{number}": 1 for number in range(50000)}
    assert len(json.dumps(refused(send(api, "QUERY", T, body), 400))) < 10000


def test_parameter_in_the_address_is_refused(api):
    refused(send(api, "QUERY", f"{T}?limit=1", {}), 400)


def override(api, method, path=T, body=None):
    return send(api, "POST", path, body, X_HTTP_Method_Override=method)


@pytest.mark.parametrize("method", ["QUERY", "query", " Query "])
def test_post_stands_for_query(api, method):
    reply = override(api, method, T, {"mask": "name", "limit": 1})
    assert (reply.status_int, reply.json) == (200, [{"name": "n0"}])
    assert reply.headers["X-Total-Count"] == "4"
    assert reply.headers["Content-Type"] == JSON


def test_post_stands_for_lookup(api):
    create(api, {"id": ID, "name": "n"})
    assert override(api, "LOOKUP", T, ID).json == [ID]
    error = refused(override(api, "lookup", T, "x"), 404)
    assert error["error_message"] == "Lookup failed"


@pytest.mark.parametrize("method", ["", "DELETE", "PATCH", "POST", "BREW", "\xff", "*"])
def test_post_stands_for_nothing_else(api, method):
    with untouched(api):
        refused(override(api, method, T, {"name": "n"}), 400)


def test_post_to_one_task_stands_for_nothing(api):
    path = f"{T}/{api.get(T).json[0]['id']}"
    with untouched(api):
        refused(override(api, "LOOKUP", path, ID), 405)
        refused(override(api, "DELETE", path), 400)


def test_header_is_ignored_on_other_methods(api):
    assert send(api, "GET", T, X_HTTP_Method_Override="DELETE").status_int == 200
