"""Who may do what: every address with every method, for every sender."""

from dataclasses import replace

import pytest
from calls import raw
from documented import document

from app.access import OF_TOKENS, allows, refusal
from app.api.routes import ROUTES, routes

METHODS = [
    "GET",
    "HEAD",
    "OPTIONS",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "LOOKUP",
    "QUERY",
]

PREFIX = "/genesys/1/cs"

UNKNOWN = [
    "/nowhere",
    "/services/1/2/3/4",
    "/healthy",
    "/health/x",
    "/docs/a/b",
    "/rest",
]


def written(route):
    """Return an address that fits a route, with the examples of the document."""
    examples = {
        each["name"]: each["example"]
        for each in document()["components"]["parameters"].values()
        if each["in"] == "path"
    }
    return route.address.format(**examples)


@pytest.fixture
def settings(settings):
    """With a prefix of the services API: there are all addresses that there can be."""
    return replace(settings, services_prefix=PREFIX)


@pytest.fixture
def senders(service, clock):
    """The headers of each sender: of no use, and of the roles."""
    tokens = service.tokens
    given = {role: tokens.create(role, role) for role in OF_TOKENS}
    given["revoked"] = tokens.create("revoked", "admin")
    tokens.revoke("revoked")
    given["wrong"] = given["admin"][:-1] + ("a" if given["admin"][-1] != "a" else "b")
    headers = {name: f"Bearer {token}" for name, token in given.items()}
    return {**headers, "nobody": None, "nonsense": "Digest \xff"}


@pytest.fixture
def sent(api, senders):
    """The function that sends a request; from another address each time.

    So that no failure is the eleventh of its address.
    """
    number = 0

    def sent(sender, method, path):
        nonlocal number
        number += 1
        environ = {
            "REMOTE_ADDR": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        }
        if senders[sender] is not None:
            environ["HTTP_AUTHORIZATION"] = senders[sender]
        return raw(api, method, path, **environ)

    return sent


@pytest.mark.parametrize("sender", ["nobody", "wrong", "revoked", "nonsense"])
def test_without_a_valid_token_all_is_refused_but_health_at_every_address(sender, sent):
    for path in [*map(written, routes(PREFIX)), *UNKNOWN]:
        for method in METHODS:
            status = sent(sender, method, path).status_int
            if path == "/health":
                assert status in (200, 405), (method, path)
            else:
                assert status == 401, (method, path)


@pytest.mark.parametrize("sender", OF_TOKENS)
def test_a_role_may_do_what_its_routes_say_and_no_more(sender, sent):
    for route in routes(PREFIX):
        for method in METHODS:
            verb = route.verbs.get("GET" if method == "HEAD" else method)
            reply = sent(sender, method, written(route))
            place = f"{sender} {method} {route.address}: {reply.text}"
            if verb is None:
                assert reply.status_int == (200 if method == "OPTIONS" else 405), place
            elif allows(sender, verb.role):
                assert reply.status_int not in (401, 403, 405, 500), place
            else:
                assert reply.status_int == 403, place
                assert (
                    f'role \\"{verb.role}\\"' in reply.text or method == "HEAD"
                ), place


@pytest.mark.parametrize("sender", OF_TOKENS)
def test_an_address_that_does_not_exist_is_missing_to_who_may_read(sender, sent):
    for path in UNKNOWN:
        for method in METHODS:
            assert sent(sender, method, path).status_int == 404, (method, path)


def test_only_health_is_open_and_it_has_no_parameters():
    open_ = {r.template for r in ROUTES for v in r.verbs.values() if v.role == "anyone"}
    assert open_ == {"/health"}


@pytest.mark.parametrize(
    ("role", "needed", "is_allowed"),
    [
        ("anyone", "anyone", True),
        ("anyone", "reader", False),
        ("reader", "anyone", True),
        ("reader", "reader", True),
        ("reader", "writer", False),
        ("reader", "admin", False),
        ("writer", "reader", True),
        ("writer", "writer", True),
        ("writer", "admin", False),
        ("admin", "reader", True),
        ("admin", "writer", True),
        ("admin", "admin", True),
    ],
)
def test_each_role_includes_those_before_it(role, needed, is_allowed):
    assert allows(role, needed) is is_allowed
    assert (refusal(role, needed) == "") is is_allowed


def test_a_refusal_names_the_role_that_is_needed_and_the_one_there_is():
    assert refusal("reader", "writer") == (
        'this needs the role "writer"; the token has the role "reader"'
    )
