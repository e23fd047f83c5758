"""Bodies: JSON and forms, and every kind of text that is neither."""

import gzip
from io import BytesIO
from urllib.parse import quote_plus

import pytest
from calls import FORM, ID, JSON, create, names, one, raw, refused, send, untouched
from shared import T
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

BROKEN = {
    "nothing": (b"", "empty"),
    "white space": (b" \r\n\t", "empty"),
    "half": (b'{"name":"n"', "not JSON"),
    "two values": (b'{"name":"n"}{"name":"n"}', "not JSON"),
    "single quotes": (b"{'name':'n'}", "not JSON"),
    "a comment": (b'{"name":"n"/**/}', "not JSON"),
    "a last comma": (b'{"name":"n",}', "not JSON"),
    "two byte order marks": (b'\xef\xbb\xbf\xef\xbb\xbf{"name":"n"}', "not JSON"),
    "nothing but a byte order mark": (b"\xef\xbb\xbf", "empty"),
    "a leading zero": (b'{"name":"n","intervalsec":01}', "not JSON"),
    "a plus sign": (b'{"name":"n","intervalsec":+1}', "not JSON"),
    "a foreign digit": ('{"name":"n","intervalsec":\u0661}'.encode(), "not JSON"),
    "a no-break space": ('{"name":\u00a0"n"}'.encode(), "not JSON"),
    "UTF-16": ('{"name":"n"}'.encode("utf-16"), "is UTF-16; it must be UTF-8"),
    "Latin-1": (b'{"name":"\xe9"}', "not UTF-8"),
    "overlong UTF-8": (b'{"name":"\xc0\xaf"}', "not UTF-8"),
    "a surrogate in UTF-8": (b'{"name":"\xed\xa0\x80"}', "not UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "compressed by gzip"),
    "a lone surrogate": (b'{"name":"\\ud800"}', "surrogate"),
    "a surrogate in a name": (b'{"name":"n","ext":{"\\udc00":1}}', "surrogate"),
    "a surrogate named twice": (b'{"\\ud800":1,"\\ud800":1}', "twice"),
    "a raw NUL": (b'{"name":"a\x00"}', "not JSON"),
    "an escaped NUL": (b'{"name":"a\\u0000"}', "NUL"),
    "NUL in a name": (b'{"name":"n","ext":{"\\u0000":1}}', "NUL"),
    "NUL deep inside": (b'{"name":"n","ext":{"k":[[{"a":"\\u0000"}]]}}', "NUL"),
    "a raw line break": (b'{"name":"a\nb"}', "not JSON"),
    "a member twice": (b'{"name":"a","name":"b"}', '"name" twice'),
    "a member twice by escape": (b'{"name":"a","n\\u0061me":"b"}', '"name" twice'),
    "a deep member twice": (b'{"name":"n","ext":{"k":[{"a":1,"a":1}]}}', '"a" twice'),
    "NaN": (b'{"name":"n","ext":{"k":NaN}}', "NaN"),
    "Infinity": (b'{"name":"n","ext":{"k":Infinity}}', "Infinity"),
    "-Infinity": (b'{"name":"n","ext":{"k":-Infinity}}', "-Infinity"),
    "1e400": (b'{"name":"n","ext":{"k":1e400}}', "too large"),
    "-1e400": (b'{"name":"n","ext":{"k":-1e400}}', "too large"),
    "an endless real": (
        b'{"name":"n","ext":{"k":1' + b"0" * 400 + b".0}}",
        "too large",
    ),
    "400 digits": (b'{"name":"n","ext":{"k":' + b"9" * 400 + b"}}", "64 bits"),
    "half a million digits": (b'{"ext":{"k":' + b"9" * 500000 + b"}}", "64 bits"),
    "2 to the 64": (b'{"name":"n","ext":{"k":18446744073709551616}}', "64 bits"),
    "too small": (b'{"name":"n","ext":{"k":-9223372036854775809}}', "64 bits"),
    "a bomb of arrays": (b"[" * 100000, "nested"),
    "a closed bomb": (b"[" * 5000 + b"]" * 5000, "nested"),
    "a bomb of objects": (b'{"a":' * 40000, "nested"),
    "a bomb in ext": (
        b'{"name":"n","ext":{"k":' + b"[" * 63 + b"]" * 63 + b"}}",
        "nested",
    ),
    "null": (b"null", "object"),
    "a string": (b'"name"', "object"),
    "a number": (b"1", "object"),
    "true": (b"true", "object"),
    "an array": (b'[{"name":"n"}]', "object"),
}


@pytest.fixture
def task(api):
    return create(api, {"name": "n", "ext": {"k": 1}})


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_broken_body_is_refused_with_its_reason(api, task, method, kind):
    body, reason = BROKEN[kind]
    with untouched(api):
        reply = send(api, method, T if method == "POST" else one(task), body)
        error = refused(reply, 400)
    assert reason in error["error_message"]
    assert " at at " not in error["error_message"]
    assert len(error["error_message"]) < 200


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_json_in_a_form_is_refused(api, task, kind):
    body = b"data=" + quote_plus(BROKEN[kind][0]).encode()
    with untouched(api):
        refused(send(api, "POST", T, body, FORM), 400)


@pytest.mark.parametrize(
    "text, name",
    [
        (b'{"name":"\\ud83d\\ude00"}', "\U0001f600"),
        (b'{"name":"\\\\u0000"}', "\\u0000"),
        (b'\r\n\t {"name" : "n" } \n', "n"),
        (b'\xef\xbb\xbf{"name":"n"}', "n"),
        (b'{"name":"[[[[{{{{\\u0041"}', "[[[[{{{{A"),
        (
            '{"name":"\u2028\ufeff\uffff\U0010ffff"}'.encode(),
            "\u2028\ufeff\uffff\U0010ffff",
        ),
    ],
)
def test_odd_but_valid_json_is_accepted(api, text, name):
    reply = send(api, "POST", T, text)
    assert (reply.status_int, reply.json["name"]) == (200, name)


@pytest.mark.parametrize(
    "number", ["-9223372036854775808", "18446744073709551615", "1e308", "5e-324", "0.1"]
)
def test_extreme_number_comes_back_as_it_was_sent(api, number):
    body = f'{{"name":"n","ext":{{"k":{number}}}}}'.encode()
    value = send(api, "POST", T, body).json["ext"]["k"]
    assert value == (float(number) if set(number) & set(".e") else int(number))


def test_deepest_body_that_is_allowed_can_be_read_back(api):
    body = b'{"name":"n","ext":{"k":' + b"[" * 62 + b"]" * 62 + b"}}"
    made = send(api, "POST", T, body)
    assert made.status_int == 200
    assert api.get(one(made.json)).text == made.text
    assert api.get(f"{one(made.json)}?flat=1").status_int == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/json", JSON, "APPLICATION/JSON", 'application/json; charset="UTF-8"']
    + ["application/json;charset=utf8", "application/json ; x=y", "application/json;"]
    + ["application/json; charset=US-ASCII", "application/json; charset"],
)
def test_json_is_accepted_under_every_spelling_of_its_type(api, content_type):
    reply = send(api, "POST", T, '{"name":"\u00e9"}'.encode(), content_type)
    assert (reply.status_int, reply.json["name"]) == (200, "\u00e9")


@pytest.mark.parametrize(
    "content_type",
    ["", ";", "text/plain", "text/json", "application/xml", "application/jsonx", "json"]
    + ["multipart/form-data", "multipart/form-data; boundary=x", "*/*", "application/*"]
    + ["application/json; charset=utf-16", "application/json; charset=latin-1", "\xff"]
    + ["application/json; charset=\xff", 'application/json; charset="', "a/b, a/c"]
    + [f"{FORM}; charset=koi8-r", 'application/json; a="' + ";" * 200_000],
)
def test_body_of_another_type_is_415(api, task, content_type):
    with untouched(api):
        error = refused(raw_post(api, b'{"name":"n"}', CONTENT_TYPE=content_type), 415)
    assert "application/json" in error["error_message"]


def raw_post(api, body, **environ):
    return raw(api, "POST", T, body, **environ)


def test_empty_body_without_a_type_is_400(api):
    error = refused(raw_post(api, b"", CONTENT_TYPE=""), 400)
    assert "empty" in error["error_message"]


def test_body_without_a_type_is_415(api):
    refused(raw_post(api, b'{"name":"n"}', CONTENT_TYPE=""), 415)


@pytest.mark.parametrize(
    "body, name",
    [
        (b'data={"name":"a+b"}', "a b"),
        (b"data=%7B%22name%22%3A%22%C5%BB%26%3D%22%7D", "\u017b&="),
        ('data={"name":"\u017b"}'.encode(), "\u017b"),
        (b'data={"name":"a%2Bb"}&', "a+b"),
    ],
)
def test_form_is_decoded(api, body, name):
    for content_type in (FORM, f"{FORM}; charset=UTF-8", FORM.upper()):
        reply = send(api, "POST", T, body, content_type)
        assert (reply.status_int, reply.json["name"]) == (200, name)


def test_form_can_change_a_task(api, task):
    reply = send(api, "PATCH", one(task), b'data={"name":"x"}', FORM)
    assert reply.json["name"] == "x"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data",
        b"data=",
        b'Data={"name":"n"}',
        b'json={"name":"n"}',
        b'{"name":"n"}',
    ]
    + [b'data={"name":"n"}&data={"name":"n"}', b'data={"name":"n"}&x=1', b"data=%"]
    + [b'data={"name":"n"}&data=', b"data=%ff", b"data=%ED%A0%80", b"\xff=1", b"&&"]
    + [b"data=" + b"&data=" * 5000, b"data[]={}", b'data={"name":"n"};x=1'],
)
def test_broken_form_is_400(api, task, body):
    with untouched(api):
        refused(send(api, "POST", T, body, FORM), 400)


@pytest.mark.parametrize("method", ["POST", "PATCH", "QUERY", "LOOKUP"])
def test_json_that_came_as_a_form_is_refused_with_the_header_to_send(api, task, method):
    path = one(task) if method == "PATCH" else T
    for body in (b'{"name": "a&data=b"}', b' {"name":"n"}', f'"{ID}"'.encode()):
        with untouched(api):
            error = refused(send(api, method, path, body, FORM), 400)
        assert "Content-Type: application/json" in error["error_message"]
        assert "--json" in error["error_message"]


def test_key_without_quotes_is_refused_with_them(api, task):
    error = refused(send(api, "LOOKUP", T, ID.encode()), 400)
    assert error["error_message"].endswith(f'in quotes: "{ID}"')
    error = refused(send(api, "LOOKUP", T, ID.encode(), FORM), 400)
    assert f'in quotes: "{ID}"' in error["error_message"]
    assert "Content-Type: application/json" in error["error_message"]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "GZIP", "identity, gzip"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "QUERY", "LOOKUP"])
def test_compressed_body_is_415_and_called_so(api, task, method, coding):
    path = one(task) if method == "PATCH" else T
    for body in (gzip.compress(b'{"name":"x"}'), b'{"name":"x"}'):
        with untouched(api):
            reply = send(api, method, path, body, Content_Encoding=coding)
            error = refused(reply, 415)
        assert f"(Content-Encoding: {coding})" in error["error_message"]


@pytest.mark.parametrize("coding", ["", "identity", " Identity"])
def test_body_that_is_not_compressed_may_say_so(api, coding):
    reply = send(api, "POST", T, {"name": "n"}, Content_Encoding=coding)
    assert reply.status_int == 200


def test_body_of_another_type_is_refused_with_what_came(api, task):
    error = refused(send(api, "POST", T, b'{"name":"n"}', "text/plain"), 415)
    assert error["error_message"].endswith('its Content-Type is "text/plain"')


@pytest.fixture
def small(tmp_path, log):
    """The API with room for 100 bytes in a body."""
    settings = Settings.from_environment(data=tmp_path / "data", max_body=100)
    service = open_service(settings, log=log)
    yield TestApp(service.application)
    service.close()


def padded(size):
    return b'{"name":"n"}'.ljust(size)


def test_body_of_just_the_limit_is_accepted(small):
    assert send(small, "POST", T, padded(100)).status_int == 200


@pytest.mark.parametrize("method", ["POST", "LOOKUP", "QUERY"])
@pytest.mark.parametrize("content_type", [JSON, FORM, "text/plain"])
def test_body_over_the_limit_is_413(small, method, content_type):
    with untouched(small):
        error = refused(send(small, method, T, padded(101), content_type), 413)
    assert "100" in error["error_message"]


def test_patch_over_the_limit_is_413(small):
    task = create(small, {"name": "n"})
    with untouched(small):
        refused(send(small, "PATCH", one(task), padded(101)), 413)


def test_default_limit_is_a_megabyte(api, task):
    with untouched(api):
        refused(send(api, "POST", T, padded(2**20 + 1)), 413)
    assert send(api, "POST", T, padded(2**20)).status_int == 200


def test_task_of_a_megabyte_comes_back_whole(api):
    body = {"name": "n" * (2**20 - 100)}
    assert api.get(one(create(api, body))).json["name"] == body["name"]


@pytest.mark.parametrize(
    "length", ["-1", "x", "1.0", "\xb2", "0x10", "9" * 5000, "1 2"]
)
def test_length_that_is_no_number_is_refused(api, task, length):
    with untouched(api):
        reply = raw_post(api, b'{"name":"n"}', CONTENT_LENGTH=length)
        refused(reply, reply.status_int)
    assert reply.status_int in (400, 413)


@pytest.mark.parametrize("length", ["", "0", "1", "11", "13", "1048576"])
def test_body_of_another_length_than_announced_is_400(api, task, length):
    with untouched(api):
        refused(raw_post(api, b'{"name":"n"}', CONTENT_LENGTH=length), 400)


def test_announced_length_over_the_limit_is_413_unread(api):
    refused(raw_post(api, b"", CONTENT_LENGTH=str(10**19)), 413)


def chunked(api, body):
    """Send a body without a length, the way a server hands on a chunked one."""
    environ = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True}
    return raw_post(api, b"", CONTENT_LENGTH="", **environ)


def test_chunked_body_is_read_to_its_end(api):
    assert chunked(api, b'{"name":"n"}').json["name"] == "n"
    refused(chunked(api, b""), 400)
    refused(chunked(api, padded(2**20 + 1)), 413)
    assert names(api) == ["n"]
