"""Kinto over PostgreSQL with the same tasks: a service of JSON documents by HTTP.

It is installed in a folder of its own, and never a part of svctasks. Clients need no
password, and what checks one is not run: that is the least that it can do.
"""

import json
import os
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import tasks
from parts import TASK, Request, Sample, get
from serving import Running, free_port

VERSIONS = ("kinto[postgresql]==26.5.0", "gunicorn==27.0.1")

RECORDS = "/v1/buckets/bench/collections/tasks/records"

APPLICATION = """
import os
from kinto import main
everybody = "system.Everyone"
application = main({}, **{
    "kinto.storage_backend": "kinto.core.storage.postgresql",
    "kinto.storage_url": os.environ["BENCH_DATABASE"],
    "kinto.permission_backend": "kinto.core.permission.postgresql",
    "kinto.permission_url": os.environ["BENCH_DATABASE"],
    "kinto.cache_backend": "kinto.core.cache.memory",
    "kinto.userid_hmac_secret": "bench",
    "multiauth.policies": "basicauth",
    "kinto.bucket_create_principals": everybody,
    "kinto.bucket_read_principals": everybody,
    "kinto.bucket_write_principals": everybody,
})
if os.environ.get("BENCH_MAKES_TABLES"):
    application.registry.storage.initialize_schema()
    application.registry.permission.initialize_schema()
"""

LIST = f"{RECORDS}?schedule=work&_sort=name&_limit=20"

PATCHED = '\'{"data": {"ext": {"count": "%d-%d"}}}\''

REQUESTS = (
    Request(
        name="GET one",
        method="GET",
        address="",
        script=f"""
        request = function()
            return wrk.format("GET", "{RECORDS}/" .. id(math.random(N) - 1))
        end""",
        sample=lambda size: Sample(f"{RECORDS}/{tasks.task_id(size // 2)}"),
    ),
    Request(
        name="GET one, 304",
        method="GET",
        address="",
        script=f"""
        path = "{RECORDS}/" .. id(math.floor(N / 2))
        request = function() return wrk.format("GET", path, HEADERS) end""",
        sample=lambda size: Sample(f"{RECORDS}/{tasks.task_id(size // 2)}"),
        knows=True,
    ),
    Request(
        name="GET list",
        method="GET",
        address="",
        script=get(LIST),
        sample=lambda size: Sample(LIST),
    ),
    # Its nearest to LOOKUP: the ids of what has an id.
    Request(
        name="LOOKUP",
        method="GET",
        address="",
        script=f"""
        request = function()
            local path = "{RECORDS}?_fields=id&id=" .. id(math.random(N) - 1)
            return wrk.format("GET", path, HEADERS)
        end""",
        sample=lambda size: Sample(
            f"{RECORDS}?_fields=id&id={tasks.task_id(size // 2)}"
        ),
    ),
    Request(
        name="PATCH",
        method="PATCH",
        address="",
        script=f"""
        count = 0
        request = function()
            count = count + 1
            local path = "{RECORDS}/" .. id(math.random(N) - 1)
            return wrk.format("PATCH", path, HEADERS,
                string.format({PATCHED}, SEED, count))
        end""",
        sample=lambda size: Sample(
            f"{RECORDS}/{tasks.task_id(size // 2)}", {"data": {"ext": {"count": "0"}}}
        ),
        writes=True,
    ),
    Request(
        name="POST",
        method="POST",
        address="",
        script=f"""
        BODY = {json.dumps(json.dumps({"data": TASK}))}
        request = function() return wrk.format("POST", "{RECORDS}", HEADERS, BODY) end""",
        sample=lambda size: Sample(RECORDS, {"data": TASK}),
        writes=True,
    ),
)


def install(folder: Path) -> Path:
    """Return the Python of a folder with Kinto, which is made where it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    # An installation may have been interrupted.
    pip = [python, "-m", "pip", "install", "--quiet", *VERSIONS]
    subprocess.run(pip, check=True, stdout=sys.stderr)
    return python


@contextmanager
def running(python: Path, address: str, size: int, folder: Path) -> Iterator[Running]:
    """Run Kinto with so many tasks over an empty database at ``address``."""
    (folder / "kinto_bench.py").write_text(APPLICATION)
    environment = {**os.environ, "BENCH_DATABASE": address}
    subprocess.run(
        [python, "-c", "import kinto_bench"],
        check=True,
        cwd=folder,
        env={**environment, "BENCH_MAKES_TABLES": "1"},
    )
    port = free_port()
    command = [
        python, "-m", "gunicorn", "--workers", "2", "--threads", "8", "--log-level",
        "critical", "--chdir", folder, "--bind", f"127.0.0.1:{port}",
        "kinto_bench:application",
    ]  # fmt: skip
    os.environ["BENCH_DATABASE"] = address
    started = Running(command, port)
    try:
        for name in ("/v1/buckets/bench", "/v1/buckets/bench/collections/tasks"):
            reply = started.request("PUT", name, {})
            assert reply.status == 201, reply.content
        _load(address, size)
        yield started
    finally:
        started.process.send_signal(signal.SIGTERM)
        started.process.wait()


def _load(address: str, size: int) -> None:
    """Write the tasks to the table of Kinto, which has no command for it."""
    begin = datetime(2026, 1, 1)
    with psycopg.connect(address, autocommit=True) as connection:
        columns = "id, parent_id, resource_name, last_modified, data, deleted"
        text = f"COPY objects ({columns}) FROM STDIN"
        with connection.cursor().copy(text) as rows:
            for number in range(size):
                task = tasks.task(number)
                id_ = task.pop("id")
                # Its tables want each moment once.
                moment = begin + timedelta(milliseconds=number)
                parent = RECORDS.removeprefix("/v1").removesuffix("/records")
                rows.write_row((id_, parent, "record", moment, json.dumps(task), False))
        connection.execute("VACUUM ANALYZE")
