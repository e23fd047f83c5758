"""A client whose types are generated for TypeScript from the OpenAPI document."""

import shutil
import subprocess
from pathlib import Path

import pytest
from running import Server, svctasks

pytestmark = pytest.mark.typescript

FOLDER = Path(__file__).parent

STRICT = ["--strict", "--module", "nodenext", "--target", "es2022"]


def test_session_is_compiled_and_passes(tmp_path):
    def run(*command):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr

    for name in ("package.json", "session.ts"):
        shutil.copy(FOLDER / name, tmp_path)
    run("npm", "install", "--silent", "--no-audit", "--no-fund")
    server = Server(tmp_path / "data")
    try:
        document = server.request("GET", "/openapi.json").text
        (tmp_path / "openapi.json").write_text(document)
        # Else a member that has a default must be sent.
        generate = ("openapi-typescript", "--default-non-nullable", "false")
        run("npx", "--no", "--", *generate, "openapi.json", "-o", "api.d.ts")
        run("npx", "--no", "--", "tsc", *STRICT, "session.ts")
        created = svctasks(
            "token", "create", "ts", "--role", "writer", data=server.data
        )
        token = created.stdout.strip()
        run("node", "session.js", f"http://127.0.0.1:{server.port}", token)
    finally:
        server.kill()
