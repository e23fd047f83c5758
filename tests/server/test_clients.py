"""Clients: the documented ones, and one that is generated from the OpenAPI document."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from readme import block, first_commands
from running import SVCTASKS, Server, svctasks
from shared import T

ID = "380daae6-016c-cdd4-606e-50e54938780c"

NODE = shutil.which("node")

GENERATOR = Path(sys.executable).with_name("openapi-python-client")


def output(*command, folder=None):
    """Run ``command`` to its end and return what it prints."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


# The README


def test_five_commands_lead_from_nothing_to_a_lookup(tmp_path):
    named, task, found = first_commands(SVCTASKS, tmp_path)
    assert named["docs"] == "/docs"
    assert task["name"] == "Nightly report"
    assert found == [task["id"]]


@pytest.fixture
def local(server):
    """Return the function from code of the README to that for the server of the test."""
    assert server.request("POST", T, {"id": ID, "name": "n"}).status == 200
    return lambda code: code.replace("8000", str(server.port))


def test_lookup_with_httpx_is_as_in_the_readme(local):
    code = local(block("python", "httpx"))
    assert output(sys.executable, "-c", code) == f"['{ID}']\n"


@pytest.mark.skipif(NODE is None, reason="needs node (Debian: apt install nodejs)")
def test_lookup_with_fetch_is_as_in_the_readme(local):
    code = local(block("js", "fetch"))
    assert output(NODE, "--input-type=module", "--eval", code) == f"[ '{ID}' ]\n"


# A client that is generated


@pytest.fixture(scope="module")
def client_folder(tmp_path_factory):
    """A folder with the generated client, as the module ``generated``."""
    folder = tmp_path_factory.mktemp("client")
    options = folder / "options.json"
    # They lay out the code, for which they need ruff.
    options.write_text('{"post_hooks": []}')
    server = Server(folder / "data")
    try:
        output(
            GENERATOR,
            "generate",
            "--url",
            f"http://127.0.0.1:{server.port}/openapi.json",
            "--config",
            options,
            "--meta",
            "none",
            "--output-path",
            folder / "generated",
        )
    finally:
        server.kill()
    return folder


@pytest.fixture
def generated(client_folder):
    """The function from a name to that module of the generated client."""
    sys.path.insert(0, str(client_folder))
    yield lambda name: importlib.import_module(f"generated{name}")
    sys.path.remove(str(client_folder))
    for name in [each for each in sys.modules if each.startswith("generated")]:
        del sys.modules[name]


def identities(server):
    """Return the operations of the document that OpenAPI 3.1 has a place for."""
    paths = server.request("GET", "/openapi.json").json["paths"]
    return {
        operation["operationId"]
        for item in paths.values()
        for method, operation in item.items()
        if method in ("get", "put", "post", "patch", "delete")
    }


def test_generated_client_has_every_operation_of_a_usual_method(server, client_folder):
    files = (client_folder / "generated" / "api").glob("*/[!_]*.py")
    assert {file.stem for file in files} == identities(server)


@pytest.fixture
def ask(server, generated):
    """The function from group, name and arguments of an operation to its reply."""
    root = f"http://127.0.0.1:{server.port}"
    with generated("").Client(base_url=root, raise_on_unexpected_status=True) as client:

        def ask(group, operation, *place, **given):
            module = generated(f".api.{group}.{operation}")
            return module.sync_detailed(*place, client=client, **given)

        yield ask


def test_generated_client_passes_a_session_with_a_task(generated, ask):
    models = generated(".models")
    created = ask(
        "service_tasks",
        "post_svctasks",
        body=models.NewSvctask(
            name="Nightly report",
            isenabled=True,
            ext=models.NewSvctaskExtType0.from_dict({"owner": "ops"}),
        ),
    ).parsed
    assert isinstance(created, models.Svctask)
    assert (created.name, created.isenabled) == ("Nightly report", 1)
    assert created.ext["owner"] == "ops"

    def found(text):
        return ask("service_tasks", "get_svctasks", filter_=text, limit=1).parsed

    assert [each.id for each in found('{"ext.owner": "ops"}')] == [created.id]
    assert found('{"ext.owner": "x"}') == []
    refused = found("{")
    assert isinstance(refused, models.Error) and refused.error_code == 1400

    one = ask("service_tasks", "get_svctasks_one", created.id)
    assert one.parsed.ext.ct == created.ext.ct
    known = {"if_match": one.headers["ETag"]}
    change = models.SvctaskChange(schedule="work", dtstop="")
    changed = ask(
        "service_tasks", "patch_svctasks_one", created.id, body=change, **known
    ).parsed
    assert (changed.schedule, changed.name) == ("work", "Nightly report")
    stale = ask("service_tasks", "delete_svctasks_one", created.id, **known)
    assert (stale.status_code, stale.parsed.error_code) == (412, 1412)
    gone = ask("service_tasks", "delete_svctasks_one", created.id)
    assert gone.status_code == 204
    none = ask("service_tasks", "get_svctasks_one", created.id)
    assert none.parsed.error_code == 1404


def test_generated_client_passes_a_session_with_a_service(generated, ask):
    models = generated(".models")
    body = models.ServiceStart(service_type=100, contact_key="555-0100")
    started = ask("services", "post_services_start", body=body).parsed
    service = ask("services", "get_services_one", started.service_id).parsed
    assert isinstance(service, models.Service)
    assert (service.service_type, service.contact_key) == (100, "555-0100")
    ended = ask("services", "post_services_end", started.service_id)
    assert ended.status_code == 200
    over = ask("services", "get_services_completed_anonymous", "555-0100").parsed
    assert [each.service_id for each in over] == [started.service_id]
    again = ask("services", "post_services_end", started.service_id).parsed
    assert isinstance(again, models.ServicesError)
    assert again.code == "BAD_REQUEST"


def test_generated_client_sends_a_token(server, generated):
    created = svctasks("token", "create", "ci", "--role", "reader", data=server.data)
    token = created.stdout.strip()
    root = f"http://127.0.0.1:{server.port}"
    listing = generated(".api.service_tasks.get_svctasks")
    with generated("").AuthenticatedClient(base_url=root, token=token) as client:
        assert listing.sync_detailed(client=client).parsed == []
    with generated("").Client(base_url=root) as client:
        assert listing.sync_detailed(client=client).parsed.error_code == 1401
