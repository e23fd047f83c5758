"""``svctasks import``: what it takes, and that it is all or nothing."""

import json

import pytest
from running import Server, svctasks
from shared import SAMPLES, T, sample

ENTITY = sample("svctask.json")
LIST = sample("svctasks.list.json")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tasks.json"


def import_(file, data, content=None):
    if content is not None:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return svctasks("import", "svctasks", file, data=data)


def served(data):
    """Return the complete tasks that a server over ``data`` has."""
    server = Server(data)
    try:
        listed = server.request("GET").json
        return [server.request("GET", f"{T}/{each['id']}").json for each in listed]
    finally:
        server.stop()


@pytest.mark.parametrize(
    "content",
    [
        [ENTITY],
        ENTITY,
        {"svctasks": {"7": ENTITY}},
        {"_default": {"1": ENTITY}},
    ],
    ids=["an array", "an object", "TinyDB JSON", "TinyDB's default table"],
)
def test_each_form_of_file_is_taken_with_ids_and_times(file, data, content):
    result = import_(file, data, content)
    assert (result.returncode, result.stdout) == (0, "1 imported\n"), result.stderr
    assert served(data) == [ENTITY]


def test_the_data_folder_itself_can_be_imported(data, tmp_path):
    import_(SAMPLES / "svctasks.list.json", data)
    result = import_(data / "svctasks.json", tmp_path / "copy")
    assert result.stdout == "2 imported\n"
    copy = (tmp_path / "copy/svctasks.json").read_text()
    assert copy == (data / "svctasks.json").read_text()


def test_what_an_item_leaves_out_gets_its_default(file, data):
    assert import_(file, data, LIST).stdout == "2 imported\n"
    assert served(data)[0] == ENTITY


def test_one_bad_item_refuses_the_whole_file_and_each_fault_is_named(file, data):
    bad = [{**ENTITY, "isenabled": 7, "sitemode": "none"}, LIST[1], {"name": ""}, 5]
    result = import_(file, data, bad)
    assert result.returncode == 1
    assert "item 1: isenabled: must be 0 or 1; sitemode: " in result.stderr
    assert "item 3: name: must not be empty" in result.stderr
    assert "item 4: " in result.stderr
    assert "Traceback" not in result.stderr
    assert served(data) == []


def test_an_id_that_exists_refuses_the_whole_file(file, data):
    import_(file, data, ENTITY)
    result = import_(file, data, [LIST[1], ENTITY])
    assert result.returncode == 1
    assert result.stderr == f"svctasks: id {ENTITY['id']} exists already\n"
    assert served(data) == [ENTITY]


@pytest.mark.parametrize(
    "content, message",
    [
        ("[{", "tasks.json is not JSON: "),
        ("", "tasks.json is empty"),
        ('{"a": 1, "a": 2}', 'tasks.json holds the member "a" twice'),
        ('"text"', "tasks.json holds no svctasks; it must be an array"),
        ('{"others": {"1": {}}}', "tasks.json holds no svctasks"),
    ],
)
def test_a_file_of_another_form_is_refused(file, data, content, message):
    result = import_(file, data, content)
    assert result.returncode == 1
    assert result.stderr.startswith(f"svctasks: {message}")


def test_a_file_that_does_not_exist_is_named(file, data):
    result = import_(file, data)
    assert result.returncode == 2
    assert "tasks.json' does not exist" in result.stderr


def test_a_running_server_serves_what_is_imported(server, file):
    result = import_(file, server.data, LIST)
    assert result.stdout == "2 imported\n"
    for _ in range(10):
        assert server.request("GET").json == LIST
