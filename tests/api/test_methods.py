"""Methods and addresses: OPTIONS, 405, trailing slashes, unknown addresses."""

import pytest
from calls import ID, create, raw, refused, send, untouched
from shared import T

ALLOWED = {
    T: {"GET", "HEAD", "POST", "LOOKUP", "QUERY", "OPTIONS"},
    f"{T}/{ID}": {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"},
}


@pytest.fixture(autouse=True)
def task(api):
    return create(api, {"id": ID, "name": "n"})


def allowed(reply):
    return set(reply.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", ALLOWED)
def test_options_names_the_methods(api, path):
    reply = send(api, "OPTIONS", path)
    assert (reply.status_int, reply.body) == (200, b"")
    assert allowed(reply) == ALLOWED[path]


def test_options_does_not_ask_for_the_task(api):
    assert send(api, "OPTIONS", f"{T}/x").status_int == 200


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize(
    "method",
    ["PUT", "PATCH", "DELETE", "POST", "LOOKUP", "QUERY", "TRACE", "CONNECT", "COPY"]
    + ["PROPFIND", "BREW", "get", "lookup", "\xff", "X" * 1000, "__CLASS__", ""]
    + ["WEBSOCKET"],
)
def test_unsupported_method_is_405_with_allow(api, path, method):
    if method in ALLOWED[path]:
        return
    with untouched(api):
        reply = raw(api, "GET", path, REQUEST_METHOD=method)
        refused(reply, 405)
    assert allowed(reply) == ALLOWED[path]


def test_trailing_slash_is_tolerated_by_every_verb(api):
    assert api.get(f"{T}/").text == api.get(T).text
    assert api.get(f"{T}/?mask=id").json == [{"id": ID}]
    assert send(api, "LOOKUP", f"{T}/", ID).json == [ID]
    assert send(api, "QUERY", f"{T}/", {"mask": "id"}).json == [{"id": ID}]
    assert send(api, "POST", f"{T}/", {"name": "n"}).status_int == 200
    assert api.get(f"{T}/{ID}/").text == api.get(f"{T}/{ID}").text
    assert send(api, "PATCH", f"{T}/{ID}/", {"name": "x"}).status_int == 200
    assert send(api, "DELETE", f"{T}/{ID}/").status_int == 204


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "LOOKUP", "OPTIONS", "BREW"])
@pytest.mark.parametrize(
    "path",
    ["/rest", "/rest/v1/service", T[:-1], f"{T}x", T.upper(), "/rest/v2"]
    + [
        f"{T}/{ID}/x",
        f"{T}/{ID}//",
        "/\xff",
        "/\x00",
        "/../etc/passwd",
        "*",
        "/favicon.ico",
    ]
    + ["/rest//v1/service/svctasks", f"{T}/../svctasks/x", "/" + "a/" * 5000],
)
def test_unknown_address_is_404(api, method, path):
    error = refused(raw(api, "GET", REQUEST_METHOD=method, PATH_INFO=path), 404)
    assert error == {"error_code": 1404, "error_message": "Not found"}


@pytest.mark.parametrize("before", ["/", "//", "", "*", "http:/"])
@pytest.mark.parametrize("path", [T, f"{T}/{ID}", "/services/3005", "/health"])
def test_address_begins_with_one_slash(api, before, path):
    path = before + (path if before else path[1:])
    reply = raw(api, PATH_INFO=path, QUERY_STRING="limit=1&offset=1")
    refused(reply, 404)
    assert "Link" not in reply.headers


def test_reply_says_the_same_whatever_a_client_accepts(api):
    for accepted in ("text/html", "application/xml", "*/*;q=0", "\xff", ""):
        assert send(api, "GET", T, Accept=accepted).status_int == 200
        refused(send(api, "GET", "/x", Accept=accepted), 404)


def test_odd_headers_do_no_harm(api):
    odd = {
        "Range": "bytes=0-0",
        "Cookie": "\xff=\xfe; =;",
        "Authorization": "Basic \xff",
        "Expect": "x",
        "If_Modified_Since": "yesterday",
        "If_Unmodified_Since": "\xff",
        "If_Range": "\xff",
        "Accept_Encoding": "gzip;q=x",
        "Transfer_Encoding": "x",
        "Date": "\xff",
    }
    assert len(send(api, "GET", T, **odd).json) == 1
    assert send(api, "GET", f"{T}/{ID}", **odd).json["id"] == ID


def test_method_of_another_protocol_is_counted_with_the_others(api, service):
    for method in ("WEBSOCKET", "BREW"):
        refused(raw(api, "GET", T, REQUEST_METHOD=method), 405)
    refused(raw(api, "GET", "/nowhere", REQUEST_METHOD="WEBSOCKET"), 404)
    figures = api.get("/metrics").text
    assert f'method="other",route="{T}",status="405"' in figures
    assert "WEBSOCKET" not in figures
