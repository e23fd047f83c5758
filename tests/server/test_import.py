"""``svctasks import``: what it takes, and that it is all or nothing."""

import json
import shutil
import subprocess
from contextlib import contextmanager
from io import StringIO

import pytest
from running import SVCTASKS, svctasks
from shared import ASKED, DATA, SAMPLES, T, sample
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

ENTITY = sample("svctask.json")
LIST = sample("svctasks.list.json")
SERVICE = sample("service.3005.json")

FORMS = [
    "an array",
    "an object",
    "TinyDB JSON",
    "TinyDB's default table",
    "the default table beside another",
    "the table beside others",
    "the default table where the other is empty",
    "an array after a byte order mark",
]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tasks.json"


def import_(file, data, content=None, *options, collection="svctasks"):
    if content is not None:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return svctasks("import", collection, file, *options, data=data)


def import_services(file, data, content, *options):
    return import_(file, data, content, *options, collection="services")


@contextmanager
def serving(data):
    """The API of the service over ``data``."""
    service = open_service(Settings.from_environment(data=data), log=StringIO())
    try:
        yield TestApp(service.application)
    finally:
        service.close()


def served(data):
    """Return the complete tasks that the service over ``data`` has."""
    with serving(data) as api:
        return [api.get(f"{T}/{each['id']}").json for each in api.get(T).json]


@pytest.mark.parametrize(
    "content",
    [
        [ENTITY],
        ENTITY,
        {"svctasks": {"7": ENTITY}},
        {"_default": {"1": ENTITY}},
        {"_default": {"1": ENTITY}, "other": {"1": {"a": 1}}},
        {"other": {}, "svctasks": {"1": ENTITY}, "_default": {}},
        {"svctasks": {}, "_default": {"3": ENTITY}},
        "\ufeff" + json.dumps([ENTITY]),
    ],
    ids=FORMS,
)
def test_each_form_of_file_is_taken_with_ids_and_times(file, data, content):
    result = import_(file, data, content)
    assert (result.returncode, result.stdout) == (0, "1 imported\n"), result.stderr
    assert served(data) == [ENTITY]


def test_the_standard_input_is_taken_for_a_file(file, data):
    file.write_text(json.dumps([ENTITY, {}]))
    command = [SVCTASKS, "import", "svctasks", "-", "--data", data]
    with file.open() as opened:
        result = subprocess.run(command, stdin=opened, capture_output=True, text=True)
    assert result.returncode == 1
    assert "item 2: name: is required" in result.stderr
    told = subprocess.run(
        command, input=json.dumps(ENTITY), capture_output=True, text=True
    )
    assert told.stdout == "1 imported\n"
    told = subprocess.run(command, input="{", capture_output=True, text=True)
    assert "the standard input is not JSON" in told.stderr


def test_the_data_folder_itself_can_be_imported(data, tmp_path):
    import_(SAMPLES / "svctasks.list.json", data)
    result = import_(data / "svctasks.json", tmp_path / "copy")
    assert result.stdout == "2 imported\n"
    copy = json.loads((tmp_path / "copy/svctasks.json").read_text())
    file = json.loads((data / "svctasks.json").read_text())
    assert copy["svctasks"] == file["svctasks"]


def test_what_an_item_leaves_out_gets_its_default(file, data):
    assert import_(file, data, LIST).stdout == "2 imported\n"
    assert served(data)[0] == ENTITY


def test_tasks_are_listed_in_the_order_of_the_file(file, data):
    """Without times and with them, when all is opened anew and after an edit by hand."""
    names = ["c", "a", "d", "b"]
    import_(file, data, [{"name": name} for name in names])
    earlier = [{"name": name, "ext": {"ct": ENTITY["ext"]["ct"]}} for name in "fe"]
    import_(file, data, earlier)
    assert [task["name"] for task in served(data)] == [*names, "f", "e"]
    table = json.loads((data / "svctasks.json").read_text())["svctasks"]
    table["4"]["name"] = "edited"
    table = dict(reversed(table.items())) | {"900": {"name": "new"}}
    (data / "svctasks.json").write_text(json.dumps({"svctasks": table}))
    expected = ["c", "a", "d", "edited", "f", "e", "new"]
    assert [task["name"] for task in served(data)] == expected
    assert [task["name"] for task in served(data)] == expected


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
        (
            '{"svctasks": {"1": {}}, "_default": {"1": {}}}',
            'tasks.json holds documents both in "_default" and in "svctasks"',
        ),
        (
            json.dumps({"name": "n", "ext": {"deep": json.loads("[" * 63 + "]" * 63)}}),
            "tasks.json is nested too deeply",
        ),
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


# services


@pytest.fixture
def schemas(data):
    """A data folder with the extension schemas that the project's own data have."""
    data.mkdir()
    shutil.copy(DATA / "extensions.json", data)
    return data


def exported(data):
    """Return all services in a data folder, complete."""
    result = svctasks("export", "services", data=data)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "content",
    [
        [SERVICE],
        SERVICE,
        {"services": {"7": SERVICE}},
        {"_default": {"1": SERVICE}},
    ],
    ids=FORMS[:4],
)
def test_a_service_is_served_as_it_was_imported(file, data, content):
    """There are no extension schemas in the empty folder: values come before them."""
    result = import_services(file, data, content)
    assert (result.returncode, result.stdout) == (0, "1 imported\n"), result.stderr
    with serving(data) as api:
        assert api.get(f"/services/3005?{ASKED}").json == SERVICE


def test_ids_count_on_from_those_of_an_imported_service(server, file):
    start = {"service_type": 1, "contact_key": "k"}
    first = server.request("POST", "/services/start", start)
    assert first.json == {"service_id": 1}
    assert import_services(file, server.data, SERVICE).returncode == 0
    for n in range(10):
        reply = server.request("POST", "/services/start", start)
        assert reply.json == {"service_id": 3006 + n}
    for name, body in (("states", {"state_type": 1}), ("tasks", {"task_type": 1})):
        reply = server.request("POST", f"/services/3005/{name}/start", body)
        assert reply.json in ({"state_id": 4002}, {"task_id": 2002})


def test_extension_values_become_what_their_schema_wants(file, schemas):
    offers = [{"offer_name": 24, "type": 9}, *SERVICE["relatedOffers"]]
    result = import_services(file, schemas, {**SERVICE, "relatedOffers": offers})
    assert result.returncode == 0, result.stderr
    [service] = exported(schemas)
    assert service["relatedOffers"][0] == {"offer_name": "24", "type": "9"}
    assert service["relatedOffers"][1:] == SERVICE["relatedOffers"]


def test_extension_values_that_break_their_schema_are_refused(file, schemas):
    first = SERVICE["relatedOffers"][0]
    bad = {
        **SERVICE,
        "ClientInfo": [{"clientIp": "192.168.1.1"}],
        "relatedOffers": [first, {"type": [], "nam": "x"}, first],
    }
    result = import_services(file, schemas, [{**SERVICE, "service_id": 1}, bad])
    assert result.returncode == 1
    assert "item 2: ClientInfo: must be an object, not an array" in result.stderr
    assert "relatedOffers.1.type: must be a string, not an array" in result.stderr
    assert "relatedOffers.1.nam: is not an attribute of relatedOffers" in result.stderr
    assert "relatedOffers.2: has the same offer_name" in result.stderr
    assert exported(schemas) == []


def test_faults_inside_a_service_are_named_with_their_places(file, data):
    task = {**SERVICE["active_tasks"][0], "service_id": 5, "started": {}}
    bad = {**SERVICE, "service_type": None, "active_tasks": [task], "colour": "red"}
    result = import_services(file, data, bad)
    assert result.returncode == 1
    for fault in (
        "service_type: is required",
        "active_tasks.0.service_id: must be 3005, that of the service, or absent",
        "active_tasks.0.started.timestamp: is required",
        "colour: is not a member of a service nor an object or array of objects",
    ):
        assert fault in result.stderr
    assert exported(data) == []


def test_faults_of_extension_values_are_told_with_all_others(file, schemas):
    offers = SERVICE["relatedOffers"]
    bad = {**SERVICE, "colour": "red", "relatedOffers": [*offers, offers[0]]}
    result = import_services(file, schemas, bad)
    assert result.returncode == 1
    for fault in ("colour: is not a member", "relatedOffers.3: has the same"):
        assert fault in result.stderr


def test_a_service_without_an_id_is_refused(file, data):
    without = {name: each for name, each in SERVICE.items() if name != "service_id"}
    result = import_services(file, data, [without])
    assert result.returncode == 1
    assert "item 1: service_id: is required" in result.stderr


def test_a_service_that_exists_is_replaced_only_when_asked(file, data):
    import_services(file, data, SERVICE)
    other = {**SERVICE, "contact_key": "ann"}
    result = import_services(file, data, other)
    assert result.returncode == 1
    assert result.stderr == "svctasks: service_id 3005 exists already\n"
    assert import_services(file, data, other, "--replace").stdout == "1 imported\n"
    [service] = exported(data)
    assert service["contact_key"] == "ann"


def test_skip_invalid_names_the_services_that_it_skips(file, data):
    content = [SERVICE, {"service_id": 1}, SERVICE]
    result = import_services(file, data, content, "--skip-invalid")
    assert (result.returncode, result.stdout) == (0, "1 imported\n")
    assert result.stderr.splitlines() == [
        "skipped item 2: service_type: is required",
        "skipped item 3: service_id: 3005 is in the file twice",
    ]


def test_a_hundred_bad_items_are_named_and_the_others_counted(file, data):
    result = import_(file, data, [{"name": "n", "x" * 5000: 1}] * 250)
    assert result.returncode == 1
    assert "item 100: " in result.stderr and "item 101: " not in result.stderr
    assert result.stderr.endswith("  and 150 more\n")
    assert len(result.stderr) < 60_000
    assert served(data) == []
