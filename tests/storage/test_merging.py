"""Edits by hand are merged three ways: nobody loses what somebody else wrote.

A person opens the data file, others write meanwhile, and the person saves what they
opened, changed in some documents.
"""

import json
import shutil

import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from notes import (
    ALBUMS,
    add_album,
    data,
    entries,
    held,
    journal,
    note,
    open_table,
    save,
    stored,
    unflushed,
)
from tinydb import where

from app.errors import Invalid
from app.storage.files import versions
from app.storage.files.journal import Line, encode
from app.storage.files.records import Record, encoded
from app.storage.files.versions import UNKNOWN, Checkpoint, Step, Versions, newest

KEYS = "abcd"
VERSIONS = "notes.json.versions"


def opened(folder, name="notes"):
    """Return what an editor holds that opened the data file."""
    return json.loads(data(folder, name).read_text())


def number_of(content, key):
    """Return the number under which ``key`` stands in what an editor holds."""
    numbers = [n for n, each in content["notes"].items() if each["id"] == key]
    return numbers[0] if numbers else None


def put(table, key, n=0, **more):
    table.upsert(note(key, n, **more), where("id") == key)


def saved(folder, content, **changes):
    """Save what an editor holds, with other numbers in the notes of these keys."""
    for key, n in changes.items():
        content["notes"][number_of(content, key)]["n"] = n
    save(folder, json.dumps(content))


def numbers(documents):
    return {key: document["n"] for key, document in documents.items()}


@pytest.fixture
def table(tmp_path):
    """A table with three documents in its data file."""
    table = open_table(tmp_path)
    table.insert_multiple([note("a", 1), note("b", 2), note("c", 3)])
    table.checkpoint()
    yield table
    table.close()


@pytest.fixture(params=["running", "stopped"])
def seen(request, tmp_path, table):
    """What a process holds after an edit: one that ran before, or one that starts."""

    def seen():
        looking = table if request.param == "running" else open_table(tmp_path)
        return numbers(held(looking))

    return seen


def write(table, checkpoints=1):
    """Create, change and remove documents, with as many checkpoints."""
    put(table, "d", 4)
    for n in range(checkpoints):
        put(table, "a", 10 + n)
        table.checkpoint()
    table.remove(where("id") == "b")


WRITTEN = {"c": 3, "d": 4}


@pytest.mark.parametrize("checkpoints", [0, 1, 3])
def test_editor_that_saves_what_it_opened_earlier_keeps_what_was_written_since(
    tmp_path, table, seen, checkpoints
):
    editor = opened(tmp_path)
    write(table, checkpoints)
    a = 9 + checkpoints if checkpoints else 1
    saved(tmp_path, editor, c=30)
    assert seen() == {"a": a, **WRITTEN, "c": 30}
    table.checkpoint()
    assert numbers(stored(tmp_path)) == {"a": a, **WRITTEN, "c": 30}
    assert json.loads(data(tmp_path).read_text())["notes"]["3"]["n"] == 30


def test_what_both_changed_is_as_the_person_wrote_it_and_said_in_the_log(
    tmp_path, table, seen, caplog
):
    editor = opened(tmp_path)
    write(table)
    saved(tmp_path, editor, a=11, b=12)
    put(open_table(tmp_path), "e", 5)
    assert seen() == {"a": 11, "b": 12, **WRITTEN, "e": 5}
    replaced = "the edit replaced what was written since it was opened: a, b"
    where = "what was replaced is in notes.json.before.1"
    assert f"{replaced}; {where}" in caplog.text
    [kept] = json.loads((tmp_path / "notes.json.before.1").read_text())[
        "notes"
    ].values()
    assert kept == note("a", 10)


def test_next_save_of_the_same_editor_changes_only_what_is_new_in_it(
    tmp_path, table, seen
):
    editor = opened(tmp_path)
    put(table, "b", 20)
    saved(tmp_path, editor, a=11)
    held(table)
    table.checkpoint()
    put(table, "a", 12)
    table.checkpoint()
    saved(tmp_path, editor, c=31)
    assert seen() == {"a": 12, "b": 20, "c": 31}
    put(table, "b", 21)
    saved(tmp_path, editor)
    assert seen() == {"a": 12, "b": 21, "c": 31}


def test_next_save_of_the_same_editor_may_undo_a_part(tmp_path, table, seen):
    editor = opened(tmp_path)
    editor["notes"] |= {"7": note("x", 7), "8": note("y", 8)}
    saved(tmp_path, editor, a=11)
    held(table)
    table.checkpoint()
    del editor["notes"]["7"], editor["notes"]["8"]
    saved(tmp_path, editor)
    assert seen() == {"a": 11, "b": 2, "c": 3}


def test_two_editors_of_one_version_keep_what_the_other_changed(tmp_path, table, seen):
    one, other = opened(tmp_path), opened(tmp_path)
    saved(tmp_path, one, a=11)
    held(table)
    saved(tmp_path, other, b=12)
    held(table)
    saved(tmp_path, one, c=13)
    assert seen() == {"a": 11, "b": 12, "c": 13}


def test_newest_document_can_be_removed_by_hand(tmp_path, table, seen):
    """What is left is, but for the marker, the version from before it was created."""
    put(table, "d", 4)
    table.checkpoint()
    editor = opened(tmp_path)
    del editor["notes"][number_of(editor, "d")]
    saved(tmp_path, editor)
    assert seen() == {"a": 1, "b": 2, "c": 3}


def test_tool_that_orders_members_anew_changes_nothing(tmp_path, table, seen):
    put(table, "a", 1, more={"x": [{"z": 1, "y": 2}], "b": None})
    table.checkpoint()
    editor = opened(tmp_path)
    put(table, "a", 5, more={"x": [{"z": 1, "y": 2}], "b": None})
    put(table, "b", 6)
    table.checkpoint()
    editor["notes"][number_of(editor, "c")]["n"] = 7
    save(tmp_path, json.dumps(editor, sort_keys=True, indent=1))
    assert seen() == {"a": 5, "b": 6, "c": 7}


def test_editor_of_the_file_that_a_person_wrote_first_keeps_what_was_written(tmp_path):
    """It has no marker, and its documents have no time but that of the file."""
    save(tmp_path, json.dumps({"notes": {"1": {"name": "x"}, "2": {"name": "y"}}}))
    editor = opened(tmp_path)
    table = open_table(tmp_path)
    table.update({"n": 5}, where("id") == "note-1")
    table.checkpoint()
    editor["notes"]["3"] = note("z", 3)
    saved(tmp_path, editor)
    assert held(table)["note-1"]["n"] == 5
    table.checkpoint()
    for name in "uvw":
        editor["notes"]["2"]["name"] = name
        editor["notes"][str(ord(name))] = note(name)
        saved(tmp_path, editor)
        found = held(table)
        assert (found["note-1"]["n"], found["note-2"]["name"]) == (5, name)
    assert found.keys() == {"note-1", "note-2", "z", "u", "v", "w"}


@pytest.mark.parametrize("marker", [None, {"1": {"number": 99, "time": "never"}}])
def test_edit_of_an_unknown_version_is_taken_for_that_of_the_closest(
    tmp_path, table, seen, marker, caplog
):
    editor = opened(tmp_path)
    write(table)
    del editor["_checkpoint"]
    editor |= {"_checkpoint": marker} if marker else {}
    saved(tmp_path, editor, c=30)
    put(open_table(tmp_path), "e", 5)
    assert seen() == {"a": 10, **WRITTEN, "c": 30, "e": 5}
    assert "does not say which version it comes from" in caplog.text


def test_edit_of_a_version_that_is_not_kept_any_more_changes_nothing(
    tmp_path, table, caplog
):
    """It cannot be told from what was written since."""
    editor = opened(tmp_path)
    write_long_ago(tmp_path, table)
    former = numbers(held(table))
    saved(tmp_path, editor, c=30)
    assert numbers(held(table)) == former
    assert "comes from its version of" in table.fault
    assert numbers(held(open_table(tmp_path))) == former
    saved(tmp_path, json.loads(served(tmp_path)), c=30)
    assert numbers(held(table)) == {**former, "c": 30}
    assert table.fault is None


def test_process_does_not_start_over_an_edit_of_a_version_that_is_not_kept_any_more(
    tmp_path, table
):
    editor = opened(tmp_path)
    write_long_ago(tmp_path, table)
    table.close()
    saved(tmp_path, editor, c=30)
    with pytest.raises(Invalid, match="open the file anew and repeat the edit"):
        open_table(tmp_path)
    del editor["_checkpoint"]
    saved(tmp_path, editor)
    open_table(tmp_path).close()


def write_long_ago(folder, table):
    """Write, so that the versions before are not kept any more."""
    write(table, 2)
    table.checkpoint()
    path = folder / VERSIONS
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[-1])


def served(folder):
    """Return the data file that holds what is served while an edit is broken."""
    return (folder / "notes.json.served").read_text()


@pytest.mark.parametrize("text", ["[]", "{}", '{"notes": {}}'])
def test_file_that_holds_nothing_of_any_version_is_meant_as_it_is(
    tmp_path, table, seen, text
):
    """There was a version without documents too, but nothing says that this is it."""
    put(table, "d", 4)
    table.checkpoint()
    save(tmp_path, text)
    assert seen() == {}


def test_array_that_a_person_wrote_replaces_all(tmp_path, table, seen):
    put(table, "d", 4)
    table.checkpoint()
    save(tmp_path, json.dumps([note("x", 1), note("c", 3)]))
    assert seen() == {"x": 1, "c": 3}


def test_edits_of_documents_under_integers_are_merged(tmp_path):
    table = open_table(tmp_path, collection=ALBUMS)
    add_album(table)
    table.checkpoint()
    editor = opened(tmp_path, "albums")
    add_album(table)
    table.checkpoint()
    editor["albums"]["1"]["artist"] = "x"
    save(tmp_path, json.dumps(editor), "albums")
    for looking in (open_table(tmp_path, collection=ALBUMS), table):
        found = held(looking)
        assert {key: each["artist"] for key, each in found.items()} == {1: "x", 2: ""}


def test_process_that_starts_leaves_the_edit_to_those_that_ran_before(tmp_path, table):
    """They know more of what was written since."""
    editor = opened(tmp_path)
    write(table)
    table.checkpoint()
    (tmp_path / VERSIONS).write_bytes(b"")
    saved(tmp_path, editor, c=30)
    open_table(tmp_path)
    assert "edit" not in entries(tmp_path)[-1]
    held(table)
    assert "edit" in entries(tmp_path)[-1]


def test_what_is_in_no_file_is_named_in_the_log(tmp_path, table, caplog):
    """So much was written since that only a process that ran has it."""
    editor = opened(tmp_path)
    long = "x" * (versions.CONTENT_BYTES // 2)
    for key in "abd":
        put(table, key, 9, more={"text": long})
    table.checkpoint()
    saved(tmp_path, editor, c=30)
    started = open_table(tmp_path)
    started.insert(note("e", 5))
    assert numbers(held(started)) == {"a": 1, "b": 2, "c": 30, "e": 5}
    assert "is in no file, so that these are as they were then: a, b, d" in caplog.text


def test_much_that_was_written_since_stays_while_a_process_runs(tmp_path, table):
    editor = opened(tmp_path)
    long = "x" * (versions.CONTENT_BYTES // 2)
    for key in "abd":
        put(table, key, 9, more={"text": long})
    table.checkpoint()
    saved(tmp_path, editor, c=30)
    assert numbers(held(table)) == {"a": 9, "b": 9, "c": 30, "d": 9}


def test_edit_is_merged_above_a_journal_of_the_former_form(tmp_path, table):
    """It does not tell what was before: what was written stays."""
    editor = opened(tmp_path)
    put(table, "a", 10)
    header, *rest = entries(tmp_path)
    for entry in rest:
        entry.pop("was", None)
    journal(tmp_path).write_bytes(b"".join(map(encode, [header, *rest])))
    saved(tmp_path, editor, a=11, b=12)
    assert numbers(stored(tmp_path)) == {"a": 10, "b": 12, "c": 3}


# The file of the versions


def step(number, *keys, until=None):
    """Return a step in which these keys were written."""
    until = until or Checkpoint(number + 1, "t")
    latter = {each: Record(n, each, encoded(note(each))) for n, each in enumerate(keys)}
    return Step(Checkpoint(number, "t"), until, "", dict.fromkeys(keys, 7), latter)


@pytest.fixture
def file(tmp_path):
    return Versions(tmp_path / "versions", "id", unflushed)


def history(file, number):
    found = file.history([Step(Checkpoint(number, "t"))])
    return [(each.since.number, list(each.former)) for each in found]


def test_steps_are_read_as_they_were_kept(file):
    file.add(step(0, "a"))
    file.add(step(1, "b", "c"))
    assert history(file, 2) == [(0, ["a"]), (1, ["b", "c"]), (2, [])]
    assert history(file, 1) == [(0, ["a"]), (1, [])]
    assert history(file, 7) == [(7, [])]


def test_step_that_came_to_nothing_leads_nowhere(file):
    file.add(step(0, "a", until=Checkpoint(1, "never")))
    file.add(step(0, "a", "b"))
    assert history(file, 1) == [(0, ["a", "b"]), (1, [])]


@pytest.mark.parametrize("damage", [b"half a li", b"\0\0\n", b"{}\n"])
def test_damaged_lines_are_passed_over(file, damage):
    file.add(step(0, "a"))
    with file.path.open("ab") as opened:
        opened.write(damage)
    file.add(step(1, "b"))
    assert history(file, 2) == [(0, ["a"]), (1, ["b"]), (2, [])]


def test_of_much_that_was_written_only_the_revisions_are_kept(file):
    long = encoded(note("a", text="x" * versions.CONTENT_BYTES))
    given = step(0, "a", "b")
    given.take({"put": [(1, long)], "was": [7]}, "id")
    file.add(given)
    assert file.path.stat().st_size < 200
    [found, _] = file.history([Step(Checkpoint(1, "t"))])
    assert (found.former, found.latter) == ({"a": 7, "b": 7}, {})


def test_file_is_bounded_and_the_last_ten_steps_are_kept(file):
    long = "x" * 400_000
    for number in range(60):
        given = step(number, "a")
        given.latter["a"] = Record(1, "a", encoded(note("a", text=long)))
        file.add(given)
        assert file.path.stat().st_size < 3 * versions.BYTES
    assert len(history(file, 60)) > 10
    huge = [
        Line({"seq": n, what: True}, b"x" * versions.BYTES)
        for n in range(20)
        for what in ("until", "edited")
    ]
    assert newest(huge) == huge[-20:]


def test_revisions_that_are_not_told_are_unknown():
    found = Step(Checkpoint(0, "t"))
    found.take({"put": [(1, encoded(note("a")))], "gone": ["b"]}, "id")
    assert found.former == {"a": UNKNOWN, "b": UNKNOWN}


# Any history


class Histories(RuleBasedStateMachine):
    """Any history of writes, checkpoints, edits and restarts, in two workers.

    Each write and each edit of a document gives it a number that no other has.
    """

    editors = Bundle("editors")

    def __init__(self):
        super().__init__()
        self.count = 0
        self.folder = FOLDERS.new()
        self.workers = [open_table(self.folder), open_table(self.folder)]
        self.expected = {}
        self.stops = 0
        self.put(0, "a")
        self.workers[0].checkpoint()

    def next_note(self, key):
        self.count += 1
        return note(key, self.count)

    @rule(worker=st.integers(0, 1), key=st.sampled_from(KEYS))
    def put(self, worker, key):
        self.expected[key] = self.next_note(key)
        self.workers[worker].upsert(self.expected[key], where("id") == key)

    @rule(worker=st.integers(0, 1), key=st.sampled_from(KEYS))
    def remove(self, worker, key):
        self.expected.pop(key, None)
        self.workers[worker].remove(where("id") == key)

    @rule(worker=st.integers(0, 1))
    def checkpoint(self, worker):
        self.workers[worker].checkpoint()

    @rule(worker=st.integers(0, 1))
    def look(self, worker):
        held(self.workers[worker])

    @rule(worker=st.integers(0, 1))
    def restart(self, worker):
        self.workers[worker] = open_table(self.folder)

    @rule(target=editors)
    def open(self):
        """Open a file that says what it is: about a second after it was edited."""
        self.workers[0].checkpoint()
        return self.stops, opened(self.folder)

    @rule(
        target=editors,
        editor=editors,
        changed=st.sets(st.sampled_from(KEYS), max_size=2),
        removed=st.sets(st.sampled_from(KEYS), max_size=1),
        indent=st.sampled_from([None, 2]),
        is_stopped=st.booleans(),
    )
    def save(self, editor, changed, removed, indent, is_stopped):
        stops, content = editor
        # What a person changed while nothing ran is not told apart by an older editor.
        assume(stops == self.stops)
        content = json.loads(json.dumps(content))
        for key in removed - changed:
            if (number := number_of(content, key)) is not None:
                del content["notes"][number]
                self.expected.pop(key, None)
        for key in sorted(changed):
            number = number_of(content, key) or str(
                max(map(int, content["notes"]), default=0) + 1
            )
            content["notes"][number] = self.expected[key] = self.next_note(key)
        save(self.folder, json.dumps(content, indent=indent))
        if is_stopped:
            self.stops += 1
            self.workers = [open_table(self.folder), open_table(self.folder)]
        return multiple()

    @invariant()
    def everything_is_as_it_was_written_last(self):
        for worker in (*self.workers, open_table(self.folder)):
            assert held(worker) == self.expected
            assert len({each.number for each in worker.documents}) == len(worker)

    def teardown(self):
        shutil.rmtree(self.folder)


class Folders:
    """New folders for the histories in one test."""

    def __init__(self):
        self.root = None
        self.count = 0

    def new(self):
        self.count += 1
        folder = self.root / str(self.count)
        folder.mkdir()
        return folder


FOLDERS = Folders()


def test_what_a_person_did_not_touch_stays_in_any_history(memory_path):
    FOLDERS.root = memory_path
    bounds = settings(
        max_examples=60,
        stateful_step_count=20,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=bounds)
