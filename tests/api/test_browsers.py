"""What browsers may do: the hosts that are answered for, origins that write, CORS."""

import json
from base64 import b64encode
from contextlib import closing, contextmanager
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from calls import FORM, ID, JSON, create, raw, refused, send, untouched
from shared import T
from webtest import TestApp, TestRequest

from app.api.routes import ROUTES
from app.bootstrap import open_service
from app.errors import Invalid
from app.settings import Settings
from app.storage.memory import MemoryStore
from app.tables import collections
from app.tokens import Tokens

OWN = "http://localhost:8000"
FRIEND = "https://friend.example"
EVIL = "https://evil.example"

WRITING = ("POST", "PUT", "PATCH", "DELETE")
READING = ("GET", "HEAD", "OPTIONS", "LOOKUP", "QUERY")


@contextmanager
def served(folder, **given):
    """Yield the API of a service with the settings ``given``."""
    service = open_service(Settings.from_environment(data=folder, **given))
    try:
        yield TestApp(service.application)
    finally:
        service.close()


@pytest.fixture
def friendly(tmp_path):
    """The API of a service that pages of FRIEND may use."""
    with served(
        tmp_path / "data", cors_origins=f"{FRIEND},chrome-extension://a"
    ) as api:
        yield api


# Hosts


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LocalHost:1", "localhost.", "localhost.:80"]
    + [
        "localhost:",
        "127.0.0.1",
        "127.0.0.1:8000",
        "127.0.0.1.",
        "127.255.1.2",
        "[::1]",
    ]
    + ["[::1]:8000", "[0:0:0:0:0:0:0:1]", "[::FFFF:127.0.0.1]:80"],
)
def test_loopback_is_answered_for(api, host):
    assert raw(api, HTTP_HOST=host).status_int == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "evillocalhost"]
    + ["127.0.0.1.evil.example", "10.0.0.1", "[2001:db8::1]:80"]
    + ["localhost@evil.example", "evil.example@localhost", "localhost/", "localhost:x"]
    + ["localhost:1:2", "localhost..", ".localhost", "::1", "[::1", "[::1]x", "[]"]
    + ["", " ", "*", "a b", "localhost,evil.example", "localhost\x00", "\xff", "127.1"]
    + ["2130706433", "x" * 5000, "a." * 4000],
)
def test_another_host_is_refused(api, host):
    create(api, {"id": ID, "name": "n"})
    with untouched(api):
        for method in ("GET", "POST", "DELETE", "LOOKUP", "OPTIONS", "BREW"):
            for path in (T, f"{T}/{ID}", "/health", "/nowhere"):
                reply = raw(
                    api, path=path, body=b"{}", HTTP_HOST=host, REQUEST_METHOD=method
                )
                error = refused(reply, 421)
                assert len(error["error_message"]) < 250
                assert "X-Request-Id" in reply.headers


def test_another_host_is_refused_at_every_address(api):
    for route in ROUTES:
        for method in route.allowed:
            reply = raw(
                api, path=route.template, HTTP_HOST="a.example", REQUEST_METHOD=method
            )
            assert reply.status_int == 421, route


def test_a_refused_host_is_named_with_what_to_type(api):
    error = refused(raw(api, HTTP_HOST="Svc.Example.:8000"), 421)
    assert error["error_message"] == (
        'this server does not answer for the host "Svc.Example.:8000"; if it should, '
        "start it with --host svc.example"
    )
    error = refused(raw(api, HTTP_HOST="a/b"), 421)
    assert error["error_message"] == 'the header Host is "a/b", which is no host'


def test_a_refused_host_has_the_form_of_the_address(api):
    error = raw(api, path="/services/1", HTTP_HOST="evil.example").json
    assert (error["http_code"], error["code"]) == (421, "BAD_REQUEST")
    assert "--host evil.example" in error["description"]


def test_a_request_of_an_old_program_needs_no_host(api):
    request = TestRequest.blank(T)
    del request.environ["HTTP_HOST"]
    reply = TestApp(api.app, lint=False).do_request(request)
    assert reply.status_int == 200


NAMED = "svctasks.example, 192.0.2.7, 2001:db8::1,[2001:DB8::2], Upper.Example"


@pytest.mark.parametrize(
    "host",
    ["svctasks.example", "SVCTASKS.example.:443", "192.0.2.7:80", "[2001:db8::1]"]
    + ["[2001:db8:0::2]:80", "upper.example", "localhost", "127.0.0.1"],
)
def test_named_hosts_are_answered_for(tmp_path, host):
    with served(tmp_path, hosts=NAMED) as api:
        assert raw(api, HTTP_HOST=host).status_int == 200
        refused(raw(api, HTTP_HOST="evil.example"), 421)
        refused(raw(api, HTTP_HOST="x.svctasks.example"), 421)


@pytest.mark.parametrize("host", ["evil.example", "192.0.2.1:80", "[::2]"])
def test_any_host_is_answered_for_if_so_set(tmp_path, host):
    with served(tmp_path, hosts="a.example,*") as api:
        assert raw(api, HTTP_HOST=host).status_int == 200


@pytest.mark.parametrize(
    "bind, answered, other",
    [
        ("192.0.2.1:80", "192.0.2.1", "192.0.2.2"),
        ("[2001:db8::1]:80", "[2001:db8:0::1]:80", "[2001:db8::2]"),
        ("box.example", "box.example:9", "example"),
        # Which addresses the machine has is not known, and a page has none of them.
        ("0.0.0.0", "192.0.2.2:8000", "evil.example"),
        ("[::]:80", "[2001:db8::1]", "evil.example"),
    ],
)
def test_the_bound_address_is_answered_for(tmp_path, bind, answered, other):
    with served(tmp_path, bind=bind) as api:
        for host in (answered, "localhost:1"):
            assert raw(api, path="/health", HTTP_HOST=host).status_int == 200
        refused(raw(api, path="/health", HTTP_HOST=other), 421)


@pytest.mark.parametrize(
    "name",
    ["a.example:80", "https://a.example", "a b", "a/", "*.example", "münchen", "[::1"],
)
def test_a_host_to_answer_for_is_a_name_or_an_address(name):
    with pytest.raises(Invalid, match="SVCTASKS_HOSTS must be names or addresses"):
        replace(Settings.from_environment(), hosts=name)


# Writes of pages


def headers_of(origin, site):
    """Return the WSGI variables of a request by a page."""
    named = {"HTTP_ORIGIN": origin, "HTTP_SEC_FETCH_SITE": site}
    return {name: value for name, value in named.items() if value is not None}


FOREIGN = [
    (EVIL, None),
    (EVIL, "cross-site"),
    (EVIL, "same-origin"),
    ("null", None),
    ("null", "cross-site"),
    ("", None),
    (None, "cross-site"),
    (None, "same-site"),
    (None, "Cross-Site"),
    (None, ""),
    (OWN, "cross-site"),
    (OWN, "same-site"),
    # Another port, scheme or spelling of the host is another origin.
    ("http://localhost:3000", "same-site"),
    ("http://localhost", None),
    ("https://localhost:8000", None),
    ("http://127.0.0.1:8000", None),
    (f"{OWN}/", None),
    (f"{OWN}, {EVIL}", None),
    (f"{OWN}.evil.example", None),
    ("x" * 5000, None),
    ("\xff", None),
]


@pytest.mark.parametrize("origin, site", FOREIGN)
def test_a_page_of_another_origin_writes_nothing(api, origin, site):
    sent = {"HTTP_HOST": "localhost:8000", **headers_of(origin, site)}
    create(api, {"id": ID, "name": "n"})
    bodies = {
        JSON: b'{"name": "unwanted"}',
        FORM: urlencode({"data": '{"name": "unwanted"}'}).encode(),
        "text/plain": b'{"name": "unwanted"}',
    }
    with untouched(api):
        for method, path in (
            ("POST", T),
            ("PATCH", f"{T}/{ID}"),
            ("DELETE", f"{T}/{ID}"),
        ):
            for kind, body in bodies.items():
                reply = raw(api, method, path, body, CONTENT_TYPE=kind, **sent)
                error = refused(reply, 403)
                assert len(error["error_message"]) < 300
    for path in ("/services/start", "/server/mode", "/metadata/tasks/extensions"):
        error = raw(api, "POST", path, b'{"mode": "maintenance"}', **sent).json
        assert (error["http_code"], error["code"]) == (403, "FORBIDDEN")
    assert api.get("/server/status").json["mode"] == "production"


@pytest.mark.parametrize(
    "origin, site",
    [(None, None), (OWN, None), (OWN, "same-origin"), (None, "same-origin")]
    + [(OWN, "none"), (None, "none")],
)
def test_programs_and_pages_of_its_own_write(api, origin, site):
    sent = {"HTTP_HOST": "localhost:8000", **headers_of(origin, site)}
    assert raw(api, "POST", T, b'{"name": "n"}', **sent).status_int == 200


@pytest.mark.parametrize(
    "scheme, host, origin",
    [
        ("http", "localhost:80", "http://localhost"),
        ("https", "localhost:443", "https://localhost"),
        ("https", "localhost:80", "https://localhost:80"),
        ("https", "[::1]:8443", "https://[::1]:8443"),
        ("http", "LocalHost", "http://localhost"),
    ],
)
def test_the_origin_of_its_own_is_that_which_browsers_make(api, scheme, host, origin):
    sent = {"wsgi.url_scheme": scheme, "HTTP_HOST": host, "HTTP_ORIGIN": origin}
    assert raw(api, "POST", T, b'{"name": "n"}', **sent).status_int == 200


@pytest.mark.parametrize(
    "origin, said, status",
    [
        ("https://svctasks.example", {"HOST": "svctasks.example"}, 401),
        ("https://svctasks.example", {"HOST": "svctasks.example:443"}, 401),
        ("http://svctasks.example", {"HOST": "svctasks.example"}, 403),
        (EVIL, {"HOST": "svctasks.example"}, 403),
        (EVIL, {"HOST": "evil.example"}, 421),
        ("https://svctasks.example", {}, 403),
    ],
)
def test_behind_a_proxy_the_host_that_was_asked_for_counts(
    tmp_path, origin, said, status
):
    """One that is let in needs a token then."""
    with served(tmp_path, behind_proxy=True, hosts="svctasks.example") as api:
        named = {f"HTTP_X_FORWARDED_{name}": value for name, value in said.items()}
        given = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}
        sent = {**given, **named, "HTTP_ORIGIN": origin}
        refused(raw(api, "POST", T, b'{"name": "n"}', **sent), status)


def test_a_page_without_a_host_is_not_its_own(api):
    request = TestRequest.blank(T, method="POST", body=b'{"name": "n"}')
    request.environ |= {"HTTP_ORIGIN": "", "CONTENT_TYPE": JSON}
    del request.environ["HTTP_HOST"]
    reply = TestApp(api.app, lint=False).do_request(request, expect_errors=True)
    refused(reply, 403)


def test_a_refused_page_is_named_with_what_to_type(api):
    sent = {"HTTP_HOST": "localhost:8000", "HTTP_ORIGIN": EVIL}
    assert refused(raw(api, "POST", T, b"{}", **sent), 403)["error_message"] == (
        f'a page of "{EVIL}" may not write here, at "{OWN}"; if it should, start the '
        f"server with --cors-origin {EVIL}"
    )
    sent = {"HTTP_SEC_FETCH_SITE": "cross-site"}
    assert refused(raw(api, "POST", T, b"{}", **sent), 403)["error_message"] == (
        "a page of another site may not write here (Sec-Fetch-Site: cross-site)"
    )


@pytest.mark.parametrize("method", ["LOOKUP", "QUERY"])
@pytest.mark.parametrize("is_override", [False, True])
def test_a_read_is_none_of_a_page_that_writes(api, method, is_override):
    """The override counts: no page can send it without permission."""
    create(api, {"id": ID, "name": "n"})
    body = json.dumps(ID if method == "LOOKUP" else {"mask": "id"}).encode()
    sent = {"HTTP_ORIGIN": EVIL, "HTTP_SEC_FETCH_SITE": "cross-site"}
    if is_override:
        sent["HTTP_X_HTTP_METHOD_OVERRIDE"], method = method, "POST"
    reply = raw(api, method, T, body, **sent)
    assert reply.status_int == 200
    assert not [name for name in reply.headers if name.startswith("Access-Control")]


def test_a_page_of_another_origin_is_given_no_permission(api):
    for method in READING:
        reply = send(api, method, f"{T}?limit=1", Origin=EVIL)
        assert not [name for name in reply.headers if name.startswith("Access-Control")]
        assert "Vary" not in reply.headers
    reply = preflight(api, EVIL, "LOOKUP")
    assert not [name for name in reply.headers if name.startswith("Access-Control")]


# Pages of permitted origins


def preflight(api, origin, method, path=T):
    """Send the request by which a browser asks whether a page may send ``method``."""
    asked = {
        "Access_Control_Request_Method": method,
        "Access_Control_Request_Headers": "content-type,if-match",
    }
    return send(api, "OPTIONS", path, Origin=origin, **asked)


PREFLIGHTS = [
    ("LOOKUP", T),
    ("QUERY", T),
    ("POST", T),
    ("PATCH", f"{T}/{ID}"),
    ("DELETE", f"{T}/{ID}"),
    ("PUT", "/services/1/extensions/a"),
]


@pytest.mark.parametrize("method, path", PREFLIGHTS)
def test_a_permitted_page_may_send_every_method(friendly, method, path):
    reply = preflight(friendly, FRIEND, method, path)
    assert (reply.status_int, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == FRIEND
    assert method in reply.headers["Access-Control-Allow-Methods"].split(", ")
    assert reply.headers["Access-Control-Allow-Headers"] == "content-type,if-match"
    assert "Access-Control-Allow-Credentials" not in reply.headers
    assert "Origin" in reply.headers["Vary"]


@pytest.mark.parametrize("method", ["GET", "LOOKUP", "QUERY", "POST"])
def test_a_permitted_page_may_read_the_headers(friendly, method):
    body = {"LOOKUP": ID, "QUERY": {}, "POST": {"name": "n", "id": ID}}.get(method)
    reply = send(friendly, method, T, body, Origin=FRIEND, Sec_Fetch_Site="cross-site")
    assert reply.status_int == (404 if method == "LOOKUP" else 200)
    assert reply.headers["Access-Control-Allow-Origin"] == FRIEND
    exposed = reply.headers["Access-Control-Expose-Headers"].split(", ")
    assert exposed == [
        "ETag",
        "X-Total-Count",
        "X-Total-Count-Is",
        "Link",
        "Location",
        "X-Request-Id",
    ]
    assert "Access-Control-Allow-Credentials" not in reply.headers


def test_a_permitted_page_may_read_its_errors(friendly):
    for method, path, status in (("POST", T, 400), ("GET", "/nowhere", 404)):
        reply = send(friendly, method, path, {}, Origin=FRIEND)
        refused(reply, status)
        assert reply.headers["Access-Control-Allow-Origin"] == FRIEND


@pytest.mark.parametrize("origin", [EVIL, "null", "http://friend.example", None])
def test_other_origins_are_not_permitted_with_it(friendly, origin):
    given = {} if origin is None else {"Origin": origin}
    reply = send(friendly, "GET", T, **given)
    assert not [name for name in reply.headers if name.startswith("Access-Control")]
    assert reply.headers["Vary"] == "Origin"
    if origin:
        refused(send(friendly, "POST", T, {"name": "n"}, **given), 403)
        permission = preflight(friendly, origin, "DELETE", f"{T}/{ID}").headers
        assert "Access-Control-Allow-Origin" not in permission


def test_caches_keep_the_replies_of_the_entrance_apart(friendly):
    assert send(friendly, "GET", "/").headers["Vary"] == "Accept, Origin"


def test_a_permitted_page_is_held_to_the_host(friendly):
    refused(raw(friendly, HTTP_HOST="friend.example", HTTP_ORIGIN=FRIEND), 421)


@pytest.mark.parametrize("origin", [EVIL, "null"])
def test_any_page_may_write_if_so_set(tmp_path, origin):
    with served(tmp_path, cors_origins="*") as api:
        given = {"Origin": origin, "Sec_Fetch_Site": "cross-site"}
        reply = send(api, "POST", T, {"name": "n"}, **given)
        assert reply.status_int == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in reply.headers
        assert (
            "DELETE"
            in preflight(api, origin, "DELETE", f"{T}/{ID}").headers[
                "Access-Control-Allow-Methods"
            ]
        )


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.1:80", "[::]:8000", "a.example"])
def test_any_origin_is_permitted_on_loopback_only(tmp_path, bind):
    settings = Settings.from_environment(data=tmp_path, bind=bind, cors_origins="*")
    with pytest.raises(Invalid, match="on loopback, but others can come in"):
        open_service(settings, store=MemoryStore(collections(settings)))


def test_any_origin_is_permitted_without_tokens_only(tmp_path):
    settings = Settings.from_environment(data=tmp_path, cors_origins="*")
    store = MemoryStore(collections(settings))
    Tokens(store).create("ci", "reader")
    with pytest.raises(
        Invalid, match="without tokens on loopback, but there are tokens"
    ):
        open_service(settings, store=store)


def test_any_page_may_write_only_until_there_is_a_token(tmp_path):
    # A browser adds the name and the token that it was given for /docs.
    settings = Settings.from_environment(data=tmp_path, cors_origins="*")
    store = MemoryStore(collections(settings))
    with closing(open_service(settings, store=store)) as service:
        token = Tokens(store).create("me", "writer")
        basic = b64encode(f"me:{token}".encode()).decode()
        given = {"Origin": EVIL, "Sec_Fetch_Site": "cross-site"}
        given["Authorization"] = f"Basic {basic}"
        api = TestApp(service.application)
        refused(send(api, "POST", T, {"name": "n"}, **given), 403)
        assert not list(store.scan("svctasks"))


def test_a_browser_needs_no_token_to_ask_what_a_permitted_page_may_send(tmp_path):
    settings = Settings.from_environment(data=tmp_path, cors_origins=FRIEND)
    store = MemoryStore(collections(settings))
    token = Tokens(store).create("ci", "writer")
    with closing(open_service(settings, store=store)) as service:
        api = TestApp(service.application)
        reply = preflight(api, FRIEND, "POST")
        assert reply.status_int == 200
        assert "POST" in reply.headers["Access-Control-Allow-Methods"]
        given = {"Origin": FRIEND, "Authorization": f"Bearer {token}"}
        assert send(api, "POST", T, {"name": "n"}, **given).status_int == 200
        reply = send(api, "POST", T, {"name": "n"}, Origin=FRIEND)
        refused(reply, 401)
        assert reply.headers["Access-Control-Allow-Origin"] == FRIEND
        refused(send(api, "OPTIONS", T), 401)


@pytest.mark.parametrize(
    "origin",
    ["friend.example", "https://friend.example/", "https://Friend.example", "null"]
    + ["https://friend.example:443", "http://friend.example:80", "https://*.example"]
    + ["https://a.example/b", "https://u@a.example", "//a.example", "https://"],
)
def test_a_permitted_origin_is_as_browsers_send_it(origin):
    with pytest.raises(Invalid, match="SVCTASKS_CORS_ORIGINS must be origins as"):
        replace(Settings.from_environment(), cors_origins=origin)


# What browsers do with replies

HTML = {"Accept": "text/html"}


def test_no_reply_is_taken_for_another_type(api):
    for route in ROUTES:
        for method in route.allowed:
            reply = send(api, method, route.template, **HTML)
            assert reply.headers["X-Content-Type-Options"] == "nosniff", route
    for reply in (raw(api, HTTP_HOST="evil.example"), send(api, "GET", "/nowhere")):
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_every_page_has_a_strict_policy(api):
    pages = 0
    for route in ROUTES:
        if "GET" not in route.verbs:
            continue
        reply = send(api, "GET", route.template, **HTML)
        if reply.content_type != "text/html":
            continue
        pages += 1
        policy = reply.headers["Content-Security-Policy"]
        rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
        assert rules["default-src"] == rules["frame-ancestors"] == "'none'"
        assert rules["base-uri"] == rules["form-action"] == "'none'"
        own, *digests = rules["script-src"].split()
        assert own == "'self'"
        assert all(digest.startswith("'sha256-") for digest in digests)
        assert "unsafe" not in policy
    assert pages == 2
