"""Where the services API stands, the form of its errors, and maintenance."""

import errno
import json
import logging
import re

import falcon
import pytest
from calls import ID, JSON, raw, refused, send
from service_calls import refused_services
from shared import T
from webtest import TestApp

from app.api.routes import ROUTES, routes
from app.bootstrap import open_service
from app.errors import Conflict, Denied, Invalid, NotFound, Stale, Unavailable
from app.settings import TAKEN, Settings

PREFIX = "/genesys/1/cs"
STATUS, MODE = "/server/status", "/server/mode"


@pytest.fixture
def serving(tmp_path, clock, log):
    """Return the function from further settings to the API over the same folder."""
    services = []

    def over(**given):
        settings = Settings.from_environment(data=tmp_path / "data", **given)
        services.append(open_service(settings, clock, log))
        return TestApp(services[-1].application)

    yield over
    for each in services:
        each.close()


@pytest.fixture
def prefixed(serving):
    return serving(services_prefix=PREFIX)


def address(template):
    """Return an address that ``template`` stands for."""
    return re.sub("{[a-z_]+}", "1", template)


# The form of errors


def test_error_names_request_and_reason(api):
    reply = send(api, "POST", MODE, {"mode": "of operation"})
    assert refused_services(reply, 400, "BAD_REQUEST") == {
        "http_method": "POST",
        "http_uri": MODE,
        "http_code": 400,
        "code": "BAD_REQUEST",
        "description": 'mode: must be "production" or "maintenance"',
        "errors": {"mode": ['must be "production" or "maintenance"']},
    }


@pytest.mark.parametrize(
    "path",
    [
        "/services/x/y/z",
        "/customers",
        "/metadata",
        "/metadata/x",
        "/server",
        "/server/x",
    ]
    + ["/services/1/x/", "/services//x", "/services/1/\xff", "/customers/a b"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "LOOKUP", "OPTIONS", "BREW"])
def test_unknown_address_of_the_services_api_is_404_in_its_form(api, method, path):
    reply = raw(api, "GET", REQUEST_METHOD=method, PATH_INFO=path)
    error = refused_services(reply, 404, "NOT_FOUND")
    assert error["http_method"] == method
    assert error["description"] == "Not found"


@pytest.mark.parametrize(
    "path",
    ["/x", "/service", "/servicesx", "/SERVICES/1", "//services", "/x/services/1"]
    + [T + "x", "/health/x", PREFIX + "/services/1"],
)
def test_other_unknown_addresses_keep_the_other_form(api, path):
    refused(send(api, "GET", path), 404)


def test_address_is_told_as_it_was_sent(api):
    for path in ("/services/a%20b?x=%41&y=%C3%A9", "/server//", "/metadata/%FF?"):
        error = raw(api, path=path, RAW_URI=path).json
        assert error["http_uri"] == path


def test_address_is_told_where_the_web_server_hands_on_the_decoded_one_only(api):
    error = raw(api, path="/services/a%20b/x/%C3%A9?x=%41").json
    assert error["http_uri"] == "/services/a%20b/x/%C3%A9?x=%41"
    sent = {"RAW_URI": "http://example.com/server/x", "SCRIPT_NAME": "/outer"}
    error = raw(api, path="/server/x/?y", **sent).json
    assert error["http_uri"] == "/outer/server/x/?y"


def test_no_address_confuses_the_error(api):
    for path in ("/server/\xff", "/server/\x00", "/server/" + "a/" * 5000):
        refused_services(raw(api, PATH_INFO=path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "method, path",
    [("PUT", STATUS), ("POST", STATUS), ("GET", MODE), ("HEAD", MODE), ("DELETE", MODE)]
    + [("LOOKUP", STATUS), ("BREW", STATUS), ("BREW", MODE), ("TRACE", MODE)],
)
def test_unsupported_method_is_405_with_allow(api, method, path):
    reply = raw(api, path=path, REQUEST_METHOD=method)
    allowed = {STATUS: {"GET", "HEAD", "OPTIONS"}, MODE: {"POST", "OPTIONS"}}
    assert set(reply.headers["Allow"].split(", ")) == allowed[path]
    if method == "HEAD":
        assert reply.status_int == 405
    else:
        assert (
            refused_services(reply, 405, "METHOD_NOT_ALLOWED")["http_method"] == method
        )


@pytest.mark.parametrize("route", routes(PREFIX), ids=lambda route: route.address)
def test_every_route_names_its_methods_alike(prefixed, route):
    """Falcon answers OPTIONS and methods that it knows, the frame all others."""
    for method in ("OPTIONS", "TRACE", "BREW"):
        reply = raw(prefixed, path=address(route.address), REQUEST_METHOD=method)
        told = reply.headers["Allow"].split(", ")
        assert {*told, "OPTIONS"} == set(route.allowed), method


def test_body_that_cannot_be_taken_has_the_form(serving):
    api = serving(max_body=100)
    for body, content_type, status, code in (
        (b" " * 101, JSON, 413, "TOO_LARGE"),
        (b"mode=production", "text/plain", 415, "BAD_REQUEST"),
        (b"{", JSON, 400, "BAD_REQUEST"),
        (b"", JSON, 400, "BAD_REQUEST"),
    ):
        refused_services(send(api, "POST", MODE, body, content_type), status, code)


@pytest.mark.parametrize(
    "error, status, code",
    [
        (Invalid("no"), 400, "BAD_REQUEST"),
        (Denied("no"), 403, "FORBIDDEN"),
        (NotFound("no"), 404, "NOT_FOUND"),
        (Conflict("no"), 409, "BAD_REQUEST"),
        (Stale("no"), 412, "BAD_REQUEST"),
        (Unavailable("no"), 503, "INTERNAL"),
        (falcon.HTTPUnauthorized(description="no"), 401, "UNAUTHORIZED"),
        (falcon.HTTPNotAcceptable(description="no"), 406, "BAD_REQUEST"),
        (falcon.HTTPBadGateway(description="no"), 502, "INTERNAL"),
    ],
)
def test_code_follows_from_the_status(failing, caplog, error, status, code):
    caplog.set_level(logging.CRITICAL + 1)
    for path in ("/metadata/business-attributes", f"{PREFIX}{STATUS}"):
        reply = send(failing(error, PREFIX), "GET", path)
        if not (path.endswith(STATUS) and isinstance(error, NotFound)):
            assert refused_services(reply, status, code)["description"] == "no"
            assert ("Retry-After" in reply.headers) == (status == 503)


@pytest.mark.parametrize(
    "error", [RuntimeError("secret"), OSError(errno.ENOSPC, "No", "/srv/secret.json")]
)
def test_unforeseen_error_is_500_and_tells_nothing(failing, caplog, error):
    reply = send(failing(error), "GET", STATUS)
    assert refused_services(reply, 500, "INTERNAL") == {
        "http_method": "GET",
        "http_uri": STATUS,
        "http_code": 500,
        "code": "INTERNAL",
        "description": "The service failed to answer; its log says why",
    }
    assert "Traceback" in caplog.text


def test_service_tasks_keep_their_form_when_the_store_fails(failing, caplog):
    caplog.set_level(logging.CRITICAL + 1)
    refused(send(failing(Unavailable("no")), "GET", T), 503)


def test_parameters_are_refused_where_there_are_none(api):
    for method, path in (("GET", STATUS), ("POST", MODE)):
        error = refused_services(send(api, method, f"{path}?x=1"), 400, "BAD_REQUEST")
        assert error["http_uri"] == f"{path}?x=1"
        assert list(error["errors"]) == ["x"]


def test_read_only_server_forbids_a_change_of_mode(serving):
    api = serving(read_only=True)
    reply = send(api, "POST", MODE, {"mode": "maintenance"})
    refused_services(reply, 403, "FORBIDDEN")
    assert send(api, "GET", STATUS).json["mode"] == "production"


def test_simulated_failure_has_the_form(serving):
    api = serving(fail_rate=1.0, services_prefix=PREFIX)
    for path in (STATUS, PREFIX + STATUS):
        refused_services(send(api, "GET", path), 503, "INTERNAL")
    assert send(api, "GET", "/health").status_int == 200


def test_override_of_a_method_that_no_resource_has_is_refused(api):
    headers = {"X_HTTP_Method_Override": "QUERY"}
    error = refused_services(
        send(api, "POST", MODE, {}, **headers), 405, "METHOD_NOT_ALLOWED"
    )
    assert error["http_method"] == "QUERY"
    headers = {"X_HTTP_Method_Override": "GET"}
    refused_services(send(api, "POST", MODE, {}, **headers), 400, "BAD_REQUEST")


# The prefix


def test_routes_stand_at_the_root_and_under_the_prefix(prefixed):
    for start in ("", PREFIX):
        assert send(prefixed, "GET", start + STATUS).status_int == 200
        assert send(prefixed, "GET", f"{start}{STATUS}/").status_int == 200
        reply = send(prefixed, "GET", f"{start}/metadata/business-attributes")
        assert reply.json == []


def test_every_route_of_the_services_api_stands_under_the_prefix_and_no_other():
    under_prefix = [each for each in routes(PREFIX) if each.prefix]
    assert [each.template for each in under_prefix] == [
        each.template for each in ROUTES if each.is_of_services_api
    ]
    assert {each.address for each in under_prefix} == {
        PREFIX + each.template
        for each in ROUTES
        if each.template != "/"
        and not each.template.startswith(
            (
                "/rest/",
                "/health",
                "/metrics",
                "/openapi",
                "/docs",
                "/console",
                "/whoami",
            )
        )
    }


def test_other_routes_do_not_stand_under_the_prefix(prefixed):
    for path in (T, "/health", "/metrics", "", "/x"):
        refused(send(prefixed, "GET", PREFIX + path), 404)


def test_errors_under_the_prefix_have_the_services_form(prefixed):
    for path in ("/services/x/y/z", "/customers", "/metadata/x", "/server/x"):
        error = refused_services(send(prefixed, "GET", PREFIX + path), 404, "NOT_FOUND")
        assert error["http_uri"] == PREFIX + path
    reply = raw(prefixed, path=PREFIX + MODE, REQUEST_METHOD="BREW")
    refused_services(reply, 405, "METHOD_NOT_ALLOWED")
    refused(send(prefixed, "GET", "/genesys/1/csx/server/x"), 404)


def test_location_is_under_the_prefix_of_the_request(prefixed):
    for start in ("", PREFIX):
        reply = send(prefixed, "POST", start + MODE, {"mode": "production"})
        assert reply.headers["Location"] == start + STATUS


def test_prefix_may_begin_with_any_other_segment(serving):
    for prefix in ("/x", "/x/services", "/Services", "/a.b/~c/_d-e", "/restful", "/1"):
        api = serving(services_prefix=prefix)
        assert send(api, "GET", prefix + STATUS).status_int == 200
        assert send(api, "GET", STATUS).status_int == 200
        refused_services(send(api, "GET", f"{prefix}/server/x"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "prefix",
    ["genesys", "/", "//", "/genesys/", "/genesys//cs", "/a b", "/{x}", "/\xe9", "/a?b"]
    + ["/..", "/a/./b", "/a/..", " /a", "/a\n", "http://x/y", "/a%20b"],
)
def test_prefix_that_is_no_address_is_refused(tmp_path, monkeypatch, prefix):
    monkeypatch.setenv("SVCTASKS_SERVICES_PREFIX", prefix)
    with pytest.raises(Invalid) as refusal:
        Settings.from_environment(data=tmp_path)
    assert refusal.value.message == (
        "SVCTASKS_SERVICES_PREFIX must be segments of letters, digits and . _ ~ - with a "
        f'/ before each, such as /genesys/1/cs, not "{prefix}"'
    )


def test_prefix_that_would_hide_other_addresses_is_refused(tmp_path, monkeypatch):
    assert {"", *TAKEN} == {route.template.split("/")[1] for route in ROUTES}
    for first in TAKEN:
        monkeypatch.setenv("SVCTASKS_SERVICES_PREFIX", f"/{first}/x")
        with pytest.raises(Invalid) as refusal:
            Settings.from_environment(data=tmp_path)
        assert refusal.value.message == (
            f'SVCTASKS_SERVICES_PREFIX must not begin with "/{first}", where '
            "there are other addresses already"
        )


# Maintenance


def test_every_route_of_service_traffic_is_closed_in_maintenance(prefixed):
    send(prefixed, "POST", MODE, {"mode": "maintenance"})
    for route in routes(PREFIX):
        for method in route.verbs:
            if route.template == MODE:
                continue
            reply = send(prefixed, method, address(route.address))
            if route.template.startswith(("/services/", "/customers/")):
                refused_services(reply, 503, "MAINTENANCE")
            else:
                assert reply.status_int != 503, route.address
    send(prefixed, "POST", MODE, {"mode": "production"})
    assert send(prefixed, "GET", f"{PREFIX}/services/1").status_int == 404


def test_service_tasks_go_on_in_maintenance(api):
    send(api, "POST", MODE, {"mode": "maintenance"})
    assert send(api, "POST", T, {"id": ID, "name": "n"}).status_int == 200
    assert json.loads(send(api, "GET", f"{T}?mask=id").body) == [{"id": ID}]
    assert send(api, "GET", "/health").json["status"] == "ok"
    assert send(api, "GET", "/metrics").status_int == 200


def test_request_that_finds_maintenance_is_no_error_in_the_log(api, caplog):
    send(api, "POST", MODE, {"mode": "maintenance"})
    caplog.clear()
    error = refused_services(send(api, "GET", "/services/1"), 503, "MAINTENANCE")
    assert error["description"] == (
        "the server is in maintenance; services can be used again in production"
    )
    assert not caplog.records
