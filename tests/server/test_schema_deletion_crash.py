"""The real server killed while it deletes an extension schema: no half is left."""

import sys
from http.client import HTTPException
from pathlib import Path

from running import Server, svctasks
from shared import PATIENCE

LEVELS = ("services", "states", "tasks")

SCHEMA = {
    "name": "Info",
    "type": "single-valued",
    "attributes": [{"name": "k", "type": "string"}],
}


class DyingServer(Server):
    """A server that is killed at a flush to disk, when it is told at which."""

    def __init__(self, data, faults):
        faults.mkdir(exist_ok=True)
        self._flushes = faults / "flushes"
        self.live_on()
        script = Path(__file__).with_name("dying.py")
        self.command = (sys.executable, script, str(faults))
        super().__init__(data)

    def die_after(self, flushes):
        # Whole at once: a worker may read it at any moment.
        draft = self._flushes.with_name("draft")
        draft.write_text(f"{flushes}")
        draft.rename(self._flushes)

    def live_on(self):
        self._flushes.unlink(missing_ok=True)

    def done(self, *request, status=(200, 201, 204)):
        reply = self.request(*request)
        assert reply.status in status, reply.text
        return reply.json if reply.text else None


def fill(server):
    """Create the schema at each level, where it is not, and return a new service."""
    for level in LEVELS:
        path = f"/metadata/{level}/extensions"
        if server.request("GET", f"{path}/info").status == 404:
            server.done("POST", path, SCHEMA)
    body = {"service_type": 1, "contact_key": "k", "Info": {"k": "of services"}}
    id_ = server.done("POST", "/services/start", body)["service_id"]
    body = {"state_type": 1, "Info": {"k": "of states"}}
    server.done("POST", f"/services/{id_}/states/start", body)
    body = {"task_type": 1, "Info": {"k": "of tasks"}}
    server.done("POST", f"/services/{id_}/tasks/start", body)
    return id_


def values(server, service):
    """Return the levels of a service that have a value."""
    path = f"/services/{service}?active_states=true&active_tasks=true&extensions=info"
    service = server.done("GET", path)
    resources = (service, *service["active_states"], *service["active_tasks"])
    return [each["Info"]["k"].split()[1] for each in resources if "Info" in each]


def test_nothing_is_left_wherever_kill_9_meets_a_deletion(data, tmp_path):
    faults = tmp_path / "faults"
    server = DyingServer(data, faults)
    services = []
    flushes = 0
    try:
        while True:
            level = LEVELS[flushes % 3]
            others = [each for each in LEVELS if each != level]
            services.append(fill(server))
            assert values(server, services[-1]) == list(LEVELS)
            server.die_after(flushes)
            path = f"/metadata/{level}/extensions/info"
            try:
                assert server.request("DELETE", path).status == 204
                break
            except (HTTPException, OSError):
                server.process.wait(PATIENCE)
                server.kill()
            server = DyingServer(data, faults)
            server.done("GET", path, status=[404])
            assert values(server, services[-1]) == others
            server.done("POST", f"/metadata/{level}/extensions", SCHEMA)
            assert values(server, services[-1]) == others
            flushes += 1
        server.live_on()
        # Each of the three steps waits for a flush.
        assert flushes >= 3
        for other in LEVELS:
            server.done(
                "DELETE", f"/metadata/{other}/extensions/info", status=[204, 404]
            )
        server.stop()
        assert svctasks("check", data=data).stdout == "all is well\n"
        assert "Info" not in (data / "services.json").read_text()
        assert "Info" not in (data / "extensions.json").read_text()
    finally:
        server.kill()
