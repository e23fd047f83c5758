"""What slow, many and expensive clients cost an honest one.

* Slow: 64 clients that send a head, 64 that send a body and 64 that read a reply, each a
  byte a second.
* Burst: 16 expensive queries at once over 100,000 tasks, and again when all are answered.
* Held: as many idle connections as the workers take.

An honest client, in a process of its own, asks the same before and meanwhile. Compare the
two, not the milliseconds: the machine may be busy with other work.

Run: python tests/bench/strain.py --help
"""

import itertools
import json
import multiprocessing
import resource
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import click
import tasks
from folders import checkpoint, write
from parts import T
from serving import Running, running

SLOW = 64
"""How many slow clients of each kind there are."""

BURST = 16
"""How many expensive queries are sent at once."""

PAUSE = 0.005
"""Seconds between two requests of the honest client."""

CONNECTIONS = 8
"""The connections of the honest client, to reach all workers."""

LARGE = "ffffffff-019a-0000-0000-50e54938780c"
"""The id of a task of a megabyte."""

FIELDS = ("svcscriptcode", "isenabled", "intervalsec", "dtstart", "schedule", "ext.ct")

Times = dict[str, list[float]]
"""The seconds that each kind of request took."""


@click.command()
@click.option(
    "--parts", default="slow,contains,orders,held", help="Which, with commas."
)
@click.option("--servers", default="gunicorn,granian", help="Which, with commas.")
@click.option("--size", default=100_000, help="How many tasks there are.")
@click.option("--seconds", default=10.0, help="How long each measurement takes.")
def main(parts: str, servers: str, size: int, seconds: float) -> None:
    """Show what slow, many and expensive clients cost an honest one."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        write(folder, "svctasks", map(tasks.task, range(size)))
        checkpoint(folder)
        for server in servers.split(","):
            with running("svctasks", folder, server) as service:
                _warm_up(service, size)
                for part in parts.split(","):
                    click.echo(f"{server}, {part}")
                    _compare(service, size, seconds, STRAINS[part])


def _warm_up(service: Running, size: int) -> None:
    """Let both workers make their indexes, and create the large task."""
    large = {"id": LARGE, "name": "n", "ext": {"text": "x" * 1_000_000}}
    service.request("POST", T, large)
    for _ in range(8):
        _measured(service.port, size, 0.5)


def _compare(
    service: Running, size: int, seconds: float, strain: Callable[[Running], object]
) -> None:
    usual = _in_process(service, size, seconds)
    before = service.memory()
    most = list(before)
    with strain(service) as summary, _watched(service, most):
        strained = _in_process(service, size, seconds)
        click.echo(f"  {summary()}")
    for kind, times in usual.items():
        others = strained[kind]
        ratio = _p99(others) / _p99(times)
        click.echo(
            f"  {kind}: p99 usual {_p99(times) * 1000:.1f} ms, beside them "
            f"{_p99(others) * 1000:.1f} ms (ratio {ratio:.1f}); median "
            f"{statistics.median(times) * 1000:.1f} and "
            f"{statistics.median(others) * 1000:.1f} ms; longest {max(times) * 1000:.0f} "
            f"and {max(others) * 1000:.0f} ms; {len(times)} and {len(others)} requests"
        )
    click.echo(f"  memory of the workers, MB: {before} before, {most} at most")


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


# The honest client


def _in_process(service: Running, size: int, seconds: float) -> Times:
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        times: Times = pool.apply(_measured, (service.port, size, seconds))
    return times


def _measured(port: int, size: int, seconds: float) -> Times:
    """Return how long the requests of an honest client take, one after another."""
    connections = itertools.cycle(
        [HTTPConnection("127.0.0.1", port, timeout=600) for _ in range(CONNECTIONS)]
    )
    times: Times = {"GET one": [], "GET list": [], "PATCH": []}
    listed = urlencode(
        {"filter": '{"schedule":"work"}', "order": '["name"]', "limit": "20"}
    )
    end = time.perf_counter() + seconds
    for number in itertools.count():
        if time.perf_counter() > end:
            return times
        id_ = tasks.task_id(number * 7919 % size)
        _time(times["GET one"], next(connections), "GET", f"{T}/{id_}")
        _time(times["GET list"], next(connections), "GET", f"{T}?{listed}")
        body = json.dumps({"opts": {"comment": f"{number}"}})
        _time(times["PATCH"], next(connections), "PATCH", f"{T}/{id_}", body)
        time.sleep(PAUSE)
    raise AssertionError


def _time(
    times: list[float],
    connection: HTTPConnection,
    method: str,
    path: str,
    body: str | None = None,
) -> None:
    begin = time.perf_counter()
    connection.request(method, path, body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    reply.read()
    times.append(time.perf_counter() - begin)
    assert reply.status == 200, reply.status


@contextmanager
def _watched(service: Running, most: list[float]) -> Iterator[None]:
    """Keep in ``most`` what each worker takes at most."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.25):
            most[:] = map(max, most, service.memory())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


# The strains; each yields a function to a line about what it did


@contextmanager
def _slow(service: Running) -> Iterator[Callable[[], str]]:
    text = json.dumps({"name": "n" * 1000})
    kept = "Content-Type: application/json\r\n"
    head = f"GET {T}/{LARGE} HTTP/1.1\r\nHost: localhost\r\n"
    to_send = {
        "heads": head.encode() + b"X: " + b"x" * 1000,
        "bodies": (
            f"POST {T} HTTP/1.1\r\nHost: localhost\r\n{kept}"
            f"Content-Length: {len(text)}\r\n\r\n{text}"
        ).encode(),
    }
    ended = threading.Event()
    with ExitStack() as stack:
        senders = [
            (stack.enter_context(_connected(service.port)), content)
            for content in to_send.values()
            for _ in range(SLOW)
        ]
        readers = [
            stack.enter_context(_connected(service.port, 4096)) for _ in range(SLOW)
        ]
        for reader in readers:
            reader.sendall(f"{head}\r\n".encode() * 5)
        held = [0]

        def drip() -> None:
            for second in itertools.count():
                for client, content in senders:
                    client.sendall(content[second : second + 1])
                held[0] = sum(len(reader.recv(1)) for reader in readers)
                if ended.wait(1):
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield lambda: f"{len(senders)} send, {held[0]} read a byte a second"
        finally:
            ended.set()
            thread.join()


@contextmanager
def _burst(
    service: Running, parameters: Callable[[int], dict[str, str]]
) -> Iterator[Callable[[], str]]:
    statuses: Counter[int] = Counter()
    numbers = itertools.count()
    ended = threading.Event()

    def send(_: int) -> int:
        asked = urlencode(parameters(next(numbers)) | {"limit": "20"})
        return service.request("GET", f"{T}?{asked}").status

    def attack() -> None:
        with ThreadPoolExecutor(BURST) as pool:
            while not ended.is_set():
                statuses.update(pool.map(send, range(BURST)))

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        yield lambda: f"replies to the expensive queries so far: {dict(statuses)}"
    finally:
        ended.set()
        thread.join()


def _contains(number: int) -> dict[str, str]:
    return {"filter": json.dumps({"name": {"$contains": f"no{number}"}})}


def _orders(number: int) -> dict[str, str]:
    """Return an order that nobody asked for before."""
    orders = itertools.permutations(FIELDS, 3)
    first, *others = next(itertools.islice(orders, number % 100, None))
    return {"order": json.dumps([first, *others])}


@contextmanager
def _held(service: Running) -> Iterator[Callable[[], str]]:
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        clients = []
        for _ in range(min(16_000, most - 500)):
            client = stack.enter_context(_connected(service.port))
            client.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
            clients.append(client)
        yield lambda: f"{sum(map(_is_open, clients))} idle connections are held"
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


def _connected(port: int, receive_buffer: int | None = None) -> socket.socket:
    client = socket.socket()
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(600)
    client.connect(("127.0.0.1", port))
    return client


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


STRAINS: dict[str, Callable[[Running], object]] = {
    "slow": _slow,
    "contains": lambda service: _burst(service, _contains),
    "orders": lambda service: _burst(service, _orders),
    "held": _held,
}

if __name__ == "__main__":
    main()
