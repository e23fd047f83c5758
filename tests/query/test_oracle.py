"""Filters against a slow, obvious reading of the rules in ``app.query``."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Invalid
from app.query import Query
from app.query.grammar import condition
from app.query.predicate import predicate
from app.schemas.svctask import FIELDS
from app.storage.files.documents import Documents
from app.storage.files.records import Record
from app.tables import svctasks_collection

NOTHING = object()


def holds(filter_, task):
    """Tell whether a valid filter holds for a task, word by word as the rules say."""
    if isinstance(filter_, list):
        return array_form_holds(filter_, task)
    return all(member_holds(name, value, task) for name, value in filter_.items())


def array_form_holds(form, task):
    name, *rest = form
    if name == "and":
        return all(holds(each, task) for each in rest)
    if name == "or":
        return any(holds(each, task) for each in rest)
    if name == "not":
        return not holds(rest[0], task)
    named = {"==": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte"}
    named |= {">": "$gt", ">=": "$gte", "in": "$in"}
    return operator_holds(named[name], rest[1], rest[0][1], task)


def member_holds(name, value, task):
    if name == "$and":
        return all(holds(each, task) for each in value)
    if name == "$or":
        return any(holds(each, task) for each in value)
    if name == "$nor":
        return not any(holds(each, task) for each in value)
    if name == "$not":
        return not holds(value, task)
    return beside_holds(name, value, task)


def beside_holds(name, value, task):
    if not isinstance(value, dict):
        return operator_holds("$eq", value, name, task)
    if any(key.startswith("$") for key in value):
        return all(operator_holds(key, each, name, task) for key, each in value.items())
    return all(beside_holds(f"{name}.{key}", each, task) for key, each in value.items())


def operator_holds(operator, operand, name, task):
    if operator == "$not":
        return not beside_holds(name, operand, task)
    if operator == "$ne":
        return not operator_holds("$eq", operand, name, task)
    if operator == "$nin":
        return not operator_holds("$in", operand, name, task)
    if operator == "$in":
        return any(operator_holds("$eq", each, name, task) for each in operand)
    if operator == "$eq" and isinstance(operand, dict):
        return all(
            operator_holds("$eq", each, f"{name}.{key}", task)
            for key, each in operand.items()
        )
    if operator == "$all":
        is_open = name.split(".")[0] in ("ext", "opts")
        wanted = [
            [each] if is_open and isinstance(each, list | dict) else each
            for each in operand
        ]
        if name == "periods":
            wanted = [[each] for each in operand]
        return wanted != [] and all(
            operator_holds("$eq", each, name, task) for each in wanted
        )
    if name == "sites":
        return sites_hold(operator, operand, task["sites"])
    found = values(task, name.split("."))
    if operator == "$exists":
        return any(each is not NOTHING for each in found) is operand
    if name == "isenabled":
        operand = {"1": 1, "true": 1, True: 1, "0": 0, "false": 0, False: 0}[operand]
    if operator == "$contains":
        return any(contains(each, operand) for each in found)
    if operator == "$eq" and isinstance(operand, list):
        return any(equals(each, operand) for each in found)
    spread = [e for v in found for e in (v if isinstance(v, list) else [v])]
    return any(single_holds(operator, operand, each) for each in spread)


def sites_hold(operator, operand, sites):
    def names(value):
        parts = value.split(",") if isinstance(value, str) else value
        return {part.strip() for part in parts} - {""}

    found = names(sites)
    if operator == "$contains":
        operand = [operand]
    if operator == "$exists":
        return operand
    if operator == "$startswith":
        return any(each.startswith(operand) for each in found)
    if operator == "$endswith":
        return any(each.endswith(operand) for each in found)
    if operand == []:
        return True
    return names(operand) <= found if names(operand) else not found


def values(value, path):
    """Return all values that a path leads to."""
    if not path:
        return [value]
    if isinstance(value, dict):
        return values(value[path[0]], path[1:]) if path[0] in value else [NOTHING]
    if isinstance(value, list):
        objects = [each for each in value if isinstance(each, dict)]
        return [found for each in objects for found in values(each, path)]
    return [NOTHING]


def kind(value):
    """Return the type of a JSON value; integers and reals are one."""
    if value is None or value is NOTHING:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def equals(value, wanted):
    if kind(value) != kind(wanted):
        return False
    if isinstance(wanted, list):
        return all(any(equals(each, want) for each in value) for want in wanted)
    if isinstance(wanted, dict):
        return all(equals(value.get(k, NOTHING), want) for k, want in wanted.items())
    return wanted is None or value == wanted


def contains(value, operand):
    if isinstance(value, list):
        return any(equals(each, operand) for each in value)
    texts = isinstance(value, str) and isinstance(operand, str)
    return texts and operand.casefold() in value.casefold()


def single_holds(operator, operand, value):
    if operator == "$eq":
        return not isinstance(value, list | dict) and equals(value, operand)
    if kind(value) != kind(operand):
        return False
    return {
        "$gt": lambda: value > operand,
        "$gte": lambda: value >= operand,
        "$lt": lambda: value < operand,
        "$lte": lambda: value <= operand,
        "$startswith": lambda: value.startswith(operand),
        "$endswith": lambda: value.endswith(operand),
    }[operator]()


SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 2, "", "a", "B", "ab", "1"])
KEYS = st.sampled_from(["a", "b"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=6,
)
SITES = st.sampled_from(["", "A", "A, B", ["A"], ["B ", "A"], [], ["C"], "B,C"])
TASKS = st.fixed_dictionaries(
    {
        "id": st.just("1"),
        "name": st.sampled_from(["a", "ab", "B"]),
        "isenabled": st.sampled_from([0, 1]),
        "intervalsec": st.integers(0, 2),
        "sites": SITES,
        "periods": st.lists(st.dictionaries(KEYS, SCALARS, max_size=2), max_size=2),
        "opts": st.dictionaries(KEYS, JSON, max_size=2),
        "ext": st.dictionaries(KEYS, JSON, max_size=2),
    }
)
ORDERED = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
TEXTUAL = st.sampled_from(["$contains", "$startswith", "$endswith"])
TEXTS = st.sampled_from(["", "a", "A", "b", "B", "1", "C"])
BOOLEANS = st.sampled_from([0, 1, True, False, "true", "0"])
OPEN = st.sampled_from(["ext.a", "ext.a.b", "ext.b.a.b", "opts.a", "ext"])


def operators(value, ordered, textual):
    """Return objects with one or two operators, or one that is not to hold."""
    lists = st.lists(value, max_size=3)
    several = st.sampled_from(["$in", "$nin", "$all"])
    pairs = (
        st.tuples(st.sampled_from(["$eq", "$ne"]), value)
        | st.tuples(several, lists)
        | st.tuples(st.just("$exists"), st.booleans())
    )
    if ordered is not None:
        pairs |= st.tuples(ORDERED, ordered)
    if textual is not None:
        pairs |= st.tuples(TEXTUAL, textual) | st.tuples(st.just("$contains"), value)
    some = st.lists(pairs, min_size=1, max_size=2).map(dict)
    return some | some.map(lambda each: {"$not": each})


def named(name, value, ordered=None, textual=None):
    beside = value | operators(value, ordered, textual)
    return (
        st.fixed_dictionaries({name: beside})
        if isinstance(name, str)
        else (st.dictionaries(name, beside, min_size=1, max_size=1))
    )


RELATION = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in"])
CONDITIONS = (
    named("name", TEXTS, TEXTS, TEXTS)
    | named("isenabled", BOOLEANS, st.sampled_from([0, 1]))
    | named("intervalsec", st.integers(0, 2), st.integers(0, 2))
    | named("sites", SITES, None, TEXTS)
    | named("periods", st.lists(JSON, max_size=2))
    | named(OPEN, JSON, SCALARS, TEXTS)
    | named(OPEN, JSON, SCALARS, TEXTS)
    | st.tuples(RELATION, OPEN.map(lambda name: ["property", name]), JSON).map(list)
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(inner, min_size=1, max_size=3),
        min_size=1,
        max_size=1,
    )
    | st.builds(lambda each: {"$not": each}, inner)
    | st.builds(lambda each: ["not", each], inner)
    | st.builds(
        lambda name, parts: [name, *parts],
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)


def is_valid(filter_):
    try:
        condition(filter_, FIELDS)
    except Invalid:
        return False
    return True


VALID = FILTERS.filter(is_valid)


@settings(max_examples=1000, deadline=None)
@given(VALID, TASKS)
def test_predicate_holds_when_the_rules_say_so(filter_, task):
    assert predicate(condition(filter_, FIELDS))(task) is holds(filter_, task)


@settings(max_examples=200, deadline=None)
@given(VALID, st.lists(TASKS, max_size=8))
def test_indexes_find_what_the_rules_say(filter_, tasks):
    records = [
        Record(number, f"{number}", {**task, "id": f"{number}"})
        for number, task in enumerate(tasks, 1)
    ]
    held = Documents(svctasks_collection("0" * 12), records)
    found, total = held.find(Query(condition(filter_, FIELDS)))
    expected = {each.key for each in records if holds(filter_, each.document)}
    assert {each.key for each in found} == expected
    assert total == len(expected)
