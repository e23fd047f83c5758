"""Tokens over HTTP: what is asked for, what is taken, and what nobody sees."""

import json
import os
import re
import threading
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from urllib.parse import unquote

import pytest
from calls import raw, refused, send
from services.service_calls import refused_services
from shared import T, until
from webtest import TestApp

from app.api.failed_attempts import MOST, SLOTS, FailedAttempts
from app.bootstrap import open_service
from app.errors import Conflict, Invalid, NotFound, Unavailable
from app.token_text import is_whole
from app.token_text import new as new_token
from app.tokens import MAX_SEEN, Tokens

BEARER, BASIC = 'Bearer realm="svctasks"', 'Basic realm="svctasks", charset="UTF-8"'


@pytest.fixture
def tokens(service):
    return service.tokens


@pytest.fixture
def reader(tokens):
    """The token of the reader ci."""
    return tokens.create("ci", "reader")


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(name, token):
    return {"Authorization": f"Basic {b64encode(f'{name}:{token}'.encode()).decode()}"}


@pytest.fixture
def serving(settings, clock, another_store):
    """The function to the API of a further service, over the same data, with settings."""
    services = []

    def serving(**given):
        changed = replace(settings, **given)
        service = open_service(changed, clock, StringIO(), store=another_store())
        services.append(service)
        return TestApp(service.application)

    yield serving
    for service in services:
        service.close()


# Without tokens


def test_a_service_on_loopback_is_open_while_there_is_no_token(api):
    assert send(api, "POST", T, {"name": "n"}).status_int == 200
    assert send(api, "GET", "/metrics").status_int == 200
    assert send(api, "GET", T, **bearer("whatever")).status_int == 200


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.9.9.9:80", "[::1]:80", "localhost"])
def test_what_only_this_machine_reaches_is_open_without_a_token(serving, bind):
    assert send(serving(bind=bind), "GET").status_int == 200


@pytest.mark.parametrize("bind", ["0.0.0.0", "[::]:80", "192.0.2.1", "example.org"])
def test_what_others_reach_is_closed_without_a_token(serving, bind):
    api = serving(bind=bind)
    for path in (T, "/", "/docs", "/metrics", "/nowhere"):
        error = refused(send(api, "GET", path, **bearer(new_token())), 401)
        assert "until it has a token" in error["error_message"]
    assert send(api, "GET", "/health").json == {"status": "ok"}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.1.2.3", 200),
        ("::1", 200),
        ("", 200),
        ("192.0.2.1", 401),
        ("::ffff:192.0.2.1", 401),
        ("2001:db8::1", 401),
        ("unknown", 401),
    ],
)
def test_without_a_token_only_programs_of_this_machine_come_in(api, address, status):
    """Under a gunicorn of one's own, which listens wherever it was told to."""
    assert raw(api, REMOTE_ADDR=address).status_int == status
    assert raw(api, "POST", "/server/mode", REMOTE_ADDR=address).status_int in (
        400,
        401,
    )


# With tokens


def test_as_soon_as_there_is_a_token_each_request_needs_one(api, tokens):
    token = tokens.create("ci", "reader")
    error = refused(send(api, "GET"), 401)
    assert "Authorization: Bearer TOKEN" in error["error_message"]
    assert send(api, "GET", **bearer(token)).status_int == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_scheme_may_be_in_any_case(api, reader, scheme):
    assert send(api, "GET", Authorization=f"{scheme}  {reader} ").status_int == 200


def test_basic_takes_the_name_of_the_token_and_the_token(api, reader):
    assert send(api, "GET", **basic("ci", reader)).status_int == 200
    reply = send(api, "GET", Authorization=basic("ci", reader)["Authorization"].lower())
    assert reply.status_int == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic ===",
        "Basic \xff",
        f"Basic {b64encode(b'ci').decode()}",
        f"Basic {b64encode(bytes([255, 58])).decode()}",
        "Negotiate abc",
        "Token abc",
        # The workers of pytest-xdist must know both by the same name.
        pytest.param(f"Bearer {new_token()}", id="Bearer unknown"),
        pytest.param(f"Bearer {new_token()[:-1]}", id="Bearer cut"),
        "Bearer " + "x" * 4000,
    ],
)
def test_any_other_authorization_is_401_and_is_not_repeated(api, reader, authorization):
    reply = send(api, "GET", Authorization=authorization)
    error = refused(reply, 401)
    assert len(reply.text) < 300
    sent = authorization.split(" ")[-1]
    assert len(sent) < 4 or sent not in error["error_message"]


def test_basic_with_another_name_is_401(api, reader, tokens):
    tokens.create("other", "admin")
    for name in ("other", "CI", "", "ci:"):
        refused(send(api, "GET", **basic(name, reader)), 401)


def test_the_message_says_what_is_wrong_with_a_token(api, tokens, clock):
    brief = tokens.create("brief", "admin", hours(1))
    clock.move(hours=1)
    said = {
        name: refused(send(api, "GET", **headers), 401)["error_message"]
        for name, headers in {
            "expired": bearer(brief),
            "cut": bearer(brief[:-1]),
            "unknown": bearer(new_token()),
            "other": {"Authorization": "Digest x"},
        }.items()
    }
    assert said["expired"] == 'the token "brief" has expired'
    assert "no whole token" in said["cut"]
    assert "revoked" in said["unknown"]
    assert "neither Bearer nor Basic" in said["other"]


def hours(hours):
    return timedelta(hours=hours)


def test_a_token_in_an_address_is_not_read(api, reader):
    for name in ("access_token", "token"):
        reply = send(api, "GET", f"{T}?{name}={reader}")
        error = refused(reply, 401)
        assert reader not in error["error_message"]
    assert "in an address is not read" in (
        send(api, "GET", f"{T}?access_token=x").json["error_message"]
    )


def test_an_address_is_repeated_without_a_token_however_that_is_encoded(api, reader):
    for sent in (
        reader,
        reader.replace("_", "%5f"),
        "".join(f"%{ord(c):x}" for c in reader),
    ):
        reply = raw(
            api,
            "GET",
            f"/services/{sent}?a={sent}",
            RAW_URI=f"/services/{sent}?a={sent}",
        )
        uri = refused_services(reply, 401, "UNAUTHORIZED")["http_uri"]
        assert reader not in unquote(uri) and uri.startswith("/services/svct_")


def test_the_services_api_refuses_in_its_own_form(api, reader):
    refused_services(send(api, "GET", "/services/1"), 401, "UNAUTHORIZED")
    reply = send(api, "POST", "/services/start", {}, **bearer(reader))
    error = refused_services(reply, 403, "FORBIDDEN")
    assert error["description"] == (
        'this needs the role "writer"; the token has the role "reader"'
    )


def test_bearer_is_offered_first_but_to_pages(api, reader):
    def offered(path):
        return send(api, "GET", path).headers["WWW-Authenticate"]

    for path in (T, "/services/1", "/openapi.json", "/nowhere", "/docsx"):
        assert offered(path) == f"{BEARER}, {BASIC}"
    for path in ("/", "/docs", "/docs/page.js", "/console"):
        assert offered(path) == f"{BASIC}, {BEARER}"


def test_a_body_without_a_token_changes_nothing_and_is_not_looked_at(
    api, reader, store
):
    for body in (b"{", b'{"name": "n"}', b"\xff" * 10_000):
        refused(send(api, "POST", T, body), 401)
    assert list(store.scan("svctasks")) == []


def test_a_token_that_is_revoked_is_refused_from_the_next_request_on(api, tokens):
    tokens.create("other", "reader")
    token = tokens.create("ci", "admin")
    assert send(api, "GET", **bearer(token)).status_int == 200
    tokens.revoke("ci")
    refused(send(api, "GET", **bearer(token)), 401)


def test_revoking_the_last_token_opens_the_service_again(api, tokens, reader):
    tokens.revoke("ci")
    assert send(api, "GET", "/metrics").status_int == 200


def test_a_token_is_valid_until_the_second_in_which_it_expires(api, tokens, clock):
    token = tokens.create("ci", "reader", hours(2))
    clock.move(hours=2, milliseconds=-1)
    assert send(api, "GET", **bearer(token)).status_int == 200
    clock.move(milliseconds=1)
    refused(send(api, "GET", **bearer(token)), 401)


def test_a_service_whose_only_token_has_expired_stays_closed(api, tokens, clock):
    tokens.create("ci", "admin", hours(1))
    clock.move(days=400)
    refused(send(api, "GET"), 401)


def test_tokens_count_in_every_worker_from_the_next_request_on(api, tokens, serving):
    other = serving()
    assert send(other, "GET").status_int == 200
    token = tokens.create("ci", "reader")
    refused(send(other, "GET"), 401)
    assert send(other, "GET", **bearer(token)).status_int == 200
    tokens.create("other", "reader")
    tokens.revoke("ci")
    refused(send(other, "GET", **bearer(token)), 401)


def test_health_says_without_a_role_only_whether_it_works(api, reader):
    for headers in ({}, bearer("x"), bearer(new_token()), {"Authorization": "x"}):
        assert send(api, "GET", "/health", **headers).json == {"status": "ok"}
    assert "tables" in send(api, "GET", "/health", **bearer(reader)).json


def test_no_address_shows_the_table_of_tokens(api, tokens):
    token = tokens.create("ci", "admin")
    for path in ("/tokens", "/rest/v1/service/tokens", "/metadata/tokens"):
        assert send(api, "GET", path, **bearer(token)).status_int == 404


# Replies and caches


@pytest.mark.parametrize("path", [T, "/docs", "/openapi.json", "/", "/services/1"])
def test_a_reply_to_a_request_with_a_token_is_private(api, reader, path):
    reply = send(api, "GET", path, **bearer(reader))
    assert reply.headers["Cache-Control"] == "private, no-cache"
    assert send(api, "GET", path).headers["Cache-Control"] == "no-cache"


# Read-only


def test_a_read_only_server_lets_no_token_write(serving, tokens, reader):
    api = serving(read_only=True)
    admin = tokens.create("root", "admin")
    for method, path in (("POST", T), ("DELETE", f"{T}/x"), ("POST", "/server/mode")):
        reply = send(api, method, path, {}, **bearer(admin))
        assert reply.status_int == 403 and "the server runs read-only" in reply.text
    for path in (T, "/metrics", "/server/status"):
        assert send(api, "GET", path, **bearer(admin)).status_int == 200
    refused(send(api, "GET", "/metrics", **bearer(reader)), 403)
    refused(send(api, "GET"), 401)


def test_headers_of_tokens_that_are_kept_are_few_whatever_is_sent(api, tokens, reader):
    encoded = basic("ci", reader)["Authorization"]
    for number in range(3 * MAX_SEEN):
        blank = " " * number
        send(api, "GET", Authorization=f"Bearer {blank}{reader}")
        send(api, "GET", Authorization=encoded.replace(" ", f" {blank}"))
        send(api, "GET", Authorization=f"Bearer {number}{reader}")
    seen = tokens.known().seen
    assert 0 < len(seen) <= MAX_SEEN
    assert {token.name for token in seen.values()} == {"ci"}
    tokens.revoke("ci")
    assert tokens.known().seen == {}


# Failures


def fail(api, address="192.0.2.1", path=T, **environ):
    return raw(api, path=path, REMOTE_ADDR=address, **environ)


def test_after_ten_failures_in_a_minute_further_ones_are_429(api, reader, clock):
    for _ in range(MOST):
        clock.move(seconds=1)
        refused(fail(api), 401)
    reply = fail(api)
    error = refused(reply, 429)
    assert reply.headers["Retry-After"] == "51"
    assert "try again in 51 seconds" in error["error_message"]
    assert "WWW-Authenticate" not in reply.headers
    refused_services(fail(api, path="/services/1"), 429, "BAD_REQUEST")
    clock.move(seconds=51)
    refused(fail(api), 401)


def test_a_valid_token_is_never_refused_for_the_failures_of_its_address(api, reader):
    for _ in range(MOST + 2):
        fail(api, HTTP_AUTHORIZATION=f"Bearer {new_token()}")
    assert fail(api).status_int == 429
    assert fail(api, HTTP_AUTHORIZATION=f"Bearer {reader}").status_int == 200
    assert fail(api, path="/health").status_int == 200


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", False),
        ("", "", True),
        ("unix:", "unix:", True),
    ],
)
def test_failures_count_by_address_and_those_of_ipv6_by_network(first, second, is_one):
    # A few keys: in one of 4096 cases two addresses share a count.
    waits = []
    for _ in range(3):
        failed = FailedAttempts(lambda: 0.0)
        for _ in range(MOST):
            assert failed.count(first) == 0
        waits.append(failed.count(second))
    assert all(waits) if is_one else not all(waits)


def test_failures_of_all_workers_count_together():
    """Workers are forks of the process that made the memory."""
    failed = FailedAttempts(lambda: 0.0)
    for _ in range(MOST):
        pid = os.fork()
        if pid == 0:
            failed.count("192.0.2.1")
            os._exit(0)
        os.waitpid(pid, 0)
    assert failed.count("192.0.2.1") > 0


def test_failures_take_no_more_memory_however_many_addresses_there_are():
    failed = FailedAttempts(lambda: 0.0)
    before = set(vars(failed))
    for number in range(2 * SLOTS):
        failed.count(f"2001:db8:{number:x}::1")
    assert set(vars(failed)) == before
    assert failed._numbers.nbytes == 2 * 8 * SLOTS


def test_a_clock_that_is_set_back_begins_a_new_minute():
    now = 1000.0
    failed = FailedAttempts(lambda: now)
    for _ in range(MOST + 1):
        failed.count("192.0.2.1")
    now = 10.0
    assert failed.count("192.0.2.1") == 0


# What is seen of tokens, and of whom they are


def test_a_line_of_the_log_says_by_whom_and_never_the_token(service, api, log, tokens):
    token, unknown = tokens.create("ci", "reader"), new_token()
    encoded = basic("ci", token)["Authorization"].split()[1]
    replies = [
        send(api, "GET", T, **bearer(token)),
        send(api, "GET", T, **basic("ci", token)),
        send(api, "GET", f"{T}?access_token={token}"),
        send(api, "GET", T, **bearer(unknown)),
        send(api, "POST", T, {}, **bearer(token)),
        send(api, "GET", T, Authorization=f"Digest {token}"),
        send(api, "GET", f"/services/{token}?{token}=1", **bearer(token)),
        send(api, "GET", f"/services/1?x={token}", **bearer(token)),
    ]
    service.access_log.flush()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    by = [line.get("by") for line in lines if line["message"] == "request"]
    assert by == ["ci", "ci", None, None, "ci", None, "ci", "ci"]
    shown = log.getvalue() + "".join(
        reply.text + str(reply.headers) for reply in replies
    )
    for secret in (token, unknown, encoded):
        assert secret not in shown


def test_metrics_count_requests_by_the_name_of_the_token(api, tokens):
    token = tokens.create("root", "admin")
    for _ in range(3):
        send(api, "GET", **bearer(token))
        send(api, "GET", **basic("x" * 30, token))
    text = send(api, "GET", "/metrics", **bearer(token)).text
    assert re.findall("(?m)^svctasks_requests_by_token_total.*", text) == [
        'svctasks_requests_by_token_total{by="root"} 3.0'
    ]
    assert token not in text


# The table


def test_a_token_has_a_prefix_32_random_bytes_and_a_checksum():
    seen = {new_token() for _ in range(100)}
    assert len(seen) == 100
    for token in seen:
        assert re.fullmatch("svct_[0-9A-Za-z]{49}", token)
        assert is_whole(token)
        assert not is_whole(token[:-1])
        assert not is_whole(token.replace("svct_", "ghp__"))
        changed = token[:9] + ("0" if token[9] != "0" else "1") + token[10:]
        assert not is_whole(changed)


def test_the_checksum_is_crc32_of_the_random_part_in_base62():
    assert is_whole("svct_" + 43 * "0" + "2CZclj")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a:b", "-a", ".a", "a" * 65, "\xe9", "a\n", 'a"', "a/b"]
)
def test_a_name_that_could_not_be_sent_or_logged_is_refused(tokens, name):
    with pytest.raises(Invalid, match="name: must be 1 to 64 letters"):
        tokens.create(name, "reader")
    assert not tokens.has_tokens()


@pytest.mark.parametrize("role", ["", "anyone", "root", "Reader"])
def test_a_role_that_does_not_exist_is_refused(tokens, role):
    with pytest.raises(
        Invalid, match='role: must be one of "reader", "writer", "admin"'
    ):
        tokens.create("ci", role)


def test_a_name_that_exists_is_refused_and_the_token_stays(api, tokens, reader):
    with pytest.raises(Conflict, match='there is a token "ci" already'):
        tokens.create("ci", "admin")
    assert send(api, "GET", **bearer(reader)).status_int == 200


def test_a_token_that_does_not_exist_cannot_be_revoked(tokens):
    with pytest.raises(NotFound, match='there is no token "ci"'):
        tokens.revoke("ci")


def test_what_is_kept_is_a_digest(tokens, store, reader):
    [record] = store.scan("tokens")
    assert list(record.document) == ["created", "name", "role", "sha256"]
    assert reader not in json.dumps(record.document)


# When a token was used last


def used(tokens):
    return {token.name: token.last_used for token in tokens.all()}


def test_the_day_of_the_last_use_is_noted(api, tokens, reader, clock):
    tokens.create("unused", "reader")
    assert used(tokens) == {"ci": "", "unused": ""}
    send(api, "GET", **bearer(reader))
    until(lambda: used(tokens) == {"ci": "2026-01-02", "unused": ""})
    clock.move(days=1)
    send(api, "GET", **basic("ci", reader))
    until(lambda: used(tokens)["ci"] == "2026-01-03")


def test_a_use_is_written_once_a_day(api, tokens, reader, store):
    send(api, "GET", **bearer(reader))
    until(lambda: used(tokens)["ci"])
    version = store.version("tokens")
    for _ in range(20):
        send(api, "GET", **bearer(reader))
    tokens.close()
    assert store.version("tokens") == version


def test_a_use_that_is_refused_is_none(api, tokens, clock):
    token = tokens.create("ci", "reader", hours(1))
    clock.move(hours=1)
    send(api, "GET", **bearer(token))
    tokens.close()
    assert used(tokens) == {"ci": ""}


class Unwritable:
    """A store that can be read only."""

    def __init__(self, store):
        self._store = store
        self.tried = threading.Semaphore(0)

    def __getattr__(self, name):
        return getattr(self._store, name)

    def update(self, *_):
        self.tried.release()
        raise Unavailable("the disk is full")


def test_a_use_that_cannot_be_noted_is_tried_again_after_a_minute(
    store, tokens, reader
):
    now = 0.0
    broken = Unwritable(store)
    others = Tokens(broken, lambda: now)
    known = others.known().recognized(reader)
    others.note_use(known)
    assert broken.tried.acquire(timeout=600)
    for now in (1.0, 59.0):
        others.note_use(known)
    others.close()
    assert not broken.tried.acquire(blocking=False)
    others = Tokens(broken, lambda: now)
    others.note_use(known)
    assert broken.tried.acquire(timeout=600)


def test_a_read_only_server_notes_no_use(serving, tokens, reader, store):
    version = store.version("tokens")
    send(serving(read_only=True), "GET", **bearer(reader))
    assert used(tokens) == {"ci": ""}
    assert store.version("tokens") == version


# Edits by hand


@pytest.mark.files
@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "",
        lambda text: "{",
        lambda text: text.replace('"reader"', '"root"'),
        lambda text: re.sub('"sha256":"..', '"sha256":"', text),
        lambda text: text.replace('"sha256"', '"sha"'),
        lambda text: text.replace('"name":"ci"', '"name":"c i"'),
        lambda text: text.replace('"role"', '"expires":"soon","role"'),
    ],
)
def test_an_edit_that_breaks_the_file_leaves_the_former_tokens(
    api, service, settings, reader, edit
):
    file = settings.data / "tokens.json"
    until(file.exists)
    edited = edit(file.read_text())
    assert edited != file.read_text()
    file.write_text(edited)
    until(lambda: health(api, reader)["tables"]["tokens"]["files"]["fault"])
    refused(send(api, "GET"), 401)
    assert send(api, "GET", **bearer(reader)).status_int == 200


def health(api, token):
    return send(api, "GET", "/health", **bearer(token)).json


@pytest.mark.files
def test_a_file_that_is_deleted_leaves_the_former_tokens(api, settings, reader):
    file = settings.data / "tokens.json"
    until(file.exists)
    file.unlink()
    refused(send(api, "GET"), 401)
    assert send(api, "GET", **bearer(reader)).status_int == 200


@pytest.mark.files
def test_a_role_is_changed_by_an_edit(api, settings, reader):
    file = settings.data / "tokens.json"
    until(file.exists)
    file.write_text(file.read_text().replace('"reader"', '"admin"'))
    until(lambda: send(api, "GET", "/metrics", **bearer(reader)).status_int == 200)


@pytest.mark.files
def test_all_files_of_tokens_are_their_owners_only(api, settings, tokens, reader):
    file = settings.data / "tokens.json"
    until(file.exists)
    # As an editor leaves it that knows nothing of modes.
    file.write_text("{")
    file.chmod(0o644)
    until(lambda: health(api, reader)["tables"]["tokens"]["files"]["fault"])
    file.write_text("[]")
    tokens.create("other", "reader")
    until(lambda: {mode for _, mode in modes(settings)} == {0o600})
    names = {name for name, _ in modes(settings)}
    assert {"tokens.json", "tokens.json.before.1", "tokens.json.served"} <= names


def modes(settings):
    with os.scandir(settings.data) as files:
        found = {each.name for each in files if each.name.startswith("tokens.json")}
    # While one replaces another, it has a name that ends in "new" or "draft".
    kept = [name for name in found if name.split(".")[-1] not in ("new", "draft")]
    return {(n, (settings.data / n).stat().st_mode & 0o777) for n in kept}


@pytest.mark.files
def test_no_file_has_the_token(settings, service, tokens, reader):
    service.close()
    for file in settings.data.iterdir():
        assert reader.encode() not in file.read_bytes()


@pytest.mark.files
def test_tokens_that_cannot_be_read_open_nothing(api, settings, reader, store):
    class Unreadable(Unwritable):
        def version(self, table):
            raise Unavailable("tokens.json cannot be read")

    service = open_service(settings, log=StringIO(), store=Unreadable(store))
    other = TestApp(service.application)
    refused(send(other, "GET"), 503)
    refused(send(other, "GET", **bearer(reader)), 503)
    assert send(other, "GET", "/health").json == {"status": "ok"}


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded"])
def test_what_an_unknown_proxy_hands_on_needs_a_token_that_there_is_not(api, name):
    """It comes from anywhere, though the proxy is a program of this machine."""
    assert api.get(T).status_int == 200
    reply = api.get(T, headers={name: "for=127.0.0.1"}, expect_errors=True)
    assert reply.status_int == 401
    assert "until it has a token" in reply.json["error_message"]
