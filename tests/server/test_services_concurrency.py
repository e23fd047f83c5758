"""Many clients at one service: two workers lose nothing, nor does a crash.

Four rounds of kill -9 in the test run; more of them with the environment variable
SVCTASKS_KILL_ROUNDS.
"""

import json
import os
import random
import threading
from http.client import HTTPException

from running import Server
from shared import until

ROUNDS = int(os.environ.get("SVCTASKS_KILL_ROUNDS", 4))
CLIENTS = 16
ACTS = 12
"""How often each client acts in the test without a crash."""

SCHEMA = {
    "name": "Counters",
    "type": "multi-valued",
    "attributes": [
        {"name": "client", "type": "integer", "unique": True},
        {"name": "n", "type": "integer", "default": 0},
        {"name": "other", "type": "string", "default": "as it was"},
    ],
}

EVERYTHING = (
    "?active_states=true&completed_states=true&active_tasks=true&completed_tasks=true"
    "&extensions=counters"
)


def begin(server):
    """Start a service with a record for each client, and return its address."""
    reply = server.request("POST", "/metadata/services/extensions", SCHEMA)
    assert reply.status == 201, reply.text
    records = [{"client": number} for number in range(CLIENTS)]
    body = {"service_type": 1, "contact_key": "k", "Counters": records}
    reply = server.request("POST", "/services/start", body)
    assert reply.status == 201, reply.text
    return f"/services/{reply.json['service_id']}"


class Client(threading.Thread):
    """Acts on one service ``acts`` times, or until the server is gone.

    Each task and state has a type of its own. What was acknowledged is in ``tasks`` (by
    id: type, whether it ended), ``states`` (type, former state, whether it ended), ``n``
    (what it wrote into its record) and ``customer``; ``uncertain`` is the act without a
    reply.
    """

    def __init__(self, server, path, number, seed, n=0, acts=10**9):
        super().__init__()
        self._connection = server.connect()
        self._path = path
        self._number = number
        self._name = f"{seed}-{number}"
        self._random = random.Random(self._name)
        self._acts = acts
        self.n = n
        self.tasks = {}
        self.states = {}
        self.customer = None
        self.uncertain = ("nothing",)
        self.refused = []

    def run(self):
        try:
            for act in range(self._acts):
                self._act(f"{self._name}-{act}")
        except (HTTPException, OSError):
            pass
        finally:
            self._connection.close()

    @property
    def count(self):
        return len(self.tasks) + len(self.states) + self.n

    def _act(self, name):
        tasks = [id_ for id_, (_, ended) in self.tasks.items() if not ended]
        states = [id_ for id_, (_, _, ended) in self.states.items() if not ended]
        match self._random.choice(["task", "end", "state", "transit", "write", "own"]):
            case "end" if tasks:
                id_ = self._random.choice(tasks)
                self._post(("end", id_), f"/tasks/{id_}/end", {})
                self.tasks[id_] = self.tasks[id_][0], True
            case "state":
                body = {"state_type": name}
                new = self._post(("state", name), "/states/start", body)["state_id"]
                self.states[new] = name, None, False
            case "transit" if states:
                id_ = self._random.choice(states)
                body = {"from": {"state_id": id_}, "to": {"state_type": name}}
                reply = self._post(("transit", id_, name), "/states/transition", body)
                self.states[id_] = *self.states[id_][:2], True
                self.states[reply["state_id"]] = name, id_, False
            case "write":
                path = f"{self._path}/extensions/counters/by/unique"
                record = {"client": self._number, "n": self.n + 1}
                self._send(("write", self.n + 1), "PUT", path, record)
                self.n += 1
            case "own":
                self._send(("own", name), "POST", f"/customers/{name}{self._path}", {})
                self.customer = name
            case _:
                body = {"task_type": name}
                new = self._post(("task", name), "/tasks/start", body)["task_id"]
                self.tasks[new] = name, False
        self.uncertain = ("nothing",)

    def _post(self, act, path, body):
        return self._send(act, "POST", self._path + path, body)

    def _send(self, act, method, path, body):
        self.uncertain = act
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, path, json.dumps(body), headers)
        reply = self._connection.getresponse()
        text = reply.read()
        if reply.status >= 300:
            self.refused.append((reply.status, text))
        return json.loads(text) if text else None


class Seen:
    """What a service has, in the form in which clients note what was acknowledged."""

    def __init__(self, server, path):
        reply = server.request("GET", path + EVERYTHING)
        assert reply.status == 200, reply.text
        self.text = reply.text
        service = reply.json
        self.customer = service.get("customer_id")
        self.tasks = {
            each["task_id"]: (each["task_type"], "completed" in each)
            for each in service["active_tasks"] + service["completed_tasks"]
        }
        states = service["active_states"] + service["completed_states"]
        self.states = {
            each["state_id"]: (
                each["state_type"],
                each.get("previous_state_id"),
                "completed" in each,
            )
            for each in states
        }
        assert len(states) == len(self.states)
        self.n = [each["n"] for each in service["Counters"]]
        clients = [each["client"] for each in service["Counters"]]
        assert clients == list(range(CLIENTS))
        assert {each["other"] for each in service["Counters"]} == {"as it was"}


def together(clients, name):
    """Return what all clients noted under ``name``; no id is that of two of them."""
    noted = {}
    for client in clients:
        assert not noted.keys() & getattr(client, name).keys()
        noted |= getattr(client, name)
    return noted


def test_sixteen_clients_at_one_service_lose_nothing_of_each_other(server):
    path = begin(server)
    clients = [Client(server, path, n, "", acts=ACTS) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
        assert (client.refused, client.uncertain) == ([], ("nothing",))
    seen = Seen(server, path)
    assert seen.tasks == together(clients, "tasks")
    assert seen.states == together(clients, "states")
    assert seen.n == [client.n for client in clients]
    assert seen.customer in [client.customer for client in clients]
    assert served_by_both_workers(server, path) == {seen.text}


def test_two_hundred_tasks_started_at_once_have_ids_of_their_own(server):
    path = begin(server)
    ready = threading.Barrier(200)
    ids = []

    def start_task():
        connection = server.connect()
        connection.connect()
        ready.wait()
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"{path}/tasks/start", '{"task_type": 1}', headers)
        reply = connection.getresponse()
        ids.append((reply.status, json.loads(reply.read())["task_id"]))
        connection.close()

    threads = [threading.Thread(target=start_task) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == [(201, number) for number in range(1, 201)]
    seen = Seen(server, path)
    assert sorted(seen.tasks) == list(range(1, 201))
    assert served_by_both_workers(server, path) == {seen.text}


def served_by_both_workers(server, path):
    """Return all that twenty connections got, then stop: the log has two workers."""
    texts = {server.request("GET", path + EVERYTHING).text for _ in range(20)}
    _, logged = server.stop()
    lines = [json.loads(line) for line in logged.splitlines()]
    answered = [each["process"] for each in lines if each.get("path") == path]
    assert len(set(answered)) == 2
    return texts


def test_what_was_acknowledged_survives_kill_9_and_no_id_is_given_again(data):
    chance = random.Random(1)
    server = Server(data)
    try:
        path = begin(server)
        before = Seen(server, path)
        services = [1]
        for round_ in range(ROUNDS):
            clients = [
                Client(server, path, n, round_, before.n[n]) for n in range(CLIENTS)
            ]
            for client in clients:
                client.start()
            done = sum(client.count for client in clients) + chance.randrange(1, 150)
            until(lambda c=clients, d=done: sum(each.count for each in c) >= d)
            server.kill()
            for client in clients:
                client.join()
                assert client.refused == []
            server = Server(data)
            after = Seen(server, path)
            check(before, clients, after)
            new = server.request("POST", f"{path}/tasks/start", {"task_type": "new"})
            assert new.json["task_id"] > max(after.tasks, default=0)
            body = {"service_type": 1, "contact_key": "k"}
            new = server.request("POST", "/services/start", body).json["service_id"]
            assert new not in services
            services.append(new)
            before = Seen(server, path)
    finally:
        server.kill()


def check(before, clients, after):
    """Check that ``after`` a crash all is there that was before or acknowledged since.

    What was under way may have happened too, but not by halves.
    """
    tasks, states = together(clients, "tasks"), together(clients, "states")
    assert not before.tasks.keys() & tasks.keys()
    assert not before.states.keys() & states.keys()
    tasks, states = before.tasks | tasks, before.states | states
    customers = {before.customer} if all(not c.customer for c in clients) else set()
    customers |= {client.customer for client in clients} - {None}
    ids_of_tasks = {type_: id_ for id_, (type_, _) in after.tasks.items()}
    ids_of_states = {type_: id_ for id_, (type_, *_) in after.states.items()}
    for number, client in enumerate(clients):
        n = client.n
        match client.uncertain:
            case "task", type_ if type_ in ids_of_tasks:
                tasks[ids_of_tasks[type_]] = type_, False
            case "end", id_ if after.tasks[id_][1]:
                tasks[id_] = tasks[id_][0], True
            case "state", type_ if type_ in ids_of_states:
                states[ids_of_states[type_]] = type_, None, False
            case "transit", id_, type_ if type_ in ids_of_states:
                states[id_] = *states[id_][:2], True
                states[ids_of_states[type_]] = type_, id_, False
            case "write", value if value == after.n[number]:
                n = value
            case "own", name:
                customers.add(name)
        assert after.n[number] == n
    assert after.tasks == tasks
    assert after.states == states
    assert after.customer in customers
