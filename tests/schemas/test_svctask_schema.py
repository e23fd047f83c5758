"""The rules of a service task: what is accepted and refused, and what becomes of it."""

import copy
import json

import pytest

from app.errors import Invalid
from app.query.projection import flat
from app.query.values import ARRAY, DATE, INTBOOL, OBJECT, TEXT
from app.schemas.base import MAX_SUGGESTIONS
from app.schemas.svctask import FIELDS, changed, changes, loaded, new

ID = "380daae6-016c-cdd4-606e-50e54938780c"
OTHER_ID = "86228b15-016c-cdef-ccce-50e54938780c"
NOW = "2019-08-26T12:09:03.34Z"
LATER = "2019-09-10T12:38:40.11Z"
DEFAULTS = {
    "id": ID,
    "name": "n",
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
    "ext": {"ct": NOW, "lwt": NOW},
}
PERIOD = {"dow": 1, "timestart": 0, "timestop": 1440}


def made(**body):
    return new({"name": "n", **body}, lambda: ID, NOW)


def patched(document, **body):
    return changed(document, changes(body, document["id"]), LATER)


def faults(body):
    with pytest.raises(Invalid) as caught:
        new(body, lambda: ID, NOW)
    return caught.value.faults


def same(one, other):
    """Equal as JSON texts: in one order, and 1 is neither true nor 1.0."""
    return json.dumps(one) == json.dumps(other)


def test_new_task_has_every_default_in_order():
    assert same(made(), DEFAULTS)


@pytest.mark.parametrize("name", [name for name in DEFAULTS if name != "name"])
def test_null_is_the_default_when_creating(name):
    fields = {name: None}
    assert same(made(**fields), DEFAULTS)


def test_id_is_generated_only_when_none_is_chosen():
    def fail():
        raise AssertionError

    assert new({"name": "n", "id": OTHER_ID.upper()}, fail, NOW)["id"] == OTHER_ID


ACCEPTED = [
    ("name", " n ", " n "),
    ("isenabled", "true", 1),
    ("isregular", True, 1),
    ("overlap", "0", 0),
    ("svcscriptcode", "dialByCallList", "dialByCallList"),
    *(("sitemode", m, m) for m in ("all", "any", "sites", "anyofsites", "firstsite")),
    *(("schedule", s, s) for s in ("all", "work", "non-work", "individual")),
    ("sites", "SITE1, SITE2", "SITE1, SITE2"),
    ("sites", ["SITE1", " SITE2"], ["SITE1", " SITE2"]),
    ("intervalsec", "3600", 3600),
    ("intervalsec", 0, 0),
    ("intervalsec", 60.0, 60),
    ("isregular", 1.0, 1),
    ("dtstart", "2019-02-20t08:00:00.50+03:00", "2019-02-20T05:00:00.50Z"),
    ("dtstart", "2019-02-20T08:00:00+0000", "2019-02-20T08:00:00Z"),
    ("dtstop", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ("dtstop", "", ""),
    ("periods", [PERIOD], [PERIOD]),
    ("periods", [{"my": [1], **PERIOD, "dow": "7"}], [{"my": [1], **PERIOD, "dow": 7}]),
    ("opts", {"title": None, "x": None}, {"title": "", "comment": "", "x": None}),
    (
        "opts",
        {"comment": "c", "x": {"y": 1}},
        {"title": "", "comment": "c", "x": {"y": 1}},
    ),
    ("ext", {"k": None, "l": [{}]}, {"ct": NOW, "lwt": NOW, "k": None, "l": [{}]}),
    ("ext", {"ct": 5, "lwt": "1999-01-01T00:00:00Z"}, {"ct": NOW, "lwt": NOW}),
]


@pytest.mark.parametrize(("name", "given", "stored"), ACCEPTED)
def test_value_is_stored_when_valid(name, given, stored):
    fields = {name: given}
    assert same(made(**fields), {**DEFAULTS, name: stored})


def test_dates_are_stored_when_the_stop_is_before_the_start():
    made(dtstart="2020-01-01T00:00:00Z", dtstop="2019-01-01T00:00:00Z")


def test_first_site_is_accepted_with_sites():
    """The documents' own sample has this pair."""
    made(sitemode="firstsite", sites="SITE1, SITE2")


REFUSED = [
    ("id", "x", "id", "8-4-4-4-12"),
    ("id", 5, "id", "8-4-4-4-12"),
    ("name", None, "name", "must not be null"),
    ("name", "", "name", "must not be empty"),
    ("name", " \t", "name", "must not be empty"),
    ("name", 5, "name", "must be a string, not a number"),
    ("isenabled", 2, "isenabled", "must be 0 or 1"),
    ("isregular", 0.5, "isregular", "must be 0 or 1"),
    ("overlap", "yes", "overlap", "must be 0 or 1"),
    ("svcscriptcode", 1, "svcscriptcode", "must be a string"),
    ("sitemode", "one", "sitemode", '"all", "any", "sites", "anyofsites", "firstsite"'),
    ("sitemode", 1, "sitemode", "must be a string, not a number"),
    ("sitemode", "", "sitemode", "must be one of"),
    ("schedule", "never", "schedule", '"all", "work", "non-work", "individual"'),
    ("sites", 1, "sites", "a string or an array of strings"),
    ("sites", ["A", 1], "sites", "a string or an array of strings"),
    ("sites", {}, "sites", "a string or an array of strings"),
    ("intervalsec", -1, "intervalsec", "must be 0 or more"),
    ("intervalsec", True, "intervalsec", "must be an integer"),
    ("intervalsec", 1.5, "intervalsec", "must be an integer"),
    ("intervalsec", 2**63, "intervalsec", "64 bits"),
    ("dtstart", "2019-02-30T08:00:00Z", "dtstart", "must be a date that exists"),
    ("dtstop", 5, "dtstop", "must be a date such as"),
    ("periods", {}, "periods", "must be an array, not an object"),
    ("periods", [PERIOD, 5], "periods.1", "must be an object, not a number"),
    ("periods", [None], "periods.0", "must be an object, not null"),
    ("periods", [{**PERIOD, "dow": 0}], "periods.0.dow", "must be from 1 to 7"),
    ("periods", [{**PERIOD, "dow": 8}], "periods.0.dow", "must be from 1 to 7"),
    ("periods", [{**PERIOD, "dow": None}], "periods.0.dow", "must be an integer"),
    ("periods", [{**PERIOD, "timestart": -1}], "periods.0.timestart", "from 0 to 1440"),
    ("periods", [{**PERIOD, "timestop": 1441}], "periods.0.timestop", "from 0 to 1440"),
    ("periods", [{**PERIOD, "timestop": 0}], "periods.0.timestop", "than timestart"),
    ("opts", [], "opts", "must be an object, not an array"),
    ("opts", {"title": 5}, "opts.title", "must be a string, not a number"),
    ("opts", {"comment": []}, "opts.comment", "must be a string, not an array"),
    ("ext", "x", "ext", "must be an object, not a string"),
    ("nme", None, "nme", 'is not a field of a task (did you mean "name"?)'),
    ("title", 1, "title", 'is not a field of a task (did you mean "opts.title"?)'),
    ("opt.title", 1, "opt.title", '(did you mean "opts.title"?)'),
    ("periods.0", {}, "periods.0", "is not a field of a task"),
    ("opts.title", 5, "opts.title", "must be a string, not a number"),
    ("_schema", 1, "_schema", "is not a field of a task"),
]


@pytest.mark.parametrize(("name", "given", "place", "fault"), REFUSED)
def test_value_is_refused_with_its_place(name, given, place, fault):
    found = faults({"name": "n", name: given})
    assert list(found) == [place]
    assert fault in found[place][0]


def test_name_is_required():
    assert faults({}) == {"name": ["is required"]}


@pytest.mark.parametrize("body", [None, [], "x", 5, True])
def test_body_is_refused_when_not_an_object(body):
    for read in (
        lambda: new(body, lambda: ID, NOW),
        lambda: changes(body, ID),
        lambda: loaded(body, ID, NOW),
    ):
        with pytest.raises(Invalid, match="must be a JSON object"):
            read()


def test_all_faults_are_told_at_once():
    body = {
        "opts": {"title": 1, "comment": 2},
        "periods": [{}, PERIOD, {"dow": 9, "timestart": 5, "timestop": 6}],
        "isenabled": "no",
        "zzz": 1,
        "nme": 1,
    }
    found = faults(body)
    assert list(found) == [
        "name",
        "isenabled",
        "periods.0.dow",
        "periods.0.timestart",
        "periods.0.timestop",
        "periods.2.dow",
        "opts.title",
        "opts.comment",
        "zzz",
        "nme",
    ]


def test_message_is_one_sentence_of_the_first_faults():
    with pytest.raises(Invalid) as caught:
        new({"isenabled": 2}, lambda: ID, NOW)
    assert caught.value.message == "name: is required; isenabled: must be 0 or 1"
    with pytest.raises(Invalid, match="; and 91 more$"):
        new({f"{n}x": 1 for n in range(98)}, lambda: ID, NOW)


def test_suggestions_are_bounded():
    found = faults({"name": "n"} | {f"nam{n}" * (n > 0) or "nam": 1 for n in range(99)})
    told = [name for name in found if "did you mean" in found[name][0]]
    assert len(told) == MAX_SUGGESTIONS
    assert len(found) == 99


def test_changes_are_only_the_given_fields():
    assert changes({"isenabled": "1"}, ID) == {"isenabled": 1}
    assert changes({"dtstop": None}, ID) == {"dtstop": None}
    assert changes({}, ID) == {}


@pytest.mark.parametrize("id_", [ID, ID.upper()])
def test_id_is_accepted_in_a_change_when_it_is_the_paths(id_):
    assert changes({"id": id_, "name": "m"}, ID) == {"name": "m"}
    assert changes({"id": ID}, id_) == {}


@pytest.mark.parametrize("id_", [OTHER_ID, None, "x", 5])
def test_id_is_refused_in_a_change_when_another(id_):
    with pytest.raises(Invalid) as caught:
        changes({"id": id_, "isenabled": 2, "name": None}, ID)
    assert set(caught.value.faults) == {"id", "isenabled", "name"}


@pytest.mark.parametrize(("name", "given", "place", "fault"), REFUSED)
def test_change_is_refused_with_its_place(name, given, place, fault):
    with pytest.raises(Invalid) as caught:
        changes({name: given}, ID)
    assert fault in caught.value.faults[place][0]


def test_change_sets_fields_and_moves_lwt():
    found = patched(made(), name="m", periods=[PERIOD], sites=["A"])
    expected = {**DEFAULTS, "name": "m", "periods": [PERIOD], "sites": ["A"]}
    assert same(found, {**expected, "ext": {"ct": NOW, "lwt": LATER}})


def test_null_resets_when_changing():
    full = made(
        isenabled=1,
        svcscriptcode="x",
        sitemode="any",
        sites=["A"],
        isregular=1,
        overlap=0,
        intervalsec=5,
        dtstart="2019-02-20T08:00:00Z",
        dtstop="2019-02-20T08:00:00Z",
        schedule="work",
        periods=[PERIOD],
        opts={"title": "t", "x": 1},
        ext={"k": 1},
    )
    nulls = {name: None for name in DEFAULTS if name not in ("id", "name")}
    found = patched(full, **nulls)
    assert same(found, {**DEFAULTS, "ext": {"ct": NOW, "lwt": LATER}})


def test_opts_and_ext_are_merged_when_changing():
    before = made(
        opts={"title": "t", "a": 1, "b": None}, ext={"a": {"x": 1}, "b": None}
    )
    found = patched(before, opts={"a": None, "c": 3}, ext={"a": {"y": None}, "c": 3})
    assert found["opts"] == {"title": "t", "comment": "", "b": None, "c": 3}
    assert found["ext"] == {
        "ct": NOW,
        "lwt": LATER,
        "a": {"y": None},
        "b": None,
        "c": 3,
    }


def test_declared_members_are_emptied_when_null():
    found = patched(made(opts={"title": "t"}), opts={"title": None})
    assert found["opts"] == {"title": "", "comment": ""}


@pytest.mark.parametrize("dates", [None, "1999-01-01T00:00:00Z", 5])
def test_server_owned_dates_are_ignored_when_changing(dates):
    found = patched(made(), ext={"k": "v", "ct": dates, "lwt": dates})
    assert found["ext"] == {"ct": NOW, "lwt": LATER, "k": "v"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": ID},
        {"name": "n"},
        {"isenabled": "false", "dtstart": None},
        {"periods": [dict(reversed(PERIOD.items()))]},
        {"opts": {}, "ext": {"ct": "x"}},
        {"opts": {"title": None, "nothing": None}},
        {"ext": {"k": {"b": 1, "a": [1]}}},
    ],
)
def test_same_document_is_returned_when_nothing_changes(body):
    before = made(periods=[PERIOD], ext={"k": {"a": [1], "b": 1}})
    assert patched(before, **body) is before


@pytest.mark.parametrize("value", [True, "1", None, [1]])
def test_change_is_seen_when_python_would_call_it_equal(value):
    before = made(ext={"k": 1})
    found = patched(before, ext={"k": value})
    assert found is not before
    assert found["ext"]["lwt"] == LATER


def test_form_of_sites_changes_when_the_client_uses_another():
    assert patched(made(sites="A"), sites=["A"])["sites"] == ["A"]


def test_what_a_task_is_made_of_is_left_alone():
    body = {"name": "n", "sites": ["A"], "periods": [PERIOD], "ext": {"k": [{}]}}
    first = new(body, lambda: ID, NOW)
    given = changes({"opts": {"x": [1]}}, ID)
    before = copy.deepcopy((body, first, given))
    assert changed(first, given, LATER) != first
    assert (body, first, given) == before


def test_stored_task_is_as_it_was_when_loaded():
    full = made(opts={"a": None}, ext={"k": 1}, periods=[PERIOD], sites=["A"])
    changed_later = patched(full, name="m")
    assert same(loaded(changed_later, OTHER_ID, "x"), changed_later)


def test_defaults_are_filled_in_when_loaded():
    assert same(loaded({"name": "n"}, ID, NOW), DEFAULTS)
    nulls = {"id": None, "ext": {"ct": None, "lwt": ""}}
    assert same(loaded({"name": "n", **nulls}, ID, NOW), DEFAULTS)


def test_lwt_is_ct_when_only_that_is_loaded():
    raw = {"name": "n", "ext": {"k": 1, "ct": "2019-01-01T03:00:00.123+03:00"}}
    ct = "2019-01-01T00:00:00.123Z"
    assert same(loaded(raw, ID, NOW)["ext"], {"ct": ct, "lwt": ct, "k": 1})


def test_all_faults_are_told_when_loaded():
    raw = {"id": "x", "ext": {"ct": 5, "lwt": "soon"}, "nme": 1}
    with pytest.raises(Invalid) as caught:
        loaded(raw, ID, NOW)
    assert list(caught.value.faults) == ["id", "name", "ext.ct", "ext.lwt", "nme"]


def test_fields_have_the_kinds_of_the_schema():
    kinds = {field.name: field.type for field in FIELDS.declared}
    assert [name for name in kinds if "." not in name] == list(DEFAULTS)
    assert list(kinds)[-6:] == [
        "opts",
        "opts.title",
        "opts.comment",
        "ext",
        "ext.ct",
        "ext.lwt",
    ]
    assert kinds["isenabled"] is INTBOOL
    assert kinds["sitemode"] is TEXT
    assert kinds["periods"] is ARRAY
    assert kinds["opts"] is kinds["ext"] is OBJECT
    assert kinds["ext.lwt"] is DATE


FLAT = [
    ({"opts.title": "t"}, {"opts": {"title": "t"}}),
    ({"ext.a.b": 1, "ext.a.c": [{}]}, {"ext": {"a": {"b": 1, "c": [{}]}}}),
    ({"ext": {"a": {"b": 1}}, "ext.a.c": 2}, {"ext": {"a": {"b": 1, "c": 2}}}),
    ({"opts.title": None, "ext.a": {}}, {"opts": {"title": None}, "ext": {"a": {}}}),
    ({"ext.ct": "x", "ext.lwt": 5}, {"ext": {"ct": "x", "lwt": 5}}),
]


@pytest.mark.parametrize(("given", "same_as"), FLAT)
def test_flat_body_means_the_nested_one(given, same_as):
    before = copy.deepcopy(given)
    for _ in range(2):
        assert same(made(**given), made(**same_as))
        assert changes(given, ID) == changes(same_as, ID)
    assert given == before


def test_flat_reply_can_be_loaded():
    task = made(ext={"a": {"b": [1, {"c": 2}], "": {}}, "d": 0}, opts={"x": None})
    assert same(loaded(flat(task), OTHER_ID, LATER), task)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"opts": {"title": "a"}, "opts.title": "b"}, "opts.title"),
        ({"ext": None, "ext.a": 1}, "ext.a"),
        ({"ext.a": 1, "ext.a.b": 2}, "ext.a.b"),
        ({"ext.a.b": 2, "ext.a": {}}, "ext.a"),
        ({"ext.": 1, "ext..": 2}, "ext.."),
    ],
)
def test_member_that_comes_nested_and_flat_is_refused(given, place):
    found = faults({"name": "n", **given})
    assert found == {place: ["is there twice, or inside of what is no object"]}


@pytest.mark.parametrize("name", [f"ext{'.a' * 64}", f"ext{'.a' * 500_000}"])
def test_flat_body_is_refused_when_the_nested_one_would_be_too_deep(name):
    fields = {name: 1}
    with pytest.raises(Invalid, match="the body is nested too deeply"):
        made(**fields)
    fields = {f"ext{'.a' * 62}": 1}
    made(**fields)
    fields = {f"ext{'.a' * 60}": [[[[]]]]}
    with pytest.raises(Invalid, match="the body is nested too deeply"):
        made(**fields)
