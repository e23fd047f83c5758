"""The front door: what is where, and the pages for people."""

import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import urljoin

import falcon
import pytest
from calls import JSON, raw, refused, send
from shared import files_of_page
from webtest import TestApp

from app import __version__
from app.bootstrap import open_service
from app.settings import Settings

OPENAPI = "/openapi.json"

PAGES = ("/docs", "/console")

FILES = [f"{page}/{name}" for page in PAGES for name in files_of_page(page[1:])]


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
        "console": "/console",
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


def test_a_browser_is_led_to_the_console(api):
    led = send(api, "GET", "/", Accept=BROWSER)
    assert (led.status_int, led.headers["Location"]) == (307, "/console")
    assert led.headers["Vary"] == "Accept"
    assert send(api, "GET", led.headers["Location"]).status_int == 200


def test_a_browser_is_led_to_the_console_beside_the_entrance(api):
    led = raw(api, path="/", SCRIPT_NAME="/outer", HTTP_ACCEPT=BROWSER)
    assert led.headers["Location"] == "/outer/console"


@pytest.mark.parametrize(
    "accepted",
    ["*/*", "application/json", "application/json, text/html;q=0.9", "", "\xff"]
    + ["text/plain", "application/*", ";", "text/html;q=0, */*"],
)
def test_a_program_gets_json_at_the_entrance(api, accepted):
    reply = send(api, "GET", "/", Accept=accepted)
    assert (reply.status_int, reply.headers["Content-Type"]) == (200, JSON)
    assert reply.headers["Vary"] == "Accept"


def test_what_a_program_has_of_the_entrance_is_not_sent_again(api):
    tag = api.get("/").headers["ETag"]
    reply = send(api, "GET", "/", If_None_Match=tag)
    assert (reply.status_int, reply.body) == (304, b"")
    assert reply.headers["Vary"] == "Accept"
    refused(send(api, "GET", "/", If_Match='"other"'), 412)


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
    return re.findall('(?:src|href)="(?!data:)([^"]+)"', page.text)


@pytest.mark.parametrize("page", ["/docs", "/console"])
def test_the_icon_is_in_the_page_as_browsers_ask_for_icons_without_a_token(api, page):
    [icon] = re.findall('rel="icon"[^>]*href="([^"]*)"', api.get(page).text)
    assert icon.startswith("data:image/svg+xml,")


each_page = pytest.mark.parametrize("page", PAGES)


@each_page
@pytest.mark.parametrize("outer", ["", "/outer", "/outer/one"])
def test_a_page_loads_what_is_beside_it_wherever_it_is_served(api, page, outer):
    reply = api.get(page)
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    places = [urljoin(f"http://x{outer}{page}", each) for each in loads(reply)]
    assert len(places) >= 4
    for place in places:
        assert api.get(place.removeprefix(f"http://x{outer}")).body


def test_the_console_names_all_its_files_so_that_a_browser_gets_them_at_once(api):
    named = {each for each in loads(api.get("/console")) if each.startswith("console/")}
    assert named == {f"console/{name}" for name in files_of_page("console")}


def rules_of(reply):
    policy = reply.headers["Content-Security-Policy"]
    return dict(f"{rule} ".split(" ", 1) for rule in policy.split("; "))


@each_page
def test_a_page_lets_a_browser_load_nothing_from_elsewhere(api, page):
    reply = api.get(page)
    policy, rules = reply.headers["Content-Security-Policy"], rules_of(reply)
    assert rules["default-src"].strip() == "'none'"
    assert rules["connect-src"].strip() == rules["style-src"].strip() == "'self'"
    assert "http" not in policy and "*" not in policy and "unsafe" not in policy
    assert not [each for each in loads(reply) if "//" in each]


def test_the_console_runs_no_script_in_the_page_but_its_import_map(api):
    reply = api.get("/console")
    [found] = re.findall('<script type="importmap">(.*?)</script>', reply.text, re.S)
    digest = b64encode(sha256(found.encode()).digest()).decode()
    rules = rules_of(reply)
    assert rules["script-src"].split() == ["'self'", f"'sha256-{digest}'"]
    assert rules["require-trusted-types-for"].strip() == "'script'"
    assert rules_of(api.get("/docs"))["script-src"].strip() == "'self'"


@each_page
def test_a_page_with_a_slash_leads_to_the_one_without(api, page):
    """From there, the relative addresses in the page would lead astray."""
    reply = raw(api, path=f"{page}/", SCRIPT_NAME="/outer")
    assert reply.status_int == 308
    place = urljoin(f"http://x/outer{page}/", reply.headers["Location"])
    assert place == f"http://x/outer{page}"


TYPES = {
    "js": "text/javascript",
    "mjs": "text/javascript",
    "css": "text/css",
}


@pytest.mark.parametrize("path", FILES)
def test_a_file_has_its_type_and_answers_head(api, path):
    reply = api.get(path)
    media_type, parameters = falcon.parse_header(reply.headers["Content-Type"])
    assert media_type == TYPES[path.rpartition(".")[2]]
    assert parameters == ({"charset": "utf-8"} if "text" in media_type else {})
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert api.head(path).body == b""


@pytest.mark.parametrize("path", [OPENAPI, *PAGES, *FILES])
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
    tags = {api.get(path).headers["ETag"] for path in FILES}
    assert len(tags) == len(FILES)


@each_page
@pytest.mark.parametrize(
    "name",
    ["x", "index.html", "page.html", "swagger-ui.js", "LICENSE", "..", "%2e%2e"]
    + ["../__init__.py", "..%2f__init__.py", "swagger-ui.css/x", "PAGE.JS", "\x00"]
    + ["__init__.py", "vendor.json", "preact.LICENSE", "../vendor/preact.mjs"],
)
def test_other_files_are_not_there(api, page, name):
    refused(raw(api, PATH_INFO=f"{page}/{name}"), 404)


# Who sends a request


def test_without_a_token_a_sender_has_no_name_and_may_do_all(api):
    reply = api.get("/whoami")
    assert reply.json == {"name": "", "role": "admin"}
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("role", ["reader", "writer", "admin"])
def test_a_sender_is_shown_the_name_and_the_role_of_the_token(api, service, role):
    token = service.tokens.create("ci", role)
    refused(send(api, "GET", "/whoami"), 401)
    shown = send(api, "GET", "/whoami", Authorization=f"Bearer {token}").json
    assert shown == {"name": "ci", "role": role}
