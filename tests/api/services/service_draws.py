"""What random requests to the services API are drawn from.

Tables say what is kept of each value that is sent, and which values are refused. The
strategies return what to send together with what has to become of it, or REFUSED.
"""

from hypothesis import strategies as st

LEVELS = ("services", "states", "tasks")
NOUNS = {"services": "service", "states": "state", "tasks": "task"}
ARRAYS = ("active_states", "completed_states", "active_tasks", "completed_tasks")

CUSTOMERS = ["C1", "Zo\xeb K"]
CONTACTS = ["555-0100", "bob"]
NAMES = ["Info", "prefs", "X_1"]
WRONG_IDS = ["0", "99", "x", "-1", "1.5", "9" * 20]

ABSENT = object()
REFUSED = object()

MOMENTS = [
    ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
    ("2026-01-02T03:04:05.67Z", "2026-01-02T03:04:05.670Z"),
    ("2026-01-02T05:04:05.6789+02:00", "2026-01-02T03:04:05.678Z"),
    ("2026-01-03T00:00:00.001Z", "2026-01-03T00:00:00.001Z"),
    ("1999-12-31T23:59:59.999Z", "1999-12-31T23:59:59.999Z"),
]
NO_MOMENTS = ["yesterday", "2026-01-02", "2026-02-30T00:00:00Z"]

TYPES = [(100, 100), (200, 200), ("Order", "Order"), ("200", "200")]
NO_TYPES = ["", True, 1.5, [], 2**63]

DURATIONS = [(0, 0), (300, 300), (None, ABSENT)]
NO_DURATIONS = [-1, 1.5, "soon", True]

EVENT = {
    "timestamp": (MOMENTS, [*NO_MOMENTS, 5, ""]),
    "session_id": ([("s" * 32, "s" * 32), (None, ABSENT)], ["s" * 33, 1]),
    "interaction_id": ([("a1", "a1"), (7, "7"), ("i" * 50, "i" * 50)], ["i" * 51, 1.5]),
    "application_type": ([(400, 400), ("Web", "Web")], NO_TYPES),
    "application_id": ([(40, 40)], NO_TYPES),
    "resource_type": ([(-1, -1)], NO_TYPES),
    "resource_id": ([("r", "r")], NO_TYPES),
    "media_type": ([(2, 2), ("chat", "chat"), (None, ABSENT)], NO_TYPES),
}
DISPOSITION = {
    "disposition": ([(5, 5), ("won", "won")], NO_TYPES),
    "disposition_desc": ([("d" * 256, "d" * 256), ("", "")], ["d" * 257, 1]),
}
ESTIMATE = {"est_duration": (DURATIONS, NO_DURATIONS)}
KEYS = {
    "customer_id": ([(each, each) for each in CUSTOMERS], ["", 1]),
    "contact_key": ([(each, each) for each in (*CONTACTS, *CONTACTS)], ["", []]),
}
REQUIRED = {f"{noun}_type": (TYPES, [*NO_TYPES, None]) for noun in NOUNS.values()}

FIELDS = EVENT | DISPOSITION | ESTIMATE | KEYS | REQUIRED
"""Of each field of an event: what is sent and what is kept of it, and what is refused."""

UNKNOWN_MEMBERS = ["nosuch", "Started", "duration", "serviceId", "completed"]

ATTRIBUTES = {
    "a": ("string", [("x", "x"), (4, "4"), (True, "true")], ["abcde", [], {}]),
    "n": ("integer", [(1, 1), ("2", 2), (3.0, 3)], [1.5, "x", 2**31, True]),
    "l": ("long", [(2**31, 2**31), ("-1", -1)], [2**63, "1.0", False]),
    "v": ("double", [(1, 1.0), ("2.5", 2.5)], ["x", True]),
    "b": ("boolean", [(True, True), ("false", False)], [1, "yes"]),
    "d": ("date", [("2020-02-29", "2020-02-29")], ["2021-02-29", "", 1]),
    "t": ("datetime", [MOMENTS[0], MOMENTS[1]], [*NO_MOMENTS, ""]),
    "c e": ("currency", [(19.99, 19.99), ("5", 5.0)], [0.00001, "1e3", True]),
}
"""Of each attribute: its type, what is sent and what is kept of it, what is refused."""


def attribute(name, **more):
    length = {"length": 4} if name == "a" else {}
    return {"name": name, "type": ATTRIBUTES[name][0], **length, **more}


DEFINITIONS = [
    ("single-valued", [attribute("a"), attribute("n", default=7)], None),
    ("single-valued", [attribute("a", unique=True), attribute("c e")], None),
    (
        "multi-valued",
        [
            attribute("a", unique=True, mandatory=True),
            attribute("n", default=7, mandatory=True),
            attribute("b"),
        ],
        None,
    ),
    ("multi-valued", [attribute("a"), attribute("n"), attribute("v")], ["n", "a"]),
    (
        "multi-valued",
        [attribute("n", unique=True, mandatory=False), attribute("l", default=-1)],
        ["n"],
    ),
    ("multi-valued", [attribute("b"), attribute("d"), attribute("t")], []),
]

KEYED = DEFINITIONS[2]

REFUSED_DEFINITIONS = [
    ({"name": "1x"}, "name"),
    ({"name": "x" * 27}, "name"),
    ({"name": "Started"}, "name"),
    ({"name": "DISPOSITION_desc"}, "name"),
    ({"name": None}, "name"),
    ({"type": "single"}, "type"),
    ({"attributes": [], "unique": None}, "attributes"),
    ({"attributes": [{"name": "a", "type": "text"}], "unique": None}, "attributes"),
    ({"unique": ["zz"]}, "unique"),
    ({"nosuch": 1}, "nosuch"),
]


def among(values):
    return st.sampled_from(values)


def rarely(*values, among_others=9):
    """Draw one of ``values`` in one of ten draws, else None."""
    return among([None] * among_others * len(values) + list(values))


def in_spoilt(spoilt, *values):
    """Draw one of ``values``, or None: for a request that may be refused, mostly these."""
    return rarely(*values, among_others=1) if spoilt else st.none()


faultless_mostly = among([False] * 5 + [True])


@st.composite
def events(draw, required, optional, spoilt):
    """Draw an event: what is sent, what is kept of it, and which members are refused."""
    least = 0 if required else 1
    some = st.lists(among(sorted(optional)), min_size=least, max_size=3, unique=True)
    names = draw(some)
    sent, kept, faults = {}, {}, set()
    for name in [*required, *names]:
        sent[name], value = draw(among(FIELDS[name][0]))
        if value is not ABSENT:
            kept[name] = value
    match draw(in_spoilt(spoilt, "invalid", "unknown", "missing")):
        case "invalid":
            name = draw(among(sorted({*required, *optional})))
            sent[name] = draw(among(FIELDS[name][1]))
            kept.pop(name, None)
            faults.add(name)
        case "unknown":
            name = draw(among(UNKNOWN_MEMBERS))
            sent[name] = draw(among([1, None]))
            faults.add(name)
        case "missing" if required:
            del sent[required[0]], kept[required[0]]
            faults.add(required[0])
    return sent, kept, faults


def key_of(schema, record):
    return tuple(record.get(name) for name in schema["unique"])


@st.composite
def records(draw, schema, spoilt, selecting=False):
    """Draw a record: what is sent and what is kept of it, or REFUSED.

    One that is ``selecting`` has the key, and no defaults.
    """
    sent, kept, defaults, required = {}, {}, {}, []
    for each in schema["attributes"]:
        name = each["name"]
        if "default" in each and not selecting:
            defaults[name] = each["default"]
        elif name in schema["unique"] if selecting else each.get("mandatory"):
            required.append(name)
        if name in required or draw(st.booleans()):
            sent[name], kept[name] = draw(among(ATTRIBUTES[name][1]))
    match draw(in_spoilt(spoilt, "invalid", "unknown", "missing", "null")):
        case "invalid":
            name = draw(among(schema["attributes"]))["name"]
            return {**sent, name: draw(among(ATTRIBUTES[name][2]))}, REFUSED
        case "unknown":
            return {**sent, "A": 1}, REFUSED
        case "missing" if required:
            del sent[required[0]]
            return sent, REFUSED
        case "null" if required and not selecting:
            return {**sent, required[0]: None}, REFUSED
    return sent, defaults | kept


@st.composite
def whole_values(draw, schema, spoilt):
    """Draw a whole value: what is sent and what is kept of it, or REFUSED."""
    is_multi = schema["type"] == "multi-valued"
    if draw(in_spoilt(spoilt, "shape")):
        return draw(among([{} if is_multi else [], "x", 1, [1], [[]]])), REFUSED
    if not is_multi:
        return draw(records(schema, spoilt))
    sent, kept, keys = [], [], []
    for raw, record in draw(st.lists(records(schema, spoilt), max_size=4)):
        key = key_of(schema, record) if record is not REFUSED else ()
        if key and key in keys:
            if not draw(in_spoilt(spoilt, "duplicate")):
                continue
            record = REFUSED
        sent.append(raw)
        kept.append(record)
        keys.append(key)
    return sent, REFUSED if REFUSED in kept else kept


@st.composite
def parameters(draw, arrays):
    """Draw parameters: what is sent, the arrays and extensions asked for, the faults."""
    sent, faults = {}, set()
    for name in arrays:
        text = draw(among([None, None, "true", "1", "TRUE", "false", "0", ""]))
        if text is not None:
            sent[name] = text
    match draw(rarely("boolean", "extensions", "unknown")):
        case "boolean" if arrays:
            name = draw(among(arrays))
            sent[name] = draw(among(["yes", "2", "null"]))
            faults.add(name)
        case "extensions":
            sent["extensions"] = draw(among(["Info,", ","]))
            return sent, set(), set(), {"extensions"}
        case "unknown":
            name = draw(among(["nosuch", "Extensions", "filter"]))
            sent[name] = "true"
            faults.add(name)
    asked = draw(st.lists(among([*NAMES, "INFO", "x_1", "unknown"]), max_size=3))
    if asked:
        sent["extensions"] = draw(among([",", ", "])).join(asked)
    shown = {name for name in arrays if sent.get(name) in ("true", "1", "TRUE")}
    return sent, shown, {name.lower() for name in asked}, faults
