"""The data file: what is written, what is read, and what is refused."""

import errno
import json
import os
from itertools import pairwise
from types import SimpleNamespace

import orjson
import pytest
from notes import data, held, note, open_table, save, stored, unflushed

from app.datetimes import file_time
from app.errors import Invalid
from app.jsontext import MAX_DEPTH
from app.storage.files.datafile import (
    CHUNK,
    STRETCH,
    DataFile,
    digest,
    identified,
    identity,
    lines,
    parse,
)
from app.storage.files.versions import Checkpoint


@pytest.fixture
def file(tmp_path):
    return DataFile(tmp_path / "notes.json", "notes", unflushed)


def encoded(*values, **members):
    """Return a note as it stands in a file."""
    return orjson.dumps(note(*values, **members))


def parsed(content):
    return parse(content, "notes.json", "notes").documents


def refusal(content):
    with pytest.raises(Invalid) as refused:
        parse(content.encode(), "notes.json", "notes")
    return refused.value.message


def test_one_document_stands_on_a_line(file):
    file.replace((n, encoded(f"k{n}", n, more={"a": "x\ny"})) for n in range(1, 2501))
    rows = file.path.read_text().splitlines()
    assert rows[0] == '{"notes": {' and rows[-1] == "}}"
    assert len(rows) == 2502
    for number, row in enumerate(rows[1:-1], 1):
        assert json.loads(f"{{{row.rstrip(',')}}}")[str(number)]["n"] == number


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 2000])
def test_file_is_json_for_any_number_of_documents(file, count):
    file.replace((n, encoded("k")) for n in range(count))
    assert len(json.loads(file.path.read_text())["notes"]) == count
    assert len(list(lines(file.path.read_bytes(), file.name, "notes"))) == count
    assert len(parse(file.path.read_bytes(), file.name, "notes").documents) == count


def test_new_file_is_private_and_an_existing_one_keeps_its_mode(file):
    file.replace([(1, encoded("a"))])
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.path.chmod(0o644)
    file.replace([(1, encoded("b"))])
    assert file.path.stat().st_mode & 0o777 == 0o644


def test_new_file_belongs_to_whom_the_former_one_did(file):
    """They edit it, while the server runs as root."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    file.replace([(1, encoded("a"))])
    os.chown(file.path, 12345, 54321)
    file.path.chmod(0o640)
    file.replace([(1, encoded("b"))])
    found = file.path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 54321, 0o640)


@pytest.mark.parametrize("year", [30828, 9999, 1969, 1601, 1])
def test_file_of_any_time_is_served_and_written(tmp_path, year):
    """NTFS and Samba have such times; file systems that have not take the nearest."""
    save(tmp_path, '{"notes": {"1": {"name": "x"}}}')
    seconds = (year - 1970) * 31_556_952
    os.utime(data(tmp_path), ns=(0, seconds * 10**9))
    table = open_table(tmp_path)
    assert list(held(table)) == ["note-1"]
    table.insert(note("a"))
    assert list(stored(tmp_path)) == ["note-1", "a"]
    os.utime(data(tmp_path), ns=(0, (seconds + 7) * 10**9))
    assert list(held(table)) == ["note-1", "a"]
    table.checkpoint()
    assert list(stored(tmp_path)) == ["note-1", "a"]


def test_time_out_of_range_is_the_last_or_the_first_that_there_is():
    year = 31_556_952 * 10**9
    for time, expected in ((28_858 * year, 2262), (-8_000 * year, 1677)):
        found = SimpleNamespace(st_ino=1, st_mtime_ns=time, st_size=1)
        assert file_time(identified(found).mtime).startswith(str(expected))


def test_link_stays_a_link(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "notes.json"
    link.symlink_to(real / "notes.json")
    DataFile(link, "notes", unflushed).replace([(1, encoded("a"))])
    assert link.is_symlink() and (real / "notes.json").is_file()


def test_tinydb_reads_and_writes_the_file_as_a_storage(file):
    assert file.read() is None
    file.write({"notes": {1: note("a")}})
    assert file.read() == {"notes": {"1": note("a")}}


def test_draft_has_the_identity_of_the_file_that_it_becomes(file):
    draft = file.path.with_name("draft")
    drafted = file.draft(draft, [(1, encoded("a"))])
    file.adopt(draft)
    assert (identity(file.path), digest(file.path.read_bytes())) == drafted
    assert not draft.exists()


def test_draft_leaves_the_one_of_another_process_alone(file):
    """Two may draft at once: neither may end up with a mixture."""
    path = file.path.with_name("draft")

    def documents():
        yield 1, encoded("a")
        file.draft(path, [(7, encoded("other"))])
        yield 2, encoded("b")

    mine = file.draft(path, documents())
    assert mine.identity != identity(path)
    assert parsed(path.read_bytes()) == {7: note("other")}


def test_draft_that_fails_is_emptied_and_the_file_stays(tmp_path):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    good = DataFile(tmp_path / "notes.json", "notes", unflushed)
    good.replace([(1, encoded("a"))])
    before = good.path.read_bytes()
    with pytest.raises(OSError, match="No space"):
        DataFile(good.path, "notes", fail).replace([(1, encoded("b"))])
    assert good.path.read_bytes() == before
    assert (tmp_path / "notes.json.draft").stat().st_size == 0


def test_large_draft_is_flushed_in_stretches_and_to_its_end(tmp_path):
    """One long flush would hold up those of the journal."""
    flushed = [0]

    def flush(descriptor):
        flushed.append(os.fstat(descriptor).st_size)

    file = DataFile(tmp_path / "notes.json", "notes", flush)
    long = encoded("a", text="x" * 1000)
    file.draft(tmp_path / "draft", [(number, long) for number in range(15_000)])
    stretches = [after - before for before, after in pairwise(flushed)]
    assert sum(stretches) == (tmp_path / "draft").stat().st_size > 3 * STRETCH
    assert min(stretches[:-1]) >= STRETCH
    assert max(stretches) <= STRETCH + CHUNK * (len(long) + 10)


@pytest.mark.parametrize("count", [0, 2])
def test_last_line_says_which_version_the_file_is(file, count):
    file.replace([(n, encoded("k", n)) for n in range(count)], Checkpoint(17, "today"))
    last = file.path.read_text().splitlines()[-1]
    assert last == '},"_checkpoint": {"1": {"number":17,"time":"today"}}}'
    assert len(list(lines(file.path.read_bytes(), file.name, "notes"))) == count
    content = parse(file.path.read_bytes(), file.name, "notes")
    assert (len(content.documents), content.checkpoint) == (count, (17, "today"))


@pytest.mark.parametrize("marker", ["7", "{}", '{"1": {"number": "x"}}', "[null]"])
def test_marker_that_says_nothing_is_as_none(marker):
    raw = '{"notes": {"3": {"id": "a"}}, "_checkpoint": %s}' % marker
    content = parse(raw.encode(), "notes.json", "notes")
    assert content == ({3: {"id": "a"}}, None)


def test_documents_may_stand_in_the_default_table():
    raw = b'{"_default": {"3": {"id": "a"}}, "notes": {}}'
    assert parsed(raw) == {3: {"id": "a"}}


@pytest.mark.parametrize("space", ["", " \r\n\t"])
def test_array_of_documents_is_numbered_from_one(space):
    raw = f'{space}[{{"id": "a"}}, 7]{space}'.encode()
    expected = {1: {"id": "a"}, 2: 7}
    assert parsed(raw) == expected
    assert parsed(b"[]") == {}


@pytest.mark.parametrize(
    "form", ["[%s]", '{"notes": {"1": %s}}'], ids=["array", "table"]
)
def test_document_may_be_as_deep_in_an_array_as_in_a_table(form):
    def nested(depth):
        return form % ('{"a":' * depth + "1" + "}" * depth)

    deepest = nested(MAX_DEPTH).encode()
    assert list(parsed(deepest)) == [1]
    assert refusal(nested(MAX_DEPTH + 1)) == "notes.json is nested too deeply"


def test_file_of_empty_tables_has_no_documents():
    assert parsed(b'{"other": {}}') == {}
    assert parsed(b"{}") == {}


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "notes.json is empty; it must be JSON"),
        (" \n", "notes.json is empty; it must be JSON"),
        (
            '{"notes": {"1": {"id": "a"}',
            "notes.json is not JSON: Expecting ',' delimiter at line 1, column 28",
        ),
        (
            '"notes"',
            "notes.json is neither an array of documents nor TinyDB JSON, which looks like "
            '{"notes": {"1": {…}, "2": {…}}}',
        ),
        (
            '{"tasks": {"1": {}}}',
            'notes.json holds a table "tasks"; its documents belong into "notes"',
        ),
        (
            '{"_default": {"1": {}}, "notes": {"1": {}}}',
            'notes.json holds documents both in "_default" and in "notes"',
        ),
        (
            '{"notes": {"1": {}, "1": {}}}',
            'notes.json holds the member "1" twice in one object',
        ),
    ],
)
def test_broken_file_is_refused_with_its_reason(content, message):
    assert refusal(content) == message


@pytest.mark.parametrize("number", ["01", "-1", "1.0", "x", "", "²"])
def test_what_is_no_number_of_tinydb_is_refused(number):
    content = json.dumps({"notes": {number: {"id": "a"}}})
    assert "nor TinyDB JSON" in refusal(content)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"tasks": {}}'])
def test_damaged_file_of_the_services_own_is_refused(content):
    with pytest.raises(Invalid, match="notes.json is damaged"):
        list(lines(content, "notes.json", "notes"))


def test_identity_tells_one_state_of_a_file_from_another(tmp_path):
    path = tmp_path / "file"
    assert identity(path) is None
    path.write_text("a")
    first = identity(path)
    assert identity(path) == first
    os.utime(path, ns=(1, 1))
    assert identity(path) != first
