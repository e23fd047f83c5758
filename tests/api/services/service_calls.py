"""Requests to the services API, and what has to hold of its errors."""

import json
from contextlib import contextmanager

from calls import JSON, LEAKS, address, send

from app.query import Query

NOW = "2026-01-02T03:04:05.678Z"
"""What the clock of the tests says at first, as replies show it."""

EVERYTHING = dict.fromkeys(
    ("active_states", "completed_states", "active_tasks", "completed_tasks"), True
)
"""The parameters that ask for all arrays of a service."""

MEMBERS = ["http_method", "http_uri", "http_code", "code", "description", "errors"]


def refused_services(reply, status, code):
    """Check that a reply is an error in the services form, and return its JSON."""
    assert reply.status_int == status, reply.text
    assert reply.headers["Content-Type"] == JSON
    error = reply.json
    assert list(error) == MEMBERS[: len(error)] and len(error) >= 5
    assert (error["http_code"], error["code"]) == (status, code)
    assert error["description"].strip()
    for messages in error.get("errors", {}).values():
        assert messages and all(isinstance(each, str) and each for each in messages)
    assert not [leak for leak in LEAKS if leak in reply.text]
    return error


def refused(reply, *places):
    """Check that a request is refused, with faults at just these places."""
    error = refused_services(reply, 400, "BAD_REQUEST")
    assert sorted(error.get("errors", {})) == sorted(places)
    return error


def missing(reply):
    """Check that there is no such thing, and return the JSON of the error."""
    return refused_services(reply, 404, "NOT_FOUND")


def start(api, where="/services", **members):
    """Start a service, or a state or task at such an address; return its address."""
    kind = where.rsplit("/", 1)[-1]
    body = {"contact_key": "555-0100"} if kind == "services" else {}
    body |= {f"{kind.removesuffix('s')}_type": 100, **members}
    reply = send(api, "POST", f"{where}/start", body)
    assert reply.status_int == 201, reply.text
    return reply.headers["Location"]


def done(reply, status=200):
    """Check that a reply says nothing but that it is done."""
    assert (reply.status_int, reply.body) == (status, b""), reply.text


def end(api, what, **members):
    """Complete a service, a state or a task."""
    done(send(api, "POST", f"{what}/end", members))


def get(api, path, **parameters):
    """Return the JSON of what a GET finds."""
    reply = send(api, "GET", address(path, **parameters))
    assert reply.status_int == 200, reply.text
    assert reply.headers["Content-Type"] == JSON
    return reply.json


def number(path):
    """Return the id at the end of an address."""
    return int(path.rsplit("/", 1)[-1])


def level_of(owner):
    """Return the level of whom an address names, such as "states"."""
    return owner.split("/")[-2]


def define(api, level, name, *attributes, kind="single-valued", **members):
    """Create an extension schema; attributes are names of strings, or objects."""
    named = [
        {"name": each, "type": "string"} if isinstance(each, str) else each
        for each in attributes or ("a",)
    ]
    body = {"name": name, "type": kind, "attributes": named, **members}
    reply = send(api, "POST", f"/metadata/{level}/extensions", body)
    assert reply.status_int == 201, reply.text
    return reply.headers["Location"]


def contents(store):
    """Return all documents of services and extensions as texts, with revisions."""
    return {
        table: [
            (each.revision, json.dumps(each.document))
            for each in store.find(table, Query()).records
        ]
        for table in ("services", "extensions")
    }


@contextmanager
def unchanged(store):
    """Check that what happens inside changes no service and no extension."""
    before = contents(store)
    yield
    assert contents(store) == before
