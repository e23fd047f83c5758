"""Requests to every address, as bytes: valid ones, and such as no client should send."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import quote

from mutation import ODD, Mutator
from shared import T

from app.api.routes import ROUTES

TASK = {
    "name": "Nightly report",
    "isenabled": 1,
    "sitemode": "firstsite",
    "sites": ["SITE1", "SITE2"],
    "isregular": True,
    "intervalsec": 60,
    "dtstart": "2019-02-20T08:00:00Z",
    "dtstop": "2020-02-20T08:00:00.5+01:00",
    "schedule": "individual",
    "periods": [{"dow": 1, "timestart": 0, "timestop": 1440}],
    "opts": {"title": "t", "comment": "", "k": [1, {"a": None}]},
    "ext": {"owner": "ops", "deep": {"a": [{"b": 1}, {"b": "x"}]}},
}

EVENT = {
    "timestamp": "2010-09-07T07:58:16.313Z",
    "session_id": "s",
    "interaction_id": 56,
    "application_type": 400,
    "application_id": 40,
    "resource_type": 200,
    "resource_id": 10,
    "media_type": "web",
}

SCHEMA = {
    "name": "Extra",
    "type": "multi-valued",
    "attributes": [
        {"name": "a", "type": "string", "length": 8, "unique": True},
        {"name": "b", "type": "currency", "default": 1.5},
        {"name": "c", "type": "datetime", "mandatory": False},
    ],
    "unique": ["a"],
}

OFFER = {"offer_name": "VIP credit card black ed.", "type": 9, "comments": "c"}

FILTERS: list[Any] = [
    {"isenabled": 1, "ext.owner": "ops"},
    {"name": {"$startswith": "Daily", "$endswith": "g"}},
    {"$or": [{"name": "n"}, {"$nor": [{"intervalsec": {"$gte": 60}}]}]},
    {"$not": {"sites": {"$all": ["SITE1"]}}},
    {"opts": {"title": "t"}, "ext.deep.a.b": {"$in": [1, "x", None]}},
    {"dtstart": {"$lt": "2020-01-01T00:00:00Z"}, "periods": [{"dow": 1}]},
    {"ext.missing": {"$exists": False}, "name": {"$contains": "CALLS"}},
    ["and", ["==", ["property", "name"], "x"], ["in", ["property", "id"], []]],
    ["not", ["<=", ["property", "intervalsec"], 60]],
]

ORDERS: list[Any] = ["name", ["name", {"ext.lwt": "desc"}], {"ext.ct": "desc"}]

MASKS = ["id,name", "ext", "ext.ct,ext.lwt", "opts.title,periods"]

MOMENT = "2010-09-07T07:58:16.313Z"

QUERIES: dict[str, list[str]] = {
    "filter": [json.dumps(each) for each in FILTERS],
    "order": [json.dumps(each) for each in ORDERS] + ["name", "-name", "name desc"],
    "mask": MASKS,
    "offset": ["0", "1", "9223372036854775807"],
    "limit": ["0", "1", "10"],
    "flat": ["true", "0"],
    "active_states": ["true"],
    "completed_states": ["1"],
    "active_tasks": ["TRUE"],
    "completed_tasks": ["false"],
    "extensions": ["ClientInfo,relatedOffers"],
    "started_from": [MOMENT],
    "started_to": [MOMENT],
    "completed_from": ["2010-09-07T07:58:16+0000"],
    "completed_to": [MOMENT],
    "service_types": ["100,web"],
    "state_types": ["100"],
    "task_types": ["55"],
    "state_id": ["4000"],
    "cv-attribute": ["Task.disposition"],
    "_": ["1"],
}
"""Values of the parameters in an address."""

PLACES = {
    "id": ["380daae6-016c-cdd4-606e-50e54938780c"] * 3
    + ["86228B15-016C-CDEF-CCCE-50E54938780C"],
    "service_id": ["3005", "3005", "3006", "3007", "3008"],
    "state_id": ["4000", "4001", "4002", "4003"],
    "task_id": ["2000", "2001", "2002", "2003"],
    "customer_id": ["c1"],
    "contact_key": ["bob"],
    "name": ["ClientInfo", "relatedOffers", "Outcome"],
    "file": ["page.js", "swagger-ui.css"],
}
"""What stands for the parameters in the templates of addresses."""

BODIES: dict[str, list[Any]] = {
    "post_svctasks": [
        TASK,
        {"name": "n"},
        {"name": "n", "opts.title": "x"},
        {**TASK, "id": "380daae6-016c-cdd4-606e-50e54938780c"},
        {**TASK, "id": "86228b15-016c-cdef-ccce-50e54938780c"},
    ],
    "patch_svctasks_one": [TASK, {"ext": {"k": None}}, {"name": "n", "periods": None}],
    "lookup_svctasks": ["380daae6-016c-cdd4-606e-50e54938780c", 5],
    "query_svctasks": [
        {"filter": FILTERS[0], "order": ORDERS[1], "mask": MASKS[0], "limit": 1},
        *({"filter": each} for each in FILTERS),
        *({"order": each, "flat": True} for each in ORDERS),
    ],
    "post_services_start": [
        {**EVENT, "service_type": 100, "contact_key": "bob", "est_duration": 300},
        {"service_type": "x", "customer_id": "c1", "ClientInfo": {"clientIp": "::1"}},
    ],
    "post_services_association": [{}, EVENT],
    "post_services_end": [{}, {**EVENT, "disposition": 5, "disposition_desc": "d"}],
    "post_states_start": [{**EVENT, "state_type": 100, "previous_state_id": 4001}],
    "post_states_transition": [
        {"from": {"state_id": 4000}, "to": {"state_type": 300}, **EVENT}
    ],
    "post_states_end": [{"disposition": "d", **EVENT}],
    "post_tasks_start": [{**EVENT, "task_type": 55, "state_id": 4001}],
    "post_tasks_end": [{}, {"disposition": 5}],
    "post_mode": [{"mode": "production"}] * 5 + [{"mode": "maintenance"}],
}
"""Bodies by operation; those about extensions go by the last word of the operation."""

HEADERS = {
    "Accept": ["*/*", "text/html", "application/json;q=0.5,text/html"],
    "Content-Encoding": ["identity", "gzip"],
    "If-Match": ["*", '"0123456789abcdef"', 'W/"x", "y-z"'],
    "If-None-Match": ["*", '"0123456789abcdef-0"'],
    "If-Modified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT"],
    "X-HTTP-Method-Override": ["LOOKUP", "QUERY", "DELETE"],
    "X-Request-Id": ["abc-1"],
    "Range": ["bytes=0-1"],
    "Expect": ["100-continue"],
    "Cookie": ["a=b; c=d"],
    "Origin": ["http://127.0.0.1:8000", "http://evil.test", "null"],
    "Sec-Fetch-Site": ["same-origin", "cross-site", "none"],
    "Access-Control-Request-Method": ["DELETE"],
    "Authorization": ["Bearer svct_x", "Basic YTpi"],
    "X-Forwarded-For": ["192.0.2.1"],
    "X-Forwarded-Proto": ["https"],
    "X-Forwarded-Host": ["other.test"],
    "X-Forwarded-Prefix": ["/outer"],
    "Forwarded": ["for=192.0.2.1;proto=https"],
    "Upgrade": ["websocket", "h2c"],
    "Connection": ["keep-alive", "close", "Upgrade"],
    "Accept-Encoding": ["gzip"],
    "Referer": ["http://evil.test/"],
}
"""Headers that mean something, here or to a proxy."""

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LOOKUP"] + [
    "QUERY",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "WEBSOCKET",
    "get",
    "LOOKUPS",
    "PRI",
]

MEDIA_TYPES = ["application/json"] * 8 + [
    "application/json; charset=utf-8",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    'application/json; charset="',
    ";",
]


@dataclass
class Sent:
    """A request as it is sent; nothing in it needs to be right."""

    method: str
    target: bytes
    fields: list[tuple[str, bytes]] = field(default_factory=list)
    body: bytes = b""
    version: bytes = b"HTTP/1.1"

    def raw(self) -> bytes:
        """Return the bytes that are sent."""
        line = b"%b %b %b" % (self.method.encode("latin-1"), self.target, self.version)
        lines = (b"%b: %b" % (name.encode(), value) for name, value in self.fields)
        return b"\r\n".join([line, *lines, b"", self.body])


class Requests:
    """Draws requests by ``chance``."""

    def __init__(self, chance: Random) -> None:
        self.mutate = Mutator(chance)
        self._chance = chance
        self._operations = [
            (route.template, method, verb.operation)
            for route in ROUTES
            for method, verb in route.verbs.items()
        ]
        # Half of all go to service tasks, which have few addresses.
        tasks = [each for each in self._operations if each[0].startswith(T)]
        self._operations += tasks * (len(self._operations) // len(tasks))

    def valid(self) -> Sent:
        """Return a request that a client could send, though not always with success."""
        sent, _ = self._drawn(0)
        return sent

    def mutated(self) -> Sent:
        """Return a request with something in it changed, of which HTTP is sound."""
        chance, mutate = self._chance, self.mutate
        sent, operation = self._drawn(chance.choice((0.1, 0.5, 1.0)))
        what = chance.randrange(10)
        if what == 0:
            sent.method = chance.choice(METHODS)
        elif what == 1:
            path = bytes(byte for byte in mutate.content(sent.target) if byte > 32)
            sent.target = b"/" + path.lstrip(b"/")
        elif what == 2:
            sent.body = mutate.content(sent.body)
        for _ in range(chance.choice((0, 0, 1, 1, 3))):
            sent.fields.append(self._header())
        self._frame(sent)
        return sent

    def broken(self) -> bytes:
        """Return a request, or several, whose bytes are changed anywhere."""
        chance = self._chance
        raws = []
        for _ in range(chance.choice((1, 1, 2, 3))):
            sent = self.mutated() if self.mutate.often(0.5) else self.valid()
            if sent.body and self.mutate.often(0.5):
                sent = self._in_chunks(sent)
            if self.mutate.often(0.2):
                sent.version = chance.choice((b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0"))
            if self.mutate.often(0.1):
                # The absolute form, and others.
                before = chance.choice((b"http://test", b"http://[::1]:1", b"*", b""))
                sent.target = before + sent.target
            raws.append(sent.raw())
        raw = b"".join(raws)
        match chance.randrange(6):
            case 0:
                return self._smuggled(raw)
            case 1:
                return raw[: chance.randrange(len(raw))]
            case 2:
                return raw
        head, end, rest = raw.partition(b"\r\n\r\n")
        if self.mutate.often(0.6):
            return self.mutate.content(head) + end + rest
        return self.mutate.content(raw)

    def _drawn(self, part: float) -> tuple[Sent, str]:
        """Return a request; a ``part`` of what is in it is changed."""
        chance, mutate = self._chance, self.mutate
        template, method, operation = chance.choice(self._operations)
        place = template
        for name, values in PLACES.items():
            if f"{{{name}}}" in place:
                value = chance.choice(values)
                if mutate.often(part / 4):
                    value = mutate.text(value)
                safe = "/%" if mutate.often(part / 8) else ""
                encoded = quote(value.encode("utf-8", "surrogatepass"), safe)
                place = place.replace(f"{{{name}}}", encoded)
        query = "&".join(self._parameters(method, operation, part))
        target = f"{place}?{query}" if query else place
        sent = Sent(method, target.encode("ascii"), [("Host", b"localhost")])
        if (bodies := self._bodies(operation)) and not mutate.often(part / 20):
            body = chance.choice(bodies)
            if mutate.often(part):
                body = mutate.value(body)
            sent.body = mutate.spelled(body) if mutate.often(part) else as_json(body)
            media_type = chance.choice(MEDIA_TYPES) if mutate.often(part) else JSON
            if "form" in media_type:
                sent.body = b"data=" + quote(sent.body).encode()
            sent.fields.append(("Content-Type", media_type.encode()))
        self._frame(sent)
        return sent, operation

    def _bodies(self, operation: str) -> list[Any]:
        if operation in BODIES:
            return BODIES[operation]
        if operation.startswith("post_"):
            return [{**SCHEMA, "name": name} for name in PLACES["name"]]
        if operation.endswith(("record", "removal")):
            return [OFFER, {"offer_name": None}]
        if operation.startswith("put_"):
            return [{"clientIp": "::1"}, [OFFER], [OFFER, {"offer_name": "o"}]]
        return []

    def _parameters(self, method: str, operation: str, part: float) -> Iterator[str]:
        chance, mutate = self._chance, self.mutate
        of_list = operation == "get_svctasks" or "_of_" in operation
        count = chance.choice((0, 1, 1, 2, 4)) if of_list else mutate.often(0.2)
        if method != "GET" and not mutate.often(part / 10):
            return
        for _ in range(count):
            name = chance.choice(list(QUERIES)[: 6 if "svctasks" in operation else 20])
            value = chance.choice(QUERIES[name])
            if mutate.often(part) and name in ("filter", "order"):
                try:
                    value = json.dumps(mutate.value(json.loads(value)))
                except ValueError:
                    pass
            if mutate.often(part / 3):
                value = mutate.text(value)
            if mutate.often(part / 20):
                name = chance.choice((f"{name}[]", f"{name}[a]", name.upper(), "x", ""))
            encoded = quote(value.encode("utf-8", "surrogatepass"), safe="{}:,[]$")
            yield f"{quote(name)}={encoded}"

    def _header(self) -> tuple[str, bytes]:
        chance, mutate = self._chance, self.mutate
        name = chance.choice(list(HEADERS))
        value = chance.choice(HEADERS[name]).encode()
        if mutate.often(0.6):
            value = mutate.content(value)
        if mutate.often(0.05):
            value = str(chance.choice(ODD)).encode("utf-8", "replace")
        if mutate.often(0.02):
            name = chance.choice(("Host", "Content-Length", "Content-Type", "Date"))
        # What no server hands on.
        return name, value.translate(None, b"\0\r\n").strip()

    def _frame(self, sent: Sent) -> None:
        """Set the length of the body."""
        sent.fields = [each for each in sent.fields if each[0] != LENGTH]
        if sent.body or sent.method in ("POST", "PATCH", "PUT"):
            sent.fields.append((LENGTH, b"%d" % len(sent.body)))

    def _in_chunks(self, sent: Sent) -> Sent:
        chance = self._chance
        rest, chunks = sent.body, []
        while rest:
            size = chance.choice((1, 7, 100, 10_000))
            part, rest = rest[:size], rest[size:]
            extension = b";a=b" if self.mutate.often(0.2) else b""
            chunks.append(b"%x%b\r\n%b\r\n" % (len(part), extension, part))
        trailer = b"X-Later: on\r\n" if self.mutate.often(0.2) else b""
        body = b"".join(chunks) + b"0\r\n" + trailer + b"\r\n"
        fields = [each for each in sent.fields if each[0] != LENGTH]
        return replace(
            sent, body=body, fields=[*fields, ("Transfer-Encoding", b"chunked")]
        )

    def _smuggled(self, raw: bytes) -> bytes:
        """Return ``raw`` with a further field that says how its body is framed."""
        chance = self._chance
        line = chance.choice(FRAMES)
        begin, end, rest = raw.partition(b"\r\n")
        return begin + end + line + rest


def as_json(value: Any) -> bytes:
    """Return ``value`` as a body."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


JSON, LENGTH = "application/json", "Content-Length"

FRAMES = [
    b"Content-Length: 0\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length: 5_0\r\n",
    b"Content-Length : 5\r\n",
    b"Content_Length: 5\r\n",
    b"Content-Length: \r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: Chunked\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n",
    b"Transfer_Encoding: chunked\r\n",
    b"X: y\r\n\tTransfer-Encoding: chunked\r\n",
    b"X: y\rTransfer-Encoding: chunked\r\n",
    b"X: y\nTransfer-Encoding: chunked\r\n",
    b"\r\n",
    b" X: folded\r\n",
    b"Trailer: Content-Length\r\n",
    b"Connection: close, Content-Length\r\n",
    b"Expect: 100-continue\r\n",
]
"""Fields about the frame of a body, on which two programs might disagree."""
