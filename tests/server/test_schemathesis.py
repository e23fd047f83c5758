"""The real server under schemathesis: examples, coverage, fuzzing and chains of requests.

All of its checks are on, with valid and with invalid data. Two are those of the hooks,
which know what no schema can say: ``accepts_what_fits`` is positive_data_acceptance, and
``allow_is_documented`` is allow_header_conformance. The document is turned to OpenAPI 3.2
before, which has a place for QUERY and LOOKUP. Left out are bodies in a form, whose one
member holds JSON (``test_bodies.py`` has them), and the change of mode: all other requests
would be refused in maintenance.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running import Server

from app.api.bodies import FORM
from app.api.openapi import FURTHER

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
DATA = Path(__file__).parents[2] / "data"

CONFIGURATION = """\
[checks.negative_data_rejection]
expected-statuses = ["400", "403", "404", "412", "414", "5xx"]
"""
"""Too long an address is 414; one that is no valid id is 404."""

EXAMPLES = os.environ.get("SVCTASKS_SCHEMATHESIS_EXAMPLES", "3")
"""How many requests of each kind the fuzzing phase sends to each operation."""


@pytest.fixture
def server(tmp_path):
    """A server over the sample data."""
    data = tmp_path / "data"
    data.mkdir()
    for file in DATA.glob("*.json"):
        shutil.copy(file, data)
    server = Server(data)
    yield server
    server.kill()


def document(server):
    """Return the server's document in OpenAPI 3.2, without forms."""
    document = server.request("GET", "/openapi.json").json
    document["openapi"] = "3.2.0"
    for item in document["paths"].values():
        further = item.pop(FURTHER, {})
        for operation in [*item.values(), *further.values()]:
            operation.get("requestBody", {}).get("content", {}).pop(FORM, None)
        if "QUERY" in further:
            item["query"] = further.pop("QUERY")
        if further:
            item["additionalOperations"] = further
    return document


def test_schemathesis_finds_nothing(server, tmp_path):
    (tmp_path / "openapi.json").write_text(json.dumps(document(server)))
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    result = subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", "schemathesis.toml", "run"),
            *("openapi.json", "--url", f"http://127.0.0.1:{server.port}"),
            *("--checks", "all", "--exclude-path", "/server/mode", "--no-color"),
            "--exclude-checks=positive_data_acceptance,allow_header_conformance",
            *("--generation-allow-x00", "false", "--generation-deterministic"),
            *("--max-examples", EXAMPLES),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    assert " 0 generated" not in result.stdout
