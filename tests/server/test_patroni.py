"""Two instances over three nodes of Patroni: kill what leads, and look for what is lost."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from urllib.parse import urlencode

import psycopg
import pytest
from running import Server, svctasks
from shared import T, until

ROUNDS = 5
MORE = 20
"""Writes of each writer before what leads is killed, and after others go on."""


class Writer:
    """A client of one instance, which notes what was acknowledged."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.made = []
        self.refused = 0
        self.id = self.acknowledged({"name": f"{name} counts"})["id"]
        self.counted = self.unknown = 0
        self.moments = [time.monotonic()]

    def acknowledged(self, body):
        reply = self.server.request("POST", T, body)
        assert reply.status == 200, reply.text
        return reply.json

    def work(self, done):
        """Create tasks, and count in one of them, until it is ``done``."""
        number = 0
        while not done.is_set():
            number += 1
            name = f"{self.name} {number}"
            try:
                if self.sent("POST", T, {"name": name}) is not None:
                    self.made.append(name)
                self.count()
            except (OSError, HTTPException):
                # What becomes of a request whose connection ends is not known.
                self.unknown += 1
                self.refused += 1
        return self

    def count(self):
        """Add one to the number in the task, if nobody else wrote it."""
        reply = self.sent("GET", f"{T}/{self.id}")
        if reply is None:
            return
        ext = {"n": reply.json["ext"].get("n", 0) + 1}
        tag = {"If-Match": reply.headers["etag"]}
        if self.sent("PATCH", f"{T}/{self.id}", {"ext": ext}, **tag) is None:
            self.unknown += 1
        else:
            self.counted += 1

    def sent(self, method, path, body=None, **headers):
        """Return the reply, or None for one that asks to try again later."""
        reply = self.server.request(method, path, body, **headers)
        if reply.status == 503:
            assert int(reply.headers["retry-after"]) > 0
            self.refused += 1
            return None
        assert reply.status == 200, reply.text
        if method != "GET":
            self.moments.append(time.monotonic())
        return reply


class BareWriter:
    """A client of the database itself, which connects anew until it can write."""

    def __init__(self, address):
        self.address = address
        self.moments = []
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS bare (id serial)")

    def work(self, done):
        while not done.is_set():
            with (
                suppress(psycopg.Error),
                psycopg.connect(self.address, autocommit=True) as connection,
            ):
                while not done.is_set():
                    connection.execute("INSERT INTO bare DEFAULT VALUES")
                    self.moments.append(time.monotonic())


def pause(writer):
    """Return the longest time without an acknowledged write, in seconds."""
    return max(b - a for a, b in zip(writer.moments, writer.moments[1:], strict=False))


@pytest.mark.patroni
def test_nothing_acknowledged_is_lost_or_written_twice_when_nodes_are_killed(tmp_path):
    from patroni_nodes import TIMES, Nodes

    print("\nPatroni:", ", ".join(f"{name} {s} s" for name, s in TIMES.items()))
    nodes, servers = Nodes(), []
    try:
        nodes.start()
        made = svctasks("migrate", "--store", nodes.address)
        assert made.returncode == 0, made.stderr
        for kind in ("gunicorn", "granian"):
            options = ["--store", nodes.address, "--server", kind, "--workers", "1"]
            servers.append(Server(tmp_path / kind, *options))
        pauses = {}
        for what, kill in (("process", kill_process), ("node", kill_node)):
            some = [
                check_round(nodes, servers, f"{what} {n + 1}", kill)
                for n in range(ROUNDS)
            ]
            pauses[what] = some
        for what, some in pauses.items():
            print(
                f"{what} killed {len(some)} times: writes paused for "
                f"{min(some)[0]:.1f} to {max(some)[0]:.1f} s, at most "
                f"{max(ours - bare for ours, bare in some):.1f} s longer than for a "
                "bare client of the database"
            )
    finally:
        for server in servers:
            server.kill()
        nodes.remove()


def kill_process(nodes, leads):
    leads.kill_server()


def kill_node(nodes, leads):
    leads.kill()


def check_round(nodes, servers, name, kill):
    """Write while what leads is killed, and look at all afterwards.

    Return how long the service took no writes, and how long the database took none.
    """
    leads = nodes.settled()
    writers = [
        Writer(server, f"{name} {number} {n}")
        for number, server in enumerate(servers)
        for n in range(2)
    ]
    bare = BareWriter(nodes.address)
    done = threading.Event()
    with ThreadPoolExecutor(len(writers) + 1) as pool:
        futures = [pool.submit(writer.work, done) for writer in (*writers, bare)]
        try:
            until(lambda: all(len(writer.moments) > MORE for writer in writers))
            kill(nodes, leads)
            killed = time.monotonic()
            # All of them go on, some time after that.
            until(
                lambda: all(
                    len(writer.moments) > MORE and writer.moments[-MORE] > killed + 1
                    for writer in (*writers, bare)
                )
            )
        finally:
            done.set()
        for future in futures:
            future.result()
    pauses = max(map(pause, writers)), pause(bare)
    if not leads.is_alive():
        leads.start()
    follows = nodes.settled()
    made = {each for writer in writers for each in writer.made}
    for server in servers:
        found = named(server, name)
        twice = [each for each, times in found.items() if times > 1]
        missing = made - set(found)
        assert not missing and not twice, (missing, twice)
        for writer in writers:
            counted = server.request("GET", f"{T}/{writer.id}").json["ext"]["n"]
            assert writer.counted <= counted <= writer.counted + writer.unknown
    print(
        f"{name}: {leads.name} killed, then {follows.name} leads; {len(made)} tasks and "
        f"{sum(w.counted for w in writers)} changes acknowledged, 0 missing, 0 twice, "
        f"{sum(w.refused for w in writers)} refused by 503; longest pause "
        f"{pauses[0]:.2f} s, of a bare client {pauses[1]:.2f} s"
    )
    return pauses


def named(server, name):
    """Return how many tasks there are of each name that begins with ``name``."""
    matched = json.dumps({"name": {"$startswith": f"{name} "}})
    reply = server.request("GET", f"{T}?{urlencode({'filter': matched})}")
    assert reply.status == 200, reply.text
    return Counter(task["name"] for task in reply.json)
