"""Pages of others in a real browser, on the machine of a service without tokens.

The names that end in ``.example`` lead to 127.0.0.1 in this browser. The pages come from a
server of that address too, so that the browser itself keeps none of them from the service.
"""

import json
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from chromium import launched, needs_chromium
from running import Server
from shared import PATIENCE, T, until

pytestmark = needs_chromium

SERVERS = ["gunicorn", "granian"]

UNWANTED = {"name": "unwanted"}


class _Site(BaseHTTPRequestHandler):
    def do_GET(self):
        content = b"<!doctype html><title>a page</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    """The port at which every address has an empty page, under every host name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with launched("--host-resolver-rules=MAP *.example 127.0.0.1") as browser:
        yield browser


@pytest.fixture(scope="module", params=SERVERS)
def target(request, site, tmp_path_factory):
    """A service without tokens, which pages of friend.example may use."""
    folder = tmp_path_factory.mktemp("attacked") / "data"
    friend = f"http://friend.example:{site}"
    server = Server(folder, "--server", request.param, "--cors-origin", friend)
    assert server.request("POST", T, {"name": "secret"}).status == 200
    yield server
    logged = server.logged()
    server.kill()
    assert '"level":"ERROR"' not in logged


@pytest.fixture
def visit(browser):
    """The function from an address to its page in a browser without any history."""
    with closing(browser.new_context()) as context:
        context.set_default_timeout(PATIENCE * 1000)

        def visit(address):
            page = context.new_page()
            page.goto(address)
            return page

        yield visit


@pytest.fixture(params=["evil.example", "localhost"])
def evil(request, visit, site):
    """A page of another site, and one of another port of the same host."""
    return visit(f"http://{request.param}:{site}/")


def root(target):
    return f"http://localhost:{target.port}"


@pytest.fixture
def unchanged(target):
    """Check that the test has changed nothing in the service."""
    before = state(target)
    yield
    assert state(target) == before


def state(target):
    addresses = [T, "/metadata/services/extensions", "/services/anonymous/c"]
    mode = target.request("GET", "/server/status").json["mode"]
    return mode, [target.request("GET", address).json for address in addresses]


FORM = """async ([address, fields, encoding, frame]) => {
    const form = document.createElement("form");
    Object.assign(form, {action: address, method: "post", enctype: encoding});
    for (const [name, value] of Object.entries(fields)) {
        const field = document.createElement("input");
        Object.assign(field, {name, value});
        form.append(field);
    }
    if (frame) {
        const inner = document.createElement("iframe");
        Object.assign(inner, {sandbox: "allow-forms allow-scripts"});
        inner.srcdoc = form.outerHTML.replace("<form", "<form id=f") +
            "<script>document.getElementById('f').submit()<" + "/script>";
        document.body.append(inner);
    } else {
        document.body.append(form);
        form.submit();
    }
}"""

FORMS = {
    "application/x-www-form-urlencoded": {"data": json.dumps(UNWANTED)},
    # The browser writes NAME=VALUE, which this makes JSON.
    "text/plain": {'{"name": "unwanted", "opts": {"title": "': '"}}'},
    "multipart/form-data": {"data": json.dumps(UNWANTED)},
}

PLACES = {
    T: UNWANTED,
    "/server/mode": {"mode": "maintenance"},
    "/services/start": {"service_type": 1, "contact_key": "c"},
}


@pytest.mark.parametrize("encoding", FORMS)
def test_a_form_writes_nothing(target, evil, unchanged, encoding):
    fields = FORMS[encoding]
    for place, written in PLACES.items():
        if "data" in fields:
            fields = {"data": json.dumps(written)}
        with evil.expect_navigation() as navigated:
            evil.evaluate(FORM, [root(target) + place, fields, encoding, False])
        assert navigated.value.status == 403
        assert "may not write here" in navigated.value.text()
        evil.go_back()


def test_a_form_in_a_sandbox_writes_nothing(target, evil, unchanged):
    kind = "application/x-www-form-urlencoded"
    before = target.logged().count('"status":403')
    evil.evaluate(FORM, [root(target) + T, FORMS[kind], kind, True])
    # Playwright does not see every request of such a frame.
    until(lambda: target.logged().count('"status":403') == before + 1)


NO_CORS = """async ([address, type, body]) => {
    const headers = {"Content-Type": type};
    const reply = await fetch(address, {method: "POST", mode: "no-cors", headers, body});
    return [reply.type, reply.status, await reply.text()];
}"""


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_fetch_with_no_cors_writes_and_reads_nothing(target, evil, unchanged, kind):
    body = json.dumps(UNWANTED)
    if "form" in kind:
        body = f"data={body}"
    with evil.expect_response(f"**{T}") as sent:
        seen = evil.evaluate(NO_CORS, [root(target) + T, kind, body])
    assert sent.value.status == 403
    assert seen == ["opaque", 0, ""]


def test_a_beacon_writes_nothing(target, evil, unchanged):
    script = "([address, body]) => navigator.sendBeacon(address, body)"
    with evil.expect_response(f"**{T}") as sent:
        assert evil.evaluate(script, [root(target) + T, json.dumps(UNWANTED)])
    assert sent.value.status == 403


FETCH = """async ([address, method, body]) => {
    const headers = {"Content-Type": "application/json"};
    const options = body === null ? {method} : {method, headers, body};
    try {
        const reply = await fetch(address, options);
        return [reply.status, await reply.text()];
    } catch (error) {
        return error.name;
    }
}"""


def test_fetch_reads_and_writes_nothing(target, evil, unchanged):
    body = json.dumps(UNWANTED)
    one = f"{T}/{target.request('GET', T).json[0]['id']}"
    for method, place, sent in [
        ("GET", T, None),
        ("LOOKUP", T, '"x"'),
        ("QUERY", T, "{}"),
        ("POST", T, body),
        ("PATCH", one, body),
        ("DELETE", one, None),
        ("PUT", "/services/1/extensions/a", "{}"),
    ]:
        seen = evil.evaluate(FETCH, [root(target) + place, method, sent])
        assert seen == "TypeError", method


def test_an_override_of_the_method_is_not_sent_without_permission(target, evil):
    script = """async ([address]) => {
        const headers = {"X-HTTP-Method-Override": "QUERY"};
        const attempts = ["cors", "no-cors"].map(
            (mode) => fetch(address, {method: "POST", mode, headers, body: "{}"})
                .then((reply) => reply.text(), (error) => error.name));
        return Promise.all(attempts);
    }"""
    assert evil.evaluate(script, [root(target) + T]) == ["TypeError", ""]


ELEMENT = """([name, member, address]) => new Promise((resolve) => {
    const element = document.createElement(name);
    element.onload = () => resolve(["load", element.naturalWidth ?? null]);
    element.onerror = () => resolve(["error", null]);
    if (name === "link") element.rel = "stylesheet";
    element[member] = address;
    document.body.append(element);
})"""


def test_an_element_shows_nothing_of_a_reply(target, evil):
    """Not even whether there is something at an address."""
    for name, member in (("img", "src"), ("script", "src"), ("link", "href")):
        for place in (T, "/health", "/nowhere", "/services/1"):
            shown = evil.evaluate(ELEMENT, [name, member, root(target) + place])
            assert shown == ["error", None]


def test_a_page_of_the_service_is_not_shown_in_another(target, evil):
    script = """([address]) => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.onload = () => resolve();
        frame.src = address;
        document.body.append(frame);
    })"""
    evil.evaluate(script, [f"{root(target)}/docs"])
    error = "chrome-error://chromewebdata/"
    # Playwright hears of the frame when something is asked of it.
    until(lambda: evil.evaluate("1") and evil.frames[-1].url == error)


SOCKET = """([address]) => new Promise((resolve) => {
    const socket = new WebSocket(address);
    socket.onopen = () => resolve("open");
    socket.onmessage = () => resolve("message");
    socket.onerror = () => resolve("error");
})"""

EVENTS = """([address]) => new Promise((resolve) => {
    const source = new EventSource(address);
    const end = (what) => { source.close(); resolve(what); };
    source.onopen = () => end("open");
    source.onmessage = () => end("message");
    source.onerror = () => end("error");
})"""


def test_a_web_socket_is_not_opened(target, evil, unchanged):
    for place in (T, "/", "/nowhere", "/server/mode"):
        address = root(target).replace("http", "ws") + place
        assert evil.evaluate(SOCKET, [address]) == "error"


def test_a_stream_of_events_is_not_opened(target, evil):
    assert evil.evaluate(EVENTS, [root(target) + T]) == "error"


REBOUND = """async ([address, body]) => {
    const send = async (method, body) => {
        const headers = {"Content-Type": "application/json"};
        const reply = await fetch(address, body ? {method, headers, body} : {method});
        return [reply.status, await reply.text()];
    };
    const replies = [];
    for (const [method, sent] of [["GET"], ["QUERY", "{}"], ["LOOKUP", '"x"'],
            ["POST", body], ["DELETE"], ["PATCH", body], ["PUT", body], ["OPTIONS"]]) {
        replies.push(await send(method, sent));
    }
    return replies;
}"""


def test_a_name_that_is_rebound_reads_and_writes_nothing(target, visit, unchanged):
    """The browser takes the service for the server of the page: all is one origin."""
    rebound = f"http://rebound.example:{target.port}"
    page = visit(f"{rebound}/")
    for place in (T, "/services/1", "/server/status", "/health"):
        replies = page.evaluate(REBOUND, [rebound + place, json.dumps(UNWANTED)])
        assert [status for status, _ in replies] == [421] * 8
        assert all("--host rebound.example" in text for _, text in replies)
        assert "secret" not in str(replies)
    address = rebound.replace("http", "ws") + T
    assert page.evaluate(SOCKET, [address]) == "error"


CALL = """async ([address, method, body, headers]) => {
    const type = {"Content-Type": "application/json"};
    const reply = await fetch(address, {method, body, headers: {...type, ...headers}});
    const names = ["ETag", "X-Total-Count", "Link", "Location", "X-Request-Id"];
    const shown = Object.fromEntries(names.map((name) => [name, reply.headers.get(name)]));
    const text = await reply.text();
    return {status: reply.status, json: text ? JSON.parse(text) : null, ...shown};
}"""


def test_a_page_of_a_permitted_origin_reads_and_writes(target, visit, site):
    page = visit(f"http://friend.example:{site}/")

    def call(method, place, body=None, **headers):
        sent = None if body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return page.evaluate(CALL, [root(target) + place, method, sent, named])

    created = call("POST", T, {"name": "of a friend"})
    assert created["status"] == 200 and created["ETag"] and created["X-Request-Id"]
    key = created["json"]["id"]
    listed = call("GET", f"{T}?limit=1")
    assert listed["X-Total-Count"] == "2" and 'rel="next"' in listed["Link"]
    assert call("LOOKUP", T, key)["json"] == [key]
    found = call("QUERY", T, {"filter": {"name": "of a friend"}, "mask": "id"})
    assert found["json"] == [{"id": key}]
    change = {"name": "changed"}
    assert call("PATCH", f"{T}/{key}", change, If_Match='"x"')["status"] == 412
    changed = call("PATCH", f"{T}/{key}", change, If_Match=created["ETag"])
    assert changed["json"]["name"] == "changed"
    assert call("DELETE", f"{T}/{key}")["status"] == 204
    assert call("POST", T, {"nme": 1})["json"]["error_code"] == 1400
    schema = {"name": "seen", "type": "multi-valued", "attributes": []}
    schema["attributes"].append({"name": "a", "type": "string", "unique": True})
    made = call("POST", "/metadata/services/extensions", schema)
    assert made["status"] == 201
    assert made["Location"].endswith("/metadata/services/extensions/seen")
    start = {"service_type": 1, "contact_key": "friend"}
    number = call("POST", "/services/start", start)["json"]["service_id"]
    extension = f"/services/{number}/extensions/seen"
    assert call("PUT", extension, [{"a": "1"}])["status"] == 204
    deleted = call("DELETE", "/metadata/services/extensions/seen")
    assert deleted["status"] == 204


def test_a_page_of_the_service_itself_writes(target, visit):
    page = visit(f"{root(target)}/docs")
    status, text = page.evaluate(FETCH, [T, "POST", json.dumps({"name": "own"})])
    assert status == 200
    place = f"{T}/{json.loads(text)['id']}"
    assert page.evaluate(FETCH, [place, "DELETE", None]) == [204, ""]
