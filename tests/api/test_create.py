"""POST of the collection: what becomes of each field, and what is refused."""

import re

import pytest
from calls import ID, JSON, OTHER_ID, create, one, refused, send, untouched
from shared import T


def test_reply_has_the_fifteen_members_in_order_when_created(api):
    reply = send(api, "POST", T, {"schedule": "work", "name": "n"})
    assert reply.status_int == 200
    assert reply.headers["Content-Type"] == JSON
    assert " ".join(reply.json) == (
        "id name isenabled svcscriptcode sitemode sites isregular overlap "
        "intervalsec dtstart dtstop schedule periods opts ext"
    )
    assert api.get(one(reply.json)).text == reply.text


def test_reply_has_the_etag_of_get_when_created(api):
    reply = send(api, "POST", T, {"name": "n"})
    assert reply.headers["ETag"] == api.get(one(reply.json)).headers["ETag"]


def test_generated_id_has_random_time_and_node(api):
    first, second = create(api, {"name": "n"})["id"], create(api, {"name": "n"})["id"]
    assert re.fullmatch("[0-9a-f]{8}-019b-7ca9-8f2e-50e54938780c", first)
    assert first != second and first[8:] == second[8:]


def test_id_is_generated_when_null(api):
    assert create(api, {"name": "n", "id": None})["id"].endswith("-50e54938780c")


def test_id_is_in_lower_case_when_chosen_in_upper_case(api):
    assert create(api, {"id": ID.upper(), "name": "n"})["id"] == ID
    assert api.get(f"{T}/{ID.upper()}").json["id"] == ID


def test_any_hexadecimal_id_is_accepted_even_if_no_uuid4(api):
    id_ = "ffffffff-0000-0000-0000-000000000000"
    assert create(api, {"id": id_, "name": "n"})["id"] == id_


@pytest.mark.parametrize(
    "id_",
    ["", "x", ID[:-1], ID + "0", ID.replace("-", ""), f"{{{ID}}}", f" {ID}", 1, [], {}]
    + [True, ID.replace("3", "\u0663"), ID + "\n"],
)
def test_id_of_another_form_is_refused(api, id_):
    with untouched(api):
        error = refused(send(api, "POST", T, {"name": "n", "id": id_}), 400)
    assert list(error["errors"]) == ["id"]


def test_existing_id_is_409_and_the_old_task_untouched(api):
    create(api, {"id": ID, "name": "old"})
    with untouched(api):
        error = refused(send(api, "POST", T, {"id": ID.upper(), "name": "new"}), 409)
    assert ID in error["error_message"]


def test_sent_times_are_ignored(api):
    sent = {"ct": "1999-01-01T00:00:00Z", "lwt": {"any": "thing"}, "k": 1}
    ext = create(api, {"name": "n", "ext": sent})["ext"]
    now = "2026-01-02T03:04:05.67Z"
    assert list(ext.items()) == [("ct", now), ("lwt", now), ("k", 1)]


@pytest.mark.parametrize(
    "ext",
    [
        {"null": None, "true": True, "int": -(2**63), "big": 2**64 - 1, "real": 1.0},
        {"a.b": 1, "$eq": 2, "": 3, "a": {"b": 4}, " ": 5, "..": 6},
        {"deep": [[{"a": [None, {}]}], []], "text": "\u017b\U0001f600\u2028\ufffd"},
        {"__proto__": {}, "constructor": 1, "id": "x", "ext": {"ct": 1}},
    ],
)
def test_any_json_is_kept_in_ext_and_echoed(api, ext):
    task = create(api, {"name": "n", "ext": ext})
    stored = api.get(one(task)).json["ext"]
    assert {name: stored[name] for name in ext} == ext
    assert [type(stored[name]) for name in ext] == [type(v) for v in ext.values()]


def test_further_keys_of_opts_are_kept(api):
    opts = create(api, {"name": "n", "opts": {"x": [1], "comment": "c"}})["opts"]
    assert list(opts.items()) == [("title", ""), ("comment", "c"), ("x", [1])]


@pytest.mark.parametrize("field", ["opts", "ext"])
@pytest.mark.parametrize("value", ["", 1, True, [], [{}]])
def test_object_field_of_another_type_is_refused(api, field, value):
    error = refused(send(api, "POST", T, {"name": "n", field: value}), 400)
    assert list(error["errors"]) == [field]


@pytest.mark.parametrize("value", [1, True, [], {}])
def test_opts_title_of_another_type_is_refused(api, value):
    error = refused(send(api, "POST", T, {"name": "n", "opts": {"title": value}}), 400)
    assert list(error["errors"]) == ["opts.title"]


def test_every_field_has_its_default_when_null(api):
    fields = list(create(api, {"id": ID, "name": "n"}))[2:]
    nulls = create(api, {"id": OTHER_ID, "name": "n", **dict.fromkeys(fields)})
    assert nulls == {**api.get(f"{T}/{ID}").json, "id": OTHER_ID}


@pytest.mark.parametrize(
    "name",
    ["", " ", "\t\n", "\u00a0", "\u2003\u3000", "\x1c", None, 0, 1, True, [], {}],
)
def test_name_without_a_visible_character_or_no_text_is_refused(api, name):
    with untouched(api):
        error = refused(send(api, "POST", T, {"name": name}), 400)
    assert list(error["errors"]) == ["name"]


@pytest.mark.parametrize(
    "name", [" n ", "\u200b", "\u0301", "<script>", "\x7f", "\r\nn"]
)
def test_name_is_kept_to_the_letter(api, name):
    task = create(api, {"name": name})
    assert api.get(one(task)).json["name"] == name


@pytest.mark.parametrize("field", ["isenabled", "isregular", "overlap"])
@pytest.mark.parametrize(
    "sent, stored",
    [(0, 0), (1, 1), (False, 0), (True, 1)]
    + [("0", 0), ("1", 1), ("false", 0), ("true", 1), (0.0, 0), (1.0, 1)],
)
def test_intbool_is_stored_as_0_or_1(api, field, sent, stored):
    task = create(api, {"name": "n", field: sent})
    assert task[field] == stored and type(task[field]) is int


@pytest.mark.parametrize(
    "value", [2, -1, 0.5, 2.0, "", "True", "yes", " 1", "01", "\u0661", [], {}, [1]]
)
def test_intbool_of_another_value_is_refused(api, value):
    error = refused(send(api, "POST", T, {"name": "n", "isenabled": value}), 400)
    assert error["errors"] == {"isenabled": ["must be 0 or 1"]}


@pytest.mark.parametrize(
    "sent, stored",
    [(0, 0), (3600, 3600), ("3600", 3600), ("007", 7), (2**63 - 1, 2**63 - 1)]
    + [("9223372036854775807", 2**63 - 1), ("-0", 0), (60.0, 60), (1e3, 1000)],
)
def test_interval_is_stored_as_an_integer(api, sent, stored):
    interval = create(api, {"name": "n", "intervalsec": sent})["intervalsec"]
    assert interval == stored and type(interval) is int


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-1",
        -1.0,
        1.5,
        1e16,
        True,
        False,
        "",
        "1.0",
        "+1",
        " 1",
        "1_000",
        "0x1",
        "1e3",
    ]
    + ["\u0663", "\uff11", 2**63, 2**64 - 1, "9223372036854775808", "9" * 400, [], {}],
)
def test_interval_of_another_value_is_refused(api, value):
    with untouched(api):
        error = refused(send(api, "POST", T, {"name": "n", "intervalsec": value}), 400)
    assert list(error["errors"]) == ["intervalsec"]


@pytest.mark.parametrize(
    "sent, stored",
    [
        ("", ""),
        (None, ""),
        ("2019-02-20T08:00:00Z", "2019-02-20T08:00:00Z"),
        ("2019-02-20t08:00:00z", "2019-02-20T08:00:00Z"),
        ("2019-02-20T10:00:00.120+02:00", "2019-02-20T08:00:00.120Z"),
        ("2019-02-20T08:00:00-00:00", "2019-02-20T08:00:00Z"),
        ("2020-02-28T23:30:00-01:00", "2020-02-29T00:30:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00-23:59", "0001-01-01T23:59:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ("9999-12-31T23:59:59+23:59", "9999-12-31T00:00:59Z"),
        ("2019-02-20T08:00:00.000+0000", "2019-02-20T08:00:00.000Z"),
        ("2019-02-20T10:00:00+0200", "2019-02-20T08:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T18:59:60.5-05:00", "2017-01-01T00:00:00.5Z"),
    ],
)
def test_date_is_stored_in_utc(api, sent, stored):
    task = create(api, {"name": "n", "dtstart": sent})
    assert task["dtstart"] == stored


@pytest.mark.parametrize(
    "value",
    ["2019-02-20", "2019-02-20 08:00:00Z", "2019-02-20T08:00:00", "2019-02-20T08:00Z"]
    + ["2019-02-30T08:00:00Z", "2019-13-01T08:00:00Z", "0000-01-01T00:00:00Z"]
    + ["2019-02-20T24:00:00Z", "2019-02-20T08:60:00Z", "2019-02-20T08:00:00.Z"]
    + ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "now", " "]
    + [
        "2019-02-20T08:00:00+24:00",
        "2019-02-20T08:00:00+02:60",
        "2016-12-31T23:58:60Z",
        "2019-02-20T08:00:00+2",
    ]
    + ["\u0662019-02-20T08:00:00Z", "2019-02-20T08:00:00Z\n", "10000-01-01T00:00:00Z"]
    + [0, 1550649600, True, [], {}],
)
def test_date_of_another_form_is_refused(api, value):
    with untouched(api):
        error = refused(send(api, "POST", T, {"name": "n", "dtstop": value}), 400)
    assert list(error["errors"]) == ["dtstop"]


def test_start_after_stop_is_stored(api):
    task = create(
        api,
        {
            "name": "n",
            "dtstart": "2020-01-01T00:00:00Z",
            "dtstop": "2019-01-01T00:00:00Z",
        },
    )
    assert task["dtstart"] > task["dtstop"]


@pytest.mark.parametrize("sites", ["", "SITE1, SITE2", " ", ",", [], ["A", "B "], [""]])
def test_sites_are_echoed_in_the_form_that_was_sent(api, sites):
    assert create(api, {"name": "n", "sites": sites})["sites"] == sites


@pytest.mark.parametrize("sites", [0, True, {}, [1], ["A", None], [["A"]]])
def test_sites_of_another_type_are_refused(api, sites):
    error = refused(send(api, "POST", T, {"name": "n", "sites": sites}), 400)
    assert list(error["errors"]) == ["sites"]


@pytest.mark.parametrize("mode", ["all", "any", "sites", "anyofsites", "firstsite"])
def test_sitemode_may_go_with_sites(api, mode):
    task = create(api, {"name": "n", "sitemode": mode, "sites": "SITE1, SITE2"})
    assert (task["sitemode"], task["sites"]) == (mode, "SITE1, SITE2")


@pytest.mark.parametrize("schedule", ["all", "work", "non-work", "individual"])
def test_schedule_is_one_of_four(api, schedule):
    assert create(api, {"name": "n", "schedule": schedule})["schedule"] == schedule


@pytest.mark.parametrize(
    "field, word", [("sitemode", "firstsite"), ("schedule", "non-work")]
)
@pytest.mark.parametrize("value", ["", "ALL", "all ", "none", 1, True, [], ["all"], {}])
def test_enumeration_of_another_value_is_refused(api, field, word, value):
    error = refused(send(api, "POST", T, {"name": "n", field: value}), 400)
    assert list(error["errors"]) == [field]
    if isinstance(value, str):
        assert f'"{word}"' in error["errors"][field][0]


def test_periods_are_kept_with_unknown_keys(api):
    sent = [
        {"dow": 1, "timestart": 0, "timestop": 1440, "note": None},
        {"timestop": "60", "timestart": "0", "dow": "7"},
    ]
    task = create(api, {"name": "n", "periods": sent})
    assert task["periods"] == [sent[0], {"timestop": 60, "timestart": 0, "dow": 7}]


@pytest.mark.parametrize(
    "period, fields",
    [
        (None, [""]),
        ([], [""]),
        ({}, [".dow", ".timestart", ".timestop"]),
        ({"dow": 0, "timestart": -1, "timestop": 1441}, None),
        ({"dow": 8, "timestart": 0, "timestop": 1}, [".dow"]),
        ({"dow": True, "timestart": 0, "timestop": 1.5}, [".dow", ".timestop"]),
        ({"dow": 1, "timestart": None, "timestop": 1}, [".timestart"]),
        ({"dow": 1, "timestart": 5, "timestop": 5}, [".timestop"]),
        ({"dow": 1, "timestart": 6, "timestop": 5}, [".timestop"]),
    ],
)
def test_period_that_breaks_a_rule_is_refused_with_its_place(api, period, fields):
    good = {"dow": 1, "timestart": 0, "timestop": 1}
    reply = send(api, "POST", T, {"name": "n", "periods": [good, period]})
    places = fields or [".dow", ".timestart", ".timestop"]
    assert sorted(refused(reply, 400)["errors"]) == [f"periods.1{p}" for p in places]


@pytest.mark.parametrize("value", ["", "[]", 1, {}, {"dow": 1}])
def test_periods_that_are_no_array_are_refused(api, value):
    error = refused(send(api, "POST", T, {"name": "n", "periods": value}), 400)
    assert list(error["errors"]) == ["periods"]


@pytest.mark.parametrize(
    "field, nearest",
    [("isEnabled", "isenabled"), ("Name", "name"), ("intervalSec", "intervalsec")]
    + [("ext/ct", None), ("", None), ("\u017b", None), ("$set", None), ("zzz", None)],
)
def test_unknown_field_is_refused_with_its_name_and_the_nearest(api, field, nearest):
    with untouched(api):
        error = refused(send(api, "POST", T, {"name": "n", field: 1}), 400)
    assert list(error["errors"]) == [field]
    if nearest:
        assert f'"{nearest}"' in error["error_message"]


def test_all_faults_are_told_at_once(api):
    body = {
        "id": 1,
        "isenabled": 2,
        "svcscriptcode": 3,
        "sitemode": "x",
        "sites": 4,
        "intervalsec": -5,
        "dtstart": "x",
        "schedule": "x",
        "periods": 6,
        "opts": {"title": 7, "comment": 8},
        "ext": [],
        "more": 9,
    }
    error = refused(send(api, "POST", T, body), 400)
    expected = {*body, "name", "opts.title", "opts.comment"} - {"opts"}
    assert set(error["errors"]) == expected


def test_parameter_in_the_address_is_refused(api):
    with untouched(api):
        error = refused(send(api, "POST", f"{T}?flat=1&mask=id", {"name": "n"}), 400)
    assert list(error["errors"]) == ["flat", "mask"]


def test_flat_body_is_read_as_the_nested_one(api):
    sent = {"name": "n", "opts.title": "t", "ext.a.b": 1, "ext.ct": "1999"}
    task = create(api, sent)
    assert task["opts"] == {"title": "t", "comment": ""}
    assert task["ext"]["a"] == {"b": 1} and task["ext"]["ct"] > "2026"


def test_flat_reply_can_be_sent_back(api):
    task = create(api, {"name": "n", "ext": {"a": {"b": [1]}, "c": {}}})
    flat = api.get(f"{one(task)}?flat=true").json
    with untouched(api):
        assert send(api, "PATCH", one(task), flat).json == task
    again = send(api, "POST", T, {**flat, "id": None}).json
    assert {**again, "id": task["id"]} == task
    change = {"ext.c": None, "ext.a.b": 2, "opts.title": "t"}
    changed = send(api, "PATCH", one(task), change).json
    assert changed["ext"].get("c") is None and changed["ext"]["a"] == {"b": 2}
    assert changed["opts"]["title"] == "t"
