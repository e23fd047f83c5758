"""The real server under schemathesis: examples, coverage, fuzzing and chains of requests.

All of its checks are on, with valid and with invalid data, and they find nothing. What it
is told beyond the document is in ``schemathesis_hooks.py``: two checks, accepts_what_fits
and allow_is_documented, stand for positive_data_acceptance and allow_header_conformance,
and admit only what no OpenAPI document can say, reason by reason. The server has no tokens,
so that its check of them is left out: see ``test_access.py``.

It reads another dialect than the document has: the same is said in OpenAPI 3.2, which has
a place for QUERY; JSON in a parameter stands under ``content``; the asterisk that If-Match
may be is named, for it is not found in the pattern. LOOKUP is sent as POST with the header
for that. It cannot send JSON in a form: for these see ``test_bodies.py``.
Nor can it try every filter in bounded time: here only some fields have filters, none of
them in the form of arrays, and a single one where another list takes the same filters; that
the schema of filters is exact is shown by ``test_openapi.py``.

All is the same in each run, unless SVCTASKS_SCHEMATHESIS names another number of requests
than 5 for the fuzzing of each operation: then it is random.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from documented import fits
from running import Server
from schemathesis_hooks import is_beyond_schemas
from shared import DATA, T

from app.api.bodies import FORM
from app.api.openapi import FURTHER, JSON

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")

CONFIGURATION = """\
[checks.negative_data_rejection]
expected-statuses = ["400", "403", "404", "412", "414", "431", "5xx"]
"""
"""A wrong id is 404, a tag in vain 412, too long an address 414, a header 431."""

EXAMPLES = os.environ.get("SVCTASKS_SCHEMATHESIS", "")

FILTERED = ("name", "dtstart", "slot", "code")
"""A field of each kind, but for arrays and objects, of tasks and of runs."""

LISTS = {
    "get_svctasks": FILTERED,
    "query_svctasks": ("name",),
    "get_svcruns": FILTERED,
    "get_svcruns_of_task": ("code",),
    "get_svcscript_runtimes": FILTERED,
}
"""The operations that have filters, with the fields that have some here."""


def definition(name):
    """Return an extension schema of that name."""
    attributes = [{"name": "a", "type": "string"}]
    return {"name": name, "type": "single-valued", "attributes": attributes}


@pytest.fixture
def server(tmp_path):
    """A server over the sample data, with a runner, as runs need one."""
    server = Server(shutil.copytree(DATA, tmp_path / "data"), "--runner")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """A server over the sample data, which is sent only what it refuses."""
    data = tmp_path_factory.mktemp("refusing") / "data"
    server = Server(shutil.copytree(DATA, data))
    yield server
    server.kill()


@pytest.fixture
def document(server):
    """The server's document in the dialect of schemathesis."""
    document = server.request("GET", "/openapi.json").json
    document["openapi"] = "3.2.0"
    for parameter in document["components"]["parameters"].values():
        schema = parameter["schema"]
        if "contentSchema" in schema:
            del parameter["schema"]
            parameter["content"] = {JSON: {"schema": schema["contentSchema"]}}
    tags = document["components"]["parameters"]["If-Match"]
    tags["schema"] = {"anyOf": [{"const": "*"}, tags["schema"]]}
    for item in document["paths"].values():
        further = item.pop(FURTHER, {})
        if "QUERY" in further:
            item["query"] = further.pop("QUERY")
        item["additionalOperations"] = further
        for operation in (*item.values(), *further.values()):
            operation.get("requestBody", {}).get("content", {}).pop(FORM, None)
    return document


@pytest.fixture
def run(server, document, tmp_path):
    """The function that lets schemathesis try what ``options`` select."""

    def run(*options):
        (tmp_path / "openapi.json").write_text(json.dumps(document))
        (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
        amount = ("--max-examples", EXAMPLES or "5")
        chance = () if EXAMPLES else ("--generation-deterministic",)
        result = subprocess.run(
            [
                SCHEMATHESIS,
                "--config-file",
                "schemathesis.toml",
                "run",
                "openapi.json",
                "--url",
                f"http://127.0.0.1:{server.port}",
                "--generation-allow-x00",
                "false",
                "--no-color",
                *amount,
                *chance,
                "--checks",
                "all",
                "--exclude-checks",
                "positive_data_acceptance,allow_header_conformance,ignored_auth",
                *options,
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parent),
                "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
            },
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
        assert " passed" in result.stdout

    return run


@pytest.mark.parametrize(
    ("path", "name", "body"),
    [
        (T, "NewSvctask", {"name": "n", "dtstart": "0001-01-01T00:00:00+01:00"}),
        (
            "/services/3005/end",
            "ServiceEnd",
            {"timestamp": "9999-12-31T23:59:59-01:00"},
        ),
        *(
            ("/metadata/services/extensions", "NewDefinition", definition(name))
            for name in ("service_id", "Session_ID")
        ),
    ],
)
def test_what_fits_the_document_and_is_refused_is_beyond_schemas(
    refusing, path, name, body
):
    assert fits(body, name)
    reply = refusing.request("POST", path, body)
    assert reply.status == 400
    assert is_beyond_schemas(
        SimpleNamespace(operation=SimpleNamespace(path=path)), reply.json
    )


def test_schemathesis_finds_nothing_but_for_lists_and_the_mode(run):
    lists = [option for each in LISTS for option in ("--exclude-operation-id", each)]
    run("--exclude-path", "/server/mode", *lists)


@pytest.mark.parametrize("operation", LISTS)
def test_schemathesis_finds_nothing_in_lists(run, document, operation):
    schemas = document["components"]["schemas"]
    for kind in ("Filter", "RunFilter", "RuntimeFilter"):
        filter_ = schemas[kind] = schemas[kind]["anyOf"][0]
        filter_["patternProperties"] = {}
        fields = LISTS[operation]
        for name in [each for each in filter_["properties"] if each not in fields]:
            if not name.startswith("$"):
                del filter_["properties"][name]
    run("--include-operation-id", operation)


def test_schemathesis_finds_nothing_in_lookup(run, document):
    item = document["paths"][T]
    item["post"] = item["additionalOperations"].pop("LOOKUP")
    override = ("--header", "X-HTTP-Method-Override: LOOKUP")
    run("--include-operation-id", "lookup_svctasks", *override)


def test_schemathesis_finds_nothing_in_the_change_of_mode(run):
    """By itself: in maintenance, most other requests would be refused."""
    run("--include-path", "/server/mode")
