"""PATCH of one task: merging, resets, what counts as a change, If-Match."""

import pytest
from calls import ID, OTHER_ID, UNKNOWN, create, one, refused, send, untouched
from shared import T

FULL = {
    "id": ID,
    "name": "n",
    "isenabled": 1,
    "svcscriptcode": "code",
    "sitemode": "sites",
    "sites": ["A", "B"],
    "isregular": 1,
    "overlap": 0,
    "intervalsec": 60,
    "dtstart": "2019-02-20T08:00:00Z",
    "dtstop": "2020-02-20T08:00:00Z",
    "schedule": "individual",
    "periods": [{"dow": 1, "timestart": 0, "timestop": 60}],
    "opts": {"title": "t", "comment": "c", "mine": {"a": 1, "b": 2}},
    "ext": {"k": "v", "one": 1, "true": True, "null": None, "deep": {"a": [1, {}]}},
}
LATER = "2026-01-02T03:04:06.67Z"


@pytest.fixture
def task(api, clock):
    """A task in which no field has its default, made a second ago."""
    made = create(api, FULL)
    clock.move(seconds=1)
    return made


def patch(api, task, body, **headers):
    reply = send(api, "PATCH", one(task), body, **headers)
    assert reply.status_int == 200, reply.text
    assert api.get(one(task)).text == reply.text
    assert api.get(one(task)).headers["ETag"] == reply.headers["ETag"]
    return reply.json


def later(task, **fields):
    return {**task, **fields, "ext": {**task["ext"], "lwt": LATER}}


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", "new"),
        ("isenabled", 0),
        ("svcscriptcode", ""),
        ("sitemode", "any"),
        ("sites", "A, B"),
        ("sites", ["B", "A"]),
        ("sites", []),
        ("overlap", 1),
        ("intervalsec", 0),
        ("dtstart", ""),
        ("dtstop", "2018-01-01T00:00:00Z"),
        ("schedule", "all"),
        ("periods", []),
        ("periods", [{"dow": 2, "timestart": 0, "timestop": 60}]),
    ],
)
def test_named_field_is_set_and_the_others_are_kept(api, task, field, value):
    change = {field: value}
    assert patch(api, task, {field: value}) == later(task, **change)


@pytest.mark.parametrize(
    "field, default",
    [
        ("isenabled", 0),
        ("svcscriptcode", ""),
        ("sitemode", "all"),
        ("sites", ""),
        ("isregular", 0),
        ("overlap", 1),
        ("intervalsec", 0),
        ("dtstart", ""),
        ("dtstop", ""),
        ("schedule", "all"),
        ("periods", []),
        ("opts", {"title": "", "comment": ""}),
    ],
)
def test_null_resets_a_field_to_its_default(api, task, field, default):
    change = {field: default}
    assert patch(api, task, {field: None}) == later(task, **change)


def test_null_ext_removes_the_clients_keys_and_keeps_the_times(api, task):
    ext = {"ct": task["ext"]["ct"], "lwt": LATER}
    assert patch(api, task, {"ext": None}) == {**task, "ext": ext}


def test_null_name_is_refused(api, task):
    with untouched(api):
        error = refused(send(api, "PATCH", one(task), {"name": None}), 400)
    assert list(error["errors"]) == ["name"]


def test_null_id_is_refused(api, task):
    with untouched(api):
        refused(send(api, "PATCH", one(task), {"id": None, "name": "x"}), 400)


@pytest.mark.parametrize(
    "change, opts",
    [
        ({"title": "new"}, {"title": "new", "comment": "c", "mine": {"a": 1, "b": 2}}),
        ({"mine": None}, {"title": "t", "comment": "c"}),
        ({"mine": {"a": 3}}, {"title": "t", "comment": "c", "mine": {"a": 3}}),
        (
            {"title": None, "x": 1},
            {"title": "", "comment": "c", "mine": {"a": 1, "b": 2}, "x": 1},
        ),
    ],
)
def test_opts_are_merged_key_by_key(api, task, change, opts):
    assert patch(api, task, {"opts": change}) == later(task, opts=opts)


def test_ext_is_merged_key_by_key(api, task):
    change = {"k": None, "new": [None], "deep": {"b": None}, "nosuch": None, "": 0}
    ext = {**task["ext"], "lwt": LATER, "deep": {"b": None}, "new": [None], "": 0}
    del ext["k"]
    assert patch(api, task, {"ext": change}) == {**task, "ext": ext}


@pytest.mark.parametrize("value", ["1999-01-01T00:00:00Z", None, 5, [], "no date"])
def test_times_that_a_client_sends_are_ignored(api, task, value):
    assert patch(api, task, {"ext": {"ct": value, "lwt": value}}) == task


def test_keys_with_dots_and_dollars_are_keys_of_their_own(api, task):
    changed = patch(api, task, {"ext": {"deep.a": 1, "$set": {"k": 2}, "a": {"$x": 1}}})
    assert changed["ext"]["deep"] == {"a": [1, {}]}
    assert changed["ext"]["deep.a"] == 1
    assert changed["ext"]["$set"] == {"k": 2}
    assert "deep.a" not in patch(api, task, {"ext": {"deep.a": None}})["ext"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**FULL, "ext": {"k": "v", "one": 1, "true": True}},
        {"name": "n"},
        {"id": ID},
        {"id": ID.upper()},
        {"isenabled": True},
        {"isenabled": "true"},
        {"intervalsec": "60"},
        {"dtstart": "2019-02-20T10:00:00+02:00"},
        {"sites": ["A", "B"]},
        {"periods": [{"timestop": "60", "timestart": 0, "dow": 1}]},
        {"opts": {}},
        {"opts": {"mine": {"b": 2, "a": 1}}},
        {"ext": {}},
        {"ext": {"nosuch": None}},
        {"ext": {"one": 1.0}},
        {"ext": {"deep": {"a": [1, {}]}}},
    ],
)
def test_patch_that_changes_nothing_leaves_lwt_and_etag_alone(api, task, body):
    with untouched(api):
        tag = api.get(one(task)).headers["ETag"]
        reply = send(api, "PATCH", one(task), body)
        assert (reply.status_int, reply.json) == (200, task)
        assert reply.headers["ETag"] == tag


@pytest.mark.parametrize(
    "key, value",
    [("one", True), ("one", "1"), ("true", 1), ("true", "true"), ("one", 1.5)]
    + [("one", [1]), ("deep", {"a": [True, {}]}), ("deep", {"a": [1, []]})]
    + [("k", ["v"]), ("null", ""), ("null", 0), ("null", False)],
)
def test_value_of_another_type_is_a_change(api, task, key, value):
    changed = patch(api, task, {"ext": {key: value}})
    assert changed["ext"]["lwt"] == LATER
    assert changed["ext"][key] == value
    assert type(changed["ext"][key]) is type(value)


def test_null_that_was_stored_at_creation_is_removed_by_null(api, task):
    assert "null" not in patch(api, task, {"ext": {"null": None}})["ext"]


def test_changes_are_kept_one_after_another(api, task, clock):
    for number in range(5):
        patch(api, task, {"ext": {f"k{number}": number}})
        clock.move(seconds=1)
    ext = patch(api, task, {"ext": {"k0": None}})["ext"]
    assert [ext.get(f"k{number}") for number in range(5)] == [None, 1, 2, 3, 4]
    assert ext["lwt"] == "2026-01-02T03:04:11.67Z"


@pytest.mark.parametrize("id_", [OTHER_ID, "", "x", 1, [], True])
def test_another_id_is_refused(api, task, id_):
    with untouched(api):
        error = refused(send(api, "PATCH", one(task), {"id": id_, "name": "x"}), 400)
    assert list(error["errors"]) == ["id"]


def test_all_faults_are_told_and_nothing_is_changed(api, task):
    body = {
        "id": OTHER_ID,
        "name": " ",
        "overlap": 2,
        "opts": {"title": 1},
        "isEnabled": 1,
        "svcscriptcode": "good",
    }
    with untouched(api):
        error = refused(send(api, "PATCH", one(task), body), 400)
    assert set(error["errors"]) == {"id", "name", "overlap", "opts.title", "isEnabled"}


@pytest.mark.parametrize("body", [[], "x", 1, None, True, [{"name": "x"}]])
def test_body_that_is_no_object_is_refused(api, task, body):
    with untouched(api):
        refused(send(api, "PATCH", one(task), body), 400)


def test_parameter_in_the_address_is_refused(api, task):
    with untouched(api):
        refused(send(api, "PATCH", f"{one(task)}?flat=1", {"name": "x"}), 400)


def test_unknown_id_is_404_whatever_is_sent(api):
    for body in ({"name": "n"}, b"{", None):
        refused(send(api, "PATCH", UNKNOWN, body), 404)
    for tags in ("*", '"0123456789abcdef"', ",", ""):
        refused(send(api, "PATCH", UNKNOWN, {"name": "n"}, If_Match=tags), 404)


def test_id_in_upper_case_in_the_path_is_the_same_task(api, task):
    reply = send(api, "PATCH", f"{T}/{ID.upper()}", {"id": ID, "name": "new"})
    assert (reply.status_int, reply.json["id"]) == (200, ID)


@pytest.mark.parametrize(
    "tags", ["*", " * ", "{}", '"a", {}', '{},W/"b"', '"", {} ,"x"']
)
def test_change_is_made_when_if_match_has_the_tag(api, task, tags):
    tag = api.get(one(task)).headers["ETag"]
    assert patch(api, task, {"name": "x"}, If_Match=tags.format(tag))["name"] == "x"


@pytest.mark.parametrize(
    "tags",
    ['"0123456789abcdef"', 'W/"0123456789abcdef"', '"x"', '"a","b"', '"*"', '""']
    + ['"\xff"', '"' + "f" * 5000 + '"', '"-000000000000001"', '"0x00000000000001"'],
)
def test_change_is_412_when_if_match_has_other_tags_only(api, task, tags):
    with untouched(api):
        refused(send(api, "PATCH", one(task), {"name": "x"}, If_Match=tags), 412)


def test_change_is_412_when_the_tag_is_weak(api, task):
    tag = api.get(one(task)).headers["ETag"]
    with untouched(api):
        refused(send(api, "PATCH", one(task), {"name": "x"}, If_Match=f"W/{tag}"), 412)


def test_change_is_412_when_the_task_was_changed_since(api, task):
    tag = api.get(one(task)).headers["ETag"]
    patch(api, task, {"name": "first"}, If_Match=tag)
    with untouched(api):
        refused(send(api, "PATCH", one(task), {"name": "x"}, If_Match=tag), 412)


@pytest.mark.parametrize(
    "tags",
    [
        "",
        " ",
        ",",
        " , ,",
        "x",
        "0123456789abcdef",
        "0123456789abcdef,",
        "W/x",
        '*, "x"',
    ]
    + ['"x', 'x"', '"x" "y"', '"x", y', 'w/"x"', '"a b"', "{}"],
)
def test_if_match_without_a_tag_is_400(api, task, tags):
    with untouched(api):
        refused(send(api, "PATCH", one(task), {"name": "x"}, If_Match=tags), 400)


def test_reply_has_the_new_tag_for_the_next_change(api, task):
    tag = api.get(one(task)).headers["ETag"]
    for name in ("a", "b", "c"):
        reply = send(api, "PATCH", one(task), {"name": name}, If_Match=tag)
        assert reply.status_int == 200
        assert reply.headers["ETag"] != tag
        tag = reply.headers["ETag"]
