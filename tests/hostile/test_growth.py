"""The time of each parser grows no faster than what it reads: a table of three sizes.

    python -m pytest -q -s -m hostile tests/hostile/test_growth.py

Each figure is the best of several. What takes less than ``NOISE`` is not compared, and the
time for eight times as much may be ``FACTOR`` times eight times as long: a quadratic parser
takes sixty-four times as long.
"""

import gc
import json
import time
import zlib
from contextlib import suppress
from io import BytesIO, StringIO
from pathlib import Path

import orjson
import pytest
from gunicorn.config import Config
from shared import T

from app import jsontext
from app.api.parameters import decoded, listing, showing
from app.api.request_limits import RequestLimits
from app.bootstrap import check, open_service, open_store
from app.errors import Error, Invalid
from app.gunicorn_requests import Incoming
from app.import_export import entities
from app.launch import options
from app.schemas.svctask import FIELDS, loaded
from app.settings import Settings

pytestmark = [pytest.mark.hostile, pytest.mark.files]

SETTINGS = Settings.from_environment()
LIMITS = RequestLimits.of(SETTINGS)

STEP = 8
FACTOR = 3
NOISE = 0.002
TIMES = 5


def address(**given):
    def read():
        with suppress(Invalid):
            listing(given, FIELDS, LIMITS)

    return read


def of_filter(value):
    return address(filter=json.dumps(value))


def some(size, item, before="[", after="]", between=","):
    """Return a text of about ``size`` characters that repeats ``item``."""
    return before + between.join([item] * max(1, size // (len(item) + 1))) + after


def deep(before, value, after, count):
    return before * count + value + after * count


NAMED = {
    "conditions": lambda n: some(n, '{"name":"x"}', '{"$or":[', "]}"),
    "negations": lambda n: deep('{"$not":', "{}", "}", n // 9),
    "values": lambda n: some(n, '"x"', '{"name":{"$in":[', "]}}"),
    "numbers": lambda n: some(n, "123456", '{"ext.a":{"$nin":[', "]}}"),
    "a long text": lambda n: f'{{"name":"{"x" * n}"}}',
    "a long name": lambda n: f'{{"ext.{"a." * (n // 2)}b":1}}',
    "a long unknown name": lambda n: f'{{"{"nam" * (n // 3)}":1}}',
    "a long operator": lambda n: f'{{"name":{{"${"e" * n}":1}}}}',
    "a long date": lambda n: f'{{"dtstart":"2019-01-01T00:00:00.{"0" * n}1Z"}}',
    "escapes": lambda n: f'{{"name":"{chr(92) + "u00e9"}{chr(92) * 2 * (n // 2)}"}}',
    "the platform's form": lambda n: some(
        n, '["==",["property","name"],1]', '["and",', "]"
    ),
}

ORDERS = {
    "items": lambda n: some(n, '"name"'),
    "objects": lambda n: some(n, '{"name":"desc"}'),
    "bare names": lambda n: some(n, "name desc", "", ""),
    "signs": lambda n: "-" * n,
    "spaces": lambda n: "name" + " " * n + "desc",
    "a long name": lambda n: "n" * n,
}

MASKS = {
    "names": lambda n: some(n, "name", "", ""),
    "commas": lambda n: "," * n,
    "dots": lambda n: "." * n,
    "names of ext": lambda n: ",".join(f"ext.k{number}" for number in range(n // 8)),
    "a long name": lambda n: "ext." + "a" * n,
}

QUERIES = {
    "ampersands": lambda n: "&" * n,
    "names": lambda n: "&".join(f"x{number}=1" for number in range(n // 6)),
    "one name": lambda n: "&".join(["name=1"] * (n // 7)),
    "escapes": lambda n: "filter=" + "%41" * (n // 3),
    "bad escapes": lambda n: "filter=" + "%" * n,
    "plus signs": lambda n: "filter=" + "+" * n,
    "brackets": lambda n: f"filter{'[a]' * (n // 3)}=x",
    "open brackets": lambda n: f"filter{'[' * n}=x",
    "equals signs": lambda n: "=" * n,
    "semicolons": lambda n: "a;" * (n // 2),
}

JSON = {
    "numbers": lambda n: some(n, "1"),
    "long digits": lambda n: "9" * n,
    "long fraction": lambda n: "0." + "1" * n,
    "exponent": lambda n: "1e" + "0" * n,
    "text": lambda n: f'"{"x" * n}"',
    "escapes": lambda n: '"' + "\\u00e9" * (n // 6) + '"',
    "an open text": lambda n: '"' + "\\" * (n // 2 * 2),
    "members": lambda n: "{%s}" % ",".join(f'"m{i}":1' for i in range(n // 10)),
    "one member": lambda n: "{%s}" % ",".join(['"m":1'] * (n // 6)),
    "open arrays": lambda n: "[" * n,
    "open objects": lambda n: '{"":' * (n // 4),
    "white space": lambda n: " " * n,
    "white space before a fault": lambda n: " " * n + "x",
    "lines before a fault": lambda n: "\n" * n + "x",
    "flat and deep": lambda n: some(n, "[[[[]]]]"),
    "NUL": lambda n: '"' + "\\u0000" * (n // 6) + '"',
    "bytes that are no UTF-8": lambda n: b'"' + b"\xff" * n + b'"',
}

HEADERS = {
    "If-Match": {
        "tags": lambda n: some(n, '"x"', "", ""),
        "commas": lambda n: '"x"' + " ," * (n // 2) + "y",
        "spaces": lambda n: " " * n + "y",
        "an open tag": lambda n: '"' + "x" * n,
        "weak signs": lambda n: "W/" * (n // 2),
    },
    "If-None-Match": {
        "tags": lambda n: some(n, '"x"', "", ""),
        "commas": lambda n: '"x"' + " ," * (n // 2) + "y",
        "words": lambda n: some(n, "x", "", ""),
    },
    "Accept": {
        "types": lambda n: some(n, "a/b", "", ""),
        "parameters": lambda n: "a/b" + ";q=1" * (n // 4),
        "semicolons": lambda n: "a/b" + ";" * n,
        "quotes": lambda n: 'a/b;c="' + '\\"' * (n // 2),
        "commas": lambda n: "," * n,
    },
    "Content-Type": {
        "parameters": lambda n: "application/json" + ";a=b" * (n // 4),
        "quotes": lambda n: 'application/json;a="' + '\\"' * (n // 2),
        "spaces": lambda n: "application/json" + " " * n + ";",
    },
    "Cookie": {
        "pairs": lambda n: some(n, "a=b", "", "", ";"),
        "semicolons": lambda n: ";" * n,
        "quotes": lambda n: 'a="' + '\\"' * (n // 2),
    },
    "Authorization": {
        "Bearer": lambda n: "Bearer " + "x" * n,
        "Basic": lambda n: "Basic " + "QUFB" * (n // 4),
        "spaces": lambda n: "Basic" + " " * n + "x",
        "commas": lambda n: "Digest " + "a=b," * (n // 4),
    },
    "Host": {
        "colons": lambda n: ":" * n,
        "labels": lambda n: "a." * (n // 2),
        "brackets": lambda n: "[" * n,
    },
    "Origin": {"a long one": lambda n: "http://" + "a." * (n // 2)},
    "X-Forwarded-For": {"addresses": lambda n: some(n, "192.0.2.1", "", "")},
    "X-Forwarded-Prefix": {"slashes": lambda n: "/" * n},
    "Forwarded": {"elements": lambda n: some(n, "for=192.0.2.1;proto=https", "", "")},
    "X-Request-Id": {"a long one": lambda n: "a" * n},
    "X-HTTP-Method-Override": {"a long one": lambda n: "LOOKUP" * (n // 6)},
    "Range": {"ranges": lambda n: "bytes=" + "0-1," * (n // 4)},
    "If-Modified-Since": {"a long one": lambda n: "Sun, " * (n // 5)},
    "Content-Length": {"digits": lambda n: "0" * n},
}

HEADS = {
    "headers": lambda n: [b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (n // 6) + b"\r\n"],
    "a long header": lambda n: [b"GET / HTTP/1.1\r\nhost:a\r\nx: " + b"y" * n, END],
    "spaces": lambda n: [b"GET / HTTP/1.1\r\nhost:a\r\nx: " + b" " * n, END],
    "byte by byte": lambda n: [b"GET / HTTP/1.1\r\n", *[b"x"] * n, END],
    "lines one by one": lambda n: [b"GET / HTTP/1.1\r\n", *[b"x: y\r\n"] * (n // 6)],
    "an address": lambda n: [b"GET /" + b"%41" * (n // 3) + b" HTTP/1.1\r\n\r\n"],
    "empty lines": lambda n: [b"\r\n" * (n // 2)],
    "chunks of a byte": lambda n: [CHUNKED, b"1\r\nx\r\n" * (n // 6), LAST],
    "chunks, byte by byte": lambda n: [CHUNKED, *[b"1", b"\r\nx\r\n"] * (n // 6), LAST],
    "extensions": lambda n: [CHUNKED, b"1;" + b"a=b;" * (n // 4) + b"\r\nx\r\n", LAST],
    "a size": lambda n: [CHUNKED, b"0" * n],
    "trailers": lambda n: [CHUNKED, b"0\r\n" + b"a: b\r\n" * (n // 6) + b"\r\n"],
    "a body, byte by byte": lambda n: [SIZED % n, *[b"x"] * n],
}

END, LAST = b"\r\n\r\n", b"0\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
SIZED = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


def line(members):
    raw = orjson.dumps(members)[1:]
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(raw), raw)


def put(number, name="n"):
    return [[number, {"id": f"{number:08x}-0000-0000-0000-000000000000", "name": name}]]


HEADER = {"seq": 0, "format": 3, "epoch": "", "base": None, "next": 1}

START = b'{"crc":"'


def entries(count):
    return [line({"seq": i, "put": put(i)}) for i in range(1, count + 1)]


JOURNALS = {
    "sound entries": lambda n: [*entries(n // 90)],
    "damaged entries": lambda n: [each[:-5] + b"\n" for each in entries(n // 90)],
    "every other damaged": lambda n: [
        each if i % 2 else each[:-5] + b"\n" for i, each in enumerate(entries(n // 90))
    ],
    "entries without ends": lambda n: [each[:-1] for each in entries(n // 90)],
    "a long entry": lambda n: [line({"seq": 1, "put": put(1, "x" * n)})],
    "a long damaged entry": lambda n: [line({"seq": 1, "put": put(1, "x" * n)})[1:]],
    "starts of entries": lambda n: [START * (n // len(START))],
    "line ends": lambda n: [b"\n" * n],
    "zeros": lambda n: [b"\0" * n],
    "the same entry": lambda n: [entries(1)[0]] * (n // 90),
}

FILES = {
    "tasks": lambda n: some(n, '{"name":"n"}'),
    "no tasks": lambda n: some(n, "{}"),
    "a task": lambda n: '{"name":"n","ext":{"a":%s}}' % some(n, "1"),
    "periods": lambda n: '[{"name":"n","periods":%s}]' % some(n, "{}"),
    "members": lambda n: '[{"name":"n",%s}]'
    % ",".join(f'"m{i}":1' for i in range(n // 10)),
    "flat members": lambda n: '[{"name":"n",%s}]'
    % ",".join(f'"ext.m{i}.a":1' for i in range(n // 14)),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = Settings.from_environment(data=tmp_path_factory.mktemp("g") / "data")
    service = open_service(settings, log=StringIO())
    yield service
    service.close()


def asks(service, value, name):
    """Return what sends a request with a header, past the server."""
    key = name.upper().replace("-", "_")
    key = key if key.startswith("CONTENT_") else f"HTTP_{key}"
    environs = [
        {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.errors": StringIO(),
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "127.0.0.1",
            key: value,
        }
        for method, path in (("GET", "/"), ("GET", T), ("POST", T), ("PATCH", f"{T}/x"))
    ]

    def ask():
        for environ in environs:
            stream = {"wsgi.input": BytesIO(b"")}
            service.application({**environ, **stream}, lambda status, headers: None)

    return ask


def feeds(config, pieces):
    def feed():
        incoming = Incoming(config, ("127.0.0.1", 1), SETTINGS)
        with suppress(Exception):
            for piece in pieces:
                incoming.add(piece)

    return feed


def opens(folder, lines):
    """Return what opens a folder with a journal of ``lines``, and checks it."""
    settings = Settings.from_environment(data=folder, fsync="never")
    open_store(settings).close()
    path = folder / "svctasks.json.journal"

    def open_():
        path.write_bytes(b"".join([line(HEADER), *lines]))
        (folder / "svctasks.json").unlink(missing_ok=True)
        with suppress(Error):
            check(settings)
            open_store(settings).close()

    return open_


def imports(content):
    def import_():
        with suppress(Invalid):
            for _, raw in entities(content.encode(), "svctasks", "f.json"):
                with suppress(Invalid):
                    loaded(raw, "", "")

    return import_


def best(act):
    """Return the seconds that ``act`` takes of the processor, the best of several."""
    seconds = []
    for _ in range(TIMES):
        begin = time.process_time()
        act()
        seconds.append(time.process_time() - begin)
        if seconds[0] > 1:
            break
    return min(seconds)


def read_json(text):
    def read():
        with suppress(Invalid):
            jsontext.read(text)

    return read


def read_query(text):
    def read():
        with suppress(Invalid):
            listing(decoded(text), FIELDS, LIMITS)
        with suppress(Invalid):
            showing(decoded(text), FIELDS)

    return read


def cases(service, config, folder):
    """Return the parsers by name, with the least size and what reads a text of a size."""
    for name, made in NAMED.items():
        yield f"filter, {name}", 16_000, lambda n, f=made: address(filter=f(n))
    for name, made in ORDERS.items():
        yield f"order, {name}", 16_000, lambda n, f=made: address(order=f(n))
    for name, made in MASKS.items():
        yield f"mask, {name}", 16_000, lambda n, f=made: address(mask=f(n))
    for name, made in QUERIES.items():
        yield f"query string, {name}", 16_000, lambda n, f=made: read_query(f(n))
    for name, made in JSON.items():
        yield f"JSON, {name}", 16_000, lambda n, f=made: read_json(f(n))
    for header, kinds in HEADERS.items():
        for name, made in kinds.items():
            yield f"{header}, {name}", 1_000, (
                lambda n, h=header, f=made: asks(service, f(n), h)
            )
    for name, made in HEADS.items():
        yield f"HTTP, {name}", 1_000, lambda n, f=made: feeds(config, f(n))
    for number, (name, made) in enumerate(JOURNALS.items()):
        place = folder / f"{number}"
        yield f"journal, {name}", 16_000, lambda n, f=made, p=place: opens(p, f(n))
    for name, made in FILES.items():
        yield f"import, {name}", 16_000, lambda n, f=made: imports(f(n))


def test_time_grows_linearly(service, tmp_path: Path):
    config = Config()
    for name, value in options(Settings.from_environment(data=tmp_path)).items():
        config.set(name, value)
    # Else its time would depend on all that the tests have loaded.
    gc.collect()
    gc.freeze()
    faults = []
    print(f"\n| What is read | {' | '.join(['size', 'ms'] * 3)} |")
    print("|---|" + "--:|" * 6)
    for name, least, made in cases(service, config, tmp_path):
        sizes = [least, least * STEP, least * STEP**2]
        seconds = [best(made(size)) for size in sizes]
        cells = [
            f"{size:,} | {took * 1000:.2f}"
            for size, took in zip(sizes, seconds, strict=True)
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        for less, more in zip(seconds, seconds[1:], strict=False):
            if more > FACTOR * STEP * max(less, NOISE):
                faults.append((name, seconds))
    gc.unfreeze()
    assert not faults
