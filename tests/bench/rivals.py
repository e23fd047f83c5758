"""What svctasks is measured against, each under the gunicorn settings of the service.

``bare``: a Falcon app that returns a fixed document. ``tinydb``: plain TinyDB, which
only one worker can use safely. ``sqlite3``: a table of JSON with an index on what is
asked for, in WAL mode with synchronous=FULL.

Run: python rivals.py NAME FOLDER SIZES. The sizes are those of the fixed replies, as JSON:
{"/address/{id_}": {"GET": 200}}.
"""

import json
import sqlite3
import sys
import threading
from pathlib import Path

import falcon
from gunicorn.app.base import BaseApplication
from tinydb import TinyDB, where

import app.server
from app.settings import Settings

PREFIX = "/rest/v1/service/svctasks"
JSON = "application/json; charset=utf-8"


class Bare:
    """Answers at one address with as many bytes as the service does."""

    def __init__(self, sizes):
        self._replies = {method: b"x" * size for method, size in sizes.items()}

    def on_get(self, request, response, id_=None):
        response.data = self._replies["GET"]

    def on_post(self, request, response, id_=None):
        response.data = self._replies["POST"]

    def on_patch(self, request, response, id_=None):
        response.data = self._replies["PATCH"]


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


class Server(BaseApplication):
    """The bare app or one of the rivals, until SIGTERM."""

    def __init__(self, name, folder, sizes):
        self._name, self._folder, self._sizes = name, folder, sizes
        self._settings = Settings.from_environment(
            **({"workers": 1} if name == "tinydb" else {})
        )
        if name == "sqlite3":
            Sqlite(folder)
        super().__init__()

    def load_config(self):
        for name, value in app.server.options(self._settings).items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", self._announce)

    def load(self):
        application = falcon.App(media_type=JSON)
        if self._name == "bare":
            for address, sizes in self._sizes.items():
                application.add_route(address, Bare(sizes))
            return application
        resource = RIVALS[self._name](self._folder)
        application.add_route(PREFIX, resource)
        application.add_route(PREFIX + "/{id_}", resource, suffix="one")
        return application

    def _announce(self, worker):
        if worker.age == 1:
            print("listens", flush=True)


if __name__ == "__main__":
    Server(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])).run()
