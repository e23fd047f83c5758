"""The commands about tokens, and what other commands do with the table."""

import json
import re
import shutil
import tarfile

import pytest
from running import Server, svctasks
from shared import DATA, until

TOKEN = "svct_[0-9A-Za-z]{49}\n"


def create(data, name="ci", role="reader", *options):
    """Create a token and return it."""
    result = svctasks("token", "create", name, "--role", role, *options, data=data)
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(TOKEN, result.stdout)
    return result.stdout.strip()


def listed(data):
    """Return the rows of the list, cell by cell."""
    result = svctasks("token", "list", data=data)
    assert result.returncode == 0, result.stderr
    return [re.split("  +", line) for line in result.stdout.splitlines()]


def test_only_the_token_is_printed_so_that_it_can_be_piped(data):
    result = svctasks("token", "create", "ci", "--role", "writer", data=data)
    assert re.fullmatch(TOKEN, result.stdout)
    assert result.stderr == (
        "This is the first token: from now on each request needs one.\n"
    )
    result = svctasks("token", "create", "cd", "--role", "writer", data=data)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_list_has_name_role_and_days_and_no_token(data):
    token = create(data, "ci", "reader")
    create(data, "root", "admin", "--expires", "30d")
    head, *rows = listed(data)
    assert head == ["NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"]
    ci, root = rows
    assert ci[:2] == ["ci", "reader"] and ci[3:] == ["never", "never"]
    assert re.fullmatch("20[0-9]{2}-[0-9]{2}-[0-9]{2}", ci[2])
    assert re.fullmatch("20[0-9-]{8}T[0-9]{2}:[0-9]{2}Z", root[3])
    assert token not in str(rows)


def test_a_list_of_nothing_says_so(data):
    data.mkdir()
    result = svctasks("token", "list", data=data)
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "There is no token.\n"


@pytest.mark.parametrize("lifetime", ["12h", "30d", "8w"])
def test_a_lifetime_is_of_hours_days_or_weeks(data, lifetime):
    create(data, "ci", "reader", "--expires", lifetime)
    assert listed(data)[1][3].startswith("20")


@pytest.mark.parametrize("lifetime", ["", "0d", "30", "d", "-1d", "1y", "30 d", "1.5d"])
def test_another_lifetime_is_refused_with_the_right_form(data, lifetime):
    result = svctasks(
        "token", "create", "ci", "--role", "reader", "--expires", lifetime, data=data
    )
    assert result.returncode == 2
    assert "such as 12h, 30d or 8w" in " ".join(result.stderr.split())
    assert not data.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "a b", "--role", "reader"], "name: must be 1 to 64 letters, "),
        (["create", "ci", "--role", "reader"], 'there is a token "ci" already\n'),
        (["revoke", "other"], 'there is no token "other"\n'),
    ],
)
def test_what_cannot_be_done_ends_with_a_message(data, arguments, message):
    create(data)
    result = svctasks("token", *arguments, data=data)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"svctasks: {message}")
    assert [row[0] for row in listed(data)] == ["NAME", "ci"]


def test_a_role_must_be_chosen(data):
    result = svctasks("token", "create", "ci", data=data)
    assert result.returncode == 2 and "--role" in result.stderr
    result = svctasks("token", "create", "ci", "--role", "root", data=data)
    assert result.returncode == 2 and "'reader', 'writer', 'admin'" in result.stderr


@pytest.mark.parametrize("command", [["list"], ["revoke", "ci"]])
def test_a_folder_that_does_not_exist_is_named_and_not_made(data, command):
    result = svctasks("token", *command, data=data)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"svctasks: there is no data folder {data}\n"
    assert not data.exists()


def test_revoking_the_last_token_says_what_follows(data):
    create(data, "ci")
    create(data, "cd")
    result = svctasks("token", "revoke", "ci", data=data)
    assert (result.stdout, result.stderr) == ("ci revoked\n", "")
    result = svctasks("token", "revoke", "cd", data=data)
    assert result.stdout == "cd revoked\n"
    assert "open to all programs of this machine" in result.stderr


@pytest.mark.parametrize("command", ["create", "list", "revoke"])
def test_help_of_each_command_has_an_example(command):
    result = svctasks("token", command, "--help")
    assert f"Example: svctasks token {command}" in " ".join(result.stdout.split())


def test_the_last_use_of_a_server_is_listed(data):
    server = Server(data)
    try:
        token = create(data)
        server.request("GET", Authorization=f"Bearer {token}")
        until(lambda: listed(data)[1][4] != "never")
    finally:
        server.kill()


# Other commands


@pytest.fixture
def folder(tmp_path):
    """A data folder with two tasks and a token."""
    data = shutil.copytree(DATA, tmp_path / "data")
    create(data)
    return data


def names(file):
    with tarfile.open(file) as archive:
        return archive.getnames()


def test_a_backup_has_no_tokens_unless_that_is_asked_for(folder, tmp_path):
    plain, whole = tmp_path / "plain.tar.gz", tmp_path / "whole.tar.gz"
    assert svctasks("backup", plain, data=folder).returncode == 0
    assert svctasks("backup", "--with-tokens", whole, data=folder).returncode == 0
    assert "tokens.json" not in names(plain)
    assert "tokens.json" in names(whole)


def test_restoring_a_backup_without_tokens_leaves_those_that_there_are(
    folder, tmp_path
):
    file = tmp_path / "plain.tar.gz"
    svctasks("backup", file, data=folder)
    create(folder, "later")
    result = svctasks("restore", file, data=folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert [row[0] for row in listed(folder)] == ["NAME", "ci", "later"]


def test_restoring_a_backup_with_tokens_brings_them_back(folder, tmp_path):
    file = tmp_path / "whole.tar.gz"
    svctasks("backup", "--with-tokens", file, data=folder)
    create(folder, "later")
    assert svctasks("restore", file, data=folder).returncode == 0
    assert [row[0] for row in listed(folder)] == ["NAME", "ci"]


@pytest.mark.parametrize("command", ["export", "import"])
def test_tokens_are_neither_exported_nor_imported(folder, command):
    file = folder / "tokens.json"
    result = svctasks(command, "tokens", file, data=folder)
    assert result.returncode == 2 and "'tokens' is not one of" in result.stderr


def test_check_names_what_is_wrong_with_a_token(folder):
    assert svctasks("check", data=folder).stdout == "all is well\n"
    file = folder / "tokens.json"
    file.write_text(file.read_text().replace('"reader"', '"root"'))
    result = svctasks("check", data=folder)
    assert result.returncode == 1
    assert result.stdout == (
        "tokens.json: document 1 (name ci), field role: must be one of "
        '"reader", "writer", "admin"\n'
    )


def test_check_names_a_file_of_tokens_that_others_can_read(folder):
    (folder / "tokens.json").chmod(0o640)
    result = svctasks("check", data=folder)
    assert (result.returncode, result.stdout) == (
        1,
        "tokens.json is not its owner's only: its mode is 640, not 600\n",
    )


def test_a_token_is_created_while_other_tables_cannot_be_read(folder):
    """The commands open the table of tokens alone."""
    (folder / "svctasks.json").write_text("{")
    create(folder, "other")
    assert json.loads((folder / "tokens.json").read_text())["tokens"].keys() == {
        "1",
        "2",
    }
