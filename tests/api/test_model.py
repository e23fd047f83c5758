"""Random histories: the API must agree with a model that is written from the contract.

The model is a dict of plain dicts. It validates nothing: what is sent is drawn from
tables that say what becomes of each value; refused values have a table of their own. The
environment variable SVCTASKS_MODEL_EXAMPLES asks for more histories than the 50 of the test
run.
"""

import json
import os
import shutil
import tempfile
from datetime import datetime
from io import StringIO
from pathlib import Path

from calls import address, send
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from shared import Clock, T
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

IDS = [f"{digit * 8}-0000-0000-0000-50e54938780c" for digit in "fa90"]
UNKNOWN = "12345678-0000-0000-0000-000000000000"

DEFAULTS = {
    "id": "",
    "name": "",
    "isenabled": 0,
    "svcscriptcode": "",
    "sitemode": "all",
    "sites": "",
    "isregular": 0,
    "overlap": 1,
    "intervalsec": 0,
    "dtstart": "",
    "dtstop": "",
    "schedule": "all",
    "periods": [],
    "opts": {"title": "", "comment": ""},
    "ext": {},
}

PERIOD = {"dow": 7, "timestart": 0, "timestop": 1440}

VALID = {
    "name": [(name, name) for name in ("a", "B", "b a", " \u017b ", "\U0001f600")],
    "isenabled": [(0, 0), (1, 1), (True, 1), ("false", 0), ("1", 1)],
    "svcscriptcode": [("", ""), ("x", "x"), ("X", "X")],
    "sitemode": [("all", "all"), ("firstsite", "firstsite")],
    "sites": [(s, s) for s in ("", "A, B", "B", ["A"], ["B", " A"], [])],
    "overlap": [(False, 0), ("true", 1)],
    "intervalsec": [(0, 0), ("60", 60), (3600, 3600), (2**63 - 1, 2**63 - 1)],
    "dtstart": [
        ("", ""),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("2020-01-01T02:00:00.50+02:00", "2020-01-01T00:00:00.50Z"),
        ("2019-12-31T23:59:59.999-00:01", "2020-01-01T00:00:59.999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
    "schedule": [("work", "work"), ("all", "all")],
    "periods": [([], []), ([PERIOD], [PERIOD]), ([{**PERIOD, "dow": "7"}], [PERIOD])],
}

INVALID = {
    "name": [None, "", " \u2003", 1, []],
    "id": ["", "x", 1, [UNKNOWN]],
    "isenabled": [2, 1.5, "yes", []],
    "sitemode": ["none", 0],
    "sites": [1, [None], {}],
    "overlap": ["", 1.5],
    "intervalsec": [-1, True, 1.5, "1.0", 2**63],
    "dtstart": ["2020-01-01", 0, "0001-01-01T00:00:00+01:00"],
    "schedule": ["never"],
    "periods": [{}, [1], [{}]],
    "opts": [[], "", {"title": 1}],
    "ext": [[], 1],
    "nosuch": [1, None],
    "Name": ["n"],
}

JSONS = [
    None,
    0,
    1,
    True,
    False,
    "1",
    "",
    1.5,
    [],
    [1, {}],
    [True],
    {"a": 1},
    {"b": {}},
]
EXT_KEYS = ["k", "k.x", "", "$set", "a"]


def instant(text):
    """Return what orders dates: nothing first, then the moments."""
    if not text:
        return (0,)
    return (1, datetime.fromisoformat(text.replace("Z", "+00:00")))


def names_in(sites):
    listed = sites.split(",") if isinstance(sites, str) else sites
    return {name.strip() for name in listed} - {""}


def is_json(left, right):
    """Tell whether two JSON values are equal; in Python, 1 equals true."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def is_or_has(value, wanted):
    """Tell whether a value is the one that is wanted, or an array with it."""
    return any(
        is_json(each, wanted)
        for each in ([value] + value if isinstance(value, list) else [value])
    )


ABSENT = object()

FILTERS = [
    ({}, lambda task: True),
    ({"name": "a"}, lambda task: task["name"] == "a"),
    ({"name": {"$contains": "B"}}, lambda task: "b" in task["name"].lower()),
    ({"name": {"$gt": "a"}}, lambda task: task["name"] > "a"),
    ({"isenabled": "true"}, lambda task: task["isenabled"] == 1),
    ({"isenabled": {"$ne": 1}}, lambda task: task["isenabled"] == 0),
    ({"intervalsec": {"$gte": 60}}, lambda task: task["intervalsec"] >= 60),
    ({"intervalsec": {"$in": [0, "3600"]}}, lambda t: t["intervalsec"] in (0, 3600)),
    ({"svcscriptcode": {"$nin": ["x", ""]}}, lambda t: t["svcscriptcode"] == "X"),
    ({"sites": "A"}, lambda task: "A" in names_in(task["sites"])),
    ({"sites": ["B", "A"]}, lambda task: {"A", "B"} <= names_in(task["sites"])),
    ({"sites": ""}, lambda task: not names_in(task["sites"])),
    ({"periods": [{"dow": 7}]}, lambda task: task["periods"] != []),
    (
        {"dtstart": "2020-01-01T01:00:00.5+01:00"},
        lambda task: task["dtstart"] == "2020-01-01T00:00:00.50Z",
    ),
    (
        {"dtstart": {"$lt": "2020-01-01T00:00:00.1Z"}},
        lambda t: instant(t["dtstart"]) < instant("2020-01-01T00:00:00.100Z"),
    ),
    ({"opts": {"title": "t"}}, lambda task: task["opts"]["title"] == "t"),
    ({"ext.k": 1}, lambda task: is_or_has(task["ext"].get("k"), 1)),
    ({"ext.k": True}, lambda task: is_or_has(task["ext"].get("k"), True)),
    ({"ext": {"k": None}}, lambda task: task["ext"].get("k") is None),
    ({"ext.k": {"$exists": True}}, lambda task: "k" in task["ext"]),
    (
        {"ext.k.a": {"$in": [1, "x"]}},
        lambda task: is_json(task["ext"].get("k"), {"a": 1}),
    ),
    ({"id": {"$in": IDS}}, lambda task: task["id"] in IDS),
    ({"id": IDS[0].upper()}, lambda task: task["id"] == IDS[0]),
]

FAULTY = [[[]], {"nosuch": 1}, {"name": 1}, "?", "-1", {"$or": []}, "2.0"]

ORDERS = {
    "name": lambda task: task["name"],
    "isenabled": lambda task: task["isenabled"],
    "intervalsec": lambda task: task["intervalsec"],
    "dtstart": lambda task: instant(task["dtstart"]),
    "ext.lwt": lambda task: instant(task["ext"]["lwt"]),
    "ext.ct": lambda task: instant(task["ext"]["ct"]),
    "id": lambda task: task["id"],
}


def among(values):
    return st.sampled_from(values)


filters = st.recursive(
    among(FILTERS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: (
                {"$or": [part for part, _ in parts]},
                lambda task: any(test(task) for _, test in parts),
            )
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: (
                {"$and": [part for part, _ in parts]},
                lambda task: all(test(task) for _, test in parts),
            )
        ),
        inner.map(lambda part: ({"$not": part[0]}, lambda task: not part[1](task))),
    ),
    max_leaves=4,
)

orders = st.lists(
    st.tuples(among(sorted(ORDERS)), among(["asc", "desc"])),
    max_size=3,
    unique_by=lambda item: item[0],
)

valid_fields = st.lists(among(sorted(VALID)), max_size=4, unique=True).flatmap(
    lambda fields: st.fixed_dictionaries({name: among(VALID[name]) for name in fields})
)

invalid_fields = st.one_of(
    st.just({}),
    st.just({}),
    st.lists(among(sorted(INVALID)), min_size=1, max_size=2, unique=True).flatmap(
        lambda fields: st.fixed_dictionaries(
            {name: among(INVALID[name]) for name in fields}
        )
    ),
)

ext_members = st.dictionaries(among(EXT_KEYS), among(JSONS), max_size=2)

opts_members = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"title": among(["t", "", None])}),
    st.fixed_dictionaries({"mine": among(JSONS)}),
)


def text(value):
    """Return the JSON text that a reply has for ``value``."""
    return json.dumps(value, indent=2, ensure_ascii=False)


class Histories(RuleBasedStateMachine):
    """Any history of requests; after each step both sides hold the same tasks."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        chosen = Settings.from_environment(
            data=self.folder, fsync="never", node="50e54938780c"
        )
        self.clock = Clock()
        self.service = open_service(chosen, self.clock, StringIO())
        self.api = TestApp(self.service.application)
        self.tasks = {}
        self.tags = {}

    def teardown(self):
        self.service.close()
        shutil.rmtree(self.folder)

    @property
    def now(self):
        return f"{self.clock.now:%Y-%m-%dT%H:%M:%S.%f}"[:22] + "Z"

    def some_id(self, data):
        return data.draw(among([*self.tasks, UNKNOWN]))

    def refused(self, reply, status, fields=None):
        assert reply.status_int == status, reply.text
        assert reply.json["error_code"] == 1000 + status
        if fields is not None:
            told = {name.partition(".")[0] for name in reply.json["errors"]}
            assert told == set(fields)

    @rule(seconds=among([0.01, 0.004, 1, -1, 86400]))
    def time_passes(self, seconds):
        self.clock.move(seconds=seconds)

    @initialize(
        drawn=st.lists(
            st.tuples(valid_fields, opts_members, ext_members), min_size=3, max_size=6
        )
    )
    def begin(self, drawn):
        """Start with a few tasks, or most histories would ask an empty collection."""
        for number, (valid, opts, ext) in enumerate(drawn):
            id_ = IDS[number] if number < 2 else None
            self.create_one(id_, "ab"[number % 2], valid, {}, opts, ext)
            self.clock.move(seconds=number % 2)

    @rule(
        id_=among([None, None, *IDS]),
        name=among([ABSENT, "a", "B", "b a", "c"]),
        valid=valid_fields,
        invalid=invalid_fields,
        opts=opts_members,
        ext=ext_members,
    )
    def create(self, id_, name, valid, invalid, opts, ext):
        self.create_one(id_, name, valid, invalid, opts, ext)

    def create_one(self, id_, name, valid, invalid, opts, ext):
        sent = {field: pair[0] for field, pair in valid.items()}
        if name is not ABSENT:
            sent["name"] = name
        body = {"id": id_, **sent, "opts": opts, "ext": {**ext, "ct": "x"}, **invalid}
        reply = send(self.api, "POST", T, body)
        faulty = set(invalid) | ({"name"} - set(body))
        if faulty:
            return self.refused(reply, 400, faulty)
        if id_ in self.tasks:
            return self.refused(reply, 409)
        task = {**DEFAULTS, **{field: pair[1] for field, pair in valid.items()}}
        task["id"] = id_ or reply.json["id"]
        task["name"] = sent["name"]
        given = {field: "" if v is None else v for field, v in opts.items()}
        if opts.get("mine", ABSENT) is None:
            given["mine"] = None
        task["opts"] = {**DEFAULTS["opts"], **given}
        task["ext"] = {"ct": self.now, "lwt": self.now, **ext}
        assert task["id"] not in self.tasks
        self.answered(reply, task)

    def answered(self, reply, task):
        assert (reply.status_int, reply.text) == (200, text(task))
        self.tasks[task["id"]] = task
        self.tags[task["id"]] = reply.headers["ETag"]

    def precondition(self, data, id_):
        """Draw the header If-Match, and whether it lets the request pass."""
        tag = self.tags.get(id_, '"0123456789abcdef"')
        return data.draw(
            among([({}, True), ({}, True), ({"If_Match": tag}, True)])
            | among([({"If_Match": f"W/{tag}"}, False), ({"If_Match": '"x"'}, False)])
        )

    @rule(
        data=st.data(),
        valid=valid_fields,
        nulls=st.lists(among(sorted(set(VALID) - {"name"})), max_size=1),
        invalid=invalid_fields,
        opts=st.none() | opts_members,
        ext=st.none() | ext_members,
    )
    def change(self, data, valid, nulls, invalid, opts, ext):
        id_ = self.some_id(data)
        headers, passes = self.precondition(data, id_)
        body = {
            **{field: pair[0] for field, pair in valid.items()},
            **dict.fromkeys(nulls),
        }
        if data.draw(st.booleans()):
            body["opts"] = opts
        if data.draw(st.booleans()):
            body["ext"] = ext
        body |= invalid
        reply = send(self.api, "PATCH", f"{T}/{id_}", body, **headers)
        if id_ not in self.tasks:
            return self.refused(reply, 404)
        if not passes:
            return self.refused(reply, 412)
        if invalid:
            return self.refused(reply, 400, invalid)
        old = self.tasks[id_]
        new = {
            **old,
            **{field: pair[1] for field, pair in valid.items()},
            **{field: DEFAULTS[field] for field in nulls},
        }
        if "opts" in body:
            new["opts"] = self.merged(old["opts"], opts, DEFAULTS["opts"])
        if "ext" in body:
            own = {key: old["ext"][key] for key in ("ct", "lwt")}
            new["ext"] = self.merged(old["ext"], ext, own)
        if not is_json(old, new):
            new["ext"] = {**new["ext"], "lwt": self.now}
        self.answered(reply, new)

    def merged(self, old, change, kept):
        if change is None:
            return kept
        new = dict(old)
        for key, value in change.items():
            if value is not None:
                new[key] = value
            elif key in kept:
                new[key] = kept[key]
            else:
                new.pop(key, None)
        return new

    @rule(data=st.data())
    def remove(self, data):
        id_ = self.some_id(data)
        headers, passes = self.precondition(data, id_)
        reply = send(self.api, "DELETE", f"{T}/{id_}", **headers)
        if id_ not in self.tasks:
            return self.refused(reply, 404)
        if not passes:
            return self.refused(reply, 412)
        assert (reply.status_int, reply.body) == (204, b"")
        del self.tasks[id_], self.tags[id_]

    @rule(data=st.data(), known=st.booleans())
    def get(self, data, known):
        id_ = self.some_id(data)
        headers = {"If_None_Match": self.tags.get(id_, '"x"')} if known else {}
        reply = send(self.api, "GET", f"{T}/{id_}", **headers)
        if id_ not in self.tasks:
            return self.refused(reply, 404)
        assert reply.headers["ETag"] == self.tags[id_]
        if known:
            assert (reply.status_int, reply.body) == (304, b"")
        else:
            assert reply.text == text(self.tasks[id_])

    @rule(data=st.data(), upper=st.booleans())
    def look_up(self, data, upper):
        id_ = self.some_id(data)
        reply = send(self.api, "LOOKUP", T, id_.upper() if upper else id_)
        if id_ not in self.tasks:
            return self.refused(reply, 404)
        assert reply.text == text([id_])

    @rule(filter_=filters, order=orders, by_query=st.booleans())
    def search(self, filter_, order, by_query):
        self.find(filter_, order, 0, None, by_query)

    @rule(
        filter_=among(FILTERS),
        order=orders,
        offset=st.integers(0, 4),
        limit=st.none() | st.integers(0, 4),
    )
    def page(self, filter_, order, offset, limit):
        self.find(filter_, order, offset, limit, by_query=False)

    @rule(order=orders, offset=st.integers(0, 4), limit=st.integers(1, 4))
    def page_of_all(self, order, offset, limit):
        self.find(FILTERS[0], order, offset, limit, by_query=False)

    def find(self, filter_, order, offset, limit, by_query):
        parameters = {
            "filter": filter_[0],
            "order": [{name: direction} for name, direction in order],
            "offset": offset,
        }
        if limit is not None:
            parameters["limit"] = limit
        if by_query:
            reply = send(self.api, "QUERY", T, parameters)
        else:
            reply = send(self.api, "GET", address(**parameters))
        found = [task for task in self.tasks.values() if filter_[1](task)]
        if order and order[-1][1] == "desc":
            found.reverse()
        for name, direction in reversed(order):
            found.sort(key=ORDERS[name], reverse=direction == "desc")
        page = found[offset:] if limit is None else found[offset:][:limit]
        assert (reply.status_int, reply.text) == (200, text(list(map(item, page))))
        assert reply.headers["X-Total-Count"] == str(len(found))
        following = bool(limit) and offset + limit < len(found)
        if not by_query:
            assert ('rel="next"' in reply.headers.get("Link", "")) == following

    @rule(
        faulty=st.dictionaries(
            among(["filter", "offset", "limit", "order", "mask", "flat", "x"]),
            among(FAULTY),
            min_size=1,
        )
    )
    def find_what_is_refused(self, faulty):
        self.refused(send(self.api, "GET", address(**faulty)), 400, faulty)

    @invariant()
    def both_sides_hold_the_same_tasks(self):
        reply = self.api.get(T)
        assert reply.text == text(list(map(item, self.tasks.values())))
        assert reply.headers["X-Total-Count"] == str(len(self.tasks))


def item(task):
    """Return the list item of a task."""
    hidden = ("sites", "periods", "opts", "ext")
    shown = {name: value for name, value in task.items() if name not in hidden}
    return {**shown, "ext": {key: task["ext"][key] for key in ("ct", "lwt")}}


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=int(os.environ.get("SVCTASKS_MODEL_EXAMPLES", 50)),
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
