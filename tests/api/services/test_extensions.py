"""Extension values of services, states and tasks: how they are written and shown."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from calls import FORM, send
from service_calls import (
    EVERYTHING,
    define,
    done,
    end,
    get,
    level_of,
    missing,
    number,
    refused,
    refused_services,
    start,
    unchanged,
)
from webtest import TestApp

CLIENT = {"userAgent": "Mozilla/5.0", "clientIp": "192.168.1.1"}

VIP = {"offer_name": "VIP", "type": "9", "comments": "proposed to all"}
GOLD = {"offer_name": "GOLD", "type": "4"}
LIFE = {"offer_name": "life", "type": "3"}


@pytest.fixture
def client(api, owner):
    """The address of a single-valued value."""
    define(api, level_of(owner), "ClientInfo", *CLIENT)
    return f"{owner}/extensions/ClientInfo"


@pytest.fixture
def offers(api, owner):
    """The address of a multi-valued value with a key of two attributes."""
    define(
        api,
        level_of(owner),
        "relatedOffers",
        *VIP,
        kind="multi-valued",
        unique=["offer_name", "type"],
    )
    return f"{owner}/extensions/relatedOffers"


@pytest.fixture
def offered(api, offers):
    """The address of such a value with two records."""
    put(api, offers, [VIP, GOLD])
    return offers


def put(api, value, content):
    """Write a whole value; the documents give tasks another status."""
    status = 200 if "/tasks/" in value else 204
    done(send(api, "PUT", value, content), status)


def found(api, value):
    """Return the value at an address, None if there is none."""
    owner, _, name = value.partition("/extensions/")
    shown = get(api, owner, extensions=name)
    return next((v for n, v in shown.items() if n.lower() == name.lower()), None)


def one_at_each_level(api):
    """Start a service with a state and a task, and return the addresses of all."""
    service = start(api)
    states, tasks = f"{service}/states", f"{service}/tasks"
    return service, start(api, states), start(api, tasks)


# The whole value


def test_reply_to_a_write_has_no_body_and_its_own_status(api, client, level):
    reply = send(api, "PUT", client, CLIENT)
    assert (reply.status_int, reply.body) == (200 if level == "tasks" else 204, b"")


def test_value_is_shown_under_the_name_of_the_schema_when_asked_for(api, client, owner):
    before = get(api, owner)
    put(api, client, CLIENT)
    assert get(api, owner) == before
    for names in ("ClientInfo", "CLIENTINFO", " other , clientinfo "):
        shown = get(api, owner, extensions=names)
        assert shown == before | {"ClientInfo": CLIENT}
        assert list(shown)[-1] == "ClientInfo"
    assert get(api, owner, extensions="other,Client,started") == before


def test_extension_without_a_value_is_absent(api, client, owner):
    assert get(api, owner, extensions="ClientInfo") == get(api, owner)


def test_name_in_the_address_is_the_same_in_any_case(api, client):
    put(api, client.replace("ClientInfo", "CLIENTinfo"), CLIENT)
    assert found(api, client) == CLIENT
    put(api, client.replace("ClientInfo", "clientinfo"), {})
    assert found(api, client) == {}


def test_write_replaces_the_whole_value(api, client, offers):
    put(api, client, CLIENT)
    put(api, client, {"clientIp": "::1"})
    assert found(api, client) == {"clientIp": "::1"}
    put(api, offers, [VIP, GOLD])
    put(api, offers, [LIFE])
    assert found(api, offers) == [LIFE]


def test_empty_array_empties_a_multi_valued_extension(api, offered, owner):
    put(api, offered, [])
    assert "relatedOffers" not in get(api, owner, extensions="relatedOffers")
    put(api, offered, [])


def test_value_of_the_other_shape_is_refused(api, store, client, offered):
    put(api, client, CLIENT)
    with unchanged(store):
        for body in ([CLIENT], [], "x", 1, True, b"null"):
            refused(send(api, "PUT", client, body), "ClientInfo")
        for body in (VIP, {}, "x", 1, True, b"null"):
            refused(send(api, "PUT", offered, body), "relatedOffers")
        refused(send(api, "PUT", offered, [VIP, None]), "relatedOffers.1")


def test_faults_of_a_value_are_told_all_at_once(api, store, owner):
    attributes = [
        {"name": "n", "type": "integer", "mandatory": True},
        {"name": "t", "type": "string", "length": 3},
        {"name": "b", "type": "boolean"},
    ]
    define(api, level_of(owner), "many", *attributes, kind="multi-valued")
    body = [{"n": 1}, {"n": "x", "t": "abcd", "b": 2, "more": 1}, {}, 5]
    with unchanged(store):
        reply = send(api, "PUT", f"{owner}/extensions/many", body)
        faulty = ("many.1.n", "many.1.t", "many.1.b", "many.1.more", "many.2.n")
        refused(reply, *faulty, "many.3")


def test_body_that_cannot_be_taken_is_refused(api, store, client):
    put(api, client, CLIENT)
    with unchanged(store):
        for body in (b"", b"{", b'{"clientIp":"a","clientIp":"b"}'):
            refused(send(api, "PUT", client, body))
        refused_services(
            send(api, "PUT", client, b"x", "text/plain"), 415, "BAD_REQUEST"
        )
        refused(send(api, "PUT", f"{client}?extensions=x", CLIENT), "extensions")


def test_body_may_be_a_form(api, client, level):
    reply = send(api, "PUT", client, b'data={"clientIp":"a b"}', FORM)
    done(reply, 200 if level == "tasks" else 204)
    assert found(api, client) == {"clientIp": "a b"}


def test_address_of_a_value_has_no_get(api, client):
    for ending in ("", "/by/unique", "/delete/by/unique"):
        for method in ("GET", "DELETE", "POST"):
            reply = send(api, method, client + ending, {} if method == "POST" else None)
            refused_services(reply, 405, "METHOD_NOT_ALLOWED")
            assert set(reply.headers["Allow"].split(", ")) == {"PUT", "OPTIONS"}


def test_unknown_extension_is_404(api, store, owner, client):
    define(api, "tasks" if level_of(owner) == "services" else "services", "Elsewhere")
    with unchanged(store):
        for name in ("Client", "ClientInfo2", "x%20y", "Elsewhere", "started"):
            for ending in ("", "/by/unique", "/delete/by/unique"):
                path = f"{owner}/extensions/{name}{ending}"
                assert f'"{name.replace("%20", " ")}"' in (
                    missing(send(api, "PUT", path, {}))["description"]
                )


def test_unknown_owner_is_404(api, store):
    service, state, task = one_at_each_level(api)
    other = start(api)
    for level in ("services", "states", "tasks"):
        define(api, level, "Info", {"name": "a", "type": "string", "unique": True})
    with unchanged(store):
        for owner in (
            "/services/7",
            "/services/x",
            "/services/7/states/1",
            f"{service}/tasks/7",
            f"{service}/states/x",
            f"{other}/states/1",
            f"{other}/tasks/1",
        ):
            for ending in ("", "/by/unique", "/delete/by/unique"):
                path = f"{owner}/extensions/Info{ending}"
                missing(send(api, "PUT", path, {"a": "x"}))


def test_completed_owner_can_still_be_given_a_value(api, client, owner):
    end(api, owner)
    put(api, client, CLIENT)
    assert found(api, client) == CLIENT
    assert "completed" in get(api, owner)


def test_values_of_one_name_at_three_levels_are_apart(api):
    owners = one_at_each_level(api)
    for owner in owners:
        define(api, level_of(owner), "Info", level_of(owner))
        put(api, f"{owner}/extensions/Info", {level_of(owner): "x"})
    service = get(api, owners[0], **EVERYTHING, extensions="Info")
    shown = [service, service["active_states"][0], service["active_tasks"][0]]
    levels = ("services", "states", "tasks")
    assert [each["Info"] for each in shown] == [{level: "x"} for level in levels]


def test_values_of_two_owners_are_apart(api, client, owner):
    where = owner.rpartition("/")[0]
    put(api, client, CLIENT)
    other = start(api, where)
    put(api, f"{other}/extensions/ClientInfo", {})
    assert found(api, client) == CLIENT
    assert found(api, f"{other}/extensions/ClientInfo") == {}


# What values become


def test_scalars_are_converted_where_nothing_is_lost(api, owner):
    types = "string integer long double boolean date datetime currency".split()
    attributes = [{"name": each, "type": each} for each in types]
    define(api, level_of(owner), "all", *attributes)
    value = f"{owner}/extensions/all"
    put(
        api,
        value,
        {
            "string": 4,
            "integer": "7",
            "long": 2.0,
            "double": 1,
            "boolean": "true",
            "date": "2010-09-07",
            "currency": "19.90",
            "datetime": "2010-09-07T09:58:16.3+02:00",
        },
    )
    stored = found(api, value)
    assert stored == {
        "string": "4",
        "integer": 7,
        "long": 2,
        "double": 1.0,
        "boolean": True,
        "date": "2010-09-07",
        "datetime": "2010-09-07T07:58:16.300Z",
        "currency": 19.9,
    }
    assert type(stored["long"]) is int and stored["boolean"] is True


def test_scalars_that_would_lose_something_are_refused(api, store, owner):
    types = "string integer long double boolean date datetime currency".split()
    attributes = [{"name": each, "type": each} for each in types]
    define(api, level_of(owner), "all", *attributes)
    body = {"string": [], "integer": 2**31, "long": 1.5, "double": "x", "boolean": 1}
    body |= {"date": "2010-02-30", "datetime": "2010-09-07", "currency": 0.00001}
    with unchanged(store):
        reply = send(api, "PUT", f"{owner}/extensions/all", body)
        refused(reply, *(f"all.{each}" for each in types))


def test_defaults_fill_what_is_omitted_and_mandatory_ones_are_required(
    api, store, owner
):
    attributes = [
        {"name": "a", "type": "string", "mandatory": True},
        {"name": "b", "type": "integer", "mandatory": True, "default": "5"},
        {"name": "c", "type": "boolean", "default": False},
        {"name": "d", "type": "string"},
    ]
    define(api, level_of(owner), "Info", *attributes)
    value = f"{owner}/extensions/Info"
    put(api, value, {"a": "x", "b": None, "d": None})
    assert found(api, value) == {"a": "x", "b": 5, "c": False}
    with unchanged(store):
        refused(send(api, "PUT", value, {"b": 1, "c": True}), "Info.a")
        refused(send(api, "PUT", value, {"a": None}), "Info.a")


def test_attribute_may_have_any_name(api, owner):
    names = ["load", "a b", "a.b", "$eq", "Ż", "service_id", "started", "x" * 64]
    define(api, level_of(owner), "odd", *names)
    put(api, f"{owner}/extensions/odd", dict.fromkeys(names, "v"))
    assert found(api, f"{owner}/extensions/odd") == dict.fromkeys(names, "v")


# In the bodies of events


def test_start_takes_values_by_name_in_any_case(api, level, owner):
    define(api, level, "ClientInfo", *CLIENT)
    define(api, level, "Offers", "a", kind="multi-valued")
    one = start(api, owner.rpartition("/")[0], CLIENTinfo=CLIENT, offers=[{"a": 1}])
    shown = get(api, one, extensions="clientinfo,offers")
    assert (shown["ClientInfo"], shown["Offers"]) == (CLIENT, [{"a": "1"}])
    assert list(shown)[-2:] == ["ClientInfo", "Offers"]
    assert shown["started"].keys() == {"timestamp"}


def test_end_takes_values_and_keeps_those_it_does_not_name(api, level, owner, client):
    define(api, level, "More")
    put(api, client, CLIENT)
    put(api, f"{owner}/extensions/More", {"a": "old"})
    end(api, owner, more={"a": "new"}, clientinfo=None)
    shown = get(api, owner, extensions="More,ClientInfo")
    assert (shown["More"], shown["ClientInfo"]) == ({"a": "new"}, CLIENT)
    assert shown["completed"].keys() == {"timestamp"}


def test_association_takes_values(api):
    define(api, "services", "ClientInfo", *CLIENT)
    define(api, "services", "Offers", "a", kind="multi-valued")
    service = start(api, ClientInfo={"clientIp": "::1"}, Offers=[{"a": "x"}])
    body = {"clientinfo": {"userAgent": "curl"}, "OFFERS": []}
    done(send(api, "POST", f"/customers/bob{service}", body))
    shown = get(api, service, extensions="ClientInfo,Offers")
    assert shown["ClientInfo"] == {"userAgent": "curl"} and "Offers" not in shown


def test_transition_gives_values_to_the_new_state(api, store):
    define(api, "states", "Info")
    service = start(api)
    former = start(api, f"{service}/states", Info={"a": "old"})
    body = {"from": {"state_id": number(former)}, "to": {"state_type": 1}}
    path = f"{service}/states/transition"
    with unchanged(store):
        for part in ("from", "to"):
            wrong = body | {part: body[part] | {"Info": {"a": "x"}}}
            refused(send(api, "POST", path, wrong), f"{part}.Info")
        refused(send(api, "POST", path, body | {"Info": {"b": 1}}), "Info.b")
    new = send(api, "POST", path, body | {"INFO": {"a": "new"}}).headers["Location"]
    assert get(api, former, extensions="Info")["Info"] == {"a": "old"}
    assert get(api, new, extensions="Info")["Info"] == {"a": "new"}


def test_bad_value_in_an_event_is_refused_and_nothing_happens(api, store, level, owner):
    attributes = [{"name": "n", "type": "integer", "unique": True}]
    define(api, level, "Many", *attributes, kind="multi-valued")
    kind = f"{level[:-1]}_type"
    body = {kind: 1} | ({"customer_id": "bob"} if level == "services" else {})
    starting = f"{owner.rpartition('/')[0]}/start"
    with unchanged(store):
        for value, place in (
            ({"n": 1}, "Many"),
            ([{"n": "x"}], "Many.0.n"),
            ([{"n": 1}, {"n": 2, "m": 1}], "Many.1.m"),
            ([{"n": 1}, {"n": "1"}], "Many.1"),
        ):
            refused(send(api, "POST", starting, body | {"many": value}), place)
            refused(send(api, "POST", f"{owner}/end", {"MANY": value}), place)
        twice = body | {"many": [], "Many": []}
        refused(send(api, "POST", starting, twice), "Many")


def test_extension_of_another_level_is_no_member(api, store, level, owner):
    for other in {"services", "states", "tasks"} - {level}:
        define(api, other, "Info")
    with unchanged(store):
        error = refused(send(api, "POST", f"{owner}/end", {"Info": {}}), "Info")
    assert "nor a known extension" in error["description"]


def test_event_leaves_values_alone_that_it_does_not_name(api, client, owner):
    put(api, client, CLIENT)
    if level_of(owner) == "services":
        done(send(api, "POST", f"/customers/bob{owner}", {"est_duration": 1}))
    end(api, owner)
    assert found(api, client) == CLIENT


# One record


def test_duplicate_key_is_refused_and_the_old_value_stays(api, store, offered):
    twin = {"offer_name": "VIP", "type": 9, "comments": "another"}
    with unchanged(store):
        error = refused(send(api, "PUT", offered, [VIP, GOLD, twin]), "relatedOffers.2")
    assert 'the same offer_name "VIP" and type "9"' in error["description"]


def test_keys_are_equal_only_when_all_parts_are(api, offers):
    records = [VIP, VIP | {"type": "8"}, VIP | {"offer_name": "vip"}]
    put(api, offers, records)
    assert found(api, offers) == records


def test_records_without_a_part_of_the_key_are_equal(api, store, offers):
    put(api, offers, [{"offer_name": "VIP"}, {"type": "9"}])
    with unchanged(store):
        body = [{"offer_name": "VIP"}, {"offer_name": "VIP", "comments": "x"}]
        refused(send(api, "PUT", offers, body), "relatedOffers.1")


def test_records_need_not_differ_without_a_key(api, owner):
    define(api, level_of(owner), "notes", kind="multi-valued")
    put(api, f"{owner}/extensions/notes", [{"a": "x"}, {"a": "x"}])
    assert found(api, f"{owner}/extensions/notes") == [{"a": "x"}, {"a": "x"}]


def test_record_is_changed_but_for_its_key_and_what_is_absent(api, offered):
    record = {"offer_name": "VIP", "type": 9, "comments": "limited"}
    done(send(api, "PUT", f"{offered}/by/unique", record), 204)
    assert found(api, offered) == [VIP | {"comments": "limited"}, GOLD]
    done(send(api, "PUT", f"{offered.lower()}/by/unique", GOLD), 204)
    done(send(api, "PUT", f"{offered}/by/unique", VIP | {"comments": None}), 204)
    assert found(api, offered) == [VIP | {"comments": "limited"}, GOLD]


def test_record_is_changed_without_its_defaults(api, owner):
    attributes = [
        {"name": "id", "type": "integer", "unique": True},
        {"name": "n", "type": "integer", "default": 5},
        {"name": "m", "type": "integer", "mandatory": True},
    ]
    define(api, level_of(owner), "Many", *attributes, kind="multi-valued")
    value = f"{owner}/extensions/Many"
    put(api, value, [{"id": 1, "n": 7, "m": 1}])
    done(send(api, "PUT", f"{value}/by/unique", {"id": "1", "m": 2}), 204)
    assert found(api, value) == [{"id": 1, "n": 7, "m": 2}]


def test_record_is_deleted_by_its_key(api, offered, owner):
    deletion = f"{offered}/delete/by/unique"
    done(send(api, "PUT", deletion, {"offer_name": "VIP", "type": 9}), 204)
    assert found(api, offered) == [GOLD]
    done(send(api, "PUT", deletion, GOLD | {"comments": "ignored"}), 204)
    assert "relatedOffers" not in get(api, owner, extensions="relatedOffers")


def test_record_that_is_not_there_is_404(api, store, offered, offers):
    with unchanged(store):
        for ending in ("by/unique", "delete/by/unique"):
            error = missing(send(api, "PUT", f"{offered}/{ending}", LIFE))
            assert 'offer_name "life" and type "3"' in error["description"]
    put(api, offered, [])
    for ending in ("by/unique", "delete/by/unique"):
        missing(send(api, "PUT", f"{offered}/{ending}", VIP))


def test_bad_record_is_refused(api, store, offered):
    with unchanged(store):
        for ending in ("by/unique", "delete/by/unique"):
            for body, *places in (
                ({"offer_name": "VIP"}, "relatedOffers.type"),
                ({"type": "9"}, "relatedOffers.offer_name"),
                ({}, "relatedOffers.offer_name", "relatedOffers.type"),
                (VIP | {"comments": []}, "relatedOffers.comments"),
                (VIP | {"more": 1}, "relatedOffers.more"),
                ([VIP], "relatedOffers"),
                ("VIP", "relatedOffers"),
            ):
                refused(send(api, "PUT", f"{offered}/{ending}", body), *places)
            refused(send(api, "PUT", f"{offered}/{ending}", b""))


def test_record_that_lacks_a_part_of_the_key_is_selected_by_null(api, store, offered):
    put(api, offered, [{"offer_name": "VIP", "comments": "a"}, VIP])
    null = {"offer_name": "VIP", "type": None}
    done(send(api, "PUT", f"{offered}/by/unique", null | {"comments": "b"}), 204)
    assert found(api, offered) == [{"offer_name": "VIP", "comments": "b"}, VIP]
    done(send(api, "PUT", f"{offered}/delete/by/unique", null), 204)
    assert found(api, offered) == [VIP]
    with unchanged(store):
        missing(send(api, "PUT", f"{offered}/delete/by/unique", null))


def test_record_of_a_single_value_is_changed_and_deleted_by_its_key(api, store, owner):
    attributes = [{"name": "id", "type": "integer", "unique": True}]
    attributes += [{"name": "a", "type": "string"}]
    define(api, level_of(owner), "Info", *attributes)
    value = f"{owner}/extensions/Info"
    put(api, value, {"id": 1, "a": "x"})
    with unchanged(store):
        missing(send(api, "PUT", f"{value}/by/unique", {"id": 2, "a": "y"}))
        missing(send(api, "PUT", f"{value}/delete/by/unique", {"id": 2}))
    done(send(api, "PUT", f"{value}/by/unique", {"id": 1, "a": "y"}), 204)
    assert found(api, value) == {"id": 1, "a": "y"}
    done(send(api, "PUT", f"{value}/delete/by/unique", {"id": 1}), 204)
    assert "Info" not in get(api, owner, extensions="Info")


def test_extension_without_a_key_has_no_records_to_tell(api, store, client):
    put(api, client, CLIENT)
    with unchanged(store):
        for ending in ("by/unique", "delete/by/unique"):
            error = refused(send(api, "PUT", f"{client}/{ending}", CLIENT))
            assert "ClientInfo has no unique attributes" in error["description"]


def test_concurrent_writes_of_records_lose_none(api, owner):
    attributes = [{"name": "id", "type": "integer", "unique": True}]
    attributes += [{"name": "n", "type": "integer"}]
    define(api, level_of(owner), "Many", *attributes, kind="multi-valued")
    value = f"{owner}/extensions/Many"
    put(api, value, [{"id": n} for n in range(40)])

    def write(n):
        body, ending = {"id": n, "n": n}, "delete/by/unique" if n % 2 else "by/unique"
        done(send(TestApp(api.app), "PUT", f"{value}/{ending}", body), 204)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert found(api, value) == [{"id": n, "n": n} for n in range(0, 40, 2)]
