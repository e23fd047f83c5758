"""What any implementation must pass: svctasks contract, section 8, 1 to 15."""

import pytest
from calls import FORM, ID, OTHER_ID, UNKNOWN, address, create, names, one, send
from shared import T, sample, sample_text

from app import bootstrap


@pytest.fixture
def seeded(api, store, settings, clock):
    """The API with the two entities of the platform's documents, times kept."""
    first = sample("svctask.json")
    second = {**sample("svctasks.list.json")[1], "sites": "", "periods": []}
    complete = bootstrap.use_cases(store, settings, clock).svctasks.complete_document
    store.insert("svctasks", complete(first), complete(second))
    return api


def test_01_post_of_a_name_fills_in_every_default(api):
    task = create(api, {"name": "n"})
    assert task == {
        "id": task["id"],
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
        "ext": {"ct": "2026-01-02T03:04:05.67Z", "lwt": "2026-01-02T03:04:05.67Z"},
    }


def test_02_post_with_a_chosen_id_is_found_by_get(api):
    task = create(api, {"id": ID, "name": "n"})
    assert task["id"] == ID
    assert api.get(f"{T}/{ID}").json == task


def test_03_post_without_a_name_is_400_and_changes_nothing(api):
    create(api, {"name": "n"})
    before = api.get(T).text
    assert send(api, "POST", T, {"isenabled": 1}).status_int == 400
    assert api.get(T).text == before


def test_04_get_list_is_exactly_the_sample(seeded):
    reply = seeded.get(f"{T}?offset=0&limit=2")
    assert reply.text == sample_text("svctasks.list.json")


def test_04_get_one_is_exactly_the_sample(seeded):
    assert seeded.get(f"{T}/{ID}").text == sample_text("svctask.json")


def test_04_patch_is_exactly_the_sample_but_for_lwt(seeded):
    patched = sample("svctask.patched.json")
    reply = send(seeded, "PATCH", f"{T}/{ID}", patched)
    text = sample_text("svctask.patched.json")
    lwt = patched["ext"]["lwt"]
    assert reply.text == text.replace(lwt, "2026-01-02T03:04:05.67Z")


def test_05_offset_1_and_limit_1_is_the_second_item(seeded):
    reply = seeded.get(f"{T}?offset=1&limit=1")
    assert reply.json == [sample("svctasks.list.json")[1]]


def test_06_mask_shows_exactly_the_named_fields(seeded):
    assert seeded.get(f"{T}?mask=id,ext.ct").json == [
        {"id": ID, "ext": {"ct": "2019-08-26T12:09:03.34Z"}},
        {"id": OTHER_ID, "ext": {"ct": "2019-08-26T12:39:00.55Z"}},
    ]


@pytest.mark.parametrize(
    "filter_",
    [
        {"name": "Debtor calls"},
        {"isenabled": 0},
        {"isenabled": "false"},
        {"isenabled": False},
        {"dtstart": "2019-02-20T10:00:00+02:00", "intervalsec": 3600},
        {"periods": [{"dow": 1}]},
        {"opts": {"title": "x"}},
        {"opts.title": "x"},
        {"opts": {"title": {"$startswith": "x"}}},
        {"name": {"$eq": "Debtor calls"}},
        {"name": {"$ne": "Daily cleaning"}},
        {"intervalsec": {"$lt": 86400}},
        {"intervalsec": {"$lte": 3600}},
        {"ext.ct": {"$gte": "2019-08-26T12:09:03.34Z", "$lt": "2019-08-26T12:10:00Z"}},
        {"name": {"$gt": "Db", "$lt": "E"}},
        {"svcscriptcode": {"$in": ["dialByCallList", "x"]}},
        {"svcscriptcode": {"$nin": ["cleardata"]}},
        {"ext.mine": {"$exists": True}},
        {"name": {"$contains": "TOR C"}},
        {"ext.tags": {"$contains": "a"}},
        {"name": {"$endswith": "calls"}},
        {"$and": [{"isregular": 1}, {"isenabled": 0}]},
        {"$or": [{"name": "x"}, {"isenabled": 0}]},
        {"$not": {"isenabled": 1}},
    ],
)
def test_07_every_form_of_a_filter_finds_its_tasks(seeded, filter_):
    patch = {
        "opts": {"title": "x"},
        "ext": {"mine": 1, "tags": ["a", "b"]},
        "periods": [{"dow": 1, "timestart": 0, "timestop": 60}],
    }
    assert send(seeded, "PATCH", f"{T}/{ID}", patch).status_int == 200
    assert names(seeded, filter=filter_) == ["Debtor calls"]


def test_08_order_by_name_and_its_reverse(seeded):
    forward = ["Daily cleaning", "Debtor calls"]
    assert names(seeded, order='["name"]') == forward
    assert names(seeded, order='[{"name":"desc"}]') == forward[::-1]


def test_09_flat_dots_the_members_of_one(seeded):
    flat = seeded.get(f"{T}/{ID}?flat=true").json
    task = sample("svctask.json")
    opts, ext = task.pop("opts"), task.pop("ext")
    assert flat == {
        **task,
        **{f"opts.{name}": value for name, value in opts.items()},
        **{f"ext.{name}": value for name, value in ext.items()},
    }


def test_09_flat_dots_the_members_of_a_list(seeded):
    items = seeded.get(f"{T}?flat=true").json
    assert [item["ext.ct"] for item in items] == [
        "2019-08-26T12:09:03.34Z",
        "2019-08-26T12:39:00.55Z",
    ]
    assert [len(item) for item in items] == [13, 13]


def test_10_patch_stores_a_clients_key_and_leaves_ct(api, clock):
    task = create(api, {"name": "n"})
    clock.move(seconds=1)
    change = {"ext": {"k": "v", "ct": "1999-01-01T00:00:00Z"}}
    ext = send(api, "PATCH", one(task), change).json["ext"]
    assert ext == {"ct": task["ext"]["ct"], "lwt": "2026-01-02T03:04:06.67Z", "k": "v"}
    assert api.get(one(task)).json["ext"] == ext


def test_11_lookup_found_byte_for_byte(seeded):
    reply = send(seeded, "LOOKUP", T, f'"{ID}"'.encode())
    assert reply.status == "200 OK"
    assert reply.body == f'[\n  "{ID}"\n]'.encode()


def test_11_lookup_not_found_byte_for_byte(seeded):
    reply = send(seeded, "LOOKUP", T, b'"nothing"')
    assert reply.status == "404 Not Found"
    assert reply.body == (
        b'{\n  "error_code": 1404,\n  "error_message": "Lookup failed"\n}'
    )


def test_12_deleted_task_is_gone_everywhere(seeded):
    reply = send(seeded, "DELETE", f"{T}/{ID}")
    assert (reply.status_int, reply.body) == (204, b"")
    assert send(seeded, "GET", f"{T}/{ID}").status_int == 404
    assert send(seeded, "LOOKUP", T, ID).status_int == 404
    assert names(seeded) == ["Daily cleaning"]


def test_13_form_body_carries_json_in_data(api):
    reply = send(api, "POST", T, b"data=%7B%22name%22%3A%22a+b%22%7D", FORM)
    assert reply.status_int == 200
    assert reply.json["name"] == "a b"


def test_14_put_is_405_with_allow(api):
    reply = send(api, "PUT", T, {"name": "n"})
    assert reply.status_int == 405
    assert {"GET", "POST", "LOOKUP"} <= set(reply.headers["Allow"].split(", "))


@pytest.mark.parametrize("method, body", [("PATCH", {"name": "n"}), ("DELETE", None)])
def test_15_unknown_id_is_404_with_1404(api, method, body):
    reply = send(api, method, UNKNOWN, body)
    assert reply.status_int == 404
    assert reply.json == {"error_code": 1404, "error_message": "Not found"}


def test_address_helper_writes_values_as_json():
    assert (
        address(filter={"a": 1}, mask="id") == f"{T}?filter=%7B%22a%22%3A+1%7D&mask=id"
    )
