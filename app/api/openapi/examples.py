"""The samples of the platform's documents, as examples of bodies and replies."""

from collections.abc import Mapping
from typing import Any

_SVCTASK: dict[str, Any] = {
    "id": "380daae6-016c-cdd4-606e-50e54938780c",
    "name": "Debtor calls",
    "isenabled": 0,
    "svcscriptcode": "dialByCallList",
    "sitemode": "all",
    "sites": "",
    "isregular": 1,
    "overlap": 1,
    "intervalsec": 3600,
    "dtstart": "2019-02-20T08:00:00Z",
    "dtstop": "2020-02-20T08:00:00Z",
    "schedule": "work",
    "periods": [],
    "opts": {"title": "", "comment": ""},
    "ext": {"ct": "2019-08-26T12:09:03.34Z", "lwt": "2019-08-26T12:09:03.34Z"},
}

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
    {name: value for name, value in _SVCTASK.items() if name not in _OF_COMPLETE_ONES},
    {
        "id": "86228b15-016c-cdef-ccce-50e54938780c",
        "name": "Daily cleaning",
        "isenabled": 1,
        "svcscriptcode": "cleardata",
        "sitemode": "all",
        "isregular": 1,
        "overlap": 1,
        "intervalsec": 86400,
        "dtstart": "2019-02-20T08:00:00Z",
        "dtstop": "2020-02-20T08:00:00Z",
        "schedule": "work",
        "ext": {"ct": "2019-08-26T12:39:00.55Z", "lwt": "2019-08-26T12:39:00.55Z"},
    },
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

_SERVICE: dict[str, Any] = {
    "completed_tasks": [
        {
            "service_id": 3005,
            "duration": 82937,
            "disposition_desc": "normal ending",
            "task_id": 2001,
            "task_type": 55,
            "est_duration": 540,
            "started": {
                "timestamp": "2010-06-03T08:49:53.053Z",
                "interaction_id": "587",
            },
            "disposition": 5,
            "completed": {
                "timestamp": "2010-06-03T08:51:15.990Z",
                "interaction_id": "587",
            },
        }
    ],
    "service_id": 3005,
    "active_states": [
        {
            "service_id": 3005,
            "state_id": 4000,
            "state_type": 100,
            "est_duration": 60,
            "started": {
                "timestamp": "2010-06-03T08:48:18.257Z",
                "application_type": 400,
                "resource_id": 20,
                "media_type": 2,
                "resource_type": 200,
                "application_id": 40,
                "interaction_id": "51",
            },
        }
    ],
    "ClientInfo": {
        "userAgent": (
            "Mozilla/5.0 (Windows; U; Windows NT 5.1; fr; rv:1.9.2) "
            "Gecko/20100115 Firefox/3.6 (.NET CLR 3.5.30729)"
        ),
        "clientIp": "192.168.1.1",
        "contentType": "Content-Type : application/json;charset=UTF-8",
    },
    "active_tasks": [
        {
            "service_id": 3005,
            "state_id": 4001,
            "task_id": 2000,
            "task_type": 55,
            "est_duration": 540,
            "started": {
                "timestamp": "2010-06-03T08:49:45.943Z",
                "interaction_id": "587",
            },
        }
    ],
    "service_type": 100,
    "est_duration": 300,
    "started": {
        "timestamp": "2010-09-07T07:58:16.313Z",
        "application_type": 400,
        "resource_id": 10,
        "media_type": 2,
        "resource_type": 200,
        "application_id": 40,
        "interaction_id": "56",
    },
    "completed_states": [
        {
            "service_id": 3005,
            "state_id": 4001,
            "duration": 182907,
            "disposition_desc": "normal ending",
            "state_type": 200,
            "est_duration": 300,
            "started": {
                "timestamp": "2010-06-03T08:48:51.473Z",
                "application_type": 400,
                "resource_id": 6000,
                "media_type": 3,
                "resource_type": 100,
                "application_id": 40,
                "interaction_id": "8001",
            },
            "disposition": 5,
            "completed": {
                "timestamp": "2010-06-03T08:51:54.380Z",
                "interaction_id": "1587",
            },
        }
    ],
    "relatedOffers": [
        {
            "offer_name": "VIP credit card black ed.",
            "type": "9",
            "comments": "proposed to all client",
        },
        {
            "offer_name": "3 times payment GOLD",
            "type": "4",
            "comments": "limited offer",
        },
        {
            "offer_name": "life insurance",
            "type": "3",
            "comments": "healt check to be done before approval",
        },
    ],
    "contact_key": "bob",
}

_ACTIVE_STATES, _COMPLETED_STATES = (
    _SERVICE["active_states"],
    _SERVICE["completed_states"],
)
_ACTIVE_TASKS, _COMPLETED_TASKS = _SERVICE["active_tasks"], _SERVICE["completed_tasks"]

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
    "State": {"completed": _COMPLETED_STATES[0]},
    "StateList": {"both": [*_ACTIVE_STATES, *_COMPLETED_STATES]},
    "Task": {"active": _ACTIVE_TASKS[0]},
    "TaskList": {"both": [*_ACTIVE_TASKS, *_COMPLETED_TASKS]},
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
