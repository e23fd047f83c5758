"""The journal: its lines, its damages, and how it is flushed."""

import doctest
import errno
import zlib

import orjson
import pytest
from notes import entries, held, journal, note, open_table, stored, unflushed

import app.storage.files.journal
from app.errors import Invalid, Unavailable
from app.storage.files.commits import Commits
from app.storage.files.descriptors import Descriptor
from app.storage.files.journal import (
    CHUNK,
    Journal,
    create,
    decode,
    encode,
    mend,
    open_journal,
    read_journal,
)

HEADER = {"seq": 0, "format": 2, "epoch": "e", "base": None, "next": 1}


def lines(count):
    """Return a header and ``count`` lines that hold each other's marks as text."""
    text = '{"crc":"00000000","seq":9}\r\n\u2028'
    notes = [
        orjson.dumps(note(f"k{n}", crc={"crc": text})) for n in range(1, count + 1)
    ]
    puts = [[(n, each)] for n, each in enumerate(notes, 1)]
    entries = [{"seq": n, "put": put} for n, put in enumerate(puts, 1)]
    return [encode(entry) for entry in (HEADER, *entries)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal"


def sequences(found):
    return [line.entry["seq"] for line in found]


def salvaged(path, raw):
    """Return the numbers of what can be read of a journal of these bytes."""
    path.write_bytes(raw)
    journal = Journal(path)
    sound, damaged = journal.salvage()
    return sequences(sound), damaged


def test_journal_in_the_documentation_is_read_as_it_says():
    result = doctest.testmod(app.storage.files.journal)
    assert result.attempted and not result.failed


def test_line_is_json_with_a_checksum_and_comes_back():
    put = [(1, orjson.dumps(note("é\r\n\0"))), (7, orjson.dumps(note(',"put":[')))]
    entry = {"seq": 1, "put": put, "gone": [',"put":[']}
    raw = encode(entry)
    assert raw.startswith(b'{"crc":"') and raw.endswith(b"}\n")
    assert raw.count(b"\n") == 1 and b"\r" not in raw
    found = decode(raw)
    assert found is not None and found.raw == raw
    assert found.entry == entry
    assert orjson.loads(raw)["put"] == [orjson.loads(each) for _, each in put]


def first_form(entry):
    """Return a line as the first form of the journal had it."""
    members = orjson.dumps(entry)[1:]
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_line_of_the_first_form_is_read(count):
    notes = [note(str(n)) for n in range(count)]
    raw = first_form({"seq": 1, "put": list(enumerate(notes)), "gone": ["a"]})
    put = [(n, orjson.dumps(each)) for n, each in enumerate(notes)]
    assert decode(raw) == ({"seq": 1, "put": put, "gone": ["a"]}, raw)


@pytest.fixture
def old(tmp_path):
    """A folder with a journal of the first form that holds a note."""
    open_table(tmp_path).insert(note("a", 1))
    header, *_ = entries(tmp_path)
    put = [[1, note("a", 2)]]
    old = [{**header, "format": 1}, {"seq": 1, "put": put, "gone": []}]
    journal(tmp_path).write_bytes(b"".join(map(first_form, old)))


def test_journal_of_the_first_form_is_brought_into_the_new_one(tmp_path, old):
    started = open_table(tmp_path)
    assert held(started) == {"a": note("a", 2)}
    started.insert(note("b", 3))
    assert entries(tmp_path)[0]["format"] == 3
    assert stored(tmp_path) == {"a": note("a", 2), "b": note("b", 3)}
    assert not journal(tmp_path).with_name("notes.json.damaged").exists()


def test_journal_that_cannot_be_brought_into_the_new_form_is_read(tmp_path, old):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = journal(tmp_path).read_bytes()
    assert held(open_table(tmp_path, full)) == {"a": note("a", 2)}
    assert journal(tmp_path).read_bytes() == before


@pytest.mark.parametrize("size", [0, 5, 1000])
def test_line_whose_sizes_are_wrong_is_damaged(size):
    put = [(1, orjson.dumps(note("a"))), (2, orjson.dumps(note("b")))]
    raw = encode({"seq": 1, "put": put, "gone": []})
    members = raw[18:].replace(b",%d]]" % len(put[1][1]), b",%d]]" % size, 1)
    assert decode(b'{"crc":"%08x",%b' % (zlib.crc32(members[:-1]), members)) is None


@pytest.mark.parametrize(
    "members",
    [
        b'"seq":1',
        b'"seq":1]',
        b"}",
        # The documents are not where they are written, or are none.
        b'"put":[[1,{"id":"a"}]],"seq":1}',
        b'"put":[[1,{"id":"a"},2]],"seq":1}',
        b'"seq":1, "put":[[1]]}',
        b'"seq":1, "put":["ab"]}',
        b'"seq":1, "put":[{"a":1,"b":2}]}',
        b'"seq":1,"put":[[1,{"id":"a"},2]]}',
        b'"seq":1,"put":[5]}',
    ],
)
def test_line_that_is_no_entry_is_damaged_whatever_its_checksum(members):
    assert decode(b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members)) is None


def test_line_with_any_bit_flipped_is_damaged():
    raw = encode({"seq": 1, "gone": ["a"]})
    for place in range(len(raw) - 1):
        for bit in range(8):
            flipped = bytearray(raw)
            flipped[place] ^= 1 << bit
            assert decode(bytes(flipped)) is None, (place, bit)


def test_journal_that_is_not_there_is_none(path):
    assert open_journal(path) is None
    assert read_journal(path) == (None, [])


def test_created_journal_is_private_and_read_from_its_start(path):
    create(path, lines(2), unflushed)
    assert path.stat().st_mode & 0o777 == 0o600
    journal, found = read_journal(path)
    assert sequences(found) == [0, 1, 2]
    assert journal.offset == journal.size()


def test_tail_returns_what_was_not_skipped(path):
    create(path, lines(1), unflushed)
    reader, writer = Journal(path), Journal(path)
    found = list(reader.lines(reader.size()))
    assert sequences(found) == sequences(list(reader.lines(reader.size()))) == [0, 1]
    reader.skip(found)
    assert list(reader.lines(reader.size())) == []
    writer.skip(list(writer.lines(writer.size())))
    writer.append(lines(2)[2])
    assert sequences(list(reader.lines(reader.size()))) == [2]


def test_tail_waits_for_the_end_of_a_line(path):
    """A reader has no lock: a line may be half-written while it looks."""
    whole = lines(2)
    create(path, whole[:2], unflushed)
    reader = Journal(path)
    reader.skip(list(reader.lines(reader.size())))
    for cut in range(len(whole[2])):
        path.write_bytes(b"".join(whole[:2]) + whole[2][:cut])
        assert list(reader.lines(reader.size())) == []
    path.write_bytes(b"".join(whole))
    assert sequences(list(reader.lines(reader.size()))) == [2]


def test_salvage_keeps_every_line_but_the_one_with_the_damage(path):
    """Whichever byte of a middle line is damaged, even its end."""
    whole = lines(3)
    raw = b"".join(whole)
    start = len(whole[0])
    for place in range(start, start + len(whole[1])):
        for value in (0, 10, 13, 34, 123, raw[place] ^ 1):
            if value != raw[place]:
                flipped = raw[:place] + bytes([value]) + raw[place + 1 :]
                found, damaged = salvaged(path, flipped)
                assert found in ([0, 2, 3], [0, 1, 2, 3]), (place, value)
                assert damaged or found == [0, 1, 2, 3]


@pytest.mark.parametrize("end", [b"\0", b"", b",", b"[", b":", b"}"])
def test_salvage_keeps_both_lines_when_the_end_between_them_is_damaged(path, end):
    whole = [encode(entry) for entry in (HEADER, {"seq": 1}, {"seq": 2})]
    raw = whole[0] + whole[1][:-1] + end + whole[2]
    assert salvaged(path, raw) == ([0, 1, 2], b"")


def test_returns_in_a_line_are_white_space_to_all_who_read_it(path):
    """Else a journal could be mended for ever, and still not be read."""
    members = b'"seq":\r1}\r'
    line = b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members)
    raw = encode(HEADER) + line + encode({"seq": 2})
    path.write_bytes(raw)
    journal = Journal(path)
    assert sequences(list(journal.lines(journal.size()))) == [0, 1, 2]
    assert salvaged(path, raw) == ([0, 1, 2], b"")
    assert mend(path, path.with_name("aside"), 0, unflushed, lambda line: True) == 0


@pytest.mark.parametrize("place", [20, -3])
def test_salvage_takes_no_object_in_a_document_for_a_line(path, place):
    """Else a client could prepare an entry for the day on which the line is damaged."""
    forged = encode({"seq": 9, "put": [(1, b'{"id":"forged"}')]}).removesuffix(b"\n")
    document = b'{"id":"a","x":[%b,%b,{"crc":"0"}],"y":%b}' % (forged, forged, forged)
    line = bytearray(encode({"seq": 1, "put": [(1, document)]}))
    line[place] ^= 1
    raw = encode(HEADER) + bytes(line) + encode({"seq": 2})
    assert salvaged(path, raw) == ([0, 2], bytes(line[:-1]))


def test_salvage_keeps_what_stands_before_and_after_zeros(path):
    whole = lines(3)
    raw = whole[0] + whole[1] + bytes(5000) + b"\n" + whole[3] + bytes(5000)
    found, damaged = salvaged(path, raw)
    assert found == [0, 1, 3]
    assert damaged == bytes(5000) + b"\n" + bytes(5000)


def test_newer_format_is_refused_with_a_clear_message(path):
    create(path, [encode({**HEADER, "format": 4})], unflushed)
    with pytest.raises(Invalid) as refused:
        read_journal(path)
    assert refused.value.message == (
        "journal has format 4, made by a newer version; this version reads up to 3"
    )


def test_new_journal_that_cannot_be_flushed_is_not_put_in_place(path):
    create(path, lines(1), unflushed)

    def fail(descriptor):
        raise OSError(errno.EIO, "the disk is broken")

    with pytest.raises(OSError, match="the disk is broken"):
        create(path, lines(3), fail)
    assert sequences(read_journal(path)[1]) == [0, 1]
    left = path.with_name("journal.new")
    assert left.stat().st_size == 0, "a failed draft must not keep a full disk full"


@pytest.fixture
def file(path):
    create(path, lines(1), unflushed)
    return Journal(path).descriptor


def test_name_of_a_journal_is_flushed_before_its_first_entry(tmp_path, file):
    """The process that put it in its place may have died before it flushed the folder."""
    flushed = []
    commits = Commits(tmp_path, flushed.append)
    commits.commit(file)
    commits.commit(file)
    assert flushed.count(file.number) == 2 and len(flushed) == 3
    assert flushed[0] != file.number


def test_failed_flush_fails_all_who_come(tmp_path, file):
    errors = [OSError(errno.EIO, "Input/output error")]

    def fail_once(descriptor):
        if errors:
            raise errors.pop()

    commits = Commits(tmp_path, fail_once)
    for _ in range(2):
        with pytest.raises(Unavailable, match="Input/output error"):
            commits.commit(file)
    with pytest.raises(Unavailable):
        commits.check()


def test_file_is_closed_when_nobody_refers_to_it(path):
    path.touch()
    descriptor = Descriptor(path, 0)
    number = descriptor.number
    del descriptor
    with pytest.raises(OSError, match="Bad file descriptor"):
        Descriptor.__del__(type("Closed", (), {"number": number})())


def test_journal_is_read_in_pieces_whatever_the_length_of_its_lines(tmp_path):
    path = tmp_path / "journal"
    texts = ["x" * size for size in (1, CHUNK - 60, 3 * CHUNK, CHUNK, 0)]
    lines = [encode({"seq": n, "text": text}) for n, text in enumerate(texts)]
    path.write_bytes(b"".join(lines) + b"half a li")
    found = list(Journal(path).lines(path.stat().st_size))
    assert [line.raw for line in found] == lines
