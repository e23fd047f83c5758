"""LOOKUP of the collection: a key to ids."""

import pytest
from calls import FORM, ID, create, refused, send, untouched
from shared import T


@pytest.fixture
def task(api):
    return create(api, {"id": ID, "name": "n"})


@pytest.mark.parametrize("body", [ID, ID.upper(), f' "{ID}"\r\n'.encode()])
def test_reply_is_an_array_of_ids_when_found(api, task, body):
    reply = send(api, "LOOKUP", T, body)
    assert (reply.status_int, reply.json) == (200, [ID])


def test_body_may_be_a_form(api, task):
    reply = send(api, "LOOKUP", T, f"data=%22{ID}%22".encode(), FORM)
    assert reply.json == [ID]


@pytest.mark.parametrize(
    "key",
    ["", " ", "n", ID[:-1], f" {ID}", f"{ID}\n", "\u017b", "\u0130" * 100, "x" * 100000]
    + [0, 1, -1, 1.5, 1e300, 2**64 - 1, 380],
)
def test_reply_is_404_when_nothing_has_the_key(api, task, key):
    error = refused(send(api, "LOOKUP", T, key), 404)
    assert error == {"error_code": 1404, "error_message": "Lookup failed"}


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"null", b"true", b"false", b"[]", b"{}", f'["{ID}"]'.encode()]
    + [f'{{"id":"{ID}"}}'.encode(), ID.encode(), b'"', b'"\\u0000"', b'"\\ud800"']
    + [b"'x'", b'"x" "y"', b"NaN", b"1e400", b"9" * 400, b'"\xff"', b"[" * 100000],
)
def test_body_that_is_no_key_is_400(api, task, body):
    with untouched(api):
        refused(send(api, "LOOKUP", T, body), 400)


def test_request_without_a_body_is_400(api, task):
    refused(send(api, "LOOKUP", T), 400)


def test_parameter_in_the_address_is_refused(api, task):
    refused(send(api, "LOOKUP", f"{T}?limit=1", ID), 400)


def test_one_task_cannot_be_looked_up(api, task):
    refused(send(api, "LOOKUP", f"{T}/{ID}", ID), 405)
