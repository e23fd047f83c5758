"""Services, states and tasks: what their events may hold, and what is stored of them.

The three resources are alike; a ``Level`` says where they differ. A stored service is what
a reply shows with everything asked for: its states and tasks stand inside it, split by
active and completed, and each extension value is a member named after its schema.

Context-services contract, sections 1 and 4.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from marshmallow import Schema, validate

from app.errors import Invalid
from app.query import Field, Fields
from app.query.values import (
    ARRAY,
    DATE,
    INTEGER,
    OBJECT,
    PRESENCE,
    TEXT,
    Kind,
    plain_key,
    type_name,
)
from app.schemas.extension import Values, folded
from app.schemas.faults import checked, unknown
from app.schemas.fields import Valued, copied, members

NAME = "services"

ARRAYS = ("active_states", "completed_states", "active_tasks", "completed_tasks")
"""The members of a service that hold its states and tasks."""

TYPED = (
    *("service_type", "state_type", "task_type", "application_type"),
    *("resource_type", "media_type", "disposition"),
)
"""The fields that business attributes can be mapped to."""

MAX_ID = 2**63 - 1
"""The highest id: what 64 bits can hold."""

_INT64 = range(-(2**63), 2**63)


def milliseconds(text: str) -> str:
    """Return a UTC date-time with exactly three fraction digits, further ones dropped."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:3]:0<3}Z"


def duration(started: str, completed: str) -> int:
    """Return the milliseconds between two date-times, 0 if the second is the earlier."""
    passed = datetime.fromisoformat(completed) - datetime.fromisoformat(started)
    return max(0, passed // _MILLISECOND)


_MILLISECOND = datetime.resolution * 1000


def _read_instant(value: Any) -> str:
    instant: str = DATE.read(value)
    if not instant:
        raise ValueError("must be a date-time such as 2010-09-07T07:58:16.313Z")
    return instant


def _read_moment(value: Any) -> str:
    return milliseconds(_read_instant(value))


def _read_type(value: Any) -> int | str:
    if type(value) is int and value in _INT64 or isinstance(value, str) and value:
        return value
    raise ValueError(
        "must be an integer of at most 64 bits, or a name that is not empty"
    )


def _read_id(value: Any) -> int:
    number: int = INTEGER.read(value)
    if number < 0:
        raise ValueError(f"must be from 0 to {MAX_ID}")
    return number


def _read_interaction(value: Any) -> str:
    text: str = TEXT.read(str(value) if type(value) is int else value)
    return text


def _read_key(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"must be a text that is not empty, not {_shown(value)}")


def _shown(value: Any) -> str:
    return "an empty one" if value == "" else type_name(value)


INSTANT = Kind("date-time", _read_instant, DATE.key)
"""A date-time to compare with: all fraction digits count."""

MOMENT = Kind("date-time", _read_moment, plain_key)
"""A date-time to store, in milliseconds."""

TYPE = Kind("integer or name", _read_type, str)
NUMBER = Kind("id", _read_id, plain_key)
INTERACTION = Kind("interaction id", _read_interaction, plain_key)
KEY = Kind("key", _read_key, plain_key)


def _at_most(length: int) -> validate.Length:
    return validate.Length(max=length, error=f"may have {length} characters at most")


def _duration() -> Valued:
    return Valued(INTEGER, validate=validate.Range(min=0, error="must be 0 or more"))


class EventSchema(Schema):
    """What every event may hold, and what is kept of it as ``started``, ``completed``."""

    timestamp = Valued(MOMENT)
    session_id = Valued(TEXT, validate=_at_most(32))
    interaction_id = Valued(INTERACTION, validate=_at_most(50))
    application_type = Valued(TYPE)
    application_id = Valued(TYPE)
    resource_type = Valued(TYPE)
    resource_id = Valued(TYPE)
    media_type = Valued(TYPE)


class ServiceStartSchema(EventSchema):
    """The start of a service."""

    service_type = Valued(TYPE, required=True)
    customer_id = Valued(KEY)
    contact_key = Valued(KEY)
    est_duration = _duration()


class AssociationSchema(ServiceStartSchema):
    """What an association amends of the start of a service."""

    service_type = Valued(TYPE)


class StateStartSchema(EventSchema):
    """The start of a state."""

    state_type = Valued(TYPE, required=True)
    previous_state_id = Valued(NUMBER)
    est_duration = _duration()


class TaskStartSchema(EventSchema):
    """The start of a task."""

    task_type = Valued(TYPE, required=True)
    state_id = Valued(NUMBER)
    est_duration = _duration()


class EndSchema(EventSchema):
    """The end of a service, a state or a task."""

    disposition = Valued(TYPE)
    disposition_desc = Valued(TEXT, validate=_at_most(256))


class FormerStateSchema(Schema):
    """The state that a transition ends."""

    state_id = Valued(NUMBER, required=True)
    disposition = Valued(TYPE)
    disposition_desc = Valued(TEXT, validate=_at_most(256))


class NewStateSchema(Schema):
    """The state that a transition starts."""

    state_type = Valued(TYPE, required=True)
    est_duration = _duration()


class TransitionSchema(EventSchema):
    """A transition; both states share its event."""

    former = Valued(OBJECT, data_key="from", required=True)
    new = Valued(OBJECT, data_key="to", required=True)


class _ResourceSchema(Schema):
    started = Valued(OBJECT, required=True)
    completed = Valued(OBJECT)
    est_duration = _duration()
    duration = _duration()
    disposition = Valued(TYPE)
    disposition_desc = Valued(TEXT, validate=_at_most(256))


class ServiceSchema(_ResourceSchema):
    """A service as a data file or an import has it."""

    service_id = Valued(NUMBER)
    service_type = Valued(TYPE, required=True)
    customer_id = Valued(KEY)
    contact_key = Valued(KEY)
    active_states = Valued(ARRAY)
    completed_states = Valued(ARRAY)
    active_tasks = Valued(ARRAY)
    completed_tasks = Valued(ARRAY)
    interactions = Valued(ARRAY)


class StateSchema(_ResourceSchema):
    """A state inside of such a service."""

    service_id = Valued(NUMBER)
    state_id = Valued(NUMBER, required=True)
    state_type = Valued(TYPE, required=True)
    previous_state_id = Valued(NUMBER)


class TaskSchema(_ResourceSchema):
    """A task inside of such a service."""

    service_id = Valued(NUMBER)
    task_id = Valued(NUMBER, required=True)
    task_type = Valued(TYPE, required=True)
    state_id = Valued(NUMBER)


_EVENT, _END = EventSchema(), EndSchema()
_ASSOCIATION, _TRANSITION = AssociationSchema(), TransitionSchema()
_FORMER, _NEW = FormerStateSchema(), NewStateSchema()

EVENT_MEMBERS = frozenset(_EVENT.load_fields)
"""What ``started`` and ``completed`` show of an event."""


@dataclass(frozen=True, slots=True)
class Level:
    """One of the three resources; ``members`` is the order of their members in replies."""

    name: str
    noun: str
    id: str
    type: str
    start: Schema
    stored: Schema
    members: tuple[str, ...]
    declared: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "declared", frozenset(self.members))

    @property
    def reserved(self) -> frozenset[str]:
        """The names that no extension schema may have. Contract, section 4."""
        events = (self.start, _END, *((_TRANSITION,) if self is STATES else ()))
        return self.declared.union(*map(_names, events))

    def arranged(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``resource`` with its members in order, extension values last."""
        first = {name: resource[name] for name in self.members if name in resource}
        return {**first, **resource}


_REST = (
    *("started", "completed", "est_duration", "duration"),
    *("disposition", "disposition_desc"),
)

SERVICES = Level(
    *("services", "service", "service_id", "service_type"),
    ServiceStartSchema(),
    ServiceSchema(),
    (
        *("service_id", "service_type", "customer_id", "contact_key"),
        *(*_REST, *ARRAYS, "interactions"),
    ),
)
STATES = Level(
    *("states", "state", "state_id", "state_type"),
    StateStartSchema(),
    StateSchema(),
    (
        *("state_id", "state_type", "service_id", "previous_state_id"),
        *(*_REST, "active_tasks", "completed_tasks"),
    ),
)
TASKS = Level(
    *("tasks", "task", "task_id", "task_type"),
    TaskStartSchema(),
    TaskSchema(),
    ("task_id", "task_type", "service_id", "state_id", *_REST),
)
LEVELS = {level.name: level for level in (SERVICES, STATES, TASKS)}

FIELDS = Fields(
    kinds={
        "service_id": NUMBER,
        "customer_id": TEXT,
        "contact_key": TEXT,
        "started.timestamp": DATE,
        "completed.timestamp": DATE,
    },
    listed=("service_id", "customer_id", "contact_key", "started.timestamp"),
    open_objects=(),
)
"""The fields by which services are found and ordered."""

IDENTIFIED = Field(("customer_id",), PRESENCE)
COMPLETED = Field(("completed",), PRESENCE)
SERVICE_TYPE = Field(("service_type",), TYPE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What stored definitions add to the rules of one level.

    ``values`` returns the rules of extension values by lower-case name; ``mapped`` turns
    the value of a field into the one to store, and raises ValueError. Both are called
    only where a body has something that they tell about.
    """

    values: Callable[[], Mapping[str, Values]]
    mapped: Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What a request says of a start or an end: fields, and extension values."""

    given: dict[str, Any]
    values: dict[str, Any]

    def part(self, *names: str) -> dict[str, Any]:
        """Return the members ``names``, as far as they were given."""
        return {name: self.given[name] for name in names if name in self.given}

    def shown(self, former: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``started`` or ``completed`` shows of it, over the ``former`` one."""
        kept = {n: value for n, value in self.given.items() if n in EVENT_MEMBERS}
        return {**former, **kept}


Faults = dict[str, list[str]]


def start(
    level: Level, body: Any, rules: Rules, inside: Mapping[str, Any] | None = None
) -> Event:
    """Read the start event of a service, or of a state or task ``inside`` of one.

    The ids of states are looked at where the service is given. Raises Invalid with all
    faults.
    """
    event, faults = _event(level.start, body, rules)
    if inside is not None:
        ids = event.part("state_id", "previous_state_id")
        faults |= strange_states(inside, ids)
    if level is SERVICES and not event.part("customer_id", "contact_key"):
        if not faults.keys() & {"customer_id", "contact_key"}:
            faults["customer_id"] = ["is required, or else contact_key"]
    return checked(event, faults)


def end(body: Any, rules: Rules) -> Event:
    """Read the end event of a resource; raises Invalid with all faults."""
    return checked(*_event(_END, body, rules))


def association(body: Any, customer_id: str, rules: Rules) -> Event:
    """Read what amends the start event of a service; raises Invalid with all faults."""
    event, faults = _event(_ASSOCIATION, body, rules)
    if not customer_id or "\0" in customer_id:
        # No body could hold such an id, and no data file.
        faults["customer_id"] = ["must not be empty, nor have a NUL, in the address"]
    elif event.given.setdefault("customer_id", customer_id) != customer_id:
        faults["customer_id"] = [
            f'must be the id of the address, "{customer_id}", or absent'
        ]
    return checked(event, faults)


def transition(
    body: Any, rules: Rules, inside: Mapping[str, Any] | None = None
) -> tuple[int, Event, Event]:
    """Read a transition: the id of the state that ends, its end, the start of the next.

    ``inside`` is the service, if its states are to be looked at. Raises Invalid with all
    faults.
    """
    event, faults = _event(_TRANSITION, body, rules)
    former, new = event.given.pop("from", {}), event.given.pop("to", {})
    ended, of_former = _own(_FORMER, former, rules, "from.")
    begun, of_new = _own(_NEW, new, rules, "to.")
    if inside is not None and "state_id" in ended:
        of_former |= strange_states(inside, {"from.state_id": ended["state_id"]})
    for name in ("from", "to"):
        if name in faults:
            of_former, of_new = _without(of_former, name), _without(of_new, name)
    checked(event, faults | of_former | of_new)
    id_ = ended.pop("state_id")
    return (
        id_,
        Event(event.given | ended, {}),
        Event(event.given | begun | {"previous_state_id": id_}, event.values),
    )


def strange_states(service: Mapping[str, Any], ids: Mapping[str, int]) -> Faults:
    """Return the faults of those ``ids``, by place, that are no states of ``service``."""
    arrays = ("active_states", "completed_states")
    known = {each["state_id"] for name in arrays for each in service[name]}
    number = service["service_id"]
    return {
        name: [f"there is no state {id_} in service {number}"]
        for name, id_ in ids.items()
        if id_ not in known
    }


def _without(faults: Faults, part: str) -> Faults:
    return {n: each for n, each in faults.items() if not n.startswith(f"{part}.")}


def _event(schema: Schema, body: Any, rules: Rules) -> tuple[Event, Faults]:
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object with the members of an event")
    own = {name: each for name, each in body.items() if name in _names(schema)}
    given, faults = _mapped(*members(schema, own), rules)
    values: dict[str, Any] = {}
    strange = []
    others = [each for each in body if each not in own]
    extensions = rules.values() if others else {}
    for name in others:
        extension = extensions.get(folded(name))
        if extension is None:
            strange.append(name)
        elif extension.name in values:
            faults[name] = ["stands in the body twice, in another case"]
        elif body[name] is not None:
            try:
                values[extension.name] = extension.whole(body[name])
            except Invalid as error:
                faults |= {n: list(each) for n, each in error.faults.items()}
    known = [*_names(schema), *(each.name for each in extensions.values())]
    faults |= unknown(strange, known, "a member here nor a known extension")
    return Event(given, values), faults


def _own(
    schema: Schema, raw: Mapping[str, Any], rules: Rules, prefix: str
) -> tuple[dict[str, Any], Faults]:
    """Read an object that has no members but its own."""
    given, faults = _mapped(*members(schema, raw), rules)
    names = _names(schema)
    faults |= unknown(raw, names, f"a member here; there are {', '.join(names)}")
    return given, {f"{prefix}{name}": each for name, each in faults.items()}


def _mapped(
    given: dict[str, Any], faults: Faults, rules: Rules
) -> tuple[dict[str, Any], Faults]:
    for name in TYPED:
        if name in given:
            try:
                given[name] = rules.mapped(name, given[name])
            except ValueError as error:
                faults[name] = [str(error)]
    return given, faults


@cache
def _names(schema: Schema) -> tuple[str, ...]:
    return tuple(each.data_key or name for name, each in schema.load_fields.items())


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document of a service that a data file or an import has.

    ``number`` is its id and ``moment`` its start if it has none. Members that are no field
    are extension values; whether they fit a schema is not looked at, for a file may come
    before the schema. Raises Invalid with all faults.
    """
    if not isinstance(raw, dict):
        raise Invalid("a service must be a JSON object")
    raw = {"service_id": number, "started": {"timestamp": moment}} | _present(raw)
    given, faults = _resource(SERVICES, raw, None)
    service_id = given.get("service_id", number)
    for name in ARRAYS:
        level = STATES if name.endswith("states") else TASKS
        nested = []
        for index, each in enumerate(given.get(name, ())):
            resource, of_nested = _nested(level, each, service_id, name)
            at = f"{name}.{index}"
            faults |= {f"{at}.{n}" if n else at: f for n, f in of_nested.items()}
            nested.append(level.arranged(resource))
        given[name] = nested
    checked(given, faults)
    for level in (STATES, TASKS):
        arrays = [name for name in ARRAYS if name.endswith(level.name)]
        ids = [each[level.id] for name in arrays for each in given[name]]
        if len(set(ids)) < len(ids):
            [(twice, _)] = Counter(ids).most_common(1)
            fault = [f"{level.id} {twice} is there twice"]
            raise Invalid(f"{arrays[0]}: {fault[0]}", {arrays[0]: fault})
        for name in arrays:
            given[name].sort(key=lambda each: place(level, each))
    for name in ARRAYS:
        for index, each in enumerate(given[name]):
            strange = strange_states(
                given,
                {n: each[n] for n in ("state_id", "previous_state_id") if n in each},
            )
            faults |= {f"{name}.{index}.{n}": fault for n, fault in strange.items()}
    checked(given, faults)
    return SERVICES.arranged(given)


def place(level: Level, resource: Mapping[str, Any]) -> tuple[str, int]:
    """Return where ``resource`` stands among its like: by start time, then id."""
    return resource["started"]["timestamp"], resource[level.id]


def _nested(
    level: Level, raw: Any, service_id: int, array: str
) -> tuple[dict[str, Any], Faults]:
    if not isinstance(raw, dict):
        return {}, {"": [f"must be an object, not {type_name(raw)}"]}
    given, faults = _resource(level, _present(raw), array)
    if given.setdefault("service_id", service_id) != service_id:
        faults["service_id"] = [f"must be {service_id}, that of the service, or absent"]
    return given, faults


def _present(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in raw.items() if each is not None}


def _resource(
    level: Level, raw: dict[str, Any], array: str | None
) -> tuple[dict[str, Any], Faults]:
    """Read a stored resource; ``array`` is where it stands inside of a service."""
    given, faults = members(level.stored, raw)
    for name in ("started", "completed"):
        if name in given:
            event, of_event = members(_EVENT, given[name])
            strange = unknown(given[name], EVENT_MEMBERS, "a member of an event")
            if "timestamp" not in event:
                of_event.setdefault("timestamp", ["is required"])
            of_event |= strange
            faults |= {f"{name}.{n}": each for n, each in of_event.items()}
            given[name] = event
    if array and ("completed" in given) != array.startswith("completed"):
        only = "must" if array.startswith("completed") else "must not"
        faults.setdefault("completed", [f"{only} be there in {array}"])
    if "completed" not in given:
        for name in ("duration", "disposition", "disposition_desc"):
            if name in given:
                faults[name] = ["must be absent: only what is completed has it"]
    elif not faults:
        moments = given["started"]["timestamp"], given["completed"]["timestamp"]
        given.setdefault("duration", duration(*moments))
    names = _names(level.stored)
    others = {name: each for name, each in raw.items() if name not in names}
    faults |= dict(_strange(others, names, level))
    return given | {name: copied(each) for name, each in others.items()}, faults


def _strange(
    others: Mapping[str, Any], names: Sequence[str], level: Level
) -> Iterator[tuple[str, list[str]]]:
    """Return the faults of members that are no fields and cannot be extension values."""
    all_folded = [folded(name) for name in others]
    for name, value in others.items():
        records = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in records):
            what = f"a member of a {level.noun} nor an object or array of objects"
            yield from unknown([name], names, what).items()
        elif folded(name) in level.reserved or all_folded.count(folded(name)) > 1:
            yield name, ["cannot be the name of an extension here, it is taken"]
