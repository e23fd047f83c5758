"""Business attributes: what is listed of them, and what they make of values."""

import json
import shutil
from dataclasses import replace

import pytest
from calls import JSON, send
from running import svctasks
from service_calls import (
    EVERYTHING,
    end,
    get,
    number,
    refused,
    refused_services,
    start,
)
from shared import until
from webtest import TestApp

from app.bootstrap import open_service
from app.business_attributes import BusinessAttributes
from app.errors import NotFound

LIST = "/metadata/business-attributes"

KINDS = {
    "name": "ServiceKinds",
    "dbid": 7,
    "display_name": "Kinds of services",
    "cv_attributes": ["Service.type"],
    "values": [
        {"name": "Support", "dbid": 100, "display_name": "Support case"},
        {"name": "Order", "dbid": 101},
        {"name": "102", "dbid": 5},
    ],
}
MEDIA = {
    "name": "Media",
    "cv_attributes": ["Service.media_type", "task.MEDIA_TYPE"],
    "values": [{"name": "voice", "dbid": 0}, {"name": "e-mail", "dbid": 1}],
}
UNMAPPED = {"name": "Afar", "cv_attributes": [], "values": []}


@pytest.fixture
def write(settings):
    """Return the function that writes attributes into the data file as a person would."""
    settings.data.mkdir()
    file = settings.data / "business_attributes.json"

    def to_file(*attributes):
        table = {str(n): each for n, each in enumerate(attributes, 1)}
        file.with_suffix(".new").write_text(json.dumps({"business_attributes": table}))
        file.with_suffix(".new").rename(file)

    return to_file


@pytest.fixture
def opened(write, settings, clock, log):
    """The service over three attributes."""
    write(KINDS, MEDIA, UNMAPPED)
    service = open_service(settings, clock, log)
    yield service
    service.close()


@pytest.fixture
def edit(opened, write):
    """Return ``write``, which waits until the service has taken in what was written."""

    def edit(*attributes):
        before = opened.store.version("business_attributes")
        write(*attributes)
        until(lambda: opened.store.version("business_attributes") != before)

    return edit


@pytest.fixture
def web(opened):
    return TestApp(opened.application)


@pytest.fixture
def attributes(opened):
    return BusinessAttributes(opened.store, map_names=False)


@pytest.fixture
def by_name(opened):
    """The attributes with the option to show names."""
    return BusinessAttributes(opened.store, map_names=True)


def names(web, text):
    return [
        each["name"] for each in send(web, "GET", f"{LIST}?cv-attribute={text}").json
    ]


@pytest.fixture
def open_by_name(write, settings, clock, log):
    """Return the function that opens the API over attributes, showing names."""
    opened = []

    def open_(*attributes, map_names=True):
        for each in opened:
            each.close()
        if attributes:
            write(*attributes)
        named = replace(settings, map_names=map_names)
        opened[:] = [open_service(named, clock, log)]
        return TestApp(opened[0].application)

    yield open_
    for each in opened:
        each.close()


# What the fields of services, states and tasks may be, over HTTP

EVENT_TYPES = ("application_type", "resource_type", "media_type")

ALL = {
    "name": "All",
    "cv_attributes": [
        f"{noun}.{name}"
        for noun in ("Service", "State", "Task")
        for name in ("type", *EVENT_TYPES, "disposition")
    ],
    "values": [{"name": "One", "dbid": 1}, {"name": "Two", "dbid": 2}],
}


def given(name, value):
    """Return a body with all mapped fields of an event, and the type ``name``."""
    return dict.fromkeys(((name,) if name else ()) + EVENT_TYPES, value)


def test_unknown_values_are_refused_by_name_wherever_they_come_in(open_by_name):
    api = open_by_name(ALL)
    service = start(api, service_type="One")
    state = start(api, f"{service}/states", state_type=1)
    task = start(api, f"{service}/tasks", task_type="One")
    key = {"contact_key": "bob"}
    ended = given("", 3) | {"disposition": "Three"}
    for path, body, *others in (
        ("/services/start", given("service_type", "Three") | key),
        (f"/customers/bob{service}", given("service_type", 3)),
        (f"{service}/states/start", given("state_type", "Three")),
        (f"{service}/tasks/start", given("task_type", 3)),
        *((f"{each}/end", ended) for each in (service, state, task)),
        (
            f"{service}/states/transition",
            given("", 3)
            | {"from": {"state_id": number(state), "disposition": "Three"}}
            | {"to": {"state_type": 3}},
            "from.disposition",
            "to.state_type",
        ),
    ):
        places = [name for name in body if name not in ("contact_key", "from", "to")]
        error = refused(send(api, "POST", path, body), *places, *others)
        for faults in error["errors"].values():
            assert faults == ["must be one of 1 (One), 2 (Two)"]


@pytest.mark.parametrize("map_names", [True, False])
def test_replies_show_names_or_ids_wherever_values_stand(open_by_name, map_names):
    api = open_by_name(ALL, map_names=map_names)
    service = start(api, customer_id="bob", **given("service_type", "One"))
    state = start(api, f"{service}/states", **given("state_type", 2))
    task = start(api, f"{service}/tasks", **given("task_type", "Two"))
    for each in (task, state, service):
        end(api, each, disposition=1, **given("", 2))
    one, two = ("One", "Two") if map_names else (1, 2)
    whole = get(api, service, **EVERYTHING)
    assert [whole] == get(api, "/customers/bob/services", **EVERYTHING)
    assert (whole["service_type"], whole["disposition"]) == (one, one)
    assert whole["started"]["media_type"] == one
    for name, type_ in (
        ("completed_states", "state_type"),
        ("completed_tasks", "task_type"),
    ):
        [nested] = whole[name]
        assert nested == get(api, state if "state" in name else task)
        assert [nested] == get(api, f"{service}/{name.removeprefix('completed_')}")
        assert (nested[type_], nested["disposition"]) == (two, one)
        for event in ("started", "completed"):
            assert {nested[event][each] for each in EVENT_TYPES} == {two}


def test_reply_that_shows_names_can_be_imported(open_by_name, settings, tmp_path):
    api = open_by_name(ALL)
    service = start(api, customer_id="bob", **given("service_type", "One"))
    start(api, f"{service}/tasks", **given("task_type", "Two"))
    (tmp_path / "case.json").write_text(json.dumps(get(api, service, **EVERYTHING)))
    data = tmp_path / "other"
    result = svctasks("import", "services", tmp_path / "case.json", data=settings.data)
    assert "exists already" in result.stderr
    data.mkdir()
    shutil.copy(settings.data / "business_attributes.json", data)
    result = svctasks("import", "services", tmp_path / "case.json", data=data)
    assert result.returncode == 0, result.stderr
    [exported] = json.loads(svctasks("export", "services", data=data).stdout)
    assert exported["service_type"] == exported["started"]["media_type"] == 1
    assert exported["active_tasks"][0]["task_type"] == 2


def test_value_from_before_the_mapping_is_found_and_shown_as_all_are(
    open_by_name, write
):
    api = open_by_name(UNMAPPED, map_names=False)
    service = start(api, customer_id="bob", service_type="One")
    start(api, f"{service}/tasks", task_type="One")
    write(ALL)
    until(lambda: send(api, "GET", LIST).json == [ALL])
    start(api, customer_id="bob", service_type="One")
    until(lambda: get(api, "/customers/bob/services", service_types="1"))
    for asked in ("One", "1", "One,Two"):
        found = get(api, "/customers/bob/services", service_types=asked)
        assert [each["service_type"] for each in found] == [1, 1]
    [task] = get(api, f"{service}/tasks", task_types="One")
    assert task["task_type"] == 1


# Over HTTP


def test_list_is_empty_without_a_file(api):
    reply = send(api, "GET", LIST)
    assert (reply.status_int, reply.headers["Content-Type"]) == (200, JSON)
    assert reply.json == []


def test_list_has_all_attributes_by_name(web):
    assert send(web, "GET", LIST).json == [UNMAPPED, MEDIA, KINDS]
    assert send(web, "HEAD", LIST).body == b""


def test_one_is_found_by_its_name(web):
    assert send(web, "GET", f"{LIST}/ServiceKinds").json == KINDS
    assert send(web, "HEAD", f"{LIST}/ServiceKinds").status_int == 200


def test_name_is_compared_exactly(web):
    for name in ("servicekinds", "x", "1", "ServiceKinds%20"):
        refused_services(send(web, "GET", f"{LIST}/{name}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Service.type", ["ServiceKinds"]),
        ("Service.service_type", ["ServiceKinds"]),
        ("SERVICE.TYPE", ["ServiceKinds"]),
        ("service.media_type", ["Media"]),
        ("Task.media_type", ["Media"]),
        ("State.media_type", []),
        ("Task.type", []),
        ("Service.disposition", []),
    ],
)
def test_list_is_narrowed_to_the_attributes_of_a_field(web, text, expected):
    assert names(web, text) == expected


@pytest.mark.parametrize(
    "text", ["type", "Service", "Service.x", "Customer.type", "Service.state_type"]
)
def test_unknown_field_is_refused_with_those_that_there_are(web, text):
    reply = send(web, "GET", f"{LIST}?cv-attribute={text}")
    error = refused_services(reply, 400, "BAD_REQUEST")
    assert list(error["errors"]) == ["cv-attribute"]
    assert "must be Service, State or Task, then a dot and one of type, " in (
        error["description"]
    )


@pytest.mark.parametrize(
    "path",
    ["?x=1", "?cv_attribute=Service.type", "?cv-attribute=Task.type&cv-attribute=x"]
    + [
        "?cv-attribute=Task.type&limit=1",
        "/Media?cv-attribute=Task.type",
        "/Media?x=1",
    ],
)
def test_other_parameters_are_refused(web, path):
    refused_services(send(web, "GET", LIST + path), 400, "BAD_REQUEST")


def test_attributes_are_read_only(web):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (LIST, f"{LIST}/Media"):
            reply = send(web, method, path, {})
            refused_services(reply, 405, "METHOD_NOT_ALLOWED")


def test_file_that_breaks_a_rule_is_named_in_the_log_and_not_served(web, write, caplog):
    write({"name": "x", "values": [{"dbid": 1}]})

    def shown():
        return send(web, "GET", LIST).json

    until(lambda: shown() and "business_attributes.json: document 1" in caplog.text)
    assert shown() == [UNMAPPED, MEDIA, KINDS]
    write(MEDIA)
    until(lambda: shown() == [MEDIA])


# What they make of values


@pytest.mark.parametrize(
    "value, stored",
    [(100, 100), ("100", 100), ("Support", 100), ("Order", 101), ("102", 5), ("5", 5)],
)
def test_id_and_name_are_stored_as_the_id(attributes, value, stored):
    """A name counts first, so that one of digits can be given at all."""
    result = attributes.mapped("services", "service_type", value)
    assert (result, type(result)) == (stored, int)


@pytest.mark.parametrize(
    "value", [102, "support", "Support ", "", -100, "1e2", "0" * 30 + "5", "٥", "x"]
)
def test_unknown_value_is_refused_with_the_valid_ones(attributes, value):
    with pytest.raises(ValueError) as refusal:
        attributes.mapped("services", "service_type", value)
    assert str(refusal.value) == "must be one of 100 (Support), 101 (Order), 5 (102)"


@pytest.mark.parametrize("value", [True, False, None, 1.5, [], {}])
def test_value_of_another_type_is_refused(attributes, value):
    with pytest.raises(ValueError):
        attributes.mapped("tasks", "media_type", value)


@pytest.mark.parametrize("value", [102, "support", "", "0100", 0])
@pytest.mark.parametrize(
    "level, field",
    [("services", "disposition"), ("states", "media_type"), ("states", "service_type")],
)
def test_field_that_is_not_mapped_keeps_what_it_is_given(
    attributes, by_name, level, field, value
):
    assert attributes.mapped(level, field, value) is value
    assert by_name.shown(level, field, value) is value


def test_any_value_is_kept_without_a_file(store):
    for map_names in (False, True):
        attributes = BusinessAttributes(store, map_names)
        assert attributes.mapped("services", "service_type", "x") == "x"
        assert attributes.shown("services", "service_type", "x") == "x"


def test_id_is_shown_unless_names_are_asked_for(attributes, by_name):
    assert attributes.shown("services", "service_type", 100) == 100
    assert by_name.shown("services", "service_type", 100) == "Support"
    assert by_name.shown("tasks", "media_type", 0) == "voice"


@pytest.mark.parametrize("value", [102, "Support", "100", True, False, None, 0.0])
def test_value_that_is_no_id_is_shown_as_it_is(by_name, value):
    assert by_name.shown("services", "service_type", value) is value
    assert by_name.shown("tasks", "media_type", value) is value


def test_message_names_some_of_many_values(edit, attributes):
    values = [{"name": f"v{n}", "dbid": n} for n in range(50)]
    edit({**KINDS, "values": values})
    with pytest.raises(ValueError) as refusal:
        attributes.mapped("services", "service_type", 50)
    told = str(refusal.value)
    assert told.startswith("must be one of 0 (v0), 1 (v1), ")
    assert told.endswith(", 19 (v19), 30 more")


def test_field_of_an_attribute_without_values_can_have_none(edit, attributes):
    edit({**KINDS, "values": []})
    with pytest.raises(ValueError, match="its business attribute has none"):
        attributes.mapped("services", "service_type", 1)


def test_values_of_several_attributes_of_one_field_count_together(edit, by_name):
    more = [{"name": "Support", "dbid": 200}, {"name": "Complaint", "dbid": 101}]
    edit(KINDS, {"name": "Z", "cv_attributes": ["service.TYPE"], "values": more})
    place = "services", "service_type"
    assert [by_name.mapped(*place, each) for each in ("Support", "Complaint", 200)] == (
        [100, 101, 200]
    )
    assert [by_name.shown(*place, each) for each in (100, 101, 200)] == (
        ["Support", "Order", "Support"]
    )


def test_edit_of_the_file_counts(write, by_name):
    place = "services", "service_type"
    assert by_name.shown(*place, 100) == "Support"
    write({**KINDS, "values": [{"name": "Help", "dbid": 100}]})
    until(lambda: by_name.shown(*place, 100) == "Help")
    assert by_name.mapped(*place, "Help") == 100
    write()
    until(lambda: by_name.shown(*place, 100) == 100)


def test_one_is_got_by_name_or_there_is_none(attributes):
    assert attributes.get("Media") == MEDIA
    with pytest.raises(NotFound):
        attributes.get("media")
