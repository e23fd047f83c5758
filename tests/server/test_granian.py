"""Granian in the place of gunicorn: the same application, and the same stop."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from raw import chunked, exchange, head, listens
from running import Server
from servers import SERVERS
from shared import T, until


class Granian(Server):
    """The server with ``--server granian``."""

    def __init__(self, data, *options, **settings):
        super().__init__(data, "--server", "granian", *options, **settings)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server for tests that change nothing but its data."""
    server = Granian(tmp_path_factory.mktemp("shared") / "data")
    yield server
    server.kill()


@pytest.fixture
def server(data):
    server = Granian(data)
    yield server
    server.kill()


def test_all_methods_reach_the_application(shared):
    server = shared
    created = server.request("POST", T, {"name": "one"})
    assert created.status == 200
    id_ = created.json["id"]
    assert server.request("LOOKUP", T, id_).json == [id_]
    assert len(server.request("QUERY", T, {"filter": {"name": "one"}}).json) == 1
    override = {"X-HTTP-Method-Override": "LOOKUP"}
    assert server.request("POST", T, id_, **override).json == [id_]
    assert server.request("PATCH", f"{T}/{id_}", {"isenabled": 1}).status == 200
    assert server.request("HEAD", f"{T}/{id_}").text == ""
    assert server.request("DELETE", f"{T}/{id_}").status == 204
    assert server.request("GET", f"{T}/{id_}").json["error_code"] == 1404
    assert server.request("PUT", T, {}).status == 405
    assert server.request("GET", "/services/x").json["http_uri"] == "/services/x"


def test_a_chunked_body_is_read(shared):
    connection = shared.connect()
    try:
        body = iter([b'{"name": ', b'"in parts"}'])
        headers = {"Content-Type": "application/json"}
        connection.request("POST", T, body, headers, encode_chunked=True)
        assert connection.getresponse().status == 200
    finally:
        connection.close()


@pytest.mark.parametrize(("count", "status"), [(9_990, 200), (10_010, 400)])
def test_a_body_of_more_pieces_than_10000_is_refused(shared, count, status):
    begin = head(
        "QUERY", T, "Content-Type: application/json", "Transfer-Encoding: chunked"
    )
    answer = exchange(shared.port, begin, chunked(*[b" "] * count, b"{}"))
    assert (answer.status, "pieces" in answer.text) == (status, status == 400)


def test_a_stop_writes_a_checkpoint_and_ends_with_0(data):
    server = Granian(data)
    assert server.request("POST", T, {"name": "last"}).status == 200
    code, _ = server.stop()
    assert code == 0
    assert '"last"' in (data / "svctasks.json").read_text()


def test_an_acknowledged_write_outlasts_a_crash(data):
    server = Granian(data)
    id_ = server.request("POST", T, {"name": "kept"}).json["id"]
    server.kill()
    again = Granian(data)
    try:
        assert again.request("GET", f"{T}/{id_}").json["name"] == "kept"
    finally:
        again.kill()


def test_workers_that_end_again_and_again_are_replaced(server):
    for _ in range(3):
        before = server.workers(2)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        until(lambda: not set(server.workers(2)) & set(before))
        assert until(lambda: answers(server))
    assert server.process.poll() is None


def answers(server):
    try:
        return server.request("POST", T, {"name": "n"}).status == 200
    except OSError:
        return False


def test_an_address_with_an_encoded_slash_is_refused(shared):
    reply = shared.request("GET", "/services/anonymous/a%2Factive")
    assert (reply.status, "slash" in reply.text) == (400, True)


@pytest.mark.parametrize("kind", SERVERS)
def test_behind_a_prefix_addresses_have_it(data, kind):
    server = Server(data, "--server", kind, SCRIPT_NAME="/outer")
    try:
        schema = {"name": "known", "type": "single-valued"}
        schema["attributes"] = [{"name": "a", "type": "string"}]
        path = "/outer/metadata/services/extensions"
        created = server.request("POST", path, schema)
        assert created.headers["location"] == f"{path}/known"
        for name in ("one", "two"):
            server.request("POST", f"/outer{T}", {"name": name})
        link = server.request("GET", f"/outer{T}?limit=1").headers["link"]
        assert link.startswith(f"</outer{T}?")
    finally:
        server.kill()


def test_threads_that_rest_end_before_their_worker(data):
    """Python ends with the worker, and a thread of the core may not be in it then."""
    server = Granian(data, "--workers", "1")
    try:
        worker = server.workers(1)[0]
        for _ in range(5):
            with ThreadPoolExecutor(8) as clients:
                statuses = clients.map(
                    lambda _: server.request("GET").status, range(24)
                )
                assert set(statuses) == {200}
            os.kill(worker, signal.SIGTERM)
            worker = until(lambda: set(server.workers(1)) - {worker}).pop()
            until(lambda: listens(server.port))
        code, logged = server.stop()
    finally:
        server.kill()
    assert code == 0 and "panicked" not in logged
