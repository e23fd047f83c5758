"""JSON as it comes from outside: what is read, and what is refused with which words."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import jsontext
from app.errors import Invalid

SURROGATES = "".join(map(chr, (0xD800, 0xDBFF, 0xDC00, 0xDFFF)))


def fault(source, *arguments):
    """Return the message with which a text is refused."""
    with pytest.raises(Invalid) as caught:
        jsontext.read(source, *arguments)
    assert not caught.value.faults
    return caught.value.message


@pytest.mark.parametrize(
    "source, value",
    [
        (b"null", None),
        (b" \t\r\n1 ", 1),
        (b"\xef\xbb\xbf1", 1),
        ("\ufeff 1", 1),
        (b"-0", 0),
        (b"-9223372036854775808", -(2**63)),
        (b"18446744073709551615", 2**64 - 1),
        (b"1E+2", 100.0),
        (b"1e-999", 0.0),
        (b'""', ""),
        (b'"\\u0041\\n\\/"', "A\n/"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\u0000"', "\\u0000"),
        ('"\u017b\u2028\x7f\ufeff"'.encode(), "\u017b\u2028\x7f\ufeff"),
        ('"\u017b"', "\u017b"),
        (b'{"b":1,"a":{"b":2}}', {"b": 1, "a": {"b": 2}}),
        (b'{"":[],"a.b":{}}', {"": [], "a.b": {}}),
    ],
)
def test_value_is_read(source, value):
    found = jsontext.read(source)
    assert found == value and type(found) is type(value)


def test_members_keep_their_order():
    assert list(jsontext.read('{"b":1,"a":2,"c":3}')) == ["b", "a", "c"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner)
    | st.dictionaries(st.text("ab\u017b", max_size=3), inner),
    max_leaves=20,
)


@settings(deadline=None, derandomize=True, database=None)
@given(json_values, st.booleans(), st.sampled_from([None, 1]))
def test_whatever_can_be_stored_comes_back_as_it_was(value, escaped, indent):
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    for source in (text, text.encode()):
        found = jsontext.read(source)
        assert json.dumps(found) == json.dumps(value)


@settings(deadline=None, derandomize=True, database=None, max_examples=500)
@given(st.binary() | st.text('[]{}",:\\u0dn8 1eE+-.tNa\0\ud800').map(str))
def test_any_text_is_read_or_refused(source):
    try:
        value = jsontext.read(source)
    except Invalid as refusal:
        assert refusal.message.startswith("the body ")
        refusal.message.encode()
    else:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize("source", [b"", "", b" \r\n\t ", "\n"])
def test_empty_text_is_refused(source):
    assert fault(source) == "the body is empty; it must be JSON"


@pytest.mark.parametrize(
    "source, message",
    [
        (b"[1,]", "the body is not JSON: Expecting value at line 1, column 4"),
        (
            b"[1\n 2]",
            "the body is not JSON: Expecting ',' delimiter at line 2, column 2",
        ),
        (
            b'"a',
            "the body is not JSON: Unterminated string starting at line 1, column 1",
        ),
        (
            b'"a\n"',
            "the body is not JSON: Invalid control character at line 1, column 3",
        ),
        (b"1 2", "the body is not JSON: Extra data at line 1, column 3"),
    ],
)
def test_text_that_is_not_json_is_refused_with_the_place(source, message):
    assert fault(source) == message


@pytest.mark.parametrize(
    "source",
    [
        "\u00a0",
        "\x0b",
        "\ufeff\ufeff1",
        "1\ufeff",
        "nul",
        "True",
        "undefined",
        "'a'",
        "01",
        "+1",
        ".5",
    ]
    + ["1.", "0x1", "1_0", "\u0661", "--1", "[1,,2]", "{,}", "{1:2}", '{"a"}', "{a:1}"]
    + ["/**/1", "1//", '"\\x41"', '"\\u12"', '"\\u+123"', '"\\', "]", "\0", "1\0"],
)
def test_text_of_a_dialect_is_refused(source):
    assert "is not JSON: " in fault(source)


@pytest.mark.parametrize(
    "source, place",
    [(b"\xff", 0), (b'"\xe9"', 1), (b'"\xc0\xaf"', 1), (b'"ab\xed\xa0\x80"', 3)]
    + [(b'"\xf4\x90\x80\x80"', 1)],
)
def test_bytes_that_are_not_utf8_are_refused_with_the_place(source, place):
    assert fault(source) == f"the body is not UTF-8 at byte {place}"


def test_text_with_a_raw_surrogate_is_refused():
    assert fault('"\ud800"') == "the body is not UTF-8 at byte 1"


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_constant_that_is_not_json_is_refused(name):
    assert fault(f'{{"a":[{name}]}}') == f"the body holds {name}, which is not JSON"


@pytest.mark.parametrize("number", ["1e309", "-1e309", "1e99999", "9" * 400 + ".0"])
def test_number_that_is_too_large_is_refused(number):
    assert fault(f"[{number}]") == "the body holds a number that is too large"


def test_largest_real_is_read():
    assert jsontext.read("1.7976931348623157e308") < math.inf


@pytest.mark.parametrize(
    "number",
    [
        "18446744073709551616",
        "-9223372036854775809",
        "9" * 21,
        "9" * 400,
        "-" + "9" * 10**6,
    ],
)
def test_integer_of_more_than_64_bits_is_refused(number):
    assert fault(number) == "the body holds an integer that does not fit into 64 bits"


@pytest.mark.parametrize(
    "source, name",
    [('{"a":1,"a":1}', '"a"'), ('[{"b":{"a":1,"\\u0061":2}}]', '"a"')]
    + [('{"":1,"":1}', '""'), ('{"\\ud800":1,"\\ud800":2}', '"\\ud800"')],
)
def test_member_that_comes_twice_is_refused_with_its_name(source, name):
    assert fault(source) == f"the body holds the member {name} twice in one object"


@pytest.mark.parametrize(
    "form", ['"{}"', '["{}"]', '{{"{}":1}}', '{{"a":[{{"b":"x{}"}}]}}']
)
def test_character_that_cannot_be_stored_is_refused_wherever_it_is(form):
    assert "NUL character" in fault(form.format("\\u0000"))
    for half in SURROGATES:
        assert "surrogate" in fault(form.format(f"\\u{ord(half):04x}"))
    assert "surrogate" in fault(form.format("\\ude00\\ud83d"))


def nested(depth):
    return "[" * depth + "]" * depth


def test_depth_is_bounded_exactly():
    assert jsontext.read(nested(64)) is not None
    assert "nested" in fault(nested(65))
    assert jsontext.read(nested(66), "it", 66) is not None
    assert "nested" in fault(nested(3), "it", 2)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("count", [1000, 300000])
def test_bomb_is_refused(opening, count):
    assert "nested" in fault(opening * count)


def test_brackets_in_texts_and_in_a_row_are_not_depth():
    assert jsontext.read(json.dumps("[{" * 1000)) == "[{" * 1000
    assert jsontext.read(f"[{','.join(['[]'] * 1000)}]") == [[]] * 1000


def within(source, depth=64, members=100):
    return jsontext.read(source, bounds=jsontext.Bounds(depth, members))


def test_depth_of_what_a_client_sends_has_a_setting():
    assert within(nested(5), depth=5) is not None
    with pytest.raises(Invalid) as caught:
        within(nested(6), depth=5)
    message = "the body is nested deeper than 5 levels (SVCTASKS_MAX_DEPTH)"
    assert caught.value.message == message
    with pytest.raises(Invalid) as caught:
        within("[" * 300_000, depth=5, members=10**6)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "form", ["[%s]", '{"a":[%s]}', '{"text":"[{,\\",[{,","b":[%s]}', '"["%s']
)
@pytest.mark.parametrize("item", ["1", "[]", "{}", '{"a":1}', '"[,"'])
def test_members_of_what_a_client_sends_are_bounded(form, item):
    few, many = (form % ",".join([item] * count) for count in (40, 102))
    with suppress(Invalid):
        within(few)
    with pytest.raises(Invalid) as caught:
        within(many)
    message = "the body has more than 100 members and elements (SVCTASKS_MAX_MEMBERS)"
    assert caught.value.message == message


def test_text_has_no_members():
    text = "[{," * 100_000
    assert within(json.dumps({"a": [text, '\\"', text]}))["a"][2] == text


@pytest.mark.parametrize("text", ['"', '\\"', '"\\', "\\", ',"'])
def test_members_are_counted_in_linear_time(text):
    """Quadratic, it would take hours."""
    with pytest.raises(Invalid):
        within('{"' + text * 1_000_000)


def test_message_names_the_source():
    assert fault(b"", "tasks.json").startswith("tasks.json is empty")
    assert fault(b"\xff", "tasks.json").startswith("tasks.json is not UTF-8")
    assert fault(b"[NaN]", "tasks.json").startswith("tasks.json holds NaN")
    assert fault(nested(65), "tasks.json").startswith("tasks.json is nested")
