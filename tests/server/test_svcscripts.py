"""The file of service scripts: edited by people, and out of reach for clients."""

import json
import shutil
import stat
import tarfile

import pytest
from running import Server, svctasks
from shared import DATA, T, until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

SCRIPTS = {
    "svcscripts": {
        "1": {
            "code": "daily",
            "command": ["/opt/hidden/clean"],
            "env": {"A": "hidden"},
        },
        "2": {"code": "hook", "url": "https://hidden.example/", "secret": SECRET},
    }
}


@pytest.fixture
def folder(tmp_path):
    """A data folder with two tasks and two scripts."""
    data = shutil.copytree(DATA, tmp_path / "data")
    (data / "svcscripts.json").write_text(json.dumps(SCRIPTS))
    return data


def codes(folder):
    content = json.loads((folder / "svcscripts.json").read_text())
    return [script["code"] for script in content["svcscripts"].values()]


def names(file):
    with tarfile.open(file) as archive:
        return archive.getnames()


@pytest.mark.files
def test_broken_file_is_named_in_the_log_and_in_health_without_its_values(folder):
    server = Server(folder)
    try:
        file = folder / "svcscripts.json"
        wrong = json.dumps(SCRIPTS).replace('"command"', '"comand"')
        file.write_text(wrong)
        health = until(
            lambda: server.request("GET", "/health"),
            lambda reply: "svcscripts" in reply.text and '"comand"' not in reply.text,
        )
        logged = until(
            server.logged, lambda text: "svcscripts.json: document 1" in text
        )
        assert "is not a member of a script" in logged
        for text in (logged, health.text):
            assert "hidden" not in text and SECRET not in text
    finally:
        server.kill()


@pytest.mark.files
def test_no_reply_has_a_command_an_address_or_a_secret(folder):
    server = Server(folder)
    try:
        for path in ("/", "/health", "/metrics", "/server/status", T, "/openapi.json"):
            text = server.request("GET", path).text
            assert "hidden" not in text and SECRET not in text
    finally:
        server.kill()


@pytest.mark.parametrize("command", ["export", "import"])
def test_scripts_are_neither_exported_nor_imported(folder, command):
    file = folder / "svcscripts.json"
    result = svctasks(command, "svcscripts", file, data=folder)
    assert result.returncode == 2 and "'svcscripts' is not one of" in result.stderr


def test_a_backup_has_no_scripts_unless_that_is_asked_for(folder, tmp_path):
    plain, whole = tmp_path / "plain.tar.gz", tmp_path / "whole.tar.gz"
    assert svctasks("backup", plain, data=folder).returncode == 0
    assert svctasks("backup", "--with-scripts", whole, data=folder).returncode == 0
    assert "svcscripts.json" not in names(plain)
    assert "svcscripts.json" in names(whole)
    assert stat.S_IMODE(whole.stat().st_mode) == 0o600


def test_scripts_of_a_backup_come_back_only_when_that_is_asked_for(folder, tmp_path):
    file = tmp_path / "whole.tar.gz"
    assert svctasks("backup", "--with-scripts", file, data=folder).returncode == 0
    only = {"svcscripts": {"1": {"code": "later", "command": ["true"]}}}
    (folder / "svcscripts.json").write_text(json.dumps(only))
    assert svctasks("restore", file, data=folder).returncode == 0
    assert codes(folder) == ["later"]
    assert svctasks("restore", "--with-scripts", file, data=folder).returncode == 0
    assert codes(folder) == ["daily", "hook"]


def test_check_names_what_is_wrong_with_a_script_and_a_file_that_others_can_read(
    folder,
):
    file = folder / "svcscripts.json"
    file.chmod(0o644)
    result = svctasks("check", data=folder)
    assert result.stdout.splitlines() == [
        'svcscripts.json: script "daily": command: /opt/hidden/clean is no program',
        "svcscripts.json is not its owner's only: its mode is 644, not 600",
    ]
    file.chmod(0o600)
    file.write_text(json.dumps(SCRIPTS).replace("/opt/hidden/clean", "/bin/true"))
    assert svctasks("check", data=folder).stdout == "all is well\n"
    file.write_text(json.dumps(SCRIPTS).replace("whsec_", "wh_"))
    result = svctasks("check", data=folder)
    assert result.returncode == 1
    assert result.stdout.startswith(
        'svcscripts.json: document 2 (code hook), field secret: must be "whsec_" and'
    )
