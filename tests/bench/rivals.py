"""What svctasks is measured against, each by the same server with the same settings.

``bare``: a Falcon app that returns a fixed document. ``tinydb``: plain TinyDB, which
only one worker can use safely. ``sqlite3``: a table of JSON with an index on what is
asked for, in WAL mode with synchronous=FULL.

Run: python rivals.py NAME FOLDER SERVER OPTIONS. The options tell the bare app what to
reply, as JSON: {"address": "/services/{id_}", "status": 200, "size": 100}.
"""

import json
import sqlite3
import sys
import threading
from functools import partial
from pathlib import Path

import falcon
from gunicorn.app.base import BaseApplication
from tinydb import TinyDB, where

import app.launch
from app.settings import Settings

PREFIX = "/rest/v1/service/svctasks"
JSON = "application/json; charset=utf-8"


class Bare:
    """Answers all requests with one status and one body of so many bytes."""

    def __init__(self, status, size):
        self._status, self._data = falcon.code_to_http_status(status), b"x" * size

    def on_get(self, request, response, **_):
        response.status = self._status
        response.data = self._data

    on_post = on_patch = on_get


class Plain:
    """The API's core over plain TinyDB; one thread at a time."""

    def __init__(self, folder):
        self._table = TinyDB(folder / "svctasks.json").table("svctasks", cache_size=0)
        self._lock = threading.Lock()

    def on_get(self, request, response):
        wanted = json.loads(request.get_param("filter"))["schedule"]
        with self._lock:
            found = self._table.search(where("schedule") == wanted)
        found.sort(key=lambda each: each["name"])
        response.media = found[:20]

    def on_post(self, request, response):
        document = request.media
        with self._lock:
            self._table.insert(document)
        response.media = document

    def on_get_one(self, request, response, id_):
        with self._lock:
            response.media = self._table.get(where("id") == id_)

    def on_patch_one(self, request, response, id_):
        with self._lock:
            self._table.update({"ext": request.media["ext"]}, where("id") == id_)
            response.media = self._table.get(where("id") == id_)


class Sqlite:
    """The API's core over sqlite3."""

    def __init__(self, folder):
        self._path = folder / "tasks.db"
        self._local = threading.local()
        fresh = not self._path.exists()
        if fresh:
            table = json.loads((folder / "svctasks.json").read_text())["svctasks"]
            database = self._database()
            database.execute("create table t (id text primary key, schedule, name, d)")
            rows = (
                (each["id"], each["schedule"], each["name"], json.dumps(each))
                for each in table.values()
            )
            database.executemany("insert into t values (?, ?, ?, ?)", rows)
            database.execute("create index i on t (schedule, name)")

    def _database(self):
        if not hasattr(self._local, "database"):
            database = sqlite3.connect(self._path, isolation_level=None, timeout=60)
            database.execute("pragma journal_mode=wal")
            database.execute("pragma synchronous=full")
            self._local.database = database
        return self._local.database

    def on_get(self, request, response):
        wanted = json.loads(request.get_param("filter"))["schedule"]
        query = "select d from t where schedule = ? order by name limit 20"
        rows = self._database().execute(query, [wanted]).fetchall()
        response.data = f"[{','.join(row[0] for row in rows)}]".encode()

    def on_post(self, request, response):
        document = request.media
        text = json.dumps(document)
        row = [request.get_param("id"), "work", document["name"], text]
        self._database().execute("insert into t values (?, ?, ?, ?)", row)
        response.data = text.encode()

    def on_get_one(self, request, response, id_):
        query = "select d from t where id = ?"
        response.data = self._database().execute(query, [id_]).fetchone()[0].encode()

    def on_patch_one(self, request, response, id_):
        change = "update t set d = json_patch(d, ?) where id = ? returning d"
        text = json.dumps(request.media)
        rows = self._database().execute(change, [text, id_]).fetchall()
        response.data = rows[0][0].encode()


RIVALS = {"tinydb": Plain, "sqlite3": Sqlite}


def application(name, folder, options):
    """Return the WSGI application ``name``."""
    made = falcon.App(media_type=JSON)
    if name == "bare":
        bare = Bare(options["status"], options["size"])
        made.add_route(options["address"], bare)
    else:
        resource = RIVALS[name](folder)
        made.add_route(PREFIX, resource)
        made.add_route(PREFIX + "/{id_}", resource, suffix="one")
    return made


class Rivals(BaseApplication):
    """One of them, served with the settings of the service until SIGTERM."""

    certificates = None

    def __init__(self, settings, load):
        self.settings, self._load = settings, load
        super().__init__()

    def load_config(self):
        for name, value in app.launch.options(self.settings).items():
            self.cfg.set(name, value)

    def load(self):
        return self._load()


def main(name, folder, server, options):
    workers = {"workers": 1} if name == "tinydb" else {}
    settings = Settings.from_environment(server=server, **workers)
    if name == "sqlite3":
        Sqlite(folder)
    Rivals(settings, partial(application, name, folder, options)).run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
