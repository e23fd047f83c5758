"""The descriptions in the document: of all operations, of tags, operations, members."""

from collections.abc import Iterator, Mapping

from app.api.openapi.descriptions_of_runs import (
    ABOUT_RUNS,
    MEMBERS_OF_RUNS,
    OF_RUNS,
)

ABOUT = """\
Service tasks are deferred jobs that start a service script, once or repeatedly.
Services are customers' concerns that go through states and tasks until they are
completed.

## Tokens

While the service has no token, it is open to the programs of its own machine. As soon as
it has one, each request needs a token, as `Authorization: Bearer`, or by Basic with the
name of the token and the token. A token has a role: a *reader* may read; a *writer* may
write tasks and services too; an *admin* may do everything. Without a valid token the
answer is 401, without the role 403. `/health` is open.

## Requests

HEAD works wherever GET does, and OPTIONS everywhere. Other methods are answered with
405 and the header Allow. A client that cannot send LOOKUP or QUERY sends POST with the
header X-HTTP-Method-Override. A trailing slash is tolerated.

Parameters that are not named here are refused, but for /, /docs, /console, what is
below these two, /health and /metrics, which ignore them. A parameter without a value
counts as absent, and _ is ignored; true and false may be in any case. Texts with a NUL
and integers beyond 64 bits are refused everywhere.

## Replies

All replies have X-Content-Type-Options: nosniff, and Cache-Control: no-cache or
no-store, and private if the request has a token. Error messages name what came and what
would be right. `errors` has the faults of the input by field; it names a hundred at
most, and the message says how many more there are.

Replies with a task, a service, a state, or a list of them, have an `ETag`. GET with
`If-None-Match` is answered with 304 if the client has the same version already. A write
with `If-Match` is refused with 412 if somebody else has changed the task, or the
service, state or task that the address names last. A creation with either header is
refused. There is no Last-Modified: conditions with dates are ignored."""
"""What is true of all operations, in Markdown."""

TAGS: Mapping[str, str] = {
    "service tasks": """\
Deferred jobs that start a service script, once or repeatedly. A task is a JSON object
with fifteen fields; `ext` and `opts` take further members of your own.

**Filters.** `filter` is a JSON object, and all of its members must match:
`{"isenabled": 1, "ext.owner": "ops"}`. A name may have dots: `ext.owner` is the member
`owner` of `ext`.

| Operator | In place of | Matches |
|---|---|---|
| `$eq`, `$ne` | a value | what is equal, what is not |
| `$gt`, `$gte`, `$lt`, `$lte` | a value | what is greater or less, or equal too |
| `$in`, `$nin` | a value | what is one of an array, what is none of it |
| `$all` | a value | an array with all of these elements |
| `$exists` | a value | with `true` what is there, with `false` what is not |
| `$contains` | a value | a text with this part, in any case, or an array with it |
| `$startswith`, `$endswith` | a value | a text that begins or ends like this |
| `$not` | a value or a name | what the condition does not match |
| `$and`, `$or`, `$nor` | a name | all, some or none of an array of filters |

An array matches a field that has all of its elements, and an object one that has its
members. In `ext` and `opts` a condition matches an array if it matches one of its
elements, and `ext.orders.city` looks into every element of an array of objects. The
form of the platform is read too: `["==", ["property", "name"], "x"]`, with `==`, `!=`,
`<`, `<=`, `>`, `>=`, `in`, `and`, `or` and `not`. There is no regular expression.

**Masks.** A mask names the fields that are shown: `mask=id,ext.ct`. A list has no
`sites`, `periods` and `opts`, and of `ext` only `ct` and `lwt`; one task has all of
them. `flat=true` shows `{"opts.title": "x"}` in place of `{"opts": {"title": "x"}}`; a
body may have this form too.

**Lookup.** LOOKUP has a key as its body, a JSON string, and is answered by the ids of
the tasks that have this key. The only key is the `id`.""",
    "runs": ABOUT_RUNS,
    "services": """\
Commitments to customers, such as an order.

**Life cycle.** A service is started, goes through states, has tasks, and is completed.
What has started and is not completed is *active*. A state or a task belongs to one
service; a task may belong to one of its states too. Completing a service or a state
leaves what is in it as it is, so its active states and tasks can still be completed. No
state and no task can start in a completed service, and what is completed cannot be
completed again. A transition completes one state and starts the next, at the same
moment.

**Owners.** A service has a `customer_id`, a `contact_key`, or both. Without
`customer_id` it is *anonymous*: it is listed by its contact key until it is associated
with a customer.

**Events.** The body of a start or an end has the members of the event (`timestamp`,
`application_type` and so on), those of the service, state or task, and extension values
side by side. `timestamp` is now if it is left out. `est_duration` is in seconds;
`duration`, from the start to the end, is in milliseconds.""",
    "extensions": """\
Data of your own on services, states and tasks. Create the schema first, then write
values; replies show those that the parameter `extensions` names. Names are the same in
any case. Deleting a schema deletes all its values.

    {"name": "relatedOffers", "type": "multi-valued", "unique": ["offer_name"],
     "attributes": [{"name": "offer_name", "type": "string", "length": 64},
                    {"name": "price", "type": "currency", "default": 0}]}

The value of a `single-valued` extension is an object, that of a `multi-valued` one an
array of objects, its *records*. The attributes that `unique` names are the key of a
record. Types are `string`, `integer` (32 bits), `long` (64 bits), `double`, `boolean`,
`date`, `datetime` and `currency` (4 decimals); a value of another type is converted
where nothing is lost, or refused.""",
    "business attributes": """\
Named sets of values that fields such as `service_type` may be limited to. They are read
from `business_attributes.json`, which you edit by hand or import. A field that is
mapped to an attribute takes the ids and the names of its values; replies show the id,
or the name with `SVCTASKS_MAP_NAMES=true`.

    {"business_attributes": {"1": {
      "name": "ServiceKinds", "cv_attributes": ["Service.type"],
      "values": [{"name": "Support", "dbid": 100}, {"name": "Order", "dbid": 101}]}}}

`cv_attributes` are `Service`, `State` or `Task`, a dot, and `type`, `application_type`,
`resource_type`, `media_type` or `disposition`.""",
    "server": "The state, the mode, the health and the metrics of the server.",
    "documentation": "The entry points, this document, its page, and the console.",
}
"""By the name of the tag, in the order of the page; in Markdown."""


def _extensions() -> Iterator[tuple[str, str]]:
    for noun in ("service", "state", "task"):
        yield f"put_{noun}_values", (
            "An object if the extension is single-valued, an array of objects if it is "
            "multi-valued. It replaces the former value."
        )
        yield f"put_{noun}_values_record", (
            "The unique attributes in the body select the record; the others replace "
            "those of the record. There must be such a record."
        )
        yield f"put_{noun}_values_removal", (
            "The unique attributes in the body select the record."
        )
        yield f"get_{noun}_schemas", f"All extension schemas of {noun}s."
        yield f"post_{noun}_schemas", (
            f"Names are the same in any case, and unique among those of {noun}s."
        )
        yield f"get_{noun}_schemas_one", "By its name, in any case."
        yield f"delete_{noun}_schemas_one", f"Its values go from all {noun}s too."


DESCRIPTIONS: Mapping[str, str] = {
    "get_svctasks": (
        '`filter` is a JSON object, such as `{"isenabled": 1, "ext.owner": "ops"}`; all '
        "of its members must match. In place of a value there may be operators in the "
        'spelling of MongoDB, such as `{"name": {"$startswith": "Daily"}}`; the schema '
        "Filter has them all. `order` is a JSON array, such as "
        '`["name", {"ext.lwt": "desc"}]`; without it, tasks are in the order of their '
        "creation. The reply to a request with `limit` has a `Link` to the next page and "
        "to the previous one, and every reply has the number of matches as "
        "`X-Total-Count`; beyond 10,000, and beyond the page, a database may give the "
        "least there is, and says so by `X-Total-Count-Is: at-least`."
    ),
    "post_svctasks": (
        "Only `name` is required. Replies with the complete task. An `id` that exists is "
        "refused with 409."
    ),
    "lookup_svctasks": (
        "The body is a JSON string, the value of the key field; the only key field is "
        "`id`. Replies with an array of ids, or with 404 if there is none."
    ),
    "query_svctasks": (
        "Does the same as GET, with the parameters as members of a JSON object in the "
        "body, where a filter is a plain JSON object."
    ),
    "get_svctasks_one": (
        "`mask` may name any field, and members of `ext` and `opts` with a dot between."
    ),
    "patch_svctasks_one": (
        "Fields that are absent keep their values. `ext` and `opts` are merged member by "
        "member, and null removes a member; null resets any other field but `name` to its "
        "default; arrays are replaced. A change that changes nothing leaves `ext.lwt` "
        "alone."
    ),
    "delete_svctasks_one": "Replies with 204, and with 404 if there is no such task.",
    "get_starts": (
        "By time, then in the order of creation; those of a day if `until` is left out. "
        "`is_more` says whether there are further ones up to `until`, beyond `limit`. "
        "Disabled tasks, those of other sites, and single ones that have started have "
        "none. A start has `why` if nothing would come of it now: its script is not in "
        "`svcscripts.json`. The agenda has it if no runner is alive, or in maintenance."
    ),
    "query_starts": (
        "The body is a task as POST takes it. Nothing is stored. The reply is that of "
        "GET for a task of that kind, created now. `spreadsec` of the script depends on "
        "the id, and is left out if the body has none."
    ),
    "get_starts_of_task": (
        "`slot` is when the task is due, and `start` when it is started: for a single "
        "task, the first moment from then on that the schedule permits. `local` is the "
        "start in the zone of the working hours. It is later than the slot by a part "
        "of the script's `spreadsec`. `why` says why there are fewer starts than `count`, "
        "or why nothing would come of them now: the script is not in `svcscripts.json`, "
        "no runner is alive, or the server is in maintenance. Slots are counted in "
        "elapsed seconds, so that an interval of a day moves by an hour in local time "
        "when daylight saving begins or ends."
    ),
    "post_services_start": (
        "`service_type` is required, and `customer_id` or `contact_key`. Without "
        "`customer_id` the service is anonymous. Extension values are members that are "
        "named after their extension."
    ),
    "get_services_one": (
        "The states, the tasks and the extension values are shown when they are asked for."
    ),
    "post_services_end": (
        "The body may be empty. What is completed already is refused with 400."
    ),
    "post_services_association": (
        "From then on the service is in the list of this customer, and no longer in that "
        "of another one, nor among the anonymous services of its contact key."
    ),
    "get_services_of_customer": "By start, then by id.",
    "get_services_active_of_customer": "Those that are not completed.",
    "get_services_completed_of_customer": "Those that are completed.",
    "get_services_anonymous": (
        "By start, then by id; those that are associated with a customer are not among "
        "them."
    ),
    "get_services_active_anonymous": "Those that are not completed.",
    "get_services_completed_anonymous": "Those that are completed.",
    "post_states_start": (
        "`state_type` is required. A service that is completed cannot get a new state."
    ),
    "post_states_transition": (
        "Completes the state `from` and starts the state `to`, in one step and with the "
        "same timestamp. `previous_state_id` of the new state is that of the old one."
    ),
    "get_states": "By start, then by id.",
    "get_states_active": "Those that are not completed.",
    "get_states_completed": "Those that are completed.",
    "get_states_one": "A state of another service is not found.",
    "post_states_end": (
        "The body may be empty. Tasks of the state that are active remain active."
    ),
    "post_tasks_start": (
        "`task_type` is required. With `state_id` the task belongs to a state of this "
        "service, which may be completed; without it, to the service itself."
    ),
    "get_tasks": "Those of states too, by start, then by id.",
    "get_tasks_active": "Those that are not completed.",
    "get_tasks_completed": "Those that are completed.",
    "get_tasks_one": "A task of another service is not found.",
    "post_tasks_end": "The body may be empty.",
    "get_business_attributes": "With `cv-attribute`, those that limit this field.",
    "get_business_attributes_one": "By its name.",
    "get_status": (
        "The mode, the time of the start and of the last request, the requests and errors "
        "of this day of UTC, and the memory in KB."
    ),
    "post_mode": (
        "In maintenance, every request below `/services` and `/customers` is answered with "
        "503. The mode holds for all workers and after a restart."
    ),
    "get_health": (
        "200 when requests can be answered and writes can be stored, else 503. Senders "
        "with the role reader get the reason and the state of each table too."
    ),
    "get_metrics": "In the text format of Prometheus, for all workers.",
    "get_openapi": "Every operation of this service, in the format of OpenAPI 3.1.",
    "get_whoami": "The name of the token, empty without one, and what it may do.",
    "get_entrance": (
        "The addresses to begin with. What prefers HTML, as a browser does, is led to the "
        "console."
    ),
    "get_documentation": "Swagger UI, with this document.",
    "get_documentation_file": "A script, a style sheet or an icon of the page.",
    "get_console": "A page for people, with all that is in the service.",
    "get_console_file": "A script, a style sheet or an icon of the console.",
    **OF_RUNS,
    **dict(_extensions()),
}
"""By the id of the operation."""

MEMBERS: Mapping[str, str] = {
    **MEMBERS_OF_RUNS,
    # Service tasks
    "id": "Chosen by the client or generated; never changed.",
    "isenabled": "Whether it may start.",
    "svcscriptcode": "The code of the service script.",
    "sitemode": "On which sites it starts.",
    "sites": "Names of sites, in an array or with commas between.",
    "isregular": "0: one run, 1: regular runs.",
    "overlap": "Whether several instances may run at the same time.",
    "intervalsec": "Seconds between the starts of a regular task.",
    "dtstart": "Regular: begin of the active period; single: the start.",
    "dtstop": "Regular: end of the active period; single: no start after it.",
    "schedule": "When it may start: always, in or outside working hours, as periods say.",
    "periods": "Times of a week, timestart before timestop, in minutes; 1 is Monday.",
    "opts": "Title, comment, and keys of the client's own. In a body they may be "
    "dotted members of the task too, such as opts.title.",
    "zone": "The time zone in which schedules are read.",
    "hours": "Which working hours hold, and where they and the zone come from.",
    "why": "Why there are fewer starts than were asked for, or nothing comes of them.",
    "is_more": "Whether there are further starts up to until.",
    "ext": "Keys of the client's own, and the server's: creation and last change. In a "
    "body they may be dotted members of the task too.",
    # Services, states and tasks
    "service_type": "The id of a type, or its name.",
    "state_type": "The id of a type, or its name.",
    "task_type": "The id of a type, or its name.",
    "customer_id": "Whose service it is; without it, it is anonymous.",
    "contact_key": "Whose service it is, as long as the customer is not known.",
    "previous_state_id": "The state before this one.",
    "state_id": "A state of this service.",
    "started": "The start event.",
    "completed": "The end event.",
    "timestamp": "When it happened; now, if it is left out.",
    "est_duration": "Seconds that are expected.",
    "duration": "Milliseconds from start to end.",
    "disposition": "How it ended: an id, or its name.",
    "disposition_desc": "How it ended, in words.",
    "interactions": "Of services that were imported with them.",
    # Extensions
    "attributes": "What records have; no two have one name.",
    "unique": "The attributes that are the key of a record, all of them flagged or none.",
    "length": "Most characters of a string.",
    "default": "The value where none is given; it must be of the type.",
    "mandatory": "Whether a value without it is refused.",
    "encrypt": "Values are not encrypted here.",
    # Where the same name means something else
    "Association.timestamp": "When it started; left out, it stays what it was.",
    "NewDefinition.name": (
        "Not that of a member of the resource or of one of its events, in any case: such "
        "names are refused."
    ),
    "NewAttribute.unique": "Whether it is part of the key of a record.",
    "Attribute.unique": "Whether it is part of the key of a record.",
}
"""By the name of the member, or by those of the schema and the member."""
