"""A server that others than programs of its machine can reach."""

import json
import os
import signal
import subprocess
from contextlib import contextmanager, suppress

import pytest
from readme import block
from running import SVCTASKS, Server, free_port, svctasks
from servers import SERVERS
from shared import PATIENCE, T

each_kind = pytest.mark.parametrize("kind", SERVERS)


def make_token(data, name, role="admin"):
    """Make a token, as the message of a server that refuses to start says."""
    result = svctasks("token", "create", name, "--role", role, data=data)
    assert result.returncode == 0, result.stderr
    [token] = [word for word in result.stdout.split() if word.startswith("svct_")]
    return token


@contextmanager
def serving(data, *options):
    """A server over ``data``, which is killed in the end."""
    server = Server(data, *options)
    try:
        yield server
    finally:
        server.kill()


@pytest.mark.parametrize("option", ["--bind=0.0.0.0", "--bind=[::]", "--behind-proxy"])
def test_it_says_what_it_lacks_and_changes_nothing(data, option):
    result = svctasks("serve", option, "--port", free_port(), data=data)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("svctasks: ") and result.stderr.count("\n") == 1
    assert f"svctasks token create NAME --role admin --data {data}" in result.stderr
    assert ("--tls-cert FILE" in result.stderr) == (option != "--behind-proxy")
    assert not list(data.glob("*.json"))


def test_it_says_that_the_demo_is_for_this_machine():
    result = svctasks("serve", "--demo", "--bind", "0.0.0.0", "--insecure")
    assert (result.returncode, result.stdout) == (1, "")
    assert "--demo is for programs of this machine" in result.stderr


def test_the_commands_of_the_readme_lead_to_a_server_with_tls(tmp_path):
    """Pasted whole by a new user, on another port and to a server that is stopped."""
    pasted = block("sh", "openssl req").replace("8443", str(free_port()))
    process = subprocess.Popen(
        ["bash", "-ec", f"{pasted}\nkill $!; wait"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{SVCTASKS.parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, logged = process.communicate(timeout=PATIENCE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, logged
    assert "listens on https://0.0.0.0:" in printed
    assert printed.endswith("[]")
    requests = [json.loads(n) for n in logged.split("\n") if '"request"' in n]
    assert [(each["status"], each["by"]) for each in requests] == [(200, "me")]


@each_kind
def test_nobody_is_let_in_without_a_token_even_when_the_last_one_is_revoked(data, kind):
    token = make_token(data, "deploy")
    bearer = {"Authorization": f"Bearer {token}"}
    with serving(data, "--server", kind, "--bind", "0.0.0.0", "--insecure") as server:
        assert server.request("GET", T).status == 401
        assert server.request("POST", T, {"name": "n"}).status == 401
        assert server.request("POST", T, {"name": "n"}, **bearer).status == 200
        assert svctasks("token", "revoke", "deploy", data=data).returncode == 0
        for _ in range(4):
            assert server.request("GET", T, **bearer).status == 401
            assert server.request("GET", T).status == 401
    result = svctasks("serve", "--bind", "0.0.0.0", "--insecure", data=data)
    assert "token create" in result.stderr
