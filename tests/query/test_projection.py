"""Mask and flat: which fields a reply has, and in which order."""

import json

import pytest

from app.errors import Invalid
from app.query.projection import MAX_NAMES, flat, mask, projection, whole
from app.schemas.svctask import FIELDS, new

NOW = "2019-08-26T12:09:03.34Z"
TASK = new(
    {
        "name": "n",
        "opts": {"mine": 1, "comment": "c"},
        "ext": {"b": {"y": 1, "x": {"z": [1]}}, "a": None, "empty": {}},
    },
    lambda: "i",
    NOW,
)
LISTED = (
    "id name isenabled svcscriptcode sitemode isregular overlap intervalsec dtstart "
    "dtstop schedule ext"
).split()


def shown(names, on_list=False, document=TASK):
    return projection(mask(names, FIELDS, on_list), FIELDS)(document)


def faults(names, on_list=False):
    with pytest.raises(Invalid) as caught:
        mask(names, FIELDS, on_list)
    assert caught.value.message.startswith("mask: ")
    return list(caught.value.faults["mask"])


def test_list_item_has_the_thirteen_fields_when_there_is_no_mask():
    item = projection(whole(FIELDS, True), FIELDS)(TASK)
    assert list(item) == LISTED
    assert list(item["ext"].items()) == [("ct", NOW), ("lwt", NOW)]


def test_entity_is_complete_when_there_is_no_mask():
    entity = projection(whole(FIELDS, False), FIELDS)(TASK)
    assert json.dumps(entity) == json.dumps(TASK)


def test_order_is_the_contracts_when_the_store_lost_it():
    """PostgreSQL sorts the members of its jsonb by length and letters."""
    lost = json.loads(json.dumps(TASK, sort_keys=True))
    entity = projection(whole(FIELDS, False), FIELDS)(lost)
    assert list(entity) == list(TASK)
    assert list(entity["opts"]) == ["title", "comment", "mine"]
    assert list(entity["ext"]) == ["ct", "lwt", "a", "b", "empty"]


def test_order_is_the_contracts_when_the_mask_has_another():
    found = shown(" ext.lwt ,opts.mine,name,ext.ct,opts.title, id,id")
    assert json.dumps(found) == json.dumps(
        {
            "id": "i",
            "name": "n",
            "opts": {"title": "", "mine": 1},
            "ext": {"ct": NOW, "lwt": NOW},
        }
    )


def test_order_is_the_documents_when_the_keys_are_the_clients():
    found = shown("ext.a,ext.b.x,ext.b.y")
    assert json.dumps(found) == json.dumps(
        {"ext": {"b": {"y": 1, "x": {"z": [1]}}, "a": None}}
    )


def test_sub_fields_are_shown_at_any_depth():
    assert shown("ext.b.x.z") == {"ext": {"b": {"x": {"z": [1]}}}}


def test_whole_is_shown_when_its_part_is_named_too():
    assert shown("ext.b.x,ext.b") == shown("ext.b") == {"ext": {"b": TASK["ext"]["b"]}}
    assert shown("ext,ext.ct") == {"ext": TASK["ext"]}


def test_absent_sub_fields_are_left_out():
    assert shown("name,ext.nothing,ext.a.b,opts.title.x,ext.b.x.nothing") == {
        "name": "n"
    }


def test_absent_fields_are_left_out():
    assert shown("id,opts,ext.ct,name", document={"name": "n"}) == {"name": "n"}


def test_odd_values_are_shown_as_they_are():
    assert shown("opts,ext", document={"opts": 5, "ext": None}) == {
        "opts": 5,
        "ext": None,
    }


def test_ext_means_its_two_dates_when_on_a_list():
    assert shown("id,ext", True) == {"id": "i", "ext": {"ct": NOW, "lwt": NOW}}
    assert shown("ext.ct", True) == {"ext": {"ct": NOW}}


def test_names_may_be_an_array():
    assert shown(["id", " name "]) == {"id": "i", "name": "n"}


def test_projection_is_new_each_time():
    project = projection(whole(FIELDS, False), FIELDS)
    assert project(TASK) is not TASK
    assert project(TASK) == project(TASK) == TASK


@pytest.mark.parametrize(
    ("names", "on_list", "fault"),
    [
        ("nme", False, 'no field "nme" (did you mean "name"?); available: id, name'),
        ("sites", True, '"sites" is a field of one entity only, not of lists'),
        ("opts", True, '"opts" is a field of one entity only, not of lists'),
        (
            "opts.title",
            True,
            '"opts.title" is a field of one entity only, not of lists',
        ),
        ("ext.mine", True, '"ext.mine" is a field of one entity only, not of lists'),
        ("periods.dow", False, 'no field "periods.dow"'),
        ("ext.", False, 'no field "ext."'),
        ("", False, "an empty name"),
        ("id,", False, "an empty name"),
        ("id, ,name", True, "an empty name"),
        ([], False, "an empty name"),
        ([""], False, "an empty name"),
        ([1], False, "a name must be a string, not a number"),
        (None, False, "not null"),
        ({}, False, "not an object"),
        (["id"] * (MAX_NAMES + 1), False, "has 257 names, more than 256"),
        ("ext" + ".a" * 64, False, "more than 64 parts"),
    ],
)
def test_mask_is_refused_with_what_is_wrong(names, on_list, fault):
    [found] = faults(names, on_list)
    assert fault in found


def test_all_faults_of_a_mask_are_told_once():
    assert len(faults("nme,x,id,nme,,")) == 3


def test_flat_makes_dotted_members_of_objects():
    found = flat(shown("id,opts,ext"))
    assert list(found.items()) == [
        ("id", "i"),
        ("opts.title", ""),
        ("opts.comment", "c"),
        ("opts.mine", 1),
        ("ext.ct", NOW),
        ("ext.lwt", NOW),
        ("ext.b.y", 1),
        ("ext.b.x.z", [1]),
        ("ext.a", None),
        ("ext.empty", {}),
    ]


def test_flat_leaves_arrays():
    assert flat({"periods": [{"dow": 1}]}) == {"periods": [{"dow": 1}]}
