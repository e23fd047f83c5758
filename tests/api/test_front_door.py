"""The front door: what stands where, and the page that shows the OpenAPI document."""

import re
import sys
from urllib.parse import urljoin

import falcon
import pytest
from calls import JSON, raw, refused, send
from shared import T
from webtest import TestApp

from app import __version__
from app.api import problems
from app.api.documentation import FILES, Documentation
from app.bootstrap import open_service
from app.settings import Settings

PAGE, OPENAPI = "/docs", "/openapi.json"


def test_the_entrance_names_version_and_entry_points(api):
    reply = api.get("/")
    assert reply.headers["Content-Type"] == JSON
    assert reply.json == {
        "name": "svctasks",
        "version": __version__,
        "service_tasks": "/rest/v1/service/svctasks",
        "service_start": "/services/start",
        "extension_schemas": "/metadata/services/extensions",
        "business_attributes": "/metadata/business-attributes",
        "server_status": "/server/status",
        "health": "/health",
        "metrics": "/metrics",
        "openapi": "/openapi.json",
        "docs": "/docs",
    }


def entry_points(reply):
    name, version, *addresses = reply.json.values()
    return addresses


def test_each_entry_point_is_there(api):
    for address in entry_points(api.get("/")):
        status = 405 if address == "/services/start" else 200
        assert send(api, "GET", address).status_int == status
        assert send(api, "OPTIONS", address).status_int == 200


def test_the_entrance_answers_head(api):
    reply = api.head("/")
    assert (reply.status_int, reply.body) == (200, b"")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_gets_links_at_the_entrance(api):
    page = send(api, "GET", "/", Accept=BROWSER)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Vary"] == "Accept"
    for address in loads(page):
        assert send(api, "GET", address).status_int == 200
    assert {"/docs", "/health", "/openapi.json", T} <= set(loads(page))
    assert f"svctasks {__version__}" in page.text


def test_the_page_of_the_entrance_loads_nothing(api):
    page = send(api, "GET", "/", Accept=BROWSER)
    rules = page.headers["Content-Security-Policy"].split("; ")
    assert rules[0] == "default-src 'none'"
    assert "<script" not in page.text and "style" not in page.text


@pytest.mark.parametrize(
    "accepted",
    ["*/*", "application/json", "application/json, text/html;q=0.9", "", "\xff"]
    + ["text/plain", "application/*", ";", "text/html;q=0, */*"],
)
def test_a_program_gets_json_at_the_entrance(api, accepted):
    reply = send(api, "GET", "/", Accept=accepted)
    assert (reply.status_int, reply.headers["Content-Type"]) == (200, JSON)
    assert reply.headers["Vary"] == "Accept"


def test_the_page_of_the_entrance_has_no_markup_of_a_proxy(api):
    page = raw(api, path="/", SCRIPT_NAME="/<b>\"'&", HTTP_ACCEPT=BROWSER)
    assert "<b>" not in page.text
    assert 'href="/&lt;b&gt;&quot;&#x27;&amp;/docs"' in page.text


def test_the_forms_of_the_entrance_have_tags_of_their_own(api):
    forms = [{"Accept": BROWSER}, {"Accept": "*/*"}]
    tags = [send(api, "GET", "/", **form).headers["ETag"] for form in forms]
    assert tags[0] != tags[1]
    for tag, form in zip(tags, forms, strict=True):
        reply = send(api, "GET", "/", If_None_Match=tag, **form)
        assert (reply.status_int, reply.body) == (304, b"")
        assert reply.headers["Vary"] == "Accept"
        refused(send(api, "GET", "/", If_Match='"other"', **form), 412)


def test_the_entrance_names_the_path_that_it_is_served_under(api):
    for address in entry_points(raw(api, path="/", SCRIPT_NAME="/outer")):
        assert address.startswith("/outer/")


def test_the_entrance_names_services_under_their_prefix(tmp_path):
    prefix = "/genesys/1/cs"
    settings = Settings.from_environment(data=tmp_path, services_prefix=prefix)
    service = open_service(settings)
    try:
        found = TestApp(service.application).get("/").json
        assert found["service_start"] == f"{prefix}/services/start"
        schemas, attributes = found["extension_schemas"], found["business_attributes"]
        assert schemas == f"{prefix}/metadata/services/extensions"
        assert attributes == f"{prefix}/metadata/business-attributes"
        assert found["server_status"] == f"{prefix}/server/status"
        assert found["service_tasks"] == "/rest/v1/service/svctasks"
        assert found["docs"] == "/docs"
    finally:
        service.close()


@pytest.mark.parametrize(("outer", "told"), [("", "/"), ("/outer", "/outer")])
def test_the_document_names_the_path_that_it_is_served_under(tmp_path, outer, told):
    prefix = "/genesys/1/cs"
    settings = Settings.from_environment(data=tmp_path, services_prefix=prefix)
    service = open_service(settings)
    try:
        api = TestApp(service.application)
        found = raw(api, path="/openapi.json", SCRIPT_NAME=outer).json
        assert found["servers"] == [{"url": told}]
        status = found["paths"]["/server/status"]
        assert status["servers"] == [{"url": told}, {"url": f"{outer}{prefix}"}]
        assert "servers" not in found["paths"]["/health"]
    finally:
        service.close()


def loads(page):
    """Return the addresses that the page loads, as they are written there."""
    return re.findall('(?:src|href)="([^"]+)"', page.text)


@pytest.mark.parametrize("outer", ["", "/outer", "/outer/one"])
def test_the_page_loads_what_stands_beside_it_wherever_it_is_served(api, outer):
    page = api.get(PAGE)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    places = [urljoin(f"http://x{outer}{PAGE}", each) for each in loads(page)]
    assert len(places) == 5
    for place in places:
        assert api.get(place.removeprefix(f"http://x{outer}")).body


def test_the_page_lets_a_browser_load_nothing_from_elsewhere(api):
    page = api.get(PAGE)
    policy = page.headers["Content-Security-Policy"]
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert "http" not in policy and "*" not in policy
    assert not [each for each in loads(page) if "//" in each]


def test_the_page_with_a_slash_leads_to_the_one_without(api):
    """From there, the relative addresses in the page would lead astray."""
    reply = raw(api, path=f"{PAGE}/", SCRIPT_NAME="/outer")
    assert reply.status_int == 308
    place = urljoin(f"http://x/outer{PAGE}/", reply.headers["Location"])
    assert place == f"http://x/outer{PAGE}"


TYPES = {"js": "text/javascript", "css": "text/css", "png": "image/png"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_its_type(api, name):
    reply = api.get(f"{PAGE}/{name}")
    media_type, parameters = falcon.parse_header(reply.headers["Content-Type"])
    assert media_type == TYPES[name.rpartition(".")[2]]
    assert parameters == ({"charset": "utf-8"} if media_type != "image/png" else {})
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", FILES)
def test_a_file_answers_head(api, name):
    reply = api.head(f"{PAGE}/{name}")
    assert (reply.status_int, reply.body) == (200, b"")


@pytest.mark.parametrize("path", [PAGE, OPENAPI, *(f"{PAGE}/{name}" for name in FILES)])
def test_what_a_browser_has_is_not_sent_again(api, path):
    first = api.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    tag = first.headers["ETag"]
    again = send(api, "GET", path, If_None_Match=tag)
    assert (again.status_int, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert send(api, "GET", path, If_None_Match='"other"').body == first.body
    assert send(api, "GET", path, If_Match=tag).body == first.body
    assert send(api, "GET", path, If_Match='"other"').status_int == 412


def test_the_tags_of_different_files_differ(api):
    tags = {api.get(f"{PAGE}/{name}").headers["ETag"] for name in FILES}
    assert len(tags) == len(FILES)


@pytest.mark.parametrize(
    "name",
    ["x", "index.html", "swagger-ui.js", "LICENSE", "..", "%2e%2e", "../__init__.py"]
    + ["..%2f__init__.py", "swagger-ui.css/x", "PAGE.JS", "\x00", "__init__.py"],
)
def test_other_files_of_the_package_are_not_there(api, name):
    refused(raw(api, PATH_INFO=f"{PAGE}/{name}"), 404)


def test_the_code_of_the_package_is_not_run(api):
    assert api.get(f"{PAGE}/swagger-ui.css").body
    assert "flask_swagger_ui" not in sys.modules


def test_an_installation_without_the_files_says_so():
    application = falcon.App(media_type=JSON)
    problems.register(application, "", ())
    application.add_route("/{file}", Documentation("no_such_package"), suffix="file")
    refused(send(TestApp(application), "GET", "/swagger-ui.css"), 503)
    assert send(TestApp(application), "GET", "/page.js").status_int == 200
