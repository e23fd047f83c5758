"""Several servers over one database: what one acknowledges, the others have."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count

import postgres
import psycopg
import pytest
from readme import block
from running import SVCTASKS, Server, free_port, svctasks
from shared import PATIENCE, T, until

from app.bootstrap import open_store
from app.schemas import svctask
from app.settings import Settings
from app.tables import collections

SCHEMAS = "/metadata/services/extensions"
NOTES = {
    "name": "Notes",
    "type": "single-valued",
    "attributes": [{"name": "by", "type": "string"}],
}
STARTED = {"contact_key": "555-0100", "service_type": 100}
MOMENT = "2026-01-02T03:04:05.678Z"
COUNTER = count()


def made_tables():
    """Return the tables of the service, in a schema of their own."""
    return postgres.Tables(collections(Settings.from_environment()))


@pytest.fixture(scope="module")
def address():
    """The address of the tables that the servers share."""
    return made_tables().address


@pytest.fixture(scope="module")
def servers(address, tmp_path_factory):
    """Two servers, of both kinds, over the same tables."""
    both = [
        Server(tmp_path_factory.mktemp("data"), "--store", address, "--server", kind)
        for kind in ("gunicorn", "granian")
    ]
    yield both
    for server in both:
        server.kill()


@pytest.fixture
def schema():
    """The address of a schema without tables."""
    name = f"bare_{os.getpid()}_{next(COUNTER)}"
    with psycopg.connect(postgres.address(), autocommit=True) as owner:
        owner.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        owner.execute(f"CREATE SCHEMA {name}")
        yield f"{postgres.address()}?options=-csearch_path%3D{name}"
        owner.execute(f"DROP SCHEMA {name} CASCADE")


def created(server, **fields):
    """Return a new task."""
    reply = server.request("POST", T, {"name": "a", **fields})
    assert reply.status == 200, reply.text
    return reply.json


def test_what_one_server_acknowledges_the_next_read_of_another_has(servers):
    one, other = servers
    for _ in range(20):
        id_ = created(one)["id"]
        assert other.request("GET", f"{T}/{id_}").status == 200
        assert other.request("PATCH", f"{T}/{id_}", {"name": "b"}).status == 200
        assert one.request("GET", f"{T}/{id_}").json["name"] == "b"
        assert one.request("DELETE", f"{T}/{id_}").status == 204
        assert other.request("GET", f"{T}/{id_}").status == 404


def test_one_of_many_patches_on_all_servers_with_the_same_tag_is_done(servers):
    id_ = created(servers[0])["id"]
    tag = servers[1].request("GET", f"{T}/{id_}").headers["etag"]

    def patch(number):
        server = servers[number % 2]
        headers = {"If-Match": tag}
        return server.request("PATCH", f"{T}/{id_}", {"name": f"{number}"}, **headers)

    with ThreadPoolExecutor(8) as pool:
        statuses = [reply.status for reply in pool.map(patch, range(16))]
    assert sorted(statuses) == [200] + [412] * 15


def test_no_id_is_given_twice_by_several_servers(servers):
    def start(number):
        reply = servers[number % 2].request("POST", "/services/start", STARTED)
        assert reply.status == 201, reply.text
        return reply.headers["location"]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(start, range(80)))
    assert len(set(ids)) == 80


def test_mode_schemas_and_tokens_hold_on_all_servers_at_once(servers, address):
    one, other = servers
    for mode, status in (("maintenance", 503), ("production", 201)):
        assert one.request("POST", "/server/mode", {"mode": mode}).status == 200
        reply = other.request("POST", "/services/start", STARTED)
        assert reply.status == status, reply.text
    service = reply.headers["location"]
    for _ in range(5):
        assert one.request("POST", SCHEMAS, NOTES).status == 201
        written = other.request("PUT", f"{service}/extensions/Notes", {"by": "ann"})
        assert written.status == 204, written.text
        shown = one.request("GET", f"{service}?extensions=Notes")
        assert shown.json["Notes"] == {"by": "ann"}
        assert other.request("DELETE", f"{SCHEMAS}/Notes").status in (200, 204)
        assert "Notes" not in one.request("GET", service).text
    made = svctasks("token", "create", "ci", "--role", "writer", "--store", address)
    assert made.returncode == 0, made.stderr
    bearer = {"Authorization": f"Bearer {made.stdout.strip()}"}
    for server in servers:
        assert server.request("GET", T).status == 401
        assert server.request("GET", T, **bearer).status == 200
    svctasks("token", "revoke", "ci", "--store", address)
    for server in servers:
        assert server.request("GET", T).status == 200


def test_no_value_slips_in_behind_a_deletion_by_another_server(servers):
    one, other = servers
    started = [one.request("POST", "/services/start", STARTED) for _ in range(4)]
    services = [reply.headers["location"] for reply in started]
    written = []

    def write(number, done):
        server, values = servers[number % 2], f"{services[number]}/extensions/Notes"
        while not done.is_set():
            if server.request("PUT", values, {"by": "ann"}).status == 204:
                written.append(number)

    for _ in range(10):
        assert one.request("POST", SCHEMAS, NOTES).status == 201
        done = threading.Event()
        del written[:]
        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(write, number, done) for number in range(4)]
            try:
                until(lambda: len(written) > 4)
                assert other.request("DELETE", f"{SCHEMAS}/Notes").status == 204
            finally:
                done.set()
            for future in futures:
                future.result()
        assert one.request("POST", SCHEMAS, NOTES).status == 201
        for service in services:
            shown = other.request("GET", f"{service}?extensions=Notes").json
            assert "Notes" not in shown
        assert one.request("DELETE", f"{SCHEMAS}/Notes").status == 204


def test_database_without_tables_is_refused_with_what_to_run(schema, tmp_path):
    result = svctasks("serve", "--store", schema, data=tmp_path)
    assert result.returncode == 1
    assert "run svctasks migrate" in result.stderr


def test_migrate_makes_the_tables_once_and_another_schema_is_refused(schema, tmp_path):
    for said in ("the tables are made\n", "nothing is to be done\n"):
        result = svctasks("migrate", "--store", schema)
        assert (result.returncode, result.stdout) == (0, said), result.stderr
    with psycopg.connect(schema) as owner:
        owner.execute("UPDATE migrations SET number = 1")
    older = svctasks("serve", "--data", tmp_path, "--store", schema)
    assert older.returncode == 1
    assert "the schema of another version, 1; " in older.stderr
    assert svctasks("migrate", "--store", schema).returncode == 0
    with psycopg.connect(schema) as owner:
        owner.execute("INSERT INTO migrations (number, digest) VALUES (99, '')")
    for command in (["migrate"], ["serve", "--data", tmp_path]):
        result = svctasks(*command, "--store", schema)
        assert result.returncode == 1
        assert "of a newer version" in result.stderr


def test_driver_is_imported_only_where_a_database_is_opened():
    code = "import app.cli, app.bootstrap, app.launch, sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "app.bootstrap" in result.stdout
    assert "psycopg" not in result.stdout


def test_migrate_is_for_databases(tmp_path):
    result = svctasks("migrate", "--store", f"file:{tmp_path}")
    assert result.returncode == 1
    assert "files need no migration" in result.stderr


def test_address_that_is_none_is_refused_without_its_password(tmp_path):
    result = svctasks("settings", SVCTASKS_STORE="postgresql://me:secret@host/name")
    assert "secret" not in result.stdout
    assert "SVCTASKS_STORE=postgresql://me@host/name" in result.stdout
    result = svctasks("serve", "--store", "mysql://me:secret@host/name")
    assert result.returncode == 1
    assert "must be file:DIR or postgresql://" in result.stderr
    assert "secret" not in result.stderr


def test_folder_may_be_named_by_either_option_but_not_by_both(tmp_path):
    file = tmp_path / "tasks.json"
    result = svctasks("export", "svctasks", file, "--store", f"file:{tmp_path}")
    assert result.returncode == 0, result.stderr
    twice = svctasks("export", "svctasks", "--store", "file:x", data=tmp_path)
    assert "leave out --data" in twice.stderr


def test_copy_to_a_database_and_back_keeps_ids_order_times_and_tags(
    schema, data, tmp_path
):
    server = Server(data)
    tasks = [created(server, name=f"{n}", ext={"n": n / 2}) for n in range(5)]
    assert server.request("POST", "/services/start", STARTED).status == 201
    tags = [server.request("GET", f"{T}/{t['id']}").headers["etag"] for t in tasks]
    listed = server.request("GET", T).text
    server.stop()
    svctasks("migrate", "--store", schema)
    there = svctasks("copy", "--from", f"file:{data}", "--to", schema)
    assert there.returncode == 0, there.stderr
    assert "svctasks: 5 documents" in there.stdout
    copied = Server(tmp_path / "other", "--store", schema)
    try:
        assert copied.request("GET", T).text == listed
        found = [copied.request("GET", f"{T}/{t['id']}").headers["etag"] for t in tasks]
        assert found == tags
        created(copied)
    finally:
        copied.kill()
    # A second copy finds a task that the source lacks.
    again = svctasks("copy", "--from", f"file:{data}", "--to", schema)
    assert again.returncode == 1
    assert "other documents" in again.stderr
    back = svctasks("copy", "--from", schema, "--to", f"file:{tmp_path / 'back'}")
    assert back.returncode == 0, back.stderr
    goes_on = svctasks("copy", "--from", schema, "--to", f"file:{tmp_path / 'back'}")
    assert goes_on.returncode == 0, goes_on.stderr
    exported = svctasks("export", "svctasks", data=tmp_path / "back")
    assert exported.stdout.count('"name"') == 6


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_copy_that_is_interrupted_goes_on_where_it_was(schema, data, number):
    given = Settings.from_environment(data=data)
    with closing(open_store(given)) as files:
        ids = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(16_000)]
        tasks = [svctask.new({"name": id_, "id": id_}, None, MOMENT) for id_ in ids]
        files.load("svctasks", tasks)
    svctasks("migrate", "--store", schema)
    command = ["copy", "--from", f"file:{data}", "--to", schema]
    with psycopg.connect(schema, autocommit=True) as owner:

        def count():
            return owner.execute("SELECT count(*) FROM svctasks").fetchone()[0]

        process = subprocess.Popen([SVCTASKS, *command], stderr=subprocess.DEVNULL)
        until(count)
        with owner.transaction():
            # The next documents wait for this.
            owner.execute("LOCK TABLE svctasks IN SHARE MODE")
            process.send_signal(number)
            assert process.wait() != 0
        assert 0 < count() < len(tasks)
    resumed = svctasks(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.endswith("all is copied, and the same\n")
    copied = svctasks("export", "svctasks", "--store", schema)
    assert copied.stdout == svctasks("export", "svctasks", data=data).stdout


def test_way_from_files_to_the_database_and_back_is_as_the_page_has_it(
    schema, tmp_path
):
    port = str(free_port())
    typed = block("sh", "svctasks copy --from file:data")
    typed = typed.replace("postgresql://svctasks@localhost/svctasks", f"'{schema}'")
    path = f"{SVCTASKS.parent}:{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-e", "-c", typed.replace("8000", port)],
        cwd=tmp_path,
        env={**os.environ, "PORT": port, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
    assert "the tables are made" in result.stdout
    assert "\n304\n" in result.stdout
    assert result.stdout.count("all is copied, and the same") == 2
    assert "Nightly report" in (tmp_path / "back" / "svctasks.json").read_text()
