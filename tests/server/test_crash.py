"""The whole server killed under load: what was acknowledged is there after a restart.

Six rounds in the test run; more of them with the environment variable
SVCTASKS_KILL_ROUNDS.
"""

import os
import random
import signal
import threading
from http.client import HTTPException

from running import Server
from shared import T, until

ROUNDS = int(os.environ.get("SVCTASKS_KILL_ROUNDS", 6))
CLIENTS = 8


class Client(threading.Thread):
    """Creates, changes and deletes tasks until the server is gone."""

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__()
        self._server = server
        self._random = random.Random(seed)
        self.acknowledged: dict[str, str | None] = {}
        self.uncertain: dict[str, str | None] = {}
        self.refused: list[int] = []

    def run(self) -> None:
        connection = self._server.connect()
        try:
            while True:
                self._step(connection)
        except (HTTPException, OSError):
            connection.close()

    def _step(self, connection) -> None:
        living = [key for key, name in self.acknowledged.items() if name is not None]
        action = self._random.choice(["POST", "PATCH", "PATCH", "DELETE"])
        name = f"{self._random.random()}"
        if action == "POST" or not living:
            key = f"{self._random.getrandbits(128):032x}"
            key = "-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))
            action, path, body = "POST", T, f'{{"id": "{key}", "name": "{name}"}}'
        else:
            key = self._random.choice(living)
            path, body = f"{T}/{key}", f'{{"name": "{name}"}}'
        outcome = None if action == "DELETE" else name
        self.uncertain = {key: outcome}
        connection.request(action, path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        if reply.status >= 300:
            self.refused.append(reply.status)
        self.acknowledged[key] = outcome
        self.uncertain = {}


def test_what_was_acknowledged_survives_kill_9_of_everything(data):
    """The server of each round serves what that of the last one left."""
    chance = random.Random(1)
    expected: dict[str, str | None] = {}
    server = Server(data)
    try:
        for round_ in range(ROUNDS):
            clients = [Client(server, round_ * CLIENTS + n) for n in range(CLIENTS)]
            for client in clients:
                client.start()
            wanted = chance.randrange(1, 300)
            until(lambda c=clients, w=wanted: sum(len(e.acknowledged) for e in c) >= w)
            server.kill()
            uncertain: dict[str, str | None] = {}
            for client in clients:
                client.join()
                assert client.refused == []
                expected |= client.acknowledged
                uncertain |= client.uncertain
            server = Server(data)
            found = names(server)
            for key, outcome in uncertain.items():
                assert found.get(key) in (outcome, expected.get(key))
                expected[key] = found.get(key)
            assert found == {
                key: name for key, name in expected.items() if name is not None
            }
    finally:
        server.kill()


def names(server) -> dict[str, str]:
    """Return the names of all tasks by id that a server serves."""
    listed = server.request("GET", f"{T}?mask=id,name").json
    return {each["id"]: each["name"] for each in listed}


def test_a_killed_worker_is_replaced_and_nothing_is_lost(server):
    task = server.request("POST", body={"name": "n"}).json
    first = server.workers(2)
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    until(lambda: set(server.workers(2)) - set(first), lambda new: len(new) == 2)
    until(lambda: server.request("GET", f"{T}/{task['id']}").json == task)
