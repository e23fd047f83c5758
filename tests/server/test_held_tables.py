"""A table that somebody holds and does not let go, as a stopped process does."""

import fcntl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from running import Server
from shared import T

from app.storage.files.lock import PATIENCE

START = {"service_type": 1, "contact_key": "555-0100"}


@contextmanager
def held(data, *names):
    """Hold the locks of some tables, as any other process might."""
    files = [(data / f"{name}.json.lock").open("r+b") for name in names]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    yield
    for file in files:
        file.close()


@pytest.mark.parametrize("name", ["gunicorn", "granian"])
def test_writes_end_with_503_and_reads_go_on(data, name):
    server = Server(data, "--server", name)
    try:
        task = server.request("POST", body={"name": "n"}).json
        assert server.request("POST", "/services/start", START).status == 201
        writes = [
            ("POST", T, {"name": "x"}),
            ("PATCH", f"{T}/{task['id']}", {"name": "x"}),
            ("DELETE", f"{T}/{task['id']}", None),
            ("POST", "/services/start", START),
            ("POST", "/services/1/end", None),
        ]

        def write(method, path, body):
            reply = server.request(method, path, body)
            assert reply.status == 503, (method, path, reply.text)
            assert int(reply.headers["retry-after"]) > 0
            assert "held by another writer" in reply.text
            return reply

        with held(data, "svctasks", "services"), ThreadPoolExecutor() as pool:
            begin = time.monotonic()
            waiting = [pool.submit(write, *each) for each in writes]
            for _ in range(5):
                assert server.request("GET", f"{T}/{task['id']}").json == task
                assert server.request("GET", "/services/1").status == 200
            for each in waiting:
                each.result()
            waited = time.monotonic() - begin
        assert waited >= PATIENCE
        for method, path, body in writes:
            assert server.request(method, path, body).status in (200, 201, 204)
    finally:
        server.kill()
