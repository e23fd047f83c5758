"""Random life cycles of services: the API must agree with a model from the contract.

The model is a plain dict for each service, state and task, and one for each schema. It
validates nothing, for what is drawn says what becomes of it (``service_draws``). Two
workers share the folder, and each request goes to one of them. The environment variable
SVCTASKS_MODEL_EXAMPLES asks for more histories than the 12 of the test run.
"""

import json
import os
import random
import shutil
import tempfile
from datetime import datetime
from io import StringIO
from pathlib import Path
from urllib.parse import quote, urlencode

from calls import send
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from service_calls import refused_services
from service_draws import (
    ARRAYS,
    CONTACTS,
    CUSTOMERS,
    DEFINITIONS,
    DISPOSITION,
    ESTIMATE,
    EVENT,
    KEYED,
    KEYS,
    LEVELS,
    MOMENTS,
    NAMES,
    NO_MOMENTS,
    NOUNS,
    REFUSED,
    REFUSED_DEFINITIONS,
    WRONG_IDS,
    among,
    events,
    faultless_mostly,
    in_spoilt,
    key_of,
    parameters,
    rarely,
    records,
    whole_values,
)
from shared import Clock
from webtest import TestApp

from app.bootstrap import open_service
from app.settings import Settings

WORKERS = 2
MOST = 6
"""How many services there are at most."""


def is_of_types(value, text):
    return text is None or str(value) in {each.strip() for each in text.split(",")}


type_lists = among([None, None, "100", "200", "Order, 100", "nosuch", "200,Order"])


def milliseconds(started, completed):
    passed = datetime.fromisoformat(completed) - datetime.fromisoformat(started)
    return max(0, round(passed.total_seconds() * 1000))


def canonical(value):
    """Return a text that two JSON values share only if they are equal: 1 is not true."""
    return json.dumps(value, sort_keys=True)


class LifeCycles(RuleBasedStateMachine):
    """Any history of requests; at its end both sides hold the same services."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.chance = random.Random(1)
        self.highest = dict.fromkeys(LEVELS, 0)
        self.resources = {level: {} for level in LEVELS}
        self.values = {}
        self.schemas = {level: {} for level in LEVELS}
        self.open()

    def open(self):
        self.workers = []
        for _ in range(WORKERS):
            self.add_worker()

    def add_worker(self):
        chosen = Settings.from_environment(data=self.folder, fsync="never")
        self.workers.append(open_service(chosen, self.clock, StringIO()))
        self.apis = [TestApp(each.application) for each in self.workers]

    def close(self):
        for each in self.workers:
            each.close()

    def teardown(self):
        try:
            self.compare(*self.resources["services"])
        finally:
            self.close()
            shutil.rmtree(self.folder)

    @property
    def now(self):
        return f"{self.clock.now:%Y-%m-%dT%H:%M:%S.%f}"[:23] + "Z"

    # Requests and replies

    def ask(self, method, path, body=None, sent=None):
        self.asked = method, f"{path}?{urlencode(sent)}" if sent else path
        return send(self.chance.choice(self.apis), *self.asked, body)

    def refused(self, reply, status, fields=()):
        code = {400: "BAD_REQUEST", 404: "NOT_FOUND"}[status]
        error = refused_services(reply, status, code)
        assert (error["http_method"], error["http_uri"]) == self.asked
        told = {name.partition(".")[0] for name in error.get("errors", ())}
        assert told == set(fields), reply.text

    def agrees(self, reply, value):
        assert reply.status_int == 200, reply.text
        assert canonical(reply.json) == canonical(value)

    def done(self, reply, status=200):
        assert (reply.status_int, reply.body) == (status, b""), reply.text

    def created(self, reply, level, service_id):
        """Check the reply to a start, and return the new id."""
        assert reply.status_int == 201, reply.text
        self.highest[level] += 1
        id_ = self.highest[level]
        assert reply.json == {f"{NOUNS[level]}_id": id_}
        nested = "" if level == "services" else f"/{service_id or id_}/{level}"
        assert reply.headers["Location"] == f"/services{nested}/{id_}"
        return id_

    # Draws

    def some_id(self, data, level):
        """Draw an id as it stands in an address, seldom one that nothing has."""
        there = [str(each) for each in self.resources[level]]
        return data.draw(among(there * 12 + WRONG_IDS))

    def resource(self, level, text):
        return self.resources[level].get(int(text)) if text.isdecimal() else None

    def some_owner(self, data, level):
        """Draw the address of a resource, and return it and the resource, or None."""
        if level == "services":
            text = self.some_id(data, level)
            return f"/services/{text}", self.resource(level, text)
        text = self.some_id(data, level)
        found = self.resource(level, text)
        own = [str(found["service_id"])] * 6 if found else []
        service_id = data.draw(among([*own, *map(str, self.resources["services"])]))
        if found and str(found["service_id"]) != service_id:
            found = None
        return f"/services/{service_id}/{level}/{text}", found

    def some_event(self, data, level, required, optional):
        """Draw an event with extensions.

        Return what is sent, what is kept of the event, which members are refused, and
        the extension values that are kept, by name.
        """
        spoilt = data.draw(faultless_mostly)
        sent, kept, faults = data.draw(events(required, optional, spoilt))
        known = [each["name"] for each in self.schemas[level].values()]
        unknown = [each for each in NAMES if each.lower() not in self.schemas[level]]
        if spoilt and unknown:
            known += unknown
        values = {}
        some = st.lists(among(known), max_size=2, unique=True) if known else st.just([])
        for name in data.draw(some):
            schema = self.schemas[level].get(name.lower())
            name = self.in_some_case(data, name)
            if schema is None:
                sent[name] = data.draw(among([{}, None]))
                faults.add(name)
            elif data.draw(rarely("null")):
                sent[name] = None
            else:
                sent[name], value = data.draw(whole_values(schema, spoilt))
                if value is REFUSED:
                    faults.add(schema["name"])
                elif data.draw(in_spoilt(spoilt, "twice")):
                    sent[name.swapcase()] = sent[name]
                    faults.add(name.swapcase())
                else:
                    values[name.lower()] = value
        return sent, kept, faults, values

    def in_some_case(self, data, name):
        return data.draw(among([name, name.upper(), name.capitalize()]))

    # What the model does

    def write_values(self, level, id_, values):
        own = self.values.setdefault((level, id_), {})
        for name, value in values.items():
            if value == []:
                own.pop(name, None)
            else:
                own[name] = value

    def begin(self, level, id_, service_id, kept, values):
        shown = {name: value for name, value in kept.items() if name in EVENT}
        rest = {name: value for name, value in kept.items() if name not in EVENT}
        self.resources[level][id_] = {
            **rest,
            "service_id": service_id,
            f"{NOUNS[level]}_id": id_,
            "started": {"timestamp": self.now, **shown},
        }
        self.write_values(level, id_, values)

    def finish(self, level, resource, kept, values):
        shown = {name: value for name, value in kept.items() if name in EVENT}
        completed = {"timestamp": self.now, **shown}
        passed = milliseconds(resource["started"]["timestamp"], completed["timestamp"])
        resource |= {name: kept[name] for name in DISPOSITION if name in kept}
        resource |= {"completed": completed, "duration": passed}
        self.write_values(level, resource[f"{NOUNS[level]}_id"], values)

    def shown(self, level, resource, asked):
        values = self.values[level, resource[f"{NOUNS[level]}_id"]]
        names = {name: self.schemas[level][name]["name"] for name in values}
        return resource | {names[each]: values[each] for each in values.keys() & asked}

    def sorted(self, level, resources):
        return sorted(
            resources,
            key=lambda each: (
                each["started"]["timestamp"],
                each[f"{NOUNS[level]}_id"],
            ),
        )

    def nested(self, level, service_id, part=""):
        return self.sorted(
            level,
            [
                each
                for each in self.resources[level].values()
                if each["service_id"] == service_id and is_in(each, part)
            ],
        )

    def shown_service(self, service, arrays, asked):
        reply = self.shown("services", service, asked)
        for name in arrays:
            part, level = name.split("_")
            inside = self.nested(level, service["service_id"], part)
            reply[name] = [self.shown(level, each, asked) for each in inside]
        return reply

    def shown_nested(self, level, resource, arrays, asked):
        reply = self.shown(level, resource, asked)
        for name in arrays:
            tasks = self.nested("tasks", resource["service_id"], name.split("_")[0])
            own = [t for t in tasks if t.get("state_id") == resource["state_id"]]
            reply[name] = [self.shown("tasks", task, asked) for task in own]
        return reply

    # The life cycle

    @initialize(data=st.data())
    def begin_with_a_few(self, data):
        """Start with a few of everything, or most histories would ask nothing."""
        for level in LEVELS:
            self.create(level, "Info", data.draw(among(DEFINITIONS)), None)
            self.create(level, "prefs", KEYED, None)
        customer, contact = {"customer_id": CUSTOMERS[0]}, {"contact_key": CONTACTS[0]}
        for type_, keys in ((100, customer), ("Order", contact)):
            id_ = self.start_plain("services", None, {"service_type": type_, **keys})
            for level in ("states", "tasks", "states", "tasks"):
                self.start_plain(level, id_, {f"{NOUNS[level]}_type": type_})
            for level in ("states", "tasks"):
                first = self.nested(level, id_)[0]
                path = f"/services/{id_}/{level}/{first[NOUNS[level] + '_id']}"
                self.done(self.ask("POST", f"{path}/end"))
                self.finish(level, first, {}, {})
        id_ = self.start_plain("services", None, {"service_type": 200, **contact})
        last = self.resources["services"][id_]
        self.done(self.ask("POST", f"/customers/{CUSTOMERS[0]}/services/{id_}"))
        self.done(self.ask("POST", f"/services/{id_}/end"))
        last["customer_id"] = CUSTOMERS[0]
        self.finish("services", last, {}, {})

    def start_plain(self, level, service_id, sent):
        """Start a service, state or task with a value, and return its id."""
        nested = "" if level == "services" else f"/{service_id}/{level}"
        reply = self.ask("POST", f"/services{nested}/start", sent)
        id_ = self.created(reply, level, service_id)
        self.begin(level, id_, service_id or id_, sent, {})
        path = f"/services{nested}/{id_}/extensions/prefs"
        value = [{"a": "x"}, {"a": "4", "n": 1}]
        self.done(self.ask("PUT", path, value), 200 if level == "tasks" else 204)
        kept = [{"n": 7, **each} for each in value]
        self.write_values(level, id_, {"prefs": kept})
        return id_

    @rule(seconds=among([0.001, 1.5, -1, 86400]))
    def time_passes(self, seconds):
        self.clock.move(seconds=seconds)

    @rule(which=among(["both", "one"]))
    def restart(self, which):
        if which == "both":
            self.close()
            self.open()
        else:
            self.workers.pop(0).close()
            self.add_worker()
        self.compare(*self.resources["services"])

    @rule(
        data=st.data(), key=among(["customer_id", "contact_key", "contact_key", None])
    )
    def start_service(self, data, key):
        if len(self.resources["services"]) == MOST:
            return
        required = ["service_type"] if key is None else ["service_type", key]
        optional = EVENT | ESTIMATE | ({} if key is None else KEYS)
        drawn = self.some_event(data, "services", required, optional)
        sent, kept, faults, values = drawn
        if not {"customer_id", "contact_key"} & ({*kept} | faults):
            faults.add("customer_id")
        reply = self.ask("POST", "/services/start", sent)
        if faults:
            return self.refused(reply, 400, faults)
        id_ = self.created(reply, "services", None)
        self.begin("services", id_, id_, kept, values)

    @rule(
        data=st.data(),
        customer=among(CUSTOMERS),
        named=rarely(*CUSTOMERS),
        with_body=among([True, True, True, False]),
    )
    def associate(self, data, customer, named, with_body):
        text = self.some_id(data, "services")
        service = self.resource("services", text)
        path = f"/customers/{quote(customer)}/services/{text}"
        if not with_body:
            sent, kept, faults, values = None, {}, set(), {}
        else:
            optional = EVENT | ESTIMATE | {"service_type": None, "contact_key": None}
            drawn = self.some_event(data, "services", [], optional)
            sent, kept, faults, values = drawn
            if named is not None:
                sent["customer_id"] = named
                faults |= {"customer_id"} if named != customer else set()
        reply = self.ask("POST", path, sent)
        if service is None:
            return self.refused(reply, 404)
        if faults:
            return self.refused(reply, 400, faults)
        self.done(reply)
        service["started"] |= {n: value for n, value in kept.items() if n in EVENT}
        service |= {n: value for n, value in kept.items() if n not in EVENT}
        service["customer_id"] = customer
        if "completed" in service:
            moments = (service[n]["timestamp"] for n in ("started", "completed"))
            service["duration"] = milliseconds(*moments)
        self.write_values("services", service["service_id"], values)

    @rule(
        data=st.data(),
        level=among(["states", "tasks", "tasks", *LEVELS]),
        with_body=st.booleans(),
    )
    def complete(self, data, level, with_body):
        path, resource = self.some_owner(data, level)
        if not with_body:
            sent, kept, faults, values = None, {}, set(), {}
        else:
            drawn = self.some_event(data, level, [], EVENT | DISPOSITION)
            sent, kept, faults, values = drawn
        reply = self.ask("POST", f"{path}/end", sent)
        if resource is None:
            return self.refused(reply, 404)
        if faults:
            return self.refused(reply, 400, faults)
        if "completed" in resource:
            return self.refused(reply, 400)
        self.done(reply)
        self.finish(level, resource, kept, values)

    @rule(data=st.data(), level=among(["states", "tasks"]), at_state=st.booleans())
    def start_nested(self, data, level, at_state):
        text = self.some_id(data, "services")
        service = self.resource("services", text)
        required = [f"{NOUNS[level]}_type"]
        drawn = self.some_event(data, level, required, EVENT | ESTIMATE)
        sent, kept, faults, values = drawn
        reference = "previous_state_id" if level == "states" else "state_id"
        state = None
        if at_state:
            sent[reference] = kept[reference] = data.draw(
                among([*self.resources["states"], 0, 99])
            )
            state = self.resources["states"].get(kept[reference])
        reply = self.ask("POST", f"/services/{text}/{level}/start", sent)
        if service is None:
            return self.refused(reply, 404)
        if at_state and (state is None or str(state["service_id"]) != text):
            faults = faults | {reference}
        if faults:
            return self.refused(reply, 400, faults)
        if "completed" in service:
            return self.refused(reply, 400)
        id_ = self.created(reply, level, service["service_id"])
        self.begin(level, id_, service["service_id"], kept, values)

    @rule(
        data=st.data(),
        is_spoilt=faultless_mostly,
        spoilt=rarely({"from": None}, {"to": 1}, {"est_duration": 1}, {"from": []}),
    )
    def transit(self, data, is_spoilt, spoilt):
        of_former = data.draw(events([], DISPOSITION, is_spoilt))
        of_new = data.draw(events(["state_type"], ESTIMATE, is_spoilt))
        text = self.some_id(data, "services")
        service = self.resource("services", text)
        own = self.nested("states", service["service_id"], "active") if service else []
        there = [each["state_id"] for each in own] * 3
        former = data.draw(among([*there, *self.resources["states"], 99]))
        state = self.resources["states"].get(former)
        sent, kept, faults, values = self.some_event(data, "states", [], EVENT)
        body = {"from": {"state_id": former, **of_former[0]}, "to": of_new[0], **sent}
        faults |= {"from"} if of_former[2] else set()
        faults |= {"to"} if of_new[2] else set()
        if spoilt is not None:
            body |= spoilt
            faults |= spoilt.keys()
        reply = self.ask("POST", f"/services/{text}/states/transition", body)
        if service is None:
            return self.refused(reply, 404)
        if state is None or str(state["service_id"]) != text:
            faults |= {"from"}
        if faults:
            return self.refused(reply, 400, faults)
        if "completed" in service or "completed" in state:
            return self.refused(reply, 400)
        id_ = self.created(reply, "states", service["service_id"])
        self.finish("states", state, kept | of_former[1], {})
        kept = kept | of_new[1] | {"previous_state_id": former}
        self.begin("states", id_, service["service_id"], kept, values)

    @rule(
        data=st.data(),
        body=among([[], "x", None, 1]),
        act=among(["end", "states/start", "tasks/start", "states/transition"]),
    )
    def send_what_is_no_event(self, data, body, act):
        text = self.some_id(data, "services")
        raw = json.dumps(body).encode()
        reply = self.ask("POST", f"/services/{text}/{act}", raw)
        self.refused(reply, 400 if self.resource("services", text) else 404)

    # Extensions

    @rule(
        level=among(LEVELS),
        name=among([*NAMES, "INFO"]),
        definition=among(DEFINITIONS),
        spoilt=rarely(*REFUSED_DEFINITIONS),
    )
    def create(self, level, name, definition, spoilt):
        type_, attributes, unique = definition
        body = {"name": name, "type": type_, "attributes": attributes}
        body |= {} if unique is None else {"unique": unique}
        sent = body | spoilt[0] if spoilt else body
        reply = self.ask("POST", f"/metadata/{level}/extensions", sent)
        if spoilt:
            return self.refused(reply, 400, {spoilt[1]})
        if name.lower() in self.schemas[level]:
            return self.refused(reply, 400, {"name"})
        assert (reply.status_int, reply.json) == (201, {"name": name})
        path = f"/metadata/{level}/extensions/{name}"
        assert reply.headers["Location"] == path
        flagged = [each["name"] for each in attributes if each.get("unique")]
        self.schemas[level][name.lower()] = body | {"unique": unique or flagged}

    @rule(data=st.data(), level=among(LEVELS), name=among(NAMES))
    def delete(self, data, level, name):
        path = f"/metadata/{level}/extensions/{self.in_some_case(data, name)}"
        reply = self.ask("DELETE", path)
        if name.lower() not in self.schemas[level]:
            return self.refused(reply, 404)
        self.done(reply, 204)
        del self.schemas[level][name.lower()]
        for (of_level, _), values in self.values.items():
            if of_level == level:
                values.pop(name.lower(), None)

    @rule(data=st.data(), level=among(LEVELS), name=among(NAMES))
    def get_schemas(self, data, level, name):
        schemas = {
            key: {n: each for n, each in schema.items() if each != []}
            for key, schema in sorted(self.schemas[level].items())
        }
        path = f"/metadata/{level}/extensions"
        self.agrees(self.ask("GET", path), list(schemas.values()))
        reply = self.ask("GET", f"{path}/{self.in_some_case(data, name)}")
        if name.lower() not in schemas:
            return self.refused(reply, 404)
        self.agrees(reply, schemas[name.lower()])

    def some_value(self, data):
        """Draw an extension value's address, its level, owner and schema.

        Of the owners, those that have a value are drawn more often.
        """
        if (there := sorted(self.values_there())) and data.draw(st.booleans()):
            level, id_, name = data.draw(among(there))
            resource = self.resources[level][id_]
            path = f"/services/{resource['service_id']}"
            path += "" if level == "services" else f"/{level}/{id_}"
            path += f"/extensions/{self.in_some_case(data, name)}"
            return path, level, resource, self.schemas[level][name]
        level = data.draw(among(LEVELS))
        path, resource = self.some_owner(data, level)
        there = [each for each in NAMES if each.lower() in self.schemas[level]]
        name = data.draw(among(there * 6 + NAMES))
        schema = self.schemas[level].get(name.lower())
        name = self.in_some_case(data, name)
        return f"{path}/extensions/{name}", level, resource, schema

    def values_there(self):
        for (level, id_), values in self.values.items():
            for name in values:
                yield level, id_, name

    @rule(data=st.data(), spoilt=faultless_mostly)
    def write(self, data, spoilt):
        path, level, resource, schema = self.some_value(data)
        raw, value = {}, REFUSED
        if schema is not None:
            raw, value = data.draw(whole_values(schema, spoilt))
        reply = self.ask("PUT", path, raw)
        if resource is None or schema is None:
            return self.refused(reply, 404)
        if value is REFUSED:
            return self.refused(reply, 400, {schema["name"]})
        self.done(reply, 200 if level == "tasks" else 204)
        id_ = resource[f"{NOUNS[level]}_id"]
        self.write_values(level, id_, {schema["name"].lower(): value})

    @rule(data=st.data())
    def write_record(self, data):
        self.change_record(data, "by/unique", lambda old, record: old | record)

    @rule(data=st.data())
    def remove_record(self, data):
        self.change_record(data, "delete/by/unique", lambda old, record: None)

    def change_record(self, data, ending, change):
        path, level, resource, schema = self.some_value(data)
        raw, record = {}, {}
        if schema is not None:
            spoilt = data.draw(faultless_mostly)
            raw, record = data.draw(records(schema, spoilt, selecting=True))
        values = self.values[level, resource[f"{NOUNS[level]}_id"]] if resource else {}
        name = schema["name"].lower() if schema else ""
        former = values.get(name, [])
        listed = former if isinstance(former, list) else [former]
        if listed and record is not REFUSED and data.draw(st.booleans()):
            # Or most keys would be those of no record.
            there = data.draw(among(listed))
            key = {n: there[n] for n in schema["unique"] if n in there}
            if len(key) == len(schema["unique"]):
                raw, record = raw | key, record | key
        reply = self.ask("PUT", f"{path}/{ending}", raw)
        if resource is None or schema is None:
            return self.refused(reply, 404)
        if not schema["unique"]:
            return self.refused(reply, 400)
        if record is REFUSED:
            return self.refused(reply, 400, {schema["name"]})
        keys = [key_of(schema, each) for each in listed]
        if key_of(schema, record) not in keys:
            return self.refused(reply, 404)
        self.done(reply, 204)
        place = keys.index(key_of(schema, record))
        new = [*listed[:place], change(listed[place], record), *listed[place + 1 :]]
        left = [each for each in new if each is not None]
        value = left if isinstance(former, list) else (left or [[]])[0]
        self.write_values(level, resource[f"{NOUNS[level]}_id"], {name: value})

    # Queries

    @rule(data=st.data(), drawn=parameters(ARRAYS))
    def get_service(self, data, drawn):
        sent, arrays, asked, faults = drawn
        text = self.some_id(data, "services")
        reply = self.ask("GET", f"/services/{text}", sent=sent)
        if faults:
            return self.refused(reply, 400, faults)
        service = self.resource("services", text)
        if service is None:
            return self.refused(reply, 404)
        self.agrees(reply, self.shown_service(service, arrays, asked))

    @rule(data=st.data(), level=among(["states", "tasks"]))
    def get_nested(self, data, level):
        drawn = data.draw(parameters(ARRAYS[2:] if level == "states" else ()))
        sent, arrays, asked, faults = drawn
        path, resource = self.some_owner(data, level)
        reply = self.ask("GET", path, sent=sent)
        if faults:
            return self.refused(reply, 400, faults)
        if resource is None:
            return self.refused(reply, 404)
        self.agrees(reply, self.shown_nested(level, resource, arrays, asked))

    @rule(
        data=st.data(),
        level=among(["states", "tasks"]),
        part=among(["", "active", "completed"]),
        types=type_lists,
    )
    def list_nested(self, data, level, part, types):
        drawn = data.draw(parameters(ARRAYS[2:] if level == "states" else ()))
        sent, arrays, asked, faults = drawn
        text = self.some_id(data, "services")
        sent = sent if types is None else {f"{NOUNS[level]}_types": types, **sent}
        at_state = data.draw(st.none() | among([*self.resources["states"], 99]))
        if at_state is not None:
            sent = {**sent, "state_id": at_state}
            faults = faults | ({"state_id"} if level == "states" else set())
        path = f"/services/{text}/{level}{part and '/' + part}"
        reply = self.ask("GET", path, sent=sent)
        if faults:
            return self.refused(reply, 400, faults)
        if self.resource("services", text) is None:
            return self.refused(reply, 404)
        found = [
            self.shown_nested(level, each, arrays, asked)
            for each in self.nested(level, int(text), part)
            if is_of_types(each[f"{NOUNS[level]}_type"], types)
            and at_state in (None, each.get("state_id"))
        ]
        self.agrees(reply, found)

    @rule(
        data=st.data(),
        part=among(["", "", "active", "completed"]),
        types=type_lists,
        drawn=parameters(ARRAYS),
        pages=st.dictionaries(among(["offset", "limit"]), st.integers(0, 3)),
        spoilt=rarely("offset", "limit", "started_from", "completed_to"),
    )
    def list_services(self, data, part, types, drawn, pages, spoilt):
        key, value, times = self.some_list(data)
        sent, arrays, asked, faults = drawn
        sent = {**sent, **times, **pages}
        sent |= {} if types is None else {"service_types": types}
        if spoilt is not None:
            sent[spoilt] = data.draw(among([*NO_MOMENTS, "-1", "1.0"]))
            faults = faults | {spoilt}
        of_whom = f"/customers/{quote(value)}/services"
        path = of_whom if key == "customer_id" else f"/services/anonymous/{value}"
        reply = self.ask("GET", f"{path}{part and '/' + part}", sent=sent)
        if faults:
            return self.refused(reply, 400, faults)
        found = [
            self.shown_service(each, arrays, asked)
            for each in self.sorted("services", self.resources["services"].values())
            if each.get(key) == value
            and (key == "customer_id" or "customer_id" not in each)
            and is_in(each, part)
            and is_of_types(each["service_type"], types)
            and all(is_within(each, *limit) for limit in times.items())
        ]
        offset, limit = pages.get("offset", 0), pages.get("limit", len(found))
        self.agrees(reply, found[offset:][:limit])
        assert reply.headers["X-Total-Count"] == str(len(found))
        links = reply.headers.get("Link", "")
        follows = 0 < limit and offset + limit < len(found)
        assert ('rel="next"' in links) == follows
        assert ('rel="prev"' in links) == bool(pages.get("limit") and offset)

    def some_list(self, data):
        """Draw which list is asked for, and the times that it is narrowed to.

        They are often those of a service, and the list one in which it may be.
        """
        service = data.draw(among([*self.resources["services"].values()]))
        keys = [(key, service[key]) for key in KEYS if key in service]
        nobody = [("customer_id", "nobody"), ("contact_key", CONTACTS[0])]
        events = [event for event in ("started", "completed") if event in service]
        times = {}
        for event in data.draw(st.lists(among(events), max_size=2)):
            moments = [service[event]["timestamp"]] * 4 + [sent for sent, _ in MOMENTS]
            name = f"{event}_{data.draw(among(['from', 'to']))}"
            times[name] = data.draw(among(moments))
        return *data.draw(among(keys * 4 + nobody)), times

    @invariant()
    def both_sides_hold_the_same_service(self):
        if self.resources["services"]:
            self.compare(self.chance.choice(list(self.resources["services"])))

    def compare(self, *ids):
        sent = {**dict.fromkeys(ARRAYS, "true"), "extensions": ",".join(NAMES)}
        asked = {name.lower() for name in NAMES}
        for id_ in ids:
            service = self.resources["services"][id_]
            reply = self.ask("GET", f"/services/{id_}", sent=sent)
            self.agrees(reply, self.shown_service(service, ARRAYS, asked))


def is_in(resource, part):
    return part in ("", "completed" if "completed" in resource else "active")


def is_within(service, name, moment):
    """Tell whether a service is within the limit that the parameter ``name`` sets."""
    event, end = name.split("_")
    if event not in service:
        return False
    there = datetime.fromisoformat(service[event]["timestamp"])
    moment = datetime.fromisoformat(moment)
    return moment <= there if end == "from" else there < moment


TestLifeCycles = LifeCycles.TestCase
TestLifeCycles.settings = settings(
    max_examples=int(os.environ.get("SVCTASKS_MODEL_EXAMPLES", 12)),
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
