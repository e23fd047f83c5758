"""The soak: minutes of mixed load, checkpoints and hand edits, and then an audit.

Clients create, change, delete, get, list and look up tasks of their own and keep a model
of them. Meanwhile a person opens the data file, saves it some seconds later with a task of
their own renamed, now and then badly, and opens it again. At the end the files must hold
what the models do, no reply may have been another than the contract has, and the memory of
the workers must not have grown.

Run: python tests/bench/soak.py --minutes 10
"""

import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
from parts import T
from serving import Running, running

NAMES = 500
"""How many tasks each client keeps, about."""

EXPECTED = {
    "POST": {200},
    "PATCH": {200},
    "DELETE": {204},
    "GET": {200},
    "list": {200},
    "LOOKUP": {200},
    "bad": {400},
    "stale": {412},
    "unknown": {404},
}


class Client(threading.Thread):
    """Works on tasks of its own until told to stop."""

    def __init__(self, server: Running, number: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._random = random.Random(number)
        self._number = number
        self._connection = server.connect()
        self.model: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.faults: list[str] = []
        self.stop = False

    def run(self) -> None:
        try:
            while not self.stop:
                self._step()
        except Exception as error:
            self.faults.append(f"client {self._number}: {error!r}")

    def _step(self) -> None:
        few = len(self.model) < NAMES
        acts = ["POST"] if few else ["DELETE"]
        acts += (
            ["PATCH"] * 3 + ["GET"] * 4 + ["list", "LOOKUP", "bad", "stale", "unknown"]
        )
        act = self._random.choice(acts) if self.model else "POST"
        key = self._random.choice(list(self.model)) if self.model else ""
        name = f"{self._number}-{self._random.random()}"
        one, headers = f"{T}/{key}", {"Content-Type": "application/json"}
        method, path, body = {
            "POST": ("POST", T, {"name": name}),
            "PATCH": ("PATCH", one, {"name": name}),
            "DELETE": ("DELETE", one, None),
            "GET": ("GET", one, None),
            "list": (
                "GET",
                f"{T}?limit=20&order=name&filter=%7B%22overlap%22:1%7D",
                None,
            ),
            "LOOKUP": ("LOOKUP", T, key),
            "bad": ("PATCH", one, {"isenabled": 7}),
            "stale": ("PATCH", one, {"name": name}),
            "unknown": ("GET", f"{T}/00000000-0000-0000-0000-000000000000", None),
        }[act]
        if act == "stale":
            headers["If-Match"] = '"0000000000000000"'
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, headers)
        reply = self._connection.getresponse()
        text = reply.read()
        self.counts[act] = self.counts.get(act, 0) + 1
        if reply.status not in EXPECTED[act]:
            self.faults.append(f"{act} {path}: {reply.status} {text[:200]!r}")
        elif act == "POST":
            self.model[json.loads(text)["id"]] = name
        elif act == "PATCH":
            self.model[key] = name
        elif act == "DELETE":
            del self.model[key]
        elif act == "GET" and json.loads(text)["name"] != self.model[key]:
            self.faults.append(f"GET {key}: {text[:200]!r}, not {self.model[key]}")


class Editor:
    """A person with an editor: renames a task by hand, now and then breaks the file.

    What is saved was opened some time before, and others have written since.
    """

    def __init__(self, server: Running, folder: Path) -> None:
        self._server, self._file = server, folder / "svctasks.json"
        reply = server.request("POST", T, {"name": "edited 0"})
        self._id = json.loads(reply.content)["id"]
        self._opened = self._version = ""
        self.count = 0

    @property
    def model(self) -> dict[str, str]:
        return {self._id: f"edited {self.count}"}

    def open(self) -> None:
        """Open the file, once it is a version that holds what this person saved last."""
        wait(self._reads, "the checkpoint")

    def save(self) -> None:
        """Save the file as it was opened, with the change; the server must serve that."""
        if self.count % 3 == 2:
            self._put(self._opened[: len(self._opened) // 2])
            wait(self._is_broken, "the fault of a broken edit")
            served = self._name()
            assert (
                served == f"edited {self.count}"
            ), f"a broken edit was served: {served}"
        self._put(self._opened.replace(self._text, f'"edited {self.count + 1}"'))
        self.count += 1
        wait(lambda: self._name() == f"edited {self.count}", "the edit to be served")

    @property
    def _text(self) -> str:
        return f'"edited {self.count}"'

    def _reads(self) -> bool:
        text = self._file.read_text() if self._file.exists() else ""
        version = text.rpartition('"_checkpoint"')[2]
        if version == self._version or text.count(self._text) != 1:
            return False
        self._opened, self._version = text, version
        return True

    def _put(self, text: str) -> None:
        # In one step, so that nobody reads half of it.
        draft = self._file.with_name("editor.tmp")
        draft.write_text(text)
        draft.rename(self._file)

    def _is_broken(self) -> bool:
        health = json.loads(self._server.request("GET", "/health").content)
        return bool(health["tables"]["svctasks"]["files"]["fault"])

    def _name(self) -> str:
        reply = self._server.request("GET", f"{T}/{self._id}")
        name: str = json.loads(reply.content).get("name", reply)
        return name


def wait(until, what: str, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


@click.command()
@click.option("--minutes", default=10.0, help="How long the load lasts.")
@click.option("--clients", default=8, help="How many clients there are.")
@click.option("--every", default=5.0, help="Seconds between two edits by hand.")
@click.option("--server", "kind", default="gunicorn", help="gunicorn or granian.")
def main(minutes: float, clients: int, every: float, kind: str) -> None:
    """Run the load, then audit; exit with 1 if anything is wrong."""
    with tempfile.TemporaryDirectory(prefix="soak") as name:
        folder = Path(name)
        with running("svctasks", folder, kind) as server:
            editor = Editor(server, folder)
            workers = [Client(server, n) for n in range(clients)]
            for client in workers:
                client.start()
            memory = []
            begin = time.monotonic()
            while (passed := time.monotonic() - begin) < minutes * 60:
                editor.open()
                time.sleep(every)
                editor.save()
                memory.append((round(passed), server.memory()))
                done = sum(sum(client.counts.values()) for client in workers)
                click.echo(f"{passed:5.0f} s {done:9,} requests, MB {memory[-1][1]}")
            for client in workers:
                client.stop = True
            for client in workers:
                client.join()
        faults = [fault for client in workers for fault in client.faults]
        faults += audit(folder, [editor.model, *(client.model for client in workers)])
        faults += growth(memory)
    counts: dict[str, int] = {}
    for client in workers:
        for act, count in client.counts.items():
            counts[act] = counts.get(act, 0) + count
    click.echo(f"requests: {counts}; edits by hand: {editor.count}")
    for fault in faults[:20]:
        click.echo(fault)
    click.echo(f"{len(faults)} faults")
    sys.exit(bool(faults))


def audit(folder: Path, models: list[dict[str, str]]) -> list[str]:
    """Return how the data file differs from what the models hold."""
    tables = json.loads((folder / "svctasks.json").read_text())
    found = {each["id"]: each["name"] for each in tables["svctasks"].values()}
    expected = {key: name for model in models for key, name in model.items()}
    if found == expected:
        return []
    keys = {key for key in found | expected if found.get(key) != expected.get(key)}
    return [f"{key}: {found.get(key)}, not {expected.get(key)}" for key in keys]


def growth(memory: list[tuple[int, list[float]]]) -> list[str]:
    """Return a fault if the workers need more memory at the end than after a quarter."""
    tops = [max(each) for _, each in memory]
    early, late = max(tops[: len(tops) // 4 + 1]), max(tops[-len(tops) // 4 :])
    if late <= early * 1.1 + 2:
        return []
    return [f"memory grew from {early} MB to {late} MB"]


if __name__ == "__main__":
    main()
