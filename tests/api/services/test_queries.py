"""Lists of services: whose, when, of which type, in which order, and how many."""

import re
from urllib.parse import parse_qsl

import pytest
from calls import JSON, address, send
from service_calls import (
    EVERYTHING,
    NOW,
    define,
    done,
    end,
    get,
    refused,
    refused_services,
    start,
)
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

BOB = "/customers/bob/services"
KEY = "/services/anonymous/555-0100"

T0, T1, T2, T3 = (f"2010-09-07T07:58:1{n}.313Z" for n in range(4))


@pytest.fixture(params=[BOB, KEY])
def path(request):
    """The address of a list: of a customer, or of a contact key."""
    return request.param


def begin(api, path, **members):
    """Start a service that the list at ``path`` has."""
    key = {"customer_id": "bob"} if path == BOB else {}
    return start(api, **key | members)


def ids(api, path, **parameters):
    return [each["service_id"] for each in get(api, path, **parameters)]


@pytest.fixture
def four(api, path):
    """Services 1 to 4, started at T0 to T3; 3 and 4 ended a second later."""
    for n, timestamp in enumerate((T0, T1, T2, T3), 1):
        begin(api, path, timestamp=timestamp, service_type=n)
    end(api, "/services/3", timestamp=T3)
    end(api, "/services/4", timestamp="2010-09-07T07:58:14.313Z")
    return path


# Whose


def test_list_is_empty_when_nobody_has_a_service(api, path):
    for ending in ("", "/active", "/completed"):
        reply = send(api, "GET", path + ending)
        assert (reply.status_int, reply.json) == (200, [])
        assert reply.headers["Content-Type"] == JSON
        assert reply.headers["X-Total-Count"] == "0"


def test_list_has_all_the_active_or_the_completed(api, four):
    assert ids(api, four) == [1, 2, 3, 4]
    assert ids(api, f"{four}/active") == [1, 2]
    assert ids(api, f"{four}/completed") == [3, 4]


def test_list_shows_services_as_they_are_alone(api, four):
    shown = get(api, four)
    assert shown == [get(api, f"/services/{n}") for n in (1, 2, 3, 4)]
    shown = get(api, four, active_states=True, completed_tasks=True)
    assert [each["active_states"] for each in shown] == [[]] * 4
    for value, is_shown in (("1", True), ("TRUE", True), ("0", False), ("", False)):
        for each in get(api, four, active_states=value):
            assert ("active_states" in each) is is_shown
    assert "active_tasks" not in shown[0]


def test_customers_are_told_apart_exactly(api):
    for customer in ("bob", "Bob", "bob ", "b/b", "1"):
        start(api, customer_id=customer)
    assert ids(api, BOB) == [1]
    assert ids(api, "/customers/Bob/services") == [2]
    assert ids(api, "/customers/bob%20/services") == [3]
    assert ids(api, "/customers/BOB/services") == []
    assert ids(api, "/customers/1/services") == [5]


def test_anonymous_services_have_no_customer(api):
    start(api)
    start(api, customer_id="bob")
    start(api, contact_key="555-0101")
    assert ids(api, KEY) == [1]
    assert ids(api, "/services/anonymous/555-0101") == [3]
    assert ids(api, "/services/anonymous/bob") == []
    assert "customer_id" not in get(api, KEY)[0]


def test_contact_key_may_have_any_characters_but_a_slash(api):
    keys = {"+48 555": "%2B48%20555", "Ż": "%C5%BB", "a@b.c": "a@b.c", "end": "end"}
    keys |= {"1": "1", "start": "start", "?&#": "%3F%26%23"}
    for id_, (key, quoted) in enumerate(keys.items(), 1):
        start(api, contact_key=key)
        assert ids(api, f"/services/anonymous/{quoted}") == [id_]
        assert ids(api, f"/services/anonymous/{quoted}/active") == [id_]


@pytest.mark.parametrize(
    "path",
    [
        "/services/anonymous/bob%2Factive",
        "/services/anonymous/bob%2f",
        "/customers/bob%2Fservices",
        "/customers/bob%2Fann/services/completed",
        "/services/anonymous/%2F%2F?limit=1",
    ],
)
def test_name_with_a_slash_is_refused_and_not_taken_for_another(api, path):
    for contact_key in ("bob", "bob/active"):
        start(api, contact_key=contact_key)
    start(api, customer_id="bob")
    reply = api.get(path, extra_environ={"RAW_URI": path}, expect_errors=True)
    assert "has a slash" in refused(reply)["description"]


def test_plus_that_is_not_encoded_is_told(api):
    """In an address it is a space."""
    path = "/customers/bob/services?started_from=2026-01-01T00:00:00"
    assert api.get(f"{path}%2B0100").json == []
    error = refused(send(api, "GET", f"{path}+0100"), "started_from")
    assert error["description"].endswith("; a + in an address is written %2B")


def test_address_that_is_no_utf_8_is_refused(api):
    start(api, customer_id="\ufffd")
    assert ids(api, "/customers/%EF%BF%BD/services") == [1]
    for path in ("/customers/%FF/services", "/services/anonymous/%C3"):
        refused(send(api, "GET", path))
    refused(send(api, "POST", "/customers/%FF/services/1"))


def test_associated_service_is_in_no_anonymous_list(api):
    service = start(api)
    end(api, service)
    done(send(api, "POST", f"/customers/bob{service}"))
    for ending in ("", "/active", "/completed"):
        assert ids(api, KEY + ending) == []
    assert ids(api, f"{BOB}/completed") == [1]
    assert ids(api, f"{BOB}/active") == []


def test_last_association_wins_in_every_list(api):
    service = start(api)
    for customer in ("bob", "ann", "eve"):
        done(send(api, "POST", f"/customers/{customer}{service}"))
    found = {name: ids(api, f"/customers/{name}/services") for name in ("bob", "ann")}
    assert found == {"bob": [], "ann": []}
    assert ids(api, "/customers/eve/services/active") == [1]


# When


@pytest.mark.parametrize(
    "asked, found",
    [
        ({"started_from": "2020-01-01T00:00:00.3131Z"}, [2]),
        ({"started_from": "2020-01-01T00:00:00.313Z"}, [1, 2]),
        ({"started_to": "2020-01-01T00:00:00.3139Z"}, [1]),
        ({"started_to": "2020-01-01T00:00:00.313Z"}, []),
    ],
)
def test_all_digits_of_a_time_count(api, asked, found):
    for milliseconds in ("313", "314"):
        moment = f"2020-01-01T00:00:00.{milliseconds}Z"
        start(api, customer_id="bob", timestamp=moment)
    assert ids(api, BOB, **asked) == found


FROM_AND_TO = [
    ({"started_from": T1}, [2, 3, 4]),
    ({"started_from": "2010-09-07T07:58:11.314Z"}, [3, 4]),
    ({"started_to": T1}, [1]),
    ({"started_to": "2010-09-07T07:58:11.314Z"}, [1, 2]),
    ({"started_from": T1, "started_to": T3}, [2, 3]),
    ({"started_from": T1, "started_to": T1}, []),
    ({"started_from": T3, "started_to": T0}, []),
    ({"started_from": "2010-09-07T09:58:11.313+02:00"}, [2, 3, 4]),
    ({"started_from": "2010-09-07T09:58:11.313+0200"}, [2, 3, 4]),
    ({"started_from": "2010-09-07T07:58:12Z"}, [3, 4]),
    ({"completed_from": T0}, [3, 4]),
    ({"completed_from": T3}, [3, 4]),
    ({"completed_from": "2010-09-07T07:58:13.314Z"}, [4]),
    ({"completed_to": T3}, []),
    ({"completed_to": "2010-09-07T07:58:13.314Z"}, [3]),
    ({"completed_from": T3, "completed_to": "2011-01-01T00:00:00Z"}, [3, 4]),
    ({"started_from": T3, "completed_from": T0}, [4]),
    ({"started_to": T3, "completed_from": T0}, [3]),
    ({"started_to": T2, "completed_to": "9999-01-01T00:00:00Z"}, []),
]


def test_from_includes_and_to_excludes(api, four):
    for parameters, expected in FROM_AND_TO:
        found = [
            ids(api, four + ending, **parameters)
            for ending in ("", "/active", "/completed")
        ]
        active = [each for each in expected if each < 3]
        completed = [each for each in expected if each > 2]
        assert found == [expected, active, completed], parameters


def test_filters_are_all_held_to(api, four):
    assert ids(api, four, started_from=T1, service_types="1,2,4") == [2, 4]
    parameters = {"started_from": T1, "service_types": "2,3", "completed_from": T0}
    assert ids(api, four, **parameters) == [3]
    assert ids(api, f"{four}/active", **parameters) == []


def test_moment_that_is_none_is_refused(api, path):
    for name in ("started_from", "started_to", "completed_from", "completed_to"):
        for value in ("now", "2010-09-07", "2010-02-30T00:00:00Z", "1283846296"):
            parameters = {name: value}
            refused(send(api, "GET", address(path, **parameters)), name)


# Of which type


def test_list_is_narrowed_by_type(api, path):
    for type_ in (100, "100", "Support", 200, "support", -1):
        begin(api, path, service_type=type_)
    for types, expected in (
        ("100", [1, 2]),
        ("Support", [3]),
        ("100,200", [1, 2, 4]),
        (" Support , support ", [3, 5]),
        ("-1", [6]),
        ("300", []),
        ("1", []),
        ("0100", []),
    ):
        assert ids(api, path, service_types=types) == expected


def test_type_may_be_named_where_its_field_is_mapped(api_over):
    values = [{"name": "Support", "dbid": 100}, {"name": "Order", "dbid": 200}]
    fields = ["Service.type", "State.type", "Task.type"]
    kinds = {"name": "Kinds", "cv_attributes": fields, "values": values}
    api = api_over(business_attributes=[kinds])
    begin(api, BOB, service_type="Support")
    begin(api, BOB, service_type=200)
    for types, expected in (("Support", [1]), ("100,Order", [1, 2]), ("Other", [])):
        assert ids(api, BOB, service_types=types) == expected
    for level in ("states", "tasks"):
        name = f"{level[:-1]}_type"
        members = {name: "Order"}
        start(api, f"/services/1/{level}", **members)
        parameters = {f"{name}s": "Order"}
        [found] = get(api, f"/services/1/{level}", **parameters)
        assert found[name] == 200
        parameters = {f"{name}s": "Support"}
        assert get(api, f"/services/1/{level}", **parameters) == []


def test_types_with_an_empty_one_are_refused(api, path):
    for value in (",", "100,", ",100", "100,,200"):
        reply = send(api, "GET", address(path, service_types=value))
        refused(reply, "service_types")


# In which order


def test_list_is_ordered_by_start_time_then_id(api, path):
    for timestamp in (T1, "2010-09-07T09:58:10.313+02:00", T1, T0, None):
        begin(api, path, timestamp=timestamp)
    assert ids(api, path) == [2, 4, 1, 3, 5]
    assert ids(api, f"{path}/active", started_from=T1) == [1, 3, 5]


def test_order_of_many_with_one_start_time_is_by_number_of_the_id(api, path):
    for _ in range(11):
        begin(api, path)
    assert ids(api, path) == list(range(1, 12))


# How many


PAGES = [
    ({}, [1, 2, 3, 4], {}),
    ({"offset": 1}, [2, 3, 4], {}),
    ({"limit": 9}, [1, 2, 3, 4], {}),
    ({"limit": 4}, [1, 2, 3, 4], {}),
    ({"limit": 1}, [1], {"next": 1}),
    ({"offset": 1, "limit": 2}, [2, 3], {"next": 3, "prev": 0}),
    ({"offset": 3, "limit": 2}, [4], {"prev": 1}),
    ({"offset": 9, "limit": 2}, [], {"prev": 7}),
    ({"limit": 0}, [], {}),
]


def test_page_has_its_links_and_the_number_of_all(api):
    for timestamp in (T0, T1, T2, T3, "2009-01-01T00:00:00Z"):
        begin(api, BOB, timestamp=timestamp)
    for page, expected, links in PAGES:
        parameters = {"started_from": T0, "extensions": "a,b", **page}
        reply = send(api, "GET", address(BOB, **parameters))
        assert [each["service_id"] for each in reply.json] == expected
        assert reply.headers["X-Total-Count"] == "4"
        told = [
            re.fullmatch(f'<{BOB}[?](.*)>; rel="(.*)"', each).groups()
            for each in reply.headers.get("Link", "").split(", ")
            if each
        ]
        assert {relation: dict(parse_qsl(query)) for query, relation in told} == {
            relation: {n: str(each) for n, each in parameters.items()}
            | {"offset": str(offset)}
            for relation, offset in links.items()
        }


def test_pages_make_the_whole_list(api, path):
    for _ in range(5):
        begin(api, path)
    found, where = [], address(f"{path}/active", limit=2, active_tasks=True)
    while where:
        reply = send(api, "GET", where)
        found += reply.json
        links = reply.headers.get("Link", "").split(", ")
        [where] = [e[1 : e.index(">")] for e in links if 'rel="next"' in e] or [""]
    assert found == get(api, path, active_tasks=True)


def test_links_are_under_the_prefix_of_the_request(settings, clock, log):
    prefix = "/genesys/1/cs"
    settings = Settings.from_environment(data=settings.data, services_prefix=prefix)
    service = open_service(settings, clock, log)
    api = TestApp(service.application)
    for _ in range(3):
        begin(api, BOB)
    reply = send(api, "GET", f"{prefix}{BOB}?limit=1&offset=1")
    assert reply.headers["Link"].startswith(f"<{prefix}{BOB}?")
    service.close()


def test_bad_page_is_refused(api, path):
    for name in ("offset", "limit"):
        for value in ("-1", "x", "1.0", "9" * 20):
            parameters = {name: value}
            refused(send(api, "GET", address(path, **parameters)), name)


# Parameters


LIST_ONLY = ("started_from", "started_to", "completed_from", "completed_to")


def test_all_known_parameters_can_go_together(api, four):
    parameters = dict.fromkeys(LIST_ONLY, T3) | EVERYTHING
    parameters |= {"service_types": "1", "extensions": "x", "offset": 0, "limit": 1}
    for ending in ("", "/active", "/completed"):
        assert get(api, four + ending, **parameters) == []


def test_other_parameters_are_refused_by_name(api, path):
    for ending in ("", "/active", "/completed"):
        for name in ("order", "filter", "mask", "flat", "state_types", "Limit", ""):
            parameters = {name: "1"}
            reply = send(api, "GET", address(path + ending, **parameters))
            error = refused(reply, name)
            assert "there may be started_from, started_to" in error["description"]


def test_all_faults_of_parameters_are_told_at_once(api, path):
    names = (*LIST_ONLY, *EVERYTHING, "offset", "limit", "more")
    reply = send(api, "GET", address(path, **dict.fromkeys(names, "x")))
    refused(reply, *names)


def test_head_has_the_headers_of_the_list(api, four):
    for ending in ("", "/active", "/completed"):
        got = send(api, "GET", f"{four}{ending}?limit=1")
        head = send(api, "HEAD", f"{four}{ending}?limit=1")
        assert (head.status_int, head.body) == (200, b"")
        for name in ("X-Total-Count", "Link", "Content-Length"):
            assert head.headers[name] == got.headers[name]


def test_lists_are_read_only(api, path):
    for ending in ("", "/active", "/completed"):
        for method in ("POST", "PUT", "DELETE"):
            body = None if method == "DELETE" else {}
            reply = send(api, method, path + ending, body)
            refused_services(reply, 405, "METHOD_NOT_ALLOWED")


# What of each is shown


@pytest.fixture
def rich(api):
    """A service with an active and a completed state and task, each with two values."""
    for level in ("services", "states", "tasks"):
        for name in ("Info", "More"):
            define(api, level, name)
    values = {"Info": {"a": "i"}, "More": {"a": "m"}}
    case = start(api, customer_id="bob", **values)
    for level in ("states", "tasks"):
        start(api, f"{case}/{level}", **values)
        end(api, start(api, f"{case}/{level}", **values))
    return case


def shown(api, path, **parameters):
    """Return what there is at ``path``, of a list the only one."""
    found = get(api, path, **parameters)
    return found[0] if isinstance(found, list) else found


@pytest.mark.parametrize("where", ["/services/1", BOB, f"{BOB}/active"])
def test_arrays_are_shown_just_when_asked_for(api, rich, where):
    plain = shown(api, where)
    assert not plain.keys() & EVERYTHING.keys()
    for name in EVERYTHING:
        parameters = {name: True}
        found = shown(api, where, **parameters)
        assert found.keys() - plain.keys() == {name}
        assert len(found[name]) == 1
    assert shown(api, where, **EVERYTHING).keys() == plain.keys() | EVERYTHING.keys()


@pytest.mark.parametrize("where", ["/services/1", BOB, f"{BOB}/active"])
def test_extensions_are_shown_at_all_levels_just_when_asked_for(api, rich, where):
    def values(**parameters):
        found = shown(api, where, **EVERYTHING, **parameters)
        inner = [each for name in EVERYTHING for each in found[name]]
        assert len(inner) == 4
        [names] = {
            tuple(name for name in ("Info", "More") if name in each)
            for each in (found, *inner)
        }
        return names

    assert values() == ()
    assert values(extensions="Info") == ("Info",)
    assert values(extensions="more,INFO") == ("Info", "More")
    assert values(extensions=" info , Other , started ") == ("Info",)


def test_states_and_tasks_show_extensions_in_their_own_requests(api, rich):
    for level in ("states", "tasks"):
        for ending in ("", "/active", "/completed", "/1"):
            where = f"{rich}/{level}{ending}"
            assert "Info" not in shown(api, where)
            found = shown(api, where, extensions="info")
            assert found["Info"] == {"a": "i"} and "More" not in found


def test_tasks_of_a_state_show_extensions_too(api, rich):
    task = start(api, f"{rich}/tasks", state_id=1, Info={"a": "x"})
    state = get(api, f"{rich}/states/1", active_tasks=True, extensions="Info")
    assert state["active_tasks"] == [get(api, task, extensions="Info")]
    assert state["active_tasks"][0]["Info"] == {"a": "x"}


def test_estimate_and_keys_stand_on_the_service_not_in_its_event(api):
    service = start(api, est_duration=5, customer_id="bob", media_type=1)
    end(api, service, disposition=1, disposition_desc="d", media_type=2)
    found = get(api, service)
    assert found["started"] == {"timestamp": NOW, "media_type": 1}
    assert found["completed"] == {"timestamp": NOW, "media_type": 2}
