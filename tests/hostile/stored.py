"""Files that somebody else has written to: journals, data files, imports and backups."""

import gzip
import io
import json
import shutil
import tarfile
import zlib
from pathlib import Path
from random import Random
from typing import Any

from mutation import Mutator
from raw_requests import SCHEMA, TASK
from shared import DATA, Clock

from app.bootstrap import check as findings
from app.bootstrap import open_store, use_cases
from app.errors import Conflict, Error, Invalid, Unavailable
from app.import_export import back_up, entities, load, restore
from app.schemas.service import SERVICES, STATES, TASKS
from app.services import Owner
from app.settings import Settings
from app.storage.files.journal import decode
from app.storage.memory import MemoryStore
from app.tables import collections

JOURNALED = ("svctasks", "services", "extensions")


class Stored:
    """A folder of data with a journal of each kind of entry, to be changed by chance."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sound = folder / "sound"
        self._settings = self._settings_of(folder / "sound")
        shutil.copytree(DATA, self._sound)
        self._fill()
        self._backup = io.BytesIO()
        store = open_store(self._settings)
        back_up(store, collections(self._settings), self._backup)
        store.close()
        shutil.rmtree(self._sound)
        shutil.copytree(folder / "written", self._sound)
        self._journals = {
            table: (self._sound / f"{table}.json.journal").read_bytes()
            for table in JOURNALED
        }

    def _settings_of(self, folder: Path) -> Settings:
        return Settings.from_environment(
            data=folder, fsync="never", node="50e54938780c"
        )

    def _fill(self) -> None:
        store = open_store(self._settings)
        does = use_cases(store, self._settings, Clock())
        for number in range(4):
            does.svctasks.create({**TASK, "name": f"task {number}"})
        task = does.svctasks.create({"name": "n"}).key
        does.svctasks.change(str(task), {"ext": {"k": "ünï"}, "isenabled": 1})
        does.svctasks.remove(str(task))
        does.services.extensions.create(SERVICES, SCHEMA)
        service = does.services.start({"service_type": 1, "customer_id": "c"})
        does.services.start_in(service, STATES, {"state_type": 1})
        does.services.start_in(service, TASKS, {"task_type": 1})
        does.services.complete(Owner(service, SERVICES, service), {})
        # As a crash would leave it: what is closed has no journal.
        shutil.copytree(self._sound, self._folder / "written")
        store.close()
        # What a checkpoint keeps is beside a journal of what came before it.
        for path in self._sound.iterdir():
            if path.suffix in (".changes", ".versions"):
                shutil.copy(path, self._folder / "written")

    # Journals and data files

    def try_line(self, chance: Random) -> None:
        """Decode a line whose bytes or whose values are changed."""
        raw = chance.choice(self._journals[chance.choice(JOURNALED)].splitlines(True))
        line = self._changed_line(Mutator(chance), raw)
        found = decode(line)
        assert found is None or found.raw == line

    def try_journal(self, chance: Random) -> None:
        """Open a folder in which lines of a journal are changed."""
        mutate = Mutator(chance)
        table = chance.choice(JOURNALED)
        lines = self._journals[table].splitlines(keepends=True)
        for _ in range(chance.choice((1, 1, 2, 4))):
            place = chance.randrange(len(lines))
            match chance.randrange(6):
                case 0:
                    del lines[place]
                case 1:
                    lines.insert(chance.randrange(len(lines) + 1), lines[place])
                case _:
                    lines[place] = self._changed_line(mutate, lines[place])
            if not lines:
                break
        self._open({f"{table}.json.journal": b"".join(lines)})

    def try_data_file(self, chance: Random) -> None:
        """Open a folder in which a data file is changed, as by an edit or a fault."""
        mutate = Mutator(chance)
        table = chance.choice(JOURNALED)
        name = f"{table}.json{chance.choice(('', '', '.changes', '.versions'))}"
        content = (self._sound / name).read_bytes()
        if mutate.often(0.3):
            content = mutate.content(content)
        elif name.endswith(".json"):
            content = mutate.spelled(mutate.value(json.loads(content)))
        else:
            lines = content.splitlines(keepends=True)
            place = chance.randrange(len(lines))
            lines[place] = self._changed_line(mutate, lines[place])
            content = b"".join(lines)
        self._open({name: content})

    def _changed_line(self, mutate: Mutator, raw: bytes) -> bytes:
        if mutate.often(0.3):
            return mutate.content(raw)
        members = raw[raw.find(b",") + 1 :].removesuffix(b"\n")
        try:
            value = mutate.value(json.loads(b"{" + members))
        except ValueError:
            # It was changed before.
            value = None
        if value is None or mutate.often(0.4):
            members = mutate.content(members)
        else:
            members = json.dumps(value, separators=(",", ":")).encode()[1:]
        return b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members)

    def _open(self, changed: dict[str, bytes]) -> None:
        """Check and open a folder with ``changed`` files, twice: the same is there."""
        folder = self._folder / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._sound, folder)
        for name, content in changed.items():
            (folder / name).write_bytes(content)
        settings = self._settings_of(folder)
        for finding in findings(settings):
            self._fit(finding, folder)
        seen = []
        for _ in range(2):
            try:
                store = open_store(settings)
            except Error as error:
                self._fit(error.message, folder)
                seen.append(None)
                continue
            try:
                # What is read can be written and answered.
                contents = [_readable(store, name) for name in JOURNALED]
                json.dumps(contents, allow_nan=False).encode()
                for name in JOURNALED:
                    list(store.history(name))
                seen.append(contents)
            finally:
                store.close()
        assert seen[0] == seen[1]

    def _fit(self, message: str, folder: Path) -> None:
        assert message and str(folder) not in message, message
        assert len(message) < 20_000

    # Imports and backups

    def try_import(self, chance: Random) -> None:
        """Import a file that is changed; all or nothing is there then."""
        mutate = Mutator(chance)
        table = chance.choice(("svctasks", "services", "extensions"))
        content = (DATA / f"{table}.json").read_bytes()
        value: Any = json.loads(content)
        if mutate.often(0.6):
            value = list(value[table].values())
        if mutate.often(0.2) and isinstance(value, list):
            value = value[0]
        raw = mutate.spelled(mutate.value(value)) if mutate.often(0.8) else content
        if mutate.often(0.2):
            raw = mutate.content(raw)
        self._import(table, raw, mutate.often(0.5), mutate.often(0.3))

    def _import(self, table: str, raw: bytes, replace: bool, skip: bool) -> None:
        known = collections(self._settings)
        store = MemoryStore(known)
        does = use_cases(store, self._settings, Clock())
        [collection] = [each for each in known if each.name == table]
        complete = {
            "svctasks": does.svctasks.complete_document,
            "services": does.services.complete_document,
        }.get(table, lambda raw: collection.complete(raw, 0, ""))
        skipped: list[str] = []

        def note(place: str, reason: str) -> None:
            assert place and reason
            skipped.append(place)

        given = 0
        try:
            found = entities(raw, table, "file.json")
            given = len(found)
            count = load(
                store,
                table,
                collection.key,
                found,
                complete,
                replace,
                note if skip else None,
            )
        except (Invalid, Conflict) as error:
            assert error.message
            assert not list(store.scan(table))
            return
        documents = [record.document for record in store.scan(table)]
        assert count == len(documents) == given - len(skipped)
        # What was imported can be exported and imported again.
        again = entities(json.dumps(documents).encode(), table, "again")
        assert [complete(each) for _, each in again] == documents

    def try_restore(self, chance: Random) -> None:
        """Restore a backup that is changed."""
        mutate = Mutator(chance)
        content = self._backup.getvalue()
        if mutate.often(0.3):
            content = mutate.content(content)
        elif mutate.often(0.5):
            inner = mutate.content(gzip.decompress(content))
            content = gzip.compress(inner, 1)
        else:
            content = self._packed(mutate, content)
        path = self._folder / "backup.tar.gz"
        path.write_bytes(content)
        known = collections(self._settings)
        store = MemoryStore(known)
        try:
            restored = restore(store, known, path)
        except Invalid as error:
            self._fit(error.message, self._folder)
            assert not any(list(store.scan(each.name)) for each in known)
            return
        total = sum(len(list(store.scan(each.name))) for each in known)
        assert total == restored.total

    def _packed(self, mutate: Mutator, content: bytes) -> bytes:
        """Return a backup in which the JSON of a member is changed."""
        packed = io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(content)) as old,
            tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as new,
        ):
            members = old.getmembers()
            place = mutate.chance.randrange(len(members))
            for number, member in enumerate(members):
                file = old.extractfile(member)
                assert file is not None
                raw = file.read()
                if number == place:
                    raw = mutate.spelled(mutate.value(json.loads(raw)))
                member.size = len(raw)
                new.addfile(member, io.BytesIO(raw))
        return packed.getvalue()


def _readable(store: Any, table: str) -> list[Any]:
    """Return the documents of a table; none if one cannot be read: requests get a 503.

    Documents are not decoded before they are asked for.
    """
    try:
        return [record.document for record in store.scan(table)]
    except Unavailable:
        return []
