"""Each limit refuses what is beyond it, and the refusal names the limit and its setting."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from socket import MSG_WAITALL

import pytest
from raw import connect, exchange, head, reply
from running import Server
from servers import SERVERS
from shared import T, until

from app.limits import LIMITS

JSON = "Content-Type: application/json"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

TASKS = 10_000
"""How many tasks there are; each has less than 500 bytes."""

SET = {
    "max_connections": 20,
    "request_timeout": 2,
    "max_address": 300,
    "max_head": 4096,
    "max_body": 9000,
    "max_depth": 20,
    "max_members": 500,
    "max_filter": 300,
    "max_filter_depth": 10,
    "max_filter_values": 30,
    "max_limit": 10,
    "max_scan": 1000,
    "query_timeout": 0.5,
    "max_document": 5000,
    "max_documents": TASKS + 1,
    "max_table": 4_000_000,
}
"""What each limit is set to."""

LONG = {"$or": [{"ext.a": {"$contains": f"x{number}"}} for number in range(90)]}
"""A filter that takes more than the half second that a list may take."""


def nested(depth):
    filter_ = {"name": "n"}
    for _ in range(depth - 1):
        filter_ = {"$not": filter_}
    return filter_


def queried(filter_):
    return lambda server: server.request("QUERY", T, {"filter": filter_})


def with_half_a_body(server):
    return exchange(
        server.port, head("POST", T, JSON, "Content-Length: 99") + b'{"name"'
    )


def among_many(server):
    """Return the reply to the first of more clients than there may be, who send no body."""
    asked = head("POST", T, JSON, "Content-Length: 99", "Expect: 100-continue")
    with ExitStack() as stack:
        clients = []
        for _ in range(SET["max_connections"]):
            clients.append(stack.enter_context(connect(server.port)))
            clients[-1].sendall(asked)
            assert clients[-1].recv(len(CONTINUE), MSG_WAITALL) == CONTINUE
        stack.enter_context(connect(server.port)).sendall(asked)
        return reply(clients[0])


def beside_others_that_are_long(server):
    def refused():
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(queried(LONG), [server] * 4))
        return [each for each in replies if "too many" in each.text]

    return until(refused)[0]


def one_too_many(server):
    """Return the reply to a second new task, where there may be one; it is deleted."""
    made = server.request("POST", T, {"name": "n"}).json
    reply = server.request("POST", T, {"name": "n"})
    assert server.request("DELETE", f"{T}/{made['id']}").status == 204
    return reply


def too_many_bytes(server):
    """Let tasks grow until one may not."""
    for number in range(1, TASKS):
        task = f"{T}/{number:08x}-016c-cdd4-606e-50e54938780c"
        reply = server.request("PATCH", task, {"opts": {"comment": "x" * 4500}})
        if reply.status != 200:
            return reply
    raise AssertionError("all tasks grew")


BEYOND = {
    "max_connections": among_many,
    "request_timeout": with_half_a_body,
    "max_address": lambda server: server.request("GET", f"{T}/{'x' * 300}"),
    "max_head": lambda server: server.request("GET", T, a="x" * 2048, b="x" * 2048),
    "max_body": lambda server: server.request("POST", T, {"name": "x" * 9000}),
    "max_depth": lambda server: server.request(
        "LOOKUP", T, json.loads("[" * 21 + "]" * 21)
    ),
    "max_members": lambda server: server.request("LOOKUP", T, [0] * 501),
    "max_filter": queried({"$and": [{"name": "n"}] * 150}),
    "max_filter_depth": queried(nested(11)),
    "max_filter_values": queried({"name": {"$in": ["n"] * 31}}),
    "max_limit": lambda server: server.request("GET", f"{T}?limit=11"),
    "max_scan": beside_others_that_are_long,
    "query_timeout": queried(LONG),
    "max_document": lambda server: server.request("POST", T, {"name": "x" * 5000}),
    "max_documents": one_too_many,
    "max_table": too_many_bytes,
}
"""The request that is beyond each limit."""

STATUS = {
    "max_connections": 503,
    "request_timeout": 408,
    "max_address": 414,
    "max_head": 431,
    "max_body": 413,
    "max_scan": 503,
    "query_timeout": 503,
    "max_document": 413,
    "max_documents": 507,
    "max_table": 507,
}
"""The status of its reply, where it is not 400."""


@pytest.fixture(scope="module")
def limited(tmp_path_factory, request):
    """A server of one worker, with each limit set, over many tasks."""
    data = tmp_path_factory.mktemp("limited")
    tasks = {
        str(number): {"id": f"{number:08x}-016c-cdd4-606e-50e54938780c", "name": "n"}
        for number in range(1, TASKS + 1)
    }
    (data / "svctasks.json").write_text(json.dumps({"svctasks": tasks}))
    env = {f"SVCTASKS_{name.upper()}": str(value) for name, value in SET.items()}
    # Of four threads one may run a long list, and one may wait for it.
    few = ["--workers", "1", "--threads", "4"]
    server = Server(data, "--server", request.param, *few, **env)
    yield server
    server.kill()


each_limited = pytest.mark.parametrize("limited", SERVERS, indirect=True)


@each_limited
def test_what_is_just_within_the_limits_is_answered(limited):
    line = len(f"GET {T}/ HTTP/1.1")
    longest = f"{T}/{'x' * (SET['max_address'] - line)}"
    assert limited.request("GET", longest).status == 404
    assert limited.request("GET", f"{T}?limit=10").status == 200
    assert "the key itself" in limited.request("LOOKUP", T, [0] * 499).text
    task = limited.request("POST", T, {"name": "x" * 4000})
    assert task.status == 200
    assert limited.request("DELETE", f"{T}/{task.json['id']}").status == 204


@each_limited
def test_list_without_a_limit_is_one_page_that_leads_to_the_next(limited):
    first = limited.request("GET", T)
    assert len(first.json) == SET["max_limit"]
    assert first.headers["x-total-count"] == f"{TASKS}"
    assert first.headers["link"] == f'<{T}?limit=10&offset=10>; rel="next"'
    assert len(limited.request("QUERY", T, {}).json) == SET["max_limit"]


def test_each_limit_of_requests_has_a_request_beyond_it():
    of_runners = {"runner_runs", "runner_grace", "runs_keep", "runs_max"}
    assert {limit.name for limit in LIMITS} - of_runners == BEYOND.keys()


@each_limited
@pytest.mark.parametrize(
    "limit",
    [limit for limit in LIMITS if limit.name in BEYOND],
    ids=lambda limit: limit.name,
)
def test_what_is_beyond_a_limit_is_refused_by_its_name(limited, limit, request):
    if limit.name == "max_connections" and "granian" in request.node.callspec.id:
        pytest.skip("Granian's core accepts no further connection")
    answer = BEYOND[limit.name](limited)
    assert answer.status == STATUS.get(limit.name, 400)
    assert answer.json["error_code"] == 1000 + answer.status
    message = answer.json["error_message"]
    assert f"SVCTASKS_{limit.name.upper()}" in message
    assert f"{SET[limit.name]}" in message
