"""Preconditions of requests for tasks and their list. RFC 9110, section 13.2.2."""

import pytest
from calls import ID, UNKNOWN, create, one, refused, send, untouched
from shared import T

OTHER = '"0123456789abcdef"'


@pytest.fixture
def task(api):
    return create(api, {"id": ID, "name": "n"})


@pytest.fixture
def tag(api, task):
    return api.get(one(task)).headers["ETag"]


WRITES = [("PATCH", {"name": "x"}), ("DELETE", None)]


@pytest.mark.parametrize(("method", "body"), WRITES)
@pytest.mark.parametrize("known", ["*", "{}", "W/{}", '"a", {}', ' {} , W/"b"'])
def test_write_is_412_when_if_none_match_has_the_tag(
    api, task, tag, method, body, known
):
    with untouched(api):
        reply = send(api, method, one(task), body, If_None_Match=known.format(tag))
        refused(reply, 412)


@pytest.mark.parametrize(("method", "body"), WRITES)
@pytest.mark.parametrize("known", [OTHER, 'W/"x"', '"*"', f'"a", {OTHER}'])
def test_write_is_done_when_if_none_match_has_other_tags_only(
    api, task, method, body, known
):
    reply = send(api, method, one(task), body, If_None_Match=known)
    assert reply.status_int in (200, 204)


@pytest.mark.parametrize(("method", "body"), WRITES)
def test_write_has_to_meet_both_conditions(api, task, tag, method, body):
    with untouched(api):
        for match, none_match in ((tag, tag), (OTHER, OTHER), ("*", "*")):
            headers = {"If_Match": match, "If_None_Match": none_match}
            refused(send(api, method, one(task), body, **headers), 412)
    headers = {"If_Match": tag, "If_None_Match": OTHER}
    assert send(api, method, one(task), body, **headers).status_int in (200, 204)


@pytest.mark.parametrize(("method", "body"), WRITES)
@pytest.mark.parametrize("name", ["If_Match", "If_None_Match"])
@pytest.mark.parametrize("tags", ["", "x", "W/x", '*, "x"', '"x', '"x" "y"'])
def test_condition_without_a_tag_is_400(api, task, method, body, name, tags):
    with untouched(api):
        headers = {name: tags}
        error = refused(send(api, method, one(task), body, **headers), 400)
    assert name.replace("_", "-") in error["error_message"]


def test_condition_comes_before_the_body(api, task, tag):
    with untouched(api):
        for body in (b"{", {"nme": 1}, None):
            reply = send(api, "PATCH", one(task), body, If_None_Match=tag)
            refused(reply, 412)


def test_unknown_task_is_404_whatever_the_condition(api):
    for method in ("GET", "HEAD", "PATCH", "DELETE"):
        for name in ("If_Match", "If_None_Match"):
            for tags in ("*", OTHER):
                headers = {name: tags}
                reply = send(api, method, UNKNOWN, {"name": "n"}, **headers)
                assert reply.status_int == 404


READS = [("GET", f"{T}/{ID}"), ("HEAD", f"{T}/{ID}"), ("GET", T), ("QUERY", T)]


@pytest.mark.parametrize(("method", "path"), READS)
def test_read_is_answered_when_if_match_has_the_tag(api, task, method, path):
    body = {} if method == "QUERY" else None
    tag = send(api, method, path, body).headers["ETag"]
    for tags in ("*", tag, f'"a", {tag}'):
        reply = send(api, method, path, body, If_Match=tags)
        assert (reply.status_int, reply.headers["ETag"]) == (200, tag)


@pytest.mark.parametrize(("method", "path"), READS)
def test_read_is_412_when_if_match_has_other_tags_only(api, task, method, path):
    body = {} if method == "QUERY" else None
    tag = send(api, method, path, body).headers["ETag"]
    for tags in (OTHER, f"W/{tag}", '"*"'):
        reply = send(api, method, path, body, If_Match=tags, If_None_Match=tag)
        assert reply.status_int == 412
        assert "ETag" not in reply.headers
    assert send(api, method, path, body, If_Match="x").status_int == 400


@pytest.mark.parametrize(("method", "path"), READS)
def test_read_that_meets_if_match_may_still_be_304(api, task, method, path):
    body = {} if method == "QUERY" else None
    tag = send(api, method, path, body).headers["ETag"]
    headers = {"If_Match": tag, "If_None_Match": f"W/{tag}"}
    assert send(api, method, path, body, **headers).status_int == 304


def test_dates_are_ignored_where_there_is_no_last_modified(api, task):
    """RFC 9110, sections 13.1.3 and 13.1.4."""
    for date in ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"):
        for name in ("If_Modified_Since", "If_Unmodified_Since", "If_Range"):
            headers = {name: date}
            reply = send(api, "GET", one(task), **headers)
            assert reply.status_int == 200
            assert "Last-Modified" not in reply.headers
            reply = send(api, "PATCH", one(task), {"name": date}, **headers)
            assert reply.json["name"] == date


@pytest.mark.parametrize("name", ["If_Match", "If_None_Match"])
@pytest.mark.parametrize("tags", ["*", OTHER])
def test_creation_under_a_condition_is_412(api, task, name, tags):
    """Not done as if nothing had been demanded: no state of the list can be held to it."""
    with untouched(api):
        headers = {name: tags}
        error = refused(send(api, "POST", T, {"name": "x"}, **headers), 412)
    assert "leave If-Match and If-None-Match out" in error["error_message"]


def test_lookup_selects_nothing_that_a_condition_could_be_about(api, task):
    for name in ("If_Match", "If_None_Match"):
        for tags in ("*", OTHER):
            headers = {name: tags}
            assert send(api, "LOOKUP", T, ID, **headers).json == [ID]
