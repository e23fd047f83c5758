"""The OpenAPI document: valid, complete, and the same wherever it comes from.

That it says all statuses, headers and members of replies is held against every reply that
the tests of the API get: ``tests/documented.py``, and the fixture ``service``.
"""

import json
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO

import pytest
from calls import ID, create, send
from documented import Documented, document, fits, operations, resolved
from falcon import Request, Response
from falcon.testing import create_environ
from openapi_spec_validator import validate
from running import svctasks
from shared import SAMPLES, T, files_of_page, sample
from webtest import TestApp

from app.api.openapi import FURTHER
from app.api.routes import ROUTES
from app.bootstrap import open_service
from app.schemas import business_attribute, extension, service, svctask

FIELDS = {
    "NewSvctask": svctask.SvctaskSchema,
    "SvctaskChange": svctask.SvctaskSchema,
    "Svctask": svctask.SvctaskSchema,
    "ServiceStart": service.ServiceStartSchema,
    "Association": service.AssociationSchema,
    "StateStart": service.StateStartSchema,
    "TaskStart": service.TaskStartSchema,
    "ServiceEnd": service.EndSchema,
    "StateEnd": service.StateEndSchema,
    "TaskEnd": service.TaskEndSchema,
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
    expected = {(route.template, verb) for route in ROUTES for verb in route.verbs}
    assert set(operations()) == expected


def test_every_operation_and_every_tag_has_a_description():
    assert [
        place for place, each in operations().items() if not each["description"]
    ] == []
    used = {tag for each in operations().values() for tag in each["tags"]}
    assert {tag["name"] for tag in document()["tags"] if tag["description"]} == used


def test_each_operation_says_which_role_it_needs_and_how_to_send_a_token():
    assert document()["security"] == [{"bearer": ["reader"]}, {"basic": ["reader"]}]
    schemes = document()["components"]["securitySchemes"]
    assert {each["scheme"] for each in schemes.values()} == {"bearer", "basic"}
    told = operations()
    for route in ROUTES:
        for method, verb in route.verbs.items():
            security = told[route.template, method]["security"]
            if verb.role == "anyone":
                assert security == [{}, {"bearer": ["reader"]}, {"basic": ["reader"]}]
            else:
                assert security == [{"bearer": [verb.role]}, {"basic": [verb.role]}]


def test_own_id_fits_the_schema_of_a_change_and_is_accepted(api):
    create(api, {"id": ID, "name": "n"})
    change = {"id": ID, "intervalsec": 1.0}
    assert fits(change, "SvctaskChange")
    assert "readOnly" not in json.dumps(
        document()["components"]["schemas"]["SvctaskChange"]["properties"]["id"]
    )
    assert send(api, "PATCH", f"{T}/{ID}", change).status_int == 200


def test_methods_that_openapi_lacks_stand_in_the_extension():
    assert set(document()["paths"][T][FURTHER]) == {"LOOKUP", "QUERY"}


@pytest.mark.parametrize(
    ("method", "template", "address", "is_taken"),
    [
        ("GET", "/services/{service_id}", "/services/start", True),
        ("POST", "/services/{service_id}/end", "/services/anonymous/end", True),
        ("GET", "/services/anonymous/{contact_key}", "/services/anonymous/end", False),
        (
            "POST",
            "/customers/{customer_id}/services/{service_id}",
            "/customers/1/services/active",
            True,
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


# How each operation can be refused


WRITING = ("POST", "PATCH", "PUT", "DELETE")

OBSERVING = ("/health", "/metrics")
"""What answers whatever else is wrong."""

HEEDLESS = {"/", "/docs", "/docs/{file}", "/console", "/console/{file}", *OBSERVING}
"""What takes no notice of parameters."""


@contextmanager
def serving(settings, **given):
    """The API with other settings; each reply must be as the document says."""
    service = open_service(replace(settings, **given), log=StringIO())
    documented = Documented("")
    service.application.add_middleware(documented)
    try:
        yield TestApp(service.application)
    finally:
        service.close()
    assert not documented.faults


def written(address):
    """Return an address that fits a template, with the examples of the document."""
    examples = {
        each["name"]: each["example"]
        for each in document()["components"]["parameters"].values()
        if each["in"] == "path"
    }
    return address.format(**examples)


def answering(api, status, query="", **content):
    """Return the operations that answer with ``status``."""
    return {
        (address, method)
        for address, method in operations()
        if send(api, method, written(address) + query, **content).status_int == status
    }


def telling(status):
    """Return the operations that the document says may answer with ``status``."""
    return {
        place
        for place, told in operations().items()
        if str(status) in told["responses"]
    }


def test_what_writes_is_refused_by_a_server_that_is_read_only(settings):
    writing = {place for place in operations() if place[1] in WRITING}
    with serving(settings, read_only=True) as api:
        assert answering(api, 403) == writing <= telling(403)


def test_what_a_reader_may_not_do_is_told(service, api):
    token = service.tokens.create("ci", "reader")
    found = answering(api, 403, Authorization=f"Bearer {token}")
    assert found == telling(403) == needing("writer", "admin")


def test_what_is_refused_without_a_token_is_told(service, api):
    service.tokens.create("ci", "reader")
    assert len(answering(api, 401)) == 10
    assert answering(api, 429) == telling(429) == telling(401)
    assert telling(401) == needing("reader", "writer", "admin")


def needing(*roles):
    """Return the operations that need one of ``roles``."""
    return {
        (route.template, method)
        for route in ROUTES
        for method, verb in route.verbs.items()
        if verb.role in roles
    }


def test_all_but_what_observes_fails_where_all_is_to_fail(settings):
    failing = {place for place in operations() if place[0] not in OBSERVING}
    with serving(settings, fail_rate=1.0) as api:
        assert answering(api, 503) == failing
    assert telling(503) == failing | {(path, "GET") for path in OBSERVING}


def with_body():
    return {place for place, told in operations().items() if "requestBody" in told}


def test_bodies_of_another_type_are_refused(settings):
    with serving(settings) as api:
        create(api, {"id": ID, "name": "n"})
        found = answering(api, 415, body=b"{}", content_type="text/plain")
    assert found == telling(415) == with_body()


def test_bodies_that_are_too_large_are_refused(settings):
    with serving(settings, max_body=100) as api:
        create(api, {"id": ID, "name": "n"})
        found = answering(api, 413, body=b'"%s"' % bytes(100))
    assert found == telling(413) == with_body()


class Broken:
    """Falcon middleware that fails in a way that nobody has foreseen."""

    def process_resource(self, request, response, resource, params):
        raise RuntimeError("unforeseen")


def test_any_operation_can_fail_unforeseen(service, api):
    service.application.add_middleware(Broken())
    assert answering(api, 500) == telling(500) == set(operations())


def test_lists_of_nobodys_services_are_empty_and_not_missing(api):
    lists = {
        place
        for place in operations()
        if place[0].startswith(("/customers/", "/services/anonymous/"))
        and place[1] == "GET"
    }
    assert len(lists) == 6
    assert lists <= answering(api, 200)
    assert not lists & telling(404)


def test_too_long_addresses_and_headers_are_told():
    free = {
        place
        for place, told in operations().items()
        if any(resolved(e)["in"] in ("path", "query") for e in told["parameters"])
    }
    assert telling(414) == free
    assert telling(431) == set(operations())


def test_unknown_parameters_are_refused_but_where_they_are_ignored(api):
    """Of what only reads: the others may be refused for more than that."""
    reading = {place for place in operations() if place[1] == "GET"}
    heedless = {place for place in reading if place[0] in HEEDLESS}
    assert answering(api, 400, "?unknown=1") & reading == reading - heedless
    assert "/, /docs, /console, what is below these two, /health and /metrics" in (
        document()["info"]["description"].replace("\n", " ")
    )


@pytest.mark.parametrize("folder", ["docs", "console"])
def test_the_types_of_what_a_page_loads_are_told(api, folder):
    told = operations()[f"/{folder}/{{file}}", "GET"]["responses"]["200"]["content"]
    files = files_of_page(folder)
    assert set(told) == {api.get(f"/{folder}/{file}").content_type for file in files}


def test_the_entrance_has_the_members_that_are_told_and_no_others(api):
    told = document()["components"]["schemas"]["EntryPoints"]
    assert told["required"] == list(told["properties"]) == list(api.get("/").json)
    assert told["additionalProperties"] is False


@pytest.mark.parametrize("name", ["NewAttribute", "Attribute"])
def test_what_a_flag_means_is_not_what_the_list_of_that_name_means(name):
    schemas = document()["components"]["schemas"]
    of_list = schemas["NewDefinition"]["properties"]["unique"]["description"]
    of_flag = schemas[name]["properties"]["unique"]["description"]
    assert (of_list[:14], of_flag[:7]) == ("The attributes", "Whether")


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        *((given, True) for given in ("a", "a" * 128, "Z9._:/+=-")),
        *(
            (given, False)
            for given in ("", "a" * 129, "a b", "a,b", "\xe9", "a.svct_b")
        ),
    ],
)
def test_which_request_ids_are_kept_is_told_in_words(api, given, is_kept):
    """Others are replaced by new ones."""
    told = document()["components"]["parameters"]["X-Request-Id"]["description"]
    assert "1 to 128 of letters, digits and . _ : / + = -." in told
    reply = send(api, "GET", X_Request_Id=given)
    assert (reply.status_int, reply.headers["X-Request-Id"] == given) == (200, is_kept)


def test_an_association_says_that_it_does_not_move_the_start():
    schemas = document()["components"]["schemas"]
    told = schemas["Association"]["properties"]["timestamp"]["description"]
    assert "stays what it was" in told


def test_samples_of_the_documents_are_examples():
    text = json.dumps(document(), sort_keys=True)
    samples = [sample(path.name) for path in SAMPLES.glob("*.json")]
    assert len(samples) == 4
    for each in samples:
        assert json.dumps(each, sort_keys=True) in text


# What bodies may be


@pytest.mark.parametrize("name", svctask.SvctaskSchema().fields)
def test_null_is_taken_of_a_change_where_the_document_says_so(api, name):
    create(api, {"id": ID, "name": "n"})
    status = send(api, "PATCH", f"{T}/{ID}", {name: None}).status_int
    assert (status, fits({name: None}, "SvctaskChange")) in ((200, True), (400, False))


@pytest.mark.parametrize("level", service.LEVELS.values(), ids=lambda each: each.noun)
def test_names_that_no_extension_may_have_are_told_in_words(api, level):
    """They fit the schema, which is the same for all levels."""
    properties = document()["components"]["schemas"]["NewDefinition"]["properties"]
    assert "a member of the resource or of one of its events" in (
        properties["name"]["description"]
    )
    attributes = [{"name": "a", "type": "string"}]
    for name in level.reserved:
        body = {"name": name, "type": "single-valued", "attributes": attributes}
        reply = send(api, "POST", f"/metadata/{level.noun}s/extensions", body)
        assert reply.status_int == 400
        assert "that is a member of the resource or its events" in reply.text


FILTERS = (
    {},
    [],
    None,
    "name",
    # Texts
    {"name": "n"},
    {"name": ""},
    {"name": 1},
    {"name": None},
    {"name": ["n"]},
    {"name": {}},
    {"name": {"first": "n"}},
    {"name": {"$eq": "n", "$ne": "m"}},
    {"name": {"$eq": None}},
    {"name": {"$gt": "a", "$lte": "n"}},
    {"name": {"$gte": 1}},
    {"name": {"$in": ["n", "m"]}},
    {"name": {"$in": []}},
    {"name": {"$in": "n"}},
    {"name": {"$nin": [1]}},
    {"name": {"$exists": True}},
    {"name": {"$exists": 1}},
    {"name": {"$contains": "n", "$startswith": "n", "$endswith": "n"}},
    {"name": {"$contains": 1}},
    {"name": {"$regex": "n"}},
    {"name": {"$eq": "n", "first": "n"}},
    {"name": {"$not": {"$eq": "n"}}},
    {"name": {"$and": []}},
    {"sitemode": "elsewhere"},
    {"id": ID},
    {"id": "380DAAE6"},
    {"id": 380},
    {"id": {"$startswith": "380"}},
    {"id": {"$lt": "4"}},
    {"id": {"$in": [ID, None]}},
    # Integers
    {"isenabled": True},
    {"isenabled": "false"},
    {"isenabled": "1"},
    {"isenabled": 2},
    {"isenabled": "yes"},
    {"isenabled": None},
    {"isenabled": {"$gt": 0}},
    {"isenabled": {"$contains": "1"}},
    {"intervalsec": 60},
    {"intervalsec": -60},
    {"intervalsec": "-060"},
    {"intervalsec": "1e2"},
    {"intervalsec": 1.5},
    {"intervalsec": True},
    {"intervalsec": 2**63 - 1},
    {"intervalsec": 2**63},
    {"intervalsec": {"$in": [60, "60"]}},
    {"intervalsec": {"$nin": [60, [60]]}},
    {"intervalsec": {"$startswith": "6"}},
    # Dates
    {"dtstart": "2019-02-20T08:00:00Z"},
    {"dtstart": "2019-02-20t08:00:00.5+01:00"},
    {"dtstart": "2019-02-20"},
    {"dtstart": "2019-02-30T08:00:00Z"},
    {"dtstart": ""},
    {"dtstart": None},
    {"dtstart": {"$gt": "2019-02-20T08:00:00Z"}},
    {"dtstart": {"$gte": None}},
    {"dtstart": {"$gte": "2019"}},
    {"dtstart": {"$startswith": "2019"}},
    {"dtstart": {"$endswith": None}},
    {"dtstart": {"$in": ["", None, "2019-02-20T08:00:00Z"]}},
    # Names
    {"sites": "SITE1, SITE2"},
    {"sites": ["SITE1"]},
    {"sites": []},
    {"sites": [1]},
    {"sites": {"$gt": "SITE1"}},
    {"sites": {"$contains": "SITE1"}},
    {"sites": {"$contains": ["SITE1"]}},
    {"sites": {"$in": ["SITE1", ["SITE2"]]}},
    {"sites": {"$endswith": "1"}},
    # Arrays
    {"periods": []},
    {"periods": [{"dow": 1}]},
    {"periods": [{"": [None, 1.5]}]},
    {"periods": [{"dow": {"$gt": 1}}]},
    {"periods": {"dow": 1}},
    {"periods": "dow"},
    {"periods": {}},
    {"periods": {"$contains": {"dow": 1}}},
    {"periods": {"$contains": {"$gt": 1}}},
    {"periods": {"$contains": 1}},
    {"periods": {"$ne": [], "$exists": True}},
    {"periods": {"$in": [[], [1]]}},
    {"periods": {"$in": [1]}},
    {"periods": {"$lt": []}},
    {"periods": {"$startswith": "d"}},
    # Objects, and what is in them
    {"ext": {}},
    {"ext": "ops"},
    {"ext": None},
    {"ext": {"owner": "ops"}},
    {"ext": {"owner": {"$gt": 1, "$contains": [1]}}},
    {"ext": {"ct": {"$gt": "2019-02-20T08:00:00Z"}}},
    {"ext": {"ct": 1}},
    {"ext": {"ct": None}},
    {"ext": {"ct": {"day": 1}}},
    {"ext": {"ct.day": 1}},
    {"ext": {"": 1}},
    {"ext": {"a.b": {"c.d": 1}}},
    {"ext": {"a..b": 1}},
    {"ext": {"owner": 1, "$eq": {}}},
    {"ext": {"$eq": {"owner": "ops", "ct": None}}},
    {"ext": {"$eq": {"ct": 1}}},
    {"ext": {"$eq": {"": 1}}},
    {"ext": {"$eq": "ops"}},
    {"ext": {"$in": [{}, {"owner": {"name": "ops"}}]}},
    {"ext": {"$exists": False}},
    {"ext": {"$lt": {}}},
    {"ext": {"$contains": "ops"}},
    {"opts": {"title": "t", "comment": {"$contains": "c"}}},
    {"opts": {"title": 1}},
    {"opts": {"title": None}},
    # Names with dots
    {"opts.title": "t"},
    {"opts.title": 1},
    {"opts.title": {"$endswith": "t"}},
    {"opts.title.first": 1},
    {"ext.lwt": {"$lte": "2019-02-20T08:00:00Z"}},
    {"ext.lwt": "yesterday"},
    {"ext.owner": None},
    {"ext.owner": [None, {"": {}}]},
    {"ext.owner": [{"$eq": 1}]},
    {"ext.owner": 2**64 - 1},
    {"ext.owner": 2**64},
    {"ext.owner": 0.5},
    {"ext.owner": {}},
    {"ext.owner": {"name": {"first": "o"}}},
    {"ext.owner": {"name": {"$exists": "yes"}}},
    {"ext.owner": {"$eq": {"name": [{"": 1}]}}},
    {"ext.owner": {"$eq": {"$name": 1}}},
    {"ext.owner": {"$gt": 1}},
    {"ext.owner": {"$gt": None}},
    {"ext.owner": {"$lte": True}},
    {"ext.owner": {"$gte": []}},
    {"ext.owner": {"$in": [1, "ops", None, {"a": 1}, [1]]}},
    {"ext.owner": {"$in": {}}},
    {"ext.owner": {"$contains": {"": None}}},
    {"ext.owner": {"$startswith": 1}},
    {"ext.owner": {"$endswith": "s"}},
    {"ext.$owner": 1},
    {"ext.": 1},
    {"ext..owner": 1},
    {".ext": 1},
    {"owner": 1},
    {"name.first": 1},
    {"Name": "n"},
    {"": 1},
    # Filters in filters
    {"$and": []},
    {"$and": {}},
    {"$and": [{}]},
    {"$and": [{"name": "n"}, {"$or": [{"isenabled": 1}, {"isenabled": 2}]}]},
    {"$or": [{"name": "n"}, {"$not": {"ext.owner": 1}}], "isenabled": 0},
    {"$or": ["name"]},
    {"$not": {}},
    {"$not": [{}]},
    {"$nor": [{"name": "n"}, ["not", {}]]},
    {"$nor": []},
    # Beside a field
    {"name": {"$not": "n"}},
    {"name": {"$not": {"$startswith": "n", "$not": {"$endswith": "x"}}}},
    {"name": {"$not": {}}},
    {"isenabled": {"$not": {"$gt": 2}}},
    {"ext": {"$not": {"owner": 1}}},
    {"ext.owner": {"$not": {}}},
    {"ext.owner": {"$not": [{"$eq": 1}]}},
    {"name": {"$all": ["n", "m"]}},
    {"name": {"$all": []}},
    {"name": {"$all": [1]}},
    {"name": {"$all": "n"}},
    {"sites": {"$all": ["SITE1", ["SITE2"]]}},
    {"periods": {"$all": [{"dow": 1}, 1]}},
    {"ext.owner": {"$all": [1, {"": 1}, [2]]}},
    {"ext.owner": {"$all": [{"$gt": 1}]}},
    {"opts": {"$all": [{}]}},
    # The platform's own form
    ["==", ["property", "name"], "n"],
    ["!=", ["property", "isenabled"], True],
    ["<", ["property", "dtstart"], None],
    ["<=", ["property", "intervalsec"], "60"],
    [">", ["property", "ext.owner"], 1.5],
    [">=", ["property", "ext.ct"], "2019-02-20T08:00:00Z"],
    ["in", ["property", "sites"], ["SITE1", ["SITE2"]]],
    ["==", ["property", "opts"], {"title": "t"}],
    ["==", ["property", "opts"], {"title": 1}],
    ["==", ["property", "periods"], [{"dow": 1}]],
    ["==", ["property", "ext.owner"], {"name": ["o"]}],
    ["and", {"name": "n"}, ["or", ["==", ["property", "id"], "x"]]],
    ["not", {"isenabled": 1}],
    [],
    ["and"],
    ["not"],
    ["not", {}, {}],
    ["~", ["property", "name"], "n"],
    ["==", "name", "n"],
    ["==", ["property", "nme"], "n"],
    ["==", ["property", "ext."], "n"],
    ["==", ["field", "name"], "n"],
    ["==", ["property", "name"], 1],
    ["==", ["property", "name"], {"$gt": "n"}],
    ["==", ["property", "name"]],
    ["==", ["property", "name"], "n", "m"],
    ["in", ["property", "name"], "n"],
    ["<", ["property", "sites"], "n"],
    ["<", ["property", "ext.owner"], None],
    ["or", 1],
    {"$not": {"$not": {"$and": [{"owner": 1}]}}},
    {"$eq": 1},
)
"""Filters of every kind of field with every operator, right ones and wrong ones."""


@pytest.mark.parametrize("value", FILTERS, ids=json.dumps)
def test_filters_are_taken_that_fit_their_schema_and_no_others(api, value):
    status = send(api, "QUERY", T, {"filter": value}).status_int
    assert (status, fits(value, "Filter")) in ((200, True), (400, False))


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
