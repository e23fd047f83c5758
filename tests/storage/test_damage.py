"""Files of any bytes: a check names file and place, and a start says what is wrong.

The bytes are those of a real folder, changed by chance; the checksums are right where the
values are wrong. What may be raised is an Error, whose message is fit for a person.
"""

import json
import os
import random
import shutil
import zlib

import pytest
from notes import (
    ALBUMS,
    NOTES,
    add_album,
    edit,
    held,
    note,
    open_table,
    remove_album,
)
from shared import SAMPLES

from app.errors import Error
from app.storage.files.fsck import findings
from app.storage.files.writing import Changes
from app.tables import SERVICES, svctasks_collection

NODE = "50e54938780c"

ODD = [
    None,
    True,
    -1,
    0,
    1.5,
    1e300,
    2**62,
    2**63,
    2**64 - 1,
    10**30,
    "",
    "x",
    [],
    {},
    [[]],
    [1, 2],
    [1, 2, 3],
    [None],
    {"a": 1},
    {"": []},
]


def with_checksum(members):
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members)


def mutated_value(chance, value, depth=0):
    """Return ``value`` with one thing in it changed, removed or added."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        value = value.copy()
        place = chance.choice(
            list(value) if isinstance(value, dict) else [*range(len(value))]
        )
        what = chance.random()
        if what < 0.15:
            del value[place]
        elif what < 0.25 and isinstance(value, dict):
            value[chance.choice(["put", "gone", "ids", "epoch", "base", "x"])] = (
                chance.choice(ODD)
            )
        else:
            value[place] = mutated_value(chance, value[place], depth + 1)
        return value
    if chance.random() < 0.03:
        return json.loads("[" * 300 + "]" * 300)
    return chance.choice(ODD)


def mutated(chance, content):
    """Return a journal, or any file of lines, with one thing in it changed by chance."""
    lines = content.splitlines(keepends=True) or [b"\n"]
    number = 0 if chance.random() < 0.3 else chance.randrange(len(lines))
    line = lines[number]
    how = chance.randrange(8)
    if how == 0:
        place = chance.randrange(len(line))
        line = line[:place] + chance.randbytes(1) + line[place + 1 :]
    elif how == 1:
        line = line[: chance.randrange(len(line))]
    elif how == 2:
        place = chance.randrange(len(line))
        line = line[:place] + chance.randbytes(chance.randrange(1, 30)) + line[place:]
    elif how == 3:
        line = b""
    elif how == 4:
        line += chance.choice(lines)
    else:
        try:
            value = mutated_value(chance, json.loads(line))
        except ValueError:
            return content
        if isinstance(value, dict):
            value.pop("crc", None)
            line = with_checksum(json.dumps(value, separators=(",", ":")).encode()[1:])
    lines[number] = line
    return b"".join(lines)


def written_notes(folder):
    table = open_table(folder)
    table.insert_multiple([note("a", 1), note("b", 2, more={"x": [1, {"y": 2}]})])
    table.checkpoint()
    table.update({"n": 7}, doc_ids=[1])
    edit(folder, lambda documents: documents["2"].update(name="edited"))
    assert held(table)["b"]["name"] == "edited"
    table.insert(note("c", 3))
    table.remove(doc_ids=[2])
    table.insert(note("d\u2028", 4))
    return NOTES


def written_albums(folder):
    table = open_table(folder, collection=ALBUMS)
    for _ in range(3):
        add_album(table, 2)
    table.checkpoint()
    add_album(table, 2)
    remove_album(table, 2)
    return ALBUMS


def written_svctasks(folder):
    return written_samples(folder, svctasks_collection(NODE), {"svcscriptcode": "x"})


def written_services(folder):
    return written_samples(folder, SERVICES, {"contact_key": "x"})


def written_samples(folder, collection, change):
    shutil.copy(SAMPLES / "data" / f"{collection.name}.json", folder)
    table = open_table(folder, collection=collection)
    table.update(change)
    return collection


WRITTEN = {
    "notes": written_notes,
    "albums": written_albums,
    "svctasks": written_svctasks,
    "services": written_services,
}

ROUNDS = int(os.environ.get("DAMAGE_ROUNDS", "60"))


@pytest.mark.parametrize("ending", ["", ".journal"])
@pytest.mark.parametrize("name", WRITTEN)
def test_check_start_and_repair_end_with_a_message_at_most(memory_path, name, ending):
    sound = memory_path / "sound"
    sound.mkdir()
    collection = WRITTEN[name](sound)
    chance = random.Random(f"{name}{ending}")
    for number in range(ROUNDS):
        folder = memory_path / "damaged"
        shutil.copytree(sound, folder, copy_function=linked_if_data)
        file = folder / f"{name}.json{ending}"
        content = before = file.read_bytes()
        for _ in range(chance.choice([1, 1, 1, 3])):
            content = mutated(chance, content)
        # In place, with its times: as if the disk had changed it.
        overwrite(file, content)
        try:
            looked_at(folder, collection)
        except Exception as error:
            error.add_note(f"round {number}: {content!r}")
            raise
        shutil.rmtree(folder)
        overwrite(sound / file.name, before)


def linked_if_data(source, target):
    """Keep the identity of a data file, by which the service knows it for its own."""
    if source.endswith(".json"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def overwrite(file, content):
    times = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def looked_at(folder, collection):
    """Check a folder, start in it, write, and check again."""
    for finding in findings(folder, collection):
        assert finding.startswith(f"{collection.name}.json"), finding
    try:
        table = open_table(folder, collection=collection)
        before = held(table)
    except Error as error:
        assert str(folder) not in error.message
        return
    removed = next(iter(before), None)

    def plan(documents, next_id):
        next_id("album")
        return Changes([], [] if removed is None else [removed])

    try:
        table.write(plan)
        before.pop(removed, None)
        table.checkpoint()
    except Error as error:
        assert str(folder) not in error.message
    table.close()
    for finding in findings(folder, collection):
        assert finding.startswith(f"{collection.name}.json"), finding
    assert held(open_table(folder, collection=collection)) == before
