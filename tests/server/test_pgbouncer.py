"""The service behind PgBouncer, which gives each transaction another session."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import postgres
import psycopg
import pytest
from running import Server, free_port, svctasks
from servers import SERVERS
from shared import T, until

# Debian has it where only root looks for commands.
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")

SETTINGS = """\
[databases]
postgres = host=127.0.0.1 port={database} dbname=postgres user=svctasks
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_lifetime = 1
"""

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer")


@pytest.fixture(scope="module")
def database():
    server = postgres.Server(*postgres.FAST)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def address(database):
    """The address of the database by PgBouncer, with the tables."""
    # A folder of the user of the database, as it refuses root too.
    folder, port = database.folder, free_port()
    file = folder / "pgbouncer.ini"
    file.write_text(SETTINGS.format(database=database.port, port=port))
    if postgres.user():
        shutil.chown(file, postgres.user())
    with open(folder / "pgbouncer.log", "wb") as log:
        process = subprocess.Popen(
            [PGBOUNCER, file], stdout=log, stderr=log, user=postgres.user(), cwd="/"
        )
    address = database.address.replace(f":{database.port}/", f":{port}/")

    def answers():
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            return False
        return True

    until(answers)
    migrated = svctasks("migrate", "--store", address)
    assert migrated.returncode == 0, migrated.stderr
    yield address
    process.terminate()
    process.wait()


@pytest.fixture(scope="module", params=SERVERS)
def server(request, address, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    server = Server(data, "--store", address, "--server", request.param)
    yield server
    server.kill()


def journey(server, number):
    """Create, read, find, change and delete a task, again and again."""
    for _ in range(8):
        made = server.request("POST", T, {"name": f"n{number}", "ext": {"by": number}})
        assert made.status == 200, made.text
        path = f"{T}/{made.json['id']}"
        tag = server.request("GET", path).headers["etag"]
        held = {"If-Match": tag}
        changed = server.request("PATCH", path, {"name": "b"}, **held)
        assert changed.status == 200, changed.text
        late = server.request("PATCH", path, {"name": "c"}, **held)
        assert late.status == 412, late.text
        asked = urlencode({"filter": f'{{"ext.by": {number}}}', "mask": "name"})
        found = server.request("GET", f"{T}?{asked}")
        assert found.json == [{"name": "b"}], found.text
        assert server.request("DELETE", path).status == 204
    return True


def test_tasks_are_kept_through_more_workers_than_there_are_sessions(server):
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda n: journey(server, n), range(8)))


def test_services_tokens_and_mode_work(server, address):
    started = {"contact_key": "555-0100", "service_type": 100}
    service = server.request("POST", "/services/start", started)
    assert service.status == 201, service.text
    task = server.request(
        "POST", f"{service.headers['location']}/tasks/start", {"task_type": "call"}
    )
    assert task.status == 201, task.text
    for mode, status in (("maintenance", 503), ("production", 200)):
        assert server.request("POST", "/server/mode", {"mode": mode}).status == 200
        assert server.request("GET", service.headers["location"]).status == status
    made = svctasks("token", "create", "ci", "--role", "reader", "--store", address)
    assert made.returncode == 0, made.stderr
    assert server.request("GET", T).status == 401
    assert svctasks("token", "revoke", "ci", "--store", address).returncode == 0
    assert server.request("GET", T).status == 200


def test_sessions_are_left_as_they_were(server, database, address):
    journey(server, 1)
    checked = svctasks("check", "--store", address)
    assert checked.returncode == 0, checked.stdout
    with psycopg.connect(address, autocommit=True, prepare_threshold=None) as any_:
        for _ in range(10):
            for name in ("statement_timeout", "lock_timeout"):
                [value] = any_.execute(f"SHOW {name}").fetchone()
                assert value == "0"
            [prepared] = any_.execute(
                "SELECT count(*) FROM pg_prepared_statements"
            ).fetchone()
            assert prepared == 0
