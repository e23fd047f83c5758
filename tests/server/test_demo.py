"""``svctasks serve --demo``: the samples, in a folder that goes away again."""

import os
import signal

import pytest
from running import Server, svctasks
from shared import ASKED, SAMPLES, sample, until

from app import demo


@pytest.fixture(params=["gunicorn", "granian"])
def server(request):
    server = Server(None, "--server", request.param)
    yield server
    if server.process.poll() is None:
        server.stop()


def test_the_samples_are_served_and_their_folder_is_removed_at_the_end(server):
    assert server.request("GET").json == sample("svctasks.list.json")
    service = server.request("GET", f"/services/3005?{ASKED}").json
    assert service == sample("service.3005.json")
    assert server.request("POST", body={"name": "n"}).status == 200
    until((server.data / "svctasks.json.journal").exists)
    code, _ = server.stop()
    assert (code, server.data.exists()) == (0, False)


def test_a_worker_that_ends_leaves_the_folder_alone(server):
    workers = server.workers(2)
    os.kill(workers[0], signal.SIGTERM)
    until(lambda: set(server.workers(2)) - set(workers))
    assert server.request("POST", body={"name": "n"}).status == 200
    assert server.request("GET").status == 200
    assert server.stop()[0] == 0
    assert not server.data.exists()


def test_each_start_begins_with_the_samples_again(server):
    [first, *_] = server.request("GET").json
    other = Server()
    try:
        path = f"/rest/v1/service/svctasks/{first['id']}"
        assert server.request("DELETE", path).status == 204
        assert other.data != server.data
        assert other.request("GET", path).status == 200
    finally:
        other.stop()


def test_a_start_that_fails_leaves_no_folder(server, tmp_path):
    result = svctasks("serve", "--demo", PORT=str(server.port), TMPDIR=str(tmp_path))
    assert result.returncode == 1
    assert "Address already in use" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_beside_demo_is_refused(data):
    result = svctasks("serve", "--demo", data=data)
    assert result.returncode == 2
    assert "--demo makes a folder of its own: leave out --data" in result.stderr
    assert not data.exists()


def test_the_variable_for_the_data_folder_does_not_matter(data):
    server = Server(SVCTASKS_DATA=str(data))
    try:
        assert len(server.request("GET").json) == 2
        assert not data.exists()
    finally:
        server.stop()


def test_the_samples_of_the_program_have_those_of_the_tests():
    shipped = {each.name: each.read_bytes() for each in demo.SAMPLES.iterdir()}
    copies = {each.name: each.read_bytes() for each in (SAMPLES / "data").iterdir()}
    assert copies.items() < shipped.items()
