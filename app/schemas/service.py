"""Services, states and tasks: what their events may hold, and what is stored of them.

The three resources are alike; a ``Level`` says where they differ. A stored service is what
a reply shows with everything asked for: its states and tasks stand inside it, split by
active and completed, and each extension value is a member named after its schema.

Context-services contract, sections 1 and 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from marshmallow import Schema, validate

from app.errors import Faults
from app.query import Field, Fields
from app.query.values import ARRAY, DATE, INTEGER, OBJECT, PRESENCE, TEXT
from app.schemas.fields import Valued
from app.schemas.kinds import INTERACTION, KEY, MOMENT, NUMBER, TYPE

NAME = "services"

ARRAYS = ("active_states", "completed_states", "active_tasks", "completed_tasks")
"""The members of a service that hold its states and tasks."""

ASKED_FOR = (*ARRAYS, "interactions")
"""The members of a service that are shown when a parameter of that name asks for them."""

TYPED = (
    *("service_type", "state_type", "task_type", "application_type"),
    *("resource_type", "media_type", "disposition"),
)
"""The fields that business attributes can be mapped to."""


def duration(started: str, completed: str) -> int:
    """Return the milliseconds between two date-times, 0 if the second is the earlier."""
    passed = datetime.fromisoformat(completed) - datetime.fromisoformat(started)
    return max(0, passed // _MILLISECOND)


_MILLISECOND = datetime.resolution * 1000


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
    """What every end may hold."""

    disposition = Valued(TYPE)
    disposition_desc = Valued(TEXT, validate=_at_most(256))


class ServiceEndSchema(EndSchema):
    """The end of a service; ids are those of the address."""

    service_id = Valued(NUMBER)


class StateEndSchema(EndSchema):
    """The end of a state; ids are those of the address."""

    service_id = Valued(NUMBER)
    state_id = Valued(NUMBER)


class TaskEndSchema(EndSchema):
    """The end of a task; ids are those of the address."""

    service_id = Valued(NUMBER)
    task_id = Valued(NUMBER)


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
    """A transition; both states share its event. The id is that of the address."""

    service_id = Valued(NUMBER)
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


EVENT = EventSchema()
ASSOCIATION, TRANSITION = AssociationSchema(), TransitionSchema()
FORMER, NEW = FormerStateSchema(), NewStateSchema()

EVENT_MEMBERS = frozenset(EVENT.load_fields)
"""What ``started`` and ``completed`` show of an event."""


@dataclass(frozen=True, slots=True)
class Level:
    """One of the three resources; ``members`` is the order of their members in replies."""

    name: str
    noun: str
    id: str
    type: str
    start: Schema
    end: Schema
    stored: Schema
    members: tuple[str, ...]
    declared: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "declared", frozenset(self.members))

    @property
    def reserved(self) -> frozenset[str]:
        """The names that no extension schema may have. Contract, section 4."""
        events = (self.start, self.end, *((TRANSITION,) if self is STATES else ()))
        return self.declared.union(*map(names, events))

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
    ServiceEndSchema(),
    ServiceSchema(),
    (
        *("service_id", "service_type", "customer_id", "contact_key"),
        *(*_REST, *ASKED_FOR),
    ),
)
STATES = Level(
    *("states", "state", "state_id", "state_type"),
    StateStartSchema(),
    StateEndSchema(),
    StateSchema(),
    (
        *("state_id", "state_type", "service_id", "previous_state_id"),
        *(*_REST, "active_tasks", "completed_tasks"),
    ),
)
TASKS = Level(
    *("tasks", "task", "task_id", "task_type"),
    TaskStartSchema(),
    TaskEndSchema(),
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


def strange_states(service: Mapping[str, Any], ids: Mapping[str, int]) -> Faults:
    """Return the faults of those ``ids``, by place, that are no states of ``service``."""
    arrays = ("active_states", "completed_states")
    known = {each["state_id"] for name in arrays for each in service[name]}
    number = service["service_id"]
    return Faults(
        {
            name: [f"there is no state {id_} in service {number}"]
            for name, id_ in ids.items()
            if id_ not in known
        }
    )


@cache
def names(schema: Schema) -> tuple[str, ...]:
    """Return the names that the members of ``schema`` have in JSON."""
    return tuple(each.data_key or name for name, each in schema.load_fields.items())


def place(level: Level, resource: Mapping[str, Any]) -> tuple[str, int]:
    """Return where ``resource`` stands among its like: by start time, then id."""
    return resource["started"]["timestamp"], resource[level.id]
