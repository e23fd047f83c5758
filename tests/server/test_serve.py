"""``svctasks serve``: how it starts, what it says, how it stops."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from raw import head, many
from running import SVCTASKS, Server, free_port, svctasks
from servers import SERVERS
from shared import PATIENCE, T, until

from app.settings import SETTINGS

each_kind = pytest.mark.parametrize("kind", SERVERS)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server for tests that change nothing but its data."""
    server = Server(tmp_path_factory.mktemp("shared") / "data")
    yield server
    server.kill()


def test_it_says_where_it_listens_and_where_its_page_and_data_are(shared):
    first, page, data = shared.start_lines
    root = f"http://127.0.0.1:{shared.port}"
    assert first.endswith(f" listens on {root}{T}\n")
    assert page == f"  open it in a browser: {root}/console\n"
    assert data == f"  data folder: {shared.data}\n"
    assert shared.request("GET", "/console").status == 200


def test_it_runs_as_a_module_too(data):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--data", data, "--bind", "localhost"],
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert f"http://localhost:{port}/" in process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_it_has_as_many_workers_as_asked_for(data):
    server = Server(data, "--workers", "3", "--threads", "2")
    try:
        assert len(server.workers(3)) == 3
    finally:
        server.kill()


def test_what_one_worker_writes_every_worker_serves(server):
    """Each connection may reach another worker; none may see an older state."""
    for n in range(40):
        task = server.request("POST", body={"name": f"task {n}"}).json
        assert server.request("GET", f"{T}/{task['id']}").json == task
        total = server.request("GET", f"{T}?limit=0").headers["x-total-count"]
        assert total == str(n + 1)


def test_sigterm_answers_what_is_in_flight_and_writes_a_checkpoint(server):
    """The body of the request ends only after the server was told to stop."""
    connection = server.connect()
    body = b'{"name": "in flight"}'
    connection.putrequest("POST", T)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    # The worker asks for the body when the application reads it: it is in flight.
    connection.sock.settimeout(PATIENCE)
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 100")
    server.process.send_signal(signal.SIGTERM)
    connection.send(body)
    reply = connection.getresponse()
    assert reply.status == 200
    reply.read()
    connection.close()
    code, logged = server.stop()
    assert code == 0
    assert "Traceback" not in logged
    assert "in flight" in (server.data / "svctasks.json").read_text()
    journal = (server.data / "svctasks.json.journal").read_bytes()
    assert journal.count(b'"put"') == 0


def test_a_worker_hears_what_it_is_told_while_it_starts(data, tmp_path):
    script = Path(__file__).with_name("hesitant.py")

    class HesitantServer(Server):
        command = (sys.executable, script, tmp_path / "figures")

    def workers(event):
        return {file.stem for file in tmp_path.glob(f"*.{event}")}

    server = HesitantServer(data)
    try:
        until(lambda: len(workers("begun")) == 2)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=PATIENCE) == 0
    finally:
        server.kill()
    # One that did not hear it would be killed in the end.
    assert workers("ended") == workers("begun")


def test_data_files_are_private_to_their_owner(server):
    server.request("POST", body={"name": "n"})
    server.stop()
    for file in server.data.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_an_edit_by_hand_is_served_without_a_restart(server):
    task = server.request("POST", body={"name": "before"}).json
    server.stop()
    server = Server(server.data)
    try:
        file = server.data / "svctasks.json"
        file.write_text(file.read_text().replace("before", "after"))

        def is_served():
            return server.request("GET", f"{T}/{task['id']}").json["name"] == "after"

        until(is_served)
        assert all(is_served() for _ in range(10))
    finally:
        server.kill()


def test_too_long_addresses_and_headers_are_refused(shared):
    assert shared.request("GET", f"{T}/{'x' * 8190}").status == 414
    headers = {"X-Request-Id": "x" * 65536}
    assert shared.request("GET", **headers).status == 431


def test_a_chunked_body_is_read(shared):
    connection = shared.connect()
    connection.request(
        "POST",
        T,
        iter([b'{"name": ', b'"in chunks"}']),
        {"Content-Type": "application/json"},
        encode_chunked=True,
    )
    reply = connection.getresponse()
    assert (reply.status, b"in chunks" in reply.read()) == (200, True)
    connection.close()


def test_a_chunked_body_over_the_limit_is_refused(data):
    server = Server(data, SVCTASKS_MAX_BODY="1000")
    try:
        connection = server.connect()
        connection.request(
            "POST",
            T,
            iter([b'{"name": "', b"x" * 2000, b'"}']),
            {"Content-Type": "application/json"},
            encode_chunked=True,
        )
        reply = connection.getresponse()
        assert (reply.status, b"1413" in reply.read()) == (413, True)
        connection.close()
    finally:
        server.kill()


def test_a_second_server_on_the_same_port_is_refused(shared, tmp_path):
    result = svctasks("serve", "--data", tmp_path / "other", PORT=str(shared.port))
    assert result.returncode == 1
    assert result.stderr == (
        f"svctasks: cannot listen on 127.0.0.1:{shared.port}: Address already in use\n"
    )


def test_a_broken_data_file_is_named_and_nothing_is_served(data):
    data.mkdir()
    (data / "svctasks.json").write_text('{"svctasks": {"7": {"isenabled": 3}}}')
    result = svctasks("serve", "--data", data, PORT=str(free_port()))
    assert result.returncode == 1
    assert result.stderr == (
        "svctasks: svctasks.json: document 7, field name: is required; "
        "document 7, field isenabled: must be 0 or 1\n"
    )


@pytest.mark.parametrize(
    "variable, value, message",
    [
        ("SVCTASKS_BIND", "a b", "SVCTASKS_BIND must be HOST or HOST:PORT"),
        ("SVCTASKS_BIND", "localhost:65536", "with a port from 1 to 65535, not"),
        ("PORT", "abc", 'PORT must be a whole number from 1 to 65535, not "abc"'),
        ("PORT", "0", "PORT must be a whole number from 1 to 65535, not 0"),
        ("PORT", "65536", "PORT must be a whole number from 1 to 65535, not 65536"),
        ("SVCTASKS_WORKERS", "two", 'WORKERS must be a whole number, not "two"'),
        ("SVCTASKS_FAIL_RATE", "x", 'SVCTASKS_FAIL_RATE must be a number, not "x"'),
        ("SVCTASKS_READ_ONLY", "x", 'READ_ONLY must be true or false, not "x"'),
        ("SVCTASKS_WORKERS", "0", "SVCTASKS_WORKERS must be 1 or more, not 0"),
        ("SVCTASKS_WORKERS", "1000000", "SVCTASKS_WORKERS must be 256 or less, not 10"),
        ("SVCTASKS_THREADS", "100000", "SVCTASKS_THREADS must be 256 or less, not 10"),
        ("SVCTASKS_REQUEST_TIMEOUT", "0", "SVCTASKS_REQUEST_TIMEOUT must be a number"),
        (
            "SVCTASKS_REQUEST_TIMEOUT",
            "nan",
            "SVCTASKS_REQUEST_TIMEOUT must be a number",
        ),
        ("SVCTASKS_THREADS", "-1", "SVCTASKS_THREADS must be 1 or more, not -1"),
        ("SVCTASKS_FSYNC", "maybe", "SVCTASKS_FSYNC must be always or never"),
        ("SVCTASKS_MAX_BODY", "0", "SVCTASKS_MAX_BODY must be 1 or more"),
        ("SVCTASKS_MAX_DEPTH", "65", "SVCTASKS_MAX_DEPTH must be 1 to 64, not 65"),
        ("SVCTASKS_NODE", "xyz", "SVCTASKS_NODE must be 12 hex digits"),
        ("SVCTASKS_HOSTS", "a:80", "SVCTASKS_HOSTS must be names or addresses without"),
        ("SVCTASKS_CORS_ORIGINS", "null", "SVCTASKS_CORS_ORIGINS must be origins as"),
    ],
)
def test_a_wrong_setting_is_named(data, variable, value, message):
    variables = {variable: value}
    result = svctasks("settings", **variables)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"svctasks: {variable} must be ")
    assert message in result.stderr
    assert result.stderr.count("must be") == result.stderr.count("\n") == 1


def test_an_empty_variable_is_none():
    variables = dict.fromkeys((each.variable for each in SETTINGS), "")
    empty, none = svctasks("settings", **variables), svctasks("settings")
    assert (empty.returncode, empty.stderr) == (0, "")
    assert empty.stdout == none.stdout


@pytest.mark.parametrize(
    "options, message",
    [
        (["--port", "0"], "--port must be a whole number from 1 to 65535, not 0"),
        (["--workers", "0"], "--workers must be 1 or more, not 0"),
        (["--fail-rate", "2"], "--fail-rate must be 0 to 1, not 2.0"),
        (["--bind", "a:1", "--port", "2"], "--bind names a port already"),
        (["--bind", ""], "--bind must be HOST or HOST:PORT"),
        (["--host", "a b"], "--host must be names or addresses without a port, such"),
        (["--cors-origin", "a.example"], "--cors-origin must be origins as browsers"),
        (
            ["--bind", "0.0.0.0:1", "--cors-origin", "*"],
            "the origin * is allowed only without tokens on loopback, but others can",
        ),
    ],
)
def test_a_wrong_option_is_named_as_it_was_typed(data, options, message):
    result = svctasks("serve", *options, data=data)
    assert result.returncode == 1
    assert result.stderr.startswith(f"svctasks: {message}")


def test_the_option_for_the_port_goes_before_both_variables(data):
    port = str(free_port())
    server = Server(data, "--port", port, port=1, SVCTASKS_BIND="localhost:2")
    try:
        assert f"http://localhost:{port}/" in server.start_lines[0]
    finally:
        server.kill()


def test_an_empty_data_folder_is_refused_as_an_option():
    result = svctasks("check", "--data", "")
    assert result.returncode == 2
    assert "a path must not be empty" in result.stderr


@pytest.mark.parametrize(
    "variable, meant",
    [
        ("SVCTASKS_WORKES", "SVCTASKS_WORKERS"),
        ("SVCTASKS_MAXBODY", "SVCTASKS_MAX_BODY"),
        ("SVCTASK_DATA", "SVCTASKS_DATA"),
        ("svctasks_data", "SVCTASKS_DATA"),
        ("SVCTASKS_PORT", "PORT"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_one_that_is_meant(variable, meant):
    variables = {variable: "9"}
    result = svctasks("settings", **variables)
    assert result.returncode == 0
    assert result.stderr == (
        f"svctasks: {variable} is not a setting (did you mean {meant}?); it is ignored\n"
    )


def test_a_variable_of_others_is_passed_over():
    """Kubernetes sets these where a service is named svctasks."""
    others = {
        "SVCTASKS_SERVICE_HOST": "10.0.0.1",
        "SVCTASKS_SERVICE_PORT": "80",
        "SVCTASKS_PORT": "tcp://10.0.0.1:80",
        "SVCTASKS_PORT_80_TCP": "tcp://10.0.0.1:80",
        "SVCTASKS_PORT_80_TCP_ADDR": "10.0.0.1",
        "SVCTASKS_PORT_80_TCP_PORT": "80",
        "SVCTASKS_PORT_80_TCP_PROTO": "tcp",
        "SVCTASKS_SCHEMATHESIS": "10",
        "SVCTASKS_HOME": "/srv",
    }
    result = svctasks("settings", **others)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_data_folder_must_be_a_folder(tmp_path: Path):
    file = tmp_path / "file"
    file.touch()
    result = svctasks("serve", "--data", file, PORT=str(free_port()))
    assert (result.returncode, result.stderr) == (
        1,
        f"svctasks: {file}: the data folder cannot be made: File exists\n",
    )


def test_without_fsync_it_serves_the_same(data):
    server = Server(data, SVCTASKS_FSYNC="never")
    try:
        task = server.request("POST", body={"name": "n"}).json
        assert server.request("GET", f"{T}/{task['id']}").json == task
    finally:
        server.kill()


def test_a_broken_edit_is_reported_and_neither_served_nor_overwritten(server):
    """The log names file, document and field; writes go on; a mended file is served."""
    file = server.data / "svctasks.json"
    task = server.request("POST", body={"name": "first"}).json
    until(file.exists)
    sound = file.read_text()
    broken = sound.replace('"isenabled":0', '"isenabled":7')
    file.write_text(broken)
    # A write looks at the file in any case, and lets the other worker look too.
    other = server.request("POST", body={"name": "second"}).json
    assert server.request("GET", f"{T}/{task['id']}").json == task
    assert server.request("GET", f"{T}/{other['id']}").status == 200
    assert file.read_text() == broken
    file.write_text(sound.replace("first", "mended"))
    address = f"{T}/{task['id']}"
    until(lambda: server.request("GET", address).json["name"] == "mended")
    assert server.request("GET", f"{T}/{other['id']}").json == other
    code, logged = server.stop()
    assert code == 0
    place = f"document 1 (id {task['id']}), field isenabled: must be 0 or 1"
    assert f"svctasks.json: {place}" in logged
    assert "second" in file.read_text()


def test_a_worker_that_starts_while_an_edit_is_broken_serves_what_was_before(server):
    file = server.data / "svctasks.json"
    task = server.request("POST", body={"name": "n"}).json
    until(file.exists)
    first = server.workers(2)
    file.write_text("{")
    until((server.data / "svctasks.json.served").exists)
    until(lambda: b'"broken"' in (server.data / "svctasks.json.journal").read_bytes())
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    until(lambda: set(server.workers(2)) - set(first), lambda new: len(new) == 2)
    assert server.request("GET", f"{T}/{task['id']}").json == task
    assert file.read_text() == "{"


def test_another_gunicorn_serves_it_too_with_the_application_loaded_before_the_fork(
    data,
):
    port = free_port()
    command = [SVCTASKS.with_name("gunicorn"), "app.wsgi", "--preload", "-w", "2"]
    process = subprocess.Popen(
        [*command, "-b", f"127.0.0.1:{port}", "--no-control-socket"],
        env={**os.environ, "SVCTASKS_DATA": str(data)},
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}{T}"
        post = ["curl", "-sS", "--retry", "9", "--retry-connrefused", "--json"]
        for n in range(20):
            subprocess.run([*post, f'{{"name": "{n}"}}', address], capture_output=True)
        listed = subprocess.run(["curl", "-sS", address], capture_output=True).stdout
        # Two that are created in one hundredth of a second are listed by their ids.
        names = sorted(int(each["name"]) for each in json.loads(listed))
        assert names == list(range(20))
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


@each_kind
def test_it_stops_at_once_while_it_starts_workers(data, kind):
    server = Server(data, "--server", kind, "--workers", "200", "--threads", "1")
    try:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=PATIENCE) == 0
        assert "Traceback" not in server.logged()
    finally:
        server.kill()


@each_kind
def test_what_a_client_says_as_a_proxy_would_changes_nothing(data, kind):
    """Headers of common set-ups of nginx, and contradictory ones."""
    server = Server(data, "--server", kind)
    try:
        for name, value in (
            ("SCRIPT_NAME", "/prefix"),
            ("PATH_INFO", "/nowhere"),
            ("X-Forwarded-Prefix", "/prefix"),
            ("X-Forwarded-Proto", "https"),
        ):
            sent = {name: value, "X-Forwarded-Ssl": "off"}
            reply = server.request("GET", f"{T}?limit=0", **sent)
            assert reply.status == 200, name
            start = {"service_type": 1, "contact_key": "c"}
            location = server.request("POST", "/services/start", start, **sent).headers
            assert location.get("location", "/services/").startswith("/services/")
    finally:
        server.kill()


@each_kind
def test_workers_whose_master_was_killed_leave_the_port(data, kind):
    server = Server(data, "--server", kind, "--delay", "600s")
    try:
        with many(server.port, 24) as clients:
            for client in clients:
                client.sendall(head("GET", T))
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()

            def is_free():
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        probe.bind(("127.0.0.1", server.port))
                    except OSError:
                        return False
                    return True

            until(is_free)
    finally:
        server.kill()
