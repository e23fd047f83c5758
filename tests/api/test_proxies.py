"""What is believed of what a proxy says, and of whom."""

import json

import pytest
from shared import T
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

HOST = "svctasks.example"
PROXY = "10.1.2.3"
CLIENT = "198.51.100.7"


@pytest.fixture
def application(tmp_path, clock, log, another_store):
    """The function from settings to the application, and what it has logged."""
    opened = []

    def open_(**given):
        settings = Settings.from_environment(
            data=tmp_path / "data", hosts=HOST, **given
        )
        service = open_service(settings, clock, log, store=another_store())
        opened.append(service)
        return service

    yield open_
    for service in opened:
        service.close()


@pytest.fixture
def ask(application, log):
    """The function that asks a service behind proxies; it returns the reply."""
    service = application(behind_proxy=True, trusted_proxies="10.0.0.0/8,::1")
    api = TestApp(service.application)
    token = service.tokens.create("proxy", "admin")

    def ask(path="/", peer=PROXY, method="GET", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.request(
            path,
            method=method,
            headers={"Host": "localhost", "Authorization": f"Bearer {token}", **named},
            environ={"REMOTE_ADDR": peer},
            expect_errors=True,
        )

    def client(**details):
        ask("/health", **details)
        service.access_log.flush()
        return json.loads(log.getvalue().splitlines()[-1])["client"]

    ask.client = client
    return ask


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        (PROXY, CLIENT, CLIENT),
        ("::1", CLIENT, CLIENT),
        # A service that listens on [::] sees IPv4 like that.
        ("::ffff:10.1.2.3", CLIENT, CLIENT),
        (PROXY, "2001:DB8::0:7", "2001:db8::7"),
        (PROXY, f"192.0.2.1, {CLIENT}", CLIENT),
        (PROXY, f"192.0.2.1, {CLIENT}, 10.9.9.9,10.8.8.8", CLIENT),
        (PROXY, f"{CLIENT}:4711", CLIENT),
        (PROXY, "[2001:db8::7]:4711", "2001:db8::7"),
        (PROXY, "[2001:db8::7]", "2001:db8::7"),
        (PROXY, "10.9.9.9, 10.8.8.8", "10.9.9.9"),
        # What is no address was not added by a trusted proxy.
        (PROXY, "unknown, 10.9.9.9", "10.9.9.9"),
        (PROXY, '192.0.2.1, "><script>', PROXY),
        (PROXY, "fe80::1%<script>", PROXY),
        (PROXY, ", , ", PROXY),
        (PROXY, "", PROXY),
        # Nobody else is believed.
        ("11.0.0.1", CLIENT, "11.0.0.1"),
        ("127.0.0.1", CLIENT, "127.0.0.1"),
        ("::2", f"10.1.1.1, {CLIENT}", "::2"),
        ("", CLIENT, ""),
    ],
)
def test_the_client_is_the_last_address_that_is_no_trusted_proxy(
    ask, peer, chain, client
):
    assert ask.client(peer=peer, X_Forwarded_For=chain) == client


def test_a_proxy_that_names_no_client_is_the_client(ask):
    assert ask.client() == PROXY


def test_an_untrusted_peer_is_believed_nothing(ask):
    reply = ask(
        peer="192.0.2.9",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="evil.example",
        X_Forwarded_Prefix="/outer",
    )
    assert reply.status_int == 200
    assert reply.json["docs"] == "/docs"


def test_without_a_proxy_no_header_is_believed(application, log):
    service = application()
    token = service.tokens.create("ann", "reader")
    reply = TestApp(service.application).get(
        "/",
        headers={
            "Host": "localhost",
            "Authorization": f"Bearer {token}",
            "X-Forwarded-For": CLIENT,
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Prefix": "/outer",
            "X-Forwarded-Proto": "https",
            "Forwarded": f"for={CLIENT};host=evil.example",
        },
        extra_environ={"REMOTE_ADDR": "127.0.0.1"},
    )
    assert reply.json["docs"] == "/docs"
    service.access_log.flush()
    assert json.loads(log.getvalue().splitlines()[-1])["client"] == "127.0.0.1"


def test_the_host_that_counts_is_that_of_the_client(ask):
    assert ask(Host="10.0.0.1:8000", X_Forwarded_Host=HOST).status_int == 200
    assert ask(X_Forwarded_Host=f"evil.example, {HOST}").status_int == 200
    refused = ask(X_Forwarded_Host="evil.example")
    assert refused.status_int == 421
    assert "evil.example" in refused.json["error_message"]


def test_the_origin_that_counts_is_that_of_the_client(ask):
    def written(origin):
        forwarded = {"X_Forwarded_Host": HOST, "X_Forwarded_Proto": "HTTPS"}
        headers = {**forwarded, "Origin": origin, "Sec_Fetch_Site": "same-origin"}
        # A body that is missing is the fault of a write that is permitted.
        return ask(T, method="POST", **headers).status_int == 400

    assert written(f"https://{HOST}")
    assert not written(f"http://{HOST}")
    assert not written("http://localhost")


@pytest.mark.parametrize("sent", ["", "/outer"])
def test_addresses_have_the_prefix_whether_or_not_it_was_removed(ask, sent):
    prefix = {"X_Forwarded_Prefix": "/outer/"}
    assert ask(f"{sent}/", **prefix).json["service_tasks"] == f"/outer{T}"
    if sent:
        assert ask(sent, **prefix).json["service_tasks"] == f"/outer{T}"
    server = ask(f"{sent}/openapi.json", **prefix).json["servers"]
    assert server[0]["url"] == "/outer"
    led = ask(f"{sent}/", Accept="text/html", **prefix)
    assert led.headers["Location"] == "/outer/console"
    assert ask(f"{sent}/docs", **prefix).status_int == 200
    assert ask(f"{sent}/docs/page.js", **prefix).status_int == 200
    missing = ask(f"{sent}/services/x%20y?a=b", **prefix)
    assert missing.json["http_uri"].startswith("/outer/services/x")


def test_a_prefix_that_only_begins_a_name_is_not_removed(ask):
    assert ask("/outerdocs", X_Forwarded_Prefix="/outer").status_int == 404
    assert ask("/docs", X_Forwarded_Prefix="/doc").status_int == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-Proto", "https://evil.example"),
        ("X-Forwarded-Host", "javascript:alert(1)"),
        ("X-Forwarded-Host", "evil.example/path"),
        ("X-Forwarded-Host", "user@evil.example"),
        ("X-Forwarded-Host", '"><script>alert(1)</script>'),
        ("X-Forwarded-Host", "a b"),
        ("X-Forwarded-Prefix", "//evil.example"),
        ("X-Forwarded-Prefix", "https://evil.example"),
        ("X-Forwarded-Prefix", "outer"),
        ("X-Forwarded-Prefix", "/../admin"),
        ("X-Forwarded-Prefix", "/a/./b"),
        ("X-Forwarded-Prefix", "/a//b"),
        ("X-Forwarded-Prefix", "/%2e%2e"),
        ("X-Forwarded-Prefix", '/"><script>'),
        ("X-Forwarded-Prefix", "/a;b"),
        ("X-Forwarded-Prefix", "/a>; rel=x"),
        ("X-Forwarded-Prefix", "/a\\b"),
        ("X-Forwarded-Prefix", "/rest/v1"),
        ("X-Forwarded-Prefix", "/services"),
        ("X-Forwarded-Prefix", "/" + "a" * 300),
    ],
)
def test_a_hostile_value_is_refused_and_repeated_in_no_header(ask, header, value):
    for path in ("/", T, f"{T}?limit=1", "/docs", "/openapi.json"):
        sent = {header: value}
        reply = ask(path, **sent)
        assert reply.status_int == 400
        assert header in reply.json["error_message"]
        assert reply.content_type == "application/json"
        assert "Location" not in reply.headers and "Link" not in reply.headers


def test_a_list_of_values_counts_by_its_last(ask):
    reply = ask(X_Forwarded_Prefix="/evil, /outer", X_Forwarded_Proto="gopher,https")
    assert reply.json["docs"] == "/outer/docs"
