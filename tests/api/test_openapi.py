"""The OpenAPI document: valid, complete, and the same wherever it comes from.

That it says all statuses, headers and members of replies is held against every reply that
the tests of the API get: ``tests/documented.py``, and the fixture ``service``.
"""

import json

import pytest
from documented import Documented, document, operations, resolved
from falcon import Request, Response
from falcon.testing import create_environ
from openapi_spec_validator import validate
from running import svctasks
from shared import T, sample

from app.api.openapi import FURTHER
from app.api.routes import ROUTES
from app.schemas import business_attribute, extension, service, svctask

FIELDS = {
    "NewSvctask": svctask.SvctaskSchema,
    "SvctaskChange": svctask.SvctaskSchema,
    "Svctask": svctask.SvctaskSchema,
    "ServiceStart": service.ServiceStartSchema,
    "Association": service.AssociationSchema,
    "StateStart": service.StateStartSchema,
    "TaskStart": service.TaskStartSchema,
    "End": service.EndSchema,
    "Event": service.EventSchema,
    "Transition": service.TransitionSchema,
    "FormerState": service.FormerStateSchema,
    "NewState": service.NewStateSchema,
    "NewDefinition": extension.DefinitionSchema,
    "NewAttribute": extension.AttributeSchema,
}
"""The schemas of bodies, and the classes that hold the rules."""


def test_document_is_valid(api):
    validate(api.get("/openapi.json").json)


def test_document_is_openapi_3_1(api):
    reply = api.get("/openapi.json")
    assert reply.content_type == "application/json"
    assert reply.json["openapi"].startswith("3.1.")
    assert reply.json == document()


def test_command_prints_the_document():
    result = svctasks("openapi")
    assert result.returncode == 0
    assert json.loads(result.stdout) == document()


def test_every_operation_is_there_and_no_other():
    expected = {
        (route.template.replace("id_", "id"), verb)
        for route in ROUTES
        for verb in route.verbs
    }
    assert set(operations()) == expected


def test_methods_that_openapi_lacks_stand_in_the_extension():
    assert set(document()["paths"][T][FURTHER]) == {"LOOKUP", "QUERY"}


@pytest.mark.parametrize(
    ("method", "template", "address", "is_taken"),
    [
        ("GET", "/services/{service_id}", "/services/start", True),
        ("POST", "/services/{service_id}/end", "/services/anonymous/end", True),
        ("GET", "/services/anonymous/{contact_key}", "/services/anonymous/end", False),
        (
            *("POST", "/customers/{customer_id}/services/{service_id}"),
            *("/customers/1/services/active", True),
        ),
        ("GET", "/services/{service_id}/states", "/services/1/states", False),
    ],
)
def test_address_that_another_takes_is_told(api, method, template, address, is_taken):
    told = "405" in operations()[template, method]["responses"]
    status = api.request(address, method=method, expect_errors=True).status_code
    assert (told, status == 405) == (is_taken, is_taken)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_there(name):
    declared = {
        field.data_key or each for each, field in FIELDS[name]().load_fields.items()
    }
    assert declared <= _properties(document()["components"]["schemas"][name])


def _properties(schema):
    """Return the members that a schema knows, in its parts too."""
    schema = resolved(schema)
    parts = [
        part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, ())
    ]
    found = set(schema.get("properties", {}))
    return found.union(*(_properties(part) for part in parts))


@pytest.mark.parametrize("level", service.LEVELS.values(), ids=lambda each: each.noun)
def test_every_member_of_a_resource_is_there(level):
    schema = document()["components"]["schemas"][level.noun.capitalize()]
    assert set(level.members) <= _properties(schema)


def test_every_field_of_a_business_attribute_is_there():
    fields = {"name", "dbid", "display_name", "description", "map_name"}
    schema = document()["components"]["schemas"]["BusinessAttribute"]
    assert fields | {"cv_attributes", "values"} <= _properties(schema)
    assert business_attribute.NAME == "business_attributes"


def test_samples_of_the_documents_are_examples():
    text = json.dumps(document())
    for name in ("svctask.json", "service.3005.json"):
        assert json.dumps(sample(name)) in text


@pytest.mark.parametrize(
    ("status", "header", "data", "fault"),
    [
        ("418 I'm a teapot", "X-Total-Count", b"[]", "no such status"),
        ("200 OK", "X-New", b"[]", "no such headers: {'x-new'}"),
        ("200 OK", "X-Total-Count", b'[{"isenabled": "no"}]', "$[0].isenabled"),
    ],
)
def test_what_is_not_in_the_document_is_found(status, header, data, fault):
    documented = Documented("")
    request = Request(create_environ(path=T, method="GET"))
    request.uri_template = T
    response = Response()
    response.status, response.data = status, data
    response.set_header(header, "1")
    documented.process_response(request, response, None, True)
    assert fault in "; ".join(documented.faults)
