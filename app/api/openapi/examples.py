"""The samples of the platform's documents, as examples of bodies and replies."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.demo import SAMPLES


def _samples(table: str) -> list[dict[str, Any]]:
    """Return the documents of a table among the samples that the service comes with."""
    tables = orjson.loads((SAMPLES / f"{table}.json").read_bytes())
    return list(tables[table].values())


_SVCTASKS = _samples("svctasks")
_SVCTASK = _SVCTASKS[0]

_CHANGE = {
    "isenabled": 1,
    "sitemode": "firstsite",
    "sites": "SITE1, SITE2",
    "schedule": "all",
}
_CHANGED = {
    **_SVCTASK,
    **_CHANGE,
    "ext": {**_SVCTASK["ext"], "lwt": "2019-09-10T12:38:40.11Z"},
}

_OF_COMPLETE_ONES = ("sites", "periods", "opts")
_ITEMS = [
    {name: value for name, value in task.items() if name not in _OF_COMPLETE_ONES}
    for task in _SVCTASKS
]

_RUN = {
    "id": "3f1c5a52-6a0e-41d7-9d0c-3c5f1e7a9b20",
    "svctask": "86228b15-016c-cdef-ccce-50e54938780c",
    "name": "Daily cleaning",
    "code": "cleardata",
    "site": "",
    "node": "vm1/6f0b2c",
    "cause": "schedule",
    "slot": "2019-08-27T08:00:00.000Z",
    "started": "2019-08-27T08:00:00.012Z",
    "ended": "2019-08-27T08:00:03.245Z",
    "duration": 3233,
    "attempt": 1,
    "attempts": 1,
    "state": "succeeded",
    "exitcode": 0,
    "reason": "",
    "outputbytes": 24,
    "lastline": "17 files were removed",
}

_RUNTIME = {
    "id": _RUN["id"],
    "site": "",
    "node": "vm1/6f0b2c",
    "domain": "",
    "type": "svc",
    "code": "cleardata",
}

[_SERVICE] = _samples("services")

_DEFINITION = {
    "name": "callbacks",
    "type": "multi-valued",
    "attributes": [
        {"name": "number", "type": "string", "length": 32},
        {"name": "day", "type": "date"},
        {"name": "note", "type": "string", "length": 256},
    ],
    "unique": ["number"],
}
_CALLBACKS = [
    {"number": "555-0100", "day": "2026-12-01", "note": "in the morning"},
    {"number": "555-0199", "day": "2026-12-02", "note": ""},
]

_END = {"disposition": 5, "disposition_desc": "normal ending"}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "NewSvctask": {
        "task": {n: value for n, value in _SVCTASK.items() if n not in ("id", "ext")}
    },
    "SvctaskChange": {"change": _CHANGE},
    "Svctask": {"created": _SVCTASK, "changed": _CHANGED},
    "SvctaskView": {"complete": _SVCTASK},
    "SvctaskList": {"two": _ITEMS},
    "Listing": {"two": {"offset": 0, "limit": 2}},
    "Key": {"id": _SVCTASK["id"]},
    "Ids": {"found": [_SVCTASK["id"]]},
    "Svcrun": {"ended": _RUN},
    "SvcrunView": {"ended": _RUN},
    "SvcrunList": {"one": [_RUN]},
    "RunRequest": {"id": {"id": _RUN["id"]}},
    "RuntimeRequest": {"cleaning": {"code": "cleardata", "startparam1": "all"}},
    "Runtime": {"running": _RUNTIME},
    "RuntimeList": {"one": [_RUNTIME]},
    "SvcscriptList": {
        "one": [
            {
                "code": "cleardata",
                "name": "Daily cleaning",
                "kind": "command",
                "timeoutsec": 3600,
                "used": 1,
            }
        ]
    },
    "ServiceStart": {
        "anonymous": {"service_type": 100, "contact_key": "bob", "est_duration": 300}
    },
    "StateStart": {"state": {"state_type": 100, "est_duration": 60}},
    "TaskStart": {"task": {"task_type": 55, "state_id": 4000, "est_duration": 540}},
    "ServiceEnd": {"end": _END},
    "StateEnd": {"end": _END},
    "TaskEnd": {"end": _END},
    "Association": {"nothing": {}},
    # From the state that the example of a start gives.
    "Transition": {"next": {"from": {"state_id": 4002}, "to": {"state_type": 200}}},
    "Service": {"everything": _SERVICE},
    "ServiceList": {"one": [_SERVICE]},
    "State": {"completed": _SERVICE["completed_states"][0]},
    "StateList": {"both": [*_SERVICE["active_states"], *_SERVICE["completed_states"]]},
    "Task": {"active": _SERVICE["active_tasks"][0]},
    "TaskList": {"both": [*_SERVICE["active_tasks"], *_SERVICE["completed_tasks"]]},
    "Value": {"callbacks": _CALLBACKS},
    "Record": {"callback": _CALLBACKS[0]},
    "NewDefinition": {"callbacks": _DEFINITION},
    "Definition": {"callbacks": _DEFINITION},
    "DefinitionList": {"one": [_DEFINITION]},
    "DefinitionName": {"callbacks": {"name": _DEFINITION["name"]}},
    "Mode": {"production": {"mode": "production"}},
}
"""Examples by the name of the schema that they fit, each with a name of its own.

Sent in the order of the document, to a server with the samples, each of them succeeds.
"""

LOOKUP_FAILED = {"error_code": 1404, "error_message": "Lookup failed"}
