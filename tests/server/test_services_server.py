"""Mode and status of the real server: what its workers tell together."""

import json
import os
import signal

import pytest
from running import Server, svctasks
from shared import T, until

STATUS, MODE = "/server/status", "/server/mode"


class Counting(Server):
    """A server with two workers, and how many requests it was sent."""

    sent = 0

    def request(self, *args, **kwargs):
        self.sent += 1
        return super().request(*args, **kwargs)

    def status(self):
        return self.request("GET", STATUS).json

    def uncounted(self):
        """Return how many requests the status lacks of those that were sent before."""
        sent = self.sent
        return sent - self.status()["request_today"]


@pytest.fixture
def counting(data):
    """Both workers have answered a request: the first listens before the second."""
    server = Counting(data)
    until(
        lambda: (server.request("GET"), answered(server.logged()))[1],
        lambda counts: len(counts) == 2,
    )
    yield server
    server.kill()


def answered(logged):
    """Return how many requests each worker answered."""
    counts = {}
    for line in map(json.loads, logged.splitlines()):
        if line["message"] == "request":
            counts[line["process"]] = counts.get(line["process"], 0) + 1
    return counts


def test_mode_that_one_worker_is_told_is_that_of_all(counting):
    """Each connection may reach another worker; none may be in the former mode."""
    for mode, status in (("maintenance", 503), ("production", 404)) * 3:
        reply = counting.request("POST", MODE, {"mode": mode})
        assert (reply.status, reply.headers["location"]) == (200, STATUS)
        for _ in range(10):
            assert counting.status()["mode"] == mode
            error = counting.request("GET", "/services/%31").json
            assert (error["http_code"], error["http_uri"]) == (
                status,
                "/services/%31",
            )
            assert counting.request("GET", T).status == 200
    _, logged = counting.stop()
    assert "ERROR" not in logged


def test_mode_outlasts_a_crash(counting):
    counting.request("POST", MODE, {"mode": "maintenance"})
    counting.kill()
    again = Server(counting.data)
    try:
        assert again.request("GET", STATUS).json["mode"] == "maintenance"
        assert again.request("GET", "/customers/1/services").status == 503
    finally:
        again.kill()


def test_status_counts_the_requests_of_all_workers(counting):
    for _ in range(20):
        assert counting.request("GET", "/nowhere").status == 404
    until(counting.uncounted, lambda lacking: lacking == 0)
    told = counting.status()
    assert (told["client_errors_today"], told["server_errors_today"]) == (20, 0)
    assert told["started"] <= told["last_request"] <= told["system_time"]
    assert "daily_counts" not in counting.request("GET", "/metrics").text


def test_figures_of_a_worker_that_died_count_on(counting):
    for _ in range(20):
        counting.request("GET")
    until(counting.uncounted, lambda lacking: lacking == 0)
    before = counting.status()
    # Its last moment is lost with a worker that is killed; what was told is not.
    until(counting.uncounted, lambda lacking: lacking == 0)
    for pid in counting.workers(2):
        os.kill(pid, signal.SIGKILL)
        until(lambda gone=pid: gone not in counting.workers(2))
    after = counting.status()
    assert after["started"] == before["started"]
    assert after["request_today"] >= before["request_today"]


def test_status_begins_anew_with_the_server(counting):
    for _ in range(20):
        counting.request("GET")
    started = counting.status()["started"]
    counting.stop()
    again = Counting(counting.data)
    try:
        told = again.status()
        assert told["request_today"] == 0
        assert told["started"] > started
    finally:
        again.kill()


def test_services_api_stands_under_a_prefix_too(data):
    server = Server(data, SVCTASKS_SERVICES_PREFIX="/genesys/1/cs")
    try:
        for start in ("", "/genesys/1/cs"):
            reply = server.request("POST", start + MODE, {"mode": "production"})
            assert reply.headers["location"] == start + STATUS
            assert server.request("GET", start + STATUS).status == 200
            error = server.request("PUT", f"{start}{STATUS}?").json
            assert (error["code"], error["http_uri"]) == (
                "METHOD_NOT_ALLOWED",
                f"{start}{STATUS}?",
            )
    finally:
        server.kill()


def test_routes_are_printed_with_the_prefix():
    lines = svctasks("routes", SVCTASKS_SERVICES_PREFIX="/x/y").stdout.splitlines()
    told = {tuple(line.split()[:2]) for line in lines}
    for start in ("", "/x/y"):
        assert ("POST", start + MODE) in told
        assert ("GET", f"{start}/metadata/business-attributes/{{name}}") in told
    assert ("GET", T) in told and ("GET", "/x/y" + T) not in told
    refusal = svctasks("routes", SVCTASKS_SERVICES_PREFIX="x")
    assert refusal.returncode == 1
    assert refusal.stderr.startswith("svctasks: SVCTASKS_SERVICES_PREFIX must be ")


@pytest.mark.parametrize("each_server", ["gunicorn", "granian"], indirect=True)
def test_replies_are_the_same_under_either_server(each_server):
    """Neither gives an empty reply a type, nor takes a slash in a name for another one."""
    server = each_server
    body = {"service_type": 1, "contact_key": "k"}
    assert server.request("POST", "/services/start", body).status == 201
    got = server.request("GET", "/services/1")
    known = {"If-None-Match": got.headers["etag"]}
    for method, path, status, headers in (
        ("POST", "/services/1/end", 412, known),
        ("POST", "/services/1/end", 200, {"If-Match": got.headers["etag"]}),
        ("OPTIONS", "/services/1/end", 200, {}),
        ("GET", "/health", 200, {}),
        ("GET", "/customers/a%2Fb/services", 400, {}),
        ("GET", "/services/anonymous/a%2Factive", 400, {}),
        ("GET", "/services/1", 200, known),
        ("GET", "/services/anonymous/k", 200, {}),
    ):
        reply = server.request(method, path, **headers)
        assert reply.status == status, reply
        assert ("content-type" in reply.headers) == bool(reply.text)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "cache-control" in reply.headers
    headers = {"If-None-Match": reply.headers["etag"]}
    again = server.request("GET", path, **headers)
    assert (again.status, again.text) == (304, "")
    assert "content-type" not in again.headers
