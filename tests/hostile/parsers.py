"""The parsers of filter, order and mask, called as the resource of lists calls them."""

import json
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import HealthCheck, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from mutation import NAMES, ODD, Mutator
from raw_requests import FILTERS, MASKS, ORDERS, QUERIES
from shared import DATA

from app.api.parameters import decoded, listing, showing
from app.api.request_limits import RequestLimits
from app.errors import Invalid
from app.query.predicate import predicate, sort_key
from app.schemas.svctask import FIELDS, loaded
from app.settings import Settings

LIMITS = RequestLimits.of(Settings.from_environment())

DOCUMENTS = [
    loaded(raw, "", "2019-08-26T12:09:03.34Z")
    for raw in json.loads((DATA / "svctasks.json").read_text())["svctasks"].values()
] + [
    loaded({"name": "n", "ext": {"owner": value, "deep": {"a": [value]}}}, "x", "")
    for value in (None, True, 1, 1.5, "x", [], [{"b": 1}, 2], {"b": {"c": []}})
]
"""Documents that a filter is tried on."""


def tried(parameters: dict[str, Any]) -> None:
    """Read the parameters of a list, and apply what they mean; they may be Invalid."""
    try:
        asked = listing(parameters, FIELDS, LIMITS)
    except Invalid as refusal:
        assert 0 < len(refusal.message) <= 2001
        assert all(refusal.faults.values())
        return
    key = sort_key(asked.query.order) if asked.query.order else None
    matches = predicate(asked.query.where) if asked.query.where is not None else bool
    found = [each for each in DOCUMENTS if matches(each)]
    if key is not None:
        found.sort(key=key)
    for document in found:
        json.dumps(asked.show(document), allow_nan=False)


def try_value(chance: Random) -> None:
    """Read values as they come in the body of QUERY."""
    mutate = Mutator(chance)
    parameters: dict[str, Any] = {}
    for _ in range(chance.choice((1, 1, 2, 3))):
        kind = chance.randrange(4)
        if kind < 2:
            parameters["filter"] = mutate.value(chance.choice(FILTERS))
        elif kind == 2:
            parameters["order"] = mutate.value(chance.choice(ORDERS))
        else:
            parameters["mask"] = mutate.value(chance.choice(MASKS))
    if mutate.often(0.1):
        name = chance.choice(["offset", "limit", "flat", *NAMES])
        parameters[name] = chance.choice(ODD)
    tried(parameters)


def try_text(chance: Random) -> None:
    """Read texts as they come in an address."""
    mutate = Mutator(chance)
    name = chance.choice(("filter", "filter", "order", "mask", *QUERIES))
    text = chance.choice(QUERIES[name]).encode()
    raw = mutate.content(text)
    pairs = [(name.encode(), raw)]
    if mutate.often(0.2):
        pairs.append((chance.choice(list(QUERIES)).encode(), text))
    encode = quote_from_bytes if mutate.often(0.7) else bytes.decode
    try:
        query = "&".join(
            f"{name.decode()}={encode(value, 'latin-1')}" for name, value in pairs
        )
        given = decoded(query)
    except Invalid:
        return
    tried(given)
    try:
        showing(given, FIELDS)
    except Invalid:
        pass


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_NAMES = st.sampled_from(NAMES) | st.text(max_size=5)
_JSON = st.recursive(
    _SCALARS | st.sampled_from(["name", "asc", "desc", "property", "and", "=="]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4)
    ),
    max_leaves=12,
)
_FILTERS = st.dictionaries(
    st.sampled_from([field.name for field in FIELDS.declared]) | _NAMES,
    _JSON,
    max_size=3,
)


EXAMPLES = 100
"""How many values hypothesis makes up at once."""


def try_with_hypothesis(chance: Random) -> None:
    """Read ``EXAMPLES`` values that hypothesis makes up."""

    @seed(chance.getrandbits(64))
    @hypothesis_settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_FILTERS | _JSON, st.sampled_from(["filter", "order", "mask"]))
    def check(value: Any, name: str) -> None:
        tried({name: value})

    check()
