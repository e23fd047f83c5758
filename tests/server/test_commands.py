"""The commands beside ``serve``: what each prints, takes and leaves."""

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import zlib

import pytest
from running import SVCTASKS, Server, svctasks
from shared import ASKED, DATA, PATIENCE, SAMPLES, T, sample, until

from app.cli import main

ENTITY = sample("svctask.json")
LIST = SAMPLES / "svctasks.list.json"


@pytest.fixture(scope="module")
def sample_tasks(tmp_path_factory):
    """A data folder with the two tasks of the samples, to copy."""
    data = tmp_path_factory.mktemp("tasks") / "data"
    assert svctasks("import", "svctasks", LIST, data=data).returncode == 0
    return data


@pytest.fixture
def loaded(sample_tasks, data):
    """A data folder with the two tasks of the samples."""
    return shutil.copytree(sample_tasks, data)


def ids(data):
    """Return the ids in a data folder, as export tells them."""
    result = svctasks("export", "svctasks", data=data)
    assert result.returncode == 0, result.stderr
    return [task["id"] for task in json.loads(result.stdout)]


RUN = {
    "id": "42643d33-5822-efae-df70-85de87b5c92f",
    "svctask": "86228b15-016c-cdef-ccce-50e54938780c",
    "cause": "schedule",
    "slot": "2019-08-26T14:00:00.000Z",
    "state": "succeeded",
}

CLOCK = {
    "id": RUN["svctask"],
    "svctask": RUN["svctask"],
    "site": "",
    "timing": "",
    "armed": 0,
    "slot": 0,
    "behind": 0,
    "active": [],
    "wanted": [],
    "unrecorded": [],
}


@pytest.fixture(scope="module")
def sample_of_all(tmp_path_factory):
    """A data folder with a document in every table, to copy."""
    data = shutil.copytree(DATA, tmp_path_factory.mktemp("all") / "data")
    attribute = {"name": "Kinds", "values": [], "cv_attributes": ["Task.type"]}
    (data / "business_attributes.json").write_text(json.dumps([attribute]))
    hours = {"name": "default", "timezone": "Europe/Berlin", "week": []}
    (data / "workhours.json").write_text(json.dumps([hours]))
    (data / "modes.json").write_text('[{"name": "server", "mode": "maintenance"}]')
    (data / "svcruns.json").write_text(json.dumps([RUN]))
    (data / "clocks.json").write_text(json.dumps([CLOCK]))
    [service] = documents(data, "services")
    service["active_states"][0]["Notes"] = {"by": "ann"}
    service["active_tasks"][0]["Notes"] = [{"n": 1}, {"n": 2.5}]
    file = data.with_name("service.json")
    file.write_text(json.dumps(service))
    result = svctasks("import", "services", file, "--replace", data=data)
    assert result.returncode == 0, result.stderr
    return data


@pytest.fixture
def everything(sample_of_all, data):
    """A data folder with a document in every table; the files are as a person left them.

    A service, a state and a task have extension values.
    """
    return shutil.copytree(sample_of_all, data)


TABLES = [
    "svctasks",
    "extensions",
    "services",
    "business_attributes",
    "workhours",
    "modes",
    "svcruns",
]


def documents(data, table):
    """Return the documents in a data file that is not behind its journal."""
    return list(json.loads((data / f"{table}.json").read_text())[table].values())


def limited(size, *arguments, data):
    """Run a command that cannot write files of more than ``size`` bytes."""
    return subprocess.run(
        ["prlimit", f"--fsize={size}", SVCTASKS, *arguments, "--data", data],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


COMMANDS = [
    "serve",
    "import",
    "export",
    "check",
    "backup",
    "restore",
    "routes",
    "settings",
]


@pytest.mark.parametrize("sign", ["--help", "-h"])
def test_help_names_every_command_with_all_that_it_does(sign):
    result = svctasks(sign, COLUMNS="80")
    assert result.returncode == 0
    words = " ".join(result.stdout.partition("Commands:")[2].split())
    for name, command in main.commands.items():
        summary = " ".join(command.help.partition("\n")[0].split())
        assert f"{name} {summary}" in words


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(command):
    result = svctasks(command, "--help")
    assert result.returncode == 0
    example = result.stdout.split("Example:")[1]
    assert f"svctasks {command}" in example.replace("\n", " ")


def test_version_is_told():
    assert svctasks("--version").stdout.startswith("svctasks, version ")


def test_a_command_that_does_not_exist_is_refused_with_a_hint():
    result = svctasks("exprot")
    assert result.returncode == 2
    assert "No such command" in result.stderr


# import


def test_import_with_replace_replaces_what_exists(loaded, tmp_path):
    file = tmp_path / "one.json"
    file.write_text(json.dumps({**ENTITY, "name": "replaced"}))
    assert svctasks("import", "svctasks", file, data=loaded).returncode == 1
    result = svctasks("import", "svctasks", file, "--replace", data=loaded)
    assert (result.returncode, result.stdout) == (0, "1 imported\n")
    tasks = json.loads(svctasks("export", "svctasks", data=loaded).stdout)
    assert [task["name"] for task in tasks] == ["replaced", "Daily cleaning"]


def test_import_with_skip_invalid_names_what_it_skips_and_why(data, tmp_path):
    file = tmp_path / "some.json"
    file.write_text(json.dumps([{"name": "a"}, {"isenabled": 5}, ENTITY, ENTITY]))
    result = svctasks("import", "svctasks", file, "--skip-invalid", data=data)
    assert (result.returncode, result.stdout) == (0, "2 imported\n")
    assert result.stderr.splitlines() == [
        "skipped item 2: name: is required; isenabled: must be 0 or 1",
        f"skipped item 4: id: {ENTITY['id']} is in the file twice",
    ]


def test_import_shows_its_progress_on_a_terminal(data):
    """The other end of a pseudo-terminal sees what a person would."""
    master, terminal = os.openpty()
    pid = os.posix_spawn(
        *_command("import", "svctasks", LIST, "--data", data),
        file_actions=[(os.POSIX_SPAWN_DUP2, terminal, n) for n in (0, 1, 2)],
    )
    os.close(terminal)
    seen = b""
    while True:
        try:
            part = os.read(master, 1000)
        except OSError:
            break
        seen += part
        if not part:
            break
    os.close(master)
    assert os.waitpid(pid, 0)[1] == 0
    assert b"checking" in seen and b"100%" in seen and b"2 imported" in seen


def _command(*arguments):
    argv = [str(each) for each in (SVCTASKS, *arguments)]
    return argv[0], argv, {**os.environ, "TERM": "xterm"}


# export


def test_export_writes_what_import_takes(loaded, tmp_path):
    file = tmp_path / "tasks.json"
    result = svctasks("export", "svctasks", file, data=loaded)
    assert (result.returncode, result.stdout) == (0, "2 exported\n")
    assert json.loads(file.read_text())[0] == ENTITY
    copy = tmp_path / "copy"
    assert svctasks("import", "svctasks", file, data=copy).stdout == "2 imported\n"
    assert ids(copy) == ids(loaded)


def test_export_of_services_writes_what_import_takes(everything, tmp_path):
    """Extension values of states and tasks come along, even those without a schema."""
    file, again = tmp_path / "services.json", tmp_path / "again.json"
    result = svctasks("export", "services", file, data=everything)
    assert (result.returncode, result.stdout) == (0, "1 exported\n")
    exported = json.loads(file.read_text())
    assert exported == documents(everything, "services")
    assert exported[0]["active_tasks"][0]["Notes"] == [{"n": 1}, {"n": 2.5}]
    copy = tmp_path / "copy"
    assert svctasks("import", "services", file, data=copy).stdout == "1 imported\n"
    svctasks("export", "services", again, data=copy)
    assert again.read_bytes() == file.read_bytes()


def test_export_has_what_clients_wrote(server):
    """Ids, times and extension values are those that replies show."""
    schema = {
        "name": "Note",
        "type": "single-valued",
        "attributes": [{"name": "text", "type": "string"}],
    }
    for level in ("services", "states", "tasks"):
        path = f"/metadata/{level}/extensions"
        assert server.request("POST", path, schema).status == 201
    note = {"Note": {"text": "n"}}
    start = {"service_type": 1, "contact_key": "k", **note}
    server.request("POST", "/services/start", start)
    for level, type_ in (("states", "state_type"), ("tasks", "task_type")):
        path = f"/services/1/{level}/start"
        server.request("POST", path, {type_: 1, **note})
    asked = ASKED.replace("ClientInfo", "Note")
    shown = server.request("GET", f"/services/1?{asked}").json
    result = svctasks("export", "services", data=server.data)
    assert json.loads(result.stdout) == [shown]
    assert result.stdout.count('"Note":{"text":"n"}') == 3


@pytest.mark.parametrize("collection", ["svctasks", "services"])
def test_export_of_nothing_is_an_empty_array(data, collection):
    data.mkdir()
    assert json.loads(svctasks("export", collection, data=data).stdout) == []


@pytest.mark.parametrize("command", [["export", "svctasks"], ["backup", "--replace"]])
def test_a_file_that_cannot_be_written_is_left_as_it_was(data, tmp_path, command):
    tasks = tmp_path / "tasks.json"
    tasks.write_text(json.dumps([{"name": os.urandom(9).hex()} for _ in range(60)]))
    assert svctasks("import", "svctasks", tasks, data=data).returncode == 0
    folder = tmp_path / "out"
    folder.mkdir()
    file = folder / "file"
    file.write_text("former")
    result = limited(1000, *command, file, data=data)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"svctasks: {file}: File too large\n"
    assert [each.name for each in folder.iterdir()] == ["file"]
    assert file.read_text() == "former"


@pytest.mark.parametrize("command", [["export", "svctasks"], ["backup"]])
def test_what_a_killed_run_left_behind_is_in_nobodys_way(loaded, tmp_path, command):
    file = tmp_path / "file"
    left = tmp_path / "file.new"
    left.write_text("half")
    result = svctasks(*command, file, data=loaded)
    assert result.returncode == 0, result.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert left.read_text() == "half"


@pytest.mark.parametrize(
    "command", [["export", "svctasks"], ["check"], ["backup", "b"]]
)
def test_a_folder_that_does_not_exist_is_named_and_not_made(data, command):
    result = svctasks(*command, data=data)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"svctasks: there is no data folder {data}\n"
    assert not data.exists()


# check


def test_check_of_sound_files_says_so(loaded):
    result = svctasks("check", data=loaded)
    assert (result.returncode, result.stdout) == (0, "all is well\n")


def test_check_names_file_document_and_field(loaded):
    file = loaded / "svctasks.json"
    broken = file.read_text().replace('"isenabled":0', '"isenabled":7')
    file.write_text(broken.replace('"schedule":"work"', '"schedule":"w"'))
    before = {each: each.read_bytes() for each in loaded.iterdir()}
    result = svctasks("check", data=loaded)
    assert result.returncode == 1
    first = f"svctasks.json: document 1 (id {ENTITY['id']})"
    assert result.stdout.splitlines()[:2] == [
        f"{first}, field isenabled: must be 0 or 1",
        f'{first}, field schedule: must be one of "all", "work", "non-work", "individual"',
    ]
    assert {each: each.read_bytes() for each in loaded.iterdir()} == before


@pytest.mark.parametrize(
    "table, former, wrong, finding",
    [
        (
            "services",
            '"state_type":200',
            '"state_type":""',
            "(service_id 3005), field completed_states.0.state_type: must be an integer",
        ),
        (
            "services",
            '"started":{"timestamp":"2010-09-07',
            '"started":{"t":"x',
            "(service_id 3005), field started.timestamp: is required",
        ),
        (
            "extensions",
            '"single-valued"',
            '"single"',
            '(id services.clientinfo), field type: must be one of "single-valued", ',
        ),
        (
            "extensions",
            '"unique":["offer_name"]',
            '"unique":["offer"]',
            "(id services.relatedoffers), field unique.0: is not the name of an",
        ),
        (
            "business_attributes",
            "Task.type",
            "Task.typ",
            "(name Kinds), field cv_attributes.0: must be Service, State or Task",
        ),
        (
            "workhours",
            "Europe/Berlin",
            "Europe/Atlantis",
            "(name default), field timezone: must be a time zone such as",
        ),
        (
            "modes",
            "maintenance",
            "off",
            '(name server), field mode: must be "production" or "maintenance"',
        ),
    ],
)
def test_check_names_what_is_wrong_in_each_table(
    everything, table, former, wrong, finding
):
    assert svctasks("check", data=everything).stdout == "all is well\n"
    file = everything / f"{table}.json"
    content = file.read_text()
    assert former in content
    file.write_text(content.replace(former, wrong))
    result = svctasks("check", data=everything)
    assert result.returncode == 1
    number = 2 if "relatedoffers" in finding else 1
    place = f"{table}.json: document {number} "
    assert result.stdout.startswith(place + finding), result.stdout


def test_check_names_a_data_file_that_was_edited_and_then_removed(server):
    attributes = server.data / "business_attributes.json"
    attributes.write_text('{"business_attributes": {}}')
    assert server.request("GET", "/metadata/business-attributes").status == 200
    until(lambda: attributes.with_name(f"{attributes.name}.journal").exists())
    server.kill()
    attributes.unlink()
    result = svctasks("check", data=server.data)
    assert result.returncode == 1
    assert result.stdout == "business_attributes.json is missing\n"


def test_check_names_what_is_wrong_in_the_journal_of_any_table(server):
    server.request("POST", "/services/start", {"service_type": 1, "contact_key": "k"})
    server.kill()
    with (server.data / "services.json.journal").open("ab") as file:
        file.write(b'{"crc":"00000000"')
    result = svctasks("check", data=server.data)
    assert result.stdout == "services.json.journal: 17 damaged bytes\n"


def test_check_names_a_torn_journal_and_repair_sets_it_aside(loaded):
    journal = loaded / "svctasks.json.journal"
    with journal.open("ab") as file:
        file.write(b'{"crc":"00000000","seq":3,"put":[[3,{"id"')
    result = svctasks("check", data=loaded)
    assert (result.returncode, result.stdout) == (
        1,
        "svctasks.json.journal: 41 damaged bytes\n",
    )
    result = svctasks("check", "--repair", data=loaded)
    assert (result.returncode, result.stdout) == (0, "all is well\n")
    assert "41 damaged bytes were set aside in svctasks.json.damaged" in result.stderr
    assert (loaded / "svctasks.json.damaged").read_bytes().startswith(b'{"crc":"0000')
    assert len(ids(loaded)) == 2


@pytest.mark.parametrize(
    "document, finding",
    [
        (b'{"name":"n"}', "it has no id"),
        (b'{"id":"a"]', "it is not JSON: Expecting ',' delimiter at line 1, column 10"),
    ],
)
def test_check_names_an_entry_whose_document_has_no_key(loaded, document, finding):
    journal = loaded / "svctasks.json.journal"
    sequence = json.loads(journal.read_bytes().splitlines()[-1])["seq"] + 1
    sizes = b'"sizes":[[9,%d]],"put":[%b]' % (len(document), document)
    members = b'"seq":%d,%b}' % (sequence, sizes)
    with journal.open("ab") as file:
        file.write(b'{"crc":"%08x",%b\n' % (zlib.crc32(members), members))
    result = svctasks("check", data=loaded)
    place = f"svctasks.json.journal: entry {sequence}, document 9"
    assert (result.returncode, result.stderr) == (1, "")
    assert f"{place}: {finding}\n" in result.stdout


def test_check_of_a_journal_that_lacks_nothing_but_its_last_end_finds_it_whole(server):
    server.request("POST", body={"name": "n"})
    server.kill()
    journal = server.data / "svctasks.json.journal"
    journal.write_bytes(journal.read_bytes()[:-1])
    result = svctasks("check", data=server.data)
    assert (result.returncode, result.stdout) == (0, "all is well\n")


def test_check_while_the_server_runs_finds_nothing_wrong(server):
    for n in range(20):
        server.request("POST", body={"name": f"{n}"})
        if n % 5 == 0:
            result = svctasks("check", data=server.data)
            assert (result.returncode, result.stdout) == (0, "all is well\n")


def test_check_of_a_folder_that_is_broken_tells_no_stack_trace(data):
    data.mkdir()
    (data / "svctasks.json").mkdir()
    for command in (["check"], ["export", "svctasks"], ["backup", data / "b"]):
        result = svctasks(*command, data=data)
        assert result.returncode == 1
        assert "Is a directory" in result.stderr + result.stdout
        assert "Traceback" not in result.stderr


# backup and restore


def test_a_backup_brings_back_what_was(loaded, tmp_path):
    file = tmp_path / "backup.tar.gz"
    before = svctasks("export", "svctasks", data=loaded).stdout
    result = svctasks("backup", file, data=loaded)
    assert (result.returncode, result.stdout) == (0, "2 documents backed up\n")
    assert file.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    result = svctasks("restore", file, data=other)
    assert (result.returncode, result.stdout) == (0, "2 documents restored\n")
    assert svctasks("export", "svctasks", data=other).stdout == before


def test_a_backup_brings_back_every_table_but_what_runners_are_about(
    everything, tmp_path
):
    file = tmp_path / "backup.tar.gz"
    result = svctasks("backup", file, data=everything)
    assert (result.returncode, result.stdout) == (0, "9 documents backed up\n")
    other = tmp_path / "other"
    result = svctasks("restore", file, data=other)
    assert (result.returncode, result.stdout) == (0, "9 documents restored\n")
    assert result.stderr == ""
    second = tmp_path / "second.tar.gz"
    svctasks("backup", second, data=other)
    with tarfile.open(file) as one, tarfile.open(second) as two:
        names = ["backup.json", *(f"{table}.json" for table in TABLES)]
        assert one.getnames() == two.getnames() == names
        for name in names:
            assert one.extractfile(name).read() == two.extractfile(name).read()


def test_a_backup_of_an_older_version_leaves_the_tables_alone_that_it_lacks(
    everything, tmp_path
):
    """The first version had service tasks only."""
    new, old = tmp_path / "new.tar.gz", tmp_path / "old.tar.gz"
    assert svctasks("backup", new, data=everything).returncode == 0
    with tarfile.open(new) as whole, tarfile.open(old, "w:gz") as archive:
        for name in ("backup.json", "svctasks.json"):
            archive.addfile(whole.getmember(name), whole.extractfile(name))
    before = svctasks("export", "services", data=everything).stdout
    (everything / "svctasks.json").write_text("[]")
    result = svctasks("restore", old, data=everything)
    assert (result.returncode, result.stdout) == (0, "2 documents restored\n")
    assert result.stderr.splitlines() == [
        f"{table}: not in this backup, left as it is" for table in TABLES[1:]
    ]
    assert len(ids(everything)) == 2
    assert svctasks("export", "services", data=everything).stdout == before


def test_restore_replaces_what_a_running_server_serves(server, tmp_path):
    file = tmp_path / "backup.tar.gz"
    kept = server.request("POST", body={"name": "kept"}).json
    assert svctasks("backup", file, data=server.data).returncode == 0
    gone = server.request("POST", body={"name": "gone"}).json
    server.request("PATCH", f"{T}/{kept['id']}", body={"name": "changed"})
    assert svctasks("restore", file, data=server.data).returncode == 0
    for _ in range(10):
        assert server.request("GET", f"{T}/{kept['id']}").json == kept
        assert server.request("GET", f"{T}/{gone['id']}").status == 404


def test_a_backup_is_not_written_over_a_file_by_half(loaded, tmp_path):
    """The folder of the backup does not exist: there is a message and no rest."""
    result = svctasks("backup", tmp_path / "none" / "b.tar.gz", data=loaded)
    assert result.returncode == 1
    assert (
        result.stderr == f"svctasks: {tmp_path / 'none'}: No such file or directory\n"
    )


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_restore_of_another_file_is_refused_and_changes_nothing(
    loaded, tmp_path, content
):
    file = tmp_path / "b.tar.gz"
    file.write_bytes(content)
    result = svctasks("restore", file, data=loaded)
    assert result.returncode == 1
    assert "b.tar.gz is not a backup" in result.stderr
    assert len(ids(loaded)) == 2


def archive(path, **members):
    """Make a .tar.gz of JSON values."""
    with tarfile.open(path, "w:gz") as archive:
        for name, value in members.items():
            content = json.dumps(value).encode()
            member = tarfile.TarInfo(f"{name}.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    "members, message",
    [
        ({"svctasks": []}, "is not a backup: it has no backup.json"),
        (
            {"backup": [], "svctasks": []},
            "is not a backup: backup.json has no format",
        ),
        (
            {"backup": {"format": 1, "version": "0.1.0"}, "svctasks": 5},
            "is not a backup: svctasks.json is not an array",
        ),
        (
            {"backup": {"format": 2, "version": "9.0"}, "svctasks": 5},
            "was made by a newer version, 9.0",
        ),
    ],
)
def test_restore_of_another_archive_is_refused_and_changes_nothing(
    loaded, tmp_path, members, message
):
    archive(tmp_path / "b.tar.gz", **members)
    result = svctasks("restore", tmp_path / "b.tar.gz", data=loaded)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"svctasks: b.tar.gz {message}\n"
    assert len(ids(loaded)) == 2


def test_restore_of_a_damaged_backup_is_refused_and_changes_nothing(loaded, tmp_path):
    """The damage is in the checksum at the end: what comes before looks sound."""
    file = tmp_path / "b.tar.gz"
    svctasks("backup", file, data=loaded)
    content = bytearray(file.read_bytes())
    content[-8] ^= 1
    file.write_bytes(content)
    result = svctasks("restore", file, data=loaded)
    assert result.returncode == 1
    assert "b.tar.gz is not a backup: CRC check failed" in result.stderr
    assert len(ids(loaded)) == 2


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("Daily cleaning", "", "svctasks.json, item 2: name: must not be empty"),
        (
            "86228b15-016c-cdef-ccce-50e54938780c",
            ENTITY["id"],
            f"svctasks.json, item 2: id: {ENTITY['id']} is in the file twice",
        ),
    ],
)
def test_restore_of_a_backup_that_breaks_a_rule_is_refused_and_changes_nothing(
    loaded, tmp_path, old, new, message
):
    good, bad = tmp_path / "good.tar.gz", tmp_path / "bad.tar.gz"
    svctasks("backup", good, data=loaded)
    with tarfile.open(good) as archive:
        (tmp_path / "x").mkdir()
        for member in archive:
            content = archive.extractfile(member).read()
            (tmp_path / "x" / member.name).write_bytes(content)
    tasks = tmp_path / "x" / "svctasks.json"
    tasks.write_text(tasks.read_text().replace(old, new))
    with tarfile.open(bad, "w:gz") as archive:
        for member in (tmp_path / "x").iterdir():
            archive.add(member, member.name)
    result = svctasks("restore", bad, data=loaded)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(ids(loaded)) == 2


# routes and settings


def test_routes_are_printed_with_their_methods():
    lines = svctasks("routes").stdout.splitlines()
    rows = [re.split("  +", line) for line in lines]
    assert ["LOOKUP", T, "look up the ids of a key"] in rows
    assert ["DELETE", T + "/{id}", "delete a service task"] in rows
    assert ["POST", "/services/{service_id}/end", "complete a service"] in rows
    assert {line.index(row[2]) for line, row in zip(lines, rows, strict=True)} == {
        lines[0].index("list")
    }


def test_settings_are_printed_as_they_are():
    lines = svctasks("settings", SVCTASKS_WORKERS="5").stdout.splitlines()
    assert "SVCTASKS_WORKERS=5" in lines
    assert "SVCTASKS_FSYNC=always" in lines


# what serve does for those who develop clients


def test_read_only_refuses_writes_and_serves_reads(loaded):
    server = Server(loaded, "--read-only")
    try:
        assert len(server.request("GET").json) == 2
        assert server.request("LOOKUP", body=ENTITY["id"]).json == [ENTITY["id"]]
        assert server.request("QUERY", body={"limit": 1}).status == 200
        for method, path in (
            ("POST", T),
            ("PATCH", f"{T}/{ENTITY['id']}"),
            ("DELETE", f"{T}/{ENTITY['id']}"),
        ):
            reply = server.request(method, path, body={"name": "n"})
            assert (reply.status, reply.json["error_code"]) == (403, 1403)
        assert len(server.request("GET").json) == 2
    finally:
        server.kill()


def test_delay_and_fail_rate_are_simulated(loaded):
    server = Server(loaded, "--fail-rate", "1", "--delay", "1ms")
    try:
        reply = server.request("GET")
        assert (reply.status, reply.json["error_code"]) == (503, 1503)
        assert server.request("GET", "/health").status == 200
    finally:
        server.kill()


@pytest.mark.parametrize("table", ["extensions", "business_attributes", "workhours"])
def test_every_table_of_clients_is_exported_and_imported(everything, tmp_path, table):
    exported = svctasks("export", table, data=everything)
    assert exported.returncode == 0, exported.stderr
    file, other = tmp_path / "exported.json", tmp_path / "other"
    file.write_text(exported.stdout)
    result = svctasks("import", table, file, data=other)
    assert result.returncode == 0, result.stderr
    again = svctasks("export", table, data=other)
    assert json.loads(again.stdout) == json.loads(exported.stdout) != []
