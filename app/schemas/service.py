"""Services, states and tasks: what their events may hold, and what is stored of them.

The three resources are alike; a ``Level`` says where they differ. A stored service is what
a reply shows with everything asked for: its states and tasks are inside it, split by
active and completed, and each extension value is a member named after its schema.

Context-services contract, sections 1 and 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import EXCLUDE, validate

from app.errors import Faults
from app.query import Field, Fields
from app.query.values import DATE, INTEGER, PRESENCE, TEXT
from app.schemas.base import Nested, Schema, Value
from app.schemas.value_types import INTERACTION, KEY, MOMENT, NUMBER, TYPE

NAME = "services"

ARRAYS = ("active_states", "completed_states", "active_tasks", "completed_tasks")
"""The members of a service that hold its states and tasks."""

ASKED_FOR = (*ARRAYS, "interactions")
"""The members of a service that are shown when a parameter of that name asks for them."""

# fmt: off
TYPED = (
    "service_type", "state_type", "task_type", "application_type", "resource_type",
    "media_type", "disposition",
)
# fmt: on
"""The fields that business attributes can be mapped to."""


def _at_most(length: int) -> validate.Length:
    return validate.Length(max=length, error=f"may have {length} characters at most")


def duration_field() -> Value:
    """Return a field for a duration, in its own unit."""
    return Value(INTEGER, validate=validate.Range(min=0, error="must be 0 or more"))


def description_field() -> Value:
    """Return a field for a disposition in words."""
    return Value(TEXT, validate=_at_most(256))


class EventSchema(Schema):
    """What every event may hold, and what is kept of it as ``started``, ``completed``."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {
        "type": "the body must be a JSON object with the members of an event"
    }

    timestamp = Value(MOMENT)
    session_id = Value(TEXT, validate=_at_most(32))
    interaction_id = Value(INTERACTION, validate=_at_most(50))
    application_type = Value(TYPE)
    application_id = Value(TYPE)
    resource_type = Value(TYPE)
    resource_id = Value(TYPE)
    media_type = Value(TYPE)


class ServiceStartSchema(EventSchema):
    """The start of a service."""

    service_type = Value(TYPE, required=True)
    customer_id = Value(KEY)
    contact_key = Value(KEY)
    est_duration = duration_field()


class AssociationSchema(ServiceStartSchema):
    """What an association amends of the start of a service."""

    service_type = Value(TYPE)


class StateStartSchema(EventSchema):
    """The start of a state."""

    state_type = Value(TYPE, required=True)
    previous_state_id = Value(NUMBER)
    est_duration = duration_field()


class TaskStartSchema(EventSchema):
    """The start of a task."""

    task_type = Value(TYPE, required=True)
    state_id = Value(NUMBER)
    est_duration = duration_field()


class EndSchema(EventSchema):
    """The end of a service; here and in what follows ids are those of the address."""

    disposition = Value(TYPE)
    disposition_desc = description_field()
    service_id = Value(NUMBER)


class StateEndSchema(EndSchema):
    """The end of a state."""

    state_id = Value(NUMBER)


class TaskEndSchema(EndSchema):
    """The end of a task."""

    task_id = Value(NUMBER)


class FormerStateSchema(Schema):
    """The state that a transition ends."""

    component = "FormerState"
    error_messages = {
        "unknown": "is not a member here; there are state_id, disposition, "
        "disposition_desc"
    }
    state_id = Value(NUMBER, required=True)
    disposition = Value(TYPE)
    disposition_desc = description_field()


class NewStateSchema(Schema):
    """The state that a transition starts."""

    component = "NewState"
    error_messages = {
        "unknown": "is not a member here; there are state_type, est_duration"
    }
    state_type = Value(TYPE, required=True)
    est_duration = duration_field()


class TransitionSchema(EventSchema):
    """A transition; both states share its event. The id is that of the address."""

    service_id = Value(NUMBER)
    former = Nested(FormerStateSchema, data_key="from", required=True)
    new = Nested(NewStateSchema, data_key="to", required=True)


ASSOCIATION, TRANSITION = AssociationSchema(), TransitionSchema()

EVENT_MEMBERS = frozenset(EventSchema().names)
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
    members: tuple[str, ...]
    declared: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "declared", frozenset(self.members))

    @property
    def reserved(self) -> frozenset[str]:
        """The names that no extension schema may have. Contract, section 4."""
        events = [self.start, self.end]
        if self is STATES:
            events.append(TRANSITION)
        return self.declared.union(*(event.names for event in events))

    def arranged(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``resource`` with its members in order, extension values last."""
        first = {name: resource[name] for name in self.members if name in resource}
        return {**first, **resource}


# fmt: off
_REST = (
    "started", "completed", "est_duration", "duration", "disposition",
    "disposition_desc",
)
# fmt: on

SERVICES = Level(
    name="services",
    noun="service",
    id="service_id",
    type="service_type",
    start=ServiceStartSchema(),
    end=EndSchema(),
    members=("service_id", "service_type", "customer_id", "contact_key")
    + _REST
    + ASKED_FOR,
)
STATES = Level(
    name="states",
    noun="state",
    id="state_id",
    type="state_type",
    start=StateStartSchema(),
    end=StateEndSchema(),
    members=("state_id", "state_type", "service_id", "previous_state_id")
    + _REST
    + ("active_tasks", "completed_tasks"),
)
TASKS = Level(
    name="tasks",
    noun="task",
    id="task_id",
    type="task_type",
    start=TaskStartSchema(),
    end=TaskEndSchema(),
    members=("task_id", "task_type", "service_id", "state_id") + _REST,
)
LEVEL_OF = {name: STATES if name.endswith("states") else TASKS for name in ARRAYS}
"""The level of what each array of a service holds."""

LEVELS = {level.name: level for level in (SERVICES, STATES, TASKS)}

FIELDS = Fields(
    types={
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
    known = {state["state_id"] for name in arrays for state in service[name]}
    number = service["service_id"]
    return Faults(
        {
            name: [f"there is no state {id_} in service {number}"]
            for name, id_ in ids.items()
            if id_ not in known
        }
    )


def place(level: Level, resource: Mapping[str, Any]) -> tuple[str, int]:
    """Return the sort position of ``resource`` among its like: start time, then id."""
    return resource["started"]["timestamp"], resource[level.id]


def with_typed(
    members: Mapping[str, Any], convert: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """Return ``members`` with ``convert`` of the values of mapped fields, of events too."""
    converted = dict(members)
    for name, value in members.items():
        if name in TYPED:
            converted[name] = convert(name, value)
        elif name in ("started", "completed") and isinstance(value, dict):
            converted[name] = with_typed(value, convert)
    return converted
