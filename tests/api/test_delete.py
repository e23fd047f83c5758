"""DELETE of one task."""

import pytest
from calls import ID, UNKNOWN, create, names, one, refused, send, untouched
from shared import T


@pytest.fixture
def task(api):
    create(api, {"name": "other"})
    return create(api, {"id": ID, "name": "n"})


def test_reply_has_neither_body_nor_type_when_deleted(api, task):
    reply = send(api, "DELETE", one(task))
    assert (reply.status_int, reply.body) == (204, b"")
    assert "Content-Type" not in reply.headers
    assert "ETag" not in reply.headers


def test_deleted_task_is_unknown_to_every_verb(api, task):
    send(api, "DELETE", one(task))
    for method in ("GET", "DELETE"):
        refused(send(api, method, one(task)), 404)
    refused(send(api, "PATCH", one(task), {"name": "x"}), 404)
    refused(send(api, "LOOKUP", T, ID), 404)
    assert names(api) == ["other"]
    assert names(api, filter={"id": ID}) == names(api, filter={"name": "n"}) == []


def test_id_is_free_again_when_deleted(api, task):
    send(api, "DELETE", one(task))
    assert create(api, {"id": ID, "name": "again"})["name"] == "again"


def test_id_in_upper_case_is_the_same_task(api, task):
    assert send(api, "DELETE", f"{T}/{ID.upper()}").status_int == 204
    assert names(api) == ["other"]


def test_body_is_ignored(api, task):
    assert send(api, "DELETE", one(task), b"\xff{", "text/plain").status_int == 204


def test_unknown_id_is_404_even_with_if_match(api, task):
    with untouched(api):
        for tags in ("*", '"0123456789abcdef"', ",", ""):
            refused(send(api, "DELETE", UNKNOWN, If_Match=tags), 404)


@pytest.mark.parametrize("tags", ['"0123456789abcdef"', 'W/"x"', '"*"', "W/{}"])
def test_task_is_kept_when_if_match_has_other_tags_only(api, task, tags):
    tags = tags.format(api.get(one(task)).headers["ETag"])
    with untouched(api):
        refused(send(api, "DELETE", one(task), If_Match=tags), 412)


@pytest.mark.parametrize("tags", ["*", "{}", '"x", {}'])
def test_task_is_deleted_when_if_match_has_its_tag(api, task, tags):
    tags = tags.format(api.get(one(task)).headers["ETag"])
    assert send(api, "DELETE", one(task), If_Match=tags).status_int == 204


def test_if_match_without_a_tag_is_400(api, task):
    with untouched(api):
        refused(send(api, "DELETE", one(task), If_Match=","), 400)


def test_parameter_in_the_address_is_refused(api, task):
    with untouched(api):
        refused(send(api, "DELETE", f"{one(task)}?force=1"), 400)
