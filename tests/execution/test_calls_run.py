"""Calls by HTTP: what is sent, what an answer means, and that nothing of them is left."""

import base64
import gc
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from certificates import make_pair
from executing import ENVIRON, ID, URL, end, ends, order, output, until_output
from running import free_port
from shared import PATIENCE, until

from app.execution.calls import signature
from app.execution.executor import Executor
from app.execution.run_outputs import MOST
from app.svcscripts import Script

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


class Receiver:
    """A server whose answers are ``reply``, a function of the handler."""

    def __init__(self, reply: Callable[[BaseHTTPRequestHandler], None]) -> None:
        receiver, self.received = self, []

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline()
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                receiver.received.append((self.command, self.path, self.headers, body))
                try:
                    reply(self)
                except OSError:
                    # The client has gone.
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook?a=b%20c"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@contextmanager
def receiving(reply: Any) -> Iterator[Receiver]:
    receiver = Receiver(reply)
    try:
        yield receiver
    finally:
        receiver.stop()


def answer(status: int, body: bytes = b"", **headers: str) -> Any:
    """Return a reply with a status, headers and a body."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@contextmanager
def listening(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """Take one connection, and speak on it; the context has the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                speak(connection)
        except OSError:
            # The client has gone.
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        thread.join()
        listener.close()


def call(url: str, **settings: Any) -> Script:
    settings.setdefault("timeoutsec", 600)
    return Script("test", url=url, **settings)


def test_call_sends_the_input_with_its_key_and_signature(executor):
    before = int(time.time())
    with receiving(answer(200, b"thanks\n")) as receiver:
        script = call(
            receiver.url,
            secret=SECRET,
            headers={"X-Key": {"env": "API_KEY"}, "X-A": "b"},
        )
        executor.start(order(script, svctask={"name": "Füße"}))
        outcome = end(executor)
    assert (outcome.state, outcome.status, outcome.reason) == ("succeeded", 200, "")
    assert (outcome.lastline, outcome.outputbytes) == ("thanks", 7)
    assert outcome.exitcode is None and outcome.signal is None
    ((method, path, headers, body),) = receiver.received
    assert (method, path) == ("POST", "/hook?a=b%20c")
    assert json.loads(body)["svctask"] == {"name": "Füße"}
    assert json.loads(body)["run"]["id"] == ID
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == headers["webhook-id"] == ID
    assert (headers["X-Key"], headers["X-A"]) == ("abc", "b")
    assert re.fullmatch(r"svctasks/[0-9.]+", headers["User-Agent"])
    moment = int(headers["webhook-timestamp"])
    assert before <= moment <= time.time()
    signed = f"{ID}.{moment}.".encode() + body
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


def test_signature_is_that_of_the_specification():
    # The example of Standard Webhooks' own documents.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    id_, moment = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(key, id_, moment, b'{"test": 2432232314}') == expected


def test_secret_can_be_that_of_a_variable(tmp_path):
    executor = Executor(
        tmp_path, URL, {**ENVIRON, "SECRET": SECRET, "BAD": "no secret"}
    )
    with receiving(answer(204)) as receiver:
        executor.start(order(call(receiver.url, secret={"env": "SECRET"})))
        assert end(executor).state == "succeeded"
        for name in ("BAD", "MISSING"):
            executor.start(order(call(receiver.url, secret={"env": name})))
            outcome = end(executor)
            assert outcome.state == "failed" and "no secret" not in outcome.reason
    executor.close()
    assert len(receiver.received) == 1
    assert receiver.received[0][2]["webhook-signature"].startswith("v1,")


def test_call_without_a_secret_is_not_signed_and_get_has_no_body(executor):
    with receiving(answer(200)) as receiver:
        headers = {"content-type": "text/plain"}
        executor.start(order(call(receiver.url, method="GET", headers=headers)))
        assert end(executor).state == "succeeded"
    ((method, _, headers, body),) = receiver.received
    assert (method, body) == ("GET", b"")
    assert headers.get_all("Content-Type") == ["text/plain"]
    assert "webhook-signature" not in headers


@pytest.mark.parametrize(
    ["status", "is_retryable"],
    [
        (400, False),
        (401, False),
        (404, False),
        (408, True),
        (409, False),
        (410, False),
        (425, True),
        (429, True),
        (500, True),
        (501, True),
        (503, True),
    ],
)
def test_status_says_whether_the_call_may_be_made_again(executor, status, is_retryable):
    with receiving(answer(status, b"why\n", Retry_After="7")) as receiver:
        executor.start(order(call(receiver.url)))
        outcome = end(executor)
    assert (outcome.state, outcome.status) == ("failed", status)
    assert outcome.reason == f"the answer has the status {status}"
    assert outcome.lastline == "why"
    assert outcome.is_retryable == is_retryable
    assert outcome.retry_after == (7 if is_retryable else None)


@pytest.mark.parametrize(
    ["text", "least", "most"],
    [
        ("0", 0, 0),
        ("99999999999999999999", 86400, 86400),
        (formatdate(0, usegmt=True), 0, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(executor, text, least, most):
    assert least <= retry_after(executor, text) <= most


def test_retry_after_is_what_is_left_until_a_date(executor):
    text = formatdate(time.time() + 3600, usegmt=True)
    assert 1 <= retry_after(executor, text) <= 3600


def retry_after(executor, text):
    """Return how many seconds to wait after an answer with this header."""
    with receiving(answer(503, Retry_After=text)) as receiver:
        executor.start(order(call(receiver.url)))
        return end(executor).retry_after


@pytest.mark.parametrize("text", ["", "soon", "-1", "1e3", "²"])
def test_retry_after_that_is_neither_is_ignored(executor, text):
    assert retry_after(executor, text) is None


def test_redirect_is_not_followed(executor):
    with receiving(answer(307, Location="/elsewhere")) as receiver:
        executor.start(order(call(receiver.url)))
        outcome = end(executor)
    assert len(receiver.received) == 1
    assert (outcome.state, outcome.status) == ("failed", 307)
    assert outcome.reason == "the answer has the status 307; redirects are not followed"
    assert not outcome.is_retryable


def test_proxy_of_the_environment_is_not_used(executor, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with receiving(answer(200)) as receiver:
        executor.start(order(call(receiver.url)))
        assert end(executor).state == "succeeded"


def test_no_answer_is_failed_without_the_address(executor, caplog):
    port = free_port()
    executor.start(order(call(f"http://127.0.0.1:{port}/secret")))
    outcome = end(executor)
    assert (outcome.state, outcome.status) == ("failed", None)
    assert outcome.reason == "the connection was refused"
    assert outcome.is_retryable
    assert f"run {ID}: the call failed" in caplog.text


@pytest.mark.parametrize(
    ["said", "reason"],
    [
        (b"", "the connection was lost before the answer was complete"),
        (b"SSH-2.0-x\r\n\r\n", "the answer was not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            "the answer was not complete",
        ),
    ],
)
def test_answer_that_breaks_off_is_none(executor, said, reason):
    def speak(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        # What is not read would reset the connection.
        silent(connection)

    with listening(speak) as url:
        executor.start(order(call(url)))
        outcome = end(executor)
    assert (outcome.state, outcome.status) == ("failed", None)
    assert outcome.reason == reason
    assert outcome.is_retryable


def drip(connection: socket.socket) -> None:
    """Send a head for ever, a byte now and then."""
    connection.settimeout(0.05)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"x")
        try:
            if not connection.recv(1 << 16):
                return
        except TimeoutError:
            continue


def silent(connection: socket.socket) -> None:
    """Take all and send nothing, until the client goes."""
    while connection.recv(1 << 16):
        pass


@pytest.mark.parametrize("speak", [drip, silent])
def test_time_out_holds_for_the_whole_call(executor, speak):
    with listening(speak) as url:
        executor.start(order(call(url, timeoutsec=0.3)))
        outcome = end(executor)
    assert outcome.state == "timedout"
    assert outcome.reason == "it took longer than 0.3 seconds (timeoutsec)"
    assert outcome.is_retryable
    assert not calling()


def test_answer_can_be_read_while_it_comes(executor):
    seen = threading.Event()

    def speak(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"6\r\nbegun\n\r\n")
        seen.wait()
        connection.sendall(b"5\r\ndone\n\r\n0\r\n\r\n")

    with listening(speak) as url:
        executor.start(order(call(url)))
        assert until_output(executor, "begun") == "begun\n"
        seen.set()
        outcome = end(executor)
    assert (outcome.state, outcome.lastline) == ("succeeded", "done")


def test_stop_cuts_a_call(executor):
    begun = threading.Event()

    def speak(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        begun.set()
        silent(connection)

    with listening(speak) as url:
        executor.start(order(call(url)))
        begun.wait()
        assert executor.wait(0) == []
        executor.stop(ID, "the runner was stopped")
        outcome = end(executor)
    assert (outcome.state, outcome.reason) == ("stopped", "the runner was stopped")
    assert not outcome.is_retryable
    assert not calling()


def test_call_cut_in_the_handshake_of_tls_ends(executor):
    with listening(silent) as url:
        script = call(url.replace("http:", "https:"), timeoutsec=0.3)
        executor.start(order(script))
        assert end(executor).state == "timedout"
    assert not calling()


def test_certificate_must_be_trusted(executor, tmp_path, monkeypatch, caplog):
    pair = make_pair(tmp_path, "test")
    receiver = Receiver(answer(200))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    receiver.server.socket = context.wrap_socket(
        receiver.server.socket, server_side=True
    )
    try:
        url = f"https://127.0.0.1:{receiver.port}/"
        executor.start(order(call(url)))
        outcome = end(executor)
        assert outcome.reason == "the certificate of the server is not trusted"
        monkeypatch.setenv("SSL_CERT_FILE", str(pair.certificate))
        executor.start(order(call(url)))
        assert end(executor).state == "succeeded"
    finally:
        receiver.stop()
    assert len(receiver.received) == 1


def test_body_of_the_answer_is_bounded(executor):
    body = b"first\n" + b"x" * (8 << 20) + b"\nlast\n"
    with receiving(answer(200, body)) as receiver:
        executor.start(order(call(receiver.url)))
        outcome = end(executor)
    assert (outcome.outputbytes, outcome.lastline) == (len(body), "last")
    assert output(executor).startswith("first\n")
    assert executor.output_of(ID).stat().st_size <= MOST


def test_many_calls_at_once_leave_no_thread(executor):
    runs = {f"{number:08x}-0000-0000-0000-000000000000" for number in range(50)}
    with receiving(answer(200, b"ok")) as receiver:
        for run in sorted(runs):
            executor.start(order(call(receiver.url), run=run))
        outcomes = ends(executor, runs)
    assert {outcome.state for outcome in outcomes.values()} == {"succeeded"}
    assert {headers["Idempotency-Key"] for *_, headers, _ in receiver.received} == runs
    assert not calling()


def test_no_descriptor_is_left_after_calls(executor):
    def descriptors() -> list[str]:
        return sorted(os.listdir("/proc/self/fd"))

    # What other tests left is not to go meanwhile.
    gc.collect()
    with receiving(answer(200)) as receiver:
        before = descriptors()
        for url in (receiver.url, f"http://127.0.0.1:{free_port()}/"):
            executor.start(order(call(url)))
            end(executor)
        # The receiver closes its connections in threads of its own.
        until(lambda: descriptors() == before)


def calling() -> list[str]:
    """Return the threads of calls."""
    names = (thread.name for thread in threading.enumerate())
    return [name for name in names if name.startswith("call ")]
