"""Outputs of runs over HTTP, whole and by ranges. RFC 9110, section 14."""

import os

import pytest
from calls import ID, refused, send
from test_svcruns import R, active, clock, ended, run_id

from app.execution.run_outputs import MOST, Output

CONTENT = b"one\ntwo\n\xff\x00<b>three</b>\n"
SIZE = len(CONTENT)


@pytest.fixture
def folder(settings):
    """The folder of outputs."""
    folder = settings.data / "runs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def output(store, folder):
    """The address of the output of a run that has ended."""
    store.insert("svcruns", ended(1))
    (folder / f"{run_id(1)}.out").write_bytes(CONTENT)
    return f"{R}/{run_id(1)}/output"


def test_output_is_plain_text_that_no_browser_guesses_about(api, output):
    reply = api.get(output)
    assert reply.body == CONTENT
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in reply.headers
    known = send(api, "GET", output, If_None_Match=reply.headers["ETag"])
    assert known.status_int == 304


PARTS = [
    ("bytes=0-3", 0, 4),
    ("bytes=4-", 4, SIZE),
    ("bytes=-5", SIZE - 5, SIZE),
    ("bytes=2-2", 2, 3),
    ("BYTES= 0-999999999999999999", 0, SIZE),
    ("bytes=-999999", 0, SIZE),
    (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
]


@pytest.mark.parametrize(("wanted", "first", "stop"), PARTS)
def test_range_is_answered_with_its_bytes(api, output, wanted, first, stop):
    reply = send(api, "GET", output, Range=wanted)
    assert reply.status_int == 206
    assert reply.body == CONTENT[first:stop]
    assert reply.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{SIZE}"
    assert reply.headers["Content-Length"] == str(stop - first)
    assert reply.headers["ETag"] == api.get(output).headers["ETag"]


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes={SIZE}-99", "bytes=-0"])
def test_range_beyond_the_output_is_416_with_its_size(api, output, wanted):
    reply = send(api, "GET", output, Range=wanted)
    refused(reply, 416)
    assert reply.headers["Content-Range"] == f"bytes */{SIZE}"
    assert "ETag" not in reply.headers


NONE = [
    "bytes=",
    "bytes=-",
    "bytes=3-1",
    "bytes=0-1,3-4",
    "lines=0-1",
    "bytes=x-1",
    "bytes=0x1-2",
    "bytes=+1-2",
    "0-1",
    "bytes=" + "9" * 30 + "-",
]


@pytest.mark.parametrize("wanted", NONE)
def test_range_that_is_none_is_ignored(api, output, wanted):
    reply = send(api, "GET", output, Range=wanted)
    assert reply.status_int == 200 and reply.body == CONTENT


def test_range_of_head_is_ignored(api, output):
    reply = send(api, "HEAD", output, Range="bytes=0-0")
    assert reply.status_int == 200
    assert reply.headers["Content-Length"] == str(SIZE)


def test_range_holds_only_for_the_tag_in_if_range(api, output):
    tag = api.get(output).headers["ETag"]
    part = send(api, "GET", output, Range="bytes=0-0", If_Range=tag)
    assert part.status_int == 206
    date = "Fri, 02 Jan 2026 03:04:05 GMT"
    for other in ('"0123456789abcdef"', f"W/{tag}", tag.strip('"'), date):
        whole = send(api, "GET", output, Range="bytes=0-0", If_Range=other)
        assert whole.status_int == 200 and whole.body == CONTENT


def test_conditions_come_before_the_range(api, output):
    tag = api.get(output).headers["ETag"]
    for wanted in ("bytes=0-0", f"bytes={SIZE}-"):
        known = send(api, "GET", output, Range=wanted, If_None_Match=tag)
        assert known.status_int == 304
        stale = send(api, "GET", output, Range=wanted, If_Match='"0123456789abcdef"')
        assert refused(stale, 412)


def test_output_of_an_active_run_is_read_bit_by_bit(api, store, folder):
    store.insert("clocks", clock(active(2)))
    path = folder / f"{run_id(2)}.out"
    address = f"{R}/{run_id(2)}/output"
    growing = Output(path)
    seen = b""
    for piece in (b"first\n", b"second\n", b"third"):
        growing.write(piece)
        reply = send(api, "GET", address, Range=f"bytes={len(seen)}-")
        assert reply.status_int == 206 and reply.body == piece
        seen += reply.body
        nothing = send(api, "GET", address, Range=f"bytes={len(seen)}-")
        assert nothing.headers["Content-Range"] == f"bytes */{len(seen)}"
    growing.close()
    assert api.get(address).body == seen


def test_output_that_had_a_part_left_out_is_shorter_than_before(api, store, folder):
    store.insert("clocks", clock(active(2)))
    address = f"{R}/{run_id(2)}/output"
    growing = Output(folder / f"{run_id(2)}.out")
    piece = b"x" * 65536
    for _ in range(MOST // len(piece)):
        growing.write(piece)
    assert len(api.get(address).body) == MOST
    growing.write(piece)
    reply = send(api, "GET", address, Range=f"bytes={MOST}-")
    assert reply.status_int == 416
    assert int(reply.headers["Content-Range"].partition("/")[2]) < MOST
    growing.close()


def test_empty_output_is_empty_and_has_no_range(api, store, folder):
    store.insert("svcruns", ended(1))
    (folder / f"{run_id(1)}.out").touch()
    address = f"{R}/{run_id(1)}/output"
    assert api.get(address).body == b""
    assert send(api, "GET", address, Range="bytes=0-").status_int == 416


def test_run_without_an_output_is_404_that_says_so(api, store, folder):
    store.insert("svcruns", ended(1, state="missed"))
    error = refused(send(api, "GET", f"{R}/{run_id(1)}/output"), 404)
    assert error["error_message"] == "there is no output of this run"


def test_no_other_file_is_an_output(api, store, folder, settings):
    """Not one without a run, nor what a link in its place leads to."""
    store.insert("svcruns", ended(1))
    (settings.data / "secret").write_text("secret")
    os.symlink(settings.data / "secret", folder / f"{run_id(1)}.out")
    (folder / f"{run_id(9)}.out").write_text("secret")
    for id_ in (run_id(1), run_id(9), "..%2fsecret", "../secret", ID):
        reply = send(api, "GET", f"{R}/{id_}/output")
        assert reply.status_int == 404 and "secret" not in reply.text
