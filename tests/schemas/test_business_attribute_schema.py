"""The rules of business attributes, as a person writes them into a file."""

import copy
import json

import pytest

from app.errors import Invalid
from app.schemas.business_attribute import field_of, loaded

MEDIA = {
    "name": "MediaType",
    "dbid": 102,
    "display_name": "Media Type",
    "description": "Media",
    "map_name": True,
    "cv_attributes": ["Service.media_type", "task.MEDIA_TYPE"],
    "values": [
        {"name": "email", "dbid": 1003, "display_name": "email", "description": ""},
        {"name": "voice", "dbid": 1001},
    ],
}


def read(raw):
    return loaded(raw, 7, "2019-08-26T12:09:03Z")


def faults(raw):
    with pytest.raises(Invalid) as caught:
        read(raw)
    return caught.value.faults


def test_complete_attribute_is_loaded_as_itself():
    assert json.dumps(read(MEDIA)) == json.dumps(MEDIA)


def test_attribute_has_no_fields_and_values_when_it_names_none():
    bare = {"name": "a", "cv_attributes": [], "values": []}
    assert read({"name": "a"}) == bare
    optional = ("dbid", "display_name", "description", "map_name", "values")
    assert read({"name": "a", **dict.fromkeys(optional)}) == bare


def test_ids_and_flags_are_converted_when_written_as_text():
    attribute = read({"name": "a", "dbid": "102", "map_name": "false"})
    assert attribute["dbid"] == 102 and attribute["map_name"] is False


def test_attribute_shares_nothing_with_what_it_is_made_of():
    raw = copy.deepcopy(MEDIA)
    attribute = read(raw)
    raw["values"][0].clear()
    raw["values"].clear()
    raw["cv_attributes"].clear()
    assert attribute == MEDIA


FIELD_RULE = (
    "must be Service, State or Task, then a dot and one of type, application_type"
)
REFUSED = [
    ("name", None, "name", "must not be null"),
    ("name", "", "name", "must not be empty"),
    ("dbid", 2**63, "dbid", "64 bits"),
    ("dbid", True, "dbid", "an integer"),
    ("display_name", 5, "display_name", "must be a string, not a number"),
    ("map_name", 1, "map_name", "must be true or false"),
    ("cv_attributes", "Service.type", "cv_attributes", "must be an array"),
    ("cv_attributes", ["Service.type", 5], "cv_attributes.1", "must be a string"),
    ("cv_attributes", ["Service.id"], "cv_attributes.0", FIELD_RULE),
    ("values", {}, "values", "must be an array, not an object"),
    ("cv_attributes", [None], "cv_attributes.0", "must be a string, not null"),
    ("values", [None], "values.0", "must be an object, not null"),
    ("values", [5], "values.0", "must be an object, not a number"),
    ("values", [{"dbid": 1}], "values.0.name", "is required"),
    ("values", [{"name": "a"}], "values.0.dbid", "is required"),
    ("values", [{"name": "a", "dbid": 1.5}], "values.0.dbid", "an integer"),
    ("values", [{"name": "a", "dbid": 1, "values": []}], "values.0.values", "a value"),
    ("vlues", [], "vlues", '(did you mean "values"?)'),
]


@pytest.mark.parametrize(("name", "given", "place", "fault"), REFUSED)
def test_attribute_is_refused_with_the_place(name, given, place, fault):
    found = faults({**MEDIA, name: given})
    assert list(found) == [place]
    assert fault in found[place][0]


def test_values_are_refused_when_their_names_or_ids_are_equal():
    names = (("a", 1), ("b", 1), ("a", "2"), ("c", 2))
    values = [{"name": name, "dbid": dbid} for name, dbid in names]
    assert faults({"name": "x", "values": values}) == {
        "values.1.dbid": ["is the same as that of value 0"],
        "values.2.name": ["is the same as that of value 0"],
        "values.3.dbid": ["is the same as that of value 2"],
    }


def test_all_faults_are_told_at_once():
    raw = {"dbid": "x", "cv_attributes": ["a"], "values": [{}], "b": 1}
    assert list(faults(raw)) == [
        "name",
        "dbid",
        "cv_attributes.0",
        "values.0.name",
        "values.0.dbid",
        "b",
    ]


@pytest.mark.parametrize("raw", [None, [], "x", 5])
def test_attribute_is_refused_when_not_an_object(raw):
    with pytest.raises(Invalid, match="must be a JSON object"):
        read(raw)


SHARED = ("application_type", "resource_type", "media_type", "disposition")


@pytest.mark.parametrize("noun", ["service", "state", "task"])
def test_field_is_the_stored_one_in_any_case_and_spelling(noun):
    for name in ("type", f"{noun}_type", f"{noun}_TYPE"):
        for resource in (noun, noun.title(), noun.upper()):
            assert field_of(f"{resource}.{name}") == (f"{noun}s", f"{noun}_type")
    for name in SHARED:
        assert field_of(f"{noun.title()}.{name}") == (f"{noun}s", name)


@pytest.mark.parametrize(
    "text", ["", "Service", "type", "Service.", "Services.type", "Service.task_type"]
)
def test_field_is_refused_when_there_is_none_such(text):
    with pytest.raises(Invalid, match="must be Service, State or Task"):
        field_of(text)
