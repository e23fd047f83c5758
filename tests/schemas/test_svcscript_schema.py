"""The rules of service scripts, as a person writes them into a file."""

import pytest

from app.errors import Invalid
from app.schemas.svcscript import SvcscriptSchema, loaded
from app.svcscripts import Script

COMMAND = {
    "code": "daily",
    "name": "Daily cleaning",
    "command": ["/usr/bin/env", "sh", "-c", "exit"],
    "env": {"LEVEL": "1", "TOKEN": {"env": "API_TOKEN"}},
    "cwd": "/tmp",
    "timeoutsec": 60,
    "gracesec": 0,
    "retries": 3,
    "retrysec": 1,
    "catchup": "all",
    "latesec": 0,
    "spreadsec": 5,
    "most": 1,
    "idempotent": True,
    "onfail": "mail",
}

CALL = {
    "code": "hook",
    "url": "https://host.example:8443/a?b=c",
    "method": "PUT",
    "headers": {"Authorization": {"env": "AUTHORIZATION"}, "X-A": "b c"},
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}


def read(raw):
    return loaded(raw, 7, "2019-08-26T12:09:03Z")


def faults(raw):
    with pytest.raises(Invalid) as caught:
        read(raw)
    return dict(caught.value.faults)


def test_script_is_loaded_as_it_is_written_without_defaults():
    assert read(COMMAND) == COMMAND
    assert read(CALL) == CALL
    assert read({"code": "x", "command": ["true"], "most": None}) == {
        "code": "x",
        "command": ["true"],
    }


def test_every_member_is_one_of_a_script():
    assert set(Script.__dataclass_fields__) == set(SvcscriptSchema().names)
    assert set(COMMAND) | set(CALL) == set(SvcscriptSchema().names)


def test_defaults_are_those_of_a_command_and_of_a_call():
    command = Script.of(read({"code": "x", "command": ["true"]}))
    assert (command.timeoutsec, command.gracesec) == (3600, 10)
    assert (command.retries, command.retrysec, command.cwd) == (0, 30, "/")
    assert (command.catchup, command.latesec, command.most) == ("latest", None, None)
    assert (command.spreadsec, command.idempotent, command.onfail) == (0, False, "")
    call = Script.of(read({"code": "x", "url": "http://a.example"}))
    assert (call.timeoutsec, call.method, call.secret) == (30, "POST", None)
    assert Script.of(read({**CALL, "timeoutsec": 0})).timeoutsec == 0


def test_what_is_shown_of_a_script_has_no_command_address_or_secret():
    assert Script.of(read(COMMAND)).shown() == {
        "code": "daily",
        "name": "Daily cleaning",
        "kind": "command",
        "timeoutsec": 60,
    }
    script = Script.of(read(CALL))
    assert script.shown() == {
        "code": "hook",
        "name": "",
        "kind": "url",
        "timeoutsec": 30,
    }
    assert "whsec" not in repr(script) and "host.example" not in repr(script)


@pytest.mark.parametrize(
    ["change", "place", "fault"],
    [
        ({"code": None}, "code", "must not be null"),
        ({"code": ""}, "code", "must not be empty"),
        ({"command": []}, "command", "must not be empty"),
        ({"command": "true"}, "command", "must be an array, not a string"),
        ({"command": [""]}, "command.0", "must name a program"),
        ({"command": ["a\0b"]}, "command.0", "must have no NUL in it"),
        ({"command": ["a", 1]}, "command.1", "must be a string, not a number"),
        ({"url": "http://a.example"}, "url", "must not be there beside command"),
        ({"method": "GET"}, "method", "goes with url only"),
        ({"headers": {}}, "headers", "goes with url only"),
        ({"secret": "x"}, "secret", "goes with url only"),
        ({"cwd": "tmp"}, "cwd", "must begin with /"),
        ({"env": []}, "env", "must be an object, not an array"),
        ({"env": {"": "x"}}, "env.", "must be a name of a variable, not empty"),
        ({"env": {"A=": "x"}}, "env.A=", "must be a name of a variable, not empty"),
        ({"env": {"A": "x\0"}}, "env.A", "must have no NUL in it"),
        ({"env": {"A": 1}}, "env.A", 'must be a string, or {"env": "NAME"}'),
        ({"env": {"A": {"env": ""}}}, "env.A", 'must be a string, or {"env": "NAME"}'),
        (
            {"env": {"SVCTASKS_RUN": "x"}},
            "env.SVCTASKS_RUN",
            "must not begin with SVCTASKS_: those are set for each run",
        ),
        ({"timeoutsec": -1}, "timeoutsec", "must be from 0 to"),
        ({"timeoutsec": 1.5}, "timeoutsec", "must be an integer"),
        ({"timeoutsec": 10**10}, "timeoutsec", "must be from 0 to"),
        ({"gracesec": -1}, "gracesec", "must be from 0 to"),
        ({"retries": -1}, "retries", "must be from 0 to 1000"),
        ({"retrysec": 0}, "retrysec", "must be from 1 to"),
        ({"catchup": "none"}, "catchup", 'must be one of "latest", "all"'),
        ({"latesec": -1}, "latesec", "must be from 0 to"),
        ({"spreadsec": -1}, "spreadsec", "must be from 0 to"),
        ({"most": 0}, "most", "must be 1 or more"),
        ({"idempotent": 2}, "idempotent", "must be true or false"),
        ({"onfail": 1}, "onfail", "must be a string, not a number"),
        (
            {"comand": []},
            "comand",
            'is not a member of a script (did you mean "command"?)',
        ),
    ],
)
def test_command_that_breaks_a_rule_is_refused_with_the_place(change, place, fault):
    found = faults({**COMMAND, **change})
    assert list(found) == [place]
    assert found[place][0].startswith(fault)


@pytest.mark.parametrize(
    ["change", "place", "fault"],
    [
        ({"url": None}, "command", "is required, or else url"),
        ({"url": "ftp://a.example"}, "url", "must be an address such as"),
        ({"url": "//a.example/"}, "url", "must be an address such as"),
        ({"url": "https://"}, "url", "must be an address such as"),
        ({"url": "https://a.example:99999/"}, "url", "must be an address such as"),
        ({"url": "https://a.example:0/"}, "url", "must be an address such as"),
        ({"url": "https://[::1/"}, "url", "must be an address such as"),
        ({"url": "https://bücher.example/"}, "url", "must be an address such as"),
        ({"url": "https://a.example/ b"}, "url", "must be an address such as"),
        ({"url": "https://a.example/\r\nX: y"}, "url", "must be an address such as"),
        ({"url": "https://a.example\\@b/"}, "url", "must be an address such as"),
        ({"url": "https://u:p@a.example"}, "url", "must have no user or password"),
        ({"url": "https://a.example/#x"}, "url", "must have no fragment (#)"),
        ({"method": "get"}, "method", "must be one of"),
        ({"cwd": "/"}, "cwd", "goes with command only"),
        ({"env": {}}, "env", "goes with command only"),
        ({"gracesec": 1}, "gracesec", "goes with command only"),
        ({"headers": {"A b": "c"}}, "headers.A b", "must be a name of a header"),
        ({"headers": {"A": "b\r\nC: d"}}, "headers.A", "must be of printable ASCII"),
        ({"headers": {"A": "Füße"}}, "headers.A", "must be of printable ASCII"),
        ({"headers": {"A": ["b"]}}, "headers.A", "must be a string, or"),
        ({"headers": {"A": "b", "a": "c"}}, "headers.a", "is there twice"),
        (
            {"headers": {"Content-Length": "1"}},
            "headers.Content-Length",
            "is a header that each call has already",
        ),
        ({"secret": "whsec_AAAA"}, "secret", 'must be "whsec_" and the base64 of'),
        ({"secret": "x" * 32}, "secret", 'must be "whsec_" and the base64 of'),
        ({"secret": "whsec_ü"}, "secret", 'must be "whsec_" and the base64 of'),
        ({"secret": {"var": "x"}}, "secret", "must be a string, or"),
    ],
)
def test_call_that_breaks_a_rule_is_refused_with_the_place(change, place, fault):
    found = faults({**CALL, **change})
    # Without an address, what goes with one is not looked at.
    assert place in found
    assert found[place][0].startswith(fault)
    assert len(found) == 1


def test_no_message_repeats_a_value():
    secret = "a-secret-that-nobody-may-see"
    for raw in (
        {**CALL, "secret": secret},
        {**CALL, "url": f"https://u:{secret}@a.example"},
        {**CALL, "headers": {"A": f"{secret}\n"}},
        {**COMMAND, "env": {"A": [secret]}},
        {**COMMAND, "command": [f"{secret}\0"]},
        {**COMMAND, "timeoutsec": secret},
        {**COMMAND, "catchup": secret},
    ):
        with pytest.raises(Invalid) as caught:
            read(raw)
        assert secret not in str(caught.value) + str(dict(caught.value.faults))
