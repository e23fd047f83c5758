"""Valid samples, changed by chance: values, the JSON that spells them, text and bytes."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63) - 1,
    10**30,
    0.1,
    -0.0,
    60.0,
    1e16,
    1e308,
    5e-324,
    "",
    " ",
    "0",
    "1",
    "true",
    "-1",
    "1e5",
    "\0",
    "\ud800",
    "a\u0301",
    "\u0130",
    "\u202e",
    "\U0001f600",
    "n" * 300,
    "٣",
    "2019-08-26T12:09:03Z",
    "2016-12-31T23:59:60Z",
    "9999-12-31T23:59:59.999-23:59",
    "0001-01-01T00:00:00+23:59",
    "2019-02-30T00:00:00Z",
    "2019-08-26T12:09:03+0000",
    "380daae6-016c-cdd4-606e-50e54938780c",
    "86228B15-016C-CDEF-CCCE-50E54938780C",
    "380daae6016ccdd4606e50e54938780c",
    "{}",
    "a,b,,c",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "__proto__",
    "$where",
    [],
    {},
    [[]],
    [None],
    ["a", "a"],
    [{}],
    {"": 1},
    {"a": {"b": [1, {"c": None}]}},
    {"$eq": 1},
    {"$in": []},
    {"$not": {"$not": {}}},
    {"a.b": 1},
]
"""Values that a field, a parameter or a header may not be ready for."""

NAMES = [
    "id",
    "name",
    "ext",
    "ext.ct",
    "ext.",
    ".",
    "opts",
    "opts.title",
    "sites",
    "periods",
    "periods.0",
    "dow",
    "timestart",
    "service_id",
    "state_id",
    "task_id",
    "service_type",
    "customer_id",
    "started",
    "timestamp",
    "disposition_desc",
    "ClientInfo",
    "clientinfo",
    "relatedOffers",
    "offer_name",
    "active_tasks",
    "unique",
    "attributes",
    "length",
    "default",
    "mandatory",
    "encrypt",
    "filter",
    "order",
    "mask",
    "limit",
    "_",
    "$and",
    "$or",
    "$nor",
    "$not",
    "$eq",
    "$ne",
    "$in",
    "$nin",
    "$all",
    "$gt",
    "$exists",
    "$contains",
    "$startswith",
    "$regex",
    "constructor",
]
"""Names of members, known and unknown."""

PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\0",
    b"\t",
    b" ",
    b",",
    b":",
    b";",
    b"=",
    b"&",
    b"+",
    b"%",
    b"%00",
    b"%2f",
    b"%ff",
    b"%u0041",
    b"..",
    b"//",
    b"#",
    b"?",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"[",
    b"]",
    b"{",
    b"}",
    b"[" * 80,
    b'{"a":' * 80,
    b"-",
    b"0",
    b"9" * 25,
    b"1e999",
    b"NaN",
    b"null",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\x1f\x8b",
    b"\x7f",
    b"\x80",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"0\r\n\r\n",
]
"""Bytes with a meaning somewhere on the way."""


class Mutator:
    """Changes samples by ``chance``."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def often(self, part: float) -> bool:
        """Return True in ``part`` of the calls, from 0 to 1."""
        return self.chance.random() < part

    def value(self, sample: Any) -> Any:
        """Return ``sample`` with one to three things in it changed."""
        for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
            sample = self._changed(sample)
        return sample

    def _changed(self, value: Any) -> Any:
        chance = self.chance
        if not isinstance(value, dict | list) or not value or self.often(0.1):
            return self._odd(value)
        value = value.copy()
        places: Sequence[Any] = (
            list(value) if isinstance(value, dict) else range(len(value))
        )
        place = chance.choice(places)
        match chance.randrange(8):
            case 0:
                del value[place]
            case 1 if isinstance(value, dict):
                value[chance.choice(NAMES)] = chance.choice(ODD)
            case 1:
                value.insert(place, chance.choice(ODD))
            case 2 if isinstance(value, dict):
                value[chance.choice(NAMES)] = value.pop(place)
            case 2:
                value.append(value[place])
            case 3:
                value[place] = [value[place]]
            case 4:
                value[place] = {chance.choice(NAMES): value[place]}
            case _:
                value[place] = self._changed(value[place])
        return value

    def _odd(self, value: Any) -> Any:
        if isinstance(value, str) and self.often(0.5):
            return self.text(value)
        if isinstance(value, int | float) and self.often(0.3):
            return self.chance.choice((-value, value + 1, value * 2**33, str(value)))
        if self.often(0.02):
            return json.loads("[" * 70 + "]" * 70)
        return self.chance.choice(ODD)

    def text(self, sample: str) -> str:
        """Return ``sample`` with a few characters changed."""
        changed = self.content(sample.encode("utf-8", "surrogatepass"))
        return changed.decode("utf-8", "replace" if self.often(0.5) else "ignore")

    def spelled(self, value: Any) -> bytes:
        """Return JSON of ``value``, in one of many spellings, not all of them sound."""
        chance = self.chance
        raw = json.dumps(
            value,
            ensure_ascii=self.often(0.5),
            indent=chance.choice((None, None, None, 1)),
        ).encode("utf-8", "surrogatepass")
        match chance.randrange(24):
            case 0:
                return b"\xef\xbb\xbf" + raw
            case 1:
                return raw.decode("utf-8", "replace").encode("utf-16")
            case 2:
                return raw + chance.choice((b" ", b"\0", b",", b"{}", b"\xff"))
            case 3:
                return b"[" * 200 + raw + b"]" * 200
            case 4:
                return raw.replace(b'"', b"'")
            case 5 if raw.startswith(b"{") and b":" in raw:
                # The first member twice.
                return b"{" + raw[1:-1] + b"," + raw[1:]
            case 6 | 7:
                return self.content(raw)
        return raw

    def content(self, sample: bytes) -> bytes:
        """Return ``sample`` with one to four pieces of it changed."""
        chance = self.chance
        raw = bytearray(sample)
        for _ in range(chance.choice((1, 1, 2, 4))):
            place = chance.randrange(len(raw) + 1)
            end = min(len(raw), place + chance.choice((1, 1, 2, 5, 20)))
            match chance.randrange(8):
                case 0:
                    del raw[place:end]
                case 1:
                    raw[place:place] = raw[place:end]
                case 2:
                    raw[place:end] = chance.choice(PIECES)
                case 3 | 4:
                    raw[place:place] = chance.choice(PIECES)
                case 5:
                    raw[place:place] = chance.randbytes(chance.choice((1, 2, 8)))
                case 6 if place < len(raw):
                    raw[place] ^= 1 << chance.randrange(8)
                case 7 if self.often(0.3):
                    del raw[place:]
                case 7 if self.often(0.1):
                    raw[place:place] = raw[place:end] * 500
        return bytes(raw)
