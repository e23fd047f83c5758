"""Documents and filters, for tests that draw any: what is odd in JSON, and in texts."""

from hypothesis import strategies as st

LONG = "x" * 199
TEXTS = st.sampled_from(
    ["", "a", "A", "b", "ab", "1", "ß", "SS", "ſ", "İ", "i̇", "É", "é", "😀", "\uffff",
     " a ", "a,b", "a, b ", "\x1f", "\\", '"', "%", "_", "$.a", "\n", LONG, LONG + "a",
     LONG + "bb", LONG + "ba", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.50Z",
     "2026-01-02T03:04:05"]
)  # fmt: skip
NUMBERS = st.sampled_from(
    [0, 1, 1.0, -1, 2, 0.5, -0.0, 1e-7, 2**53, 2**53 + 1, 2.0**53, 2.0**60, 2**60, 1e22,
     1e300, -1e300, 2**63, -(2**63), 2**64 - 1, 1e16]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
NAMES = st.sampled_from(["a", "b", "", "a b", "é", '"', "$", "0"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=6,
)
SITES = st.sampled_from(
    ["", "A", "A, B", ["A"], ["B ", "A"], [], ["C"], "B,C", " \x1f"]
)
DATES = st.sampled_from(
    ["", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.50Z",
     "2025-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"]
)  # fmt: skip
DOCUMENTS = st.fixed_dictionaries(
    {
        "id": st.just("1"),
        "name": TEXTS,
        "isenabled": st.sampled_from([0, 1]),
        "intervalsec": st.sampled_from([0, 1, 2, 2**53 + 1, 2**63 - 1]),
        "sites": SITES,
        "dtstart": DATES,
        "periods": st.lists(st.dictionaries(NAMES, SCALARS, max_size=2), max_size=2),
        "opts": st.dictionaries(NAMES, JSON, max_size=2),
        "ext": st.dictionaries(NAMES, JSON, max_size=2),
    },
)
NOTES_DRAWN = st.fixed_dictionaries(
    {"id": st.just("1"), "name": JSON},
    optional={
        "n": JSON,
        "on": JSON,
        "day": JSON | DATES,
        "tags": JSON | SITES,
        "any": JSON,
        "more": JSON,
    },
)

ORDERED = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
TEXTUAL = st.sampled_from(["$contains", "$startswith", "$endswith"])
OPEN = st.sampled_from(
    [
        "ext.a",
        "ext.a.b",
        "ext.b.a.b",
        "opts.a",
        "ext",
        "opts",
        "ext.é",
        "ext.0",
        'ext."',
    ]
)
ORDERS = st.lists(
    st.dictionaries(
        st.sampled_from(["name", "isenabled", "intervalsec", "dtstart", "id"]),
        st.sampled_from(["asc", "desc"]),
        min_size=1,
        max_size=1,
    ),
    max_size=2,
)


def operators(value, ordered, textual):
    """Return objects with one or two operators, or one that is not to hold."""
    lists = st.lists(value, max_size=3)
    pairs = (
        st.tuples(st.sampled_from(["$eq", "$ne"]), value)
        | st.tuples(st.sampled_from(["$in", "$nin", "$all"]), lists)
        | st.tuples(st.just("$exists"), st.booleans())
        | st.tuples(ORDERED, ordered)
        | st.tuples(TEXTUAL, textual)
        | st.tuples(st.just("$contains"), value)
    )
    some = st.lists(pairs, min_size=1, max_size=2).map(dict)
    return some | some.map(lambda each: {"$not": each})


def named(name, value, ordered, textual=TEXTS):
    beside = value | operators(value, ordered, textual)
    if isinstance(name, str):
        return st.fixed_dictionaries({name: beside})
    return st.dictionaries(name, beside, min_size=1, max_size=1)


def filters(conditions):
    return st.recursive(
        conditions,
        lambda inner: st.dictionaries(
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(inner, min_size=1, max_size=3),
            min_size=1,
            max_size=1,
        )
        | st.builds(lambda each: {"$not": each}, inner),
        max_leaves=4,
    )


WHOLE = st.sampled_from([0, 1, 2, 2**53, 2**53 + 1, 2**63 - 1])
FILTERS = filters(
    named("name", TEXTS, TEXTS)
    | named("isenabled", st.sampled_from([0, 1]), st.sampled_from([0, 1]))
    | named("intervalsec", WHOLE, WHOLE)
    | named("dtstart", DATES, DATES)
    | named("sites", SITES, SITES)
    | named("periods", st.lists(JSON, max_size=2), SCALARS)
    | named(OPEN, JSON, SCALARS)
    | named(OPEN, JSON, SCALARS)
    | named(OPEN, JSON, SCALARS)
)
NOTE_FILTERS = filters(
    named(st.sampled_from(["name", "id"]), TEXTS, TEXTS)
    | named("n", WHOLE, WHOLE)
    | named("on", st.sampled_from([0, 1]), st.sampled_from([0, 1]))
    | named(st.sampled_from(["day", "more.made"]), DATES, DATES)
    | named("tags", SITES, SITES)
    | named(st.sampled_from(["any", "more.a", "more"]), JSON, SCALARS)
)
