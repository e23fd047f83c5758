"""The page that shows the OpenAPI document, seen in a real browser."""

import json
import re

import pytest
from chromium import needs_chromium
from playwright.sync_api import Error
from running import Server, svctasks
from shared import PATIENCE, T, until

pytestmark = needs_chromium

ID = "380daae6-016c-cdd4-606e-50e54938780c"

FURTHER = "x-oai-additionalOperations"
"""The member of the document with the operations that OpenAPI 3.1 has no place for."""


class Visit:
    """The page in a browser, all that it asked for and all that it complained of."""

    def __init__(self, page, address):
        self.page = page
        self.requests = []
        self.complaints = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)
        page.locator(".opblock").first.wait_for()

    def operation(self, verb, path):
        """Return the part of the page that shows an operation."""
        method = f'.opblock-summary-method:text-is("{verb}")'
        place = f'.opblock-summary-path[data-path="{path}"]'
        page = self.page
        return page.locator(f".opblock:has({method}):has({place})")

    def operations(self):
        """Return the verbs and addresses of all operations, in the order of the page."""
        shown = self.page.locator(".opblock-summary")
        return [
            (
                each.locator(".opblock-summary-method").inner_text(),
                each.locator(".opblock-summary-path").get_attribute("data-path"),
            )
            for each in shown.all()
        ]

    def opened(self, verb, path):
        """Return an operation, ready to be executed with what is preset."""
        block = self.operation(verb, path)
        block.locator(".opblock-summary").click()
        block.get_by_role("button", name="Try it out").click()
        return block

    def try_out(self, verb, path, body=None, **parameters):
        """Send a request from the page, and return the JSON value that it shows."""
        block = self.opened(verb, path)
        if body is not None:
            block.locator("textarea").fill(json.dumps(body))
        for name, text in parameters.items():
            block.locator(f'tr[data-param-name="{name}"] input').fill(text)
        block.get_by_role("button", name="Execute").click()
        shown = block.locator(".live-responses-table .response-col_description pre")
        text = shown.first.inner_text()
        block.locator(".opblock-summary").click()
        return json.loads(text)

    def try_preset(self, verb, path):
        """Send a request as it is preset, and return the reply.

        The buttons get events, which costs less than to move a mouse to them.
        """
        block = self.operation(verb, path)
        summary = block.locator(".opblock-summary-control")
        summary.dispatch_event("click")
        block.locator(".try-out__btn").dispatch_event("click")
        # A browser may also ask for the icon of the page again.
        with self.page.expect_response(
            lambda reply: reply.request.resource_type == "fetch"
        ) as sent:
            block.locator(".execute").dispatch_event("click")
        summary.dispatch_event("click")
        return sent.value

    def try_all_presets(self):
        """Send all requests as they are preset; return the replies by verb and address.

        No more than one section is shown at a time, so that the browser has less to do.
        """
        headings = self.page.locator(".opblock-tag").all()
        operation = self.page.locator(".opblock").first
        for heading in headings:
            heading.click()
        replies = {}
        for heading in headings:
            operation.wait_for(state="detached")
            heading.click()
            operation.wait_for()
            for verb, path in self.operations():
                replies[verb, path] = self.try_preset(verb, path)
            heading.click()
        return replies


def without_descriptions(route):
    """Answer with the document, without its prose and most of what it says of replies.

    What is sent does not depend on it, and a browser takes long to show it.
    """
    reply = route.fetch()
    api = json.loads(reply.text(), object_hook=without_prose)
    for item in api["paths"].values():
        for operation in [*item.values(), *item.get(FURTHER, {}).values()]:
            if "responses" in operation:
                operation["responses"] = {
                    status: {"description": "", "content": dict.fromkeys(types, {})}
                    for status, described in operation["responses"].items()
                    if (types := described.get("content", {})) and status < "3"
                }
    route.fulfill(response=reply, json=api)


FEW = (T, "/health", "/server/status")


def of_few(route, **otherwise):
    """Answer with the document of a few addresses, as a browser takes long to show all."""
    reply = route.fetch(**otherwise)
    api = reply.json()
    api["paths"] = {path: api["paths"][path] for path in FEW}
    route.fulfill(response=reply, json=api)


def without_prose(value):
    """Return an object of the document without what describes it in words."""
    text = value.get("description")
    return {**value, "description": ""} if isinstance(text, str) else value


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server for the tests that need none of their own."""
    server = Server(tmp_path_factory.mktemp("docs") / "data")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def root(served):
    return f"http://127.0.0.1:{served.port}"


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    page.close()


@pytest.fixture(scope="module")
def visit(browser, root):
    """The visit of the tests that need none of their own: it takes long to begin one.

    Each test leaves the operations closed.
    """
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield Visit(page, f"{root}/docs")
    page.close()


def test_every_operation_of_the_document_is_shown(visit, served):
    described = set()
    for path, item in served.request("GET", "/openapi.json").json["paths"].items():
        further = item.pop(FURTHER, {})
        described |= {(verb, path) for verb in further}
        described |= {(verb.upper(), path) for verb in item if verb != "servers"}
    shown = visit.operations()
    assert set(shown) == described and len(shown) == len(described)
    assert {("LOOKUP", T), ("QUERY", T)} < described


def test_both_apis_have_their_title(visit):
    titles = visit.page.locator(".opblock-tag").all_inner_texts()
    firsts = [title.strip().split("\n")[0] for title in titles]
    assert {"service tasks", "services"} <= set(firsts)


def test_nothing_is_asked_of_others_and_nothing_goes_wrong(visit, root):
    lookup = visit.operation("LOOKUP", T)
    lookup.locator(".opblock-summary").click()
    lookup.locator(".opblock-body").wait_for()
    lookup.locator(".opblock-summary").click()
    assert len(visit.requests) >= 5
    assert not [each for each in visit.requests if not each.startswith(f"{root}/")]
    assert visit.complaints == []


def test_requests_are_sent_from_the_page(visit):
    created = visit.try_out("POST", T, {"id": ID, "name": "Nightly report"})
    assert created["id"] == ID
    assert visit.try_out("LOOKUP", T, ID) == [ID]
    query = {"filter": {"name": "Nightly report"}, "mask": ["id"]}
    assert visit.try_out("QUERY", T, query) == [{"id": ID}]
    health = visit.try_out("GET", "/health")
    assert health["tables"]["svctasks"]["documents"] > 0


def test_filter_and_order_can_be_typed(visit, served):
    for name, seconds in (("a", 1), ("b", 2), ("c", 0)):
        served.request("POST", T, {"name": name, "intervalsec": seconds})
    found = visit.try_out(
        "GET", T, filter='{"intervalsec": {"$gte": 1}}', order='[{"name": "desc"}]'
    )
    assert [each["name"] for each in found] == ["b", "a"]


RUN, RUNTIMES = "/rest/v1/service/svcruns/{run}", "/rest/v1/service/svcscript_runtimes"

WITHOUT_A_RUNNER = {
    ("POST", f"{T}/{{id}}/run"): 404,
    ("GET", f"{T}/{{id}}/runs"): 404,
    ("GET", RUN): 404,
    ("GET", f"{RUN}/output"): 404,
    ("POST", f"{RUN}/stop"): 404,
    ("POST", RUNTIMES): 503,
    ("DELETE", f"{RUNTIMES}/{{run}}"): 404,
}
"""The examples that need a runner, a run, or the task that was removed above them."""


def test_every_example_succeeds_from_top_to_bottom(page):
    page.route("**/openapi.json", without_descriptions)
    server = Server()
    try:
        visit = Visit(page, f"http://127.0.0.1:{server.port}/docs")
        replies = visit.try_all_presets()
        refused = {
            operation: reply.status
            for operation, reply in replies.items()
            if not reply.ok
        }
        assert refused == WITHOUT_A_RUNNER
        assert len(replies) > 60
        # Nothing but what is seen goes out, and the life cycle of a service is seen.
        tasks = replies["GET", T].json()
        assert len(tasks) == 2 and "periods" not in tasks[0]
        service = replies["GET", "/services/{service_id}"].json()
        assert {"active_states", "completed_tasks", "ClientInfo"} < set(service)
    finally:
        server.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_color_scheme(visit, scheme):
    text = visit.page.locator(".opblock-tag").first

    def is_light():
        color = text.evaluate("element => getComputedStyle(element).color")
        return sum(map(int, re.findall("[0-9]+", color)[:3])) > 3 * 128

    visit.page.emulate_media(color_scheme=scheme)
    until(lambda: is_light() == (scheme == "dark"))


def test_the_page_works_behind_a_proxy_that_has_it_in_a_folder(page, root):
    def pass_on(route):
        address = route.request.url.replace("/outer/", "/")
        if address.endswith("/openapi.json"):
            of_few(route, url=address)
        else:
            route.fulfill(response=route.fetch(url=address))

    page.route("**/outer/**", pass_on)
    visit = Visit(page, f"{root}/outer/docs")
    assert visit.try_out("GET", "/health")["status"] == "ok"
    assert [each for each in visit.requests if "/outer/" not in each] == []


@pytest.mark.parametrize("prefix", ["", "/genesys/1/cs"])
def test_the_page_works_where_the_server_knows_the_folder(page, data, prefix):
    server = Server(data, SCRIPT_NAME="/outer", SVCTASKS_SERVICES_PREFIX=prefix)
    page.route("**/outer/openapi.json", of_few)
    try:
        visit = Visit(page, f"http://127.0.0.1:{server.port}/outer/docs")
        assert visit.try_out("GET", "/health")["status"] == "ok"
        assert visit.try_out("GET", "/server/status")["mode"] == "production"
        assert [each for each in visit.requests if "/outer/" not in each] == []
    finally:
        server.kill()


def token_of(server, role):
    """Create a token of that name and role, and return it."""
    created = svctasks("token", "create", role, "--role", role, data=server.data)
    assert created.returncode == 0, created.stderr
    return created.stdout.strip()


@pytest.fixture
def as_reader(browser, server):
    """A visit of a browser in which somebody typed the name and the token of a reader."""
    token = token_of(server, "reader")
    credentials = {"username": "reader", "password": token}
    context = browser.new_context(http_credentials=credentials)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield Visit(page, f"http://127.0.0.1:{server.port}/docs")
    context.close()


def test_a_browser_asks_for_name_and_token_and_sends_them_with_all_requests(as_reader):
    assert as_reader.try_out("GET", T) == []
    assert as_reader.try_out("LOOKUP", T, ID)["error_code"] == 1404
    refused = as_reader.try_out("POST", T, {"name": "n"})
    assert refused["error_message"].startswith('this needs the role "writer"')


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
def test_a_token_can_be_entered_on_the_page(as_reader, server, scheme):
    token, page = token_of(server, "writer"), as_reader.page
    page.locator(".auth-wrapper .authorize").click()
    form = page.locator(f".auth-container:has(#{LOG_IN[scheme]})")
    if scheme == "basic":
        form.locator("#auth-basic-username").fill("writer")
    form.locator(f"#{LOG_IN[scheme]}").fill(token)
    form.locator("button.authorize").click()
    page.locator(".dialog-ux .btn-done").first.click()
    created = as_reader.try_out("POST", T, {"id": ID, "name": "n"})
    assert created["id"] == ID
    assert as_reader.try_out("LOOKUP", T, ID) == [ID]


LOG_IN = {"bearer": "auth-bearer-value", "basic": "auth-basic-password"}
"""The fields of the page for a token."""


def test_a_browser_asks_at_the_page_and_shows_the_refusal_elsewhere(page, server):
    """Nobody is there to answer what this browser asks."""
    root = f"http://127.0.0.1:{server.port}"
    token_of(server, "reader")
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        page.goto(f"{root}/docs")
    # The page may be on its way to the browser's page for errors still.
    page.wait_for_url("chrome-error://**")
    assert page.goto(f"{root}{T}").status == 401


def test_the_page_says_what_keeps_the_document_away(page, root):
    page.route("**/openapi.json", lambda route: route.fulfill(status=503))
    page.goto(f"{root}/docs")
    page.get_by_text(f"{root}/openapi.json was answered with 503").wait_for()
