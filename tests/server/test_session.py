"""The samples of the platform's documents, reproduced with curl against the server."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from running import Server, svctasks
from shared import ASKED, SAMPLES, T, sample, sample_text

DEMO = Path(__file__).parents[2] / "app" / "samples"

ID = "380daae6-016c-cdd4-606e-50e54938780c"

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{2}Z")


@pytest.fixture(scope="module")
def sample_tasks(tmp_path_factory: pytest.TempPathFactory):
    """A data folder with the two tasks of the samples, to copy."""
    data = tmp_path_factory.mktemp("tasks") / "data"
    result = svctasks("import", "svctasks", SAMPLES / "svctasks.list.json", data=data)
    assert (result.returncode, result.stdout) == (0, "2 imported\n")
    return data


@pytest.fixture(scope="module")
def shown(sample_tasks: Path, tmp_path_factory: pytest.TempPathFactory):
    """A server over these, for the tests that change nothing."""
    folder = tmp_path_factory.mktemp("shown") / "data"
    server = Server(shutil.copytree(sample_tasks, folder))
    yield server
    server.kill()


@pytest.fixture
def loaded(sample_tasks: Path, data: Path):
    """A server over these, for a test that changes them."""
    server = Server(shutil.copytree(sample_tasks, data))
    yield server
    server.kill()


def curl(server: Server, *arguments: str, path: str = T) -> str:
    url = f"http://127.0.0.1:{server.port}{path}"
    command = ["curl", "--silent", "--show-error", *arguments, url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_list_is_the_sample(shown):
    assert curl(shown, path=f"{T}?offset=0&limit=2") == sample_text(
        "svctasks.list.json"
    )


def test_one_is_the_sample(shown):
    assert curl(shown, path=f"{T}/{ID}") == sample_text("svctask.json")


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


def test_lookup_finds_what_the_sample_finds(shown):
    reply = curl(shown, "-X", "LOOKUP", "--json", f'"{ID}"')
    assert reply == f'[\n  "{ID}"\n]'


def test_lookup_fails_as_in_the_sample(shown):
    reply = curl(shown, "-i", "-X", "LOOKUP", "--json", f'"{ID[:-1]}0"')
    head, body = reply.split("\n\n", 1)
    assert head.startswith("HTTP/1.1 404 Not Found")
    assert "content-type: application/json; charset=utf-8" in head
    assert body == '{\n  "error_code": 1404,\n  "error_message": "Lookup failed"\n}'


def test_deleting_answers_204_with_nothing(loaded):
    reply = curl(loaded, "-i", "-X", "DELETE", path=f"{T}/{ID}")
    head, body = reply.split("\n\n", 1)
    assert head.startswith("HTTP/1.1 204 No Content")
    assert (body, "\ncontent-type:" in head.lower()) == ("", False)


@pytest.fixture(scope="module")
def demo():
    """A server over the samples that the project comes with; no test changes them."""
    server = Server()
    yield server
    server.stop()


def test_a_service_is_the_sample_when_all_of_it_is_asked_for(demo):
    reply = curl(demo, path=f"/services/3005?{ASKED}")
    assert json.loads(reply) == sample("service.3005.json")


def test_a_service_is_shown_without_what_is_not_asked_for(demo):
    reply = json.loads(curl(demo, path="/services/3005"))
    whole = sample("service.3005.json")
    asked = [*ASKED.replace("=true", "").split("&")[:4], "ClientInfo", "relatedOffers"]
    assert reply == {n: each for n, each in whole.items() if n not in asked}
    assert len(reply) == len(whole) - 6 == 5


def test_the_extension_schemas_of_the_sample_are_there(demo):
    reply = json.loads(curl(demo, path="/metadata/services/extensions"))
    assert [(each["name"], each["type"]) for each in reply] == [
        ("ClientInfo", "single-valued"),
        ("relatedOffers", "multi-valued"),
    ]


def test_the_values_of_the_sample_fit_the_schemas(demo):
    """Written again as they are, they are the same."""
    service = sample("service.3005.json")
    for name in ("ClientInfo", "relatedOffers"):
        path = f"/services/3005/extensions/{name}"
        body = json.dumps(service[name])
        reply = curl(demo, "-X", "PUT", "--json", body, "-w", "%{http_code}", path=path)
        assert reply == "204"
    reply = curl(demo, path=f"/services/3005?{ASKED}")
    assert json.loads(reply) == service


def test_the_samples_are_as_the_service_writes_them(data):
    """A checkpoint after one more document leaves the lines before it as they are."""
    shutil.copytree(DEMO, data)
    server = Server(data)
    schema = {
        "name": "x",
        "type": "single-valued",
        "attributes": [{"name": "a", "type": "long"}],
    }
    for path, body in (
        (T, {"name": "n"}),
        ("/services/start", {"service_type": 1, "contact_key": "k"}),
        ("/metadata/services/extensions", schema),
    ):
        curl(server, "--fail", "--json", json.dumps(body), path=path)
    server.stop()
    for name in ("svctasks.json", "services.json", "extensions.json"):
        *before, last, _ = (DEMO / name).read_text().splitlines()
        after = (data / name).read_text().splitlines()
        assert after[: len(before) + 1] == [*before, f"{last},"]
        [end] = after[len(before) + 2 :]
        assert end.startswith('},"_checkpoint": ')
