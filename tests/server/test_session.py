"""The samples of the platform's documents, reproduced with curl against the server."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from running import Server, svctasks
from shared import SAMPLES, T, sample_text

ID = "380daae6-016c-cdd4-606e-50e54938780c"

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{2}Z")


@pytest.fixture
def loaded(data: Path):
    """A server over the two tasks of the samples."""
    result = svctasks("import", "svctasks", SAMPLES / "svctasks.list.json", data=data)
    assert (result.returncode, result.stdout) == (0, "2 imported\n")
    server = Server(data)
    yield server
    server.kill()


def curl(server: Server, *arguments: str, path: str = T) -> str:
    url = f"http://127.0.0.1:{server.port}{path}"
    command = ["curl", "--silent", "--show-error", *arguments, url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_list_is_the_sample(loaded):
    assert curl(loaded, path=f"{T}?offset=0&limit=2") == sample_text(
        "svctasks.list.json"
    )


def test_one_is_the_sample(loaded):
    assert curl(loaded, path=f"{T}/{ID}") == sample_text("svctask.json")


def test_creating_gives_the_sample(server):
    """With the id chosen, only the two moments of creation are generated."""
    entity = sample_text("svctask.json")
    reply = curl(server, "--json", entity)
    moments = MOMENT.findall(reply)
    assert len(moments) == 2 and len(set(moments)) == 1
    assert MOMENT.sub("2019-08-26T12:09:03.34Z", reply) == entity


def test_changing_gives_the_sample(loaded):
    body = {
        "isenabled": 1,
        "sitemode": "firstsite",
        "sites": "SITE1, SITE2",
        "schedule": "all",
    }
    reply = curl(loaded, "-X", "PATCH", "--json", json.dumps(body), path=f"{T}/{ID}")
    expected = sample_text("svctask.patched.json")
    assert reply != expected
    lwt = re.compile('"lwt": "[^"]+"')
    assert lwt.sub("", reply) == lwt.sub("", expected)
    assert MOMENT.search(lwt.search(reply)[0])


def test_lookup_finds_what_the_sample_finds(loaded):
    reply = curl(loaded, "-X", "LOOKUP", "--json", f'"{ID}"')
    assert reply == f'[\n  "{ID}"\n]'


def test_lookup_fails_as_in_the_sample(loaded):
    reply = curl(loaded, "-i", "-X", "LOOKUP", "--json", f'"{ID[:-1]}0"')
    head, body = reply.split("\n\n", 1)
    assert head.startswith("HTTP/1.1 404 Not Found")
    assert "content-type: application/json; charset=utf-8" in head
    assert body == '{\n  "error_code": 1404,\n  "error_message": "Lookup failed"\n}'


def test_deleting_answers_204_with_nothing(loaded):
    reply = curl(loaded, "-i", "-X", "DELETE", path=f"{T}/{ID}")
    head, body = reply.split("\n\n", 1)
    assert head.startswith("HTTP/1.1 204 No Content")
    assert (body, "content-type" in head) == ("", False)
