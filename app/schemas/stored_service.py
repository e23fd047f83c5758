"""Services as a data file or an import has them, and the documents made of them.

What a person leaves out is completed, and all that is wrong is reported with its place.
Context-services contract, sections 1 and 4.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from marshmallow import INCLUDE, RAISE, validates_schema

from app.datetimes import duration
from app.errors import Faults
from app.query.values import ARRAY
from app.schemas.base import Hints, List, Nested, Schema, Value, refuse, unknown
from app.schemas.extension import folded
from app.schemas.service import (
    LEVEL_OF,
    SERVICES,
    STATES,
    TASKS,
    EventSchema,
    Level,
    description_field,
    duration_field,
    place,
    strange_states,
)
from app.schemas.value_types import KEY, MOMENT, NUMBER, TYPE


class StoredEventSchema(EventSchema):
    """A start or an end as a data file has it."""

    class Meta:
        unknown = RAISE

    noun = "an event"
    timestamp = Value(MOMENT, required=True, error_messages={"null": "is required"})


class _ResourceSchema(Schema):
    """What the three resources have; other members are extension values."""

    class Meta:
        unknown = INCLUDE

    level: Level
    started = Nested(StoredEventSchema, required=True)
    completed = Nested(StoredEventSchema)
    est_duration = duration_field()
    duration = duration_field()
    disposition = Value(TYPE)
    disposition_desc = description_field()

    def parsed(
        self, data: Any, partial: bool = False, left: Hints | None = None
    ) -> tuple[dict[str, Any], Faults]:
        """Return what ``Schema.parsed`` does; no null is an extension value."""
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if value is not None}
        return super().parsed(data, partial, left)

    @validates_schema(skip_on_field_errors=False)
    def check_completion(self, resource: dict[str, Any], **_: Any) -> None:
        """Complete the duration; raise ValidationError for what only an end has."""
        if "completed" in resource:
            events = (resource.get(name, {}) for name in ("started", "completed"))
            moments = [event.get("timestamp") for event in events]
            if all(moments):
                resource.setdefault("duration", duration(*moments))
            return
        names = ("duration", "disposition", "disposition_desc")
        fault = "must be absent: only what is completed has it"
        refuse({name: [fault] for name in names if name in resource})

    @validates_schema(skip_on_field_errors=False)
    def check_others(self, resource: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError for members that cannot be extension values."""
        faults = Faults()
        others = {n: value for n, value in resource.items() if n not in self.names}
        if not others:
            return
        reserved = self.level.reserved
        times = Counter(map(folded, others))
        strange = [name for name, value in others.items() if not _is_value(value)]
        for name in others:
            taken = folded(name) in reserved or times[folded(name)] > 1
            if taken and name not in strange:
                faults[name] = ["cannot be the name of an extension here, it is taken"]
        what = (
            f"is not a member of a {self.level.noun} nor an object or array of objects"
        )
        faults.include(unknown(strange, self.names, what))
        refuse(faults)


class StateSchema(_ResourceSchema):
    """A state inside a service."""

    level = STATES
    service_id = Value(NUMBER)
    state_id = Value(NUMBER, required=True)
    state_type = Value(TYPE, required=True)
    previous_state_id = Value(NUMBER)


class TaskSchema(_ResourceSchema):
    """A task inside a service."""

    level = TASKS
    service_id = Value(NUMBER)
    task_id = Value(NUMBER, required=True)
    task_type = Value(TYPE, required=True)
    state_id = Value(NUMBER)


class ServiceSchema(_ResourceSchema):
    """A service as a data file or an import has it."""

    noun = "a service"
    level = SERVICES
    service_id = Value(NUMBER)
    service_type = Value(TYPE, required=True)
    customer_id = Value(KEY)
    contact_key = Value(KEY)
    active_states = List(Nested(StateSchema), load_default=list)
    completed_states = List(Nested(StateSchema), load_default=list)
    active_tasks = List(Nested(TaskSchema), load_default=list)
    completed_tasks = List(Nested(TaskSchema), load_default=list)
    interactions = Value(ARRAY)

    @validates_schema(skip_on_field_errors=False)
    def check_nested(self, service: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError for what does not fit its service or its array."""
        faults = Faults()
        for array, level, index, resource in _nested(service):
            at = f"{array}.{index}"
            known = service.get("service_id")
            if known is not None and resource.get("service_id", known) != known:
                fault = f"must be {known}, that of the service, or absent"
                faults[f"{at}.service_id"] = [fault]
            is_completed = array.startswith("completed")
            if ("completed" in resource) != is_completed:
                only = "must" if is_completed else "must not"
                faults[f"{at}.completed"] = [f"{only} be there in {array}"]
        refuse(faults)

    @validates_schema
    def check_ids(self, service: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError for ids that are there twice, or of no state."""
        faults = Faults()
        for level in (STATES, TASKS):
            times_of = Counter(
                resource[level.id]
                for _, of, _, resource in _nested(service)
                if of is level
            )
            for id_, times in times_of.most_common(1):
                if times > 1:
                    fault = f"{level.id} {id_} is there twice"
                    faults[f"active_{level.name}"] = [fault]
        for array, level, index, resource in _nested(service):
            names = ("state_id", "previous_state_id")
            ids = {n: resource[n] for n in names if n in resource}
            faults.include(strange_states(service, ids), f"{array}.{index}.")
        refuse(faults)


_SERVICE = ServiceSchema()


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document of a service that a data file or an import has.

    ``number`` is its id and ``moment`` its start if it has none. Members that are no field
    are extension values; whether they fit a schema is not looked at, for a file may come
    before the schema. Raises Invalid with all faults.
    """
    if isinstance(raw, dict):
        given = {name: value for name, value in raw.items() if value is not None}
        raw = {"service_id": number, "started": {"timestamp": moment}} | given
    service = _SERVICE.load(raw)
    for array, level, index, resource in _nested(service):
        resource.setdefault("service_id", service["service_id"])
        service[array][index] = level.arranged(resource)
    for array, level in LEVEL_OF.items():
        service[array].sort(key=partial(place, level))
    return SERVICES.arranged(service)


def _nested(service: Any) -> Iterator[tuple[str, Level, int, dict[str, Any]]]:
    """Return the array, the level, the place and the document of what is in a service."""
    for array, level in LEVEL_OF.items():
        for index, resource in enumerate(service.get(array, ())):
            if resource:
                yield array, level, index, resource


def _is_value(value: Any) -> bool:
    records = value if isinstance(value, list) else [value]
    return all(isinstance(record, dict) for record in records)
